"""Pictures of several layers: PSD by psd-tools, and TIFF that carries Photoshop's layers by psdtags."""

from __future__ import annotations

import io
import logging
import struct
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.cores import usable_cores
from u2bg.errors import BadArray, BrokenPicture, MissingExtra
from u2bg.imaging import depth
from u2bg.imaging.kept import Kept

if TYPE_CHECKING:
    from psd_tools import PSDImage
    from psd_tools.api.layers import Layer as PsdLayer

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

EXTRA = "psd"
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_FIXED = 65_536
"""Resolutions are stored in 65,536ths of a dot per inch."""


class Layer(NamedTuple):
    """One layer: its name, and (H, W, 3) or (H, W, 4) of the picture's size and type."""

    name: str
    pixels: Pixels


# Out


def psd(
    pixels: Pixels, layers: list[Layer], icc: bytes | None, dpi: tuple[float, float] | None, kept: Kept
) -> bytes:
    """The bytes of a PSD file: `layers` from the lowest to the highest, and `pixels`, all of them laid together.

    Raises:
        MissingExtra: without psd-tools.
    """
    try:
        from psd_tools import PSDImage
        from psd_tools.constants import Compression
        from psd_tools.psd.image_data import ImageData
    except ImportError as error:
        raise MissingExtra("writing PSD", EXTRA) from error
    deep = pixels.dtype == np.uint16
    planes = _on_white(pixels if pixels.ndim == 3 else pixels[..., None])
    mode = _MODES[planes.shape[2]] if not layers else "RGBA"  # only there do layers keep their alpha
    if mode == "RGBA" and planes.shape[2] == 3:
        planes = np.dstack([planes, np.full(planes.shape[:2], np.iinfo(planes.dtype).max, planes.dtype)])
    document = PSDImage.new(mode, (planes.shape[1], planes.shape[0]), depth=16 if deep else 8)
    for layer in layers:
        if deep:
            document.create_pixel_layer_from_array(layer.pixels, layer.name)
        else:
            document.create_pixel_layer(Image.fromarray(layer.pixels), layer.name)
    merged = ImageData(compression=Compression.RLE)
    stored = planes.astype(planes.dtype.newbyteorder(">"))
    merged.set_data(
        [stored[..., plane].tobytes() for plane in range(stored.shape[2])], document._record.header
    )
    document._record.image_data = merged
    info = document._record.layer_and_mask_information.layer_info
    if info is not None:
        info.layer_count = -abs(info.layer_count)  # the fourth plane is transparency, not a saved selection
    _describe(document, icc, dpi, kept)
    file = io.BytesIO()
    document._record.write(file)
    return file.getvalue()


def tiff_tag(layers: list[Layer]) -> Any:
    """What tifffile takes as `extratags` to put these layers into a little-endian TIFF, as Photoshop does.

    Raises:
        MissingExtra: without psdtags.
    """
    try:
        import psdtags
    except ImportError as error:
        raise MissingExtra("writing TIFF with layers", EXTRA) from error
    height, width = layers[0].pixels.shape[:2]
    deep = layers[0].pixels.dtype == np.uint16
    channels = (
        psdtags.PsdChannelId.CHANNEL0,
        psdtags.PsdChannelId.CHANNEL1,
        psdtags.PsdChannelId.CHANNEL2,
        psdtags.PsdChannelId.TRANSPARENCY_MASK,
    )

    def stored(layer: Layer) -> Any:
        opaque = np.full((height, width), np.iinfo(layer.pixels.dtype).max, layer.pixels.dtype)
        planes = np.dstack([layer.pixels, opaque][: 5 - layer.pixels.shape[2]])
        return psdtags.PsdLayer(
            name=layer.name,
            rectangle=psdtags.PsdRectangle(0, 0, height, width),
            channels=[
                psdtags.PsdChannel(channel, psdtags.PsdCompressionType.ZIP, planes[..., number])
                for number, channel in enumerate(channels)
            ],
        )

    return psdtags.TiffImageSourceData(
        psdformat=psdtags.PsdFormat.LE32BIT,
        layers=psdtags.PsdLayers(
            key=psdtags.PsdKey.LAYER_16 if deep else psdtags.PsdKey.LAYER,
            layers=[stored(layer) for layer in layers],
            has_transparency=True,
        ),
        usermask=psdtags.PsdUserMask(),
    ).tifftag(maxworkers=usable_cores())


