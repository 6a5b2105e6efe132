"""Trailers as a BIG-IP writes them behind packets, every listed form: for captures that no BIG-IP made.

The layouts are written down here a second time, by field, and apart from the program that reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from struct import pack

__all__ = [
    "MAGIC",
    "Peer",
    "Saying",
    "address",
    "cause_block",
    "cause_text",
    "dpt",
    "dpt_item",
    "dpt_tls12",
    "dpt_tls13",
    "high",
    "legacy",
    "low",
    "medium",
    "pseudo_packet",
]

MAGIC = bytes.fromhex("f5deb0f5")
NOISE, TLS = 1, 4
VERSION = "17.1.0 0.0.16"


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side, as the BIG-IP sees it."""

    remote: str
    remote_port: int
    local: str
    local_port: int
    vlan: int = 4093
    route_domain: int | None = None


@dataclass(frozen=True, slots=True)
class Saying:
    """What one packet's trailer is to say."""

    ingress: bool
    slot: int = 1
    tmm: int = 0
    virtual_server: str = ""
    flow: int = 0
    peer: int = 0
    flags_high: int = 0
    flags_low: int = 0
    flow_type: int = 0x40
    ha_unit: int = 1
    priority: int = 3
    cause: bytes = b""
    """An RST-cause block."""
    other: Peer | None = None
    hardware: int = 0
    ports: tuple[str, ...] = ()
    trunks: tuple[str, ...] = ()


def address(text: str, route_domain: int | None = None) -> bytes:
    """The 16-byte field."""
    packed = ip_address(text).packed
    if len(packed) == 16:
        return packed
    if route_domain is not None:
        return bytes.fromhex("262000000c10f5010000") + pack(">H", route_domain) + packed
    return bytes(10) + b"\xff\xff" + packed


def cause_block(reason: str, *, peer: bool = False, value: int = 0x123ABCD, line: int = 2267) -> bytes:
    """The RST-cause block."""
    return pack(">B", int(peer)) + value.to_bytes(6, "big") + pack(">H", line) + reason.encode("ascii")


def cause_text(reason: str, *, peer: bool = False, value: int = 0x11C5672, line: int = 3045) -> bytes:
    """The same as a RST's payload."""
    return f"BIG-IP: [0x{value:x}:{line}] {'{peer} ' if peer else ''}{reason}".encode("ascii")


def pseudo_packet(command: str, *, host: str = "bigip1.example.test", platform: str = "Z100") -> bytes:
    """The first record."""
    texts = (f"CMD: {command}", f"VER: {VERSION}", f"HOST: {host}", f"PLAT: {platform}", "PROD: BIG-IP", "SESS: 1")
    return bytes(12) + b"\x05\xffF5-Pseudo-pkt\0" + b"".join(text.encode() + b"\0" for text in texts)


# -- legacy ------------------------------------------------------------------------------------------------------------


def _item(kind: int, version: int, body: bytes) -> bytes:
    return bytes((kind, len(body) + 1, version)) + body


def low(say: Saying, form: str) -> bytes:
    """``v1``, ``10`` (version 0, 22 bytes) or ``9.4`` (version 0, 35 bytes)."""
    head, name = bytes((int(say.ingress), say.slot - 1, say.tmm)), say.virtual_server.encode()
    if form == "v1":
        return _item(1, 1, head + bytes((len(name),)) + name)
    fixed = name[:16].ljust(16, b"\0")
    if form == "10":
        return _item(1, 0, head + fixed)
    flow = pack(">IIIB", say.flow & 0xFFFFFFFF, say.peer & 0xFFFFFFFF, say.flags_low, say.flow_type)
    return _item(1, 0, head + flow + fixed)


def medium(say: Saying, form: str) -> bytes:
    """``9.4`` (8 bytes), ``10`` (21), ``11`` (29), ``v1``, ``v2`` or ``v3``."""
    cause = bytes((len(say.cause),)) + say.cause
    unit = pack(">BI", say.ha_unit, 0)
    if form == "9.4":
        return _item(2, 0, unit)
    if form == "10":
        flow = pack(">IIIB", say.flow & 0xFFFFFFFF, say.peer & 0xFFFFFFFF, say.flags_low, say.flow_type)
        return _item(2, 0, flow + unit)
    if form == "v3":
        flow = pack(">QQIIB", say.flow, say.peer, say.flags_high, say.flags_low, say.flow_type)
        return _item(2, 3, flow + unit + bytes((say.priority,)) + cause)
    flow = pack(">QQIB", say.flow, say.peer, say.flags_low, say.flow_type) + unit
    if form == "11":
        return _item(2, 0, flow)
    return _item(2, 1, flow + cause) if form == "v1" else _item(2, 2, flow + bytes((say.priority,)) + cause)


def high(say: Saying) -> bytes:
    return _item(3, 0, _peer(say.other))


def legacy(say: Saying) -> bytes:
    """A whole trailer of 13.x."""
    return low(say, "v1") + medium(say, "v3") + high(say)


def _peer(peer: Peer | None) -> bytes:
    if peer is None:
        return bytes(39)
    return (
        pack(">BH", 6, peer.vlan)
        + address(peer.remote, peer.route_domain)
        + address(peer.local, peer.route_domain)
        + pack(">HH", peer.remote_port, peer.local_port)
    )


# -- DPT ---------------------------------------------------------------------------------------------------------------


def dpt_item(provider: int, kind: int, version: int, body: bytes) -> bytes:
    return pack(">HHHH", provider, kind, len(body) + 8, version) + body


def dpt(say: Saying, *more: bytes, low_version: int = 4) -> bytes:
    """A whole block: low, medium, high, and what else is given."""
    name = say.virtual_server.encode()
    flags = int(say.ingress) | (say.hardware << 1 if low_version > 2 else 0)
    head = bytes((flags, say.slot - 1, say.tmm))
    if low_version == 4:
        named = [(0, say.virtual_server), *((1, one) for one in say.ports), *((2, one) for one in say.trunks)]
        names = b"".join(bytes((kind, len(text))) + text.encode() for kind, text in named)
        first = head + bytes((len(names),)) + names
    else:
        first = head + bytes((len(name),)) + name
    flow = pack(">QQIIB", say.flow, say.peer, say.flags_high, say.flags_low, say.flow_type)
    second = flow + pack(">BIB", say.ha_unit, 0, say.priority) + bytes((len(say.cause),)) + say.cause
    items = (
        dpt_item(NOISE, 1, low_version, first)
        + dpt_item(NOISE, 2, 4, second)
        + dpt_item(NOISE, 3, 1, _peer(say.other))
        + b"".join(more)
    )
    return MAGIC + pack(">HH", len(items) + 8, 1) + items


def dpt_tls12(master_secret: bytes, client_random: bytes, server_random: bytes) -> bytes:
    return dpt_item(TLS, 0, 0, master_secret + client_random + server_random)


def dpt_tls13(secrets: tuple[bytes, ...], client_random: bytes, server_random: bytes) -> bytes:
    """Four secrets (version 0), or five, the early one first (version 1)."""
    slots = b"".join(secret.ljust(64, b"\0") for secret in secrets)
    body = bytes((len(secrets[-1]),)) + slots + client_random + server_random
    return dpt_item(TLS, 2, len(secrets) - 4, body)
