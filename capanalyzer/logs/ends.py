"""Addresses and ports as logs write them: brackets, zones, route domains, mapped IPv4, and dots before the port."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from capanalyzer.logs.line import Peer

__all__ = ["ENDPOINT", "NOBODY", "UNSPECIFIED", "dotted", "endpoint", "peer"]

NOBODY: Final = Peer()
UNSPECIFIED: Final = frozenset(("0.0.0.0", "::"))  # noqa: S104 - how a listener on all addresses is logged
"""No address of anybody."""
_MAX_PORT: Final = 65535
_DOMAIN: Final = re.compile(r"%(\d{1,5})$")

ENDPOINT: Final = r"(?:\[[0-9A-Fa-f:.]{2,45}(?:%\w{1,16})?\]|[0-9A-Fa-f:.]{2,45}(?:%\w{1,16})?):\d{1,5}"
"""Pattern of an address with its port; the port is what follows the last colon."""


def peer(ip: str, port: str | int | None = None) -> Peer | None:
    """One end from its parts; None where ``ip`` is no address or ``port`` none of TCP's."""
    address = _address(ip)
    if address is None:
        return None
    if port in (None, ""):
        return address
    try:
        number = int(port)
    except ValueError:
        return None
    return Peer(address.ip, number, address.route_domain) if 0 <= number <= _MAX_PORT else None


@lru_cache(maxsize=4096)
def _address(ip: str) -> Peer | None:
    """Logs name the same few thousand again and again."""
    text = ip.strip().removeprefix("[").removesuffix("]")
    domain = _DOMAIN.search(text)
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return Peer(str(address), None, int(domain[1]) if domain is not None else None)


def endpoint(text: str) -> Peer | None:
    """``192.0.2.1:443``, ``[2001:db8::1]:443``, ``2001:db8::1:443``, ``10.0.0.1%2:443``: the port is always there."""
    ip, _, port = text.rpartition(":")
    return peer(ip, port) if port.isascii() and port.isdigit() else None


def dotted(text: str) -> Peer | None:
    """F5's and tcpdump's form: the port is what follows the last dot."""
    ip, _, port = text.rpartition(".")
    return peer(ip, port) if port.isascii() and port.isdigit() else None
