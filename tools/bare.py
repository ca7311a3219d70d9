"""Install the wheel alone, and with each extra alone, each into a fresh environment; start what the extra is for.

python tools/bare.py [EXTRA…]   all of them, and `base`, without a name

Versions are those of requirements/test.txt, so that what is tried here is what the tests run with. Where one of them
has no wheel for this Python, pip chooses, and that is told.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from wheel_check import build

ROOT = Path(__file__).resolve().parents[1]

CONVERT = (
    "import importlib.resources as r; from u2bg.cli import main; "
    "main(['convert', str(r.files('u2bg') / 'saliency/weights/lite-float.onnx'), 'net.keras'])"
)
REMOVE = "from u2bg.cli import main; main(['remove', {photo!r}, '-o', {out!r}, '--overwrite', *{flags!r}])"
PROBES = {
    "base": REMOVE.replace("{flags!r}", "[]"),
    "batch": "import u2bg.batch.ray, ray.data, pyarrow, fsspec",
    "evaluate": (
        "import PIL.Image as I; from pathlib import Path; from u2bg.cli import main; "
        "[Path('set', kind).mkdir(parents=True) for kind in ('images', 'masks')]; "
        "I.new('RGB', (64, 64), 'red').save('set/images/a.png'); "
        "I.new('L', (64, 64), 255).save('set/masks/a.png'); main(['evaluate', 'set'])"
    ),
    "heif": (
        "import io, pillow_heif, PIL.Image as I; from u2bg.imaging import read; f = io.BytesIO(); "
        "pillow_heif.from_pillow(I.new('RGB', (64, 64))).save(f); assert read(f.getvalue()).size == (64, 64)"
    ),
    "matting": REMOVE.replace("{flags!r}", "['--refine', 'closed-form']"),
    "openvino": REMOVE.replace("{flags!r}", "['--device', 'openvino']"),
    "psd": REMOVE.replace("{flags!r}", "['--format', 'psd', '--background', 'white']"),
    "raw": "import rawpy, u2bg.imaging.raw",
    "server": "from u2bg.server import run, settings; settings.load()",
    "tiff": (
        "import numpy as np; from u2bg.imaging.writing import encode; from u2bg.imaging.formats import TIFF; "
        "assert encode(np.zeros((4, 4, 4), np.uint16), TIFF)"
    ),
    "train": CONVERT,
    "train-tf": CONVERT,
    "video": "import av, cv2, u2bg.video",
}
"""What starts the room of an extra; with the base alone, `u2bg remove` has to work."""


def main() -> int:
    """Try each, tell each, and exit 1 if one does not start."""
    wanted = sys.argv[1:] or list(PROBES)
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        wheel = build(Path(folder) / "dist")
        for extra in wanted:
            said = try_alone(extra, wheel, Path(folder) / extra)
            print(f"{extra}: {said or 'starts'}", flush=True)
            failed += [extra] * bool(said)
    return bool(failed)


def try_alone(extra: str, wheel: Path, folder: Path) -> str:
    """Why it does not start, or nothing."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    pins = folder / "pins.txt"
    pins.write_text("\n".join(pinned()), encoding="utf-8")
    asked = str(wheel) if extra == "base" else f"{wheel}[{extra}]"
    install = [python, "-m", "pip", "install", "--quiet", "--only-binary=:all:", asked]
    code = PROBES[extra].replace("{photo!r}", repr(str(ROOT / "examples" / "cat.jpg")))
    code = code.replace("{out!r}", repr(str(folder / "cat.png")))
    flaw = flaw_of([*install, "-c", str(pins)], folder)
    if flaw:
        print(f"{extra}: {flaw}; without the pins:", flush=True)
        flaw = flaw_of(install, folder)
    return flaw or flaw_of([python, "-P", "-c", code], folder)


def flaw_of(command: list[str], folder: Path) -> str:
    """The last line that a command which failed has said, or nothing."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    said = done.stderr.strip().splitlines() or ["it failed without a word"]
    return said[-1] if done.returncode else ""


def pinned() -> list[str]:
    """name==version of every package of the tests' lock, with its marker."""
    text = (ROOT / "requirements" / "test.txt").read_text(encoding="utf-8")
    return [line.rstrip(" \\") for line in text.splitlines() if re.match(r"[\w.-]+(\[[\w,]+\])?==", line)]


if __name__ == "__main__":
    sys.exit(main())
