"""The doctor: what is installed, what is bound, what is here, how fast it is, and how to mend each of them."""

from u2bg.doctor.findings import Finding
from u2bg.doctor.visit import examine

__all__ = ["Finding", "examine"]
