"""remove.bg's contract: every parameter, error code and header, and what its own clients lean on."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.hostile.files import HOSTILE
from tests.server.conftest import BOX, SIZE, Running, boxed, flat, opened, running

URL = "/v1.0/removebg"
FULL = {"size": "full"}
LEFT, TOP, RIGHT, BOTTOM = BOX
WIDE, HIGH = RIGHT - LEFT, BOTTOM - TOP


def post(client: httpx.Client, picture: bytes, accept: str = "*/*", **fields: str) -> httpx.Response:
    """As its clients do: multipart, the picture in `image_file`."""
    return client.post(
        URL, files={"image_file": picture}, data={**FULL, **fields}, headers={"Accept": accept}
    )


def box_of(content: bytes) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is more than half opaque."""
    alpha = opened(content).convert("RGBA").getchannel("A")
    box = alpha.point(lambda value: 255 * (value > 127)).getbbox()
    assert box is not None
    return box


def near(got: tuple[int, ...], expected: tuple[float, ...], by: float = 3) -> bool:
    return all(abs(one - other) <= by for one, other in zip(got, expected, strict=True))


# Sizes: the most pixels of the result, never more than the picture has.
@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("preview", (707, 353)),
        ("small", (707, 353)),
        ("regular", (707, 353)),
        ("", (707, 353)),
        ("medium", (1732, 866)),
        ("hd", (2000, 1000)),
        ("full", (2000, 1000)),
        ("4k", (2000, 1000)),
        ("50MP", (2000, 1000)),
        ("auto", (2000, 1000)),
        ("AUTO", (2000, 1000)),
    ],
)
def test_sizes(client: httpx.Client, size: str, expected: tuple[int, int]) -> None:
    photo = boxed((2000, 1000), (400, 200, 1200, 800))

    answer = post(client, photo, size=size)

    assert opened(answer.content).size == expected
    assert (answer.headers["x-width"], answer.headers["x-height"]) == tuple(map(str, expected))
    assert (answer.headers["x-max-width"], answer.headers["x-max-height"]) == ("2000", "1000")
    told = tuple(int(answer.headers[f"x-foreground-{side}"]) for side in ("left", "top", "width", "height"))
    assert near(told, (400, 200, 800, 600), 60), "in pixels of the picture that came in"


# Every parameter and what it does; the box is where the subject lies then.
PLACED = [
    ({}, SIZE, BOX),
    ({"crop": "true"}, (WIDE, HIGH), (0, 0, WIDE, HIGH)),
    ({"crop": "true", "crop_margin": "10px"}, (WIDE + 20, HIGH + 20), (10, 10, 10 + WIDE, 10 + HIGH)),
    ({"crop": "true", "crop_margin": "10% 5px"}, (WIDE + 10, HIGH + 12), (5, 6, 5 + WIDE, 6 + HIGH)),
    ({"crop": "true", "crop_margin": "1px 2px 3px 4px"}, (WIDE + 6, HIGH + 4), (4, 1, 4 + WIDE, 1 + HIGH)),
    ({"crop": "true", "crop_margin": "100px"}, (WIDE + 200, HIGH + 200), (100, 100, 100 + WIDE, 100 + HIGH)),
    ({"crop_margin": "10px"}, SIZE, BOX),
    ({"position": "center"}, SIZE, (60, 20, 140, 80)),
    ({"position": "0%"}, SIZE, (0, 0, WIDE, HIGH)),
    ({"position": "100% 0%"}, SIZE, (200 - WIDE, 0, 200, HIGH)),
    ({"scale": "60%"}, SIZE, (60, 20, 140, 80)),
    ({"scale": "100%"}, SIZE, (33, 0, 167, 100)),
    ({"scale": "30%", "position": "0% 100%"}, SIZE, (0, 70, 40, 100)),
    ({"scale": "original", "position": "original"}, SIZE, BOX),
    ({"roi": "0px 0px 130px 100px"}, SIZE, BOX),
    ({"roi": "10% 10% 90% 90%"}, SIZE, BOX),
    ({"roi": "0 0 80px 100%"}, SIZE, (LEFT, TOP, 80, BOTTOM)),
]


