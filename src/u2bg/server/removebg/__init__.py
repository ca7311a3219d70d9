"""remove.bg's contract, version 1.0: what may be asked, where the subject goes, what is answered."""
