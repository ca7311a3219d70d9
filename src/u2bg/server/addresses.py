"""Which addresses a server may connect to on behalf of strangers: those of the open internet, and no others."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NOT_GLOBAL = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",  # shared by providers (RFC 6598)
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "fec0::/10",  # site-local (RFC 3879)
        "2001::/23",  # protocol assignments, Teredo among them (RFC 2928)
        "2001:db8::/32",
        "3fff::/20",  # documentation (RFC 9637)
        "5f00::/16",  # segment routing (RFC 9602)
    )
)
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


def is_public(text: str) -> bool:
    """Whether an address, as a resolver gives it, is one of the open internet.

    IPv4 addresses that are wrapped in IPv6 ones (mapped, compatible, 6to4, NAT64) are judged by what is in them.
    """
    try:
        address = _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    if any(address.version == network.version and address in network for network in _NOT_GLOBAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    number = int(address)
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if number >> 32 == 0 and number > 1:  # IPv4-compatible (RFC 4291)
        return ipaddress.IPv4Address(number)
    if any(address in network for network in _NAT64):
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    return address
