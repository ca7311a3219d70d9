"""The machine: processor, cores, memory, disk, as far as this process may use them."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from u2bg.cores import usable_cores
from u2bg.doctor.findings import Finding
from u2bg.saliency import folders

GROUP = Path("/sys/fs/cgroup")
LEAST_MEMORY = 1_000_000_000
LEAST_DISK = 500_000_000

FEATURES = {
    "avx2": "float32 in rows of 8",
    "avx512f": "float32 in rows of 16",
    "avx512_vnni": "int8 networks at full speed",
    "avx_vnni": "int8 networks at full speed",
    "avx512_bf16": "bfloat16 networks at full speed (device openvino-bf16)",
    "amx_int8": "int8 networks in tiles",
    "amx_bf16": "bfloat16 networks in tiles (device openvino-bf16)",
    "asimd": "float32 in rows of 4",
    "asimddp": "int8 networks at full speed",
    "bf16": "bfloat16 networks at full speed",
}
"""Names as Linux has them (x86 and ARM), and what each allows."""


def has_int8() -> bool:
    """Whether the processor multiplies 8-bit numbers faster than floats."""
    return any(FEATURES.get(flag, "").startswith("int8") for flag in _flags())


def examine() -> Iterator[Finding]:
    """Processor, cores, memory and disk."""
    yield _processor(_first_line("model name") or platform.processor() or platform.machine(), _flags())
    yield _cores()
    yield memory(_free_memory())
    yield disk(folders.home())


def _processor(name: str, flags: set[str]) -> Finding:
    there = [feature for feature in FEATURES if feature in flags]
    if not there:
        return Finding("processor", f"{name}; what it can do is not known here", "note")
    allowed = "; ".join(f"{feature}: {FEATURES[feature]}" for feature in there)
    return Finding("processor", f"{name}; {allowed}")


def _cores() -> Finding:
    used, there = usable_cores(), os.cpu_count() or 1
    said = f"{used} of {there} may be used"
    if os.environ.get("OMP_NUM_THREADS"):
        said += f"; OMP_NUM_THREADS is {os.environ['OMP_NUM_THREADS']}, which numpy follows and u2bg does not"
    if used < there:
        return Finding("cores", f"{said} (affinity or the container's quota)", "note")
    return Finding("cores", said)


def memory(free: int | None) -> Finding:
    """What is said of so many free bytes."""
    if free is None:
        return Finding("memory", "how much is free is not known here", "note")
    said = f"{free / 1e9:.1f} GB free"
    if free < LEAST_MEMORY:
        fix = "close other programs, or raise the container's limit; a 50-megapixel photo needs about 1 GB"
        return Finding("memory", said, "bad", fix)
    return Finding("memory", said)


def disk(folder: Path) -> Finding:
    """What is free where models go."""
    there = next((one for one in (folder, *folder.parents) if one.exists()), Path("/"))
    free = shutil.disk_usage(there).free
    said = f"{free / 1e9:.1f} GB free in the models' folder '{folder}'"
    if free < LEAST_DISK:
        return Finding("disk", said, "note", "free some space before pulling models, or set U2BG_HOME")
    if not os.access(there, os.W_OK):
        fix = "set U2BG_HOME to a folder that can be written to, if models are to be pulled"
        return Finding("disk", f"{said}, which is read-only", "note", fix)
    return Finding("disk", said)


def _flags() -> set[str]:
    return set((_first_line("flags") or _first_line("Features")).split())


def _first_line(name: str) -> str:
    """A field of /proc/cpuinfo, from its first processor; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def _free_memory() -> int | None:
    """Bytes that this process may still take: of the system's, or of the container's limit if that is less."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        free = int(re.search(r"MemAvailable:\s*(\d+)", text)[1]) * 1024  # type: ignore[index]
    except (OSError, TypeError):
        return None
    try:
        limit, used = ((GROUP / name).read_text() for name in ("memory.max", "memory.current"))
        return min(free, int(limit) - int(used))
    except (OSError, ValueError):  # no container, or no limit
        return free
