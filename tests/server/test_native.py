"""`POST /v1/remove`, from outside."""

from __future__ import annotations

import base64
import io
import json

import httpx
import numpy as np
import pytest
from PIL import Image

import u2bg
from tests.server.conftest import CAT, SIZE, flat, opened, running, small


def test_the_answer_is_byte_for_byte_what_the_command_line_writes() -> None:
    with running() as server:
        answer = server.client.post("/v1/remove", files={"image": CAT})
        cropped = server.client.post("/v1/remove", files={"image": CAT}, data={"crop": "true", "margin": "5"})

    cutout = u2bg.remove(CAT)
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == cutout.encode("png")
    assert cropped.content == cutout.crop(5).encode("png")


def test_a_raw_body_is_as_good_as_a_form(client: httpx.Client, shot: bytes) -> None:
    form = client.post("/v1/remove", files={"image": shot}, data={"format": "webp"})
    for kind in ("image/jpeg", "image/png", "application/octet-stream"):
        raw = client.post("/v1/remove?format=webp", content=shot, headers={"Content-Type": kind})
        assert raw.content == form.content, kind
    assert form.headers["content-type"] == "image/webp"


def test_headers_tell_size_confidence_and_subject(client: httpx.Client, shot: bytes) -> None:
    headers = client.post("/v1/remove", files={"image": shot}).headers

    assert (headers["x-width"], headers["x-height"], headers["x-subject"]) == ("200", "100", "true")
    assert 0.5 < float(headers["x-confidence"]) <= 1


def test_json_carries_the_same_picture(client: httpx.Client, shot: bytes) -> None:
    picture = client.post("/v1/remove", files={"image": shot}).content
    said = client.post("/v1/remove", files={"image": shot}, headers={"Accept": "application/json"}).json()

    assert base64.b64decode(said.pop("image")) == picture
    assert said.keys() == {"width", "height", "confidence", "subject", "type"}
    assert said["type"] == "image/png"


@pytest.mark.parametrize(
    ("fields", "mode", "kind"),
    [
        ({}, "RGBA", "PNG"),
        ({"layer": "mask"}, "L", "PNG"),
        ({"layer": "trimap"}, "L", "PNG"),
        ({"background": "#ff8800"}, "RGB", "PNG"),
        ({"format": "jpg"}, "RGB", "JPEG"),
        ({"format": "webp"}, "RGBA", "WEBP"),
        ({"refine": "off", "foreground": "off", "second_pass": "auto"}, "RGBA", "PNG"),
        ({"background": "", "model": "", "crop": ""}, "RGBA", "PNG"),
    ],
)
def test_options_are_those_of_the_command_line(
    client: httpx.Client, shot: bytes, fields: dict[str, str], mode: str, kind: str
) -> None:
    answer = client.post("/v1/remove", files={"image": shot}, data=fields)

    assert answer.status_code == 200, answer.text
    picture = opened(answer.content)
    assert (picture.mode, picture.format, picture.size) == (mode, kind, SIZE)


def test_a_crop_with_a_margin_is_the_subject_and_so_much_around_it(client: httpx.Client, shot: bytes) -> None:
    tight = opened(client.post("/v1/remove", files={"image": shot}, data={"crop": "true"}).content)
    wide = opened(client.post("/v1/remove?crop=true&margin=5", files={"image": shot}).content)

    assert (wide.width, wide.height) == (tight.width + 10, tight.height + 10)


def test_a_background_picture_is_scaled_to_cover(client: httpx.Client, shot: bytes) -> None:
    blue = io.BytesIO()
    Image.new("RGB", (10, 10), (0, 0, 200)).save(blue, "PNG")

    answer = client.post("/v1/remove", files={"image": shot, "background_image": blue.getvalue()})

    assert opened(answer.content).getpixel((199, 0)) == (0, 0, 200)


def _mask(box: tuple[int, int, int, int]) -> bytes:
    mask = Image.new("L", SIZE)
    mask.paste(255, box)
    file = io.BytesIO()
    mask.save(file, "PNG")
    return file.getvalue()


