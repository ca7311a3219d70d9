"""The alpha of a WebP, exact: each level foretold by its neighbours, what is left as runs and prefix codes.

What Pillow reaches of libwebp codes an alpha by its general lossless coder, in 15 bytes of memory a pixel and more time
than the colours take. An alpha is plain nearly everywhere; here only where it is not costs anything.

https://developers.google.com/speed/webp/docs/riff_container#alpha
https://developers.google.com/speed/webp/docs/webp_lossless_bitstream_specification
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]

LOSSLESS_BY_GRADIENT = bytes([3 << 2 | 1])
"""The chunk's first byte: each level less left + above − above left, then coded without loss."""

STRIP_PX = 1 << 18
"""Pixels that are looked at together: their passes stay in the processor's cache."""

LONGEST_RUN = 4096
SHORTEST_RUN = 4
"""Shorter ones cost less as levels one by one."""

LEVELS, LENGTHS = 256, 24
LONGEST_CODE = 15


class Tokens(NamedTuple):
    """symbols: a level, or 256 and the length of a run in the format's prefix form; extra: what that leaves open."""

    symbols: NDArray[np.uint16]
    extra: NDArray[np.uint16]


def encode(alpha: Bytes) -> bytes:
    """(H, W) uint8 to the content of a chunk ALPH."""
    strips = [_tokens(left) for left in _unforeseen(alpha)]
    counts = sum(np.bincount(strip.symbols, minlength=LEVELS + LENGTHS) for strip in strips)
    lengths = _code_lengths(np.maximum(counts, np.arange(LEVELS + LENGTHS) < 2))
    header, sizes = np.array(list(_header(lengths))).T
    codes, bits = _codes(lengths), lengths + _EXTRA_BITS
    writer = Writer(int(sizes.sum() + counts @ bits))
    writer.add(header, sizes)
    for symbols, extra in strips:
        writer.add(codes[symbols] | extra.astype(np.int64) << lengths[symbols], bits[symbols])
    return LOSSLESS_BY_GRADIENT + writer.done()


