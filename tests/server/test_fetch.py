"""Fetching by address: what is refused is refused before anything is connected to."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest

from tests.server.conftest import Running, opened, running
from tests.server.test_rembg import PARAMETERS
from u2bg.server.addresses import is_public
from u2bg.server.fetch import Fetcher

PUBLIC = "93.184.216.34"

NOT_PUBLIC = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *(
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
    ),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b::a00:1", "64:ff9b:1::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:a00:1::"),
    *("2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:db8::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1"),
    *("fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "100::1", "", "nonsense", "2130706433", "0x7f.1"),
]
OPEN = [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_of_the_open_internet_is_told(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OPEN)
def test_an_address_of_the_open_internet_is_told(address: str) -> None:
    assert is_public(address)


class Net:
    """A name service and an internet of our own: nothing else is ever asked or connected to.

    Attributes:
        names: host to the addresses that it has, a list a question; the last is kept.
        pages: URL, with the host's name, to what is there.
        asked, connected: hosts and addresses, in order.
    """

    def __init__(self) -> None:
        self.names: dict[str, list[list[str]]] = {"photos.example": [[PUBLIC]]}
        self.pages: dict[str, Callable[[], httpx.Response]] = {}
        self.asked: list[str] = []
        self.connected: list[str] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host not in self.names:
            if host.replace(".", "").isdigit() or ":" in host:
                return [host]
            raise OSError("no such host")
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.connected.append(request.url.host)
        assert is_public(request.url.host), "connected to what must not be"
        url = str(request.url.copy_with(host=request.headers["host"]))
        return self.pages.get(url, lambda: httpx.Response(404))()


def page(content: bytes) -> httpx.Response:
    """What a web server answers; streamed, as a real one's is."""
    return httpx.Response(200, stream=httpx.ByteStream(content))


@pytest.fixture(scope="module")
def started(quick: str) -> Iterator[tuple[Running, Net]]:
    net = Net()
    fetcher = Fetcher(1_000_000, net.resolve, httpx.MockTransport(net.answer))
    with running(fetcher=fetcher, models=quick, allow_url_fetch=True, max_upload="1MB") as server:
        yield server, net


@pytest.fixture
def fetching(started: tuple[Running, Net]) -> Running:
    """A server that fetches, from `net`."""
    return started[0]


@pytest.fixture
def net(started: tuple[Running, Net]) -> Net:
    """An internet with one host and no pages yet."""
    started[1].__init__()  # type: ignore[misc]
    return started[1]


def _ask(server: Running, url: str) -> httpx.Response:
    return server.client.post("/v1.0/removebg", data={"image_url": url, "size": "full"})


def _code(answer: httpx.Response) -> str:
    code: str = answer.json()["errors"][0]["code"]
    return code


def test_a_picture_is_fetched_and_cut(fetching: Running, net: Net, shot: bytes) -> None:
    net.pages["http://photos.example/a.png"] = lambda: page(shot)

    for answer in (
        _ask(fetching, "http://photos.example/a.png"),
        fetching.client.get("/api/remove", params={"url": "http://photos.example/a.png"}),
    ):
        assert answer.status_code == 200, answer.text
        assert opened(answer.content).size == (200, 100)
    assert net.connected == [PUBLIC, PUBLIC]


def test_a_background_is_fetched_too_and_has_its_own_codes(fetching: Running, net: Net, shot: bytes) -> None:
    net.pages["http://photos.example/b.png"] = lambda: page(shot)

    def ask(url: str) -> httpx.Response:
        return fetching.client.post("/v1.0/removebg", files={"image_file": shot}, data={"bg_image_url": url})

    assert ask("http://photos.example/b.png").status_code == 200
    assert _code(ask("http://127.0.0.1/b.png")) == "invalid_bg_image_url"
    assert _code(ask("http://photos.example/none.png")) == "failed_bg_download"


NEVER_CONNECTED = [
    *(
        f"http://{host}/a.png"
        for host in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0")
    ),
    *(
        f"http://[{host}]/a.png"
        for host in ("::1", "::ffff:127.0.0.1", "fd00::1", "64:ff9b::7f00:1", "2002:7f00:1::")
    ),
    *(
        "http://2130706433/a.png",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://localhost/",
    ),
    *("http://inside.example/a.png", "http://mixed.example/a.png", "http://inside.example./a.png"),
    *(
        "file:///etc/passwd",
        "ftp://photos.example/a.png",
        "gopher://photos.example/",
        "data:image/png;base64,AAAA",
    ),
    *(
        "http://user:secret@photos.example/a.png",
        "http://photos.example:22/a.png",
        "http://photos.example:6379/",
    ),
    *(
        "//photos.example/a.png",
        "photos.example/a.png",
        "http://",
        "http:///a.png",
        "http://[::1",
        "not a url",
    ),
    *(
        "http://unknown.example/a.png",
        "javascript:alert(1)",
        "http://photos.example:99999/",
        "http://\u2488.example/",
    ),
]


