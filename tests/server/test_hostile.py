"""Those who want to hurt: each gets its status, nothing leaks, and the next honest request is answered."""

from __future__ import annotations

import io
import os
import resource
import select
import socket
import time
from collections.abc import Iterator

import pytest
from PIL import Image

from tests.hostile.files import HOSTILE
from tests.server.conftest import Running, boxed, opened, running
from u2bg.server import forms, run


@pytest.fixture(autouse=True)
def still_well(server: Running, shot: bytes) -> Iterator[None]:
    """After every attack the server answers, holds no place, and has opened no more files."""
    server.client.get("/healthz")
    before = len(os.listdir("/proc/self/fd"))
    yield
    answer = server.client.post("/v1/remove", files={"image": shot})
    assert answer.status_code == 200
    for _ in range(300):
        if len(os.listdir("/proc/self/fd")) <= before and not server.service.pool._taken:
            break
        time.sleep(0.01)
    assert len(os.listdir("/proc/self/fd")) <= before
    assert server.service.pool._taken == 0
    assert server.service.arriving_bytes == 0


def _raw(server: Running, *pieces: bytes, wait_s: float = 20) -> bytes:
    """Send bytes as they are; what comes back until the server closes."""
    with socket.create_connection((server.host, server.port), timeout=wait_s) as connection:
        for piece in pieces:
            connection.sendall(piece)
        got = b""
        while True:
            try:
                part = connection.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                return got
            if not part:
                return got
            got += part


def _head(kind: str = "image/png", *more: str, path: str = "/v1/remove") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Type: {kind}", "Connection: close", *more, "", ""]
    return "\r\n".join(lines).encode()


DOORS = [("/v1/remove", "image"), ("/api/remove", "file"), ("/v1.0/removebg", "image_file")]
TOO_LARGE = [("/v1/remove", b"413"), ("/api/remove", b"413"), ("/v1.0/removebg", b"400")]
FORM = "multipart/form-data; boundary=b"


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(("url", "field"), DOORS)
def test_hostile_files_are_the_senders_fault(server: Running, name: str, url: str, field: str) -> None:
    answer = server.client.post(url, files={field: ("a.png", HOSTILE[name] or b" ")})

    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/json"
    for leak in ("Traceback", "/src/", "site-packages", "PIL"):
        assert leak not in answer.text


def test_a_bomb_costs_no_memory(server: Running) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in ("png-bomb", "png-header-60000x60000", "jpeg-header-60000x60000", "gif-header-60000x60000"):
        answer = server.client.post("/v1/remove", files={"image": HOSTILE[name]})
        assert answer.json()["error"]["code"] == "resolution_too_high"

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 50_000  # kB


@pytest.mark.parametrize(("url", "status"), TOO_LARGE)
def test_a_body_of_a_gigabyte_is_refused_by_its_length(server: Running, url: str, status: bytes) -> None:
    answer = _raw(server, _head(FORM, "Content-Length: 1000000000", path=url), bytes(1000))

    assert answer.split()[1] == status


def test_one_that_waits_for_continue_is_refused_before_it_sends(server: Running) -> None:
    answer = _raw(server, _head("image/png", "Content-Length: 1000000000", "Expect: 100-continue"))

    assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(("url", "status"), TOO_LARGE)
def test_chunks_without_end_are_refused_at_the_limit(server: Running, url: str, status: bytes) -> None:
    sent, answer = 0, b""
    with socket.create_connection((server.host, server.port), timeout=20) as connection:
        head = _head(FORM, "Transfer-Encoding: chunked", path=url)
        connection.sendall(head.replace(b"Connection: close\r\n", b""))
        while not answer and sent < 100_000_000:
            connection.sendall(b"186A0\r\n" + bytes(100_000) + b"\r\n")
            sent += 100_000
            if select.select([connection], [], [], 0)[0]:
                answer = connection.recv(65536)

    assert answer.split()[1] == status


@pytest.mark.parametrize("length", ["-5", "abc", "1e9", "9" * 30])
def test_a_length_that_is_none_is_refused(server: Running, length: str) -> None:
    assert _raw(server, _head("image/png", f"Content-Length: {length}")).split()[1] in {b"400", b"413"}


def test_slow_loris_is_left_alone_with_its_headers(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "HEAD_S", 0.2)

    assert _raw(server) == b""
    assert _raw(server, b"POST /v1/remove HTTP/1.1\r\nHost: x\r\n") == b""


def test_a_body_that_stalls_is_408(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "STALL_S", 0.2)

    answer = _raw(server, _head("image/png", "Content-Length: 1000"), b"x")

    assert answer.startswith(b"HTTP/1.1 408")


