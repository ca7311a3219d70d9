"""The one table of picture formats. What a file is, is told by its first bytes, never by its name."""

from __future__ import annotations

from dataclasses import dataclass

from u2bg.errors import NotAPicture, UnknownName


@dataclass(frozen=True, slots=True)
class Format:
    """One row: a kind of picture.

    Attributes:
        name: what people type after `--format`, and read in messages.
        pillow: the name of the decoder that may open it; no other decoder is tried.
        suffixes: file name endings, lower case; the first is the one we write.
        signatures: (offset, bytes) pairs; any one of them at its place marks a file of this kind. None where the
            kind is written only.
        written: whether u2bg writes it.
        transparent: whether it can hold an alpha channel.
        deep: whether 16 bits a channel are read and written.
        layered: whether the cut-out and its background are layers of their own in it.
        extra: the extra that reads it (and writes it, if it is written); empty where none is needed.
    """

    name: str
    pillow: str
    suffixes: tuple[str, ...]
    signatures: tuple[tuple[int, bytes], ...]
    written: bool = False
    transparent: bool = False
    deep: bool = False
    layered: bool = False
    extra: str = ""


PNG = Format("png", "PNG", (".png",), ((0, b"\x89PNG\r\n\x1a\n"),), written=True, transparent=True, deep=True)
JPEG = Format("jpg", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), ((0, b"\xff\xd8\xff"),), written=True)
WEBP = Format("webp", "WEBP", (".webp",), ((8, b"WEBPVP8"),), written=True, transparent=True)
AVIF = Format(
    "avif", "AVIF", (".avif",), ((4, b"ftypavif"), (4, b"ftypavis")), written=True, transparent=True
)
TIFF = Format(
    "tiff",
    "TIFF",
    (".tif", ".tiff"),
    ((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")),
    written=True,
    transparent=True,
    deep=True,
)
PSD = Format(
    "psd",
    "PSD",
    (".psd", ".psb"),
    ((0, b"8BPS\0\x01"), (0, b"8BPS\0\x02")),
    written=True,
    transparent=True,
    deep=True,
    layered=True,
    extra="psd",
)
TIFF_LAYERS = Format(
    "tiff-layers",
    "TIFF",
    TIFF.suffixes,
    (),
    written=True,
    transparent=True,
    deep=True,
    layered=True,
    extra="psd",
)
"""A TIFF like any other, with Photoshop's layers beside its picture: asked for by its name, and read as TIFF."""

HEIC = Format(
    "heic",
    "HEIF",
    (".heic", ".heif", ".hif"),
    tuple((4, b"ftyp" + brand) for brand in (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc")),
    extra="heif",
)
RAW = Format(
    "raw",
    "",
    (".dng", ".nef", ".arw", ".cr2", ".cr3", ".raf", ".orf", ".rw2", ".pef", ".srw", ".x3f"),
    (
        *((0, b"II*\0\x10\0\0\0CR"), (4, b"ftypcrx"), (0, b"FUJIFILMCCD-RAW"), (0, b"FOVb")),
        *((0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR"), (0, b"IIU\0")),
    ),
    deep=True,
    extra="raw",
)
"""Camera files, read by rawpy. DNG, NEF and ARW begin like any TIFF: `reading` tells them apart."""

FORMATS = (
    PNG,
    JPEG,
    WEBP,
    AVIF,
    RAW,
    TIFF,
    TIFF_LAYERS,
    PSD,
    HEIC,
    Format("bmp", "BMP", (".bmp", ".dib"), ((0, b"BM"),)),
    Format("gif", "GIF", (".gif",), ((0, b"GIF87a"), (0, b"GIF89a"))),
    Format(
        "ppm",
        "PPM",
        (".ppm", ".pgm", ".pbm", ".pnm"),
        tuple((0, b"P%d%c" % (kind, space)) for kind in range(1, 7) for space in b" \t\n\r"),
    ),
)

SIGNATURE_BYTES = 16

READ_SUFFIXES = frozenset(suffix for row in FORMATS for suffix in row.suffixes)


def recognise(head: bytes) -> Format | None:
    """The format whose signature stands in the first `SIGNATURE_BYTES` bytes of a file, if any."""
    for row in FORMATS:
        for offset, signature in row.signatures:
            if head.startswith(signature, offset):
                return row
    return None


def require_format(head: bytes, what: str) -> Format:
    """`recognise`, or say what was found instead.

    Raises:
        NotAPicture: naming what the bytes look like, and the formats that can be read.
    """
    found = recognise(head)
    if found is None:
        got = "0 bytes" if not head else f"a file that begins with {_printable(head)}"
        kinds = ", ".join(row.name for row in FORMATS if row.signatures)
        raise NotAPicture(f"{what} is no picture: got {got}, expected one of {kinds}")
    return found


def written_format(name: str) -> Format:
    """The format of that name (`png`) or file suffix (`.png`), to write.

    Raises:
        UnknownName: when there is none, or u2bg only reads it.
    """
    known = {row.name: row for row in FORMATS if row.written}
    for row in known.values():
        if name == row.name or name.lower() in row.suffixes:
            return row
    raise UnknownName("output format", name, known)


def _printable(head: bytes) -> str:
    """The beginning of a file as people can read it: text as text, anything else in hexadecimal."""
    text = head[:8]
    if text.isascii() and all(32 <= byte < 127 for byte in text):
        return repr(text.decode())
    return text.hex(" ")