@pytest.mark.parametrize(("fields", "size", "box"), PLACED, ids=lambda value: str(value)[:50])
def test_where_the_subject_goes(
    client: httpx.Client,
    shot: bytes,
    fields: dict[str, str],
    size: tuple[int, int],
    box: tuple[int, int, int, int],
) -> None:
    answer = post(client, shot, **fields)

    assert answer.status_code == 200, answer.text
    assert near(opened(answer.content).size, size, 6), "edges of the map are soft to a pixel or two"
    assert near(box_of(answer.content), box, 6)


@pytest.mark.parametrize(
    ("fields", "media", "kind", "mode"),
    [
        ({}, "image/png", "PNG", "RGBA"),
        ({"format": "auto"}, "image/png", "PNG", "RGBA"),
        ({"format": "png"}, "image/png", "PNG", "RGBA"),
        ({"format": "jpg"}, "image/jpeg", "JPEG", "RGB"),
        ({"format": "webp"}, "image/webp", "WEBP", "RGBA"),
        ({"bg_color": "81d4fa"}, "image/jpeg", "JPEG", "RGB"),
        ({"bg_color": "81d4fa", "format": "png"}, "image/png", "PNG", "RGB"),
        ({"bg_color": "81d4fa77"}, "image/png", "PNG", "RGBA"),
        ({"channels": "alpha"}, "image/png", "PNG", "L"),
        ({"channels": "alpha", "format": "jpg"}, "image/jpeg", "JPEG", "L"),
        ({"shadow_type": "drop"}, "image/png", "PNG", "RGBA"),
    ],
)
def test_formats(
    client: httpx.Client, shot: bytes, fields: dict[str, str], media: str, kind: str, mode: str
) -> None:
    answer = post(client, shot, **fields)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == media
    assert (opened(answer.content).format, opened(answer.content).mode) == (kind, mode)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ("f00", (255, 0, 0, 255)),
        ("#f00", (255, 0, 0, 255)),
        ("f008", (255, 0, 0, 136)),
        ("0000ff", (0, 0, 255, 255)),
        ("#0000FF80", (0, 0, 255, 128)),
        ("green", (0, 128, 0, 255)),
        ("RebeccaPurple", (102, 51, 153, 255)),
    ],
)
def test_background_colours(
    client: httpx.Client, shot: bytes, colour: str, expected: tuple[int, int, int, int]
) -> None:
    answer = post(client, shot, bg_color=colour, format="png")

    assert opened(answer.content).convert("RGBA").getpixel((199, 99)) == expected


def test_a_background_file_is_scaled_to_cover_and_centred(client: httpx.Client, shot: bytes) -> None:
    stripes = Image.new("RGB", (300, 300), (0, 0, 200))
    stripes.paste((200, 0, 0), (0, 0, 300, 70))  # cut away where 300×300 covers 200×100
    file = io.BytesIO()
    stripes.save(file, "PNG")

    answer = client.post(
        URL, files={"image_file": shot, "bg_image_file": file.getvalue()}, data={**FULL, "format": "png"}
    )

    assert opened(answer.content).getpixel((199, 1)) == (0, 0, 200)
    assert answer.headers["content-type"] == "image/png"


def test_a_background_file_of_equal_size_stays_as_it_is(client: httpx.Client, shot: bytes) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")

    answer = client.post(
        URL, files={"image_file": shot, "bg_image_file": file.getvalue()}, data={**FULL, "format": "png"}
    )

    assert np.array_equal(np.asarray(opened(answer.content))[:, 160:, :3], noise[:, 160:])


