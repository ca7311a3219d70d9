"""The same pictures through rembg itself and through our door for its users; skipped where rembg is not installed."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from u2bg.compat.rembg import new_session, remove

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = sorted((ROOT / "examples").glob("*.jpg"))
MEAN_ALPHA = 1 / 255

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "mask": {"only_mask": True},
    "post": {"post_process_mask": True, "only_mask": True},
    "putalpha": {"putalpha": True},
    "bgcolor": {"bgcolor": (200, 30, 60, 255)},
}


def _rembgs() -> list[str]:
    """The Pythons in which rembg is installed: the benchmarks' one, and those that U2BG_TEST_REMBG names."""
    named = os.environ.get("U2BG_TEST_REMBG", "").split(os.pathsep)
    return [
        path
        for path in [str(ROOT / ".venv" / "rembg" / "bin" / "python"), *named]
        if path and Path(path).exists()
    ]


@pytest.fixture(
    params=_rembgs() or [""], ids=lambda path: "-".join(Path(path).parts[-4:-2]) if path else "none"
)
def rembg(
    request: pytest.FixtureRequest,
    published: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[list[dict[str, Any]]], None]:
    """`rembg(orders)` has rembg write its results; both find the published files in one folder of rembg's."""
    if not request.param:
        pytest.skip("needs rembg in .venv/rembg: make bench installs it")

    def run(orders: list[dict[str, Any]]) -> None:
        home = tmp_path / "rembg-home"
        home.mkdir()
        for model in {order["model"] for order in orders}:
            (home / f"{model}.onnx").symlink_to(published(model))
        (tmp_path / "orders.json").write_text(json.dumps(orders, default=str))
        script = Path(__file__).with_name("rembgs_results.py")
        subprocess.run([request.param, script, tmp_path / "orders.json"], check=True)

    return run


def pixels(content: bytes) -> npt.NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(content))).astype(np.int16)


def alpha(picture: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    return picture[..., 3] if picture.ndim == 3 else picture


def perceptual_hash(content: bytes) -> npt.NDArray[np.bool_]:
    """The 64 bits by which rembg's own test compares: signs of low frequencies around their median (pHash)."""
    from scipy.fft import dct

    grey = Image.open(io.BytesIO(content)).convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    low = dct(dct(np.asarray(grey, np.float64), axis=0), axis=1)[:8, :8]
    return np.asarray(low > np.median(low))


def orders_for(model: str, photos: list[Path], folder: Path) -> list[dict[str, Any]]:
    return [
        {
            "model": model,
            "picture": str(photo),
            "options": options,
            "to": str(folder / f"{photo.stem}-{name}.png"),
        }
        for photo in photos
        for name, options in OPTIONS.items()
        if name == "default" or photo == photos[0]
    ]


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize("model", ["u2netp", "u2net"])
def test_results_are_rembgs_own(
    model: str, rembg: Callable[[list[dict[str, Any]]], None], tmp_path: Path
) -> None:
    orders = orders_for(model, PHOTOS, tmp_path)
    rembg(orders)
    session = new_session(model)
    for order in orders:
        content, theirs = (
            remove(Path(order["picture"]).read_bytes(), session=session, **order["options"]),
            Path(order["to"]).read_bytes(),
        )
        ours, expected = pixels(content), pixels(theirs)
        assert ours.shape == expected.shape, order["to"]
        assert np.abs(alpha(ours) - alpha(expected)).mean() / 255 <= MEAN_ALPHA, order["to"]
        assert np.abs(ours - expected).mean() / 255 <= MEAN_ALPHA, order["to"]
        assert (perceptual_hash(content) == perceptual_hash(theirs)).all(), order["to"]


@pytest.mark.slow
@pytest.mark.weights
def test_alpha_matting_is_rembgs_own(rembg: Callable[[list[dict[str, Any]]], None], tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    Image.open(PHOTOS[0]).reduce(3).save(small)
    options = {"alpha_matting": True, "alpha_matting_erode_size": 7}
    rembg(
        [{"model": "u2netp", "picture": str(small), "options": options, "to": str(tmp_path / "theirs.png")}]
    )
    ours = remove(small.read_bytes(), session=new_session("u2netp"), **options)
    difference = np.abs(pixels(ours) - pixels((tmp_path / "theirs.png").read_bytes()))
    assert difference.mean() / 255 <= MEAN_ALPHA
