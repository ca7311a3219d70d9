"""Pictures in and out: every byte that is read or written as a picture passes through here."""

from u2bg.imaging.photo import Photo
from u2bg.imaging.reading import Source, read
from u2bg.imaging.writing import encode

__all__ = ["Photo", "Source", "encode", "read"]