def test_masks_to_keep_and_erase_hold_exactly(client: httpx.Client, shot: bytes) -> None:
    files = {"image": shot, "keep_mask": _mask((160, 0, 180, 20)), "erase_mask": _mask((60, 60, 90, 90))}

    alpha = np.asarray(opened(client.post("/v1/remove", files=files, data={"layer": "mask"}).content))

    assert (alpha[:20, 160:180] == 255).all()
    assert (alpha[60:90, 60:90] == 0).all()


def test_points_to_erase_hold_too(client: httpx.Client, shot: bytes) -> None:
    answer = client.post("/v1/remove", files={"image": shot}, data={"erase": "[[70, 70]]", "layer": "mask"})

    assert np.asarray(opened(answer.content))[70, 70] == 0


REFUSED = [
    (422, "invalid_parameter", "format", {"data": {"format": "gif"}}),
    (422, "invalid_parameter", "margin", {"data": {"margin": "-1"}}),
    (422, "invalid_parameter", "formt", {"data": {"formt": "png"}}),
    (422, "invalid_parameter", "no model named 'u2nett'", {"data": {"model": "u2nett"}}),
    (422, "invalid_parameter", "no model named '../../etc", {"data": {"model": "../../etc/passwd"}}),
    (422, "invalid_parameter", "no opaque colour 'nope'", {"data": {"background": "nope"}}),
    (422, "invalid_parameter", "keep", {"data": {"keep": "nonsense"}}),
    (422, "invalid_dimensions", "outside the photo", {"data": {"keep": "[[9999, 1]]"}}),
    (
        422,
        "invalid_parameter",
        "both in the query and in the form",
        {"data": {"crop": "1"}, "params": {"crop": "1"}},
    ),
    (400, "invalid_request", "no picture", {"files": {}, "data": {"crop": "1"}, "multipart": True}),
    (400, "invalid_file_type", "is no picture", {"files": {"image": b"hello"}}),
    (422, "invalid_parameter", "no file field named 'picture'", {"files": {"picture": b"hello"}}),
    (
        415,
        "unsupported_media_type",
        "text/plain",
        {"content": b"x", "headers": {"Content-Type": "text/plain"}},
    ),
]


@pytest.mark.parametrize(("status", "code", "words", "request_"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_cannot_be_is_refused_in_one_line(
    client: httpx.Client, shot: bytes, status: int, code: str, words: str, request_: dict[str, object]
) -> None:
    request = dict(request_)
    if request.pop("multipart", False):
        request["files"] = {"nothing": ("", b"")}
    elif "content" not in request and "files" not in request:
        request["files"] = {"image": shot}

    answer = client.post("/v1/remove", **request)  # type: ignore[arg-type]

    said = answer.json()["error"]
    assert (answer.status_code, said["code"]) == (status, code), said
    assert words in said["message"]
    assert "\n" not in said["message"]


def test_a_picture_without_a_subject_is_refused_only_where_one_is_required(client: httpx.Client) -> None:
    answer = client.post("/v1/remove", files={"image": flat()})
    assert (answer.status_code, answer.headers["x-subject"]) == (200, "false")

    refused = client.post("/v1/remove", files={"image": flat()}, data={"require_subject": "true"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "unknown_foreground")


def test_the_answer_says_nothing_of_who_may_keep_it_but_that_nobody_may(
    client: httpx.Client, shot: bytes
) -> None:
    headers = client.post("/v1/remove", files={"image": shot}).headers

    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_openapi_tells_every_option_with_its_default(client: httpx.Client) -> None:
    description = client.get("/openapi.json").json()
    operation = description["paths"]["/v1/remove"]["post"]

    told = {one["name"]: one["schema"].get("default") for one in operation["parameters"]}
    assert told["format"] == "png"
    assert told["second_pass"] == "off"
    assert {
        "model",
        "layer",
        "background",
        "refine",
        "foreground",
        "crop",
        "margin",
        "keep",
        "erase",
    } <= told.keys()
    assert "503" in operation["responses"]
    json.dumps(description)


def test_a_scaled_photo_gives_its_own_size(client: httpx.Client) -> None:
    for width in (1, 7, 33):
        answer = client.post("/v1/remove", files={"image": small(CAT, width, "PNG")})
        assert opened(answer.content).width == width