def test_a_zip_holds_colours_and_alpha_that_make_the_png(client: httpx.Client, shot: bytes) -> None:
    answer = post(client, shot, format="zip")
    picture = opened(post(client, shot, format="png").content)

    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["color.jpg", "alpha.png"]
        color, alpha = opened(archive.read("color.jpg")), opened(archive.read("alpha.png"))
    assert (color.format, color.mode, alpha.format, alpha.mode) == ("JPEG", "RGB", "PNG", "L")
    assert color.size == alpha.size == picture.size
    assert np.array_equal(np.asarray(alpha), np.asarray(picture)[..., 3])


def test_a_shadow_falls_below_the_subject_and_is_as_dark_as_asked(client: httpx.Client, shot: bytes) -> None:
    def below(**fields: str) -> int:
        pixel = opened(post(client, shot, **fields).content).getpixel((80, BOTTOM + 3))
        assert isinstance(pixel, tuple)
        return int(pixel[3])

    plain, soft, dark = below(), below(shadow_type="drop"), below(shadow_type="drop", shadow_opacity="100")
    assert plain < soft < dark


def test_nothing_hides_under_transparency(client: httpx.Client, shot: bytes) -> None:
    pixels = np.asarray(opened(post(client, shot, position="center").content))

    assert not pixels[pixels[..., 3] == 0].any()


# The three bodies that may be sent.
def _encoded(shot: bytes) -> str:
    return base64.b64encode(shot).decode()


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_base64_in_every_kind_of_body_gives_the_same(client: httpx.Client, shot: bytes, prefix: str) -> None:
    fields = {**FULL, "image_file_b64": prefix + _encoded(shot)}
    bodies = [
        client.post(URL, data=fields),
        client.post(URL, json=fields),
        client.post(URL, data=fields, files={"image_file": ("", b"")}),
    ]

    assert [answer.status_code for answer in bodies] == [200, 200, 200], bodies[0].text
    assert len({answer.content for answer in [*bodies, post(client, shot)]}) == 1


def test_json_booleans_and_numbers_are_taken(client: httpx.Client, shot: bytes) -> None:
    fields = {**FULL, "image_file_b64": _encoded(shot), "crop": True, "crop_margin": 0, "bg_color": None}

    assert near(opened(client.post(URL, json=fields).content).size, (WIDE, HIGH), 6)


def test_json_is_answered_where_it_is_accepted(client: httpx.Client, shot: bytes) -> None:
    answer = post(client, shot, accept="application/json")

    said = answer.json()["data"]
    assert base64.b64decode(said.pop("result_b64")) == post(client, shot).content
    assert said.keys() == {f"foreground_{side}" for side in ("top", "left", "width", "height")}
    assert near(tuple(said[f"foreground_{side}"] for side in ("left", "top", "width", "height")),
                (LEFT, TOP, WIDE, HIGH), 4)  # fmt: skip


