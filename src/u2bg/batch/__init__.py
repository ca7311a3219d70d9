"""Many photos: which input becomes which output, and one after the other."""
