"""A page about a folder of cut-outs: who should look at something finds it at the top. One file, nothing fetched."""

from __future__ import annotations

import base64
import heapq
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import u2bg
from u2bg import imaging
from u2bg.batch.manifest import lines
from u2bg.cores import usable_cores
from u2bg.errors import InputError, OutputExists
from u2bg.files import replacing
from u2bg.pages import STYLE

GENERATOR = "u2bg remove --report"
SHOWN = 240
"""Pictures that are shown: the most doubtful. All are counted, and the manifest names them all."""

_FAILURES = 500
_TILE_PX = 180
_QUALITY = 75
_SQUARE_PX = 8
_LIGHT, _DARK = 255, 208
_BARS = 10

_STYLE = (
    STYLE
    + """\
p, figcaption, li small { color: var(--pale); } li, figcaption { overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .6rem .15rem 0; text-align: right; font-weight: 400; }
td.bar { width: 24rem; text-align: left; } td.bar i { display: block; height: .8rem; background: #4f8fd9; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
figure { margin: 0; padding: .6rem; border: 1px solid var(--line); border-radius: .6rem; background: var(--box); }
figure img { display: block; width: 100%; height: auto; border-radius: .3rem; }
"""
)


@dataclass(frozen=True, slots=True)
class Account:
    """What a manifest says, each picture by its last line.

    Attributes:
        confidences: pictures by tenths of confidence.
        doubtful: the done pictures with the lowest confidence, the lowest first.
        failures: some of what failed, the newest last.
    """

    done: int
    empty: int
    failed: int
    confidences: Sequence[int]
    doubtful: Sequence[dict[str, Any]]
    failures: Sequence[dict[str, Any]]


def check_page(page: Path) -> None:
    """Refuse, before anything is cut, to replace a file that is no report of ours.

    Raises:
        OutputExists: with the fix.
    """
    if page.exists() and GENERATOR not in page.read_text(encoding="utf-8", errors="replace")[:1000]:
        raise OutputExists(f"'{page}' is there and is no report of ours; fix: choose another name")


def write_report(manifest: Path, source: Path, page: Path) -> None:
    """Write the page about all that the manifest tells, in place of an older one.

    Args:
        manifest: the manifest's file; the outputs lie beside it.
        source: the folder of the pictures.

    Raises:
        CannotWrite: with the reason and its fix.
    """
    account = read(manifest)
    with ThreadPoolExecutor(usable_cores()) as pool:
        figures = list(pool.map(lambda line: _figure(line, source, manifest.parent), account.doubtful))
    with replacing(page, make_folder=True) as part:
        part.write_text(_render(account, manifest.parent, figures), encoding="utf-8")


def read(manifest: Path) -> Account:
    """Read a manifest twice: for the last line of each picture, then for those lines; neither is kept whole."""
    last = {hash(line["input"]): number for number, line in enumerate(lines(manifest)) if "status" in line}
    standing = frozenset(last.values())
    del last
    counts: Counter[str] = Counter()
    tenths = [0] * _BARS
    failures: list[dict[str, Any]] = []

    def done() -> Iterator[dict[str, Any]]:
        for number, line in enumerate(lines(manifest)):
            if number not in standing:
                continue
            counts[line["status"]] += 1
            if line["status"] == "failed":
                failures.append(line)
                del failures[:-_FAILURES]
                continue
            counts["empty"] += not line["subject"]
            tenths[min(_BARS - 1, int(line["confidence"] * _BARS))] += 1
            yield line

    doubtful = heapq.nsmallest(SHOWN, done(), key=lambda line: (line["confidence"], line["input"]))
    return Account(counts["done"], counts["empty"], counts["failed"], tenths, doubtful, failures)


def _render(account: Account, folder: Path, figures: Sequence[str]) -> str:
    sections = [_head(account, folder), _failed(account), _confidences(account), _pictures(account, figures)]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="{GENERATOR}">\n<title>{_text(folder.name)}: cut-outs</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(filter(None, sections))
        + "\n</body>\n</html>\n"
    )


def _head(account: Account, folder: Path) -> str:
    return (
        f"<h1>{_text(folder.name)}</h1>\n<p>{account.done:,} cut, {account.empty:,} of them without a subject, "
        f"{account.failed:,} failed; u2bg {u2bg.__version__}. Every picture has its line in the manifest.</p>"
    )


def _failed(account: Account) -> str:
    if not account.failures:
        return ""
    items = "\n".join(
        f"<li>{_text(line['input'])}<br><small>{_text(line['error'])}</small></li>"
        for line in account.failures
    )
    more = account.failed - len(account.failures)
    note = f"\n<p>… and {more:,} more, in the manifest.</p>" if more else ""
    return f"<h2>Failed</h2>\n<ul>\n{items}\n</ul>{note}"


def _confidences(account: Account) -> str:
    if not account.done:
        return ""
    most = max(account.confidences)
    rows = "\n".join(
        f'<tr><th scope="row">{tenth / _BARS:.1f} – {(tenth + 1) / _BARS:.1f}</th><td>{count:,}</td>'
        f'<td class="bar"><i style="width:{100 * count / most:.1f}%"></i></td></tr>'
        for tenth, count in enumerate(account.confidences)
    )
    return f"<h2>Pictures by confidence</h2>\n<table>\n{rows}\n</table>"


def _pictures(account: Account, figures: Sequence[str]) -> str:
    if not figures:
        return ""
    title = "All pictures" if len(figures) == account.done else f"The {len(figures)} most doubtful pictures"
    return (
        f'<h2>{title}, the most doubtful first</h2>\n<div class="pictures">\n'
        + "\n".join(figures)
        + "\n</div>"
    )


def _figure(line: dict[str, Any], source: Path, folder: Path) -> str:
    """Photo and cut-out side by side; what cannot be read any more stays empty."""
    strip = Image.new("RGB", (2 * _TILE_PX + _SQUARE_PX, _TILE_PX), (128, 128, 128))
    for index, path in enumerate((source / line["input"], folder / line["output"])):
        try:
            tile = _tile(imaging.read(path).rgba)
        except InputError:
            continue
        left = index * (_TILE_PX + _SQUARE_PX) + (_TILE_PX - tile.width) // 2
        strip.paste(tile, (left, (_TILE_PX - tile.height) // 2))
    file = io.BytesIO()
    strip.save(file, "WEBP", quality=_QUALITY)
    content = base64.b64encode(file.getvalue()).decode()
    name = _text(line["input"])
    told = f"confidence {line['confidence']:.2f}" + ("" if line["subject"] else ", no subject")
    return (
        f'<figure><img loading="lazy" alt="{name}: photo and cut-out" src="data:image/webp;base64,{content}">'
        f"<figcaption>{name}<br>{told}</figcaption></figure>"
    )


def _tile(rgba: NDArray[np.uint8]) -> Image.Image:
    """A picture made small, on a chequerboard where it is transparent."""
    picture = Image.fromarray(rgba)
    scale = min(1.0, _TILE_PX / max(picture.size))
    small = picture.resize(
        (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))),
        Image.Resampling.BILINEAR,
        reducing_gap=2.0,
    )
    down, across = np.indices((small.height, small.width)) // _SQUARE_PX
    board = np.where((down + across) % 2, _DARK, _LIGHT).astype(np.uint8)
    tile = Image.fromarray(board).convert("RGBA")
    tile.alpha_composite(small)
    return tile.convert("RGB")


def _text(words: str) -> str:
    """Text for HTML; a file name that is no text shows where it is none."""
    return escape(words.encode("utf-8", "replace").decode())