def _on_white(pixels: Pixels) -> Pixels:
    """Colours as the merged picture of a PSD has them: laid on white, with their alpha beside them."""
    if pixels.shape[2] != 4:
        return pixels
    most = np.uint32(np.iinfo(pixels.dtype).max)
    alpha = pixels[..., 3:].astype(np.uint32)
    laid = (pixels[..., :3] * alpha + most * (most - alpha) + most // 2) // most
    return np.dstack([laid.astype(pixels.dtype), pixels[..., 3]])


def _describe(document: PSDImage, icc: bytes | None, dpi: tuple[float, float] | None, kept: Kept) -> None:
    from psd_tools.constants import Resource
    from psd_tools.psd.image_resources import ImageResource, ResoulutionInfo

    found: dict[Resource, Any] = {
        Resource.ICC_PROFILE: icc,
        Resource.EXIF_DATA_1: kept.exif,
        Resource.XMP_METADATA: kept.xmp,
    }
    if dpi:
        across, down = (round(value * _FIXED) for value in dpi)
        found[Resource.RESOLUTION_INFO] = ResoulutionInfo(across, 1, 1, down, 1, 1)
    for key, value in found.items():
        if value:
            document.image_resources[key] = ImageResource(key=key, data=value)


# In


def size(content: bytes) -> tuple[int, int]:
    """(width, height) that the header of a PSD or PSB promises."""
    height, width = struct.unpack_from(">II", content, 14)
    return width, height


def opened(content: bytes, what: str) -> tuple[Image.Image, depth.Deep | None]:
    """A PSD as a Pillow picture with all that it tells of itself, and its pixels of 16 bits, if it has them.

    The picture is that of the only layer, where there is but one and it is plain, else the merged one in the file.

    Raises:
        MissingExtra: without psd-tools. BadArray: 32 bits a channel. BrokenPicture: damaged, or without a merged
        picture.
    """
    try:
        from psd_tools import PSDImage
    except ImportError as error:
        raise MissingExtra("reading PSD", EXTRA) from error
    logging.getLogger("psd_tools").setLevel(logging.CRITICAL)  # what it would log is raised here
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # psd-tools fills with black what is not there, and warns
            document = PSDImage.open(io.BytesIO(content))
            _require_whole(document)
            if document.depth == 32:
                raise BadArray(
                    f"{what} has 32-bit float pixels; expected 8 or 16 bits; fix: convert it first"
                )
            picture, deep = _of_layer(document) or _merged(document, what)
    except (BadArray, BrokenPicture):
        raise
    except Exception as error:  # whatever its parsers raise for a damaged file
        raise ValueError(str(error) or type(error).__name__) from error
    picture.info.update(_described(document))
    return picture, deep


def _require_whole(document: PSDImage) -> None:
    """Refuse a file that is cut off in its merged picture, its last part: psd-tools makes black of missing rows."""
    from psd_tools.constants import Compression

    header, merged = document._record.header, document._record.image_data
    rows = header.height * header.channels
    expected = rows * ((header.width * header.depth + 7) // 8)
    if merged.compression == Compression.RLE:
        count = np.dtype(">u2" if header.version == 1 else ">u4")
        expected = rows * count.itemsize + int(np.frombuffer(merged.data, count, rows).sum())
    if merged.compression in {Compression.RAW, Compression.RLE} and len(merged.data) < expected:
        raise ValueError(f"got {len(merged.data):,} bytes of its merged picture, expected {expected:,}")


def _of_layer(document: PSDImage) -> tuple[Image.Image, depth.Deep | None] | None:
    """The only layer on the empty canvas, whose colours are its own to the last bit; None where it is not so simple."""
    layer: Any = document[0] if len(document) == 1 else None
    if layer is None or not _is_plain(layer) or document.color_mode.name != "RGB":
        return None
    image = layer.topil(apply_icc=False)
    if image is None:
        return None
    canvas = Image.new("RGBA", document.size)
    canvas.paste(image.convert("RGBA"), layer.offset)
    if document.depth != 16:
        return canvas, None
    deep = np.zeros((document.height, document.width, 4), np.uint16)
    top, left = max(0, layer.top), max(0, layer.left)
    inside = _levels(layer.numpy("color"), layer.numpy("shape"))[top - layer.top :, left - layer.left :]
    inside = inside[: document.height - top, : document.width - left]
    deep[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return canvas, deep


def _is_plain(layer: PsdLayer) -> bool:
    """Whether what is seen of a layer are its pixels, and nothing else."""
    return (
        layer.kind == "pixel"
        and layer.visible
        and layer.opacity == 255
        and layer.blend_mode.name == "NORMAL"
        and not (layer.has_mask() or layer.has_vector_mask() or layer.has_effects() or layer.clipping)
    )


def _merged(document: PSDImage, what: str) -> tuple[Image.Image, depth.Deep | None]:
    picture = document.topil(apply_icc=False)
    if picture is None:
        raise BrokenPicture(
            f"{what} was saved without its merged picture; "
            "fix: save it again with the widest compatibility (Photoshop: Maximize Compatibility)"
        )
    if document.depth != 16 or document.color_mode.name not in {"RGB", "GRAYSCALE"}:
        return picture, None
    return picture, _levels(document.numpy("color"), document.numpy("shape"))


def _levels(colours: NDArray[Any], shape: NDArray[Any]) -> depth.Deep:
    """(H, W, 3) or grey (H, W, 1), and alpha (H, W, 1), in [0, 1], as (H, W, 4) uint16."""
    return depth.levels(np.dstack([np.broadcast_to(colours, (*colours.shape[:2], 3)), shape]))


def _described(document: PSDImage) -> dict[str, Any]:
    """Profile, resolution, EXIF and XMP, under the names that Pillow gives them."""
    from psd_tools.constants import Resource

    found = {
        "icc_profile": document.image_resources.get_data(Resource.ICC_PROFILE),
        "exif": document.image_resources.get_data(Resource.EXIF_DATA_1),
        "xmp": document.image_resources.get_data(Resource.XMP_METADATA),
    }
    resolution = document.image_resources.get_data(Resource.RESOLUTION_INFO)
    if resolution is not None:
        found["dpi"] = (resolution.horizontal / _FIXED, resolution.vertical / _FIXED)
    return {name: value for name, value in found.items() if value}
