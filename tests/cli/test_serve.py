"""`u2bg serve`, as an operator starts it."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from tests.command import Command

from u2bg.cli.serve import command as serve
from u2bg.server.settings import Settings


def test_it_tells_its_address_serves_and_stops_when_told() -> None:
    command = [sys.executable, "-m", "u2bg", "serve", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        first = process.stderr.readline()
        found = re.fullmatch(r"u2bg: (http://127\.0\.0\.1:\d+/) \(stop with Ctrl-C\)\n", first)
        assert found, first
        with contextlib.closing(urllib.request.urlopen(found[1] + "readyz")) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(30) in {0, -signal.SIGTERM}
    finally:
        process.kill()
        process.stderr.close()
    assert "Traceback" not in rest
    assert '"path": "/readyz", "status": 200' in rest


def test_a_port_that_is_taken_is_one_line(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = command("serve", "--port", port)

    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == (
        f"u2bg: cannot listen on 127.0.0.1, port {port}: Address already in use; "
        "fix: choose another --host or --port (0 takes a free one)\n"
    )


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--models", "u2nett"), "models is 'u2nett'"),
        (("--max-upload", "much"), "max-upload is 'much'"),
        (("--timeout", "soon"), "timeout is 'soon'"),
        (("--config", "none.toml"), "no file 'none.toml'"),
        (("--api-key-file", "none.txt", "--port", "0"), "cannot read the API keys in 'none.txt'"),
    ],
)
def test_what_cannot_be_is_one_line_before_anything_is_served(
    command: Command, flags: tuple[str, ...], words: str
) -> None:
    ran = command("serve", *flags)

    assert ran.exit_code in {1, 2}
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_device_that_is_not_there_is_one_line() -> None:
    """In a process of its own: the service has begun to start by then."""
    code = "from u2bg.cli import main; main(['serve', '--device', 'abacus', '--port', '0'])"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ran.returncode in {1, 2}
    assert "no device named 'abacus'" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_without_its_packages_the_fix_is_told() -> None:
    code = "import sys; sys.modules['uvicorn'] = None\nfrom u2bg.cli import main; main(['serve'])"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.endswith("fix: pip install 'u2bg[server]'\n")
    assert ran.stderr.count("\n") == 1


def test_the_help_tells_the_defaults_that_hold() -> None:
    told = {option.name: getattr(option, "help", "") for option in serve.params}
    for name, shown in {
        "port": str(Settings.model_fields["port"].default),
        "queue": str(Settings.model_fields["queue"].default),
        "max_upload": f"{Settings.model_fields['max_upload'].default // 10**6}MB",
        "max_pixels": f"{Settings.model_fields['max_pixels'].default // 10**6}M",
        "timeout": f"{Settings.model_fields['timeout'].default}s",
        "host": Settings.model_fields["host"].default,
        "models": Settings.model_fields["models"].default[0],
    }.items():
        assert shown in (told[name] or ""), name
    assert set(Settings.model_fields) == set(told) - {"config"}


def test_every_setting_can_come_from_a_file(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text('host = "not a host"\n')

    ran = command("serve", "--config", file)

    assert "cannot listen on not a host, port 7000" in ran.stderr
