"""One packet's trailer: where it begins, and what is in it, whatever its form."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final, NamedTuple

from capanalyzer.packets.f5.cause import ResetCause

__all__ = [
    "HARDWARE_ACTIONS",
    "MAX_NAME",
    "NO_FLOW",
    "F5Address",
    "FlowPart",
    "PeerTuple",
    "Trailer",
    "read_address",
    "read_name",
    "read_peer",
]

MAX_NAME: Final = 255
NO_FLOW: Final = 0
"""The flow id of a packet that belongs to no connection (yet)."""
HARDWARE_ACTIONS: Final = ("", "challenge", "drop", "forward")
"""What the hardware did with a packet, by the flags' number."""
_ROUTE_DOMAIN: Final = bytes.fromhex("262000000c10f5010000")
"""IPv4 in a route domain: then come the domain's number, 2 bytes, and the address."""
_MAPPED: Final = bytes(10) + b"\xff\xff"
_PEER_BYTES: Final = 39


class F5Address(NamedTuple):
    """An address as a BIG-IP keeps it."""

    packed: bytes
    """4 or 16 bytes."""
    route_domain: int | None = None
    """None where the field names none: the default domain."""

    @property
    def text(self) -> str:
        """RFC 5952 form, without the route domain."""
        return socket.inet_ntop(socket.AF_INET if len(self.packed) == 4 else socket.AF_INET6, self.packed)


class PeerTuple(NamedTuple):
    """The connection on the other side of the proxy, as the BIG-IP sees it there."""

    protocol: int
    """IP protocol number."""
    vlan: int
    remote: F5Address
    local: F5Address
    remote_port: int
    local_port: int


class FlowPart(NamedTuple):
    """Which connection of a TMM a packet belongs to, and which one is its peer."""

    flow_id: int
    peer_id: int
    flags: int
    """Connection flow flags; 64 bits, the older 32."""
    flow_type: int


@dataclass(slots=True)
class Trailer:
    """What one packet's trailer says; None and empty where it does not say."""

    is_ingress: bool | None = None
    """The BIG-IP received the packet; False: it sent it."""
    slot: int | None = None
    """Blade, counted from 1 as the BIG-IP's own tools do."""
    tmm: int | None = None
    """Instance of the traffic microkernel."""
    virtual_server: str = ""
    ports: tuple[str, ...] = ()
    trunks: tuple[str, ...] = ()
    hardware: int = 0
    """Index into ``HARDWARE_ACTIONS``."""
    flow: FlowPart | None = None
    ha_unit: int | None = None
    reserved: int | None = None
    priority: int | None = None
    cause: ResetCause | None = None
    """Of a RST that the BIG-IP itself made."""
    peer: PeerTuple | None = None
    """None also where all of it is zero: there is no peer."""
    has_keys: bool = False
    """It carries secrets of a TLS session. They are not read."""


def read_address(field: bytes) -> F5Address:
    """The 16-byte address field."""
    if field[:12] == _MAPPED:
        return F5Address(field[12:])
    if field[:10] == _ROUTE_DOMAIN:
        return F5Address(field[12:], field[10] << 8 | field[11])
    return F5Address(field)


def read_peer(field: bytes) -> PeerTuple | None:
    """Protocol, VLAN, remote and local address, remote and local port: 39 bytes, the same in every form."""
    if len(field) < _PEER_BYTES or not any(field[:_PEER_BYTES]):
        return None
    return PeerTuple(
        field[0],
        field[1] << 8 | field[2],
        read_address(field[3:19]),
        read_address(field[19:35]),
        field[35] << 8 | field[36],
        field[37] << 8 | field[38],
    )


def read_name(field: bytes) -> str:
    """A name of the configuration, safe to print: what is not UTF-8, and control characters, stand escaped."""
    text = field.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
