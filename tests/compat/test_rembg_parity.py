"""The same pictures through rembg itself and through our door for its users; skipped where rembg is not installed."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.compat import rembgs
from tests.onnx_files import mixture
from u2bg.compat.rembg import new_session, remove
from u2bg.saliency.models import MODELS, ReleaseFile

PHOTOS = sorted((rembgs.ROOT / "examples").glob("*.jpg"))
MEAN_ALPHA = 1 / 255
Rembg = Callable[..., None]

UNPUBLISHED_HERE = [name for name, spec in MODELS.items() if spec.origins and name not in {"u2net", "u2netp"}]
"""Their files lie where tests do not go; small networks that see and answer as they do stand in for them."""

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "mask": {"only_mask": True},
    "post": {"post_process_mask": True, "only_mask": True},
    "putalpha": {"putalpha": True},
    "bgcolor": {"bgcolor": (200, 30, 60, 255)},
}


@pytest.fixture(params=rembgs.pythons() or [""], ids=rembgs.label)
def rembg(
    request: pytest.FixtureRequest,
    published: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Rembg:
    """`rembg(orders)` has rembg write its results; both find the files in one folder of rembg's.

    These are the published ones, or those that `rembg(orders, find)` finds by name.
    """
    if not request.param:
        pytest.skip("needs rembg in .venv/rembg: make bench installs it")

    def run(orders: list[dict[str, Any]], find: Callable[[str], Path] = published) -> None:
        home = tmp_path / "rembg-home"
        home.mkdir()
        for model in {order["model"] for order in orders}:
            (home / f"{model}.onnx").symlink_to(find(model))
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
def test_results_are_rembgs_own(model: str, rembg: Rembg, tmp_path: Path) -> None:
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
def test_alpha_matting_is_rembgs_own(rembg: Rembg, tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    Image.open(PHOTOS[0]).reduce(3).save(small)
    options = {"alpha_matting": True, "alpha_matting_erode_size": 7}
    rembg(
        [{"model": "u2netp", "picture": str(small), "options": options, "to": str(tmp_path / "theirs.png")}]
    )
    ours = remove(small.read_bytes(), session=new_session("u2netp"), **options)
    difference = np.abs(pixels(ours) - pixels((tmp_path / "theirs.png").read_bytes()))
    assert difference.mean() / 255 <= MEAN_ALPHA


@pytest.mark.slow
def test_every_other_model_is_shown_and_understood_as_rembg_does(
    rembg: Rembg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stand-in weighs the channels differently, so that a wrong size, mean, deviation or meaning is seen."""
    monkeypatch.setenv("MODEL_CHECKSUM_DISABLED", "1")

    def stand_in(name: str) -> Path:
        spec = MODELS[name]
        return mixture(tmp_path / f"{name}.onnx", spec.input.size, spec.output.values)

    options = {"only_mask": True}
    orders: list[dict[str, Any]] = [
        {"model": name, "picture": str(PHOTOS[0]), "options": options, "to": str(tmp_path / f"{name}.png")}
        for name in UNPUBLISHED_HERE
    ]
    rembg(orders, stand_in)
    for order in orders:
        ours = pixels(
            remove(Path(order["picture"]).read_bytes(), session=new_session(order["model"]), **options)
        )
        theirs = pixels(Path(order["to"]).read_bytes())
        assert np.ptp(theirs) > 100, f"{order['model']}: the stand-in says nothing"
        assert np.abs(ours - theirs).mean() / 255 <= MEAN_ALPHA, order["model"]
        assert np.abs(ours - theirs).max() <= 1, order["model"]


@pytest.mark.slow
@pytest.mark.parametrize("python", rembgs.pythons() or [""], ids=rembgs.label)
def test_every_address_and_hash_of_the_table_is_in_rembgs_own_code(python: str) -> None:
    if not python:
        pytest.skip("needs rembg in .venv/rembg: make bench installs it")
    code = "import rembg, pathlib; print(pathlib.Path(rembg.__file__).parent)"
    place = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    told = "".join(path.read_text() for path in Path(place, "sessions").glob("*.py"))
    for spec in MODELS.values():
        urls = [origin.url for origin in spec.origins if isinstance(origin, ReleaseFile)]
        assert all(f'"{url}"' in told for url in urls), spec.name
        assert not spec.md5 or f"md5:{spec.md5}" in told, spec.name