@pytest.mark.parametrize("url", NEVER_CONNECTED)
def test_refused_before_connecting_through_every_door(
    fetching: Running, net: Net, shot: bytes, url: str
) -> None:
    inside = [["127.0.0.1"]]
    net.names |= dict.fromkeys(("localhost", "inside.example", "inside.example."), inside)
    net.names |= dict.fromkeys(("2130706433", "0x7f000001", "0177.0.0.1", "127.1"), inside)
    net.names["mixed.example"] = [[PUBLIC, "10.0.0.1"]]

    picture = _ask(fetching, url)
    background = fetching.client.post(
        "/v1.0/removebg", files={"image_file": shot}, data={"bg_image_url": url}
    )
    rembg = fetching.client.get("/api/remove", params={"url": url})

    assert (_code(picture), _code(background)) == ("invalid_image_url", "invalid_bg_image_url")
    assert [one.status_code for one in (picture, background, rembg)] == [400, 400, 400], rembg.text
    assert net.connected == []
    assert all("secret" not in one.text for one in (picture, background, rembg))


@pytest.mark.parametrize(("said", "mode"), PARAMETERS, ids=lambda value: str(value)[:40])
def test_every_parameter_of_rembg_is_taken_beside_an_address(
    fetching: Running, net: Net, shot: bytes, said: dict[str, str], mode: str
) -> None:
    url = "http://photos.example/a.png"
    net.pages[url] = lambda: page(shot)

    answer = fetching.client.get("/api/remove", params={"url": url, **said})
    posted = fetching.client.post("/api/remove", files={"file": shot}, data=said)

    assert answer.status_code == 200, answer.text
    assert (answer.headers["content-type"], opened(answer.content).mode) == ("image/png", mode)
    assert answer.content == posted.content


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1/",
        "http://inside.example/",
        "file:///etc/passwd",
        "http://photos.example:22/",
        "//[::1]/",
    ],
)
def test_a_redirect_is_checked_like_the_first_address(fetching: Running, net: Net, target: str) -> None:
    net.names["inside.example"] = [["192.168.0.1"]]
    net.pages["http://photos.example/a.png"] = lambda: httpx.Response(302, headers={"Location": target})

    answer = _ask(fetching, "http://photos.example/a.png")

    assert _code(answer) == "invalid_image_url"
    assert net.connected == [PUBLIC]


def test_redirects_end(fetching: Running, net: Net, shot: bytes) -> None:
    net.pages["http://photos.example/1.png"] = lambda: httpx.Response(301, headers={"Location": "/2.png"})
    net.pages["http://photos.example/2.png"] = lambda: page(shot)
    net.pages["http://photos.example/r"] = lambda: httpx.Response(302, headers={"Location": "/r"})

    assert _ask(fetching, "http://photos.example/1.png").status_code == 200
    net.connected.clear()
    assert _code(_ask(fetching, "http://photos.example/r")) == "failed_image_download"
    assert len(net.connected) == 6


def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked(
    fetching: Running, net: Net, shot: bytes
) -> None:
    net.names["turns.example"] = [[PUBLIC], ["127.0.0.1"]]
    net.pages["http://turns.example/a.png"] = lambda: page(shot)

    assert _ask(fetching, "http://turns.example/a.png").status_code == 200
    assert net.connected == [PUBLIC]
    assert _code(_ask(fetching, "http://turns.example/a.png")) == "invalid_image_url"
    assert net.connected == [PUBLIC]


async def _without_end() -> AsyncIterator[bytes]:
    while True:
        yield bytes(100_000)


ANSWERS = [
    ("failed_image_download", lambda: httpx.Response(404)),
    ("failed_image_download", lambda: httpx.Response(204)),
    ("failed_image_download", lambda: page(b"<html>no picture</html>")),
    ("failed_image_download", lambda: page(b"")),
    ("failed_image_download", lambda: httpx.Response(
        200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(gzip.compress(bytes(10_000_000))))),
    ("file_too_large", lambda: page(bytes(1_000_001))),
    ("file_too_large", lambda: httpx.Response(200, content=_without_end())),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "page"), ANSWERS, ids=[f"{code}-{place}" for place, (code, _) in enumerate(ANSWERS)]
)
def test_an_answer_that_is_no_picture_is_a_failed_download(
    fetching: Running, net: Net, code: str, page: Callable[[], httpx.Response]
) -> None:
    net.pages["http://photos.example/a.png"] = page

    answer = _ask(fetching, "http://photos.example/a.png")

    assert (answer.status_code, _code(answer)) == (400, code)


def test_a_connection_that_fails_tries_the_next_address_then_tells(quick: str, shot: bytes) -> None:
    tried = []

    def answer(request: httpx.Request) -> httpx.Response:
        tried.append(request.url.host)
        if request.url.host != "8.8.8.8":
            raise httpx.ConnectError("unreachable")
        assert (request.headers["host"], request.extensions["sni_hostname"]) == ("two.example", "two.example")
        return page(shot)

    async def resolve(host: str, port: int) -> list[str]:
        return ["2606:4700::1", "8.8.8.8"] if host == "two.example" else ["1.1.1.1"]

    fetcher = Fetcher(1_000_000, resolve, httpx.MockTransport(answer))
    with running(fetcher=fetcher, models=quick, allow_url_fetch=True) as server:
        assert _ask(server, "https://two.example/a.png").status_code == 200
        assert _code(_ask(server, "https://one.example/a.png")) == "failed_image_download"
    assert tried == ["2606:4700::1", "8.8.8.8", "1.1.1.1"]
