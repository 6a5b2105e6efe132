"""Trailers of 9.4.2 to 13.x: items of type, length and version, low before medium before high."""

from __future__ import annotations

from struct import Struct
from typing import Final

from capanalyzer.packets.f5.cause import read_cause_block
from capanalyzer.packets.f5.trailer import FlowPart, Trailer, read_name, read_peer

__all__ = ["LEAST_BYTES", "MOST_BYTES", "read_chain"]

LEAST_BYTES: Final = 7
"""The shortest item: low, version 1, without a virtual server."""
MOST_BYTES: Final = 140
_LOW, _MEDIUM, _HIGH = 1, 2, 3
_HIGH_BYTES: Final = 42
_MAX_VERSION: Final = 3

_LOW_94: Final = Struct(">BBBIIIB16s")
_LOW_10: Final = Struct(">BBB16s")
_FLOW_10: Final = Struct(">IIIBBI")
_FLOW_11: Final = Struct(">QQIBBI")
_FLOW_13: Final = Struct(">QQIIBBIBB")


def read_chain(data: bytes, at: int, end: int, trailer: Trailer) -> int:
    """Read the items that begin at ``at`` into ``trailer``.

    There is no magic number, so nothing is taken for an item but a known layout whose lengths agree.

    :param end: of the packet's bytes.
    :return: where the last item ends; ``at`` where none begins there.
    """
    while at + 3 <= end:
        kind, total, version = data[at], data[at + 1] + 2, data[at + 2]
        if not _LOW <= kind <= _HIGH or not LEAST_BYTES <= total <= MOST_BYTES or version > _MAX_VERSION:
            break
        if at + total > end or not _READERS[kind](version, data[at + 3 : at + total], trailer):
            break
        at += total
    return at


def _read_low(version: int, body: bytes, trailer: Trailer) -> bool:
    if version == 1 and len(body) == 4 + body[3]:
        is_ingress, slot, tmm, name = body[0], body[1], body[2], body[4:]
    elif version == 0 and len(body) == _LOW_10.size:
        is_ingress, slot, tmm, name = _LOW_10.unpack(body)
    elif version == 0 and len(body) == _LOW_94.size:
        is_ingress, slot, tmm, flow, peer, flags, kind, name = _LOW_94.unpack(body)
        trailer.flow = FlowPart(flow, peer, flags, kind)
        slot -= 1  # the oldest form counts from 1 itself
    else:
        return False
    if is_ingress > 1 or (version == 0 and not _is_name(name)):
        return False
    trailer.is_ingress, trailer.slot, trailer.tmm = is_ingress != 0, slot + 1, tmm
    trailer.virtual_server = read_name(name)
    return True


def _is_name(field: bytes) -> bool:
    """Text, filled with zeros: where a form has no other sign, it is known by that."""
    text, _, rest = field.partition(b"\0")
    return text.isascii() and text.decode("ascii").isprintable() and not any(rest)


def _read_medium(version: int, body: bytes, trailer: Trailer) -> bool:
    size, block, priority = len(body), b"", None
    if version == 0 and size == 5:
        trailer.ha_unit, trailer.reserved = body[0], int.from_bytes(body[1:5], "big")
        return True
    if version == 0 and size == _FLOW_10.size:
        flow, peer, flags, kind, unit, reserved = _FLOW_10.unpack(body)
    elif (version == 0 and size == _FLOW_11.size) or (version == 1 and size >= 27) or (version == 2 and size >= 28):
        flow, peer, flags, kind, unit, reserved = _FLOW_11.unpack_from(body)
        if version:
            priority = body[26] if version == 2 else None
            block = body[26 + version :]
            if body[25 + version] != len(block):
                return False
    elif version == 3 and size >= _FLOW_13.size:
        flow, peer, high, low, kind, unit, reserved, priority, length = _FLOW_13.unpack_from(body)
        flags, block = high << 32 | low, body[_FLOW_13.size :]
        if length != len(block):
            return False
    else:
        return False
    trailer.flow = FlowPart(flow, peer, flags, kind)
    trailer.ha_unit, trailer.reserved, trailer.priority = unit, reserved, priority
    trailer.cause = read_cause_block(block)
    return True


def _read_high(version: int, body: bytes, trailer: Trailer) -> bool:
    if version != 0 or len(body) != _HIGH_BYTES - 3:
        return False
    trailer.peer = read_peer(body)
    return True


_READERS: Final = {_LOW: _read_low, _MEDIUM: _read_medium, _HIGH: _read_high}
