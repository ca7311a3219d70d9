"""The pieces of code on the pages that people read, and a desk with the files that they speak of."""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
ELSEWHERE = {"cli.md": "its help pages are printed by the commands: tools/docs.py --check"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = ("python", "console")
READ_ONLY = {"text", "bibtex"}
BY_OTHERS = {"sh", "html"}
"""Lines for a server, which tests/server/test_docs.py runs; for a page, whose functions tests/web/ calls."""

_BLOCK = re.compile(
    r"(?:^<!-- (?P<not_run>not run: [^\n]*?) -->\n)?^```(?P<kind>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_PRINTED = re.compile(r"^<!-- help-\w+:begin -->.*?^<!-- help-\w+:end -->$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A piece of code on a page; `not_run` says why it is not, where it is not."""

    page: str
    kind: str
    code: str
    not_run: str

    @property
    def commands(self) -> list[str]:
        """What is typed after each `$ `, with the lines that go on with it."""
        joined = re.sub(r"\\\n\s*", "", self.code)
        return [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ ")]


def blocks() -> Iterator[Block]:
    """All of them, page by page."""
    for page in PAGES:
        if page.name in ELSEWHERE:
            continue
        text = _PRINTED.sub("", page.read_text(encoding="utf-8"))
        for found in _BLOCK.finditer(text):
            yield Block(page.name, found["kind"], found["code"], found["not_run"] or "")


def set_up(desk: Path, code: str, published: Callable[[str], Path]) -> None:
    """Put on the desk what the code speaks of, as small as it can be."""
    for name, example in {
        "photo.jpg": "cat",
        "in.jpg": "cat",
        "holiday.jpg": "cat",
        "wall.jpg": "coffee",
        "portrait.jpg": "astronaut",
        "catalogue/cup.jpg": "coffee",
        "photos/cat.jpg": "cat",
        "examples/cat.jpg": "cat",
    }.items():
        (desk / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "examples" / f"{example}.jpg", desk / name)
    for word, make in _MADE.items():
        if word in code and not (word == ".onnx" and re.search(r"u2bg (export|convert) ", code)):
            make(desk, code)
    for name in ("u2net", "u2netp"):
        if re.search(rf"\b{name}\b(?!\.pth)", code) or (name == "u2net" and "rembg" in code):
            (desk / "models").mkdir(exist_ok=True)
            (desk / "models" / f"{name}.onnx").symlink_to(published(name))


def _pairs(desk: Path, _: str) -> None:
    """Photos with their masks, and recipes of two steps."""
    if (desk / "configs").exists():
        return
    shutil.rmtree(desk / "photos")
    for folder in (desk / "photos", desk / "sets" / "pascals"):
        for kind in ("images", "masks"):
            (folder / kind).mkdir(parents=True)
        for number in range(6):
            rows, columns = np.mgrid[:64, :64] - 32 + number
            disc = np.uint8(255) * (rows**2 + columns**2 < 200).astype(np.uint8)
            noise = np.random.default_rng(number).integers(0, 90, (64, 64, 3), np.uint8)
            Image.fromarray(disc).save(folder / "masks" / f"{number}.png")
            Image.fromarray(noise + (disc // 2)[..., None]).save(folder / "images" / f"{number}.png")
    (desk / "configs").mkdir()
    for recipe in (ROOT / "configs").glob("*.toml"):
        text = recipe.read_text(encoding="utf-8")
        for key, value in _QUICK.items():
            text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        (desk / "configs" / recipe.name).write_text(text, encoding="utf-8")


def _trained(desk: Path, code: str) -> None:
    """What a run has left, where the run itself is in the piece before."""
    from tests.network.conftest import random_network
    from u2bg.network import saving

    if "u2bg train" not in code:
        (desk / "runs" / "mine").mkdir(parents=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Keras and TensorFlow warn each other of
            saving.write(random_network(), desk / "runs" / "mine" / "best.keras")


_QUICK = {
    "steps": 2,
    "warmup": 1,
    "validate": 1,
    "checkpoint": 1,
    "every": 1,
    "statistics": 2,
    "batch": 1,
    "side": 64,
    "shapes": "[[64, 64]]",
    "precision": '"float32"',
    "validation": 0.3,
}


def _network(desk: Path, _: str) -> None:
    from tests.onnx_files import brightness

    for name in ("mine", "my"):
        brightness(desk / f"{name}.onnx")


def _checkpoint(desk: Path, _: str) -> None:
    """A narrow network as the authors' script would have saved it."""
    from tests.network.conftest import random_network
    from u2bg.network.torch_state import to_state
    from u2bg.network.torch_write import write

    write(to_state(random_network()), desk / "u2net.pth")


def _video(desk: Path, code: str) -> None:
    from tests.video.clips import make

    said = re.search(r"(\d{3,4})[x ](\d{3,4})", code)  # raw frames have to be as large as the command says
    size = (int(said[2]), int(said[1])) if said else (72, 96)
    for name in ("talk.mp4", "clip.mp4", "in.mp4"):
        make(desk / name, frames=2, size=size if name == "in.mp4" else (72, 96))


_MADE: dict[str, Callable[[Path, str], None]] = {
    "runs/": _pairs,
    "shards/": _pairs,
    "best.keras": _trained,
    "sets": _pairs,
    ".onnx": _network,
    ".pth": _checkpoint,
    ".mp4": _video,
    "web/dist": lambda desk, _: (desk / "web" / "dist").mkdir(parents=True),
}
