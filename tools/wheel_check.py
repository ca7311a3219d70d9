"""Build the wheel and look into it: what is inside, how large it is, what it says of itself.

python tools/wheel_check.py [FOLDER]   writes the wheel into FOLDER (dist/) and exits 1 with a line for each flaw
"""

from __future__ import annotations

import email
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT_BYTES = 12_000_000
WEIGHTS = tuple(f"u2bg/saliency/weights/{name}.onnx" for name in ("lite", "lite-float"))
NEEDED = ("u2bg/py.typed", "u2bg/cli/remove.py", *WEIGHTS)
LICENCES = ("LICENSE", "NOTICE", "LICENSES/Apache-2.0.txt")


def build(folder: Path) -> Path:
    """The wheel of this tree, in the folder."""
    from flit_core import buildapi  # type: ignore[import-untyped]

    folder.mkdir(parents=True, exist_ok=True)
    return folder / str(buildapi.build_wheel(str(folder)))


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
    path = build(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").resolve())
    found = list(flaws(path))
    for flaw in found:
        print(flaw)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {len(found)} flaws")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