def test_a_body_by_drops_is_408_at_the_deadline(quick: str) -> None:
    with running(models=quick, timeout="0.5s") as slow:
        with socket.create_connection((slow.host, slow.port), timeout=20) as connection:
            connection.sendall(_head("image/png", "Content-Length: 1000"))
            for _ in range(100):
                connection.sendall(b"x")
                connection.settimeout(0.05)
                try:
                    answer = connection.recv(65536)
                    break
                except TimeoutError:
                    continue
        assert answer.startswith(b"HTTP/1.1 408")


def test_one_that_leaves_in_the_middle_of_its_body_leaves_nothing_behind(server: Running) -> None:
    for _ in range(20):
        with socket.create_connection((server.host, server.port)) as connection:
            connection.sendall(_head("image/png", "Content-Length: 100000") + bytes(5000))


@pytest.mark.parametrize(
    "kind", ["text/html", "application/xml", "video/mp4", "multipart/mixed; boundary=x", "\x7f"]
)
def test_a_wrong_content_type_is_415(server: Running, kind: str, shot: bytes) -> None:
    answer = server.client.post("/v1/remove", content=shot, headers={"Content-Type": kind})

    assert answer.status_code == 415


def _polyglots() -> dict[str, bytes]:
    picture = Image.new("RGB", (64, 64), "white")
    comment, plain = io.BytesIO(), io.BytesIO()
    picture.save(plain, "PNG")
    picture.save(comment, "JPEG", comment=b"<script>alert(1)</script><?php system('id') ?>")
    return {
        "png-then-zip": plain.getvalue() + b"PK\x03\x04" + bytes(100),
        "png-then-html": plain.getvalue() + b"<script>alert(1)</script>",
        "jpeg-with-script": comment.getvalue(),
        "gif-js": b"GIF89a/*" + boxed((64, 64), (9, 9, 40, 40), "GIF")[8:] + b"*/=1;alert(1)",
    }


@pytest.mark.parametrize("name", _polyglots())
@pytest.mark.parametrize(("url", "field"), DOORS)
def test_a_polyglot_is_made_anew_without_what_else_it_was(
    server: Running, name: str, url: str, field: str
) -> None:
    answer = server.client.post(url, files={field: ("a.html", _polyglots()[name], "text/html")})

    assert answer.status_code == 200, "the picture in it is good"
    assert answer.headers["content-type"] in {"image/png", "image/jpeg"}
    for other in (b"script", b"PK\x03\x04", b"php"):
        assert other not in answer.content
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\boot.ini", "a\0b.png", "x" * 3000, "<script>", "%2e%2e/"]
)
@pytest.mark.parametrize(("url", "field"), DOORS)
def test_file_names_are_of_no_use_and_never_told(
    server: Running, shot: bytes, name: str, url: str, field: str
) -> None:
    quoted = name.encode()
    body = b'--b\r\nContent-Disposition: form-data; name="' + field.encode() + b'"; filename="' + quoted
    answer = server.client.post(
        url, content=body + b'"\r\n\r\n' + shot + b"\r\n--b--\r\n", headers={"Content-Type": FORM}
    )

    assert answer.status_code == 200, answer.text
    assert quoted[:20] not in b"".join(key + value for key, value in answer.headers.raw)
    assert quoted[:20] not in answer.content


