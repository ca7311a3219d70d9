"""Health, metrics, logs, keys and settings: what those meet who run a server."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.conftest import Running, running
from u2bg.errors import SourceMissing, UsageError
from u2bg.server import keys
from u2bg.server.logs import JsonFormatter
from u2bg.server.settings import load


def test_health_and_readiness(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_a_server_that_is_still_loading_is_not_ready_and_says_when_to_come(quick: str, shot: bytes) -> None:
    with running(models=quick) as server:
        loaded, server.service.removers = server.service.removers, None
        assert server.client.get("/readyz").status_code == 503
        answer = server.client.post("/v1/remove", files={"image": shot})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        server.service.removers = loaded


def test_metrics_tell_requests_errors_stages_and_pixels(quick: str, shot: bytes) -> None:
    with running(models=quick) as server:
        server.client.post("/v1/remove", files={"image": shot})
        server.client.post("/v1/remove", files={"image": b"hello"})
        server.client.get("/wp-login.php")
        lines = server.client.get("/metrics").text.splitlines()

    for line in (
        'u2bg_requests_total{route="/v1/remove",status="200"} 1.0',
        'u2bg_requests_total{route="/v1/remove",status="400"} 1.0',
        'u2bg_requests_total{route="other",status="404"} 1.0',
        'u2bg_errors_total{code="invalid_file_type"} 1.0',
        "u2bg_pixels_total 20000.0",
        "u2bg_queue_depth 0.0",
        *(f'u2bg_stage_seconds_count{{stage="{stage}"}} 1.0' for stage in ("look", "cut", "write")),
    ):
        assert line in lines


def test_with_keys_only_health_and_the_page_are_open(quick: str, shot: bytes, tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("secret\n")
    with running(models=quick, api_key_file=path) as server:
        client = server.client
        for url in ("/healthz", "/readyz", "/", "/api", "/openapi.json"):
            assert client.get(url).status_code == 200, url
        for url in ("/metrics", "/v1.0/account", "/api/remove?url=https://example.com/a.png"):
            assert client.get(url).status_code == 403, url
        for url, name in (("/v1/remove", "image"), ("/api/remove", "file"), ("/v1.0/removebg", "image_file")):
            assert client.post(url, files={name: shot}).status_code == 403, url
            key = {"X-Api-Key": "secret"}
            assert client.post(url, files={name: shot}, headers=key).status_code == 200, url


def test_the_log_has_a_line_a_request_without_query_key_or_picture(
    quick: str, shot: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "u2bg.server"), running(models=quick) as server:
        headers = {"X-Request-Id": "abc-1", "X-Api-Key": "secret"}
        answer = server.client.post("/v1/remove?layer=mask", files={"image": shot}, headers=headers)
        odd = server.client.get("/healthz", headers={"X-Request-Id": 'a" b'})

    assert answer.headers["x-request-id"] == "abc-1"
    assert len(odd.headers["x-request-id"]) == 32
    record = next(one for one in caplog.records if getattr(one, "fields", {}).get("path") == "/v1/remove")
    line = JsonFormatter().format(record)
    said = json.loads(line)
    assert (said["method"], said["status"], said["sent"]) == ("POST", 200, len(answer.content))
    assert "secret" not in line
    assert "layer" not in line


def test_what_breaks_is_a_500_with_an_id_and_its_reason_only_in_the_log(
    server: Running, shot: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("at /secret/path")

    monkeypatch.setattr("u2bg.server.service.Service.loaded", broken)
    answers = [
        server.client.post("/v1/remove", files={"image": shot}),
        server.client.post("/api/remove", files={"file": shot}),
        server.client.post("/v1.0/removebg", files={"image_file": shot}),
    ]

    for answer in answers:
        assert answer.status_code == 500
        assert answer.headers["x-request-id"] in answer.text
        assert "secret" not in answer.text
        assert "ZeroDivisionError" not in answer.text
    assert "at /secret/path" in caplog.text


@pytest.mark.parametrize(
    ("url", "field", "shape"),
    [("/v1/remove", "image", "error"), ("/api/remove", "file", "detail"), ("/v1.0/removebg", "image_file", "errors")],
)  # fmt: skip
def test_a_busy_server_says_when_to_come_again_in_the_shape_of_each_contract(
    server: Running, shot: bytes, url: str, field: str, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.service.pool, "places", 0)

    answer = server.client.post(url, files={field: shot})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json().keys() == {shape}


def test_settings_come_from_flags_then_environment_then_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "server.toml"
    file.write_text('port = 1\nqueue = 2\nmodels = ["lite", "u2net"]\nmax_upload = "1MB"\n')
    monkeypatch.setenv("U2BG_QUEUE", "3")
    monkeypatch.setenv("U2BG_TIMEOUT", "4s")

    settings = load(file, port=5)

    assert (settings.port, settings.queue, settings.timeout) == (5, 3, 4)
    assert (settings.models, settings.max_upload) == (("lite", "u2net"), 1_000_000)
    assert load(models="u2net,lite", max_pixels="1.5M").max_pixels == 1_500_000


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"port": 70_000}, "port is 70000"),
        ({"models": "u2nett"}, "expected names among lite"),
        ({"max_upload": "much"}, "max-upload is 'much'"),
        ({"max_pixels": "many"}, "max-pixels is 'many'"),
        ({"timeout": "0s"}, "timeout is "),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        load(**given)
    assert "\n" not in str(caught.value)


def test_files_of_settings_and_keys_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("port 7000")
    with pytest.raises(UsageError, match="cannot be read"):
        load(broken)
    with pytest.raises(SourceMissing, match="no file"):
        load(tmp_path / "none.toml")
    with pytest.raises(SourceMissing, match="cannot read the API keys"):
        keys.read(tmp_path / "none.txt")
    (tmp_path / "empty.txt").write_text("# nobody\n\n")
    with pytest.raises(UsageError, match="no API key in"):
        keys.read(tmp_path / "empty.txt")
