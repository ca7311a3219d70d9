"""How much disk the base install takes, over an empty environment.

    python benchmarks/install_size.py [--json FILE]

Makes an empty virtual environment, measures it, installs `requirements/base.txt` and the package, measures
again. Sizes are sums of file sizes in MB of 10^6 bytes, compiled Python files included. Exit code 1 above the
limit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from importlib import metadata
from pathlib import Path

import measure

LIMIT_MB = 360
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
LOCKED = ("install", "--require-hashes", "--no-deps", "--only-binary=:all:")
REQUIREMENTS = measure.ROOT / "requirements"


def main() -> int:
    parser = argparse.ArgumentParser(description="How much disk the base install takes.")
    parser.add_argument("--json", type=Path, help="write a result file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        environment, tools = Path(place) / "venv", Path(place) / "tools"
        venv.create(environment, with_pip=True)
        empty_mb, known = megabytes(environment), set(_packages(environment))
        _install(environment, tools)
        total_mb = megabytes(environment) - empty_mb
        rows = {name: mb for name, mb in _packages(environment).items() if name not in known}
    for name, mb in sorted(rows.items(), key=lambda row: -row[1]):
        print(f"{name:20}{mb:8.1f} MB")
    print(f"{'in all':20}{total_mb:8.1f} MB over an empty environment; limit {LIMIT_MB} MB")
    measure.write_result(options.json, rows, total_mb=total_mb, limit_mb=LIMIT_MB)
    return int(total_mb > LIMIT_MB)


def megabytes(folder: Path) -> float:
    """The sum of the sizes of all files under a folder, in MB; links are not followed."""
    files = (Path(place) / name for place, _, names in os.walk(folder) for name in names)
    return sum(path.lstat().st_size for path in files) / 1e6


def _install(environment: Path, tools: Path) -> None:
    """The locked base requirements and the package; what builds the package stays outside, in `tools`."""
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    for arguments in (
        (*LOCKED, "-r", REQUIREMENTS / "base.txt"),
        (*LOCKED, "-r", REQUIREMENTS / "build.txt", "--target", tools),
        ("install", "--no-deps", "--no-build-isolation", measure.ROOT),
    ):
        command = [str(word) for word in (python, *PIP, *arguments)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(tools)})


def _packages(environment: Path) -> dict[str, float]:
    """MB of each installed package, by the list of files that it came with."""
    (site,) = environment.glob("Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages")
    sizes = {}
    for package in metadata.distributions(path=[str(site)]):
        files = [Path(str(file.locate())) for file in package.files or ()]
        sizes[package.name] = sum(file.stat().st_size for file in files if file.exists()) / 1e6
    return sizes


if __name__ == "__main__":
    sys.exit(main())
