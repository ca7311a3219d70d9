"""What u2bg's edges are measured beside: plain interpolation, and rembg with and without its matting option."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from edge_cases import Pixels
from edge_drawing import Floats
from measure import ROOT

REMBG_PYTHON = ROOT / ".venv" / "rembg" / "bin" / "python"


class Layers(NamedTuple):
    """A cut-out: (H, W) float32 alpha in [0, 1] and (H, W, 3) uint8 colours, as the file would hold them.

    `seconds` is what it took, where a process of its own kept the time.
    """

    alpha: Floats
    foreground: Pixels
    seconds: float | None = None


def bilinear(saliency_map: Floats, rgba: Pixels) -> Layers:
    """The map at the photo's size, and the photo's own colours."""
    return Layers(_resized(saliency_map, rgba, Image.Resampling.BILINEAR), rgba[..., :3])


def bicubic(saliency_map: Floats, rgba: Pixels) -> Layers:
    """Keys' cubic (1981, a = −1/2), cut off at 0 and 1."""
    return Layers(_resized(saliency_map, rgba, Image.Resampling.BICUBIC), rgba[..., :3])


def _resized(saliency_map: Floats, rgba: Pixels, kernel: Image.Resampling) -> Floats:
    height, width = rgba.shape[:2]
    return np.clip(np.array(Image.fromarray(saliency_map).resize((width, height), kernel)), 0, 1)


def rembg_mask(saliency_map: Floats, rgba: Pixels) -> Pixels:
    """rembg's mask: stretched to 0..1, cut to 8 bits, Lanczos on these (`../shared/design/PEERS.md` 1.5, 6 to 8)."""
    low, span = saliency_map.min(), np.ptp(saliency_map)
    small = np.zeros_like(saliency_map) if span == 0 else (saliency_map - low) / span
    picture = Image.fromarray((small * 255).astype(np.uint8))
    height, width = rgba.shape[:2]
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))


def rembg(saliency_map: Floats, rgba: Pixels) -> Layers:
    """rembg's default cut-out: colours come out multiplied by the mask and labelled as straight (1.5, 10a)."""
    mask = rembg_mask(saliency_map, rgba)
    picture = Image.fromarray(rgba)
    cut = np.asarray(Image.composite(picture, Image.new("RGBA", picture.size, 0), Image.fromarray(mask)))
    return _layers(cut)


def _layers(cut: Pixels, seconds: float | None = None) -> Layers:
    return Layers(cut[..., 3].astype(np.float32) / np.float32(255), cut[..., :3], seconds)


class MattingFailed(Exception):
    """rembg's matting option gave no answer."""


def rembg_matting(saliency_map: Floats, rgba: Pixels, timeout_s: float) -> Layers:
    """rembg's `-a` on the same mask, by rembg's own function in rembg's environment.

    Raises: MattingFailed: it failed, or took longer than `timeout_s`.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(source, pixels=rgba[..., :3], mask=rembg_mask(saliency_map, rgba))
        command = [
            str(REMBG_PYTHON),
            str(Path(__file__).with_name("edge_rembg.py")),
            str(source),
            str(target),
        ]
        try:
            subprocess.run(command, check=True, timeout=timeout_s, capture_output=True)
        except subprocess.TimeoutExpired as error:
            raise MattingFailed(f"no answer within {timeout_s:.0f} s") from error
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise MattingFailed(last[0] if last else f"exit code {error.returncode}") from error
        with np.load(target) as answer:
            cut, seconds = answer["cutout"], float(answer["seconds"])
    return _layers(cut, seconds)
