"""The body of a request: read with bounds on size and time, then taken apart, whatever it calls itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from u2bg.errors import ClientLeft, RequestError, TooLarge, TooSlow, WrongType

FRAME_BYTES = 64 * 1024
"""What a form may be larger than the file in it: boundaries, headers, the other fields."""

BASE64_GROWTH = 1.4
"""How much larger a file is as base64, with its line ends."""

STALL_S = 10.0
"""A body that brings nothing for so long is given up."""

MOST_PARTS = 40
MOST_TEXT = 16 * 1024

MULTIPART, URLENCODED, JSON = "multipart/form-data", "application/x-www-form-urlencoded", "application/json"


@dataclass(slots=True)
class Form:
    """What a request said.

    Attributes:
        texts: fields by name. Empty ones are left out: some clients send every field they know.
        files: the bytes of file parts by the name of their field; empty ones are left out too.
    """

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


def kind_of(request: Request) -> tuple[str, str]:
    """The Content-Type in lower case without its parameters, and the whole of it."""
    whole = request.headers.get("content-type", "")
    return whole.partition(";")[0].strip().lower(), whole


async def read(request: Request, limit: int, hold: Callable[[int], None]) -> bytes:
    """The whole body, in memory.

    Args:
        limit: in bytes.
        hold: told of every piece's bytes; may raise to refuse it.

    Raises:
        TooLarge: by its Content-Length, before anything is read, or as soon as more has come. TooSlow: nothing came
            for `STALL_S`. ClientLeft: the connection broke. RequestError: a Content-Length that is no number.
    """
    announced = request.headers.get("content-length", "0")
    if not (announced.isascii() and announced.isdigit()):
        raise RequestError(f"Content-Length {announced[:20]!r} is no number")
    if int(announced) > limit:
        raise TooLarge(f"the body has {int(announced):,} bytes; expected at most {limit:,}")
    chunks, size, more = [], 0, True
    while more:
        try:
            async with asyncio.timeout(STALL_S):
                message = await request.receive()
        except TimeoutError:
            raise TooSlow(f"the body stopped after {size:,} bytes for {STALL_S:g} s") from None
        if message["type"] == "http.disconnect":
            raise ClientLeft("who asked left before the body was there")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
        hold(len(chunks[-1]))
        if size > limit:
            raise TooLarge(f"the body has more than {limit:,} bytes, which is the limit")
    return b"".join(chunks)


def parse(content_type: str, body: bytes) -> Form:
    """Take a form apart: multipart, urlencoded or JSON.

    Raises:
        WrongType: none of the three. RequestError: not what it calls itself, or with too many or too long fields.
    """
    kind = content_type.partition(";")[0].strip().lower()
    parsers = {MULTIPART: _multipart, URLENCODED: _urlencoded, JSON: _json}
    if kind not in parsers:
        raise WrongType(f"Content-Type {kind[:80]!r}; expected one of {', '.join(parsers)}")
    form = parsers[kind](content_type, body)
    for name, text in form.texts.items():
        if len(text) > MOST_TEXT and not name.endswith("_b64"):
            raise RequestError(
                f"field {name[:40]!r} has {len(text):,} characters; expected at most {MOST_TEXT:,}"
            )
    return form


def _multipart(content_type: str, body: bytes) -> Form:
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise RequestError("a multipart body without a boundary in its Content-Type")
    parts = _Parts(body)
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": parts.begin,
            "on_part_data": parts.more,
            "on_part_end": parts.end,
            "on_header_field": parts.header_name,
            "on_header_value": parts.header_value,
            "on_header_end": parts.header_end,
            "on_end": parts.finish,
        },
    )
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise RequestError(f"the multipart body is damaged: {str(error)[:80]}") from None
    if not parts.finished:
        raise RequestError("the multipart body ends before its last boundary")
    return parts.form


class _Parts:
    """What the parser calls; slices of the body become fields and files."""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)
        self.form, self.finished, self._count = Form(), False, 0
        self.begin()
        self._count = 0

    def begin(self) -> None:
        self._count += 1
        if self._count > MOST_PARTS:
            raise FormParserError(f"more than {MOST_PARTS} parts")
        self._name = self._value = b""
        self._disposition: dict[bytes, bytes] = {}
        self._pieces: list[memoryview] = []

    def header_name(self, _: bytes, start: int, end: int) -> None:
        self._name += self._body[start:end]

    def header_value(self, _: bytes, start: int, end: int) -> None:
        self._value += self._body[start:end]

    def header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            _, self._disposition = parse_options_header(self._value)
        self._name = self._value = b""

    def more(self, _: bytes, start: int, end: int) -> None:
        self._pieces.append(self._body[start:end])

    def end(self) -> None:
        name = self._disposition.get(b"name", b"").decode("utf-8", "replace")
        content = b"".join(self._pieces)
        if not name:
            raise FormParserError("a part without a name")
        if not content:
            return
        if b"filename" in self._disposition:  # the name itself is of no use to us, so it can do no harm
            self.form.files[name] = content
        else:
            self.form.texts[name] = content.decode("utf-8", "replace")

    def finish(self) -> None:
        self.finished = True


def _urlencoded(_: str, body: bytes) -> Form:
    try:
        pairs = parse_qsl(body.decode("utf-8"), max_num_fields=MOST_PARTS)
    except ValueError:  # UnicodeDecodeError is one
        raise RequestError(f"the form is no UTF-8, or has more than {MOST_PARTS} fields") from None
    return Form(dict(pairs))


def _json(_: str, body: bytes) -> Form:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestError("the body is no JSON; expected an object of fields") from None
    if not isinstance(said, dict) or len(said) > MOST_PARTS:
        raise RequestError(f"the body is no object of at most {MOST_PARTS} fields")
    texts = {}
    for name, value in said.items():
        if isinstance(value, list | dict):
            raise RequestError(
                f"field {name[:40]!r} is a list or an object; expected text, a number or a boolean"
            )
        if value not in (None, ""):
            texts[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return Form(texts)