@pytest.mark.parametrize(
    "model",
    ["u2net", "QUICK", "quick ", "quick\0", "xquickx", "quick.onnx", "../quick", "/etc/passwd", "file:///etc/passwd",
     "http://127.0.0.1/x.onnx", "bria-rmbg", "u2net_custom", "x" * 10_000, "{}", "\u202equick"],
    ids=lambda value: ascii(value)[:30],
)  # fmt: skip
@pytest.mark.parametrize(("url", "field"), DOORS[:2])
def test_a_model_off_the_list_is_422_and_nothing_is_loaded(
    server: Running, shot: bytes, model: str, url: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("u2bg.saliency.predictor.load", lambda *_: pytest.fail("a model was loaded"))

    answer = server.client.post(url, files={field: shot}, data={"model": model})

    assert answer.status_code == 422, answer.text
    assert len(answer.content) < 1000


@pytest.mark.parametrize(
    "path", ["/page/../settings.py", "/page/%2e%2e%2fapp.py", "/page/..%5capp.py", "/page//etc/passwd"]
)
def test_the_page_has_its_files_and_no_others(server: Running, path: str) -> None:
    answer = _raw(server, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 404")


FORMS = {
    "many parts": b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 3000 + b"--b--\r\n",
    "many headers": b"--b\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(3000)) + b"\r\nx\r\n--b--\r\n",
    "huge header": b"--b\r\nX-A: " + b"y" * 1_000_000 + b"\r\n\r\nx\r\n--b--\r\n",
    "huge name": b'--b\r\nContent-Disposition: form-data; name="' + b"y" * 60_000 + b'"\r\n\r\nx\r\n--b--\r\n',
    "huge text": b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n' + b"y" * 1_000_000 + b"\r\n--b--\r\n",
    "no end": b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + bytes(1000),
    "almost ends": b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + b"\r\n-" * 300_000,
    "nothing": b"",
    "only an end": b"--b--\r\n",
    "binary name": b'--b\r\nContent-Disposition: form-data; name="\xff\xfe"\r\n\r\nx\r\n--b--\r\n',
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("url", ["/v1/remove", "/api/remove", "/v1.0/removebg"])
def test_forms_that_want_to_hurt_are_refused(server: Running, name: str, url: str) -> None:
    answer = server.client.post(
        url, content=FORMS[name], headers={"Content-Type": "multipart/form-data; boundary=b"}
    )

    assert answer.status_code in {400, 422}, answer.text
    assert len(answer.content) < 2000


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 50_000, b'{"size": ' + b"9" * 100_000 + b"}", b'{"size": 1e999}', b'{"size": NaN}',
     b"\xff\xfe", b'{"roi": "' + b"1 " * 8000 + b'"}', b'{"image_file_b64": "' + b"!" * 100_000 + b'"}'],
    ids=lambda value: str(value[:20]),
)  # fmt: skip
def test_json_that_wants_to_hurt_is_refused(server: Running, body: bytes) -> None:
    answer = server.client.post("/v1.0/removebg", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400, answer.text
    assert len(answer.content) < 2000


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (3, 2)])
def test_odd_shapes_are_cut(server: Running, size: tuple[int, int]) -> None:
    answer = server.client.post("/v1/remove", files={"image": boxed(size, (0, 0, 1, 1))})

    assert opened(answer.content).size == size


def test_a_margin_cannot_make_a_giant(server: Running, shot: bytes) -> None:
    wide = boxed((4000, 900), (10, 10, 3990, 890))
    answer = server.client.post(
        "/v1.0/removebg",
        files={"image_file": wide},
        data={"size": "full", "crop": "true", "crop_margin": "50%"},
    )

    assert answer.json()["errors"][0]["code"] == "resolution_too_high"


def test_too_many_connections_are_503_not_a_crash(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.server.config, "limit_concurrency", 5)
    idle = [socket.create_connection((server.host, server.port)) for _ in range(8)]
    try:
        statuses = set()
        for connection in idle:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            statuses.add(connection.recv(65536).split()[1])
        assert b"503" in statuses
    finally:
        for connection in idle:
            connection.close()


def test_odd_requests_are_answered_without_a_trace(server: Running) -> None:
    for request in (
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /v1/remove HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
        b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ):
        answer = _raw(server, request)
        assert b"Traceback" not in answer
        assert not answer.startswith(b"HTTP/1.1 2")


def test_an_answer_never_echoes_what_a_page_could_run(server: Running, shot: bytes) -> None:
    script = "<script>alert(1)</script>"
    for answer in (
        server.client.post("/v1/remove", files={"image": shot}, data={"format": script}),
        server.client.post("/v1.0/removebg", files={"image_file": shot}, data={"size": script}),
        server.client.get(f"/{script}"),
    ):
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_one_that_sends_the_rest_of_what_was_refused_keeps_its_connection(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LINGER_S", 0.2)
    head = b"POST /v1/remove HTTP/1.1\r\nHost: x\r\nContent-Type: text/html\r\nContent-Length: 10\r\n\r\n"
    with socket.create_connection((server.host, server.port), timeout=20) as connection:
        connection.sendall(head)
        refused = connection.recv(65536)
        assert refused.startswith(b"HTTP/1.1 415")
        while not refused.endswith(b"}}"):  # head and body may come apart
            refused += connection.recv(65536)
        connection.sendall(bytes(10))
        time.sleep(0.5)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_one_that_does_not_send_the_rest_is_cut_off(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LINGER_S", 0.2)

    answer = _raw(
        server, _head("text/html", "Content-Length: 1000").replace(b"Connection: close\r\n", b""), b"x"
    )

    assert answer.startswith(b"HTTP/1.1 415")