def _unforeseen(alpha: Bytes) -> Iterator[Bytes]:
    """Strips of levels less what is expected of their neighbours, modulo 256, one row after the other."""
    height, width = alpha.shape
    rows = max(1, STRIP_PX // width)
    for top in range(0, height, rows):
        strip = np.ascontiguousarray(alpha[top : top + rows])
        above = np.empty_like(strip)
        above[1:], above[0] = strip[:-1], alpha[top - 1] if top else 0
        left = np.empty_like(strip)
        left[:, 1:], left[:, 0] = strip[:, :-1], above[:, 0]
        corner = np.empty_like(strip)
        corner[:, 1:], corner[:, 0] = above[:, :-1], above[:, 0]
        if not top:  # the first row knows its left alone
            above[0, 1:] = corner[0, 1:] = 0
        gradient = left.astype(np.int16) + above - corner
        yield (strip - np.clip(gradient, 0, 255, out=gradient).astype(np.uint8)).ravel()


def _tokens(left: Bytes) -> Tokens:
    """Levels one by one, and behind the first of a long run the number of its followers, at most 4096 at a time."""
    starts = np.concatenate([[0], np.flatnonzero(left[1:] != left[:-1]) + 1])
    followers = np.diff(starts, append=left.size) - 1
    is_run = followers >= SHORTEST_RUN
    many = np.where(is_run, 1 + -(-followers // LONGEST_RUN), 1 + followers)
    place = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    symbols = np.repeat(left[starts], many).astype(np.uint16)
    extra = np.zeros_like(symbols)
    (runs,) = np.nonzero(place * np.repeat(is_run, many))
    rest = np.repeat(followers, many)[runs] - (place[runs] - 1) * LONGEST_RUN
    number = np.minimum(rest, LONGEST_RUN) - 1
    symbols[runs], extra[runs] = LEVELS + _PREFIX[number], number & _OPEN[number]
    return Tokens(symbols, extra)


def _prefixes() -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """For a length less 1, up to 4095: its prefix symbol, and which of its bits are extra."""
    number = np.arange(LONGEST_RUN)
    top = np.maximum(np.frexp(number)[1] - 1, 0)
    bits = np.maximum(top - 1, 0)
    symbol = np.where(number < 2, number, 2 * top + (number >> bits & 1))
    return symbol.astype(np.uint16), ((1 << bits) - 1).astype(np.uint16)


_PREFIX, _OPEN = _prefixes()
_EXTRA_BITS = np.concatenate([np.zeros(LEVELS + 4, np.int64), (np.arange(4, LENGTHS) - 2) // 2])


def _code_lengths(counts: Numbers) -> Numbers:
    """Bits of each symbol's code (Huffman, 1952), none longer than 15: rare ones count for more until that holds."""
    least = 1
    while True:
        heap: list[tuple[int, int, tuple[int, ...]]] = [
            (max(int(count), least), symbol, (symbol,)) for symbol, count in enumerate(counts) if count
        ]
        heapq.heapify(heap)
        lengths = np.zeros(len(counts), np.int64)
        while len(heap) > 1:
            one, other = heapq.heappop(heap), heapq.heappop(heap)
            both = one[2] + other[2]
            lengths[list(both)] += 1
            heapq.heappush(heap, (one[0] + other[0], one[1], both))
        if lengths.max() <= LONGEST_CODE:
            return lengths
        least *= 2


def _codes(lengths: Numbers) -> Numbers:
    """Each symbol's canonical code, its first bit lowest."""
    codes, code, before = np.zeros_like(lengths), 0, 0
    for symbol in np.argsort(lengths, kind="stable"):
        if lengths[symbol]:
            code <<= int(lengths[symbol]) - before
            before = int(lengths[symbol])
            codes[symbol] = _turned(code, before)
            code += 1
    return codes


def _turned(code: int, bits: int) -> int:
    """A code's bits in the order of writing: its first one lowest."""
    return int(f"{code:0{bits}b}"[::-1], 2)


def _header(lengths: Numbers) -> Iterator[tuple[int, int]]:
    """What comes before the symbols, as (value, bits): nothing is transformed, and the five prefix codes."""
    yield 0, 3  # no transform, no colour cache, one group of codes
    yield 0, 1  # the green's code, in full
    yield 15, 4  # 19 kinds of code lengths, in the format's own order
    yield 0, 6
    for kind in (0, 1, 2, 3, 4, 5, 16, *range(6, 16)):
        yield (0 if kind == 16 else 4), 3  # lengths of 0 to 15, in 4 bits each
    yield 0, 1  # all 280 of them
    for length in lengths.tolist():
        yield _turned(length, 4), 4
    for only in (0, 0, 0, 1):  # red, blue and alpha are 0; a run goes on from the pixel at the left
        yield 1 | only << 3, 4


class Writer:
    """Values of up to 31 bits one after the other, the lowest bit first: so many bits in all."""

    def __init__(self, bits: int) -> None:
        self.words = np.zeros(bits // 32 + 2, np.uint32)
        self.bits = 0

    def add(self, values: Numbers, bits: Numbers) -> None:
        """Write each of the values in its number of bits."""
        ends = self.bits + np.cumsum(bits)
        first = ends - bits
        word = first >> 5
        wide = values.astype(np.uint64) << (first & 31).astype(np.uint64)
        starts = np.flatnonzero(np.diff(word, prepend=-1))
        together = np.bitwise_or.reduceat(wide, starts)
        self.words[word[starts]] |= together.astype(np.uint32)
        self.words[word[starts] + 1] |= (together >> np.uint64(32)).astype(np.uint32)
        self.bits = int(ends[-1])

    def done(self) -> bytes:
        return self.words.astype("<u4").tobytes()[: -(-self.bits // 8)]
