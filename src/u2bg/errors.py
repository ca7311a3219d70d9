"""Every error that u2bg raises on purpose: one line each, saying what, got, expected and fix.

U2bgError                     exit 1   http 500
├── InputError                exit 1   http 422   the picture or an argument cannot be used
│   ├── UsageError            exit 2   http 422   the request itself makes no sense
│   │   └── UnknownName       exit 2   http 422   a name that is in no table
│   ├── SourceMissing         exit 1   http 404
│   ├── NotAPicture           exit 1   http 400
│   ├── BrokenPicture         exit 1   http 400
│   ├── TooManyPixels         exit 1   http 400
│   └── BadArray              exit 1   http 422
├── CannotWrite               exit 1   http 500
│   └── OutputExists          exit 1   http 409
├── ModelError                exit 1   http 500   a model that cannot be had or cannot be run
│   ├── BadModel              exit 1   http 500
│   └── PullFailed            exit 1   http 502
├── MissingExtra              exit 1   http 501
├── RequestError              exit 1   http 400   a request that the server refuses, whatever its picture
│   ├── Forbidden             exit 1   http 403
│   ├── TooSlow               exit 1   http 408
│   ├── TooLarge              exit 1   http 413
│   ├── WrongType             exit 1   http 415
│   ├── ClientLeft            exit 1   http 499
│   ├── Busy                  exit 1   http 503
│   ├── FetchRefused          exit 1   http 400
│   └── FetchFailed           exit 1   http 400
└── NoSubject                 exit 4   http 422   only with `require_subject=True`
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class U2bgError(Exception):
    """Root of every error that u2bg raises on purpose. `str(error)` is one line for people."""

    exit_code = 1
    http_status = 500


class InputError(U2bgError):
    """What came in cannot be used."""

    http_status = 422


class UsageError(InputError):
    """The request itself makes no sense, whatever the picture."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that is in no table: model, format, colour."""

    def __init__(self, kind: str, got: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(got, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        super().__init__(f"no {kind} named {got!r}; expected one of {', '.join(known)}{hint}")


class SourceMissing(InputError):
    """A path that leads to no file, or to one that may not be read."""

    http_status = 404


class NotAPicture(InputError):
    """Bytes that are no picture of a known kind."""

    http_status = 400


class BrokenPicture(InputError):
    """A picture whose head is right and whose body cannot be decoded."""

    http_status = 400


class TooManyPixels(InputError):
    """A picture whose header promises more pixels than the limit; nothing was decoded."""

    http_status = 400


class BadArray(InputError):
    """An array of a shape, type or range that is no picture."""


class CannotWrite(U2bgError):
    """An output that cannot be written; what stood there before is untouched."""


class OutputExists(CannotWrite):
    """An output that is already there, and overwriting was not asked for."""

    http_status = 409


class ModelError(U2bgError):
    """A model that cannot be had or cannot be run."""


class BadModel(ModelError):
    """A model file that is damaged, is no ONNX, or whose inputs and outputs are no saliency network's."""


class PullFailed(ModelError):
    """A download that no origin could serve whole."""

    http_status = 502


class MissingExtra(U2bgError):
    """A feature whose optional packages are not installed."""

    http_status = 501

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs packages that are not installed; fix: pip install 'u2bg[{extra}]'")


class RequestError(U2bgError):
    """A request that the server refuses, whatever its picture."""

    http_status = 400


class Forbidden(RequestError):
    """No API key, a wrong one, or something that this server does not do for anybody."""

    http_status = 403


class TooSlow(RequestError):
    """A body that did not arrive in time."""

    http_status = 408


class TooLarge(RequestError):
    """A body or a file over the limit; no more of it was read."""

    http_status = 413


class WrongType(RequestError):
    """A Content-Type that the address does not take."""

    http_status = 415


class ClientLeft(RequestError):
    """Who asked is gone; nobody reads this."""

    http_status = 499


class Busy(RequestError):
    """The queue is full, or the picture could not be done in time.

    Attributes:
        retry_after_s: when to ask again, in seconds.
    """

    http_status = 503

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class FetchRefused(RequestError):
    """An address that the server does not fetch from; nothing was connected to."""


class FetchFailed(RequestError):
    """An address that gave no picture, or not in time, or too large a one."""


class NoSubject(U2bgError):
    """No subject was found, and the caller asked for one."""

    exit_code = 4
    http_status = 422
