"""Build the wheel and look into it: what is inside, how large it is, what it says of itself.

python tools/wheel_check.py [FOLDER]   writes the wheel into FOLDER (dist/) and exits 1 with a line for each flaw
python tools/wheel_check.py WHEEL…     looks into wheels that are there
"""

from __future__ import annotations

import email
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT_BYTES = 12_000_000
WEIGHTS = tuple(f"u2bg/saliency/weights/{name}.onnx" for name in ("lite", "lite-float", "lite-prepared"))
NEEDED = ("u2bg/py.typed", "u2bg/cli/remove.py", *WEIGHTS)
LICENCES = ("LICENSE", "NOTICE", "LICENSES/Apache-2.0.txt")


def build(folder: Path) -> Path:
    """The wheel of this tree, in the folder: made of the source archive, so that what that forgets is missed here."""
    with tempfile.TemporaryDirectory() as place:
        for command in (
            ("-c", "import setuptools.build_meta as b, sys; b.build_sdist(sys.argv[1])", place),
            (
                "-m",
                "pip",
                "wheel",
                "--quiet",
                "--no-deps",
                "--no-build-isolation",
                "--wheel-dir",
                str(folder),
            ),
        ):
            archive = [str(path) for path in Path(place).iterdir()]
            done = subprocess.run(
                [sys.executable, *command, *archive], cwd=ROOT, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise SystemExit(f"no wheel: {done.stderr.strip() or done.stdout.strip()}")
    return max(folder.glob("u2bg-*.whl"), key=lambda path: path.stat().st_mtime)


def flaws(path: Path) -> Iterator[str]:
    """What is wrong with a wheel of this project, one line each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    size = path.stat().st_size
    if size > LIMIT_BYTES:
        yield f"{path.name} has {size:,} bytes, more than {LIMIT_BYTES:,}"
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        about = next(name.partition("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(wheel.read(f"{about}/METADATA"))
        entries = wheel.read(f"{about}/entry_points.txt").decode()
    for needed in (*NEEDED, *(f"{about}/licenses/{name}" for name in LICENCES)):
        if needed not in names:
            yield f"{needed} is missing"
    if not any(name.startswith("u2bg/_loops.") and name.endswith((".so", ".pyd")) for name in names):
        yield "the compiled loops are missing; fix: install a C compiler"
    source = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "u2bg").rglob("*.py")}
    for absent in sorted(source - set(names)):
        yield f"{absent} is missing"
    for name in names:
        if not name.startswith(("u2bg/", f"{about}/")) or name.endswith((".pyc", ".keras", ".pth")):
            yield f"{name} does not belong there"
    if "u2bg=u2bg.cli:main" not in entries.replace(" ", ""):
        yield "the command u2bg has no entry point"
    said = {
        "Name": project["name"],
        "Requires-Python": project["requires-python"],
        "License-Expression": project["license"],
    }
    for field, expected in said.items():
        if metadata[field] != expected:
            yield f"{field} is {metadata[field]!r}, expected {expected!r}"
    extras = set(metadata.get_all("Provides-Extra") or ())
    if extras != set(project["optional-dependencies"]):
        yield f"the extras are {sorted(extras)}, expected {sorted(project['optional-dependencies'])}"
    if not metadata["Summary"] or len(metadata.get_payload()) < 1000:
        yield "the summary or the description is missing"


def main() -> int:
    """Build, look, tell."""
    asked = [Path(name).resolve() for name in sys.argv[1:]] or [ROOT / "dist"]
    wheels = asked if asked[0].suffix == ".whl" else [build(asked[0])]
    total = 0
    for path in wheels:
        found = list(flaws(path))
        total += len(found)
        for flaw in found:
            print(flaw)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {len(found)} flaws")
    return bool(total)


if __name__ == "__main__":
    sys.exit(main())