# Errors: status 400 and remove.bg's code.
BAD = [
    ("missing_source", {}, {}),
    ("missing_source", {}, {"image_url": "", "image_file_b64": ""}),
    ("multiple_sources", {"image_file": b"x"}, {"image_url": "https://example.com/a.jpg"}),
    ("multiple_sources", {}, {"image_url": "https://example.com/a.jpg", "image_file_b64": "eA=="}),
    ("invalid_image_url", {}, {"image_url": "https://example.com/a.jpg"}),
    ("invalid_file_type", {"image_file": b"hello"}, {}),
    ("invalid_file_type", {"image_file": HOSTILE["svg"]}, {}),
    ("invalid_file_type", {"image_file": HOSTILE["eps"]}, {}),
    ("invalid_file_type", {}, {"image_file_b64": "aGVsbG8="}),
    ("failed_to_read_image", {}, {"image_file_b64": "not base64!"}),
    ("failed_to_read_image", {"image_file": HOSTILE["truncated-png"]}, {}),
    ("resolution_too_high", {"image_file": HOSTILE["png-header-60000x60000"]}, {}),
    ("file_too_large", {"image_file": bytes(3_000_001)}, {}),
    ("file_too_large", {"image_file": bytes(9_000_000)}, {}),
    ("unknown_foreground", {"image_file": flat()}, {}),
    *(("invalid_size", None, {"size": value}) for value in ("huge", "1", "preview2")),
    *(("invalid_parameter", None, {name: "nope"}) for name in ("type", "type_level", "crop", "add_shadow")),
    *(("invalid_parameter", None, {"shadow_type": value}) for value in ("car", "3D", "nope")),
    *(("invalid_parameter", None, {"shadow_opacity": value}) for value in ("101", "-1", "dark")),
    *(("invalid_format", None, {"format": value}) for value in ("gif", "jpegxl")),
    ("invalid_channels", None, {"channels": "rgb"}),
    *(("invalid_roi", None, {"roi": value}) for value in ("1 2 3", "a b c d", "1px 2px 3px 4em", "-1 0 5 5")),
    *(("roi_exceeds_bounds", None, {"roi": value}) for value in ("0 0 201px 100px", "0% 0% 101% 100%")),
    *(("roi_region_empty", None, {"roi": value}) for value in ("50% 0% 50% 100%", "9px 0 4px 9px")),
    *(
        ("invalid_crop_margin", None, {"crop_margin": value})
        for value in ("51%", "501px", "1 2 3", "x", "-1")
    ),
    *(("invalid_scale", None, {"scale": value}) for value in ("9%", "101%", "50", "big", "nan%")),
    *(("invalid_position", None, {"position": value}) for value in ("left", "101%", "1% 2% 3%", "5px")),
    ("invalid_semitransparency", None, {"semitransparency": "maybe"}),
    *(
        ("invalid_bg_color", None, {"bg_color": value})
        for value in ("nope", "#12", "12345", "ggg", "rgb(1,2,3)")
    ),
    ("invalid_bg_image_url", None, {"bg_image_url": "https://example.com/b.jpg"}),
    ("failed_bg_download", {"bg_image_file": b"hello"}, {}),
    ("multiple_bg_sources", None, {"bg_color": "fff", "bg_image_url": "https://example.com/b.jpg"}),
]


@pytest.mark.parametrize(("code", "files", "fields"), BAD, ids=lambda value: str(value)[:40])
def test_errors(
    client: httpx.Client, shot: bytes, code: str, files: dict[str, bytes] | None, fields: dict[str, str]
) -> None:
    parts = {"image_file": shot} if files is None or "bg_image_file" in files else {}
    parts |= files or {}

    answer = client.post(URL, files=parts or {"none": ("", b"")}, data=fields)

    assert answer.status_code == 400, answer.text
    (error,) = answer.json()["errors"]
    assert error["code"] == code, error
    assert error.keys() == {"title", "code", "detail"}
    assert error["title"]
    assert "\n" not in error["title"]
    assert answer.headers["access-control-allow-origin"] == "*"


def test_headers_of_an_answer(client: httpx.Client, shot: bytes) -> None:
    headers = post(client, shot).headers

    assert headers["x-type"] == "other"
    assert headers["x-credits-charged"] == "0"
    assert headers["access-control-allow-origin"] == "*"
    assert "x-type" not in post(client, shot, type_level="none").headers


def test_a_preflight_lets_pages_send_their_key(client: httpx.Client) -> None:
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    answer = client.options(URL, headers={**asked, "Access-Control-Request-Headers": "x-api-key"})

    assert answer.status_code == 204
    assert "x-api-key" in answer.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in answer.headers
    assert client.get("/v1.0/account").headers["access-control-expose-headers"] == "*"


