"""What every benchmark here shares: the machine in words, fresh processes timed in turn, result files."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Run(NamedTuple):
    """One process, from start to exit: wall seconds, processor seconds, peak resident memory in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float


class Comparison(NamedTuple):
    """Two contestants timed in turn.

    Attributes:
        a, b: what each counted run took, in seconds, in the order of running.
    """

    a: list[float]
    b: list[float]

    @property
    def ratios(self) -> list[float]:
        """b / a, pair by pair: how many times faster `a` was."""
        return [b / a for a, b in zip(self.a, self.b, strict=True)]

    def summary(self) -> dict[str, Any]:
        """Medians, the median of the paired ratios with its extremes, and every single time."""
        return {
            "a_median_s": statistics.median(self.a),
            "b_median_s": statistics.median(self.b),
            "ratio_median": statistics.median(self.ratios),
            "ratio_min": min(self.ratios),
            "ratio_max": max(self.ratios),
            "a_s": self.a,
            "b_s": self.b,
        }


def alternate(a: Callable[[], object], b: Callable[[], object], runs: int, warmup: int = 1) -> Comparison:
    """Time `a` and `b` in turn (A B A B …), so that a busy minute of the machine falls on both.

    Args:
        a, b: what to run. A `Run` that is returned brings its own time; else the wall clock counts.
        runs: counted runs of each, after `warmup` uncounted ones.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for round_ in range(-warmup, runs):
        for contestant, kept in zip((a, b), times, strict=True):
            start = time.perf_counter()
            result = contestant()
            wall_s = result.wall_s if isinstance(result, Run) else time.perf_counter() - start
            if round_ >= 0:
                kept.append(wall_s)
    return Comparison(*times)


# A child's peak memory counts from its fork, when it still is its parent: so the parent must be a small one.
_LAUNCHER = """
import os, sys, time
report, command = int(sys.argv[1]), sys.argv[2:]
os.set_inheritable(report, False)
start = time.perf_counter()
_, status, used = os.wait4(os.posix_spawnp(command[0], command, os.environ), 0)
wall = time.perf_counter() - start
code, cpu = os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime
os.write(report, f"{code} {wall} {cpu} {used.ru_maxrss}".encode())
"""


def process(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end, its output kept away from the terminal.

    Raises:
        SystemExit: the command failed; with its last words.
    """
    words = [str(word) for word in command]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as report:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(report.fileno()), *words],
            stdout=said,
            stderr=said,
            pass_fds=[report.fileno()],
            env={**os.environ, **(environment or {})},
            check=True,
        )
        report.seek(0)
        code, wall_s, cpu_s, peak = report.read().decode().split()
        if int(code):
            said.seek(0)
            last = said.read().decode(errors="replace").strip()[-2000:]
            sys.exit(f"{' '.join(words)}: exit code {code}\n{last}")
    return Run(float(wall_s), float(cpu_s), int(peak) / (1024 if sys.platform == "linux" else 1024**2))


def machine(packages: Sequence[str] = ("numpy", "onnxruntime", "pillow")) -> dict[str, Any]:
    """Processor, cores, system, Python, versions of the packages (of this environment), commit and date."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in packages},
        "commit": _commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def describe(about: Mapping[str, Any]) -> str:
    """The machine in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return f"{about['cpu']}, {about['cores']} cores, {about['system']}, Python {about['python']}, {versions}"


def write_result(path: Path | None, rows: Any, **more: Any) -> None:
    """Write a result file: the command, the machine, the rows. Nothing is written where no path is given."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    command = " ".join(["python", *sys.argv])
    content = {"command": command, "machine": machine(), "rows": rows, **more}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _cpu() -> str:
    """The processor's name and the instruction sets that speed of a network depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = facts.get("flags", "").split()
    wide = [name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile") if name in flags]
    return f"{facts.get('model name', platform.machine())} ({' '.join(wide)})"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """The commit of this tree, with `+` when files differ from it; empty outside a repository."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode:
        return ""
    dirty = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False)
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")
