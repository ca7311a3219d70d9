"""Requests drawn from the server's own description, and some that break it: never a 500."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.conftest import Running, running

schemathesis: Any = pytest.importorskip("schemathesis")

FILES = ("image", "file", "image_file", "bg_image_file", "background_image", "keep_mask", "erase_mask")
ALLOWED = {200, 400, 403, 404, 405, 413, 415, 422, 501}


def _attack(server: Running, shot: bytes, cases: int) -> Counter[int]:
    """So many requests, shared out among the operations and between what is allowed and what is not."""
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    modes: list[Any] = list(schemathesis.GenerationMode)
    asked = [one for one in operations if one.method == "post" or "url" in str(one.query.items)]
    quiet = [one for one in operations if one not in asked]  # there is nothing to get wrong about them
    share = -(-(cases - len(quiet)) // (len(asked) * len(modes)))
    seen: Counter[int] = Counter()
    for operation in operations:
        for mode in modes if operation in asked else modes[:1]:

            @settings(
                max_examples=share,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=[*HealthCheck],
            )
            @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
            def ask(case: Any, real: bool) -> None:
                if real and isinstance(
                    case.body, dict
                ):  # noise is no picture: else nothing but its refusal is seen
                    case.body |= {name: shot for name in FILES if name in case.body}
                answer = case.call(base_url=server.url, timeout=30)
                seen[answer.status_code] += 1
                assert answer.status_code in ALLOWED, answer.content[:500]
                assert b"Traceback" not in answer.content[:2000]

            ask()
    return seen


def test_no_request_that_the_description_can_think_of_is_a_500(server: Running, shot: bytes) -> None:
    seen = _attack(server, shot, 120)

    assert seen[200] > 10
    assert seen[422] > 10


@pytest.mark.slow
def test_nor_is_any_of_five_thousand_with_fetching_on(quick: str, shot: bytes) -> None:
    async def nobody(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    from u2bg.server.fetch import Fetcher

    with running(
        models=quick, max_upload="1MB", allow_url_fetch=True, fetcher=Fetcher(1_000_000, nobody)
    ) as server:
        assert _attack(server, shot, 5000).total() >= 5000
