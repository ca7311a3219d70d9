"""rembg's contract: `GET` and `POST /api/remove`, as its clients use them."""

from __future__ import annotations

import json

import httpx
import numpy as np
import pytest

from tests.hostile.files import HOSTILE
from tests.server.conftest import SIZE, opened

URL = "/api/remove"

PARAMETERS = [
    ({}, "RGBA"),
    ({"model": "quick"}, "RGBA"),
    ({"a": "true", "af": "240", "ab": "10", "ae": "10"}, "RGBA"),
    ({"af": "0", "ab": "255", "ae": "0"}, "RGBA"),
    ({"om": "true"}, "L"),
    ({"om": "1", "ppm": "true", "a": "true"}, "L"),
    ({"ppm": "true"}, "RGBA"),
    ({"dc": "true", "vm": "false"}, "RGBA"),
    ({"bgc": "255,255,255,255"}, "RGBA"),
    ({"bgc": "1,2,3"}, "RGBA"),
    ({"extras": json.dumps({"only_mask": True})}, "L"),
    ({"extras": json.dumps({"bgcolor": [1, 2, 3, 255]})}, "RGBA"),
    ({"extras": "{no json"}, "RGBA"),
    ({"extras": "[1]"}, "RGBA"),
]


@pytest.mark.parametrize("place", ["data", "params"])
@pytest.mark.parametrize(("said", "mode"), PARAMETERS, ids=lambda value: str(value)[:40])
def test_every_parameter_is_taken_in_form_and_query(
    client: httpx.Client, shot: bytes, said: dict[str, str], mode: str, place: str
) -> None:
    answer = client.post(URL, files={"file": shot}, **{place: said})  # type: ignore[arg-type]

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    assert (opened(answer.content).mode, opened(answer.content).size) == (mode, SIZE)


def test_a_background_colour_lies_behind_the_subject(client: httpx.Client, shot: bytes) -> None:
    whole = opened(client.post(URL, files={"file": shot}, params={"bgc": "10,20,30,255"}).content)
    half = opened(client.post(URL, files={"file": shot}, params={"bgc": "10,20,30,128"}).content)

    assert whole.getpixel((199, 0)) == (10, 20, 30, 255)
    assert half.getpixel((199, 0)) == (10, 20, 30, 128)


def test_post_processing_makes_the_mask_hard(client: httpx.Client, shot: bytes) -> None:
    answer = client.post(URL, files={"file": shot}, data={"om": "true", "ppm": "true"})

    assert set(np.unique(np.asarray(opened(answer.content)))) == {0, 255}


@pytest.mark.parametrize(
    "said",
    [
        {"af": "256"},
        {"ab": "-1"},
        {"ae": "-1"},
        {"ae": "1000000000"},
        {"a": "perhaps"},
        {"bgc": "1,2"},
        {"bgc": "red"},
        {"bgc": "1,2,3,400"},
    ],
)
def test_what_is_out_of_bounds_is_422_with_the_frameworks_list(
    client: httpx.Client, shot: bytes, said: dict[str, str]
) -> None:
    answer = client.post(URL, files={"file": shot}, data=said)

    assert answer.status_code == 422
    first = answer.json()["detail"][0]
    assert {"type", "loc", "msg"} <= first.keys()
    assert first["loc"][:2] == ["body", next(iter(said))]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"model": "xxu2netyy"}, "no model named 'xxu2netyy'; expected one of quick"),
        ({"model": "../../etc/passwd"}, "no model named"),
        ({"extras": json.dumps({"model_path": "/etc/passwd"})}, "extras holds 'model_path'"),
        ({"extras": json.dumps({"providers": ["CPU"]})}, "extras holds 'providers'"),
        ({"vm": "true"}, "ViTMatte"),
    ],
)
def test_what_is_not_here_is_refused_not_replaced(
    client: httpx.Client, shot: bytes, said: dict[str, str], words: str
) -> None:
    answer = client.post(URL, files={"file": shot}, data=said)

    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_a_missing_file_or_a_raw_body_is_422(client: httpx.Client, shot: bytes) -> None:
    for answer in (
        client.post(URL, data={"model": "quick"}),
        client.post(URL, content=shot, headers={"Content-Type": "image/png"}),
        client.post(URL, files={"image": shot}),
    ):
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "file"]
    assert client.get(URL).json()["detail"][0]["loc"] == ["query", "url"]


@pytest.mark.parametrize("name", ["text", "empty", "truncated-png", "png-bomb", "pdf"])
def test_a_file_that_is_no_picture_is_the_senders_fault_not_500(client: httpx.Client, name: str) -> None:
    answer = client.post(URL, files={"file": HOSTILE[name]})

    assert answer.status_code in {400, 422}
    assert answer.json()["detail"]


def test_with_fetching_off_a_url_is_403(client: httpx.Client) -> None:
    answer = client.get(URL, params={"url": "https://example.com/a.jpg"})

    assert (answer.status_code, "fetches no addresses" in answer.json()["detail"]) == (403, True)


def test_too_large_is_413_and_the_api_is_described(client: httpx.Client) -> None:
    assert client.post(URL, files={"file": bytes(3_200_000)}).status_code == 413
    assert client.get("/api").status_code == 200
    assert client.get("/openapi.json").json()["paths"]["/api/remove"].keys() == {"get", "post"}
    for answer, status in ((client.put(URL), 405), (client.get("/api/none"), 404)):
        assert (answer.status_code, answer.json().keys()) == (status, {"detail"})
