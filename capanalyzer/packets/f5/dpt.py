"""Trailers since 14.0: a magic number, then items of provider, type, length and version."""

from __future__ import annotations

from struct import Struct
from typing import Final

from capanalyzer.packets.f5.cause import read_cause_block
from capanalyzer.packets.f5.trailer import FlowPart, Trailer, read_name, read_peer

__all__ = ["HEADER_BYTES", "ITEM_BYTES", "MAGIC", "TLS_PROVIDER", "read_block"]

MAGIC: Final = bytes.fromhex("f5deb0f5")
HEADER_BYTES: Final = 8
ITEM_BYTES: Final = 8
"""Provider, type, length, version."""
TLS_PROVIDER: Final = 4
"""Its items hold session secrets; the only thing that is read of them is that they are there."""
_NOISE_PROVIDER: Final = 1
_LOW, _MEDIUM, _HIGH = 1, 2, 3
_VERSION: Final = 1

_ITEM: Final = Struct(">HHHH")
_FLOW: Final = Struct(">QQIIBBIBB")
"""Flow id, peer id, flags (high, low), type, HA unit, reserved, priority, size of the RST-cause block."""
_VIRTUAL_SERVER, _PORT, _TRUNK = 0, 1, 2
_MAX_NAMES: Final = 8


def read_block(data: bytes, at: int, end: int, trailer: Trailer) -> int:
    """Read the block that begins at ``at`` into ``trailer``.

    :param end: of the packet's bytes.
    :return: where the block ends; ``at`` where none begins there.
    """
    if data[at : at + 4] != MAGIC or at + HEADER_BYTES > end:
        return at
    size, version = int.from_bytes(data[at + 4 : at + 6], "big"), int.from_bytes(data[at + 6 : at + 8], "big")
    stop = at + size
    if version != _VERSION or size < HEADER_BYTES or stop > end:
        return at
    item = at + HEADER_BYTES
    while item + ITEM_BYTES <= stop:
        provider, kind, length, form = _ITEM.unpack_from(data, item)
        if length < ITEM_BYTES or item + length > stop:
            break
        if provider == _NOISE_PROVIDER:
            _read_noise(kind, form, data[item + ITEM_BYTES : item + length], trailer)
        elif provider == TLS_PROVIDER:
            # Secrets are looked at for one thing only: all zero means not known yet.
            trailer.has_keys = trailer.has_keys or any(data[item + ITEM_BYTES : item + length])
        item += length
    return stop


def _read_noise(kind: int, form: int, body: bytes, trailer: Trailer) -> None:
    if kind == _LOW and form in (2, 3, 4):
        _read_low(form, body, trailer)
    elif kind == _MEDIUM and form == 4:
        _read_medium(body, trailer)
    elif kind == _HIGH and form == 1:
        trailer.peer = read_peer(body) or trailer.peer


def _read_low(form: int, body: bytes, trailer: Trailer) -> None:
    if len(body) < 4 or len(body) < 4 + body[3]:
        return
    trailer.is_ingress = bool(body[0] & 1) if form > 2 else body[0] != 0
    trailer.hardware = body[0] >> 1 & 3 if form > 2 else 0
    trailer.slot, trailer.tmm = body[1] + 1, body[2]
    names = body[4 : 4 + body[3]]
    if form < 4:
        trailer.virtual_server = read_name(names)
        return
    at, ports, trunks = 0, list[str](), list[str]()
    while at + 2 <= len(names):
        what, size = names[at], names[at + 1]
        if at + 2 + size > len(names):
            break
        name = read_name(names[at + 2 : at + 2 + size])
        if what == _VIRTUAL_SERVER:
            trailer.virtual_server = name
        elif what == _PORT and name and len(ports) < _MAX_NAMES:
            ports.append(name)
        elif what == _TRUNK and name and len(trunks) < _MAX_NAMES:
            trunks.append(name)
        at += 2 + size
    trailer.ports, trailer.trunks = tuple(ports), tuple(trunks)


def _read_medium(body: bytes, trailer: Trailer) -> None:
    if len(body) < _FLOW.size:
        return
    flow, peer, high, low, kind, unit, reserved, priority, size = _FLOW.unpack_from(body)
    trailer.flow = FlowPart(flow, peer, high << 32 | low, kind)
    trailer.ha_unit, trailer.reserved, trailer.priority = unit, reserved, priority
    if _FLOW.size + size <= len(body):
        trailer.cause = read_cause_block(body[_FLOW.size : _FLOW.size + size])
