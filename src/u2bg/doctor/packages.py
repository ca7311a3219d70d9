"""Python and the packages: which are there, and which extras can start."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sys
from collections.abc import Iterator

import u2bg
from u2bg import compiled
from u2bg.doctor.findings import Finding

LEAST_PYTHON = (3, 11)


def examine() -> Iterator[Finding]:
    """Python, u2bg, what it cannot do without, and each extra."""
    said = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < LEAST_PYTHON:
        yield Finding("python", said, "bad", "install Python 3.11 or newer")
    else:
        yield Finding("python", said)
    yield Finding("u2bg", f"{u2bg.__version__} in {u2bg.__path__[0]}")
    yield _loops()
    yield from of_requirements(importlib.metadata.requires("u2bg") or [])


def _loops() -> Finding:
    if compiled.loops is None:
        fix = "install a wheel of u2bg, or a C compiler, and u2bg anew"
        return Finding("loops", "not compiled: the same pixels, more slowly", "note", fix)
    return Finding("loops", "compiled")


def of_requirements(requirements: list[str]) -> Iterator[Finding]:
    """A finding for the base and one for each extra, from the requirements of the package."""
    groups: dict[str, list[tuple[str, tuple[int, ...]]]] = {"": []}
    for requirement in requirements:
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", requirement)
        name = re.split(r"[^\w.-]", requirement)[0]
        least = re.search(r">=\s*([\d.]+)", requirement)
        if "python_version" in requirement and not _installed(name):
            continue  # asked for on some Pythons only
        groups.setdefault(extra[1] if extra else "", []).append((name, _numbers(least[1] if least else "0")))
    for group, wanted in sorted(groups.items()):
        yield _of_group(group, wanted)


def _of_group(extra: str, wanted: list[tuple[str, tuple[int, ...]]]) -> Finding:
    topic = f"extra {extra}" if extra else "packages"
    fix = f"pip install 'u2bg[{extra}]'" if extra else "pip install --upgrade --force-reinstall u2bg"
    missing = [name for name, _ in wanted if _installed(name) is None]
    old = [
        f"{name} {_installed(name)}" for name, least in wanted if _numbers(_installed(name) or "9999") < least
    ]
    there = ", ".join(f"{name} {_installed(name)}" for name, _ in wanted if _installed(name))
    if extra and len(missing) == len(wanted):
        return Finding(topic, "not installed", "note", fix)
    if missing or old:
        flaws = [f"{', '.join(missing)} missing"] * bool(missing) + [f"too old: {', '.join(old)}"] * bool(old)
        return Finding(topic, "; ".join(flaws), "note" if extra else "bad", fix)
    return Finding(topic, there)


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
