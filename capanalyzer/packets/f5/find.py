"""Where a packet's trailer begins: behind the IP packet, behind padding, perhaps behind the frame's own checksum.

Where no length says how far the IP packet reaches, it begins where what reads as a trailer ends with the frame.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.packets.f5.dpt import MAGIC, read_block
from capanalyzer.packets.f5.legacy import LEAST_BYTES, MOST_BYTES, read_chain
from capanalyzer.packets.f5.trailer import NO_FLOW, Trailer

__all__ = ["read_trailer", "trailer_start"]

_MOST_PADDING: Final = 46
"""Bytes by which an Ethernet frame without payload is filled (IEEE 802.3: 60 bytes without the checksum)."""
_FCS: Final = 4
_MOST_CHAIN: Final = 3 * MOST_BYTES
"""Low, medium and high, without a magic number."""


def read_trailer(tail: bytes) -> Trailer | None:
    """What a BIG-IP wrote behind a packet; None where it wrote nothing, or it cannot be read.

    :param tail: all bytes of the frame behind the IP packet, of a frame that was captured whole.
    """
    size = len(tail)
    if size < LEAST_BYTES:
        return None
    trailer = Trailer()
    at = tail.find(MAGIC)
    while at >= 0:
        end = read_block(tail, at, size, trailer)
        if end > at:
            while (following := read_block(tail, end, size, trailer)) > end:
                end = following
            return _sensible(trailer)
        at = tail.find(MAGIC, at + 1)
    start = 0
    while start < size and not tail[start]:
        start += 1
    # The form without a magic number must fill the frame: some drivers pad with anything, and it could be anything.
    for at in range(start, min(start + _MOST_PADDING, size - LEAST_BYTES + 1)):
        if 1 <= tail[at] <= 3:
            trailer = Trailer()
            end = read_chain(tail, at, size, trailer)
            if end > at and trailer.is_ingress is not None and (size - end <= _FCS or not any(tail[end:])):
                return _sensible(trailer)
    return None


def trailer_start(payload: bytes) -> int | None:
    """Where a trailer begins that ends the frame; None where none does.

    :param payload: what follows the TCP header, up to the end of a frame that was captured whole.
    """
    size = len(payload)
    at = payload.find(MAGIC)
    while at >= 0:
        end = at
        while (following := read_block(payload, end, size, Trailer())) > end:
            end = following
        if end > at and size - end <= _FCS:
            return at
        at = payload.find(MAGIC, max(at + 1, end))
    for at in range(max(0, size - _MOST_CHAIN), size - LEAST_BYTES + 1):
        if payload[at] == 1:
            trailer = Trailer()
            if read_chain(payload, at, size, trailer) == size and trailer.is_ingress is not None:
                return at
    return None


def _sensible(trailer: Trailer) -> Trailer:
    """Without a peer's id, what stands in the place of its addresses has no meaning."""
    if trailer.flow is not None and trailer.flow.peer_id == NO_FLOW:
        trailer.peer = None
    return trailer
