"""How large the image of the Dockerfile is, where no engine runs to build it: what it installs over its base, summed.

    python tools/image_size.py [--json FILE]

Does what the Dockerfile's build does, in a temporary folder: the pinned requirements and the package into a virtual
environment, pip taken out again. Sizes are sums of file sizes in MB of 10^6 bytes. Exit code 1 above the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT_MB = 400
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
LOCKED = ("install", "--no-compile", "--require-hashes", "--no-deps", "--only-binary=:all:")


def main() -> int:
    parser = argparse.ArgumentParser(description="What the Dockerfile installs, in MB.")
    parser.add_argument("--json", type=Path, help="write a result file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        sizes = _sizes(_install(Path(place)))
    for name, size in sizes.most_common():
        print(f"{name:28}{size:8.1f} MB")
    total = sizes.total()
    print(f"{'over the base image':28}{total:8.1f} MB; limit {LIMIT_MB} MB")
    if options.json:
        content = {"rows": dict(sizes.most_common()), "total_mb": total, "limit_mb": LIMIT_MB}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return int(total > LIMIT_MB)


def _install(place: Path) -> Path:
    """The environment that the image gets."""
    environment, tools = place / "app", place / "tools"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    requirements = ROOT / "requirements"
    paths = {**os.environ, "PYTHONPATH": str(tools)}
    for arguments in (
        (*LOCKED, "-r", requirements / "server.txt"),
        (*LOCKED, "-r", requirements / "build.txt", "--target", tools),
        ("install", "--no-compile", "--no-deps", "--no-build-isolation", ROOT),
        ("uninstall", "--yes", "pip", "setuptools"),
    ):
        subprocess.run([python, *PIP, *map(str, arguments)], check=True, env=paths)
    return environment


def _sizes(environment: Path) -> Counter[str]:
    """MB by package folder."""
    sizes: Counter[str] = Counter()
    for path in environment.rglob("*"):
        if path.is_file() and not path.is_symlink():
            parts = path.relative_to(environment).parts
            name = (
                parts[parts.index("site-packages") + 1]
                if "site-packages" in parts
                else "the environment itself"
            )
            sizes[name.partition("-")[0].partition(".")[0]] += path.stat().st_size / 1e6  # type: ignore[assignment]
    return sizes


if __name__ == "__main__":
    sys.exit(main())
