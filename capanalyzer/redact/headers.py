"""A packet's headers with other addresses in them, and nothing that is not understood.

The new packet is zero at first; headers are copied into it field by field. Of link layers and tunnels that hold more
than can be rewritten here only the innermost IP packet is kept, under the link type "raw IP".
"""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.redact.checksums import fix_checksums
from capanalyzer.redact.redactor import Redactor
from capanalyzer.redact.trace import TCP, Header, Trace, trace

__all__ = ["RAW_IP", "Rewritten", "rewrite"]

RAW_IP: Final = 101
_AS_THEY_ARE: Final = frozenset((
    "vlan", "mpls", "pppoe", "ppp", "llc", "loopback", "chdlc", "hsr", "rtag", "etag", "vntag", "raw_ip", "udp", "gre",
    "vxlan", "vxlan_linux", "vxlan_gpe", "gtp_u", "erspan2", "erspan3", "etherip", "lisp", "l2tp", "icmp", "icmp6",
    "ipv6_fragment",
))  # fmt: skip
"""Headers that hold numbers and types, no addresses."""
_IP: Final = frozenset(("ipv4", "ipv6"))
_TCP_OPTIONS: Final = frozenset((2, 3, 4, 5, 8))
"""Maximum segment size, window scale, SACK permitted, SACK, time stamps. Others may carry addresses (option 28)."""


class Rewritten(NamedTuple):
    data: bytes
    link: int
    original: int
    """Bytes on the wire, trailers left out."""


def rewrite(data: bytes, link: int, original: int, payload: bytes | None, redactor: Redactor) -> Rewritten | None:
    """The packet as it may be shown; None where it has no IP header that can be read.

    :param payload: what stands for the TCP payload, as long; None where there is none, or it is not known.
    """
    found = trace(data, link, original)
    if not any(header.kind in _IP for header in found.headers):
        return None
    if not _is_understood(found):
        inner = next(header for header in reversed(found.headers) if header.kind in _IP)
        if found.quotes:
            icmp = next(place for place, header in enumerate(found.headers) if header.kind in ("icmp", "icmp6"))
            inner = next(header for header in reversed(found.headers[:icmp]) if header.kind in _IP)
        data, original, link = data[inner.at : inner.end], inner.wire_end - inner.at, RAW_IP
        found = trace(data, link, original)
        if not found.headers or not _is_understood(found):
            return None
    outer = next(header for header in found.headers if header.kind in _IP)
    made = bytearray(outer.end)
    for header in found.headers:
        _copy(made, data, header, redactor)
    last = found.headers[-1]
    if last.kind == TCP and payload is not None and not found.quotes:
        made[last.after : last.after + len(payload)] = payload[: max(0, last.end - last.after)]
    fix_checksums(made, found.headers)
    return Rewritten(bytes(made), link, outer.wire_end)


def _is_understood(found: Trace) -> bool:
    return not found.branches and all(
        header.kind in _AS_THEY_ARE or header.kind in _COPIES or header.kind in _EXTENSIONS or header.kind == TCP
        for header in found.headers
    )


def _copy(made: bytearray, data: bytes, header: Header, redactor: Redactor) -> None:
    at, after = header.at, min(header.after, len(made))
    if header.kind in _AS_THEY_ARE:
        made[at:after] = data[at:after]
    elif header.kind == "ethernet":
        made[at:after] = redactor.mac(data[at : at + 6]) + redactor.mac(data[at + 6 : at + 12]) + data[at + 12 : after]
    elif header.kind in ("sll", "sll2"):
        place = at + (6 if header.kind == "sll" else 12)
        made[at:after] = data[at:after]
        made[place : place + 8] = redactor.mac(data[place : place + 6]) + b"\0\0"
    elif header.kind == "geneve":
        made[at : at + 8] = data[at : at + 8]
        _geneve_options(made, data, at + 8, after)
    elif header.kind == "ipv4":
        made[at : at + 12] = data[at : at + 12]
        made[at + 12 : at + 20] = redactor.address(data[at + 12 : at + 16]) + redactor.address(data[at + 16 : at + 20])
        made[at + 20 : after] = b"\x01" * (after - at - 20)  # options become "no operation"
    elif header.kind == "ipv6":
        made[at : at + 8] = data[at : at + 8]
        made[at + 8 : at + 40] = redactor.address(data[at + 8 : at + 24]) + redactor.address(data[at + 24 : at + 40])
    elif header.kind in _EXTENSIONS:
        _extension(made, data, header, redactor)
    elif header.kind == TCP:
        _tcp(made, data, at, after)


_COPIES: Final = frozenset(("ethernet", "sll", "sll2", "geneve", "ipv4", "ipv6"))
_EXTENSIONS: Final = frozenset(("extension", "destination_options", "routing", "authentication"))


def _geneve_options(made: bytearray, data: bytes, at: int, end: int) -> None:
    """Options keep class, type and length (RFC 8926 section 3.5)."""
    while at + 4 <= end:
        made[at : at + 4] = data[at : at + 4]
        at += 4 + (data[at + 3] & 0x1F) * 4


def _extension(made: bytearray, data: bytes, header: Header, redactor: Redactor) -> None:
    """IPv6 extension headers: next header and length stay, options become padding, addresses others."""
    at, after = header.at, header.after
    if header.kind == "authentication":
        made[at : at + 12] = data[at : at + 12]
        return
    made[at : at + 2] = data[at : at + 2]
    if header.kind == "routing":
        made[at + 2 : at + 8] = data[at + 2 : at + 8]
        for place in range(at + 8, after - 15, 16):
            made[place : place + 16] = redactor.address(data[place : place + 16])
        return
    place = at + 2
    while place < after:
        kind = data[place]
        size = data[place + 1] if kind and place + 1 < after else 0
        end = min(after, place + 2 + size) if kind else place + 1
        if kind == 0xC9 and size == 16 and place + 18 <= after:
            made[place : place + 18] = data[place : place + 2] + redactor.address(data[place + 2 : place + 18])
        elif kind and place + 2 <= after:
            made[place : place + 2] = bytes((1, end - place - 2))  # PadN, RFC 8200 section 4.2
        place = end


def _tcp(made: bytearray, data: bytes, at: int, after: int) -> None:
    made[at : min(after, at + 20)] = data[at : min(after, at + 20)]
    place = at + 20
    while place < after:
        kind = data[place]
        if kind < 2:
            made[place] = kind
            place += 1
            continue
        size = data[place + 1] if place + 1 < after else 0
        if size < 2 or place + size > after:
            return
        kept = size if kind in _TCP_OPTIONS else 2
        made[place : place + kept] = data[place : place + kept]
        place += size