def test_accepted_without_effect(client: httpx.Client, shot: bytes) -> None:
    plain = post(client, shot).content
    for fields in (
        *({"type": value} for value in ("auto", "person", "product", "car", "Animal", "graphic")),
        *({"type": value} for value in ("transportation", "other")),
        *({"type_level": value} for value in ("none", "1", "2", "latest")),
        {"add_shadow": "true"},
        *({"shadow_type": value} for value in ("auto", "none")),
        *({"shadow_opacity": value} for value in ("0", "100", "auto")),
        *({"semitransparency": value} for value in ("true", "false")),
        {"roi": "0% 0% 100% 100%"},
        {"unheard_of": "x"},
    ):
        assert post(client, shot, **fields).content == plain, fields


# What its own clients send and need.
def test_the_javascript_client_sends_every_field_empty(client: httpx.Client, shot: bytes) -> None:
    names = (
        "image_url size type type_level format roi crop crop_margin scale position channels add_shadow "
        "semitransparency bg_color bg_image_url shadow_type shadow_opacity image_file_b64"
    )
    answer = client.post(URL, files={"image_file": shot}, data=dict.fromkeys(names.split(), ""))

    assert answer.status_code == 200, answer.text


def test_the_ruby_client_sends_its_address_urlencoded(client: httpx.Client) -> None:
    answer = client.post(URL, data={"image_url": "https://example.com/a.jpg", "size": "auto"})

    assert answer.json()["errors"][0]["code"] == "invalid_image_url", "read, and refused: fetching is off"


def test_the_ruby_client_finds_its_zip_by_the_content_type(client: httpx.Client, shot: bytes) -> None:
    answer = post(client, shot, size="auto", format="zip")

    assert answer.status_code == 200
    assert "application/zip" in answer.headers["content-type"]


@pytest.fixture(scope="module")
def locked(quick: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that wants a key."""
    path: Path = tmp_path_factory.mktemp("keys") / "keys.txt"
    path.write_text("# of Alice\nsecret-one\n\nsecret-two\n")
    with running(models=quick, api_key_file=path) as started:
        yield started


@pytest.mark.parametrize("headers", [{}, {"X-Api-Key": "wrong"}, {"Authorization": "Bearer wrong"}])
def test_no_key_or_a_wrong_one_is_403_never_401(
    locked: Running, shot: bytes, headers: dict[str, str]
) -> None:
    for answer in (
        locked.client.post(URL, files={"image_file": shot}, headers=headers),
        locked.client.get("/v1.0/account", headers=headers),
    ):
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["code"] == "auth_failed"


@pytest.mark.parametrize(
    "headers",
    [{"X-API-Key": "secret-one"}, {"x-api-key": "secret-two"}, {"Authorization": "Bearer secret-one"}],
)
def test_any_of_the_keys_is_let_in(locked: Running, shot: bytes, headers: dict[str, str]) -> None:
    assert locked.client.post(URL, files={"image_file": shot}, headers=headers).status_code == 200
    assert locked.client.get("/v1.0/account", headers=headers).status_code == 200


def test_the_account_has_the_shape_that_clients_read(client: httpx.Client) -> None:
    attributes = client.get("/v1.0/account").json()["data"]["attributes"]

    assert attributes["credits"].keys() == {"total", "subscription", "payg", "enterprise"}
    assert attributes["credits"]["total"] > 0
    assert attributes["api"].keys() == {"free_calls", "sizes"}
    assert attributes["api"]["sizes"] == "all"


def test_unknown_addresses_and_methods_are_told_in_the_same_shape(client: httpx.Client) -> None:
    for answer, status in ((client.get("/v1.0/improve"), 404), (client.get(URL), 405)):
        assert answer.status_code == status
        assert answer.json()["errors"][0]["title"]


def test_a_body_that_is_no_form_is_told_in_the_same_shape(client: httpx.Client) -> None:
    for kind, body in (
        ("application/json", b"{"),
        ("application/json", b"[1]"),
        ("application/json", json.dumps({"size": ["auto"]}).encode()),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
        ("text/plain", b"hello"),
    ):
        answer = client.post(URL, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 400, kind
        assert answer.json()["errors"][0]["code"], kind
