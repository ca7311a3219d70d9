"""Fetching a picture that a request names: only from the open internet, checked where it is connected to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import httpx

from u2bg.errors import FetchFailed, FetchRefused, TooLarge
from u2bg.server.addresses import is_public

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host, each as text."""

MOST_HOPS = 5
PORTS = {"http": (80, 8080), "https": (443, 8443)}
TIMEOUT_S = 15.0


async def resolve(host: str, port: int) -> list[str]:
    """What the system's resolver says."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in found))


class Fetcher:
    """Fetches pictures by their address.

    A host is resolved once a hop. All its addresses must be public, and the connection goes to the first of these
    very addresses, so that a name that changes its mind in between (DNS rebinding) changes nothing.

    Args:
        most_bytes: more is not read.
        resolver: `resolve`, or what a test has instead.
        transport: connects and speaks HTTP to an address; or what a test has instead.
    """

    def __init__(
        self, most_bytes: int, resolver: Resolve = resolve, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._most_bytes, self._resolver = most_bytes, resolver
        self._transport = transport or _transport()

    async def __call__(self, url: str) -> bytes:
        """The bytes behind a URL; redirects are followed, each checked like the first.

        Raises:
            FetchRefused: an address that is not fetched from; nothing was connected to.
            FetchFailed: no whole picture came, in time and in size. TooLarge: more than the limit.
        """
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._follow(url)
        except TimeoutError:
            raise FetchFailed(f"the address gave no picture in {TIMEOUT_S:g} s") from None
        except httpx.HTTPError as error:
            raise FetchFailed(f"the address cannot be reached: {type(error).__name__}") from None

    async def close(self) -> None:
        """Close what is still open."""
        await self._transport.aclose()

    async def _follow(self, text: str) -> bytes:
        url = _checked(text)
        for _ in range(MOST_HOPS + 1):
            async with await self._ask(url) as response:
                if not response.has_redirect_location:
                    return await self._read(response)
                url = _checked(str(url.join(response.headers["location"])))
        raise FetchFailed(f"the address leads on more than {MOST_HOPS} times")

    async def _ask(self, url: httpx.URL) -> _Closing:
        """One request to the host's addresses, in turn until one connects."""
        host = url.raw_host.decode("ascii").strip("[]")
        try:
            addresses = await self._resolver(host, url.port or PORTS[url.scheme][0])
        except (OSError, UnicodeError):
            raise FetchRefused("the address cannot be resolved") from None
        if not addresses or not all(is_public(address) for address in addresses):
            raise FetchRefused("the address is not on the open internet")
        for address in addresses[:-1]:
            try:
                return await self._connect(url, host, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):  # perhaps there is no IPv6 here
                continue
        return await self._connect(url, host, addresses[-1])

    async def _connect(self, url: httpx.URL, host: str, address: str) -> _Closing:
        """Ask the very address that was checked; the host's name goes along for the certificate."""
        request = httpx.Request(
            "GET",
            url.copy_with(host=address),
            headers={"Host": url.netloc.decode("ascii"), "Accept": "image/*", "Accept-Encoding": "identity"},
            extensions={"sni_hostname": host, "timeout": httpx.Timeout(TIMEOUT_S, connect=3).as_dict()},
        )
        response = await self._transport.handle_async_request(request)
        response.request = request
        return _Closing(response)

    async def _read(self, response: httpx.Response) -> bytes:
        if response.status_code != httpx.codes.OK:
            raise FetchFailed(f"the address answered {response.status_code}; expected 200 and a picture")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise FetchFailed("the address answered in a compressed form, which was not asked for")
        chunks, size = [], 0
        async for chunk in response.aiter_raw():
            size += len(chunk)
            if size > self._most_bytes:
                raise TooLarge(f"the picture has more than {self._most_bytes:,} bytes, which is the limit")
            chunks.append(chunk)
        return b"".join(chunks)


def _transport() -> httpx.AsyncBaseTransport:
    # Connections are not kept: one to an address was verified for one name, and must not serve another.
    return httpx.AsyncHTTPTransport(
        retries=0, limits=httpx.Limits(max_connections=32, max_keepalive_connections=0)
    )


class _Closing:
    """A response that is closed when its block is left."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    async def __aenter__(self) -> httpx.Response:
        return self._response

    async def __aexit__(self, *_: object) -> None:
        await self._response.aclose()


def _checked(text: str) -> httpx.URL:
    """A URL that may be asked, by what can be told without asking anybody.

    Raises:
        FetchRefused: another scheme or port, or a name and password in it.
    """
    try:
        url = httpx.URL(text.strip())
        ports = PORTS.get(url.scheme, ())
        known = bool(url.host) and (url.port is None or url.port in ports) and not url.userinfo
    except (httpx.InvalidURL, UnicodeError, ValueError):
        known, ports = False, ()
    if not ports or not known:
        raise FetchRefused(
            "an address that is not fetched from; expected http or https, on a usual port, no password"
        )
    return url
