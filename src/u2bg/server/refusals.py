"""Errors as answers: one table of codes, and the three shapes that clients expect."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from u2bg import errors
from u2bg.errors import Busy, U2bgError
from u2bg.server import logs
from u2bg.server.removebg.parameters import BadParameter

log = logging.getLogger("u2bg.server")

CODES: tuple[tuple[type[U2bgError], str], ...] = (
    (errors.NotAPicture, "invalid_file_type"),
    (errors.BrokenPicture, "failed_to_read_image"),
    (errors.TooManyPixels, "resolution_too_high"),
    (errors.BadArray, "invalid_dimensions"),
    (errors.NoSubject, "unknown_foreground"),
    (errors.Forbidden, "auth_failed"),
    (errors.TooSlow, "request_timeout"),
    (errors.TooLarge, "file_too_large"),
    (errors.WrongType, "unsupported_media_type"),
    (errors.ClientLeft, "client_left"),
    (errors.Busy, "server_busy"),
    (errors.FetchRefused, "invalid_image_url"),
    (errors.FetchFailed, "failed_image_download"),
    (errors.RequestError, "invalid_request"),
    (errors.InputError, "invalid_parameter"),
    (errors.MissingExtra, "not_installed"),
)
"""The first class that an error is of gives its code; remove.bg's own names where it has one."""


class Refusal(Exception):
    """An error that has found its answer already: status, code, message, and what a contract adds."""

    def __init__(self, status: int, code: str, message: str, detail: object = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.detail = status, code, message, detail
        self.headers: dict[str, str] = {}


def refusal(error: Exception) -> Refusal:
    """What is answered to an error."""
    match error:
        case Refusal():
            found = error
        case BadParameter():
            found = Refusal(400, error.code, str(error))
        case ValidationError():
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            found = Refusal(422, "invalid_parameter", f"{name[:80]}: {first['msg']}")
        case HTTPException():
            phrase = HTTPStatus(error.status_code).phrase
            found = Refusal(error.status_code, phrase.lower().replace(" ", "_"), phrase)
            found.headers = dict(error.headers or {})
        case MemoryError():
            message = "the picture needs more memory than there is; fix: send a smaller one"
            found = Refusal(503, "server_busy", message)
        case U2bgError() if error.http_status != HTTPStatus.INTERNAL_SERVER_ERROR:
            code = next((code for kind, code in CODES if isinstance(error, kind)), "internal_error")
            found = Refusal(error.http_status, code, str(error))
        case _:
            log.error("a request failed", exc_info=error)
            message = f"something broke; the log knows it as {logs.request_id.get()}"
            found = Refusal(500, "internal_error", message)
    if isinstance(error, Busy):
        found.headers["Retry-After"] = str(error.retry_after_s)
    return found


def answer(request: Request, error: Exception) -> Response:
    """The answer to an error, in the shape of the contract that the address belongs to."""
    found = refusal(error)
    path = request.url.path
    if path.startswith("/v1.0/"):
        # remove.bg has no other statuses for a request that it does not like
        kept = {403, 404, 405, 408, 429, 499, 500, 501, 502, 503}
        status = found.status if found.status in kept else 400
        said: object = {"errors": [{"title": found.message, "code": found.code, "detail": found.message}]}
    elif path.startswith("/api/"):
        status, said = found.status, {"detail": found.detail or found.message}
    else:
        status, said = found.status, {"error": {"code": found.code, "message": found.message}}
    service = request.app.state.service
    service.metrics.error(found.code)
    request.state.code = found.code
    return Response(json.dumps(said, ensure_ascii=False), status, found.headers, "application/json")
