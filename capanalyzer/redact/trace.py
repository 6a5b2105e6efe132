"""The headers of one packet, by where they stand: what the slow path of ``packets`` reads, written down.

Whoever changes a packet must know each of its headers. They are read by the same layers that the analysis reads them
by, whatever the encapsulation, up to the first TCP header, or a fragment, or what nothing can read.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.packets.layer import FRAGMENT, IP_PROTOCOL, LINKTYPE, STOP, Packet, Place
from capanalyzer.packets.stack import LAYERS
from capanalyzer.packets.walk import MAX_LAYERS

__all__ = ["TCP", "Header", "Trace", "trace"]

TCP: Final = "tcp"


class Header(NamedTuple):
    """One header of a packet. Positions count from the packet's first byte."""

    kind: str
    """Name of the layer that reads it (``ipv4``, ``vxlan`` ...), or ``tcp``."""
    at: int
    after: int
    """Where it ends."""
    end: int
    """Where its payload ends, of which so much was captured."""
    wire_end: int
    """Where that ended on the wire."""


class Trace(NamedTuple):
    headers: tuple[Header, ...]
    place: Place | None
    """Set where the packet is a fragment that is of no use alone."""
    next_header: int
    """IP protocol of what the last IP header carries."""
    quotes: bool
    """An ICMP error: the headers behind it are quoted."""
    branches: bool
    """It holds more than one frame."""
    addresses: bytes
    """Innermost source and destination, 8 or 32 bytes; empty where there are none."""


def trace(data: bytes, link: int, original: int) -> Trace:
    """Read the headers of a packet.

    :param link: LINKTYPE_ value; :param original: its bytes on the wire.
    """
    packet = Packet(data, 0, len(data), max(original, len(data)), 0, {})
    headers: list[Header] = []
    following, place = LINKTYPE + link, None
    for _ in range(MAX_LAYERS):
        if following == IP_PROTOCOL + 6:
            if packet.end > packet.at:
                size = (data[packet.at + 12] >> 4) * 4 if packet.end - packet.at > 12 else 20
                after = min(packet.end, packet.at + max(size, 20))
                headers.append(Header(TCP, packet.at, after, packet.end, packet.wire_end))
            break
        if following == FRAGMENT:
            part = packet.place
            whole = packet.end >= max(packet.wire_end, packet.ip_end)
            if part is None or whole or part.offset or packet.quoting is not None:
                place = part
                break
            following = IP_PROTOCOL + packet.next_header  # cut: the first fragment still shows its TCP header
            continue
        layer = LAYERS.get(following)
        if layer is None:
            break
        at = packet.at
        following = layer(packet)
        name = layer.__name__
        if name == "ipv4" and data[at : at + 1] and data[at] >> 4 == 6:
            name = "ipv6"
        if following == STOP and packet.at == at:
            break
        if packet.at > at:
            headers.append(Header(name, at, packet.at, packet.end, packet.wire_end))
        if following == STOP:
            break
    known = any(header.kind in ("ipv4", "ipv6") for header in headers)
    return Trace(
        tuple(headers),
        place,
        packet.next_header,
        packet.quoting is not None,
        bool(packet.branches),
        packet.both_addresses() if known else b"",
    )
