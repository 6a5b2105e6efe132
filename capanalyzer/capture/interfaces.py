"""The interfaces of this machine: names, link types, addresses, state, and what they lost.

Asked of the kernel over rtnetlink (rtnetlink(7)), which needs no privilege and always speaks of the network namespace
the program is in; the files under /sys may show another one's. Elsewhere only the names are known.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from capanalyzer.capture.linktypes import ETHERNET, LINUX_SLL2, RAW
from capanalyzer.remark import Remark

__all__ = ["ANY", "Interface", "InterfaceTable", "describe_interfaces", "link_of_hardware", "list_interfaces"]

ANY: Final = "any"
"""All interfaces at once, those that come later too."""

_MESSAGE: Final = Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence number, port."""
_LINK: Final = Struct("=BxHiII")
"""struct ifinfomsg: family, hardware type (ARPHRD_), index, flags (IFF_), change mask."""
_ADDRESS: Final = Struct("=BBBBI")
"""struct ifaddrmsg: family, prefix length, flags, scope, index."""
_ATTRIBUTE: Final = Struct("=HH")
_COUNTER: Final = Struct("=Q")
_DONE, _ERROR, _NEW_LINK, _GET_LINK, _NEW_ADDRESS, _GET_ADDRESS = 3, 2, 16, 18, 20, 22
_REQUEST, _DUMP = 0x001, 0x300
_IFNAME, _STATS64 = 3, 23
_ADDRESS_OF_PEER, _ADDRESS_LOCAL = 1, 2
_UP, _RUNNING = 0x1, 0x40
_RX_DROPPED, _RX_OVER, _RX_FIFO, _RX_MISSED = 6, 11, 14, 15
"""Places of the counters in struct rtnl_link_stats64."""
_ANSWER_BYTES: Final = 64 << 10
"""The kernel fills at most 32 KiB of one answer."""
_MOST_ANSWERS: Final = 4096
"""Of one question; a dump of 100,000 interfaces takes fewer."""
_PATIENCE_S: Final = 2.0
"""The kernel answers within the call; this is for kernels that do not answer at all."""

_MOST_DESCRIBED: Final = 30
"""Hosts of containers have hundreds."""

_HARDWARE_LINKS: Final = {
    1: ETHERNET,  # ARPHRD_ETHER
    772: ETHERNET,  # ARPHRD_LOOPBACK: an Ethernet header of zeros
    801: 105,  # ARPHRD_IEEE80211
    802: 119,  # ARPHRD_IEEE80211_PRISM
    803: 127,  # ARPHRD_IEEE80211_RADIOTAP
    519: RAW,  # ARPHRD_RAWIP
    768: RAW,  # ARPHRD_TUNNEL: IP in IP
    776: RAW,  # ARPHRD_SIT
    65534: RAW,  # ARPHRD_NONE: tun, WireGuard
}
"""Link types of hardware types whose frames are taken with the link-layer header they come with (linux/if_arp.h)."""


def link_of_hardware(hardware: int) -> int:
    """The LINKTYPE_ in which an interface of this ARPHRD_ type is captured.

    What is not known to have a header of a fixed form is captured *cooked*: from its network header on, behind a
    header that is made here.
    """
    return _HARDWARE_LINKS.get(hardware, LINUX_SLL2)


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface as it is now."""

    name: str
    index: int
    hardware: int | None
    """ARPHRD_ number; None where it is not known."""
    is_up: bool | None
    """Whether it was switched on; None where it is not known."""
    has_carrier: bool = True
    """Somebody is at the other end of its cable, as far as is known."""
    lost: int = 0
    """Packets that came to it and were lost before anybody could see them, since it exists."""
    dropped: int = 0
    """Packets of it that the host did nothing with (``rx_dropped``); :mod:`capanalyzer.capture.interface_losses`."""
    addresses: tuple[str, ...] = ()
    """``192.0.2.1/24``, ``2001:db8::1/64``."""

    @property
    def link(self) -> int | None:
        """LINKTYPE_ in which it is captured."""
        return None if self.hardware is None else link_of_hardware(self.hardware)


class InterfaceTable:
    """The kernel's table of interfaces, asked again and again; its socket is opened once."""

    def __init__(self) -> None:
        """:raises OSError: no rtnetlink: this is not Linux, or a sandbox forbids it."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.settimeout(_PATIENCE_S)
        self._sequence = 0

    def read(self, *, with_addresses: bool = False) -> list[Interface]:
        """All interfaces, by index.

        :raises OSError: the kernel does not answer.
        """
        addresses: dict[int, list[str]] = {}
        if with_addresses:
            for body in self._ask(_GET_ADDRESS, _NEW_ADDRESS):
                index, text = _address(body)
                if text:
                    addresses.setdefault(index, []).append(text)
        found = [_interface(body, addresses) for body in self._ask(_GET_LINK, _NEW_LINK)]
        return sorted(found, key=lambda each: each.index)

    def _ask(self, question: int, answer: int) -> Iterator[bytes]:
        """The bodies of the kernel's answers to a dump request."""
        self._sequence += 1
        body = bytes(16)
        head = _MESSAGE.pack(_MESSAGE.size + len(body), question, _REQUEST | _DUMP, self._sequence, 0)
        self._socket.sendto(head + body, (0, 0))
        for _ in range(_MOST_ANSWERS):
            data = self._socket.recv(_ANSWER_BYTES)
            place = 0
            while place + _MESSAGE.size <= len(data):
                size, kind, _, sequence, _ = _MESSAGE.unpack_from(data, place)
                if size < _MESSAGE.size or place + size > len(data):
                    break
                if sequence == self._sequence:
                    if kind == _DONE:
                        return
                    if kind == _ERROR:
                        raise OSError("rtnetlink refuses to list interfaces")
                    if kind == answer:
                        yield data[place + _MESSAGE.size : place + size]
                place += size + 3 & -4

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()


def list_interfaces() -> list[Interface]:
    """The interfaces with their addresses, by index; where the system does not tell, their names alone."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            table = InterfaceTable()
            try:
                return table.read(with_addresses=True)
            finally:
                table.close()
    with contextlib.suppress(OSError, AttributeError):
        return [Interface(name, index, None, None) for index, name in socket.if_nameindex()]
    return []


def describe_interfaces(interfaces: list[Interface]) -> Remark:
    """What there is to choose from, in one line: names, with an address or why nothing is to be seen there."""
    told = tuple(_described(each) for each in interfaces[:_MOST_DESCRIBED])
    more = len(interfaces) - len(told)
    if not told:
        return Remark("none")
    return Remark("{names} and {n} more", names=told, n=more) if more > 0 else Remark("{names}", names=told)


def _described(each: Interface) -> str:
    if each.is_up is False:
        return Remark("{name} (down)", name=each.name)
    if not each.has_carrier:
        return Remark("{name} (no carrier)", name=each.name)
    return f"{each.name} ({each.addresses[0]})" if each.addresses else each.name


def _interface(body: bytes, addresses: dict[int, list[str]]) -> Interface:
    _, hardware, index, flags, _ = _LINK.unpack_from(body)
    name, lost, dropped = "", 0, 0
    for kind, value in _attributes(body, _LINK.size):
        if kind == _IFNAME:
            name = value.rstrip(b"\0").decode("utf-8", "replace")
        elif kind == _STATS64 and len(value) >= 8 * (_RX_MISSED + 1):
            dropped, *losses = (
                _COUNTER.unpack_from(value, 8 * place)[0] for place in (_RX_DROPPED, _RX_OVER, _RX_FIFO, _RX_MISSED)
            )
            # Drivers count one loss under one of these names, or under several.
            lost = max(losses)
    is_up, has_carrier = bool(flags & _UP), bool(flags & _RUNNING)
    return Interface(name, index, hardware, is_up, has_carrier, lost, dropped, tuple(addresses.get(index, ())))


def _address(body: bytes) -> tuple[int, str]:
    family, prefix, _, _, index = _ADDRESS.unpack_from(body)
    size = {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family)
    found = {kind: value for kind, value in _attributes(body, _ADDRESS.size) if len(value) == size}
    # On a point-to-point link the one is the other end's.
    value = found.get(_ADDRESS_LOCAL, found.get(_ADDRESS_OF_PEER))
    return index, "" if value is None else f"{socket.inet_ntop(family, value)}/{prefix}"


def _attributes(body: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    while place + _ATTRIBUTE.size <= len(body):
        size, kind = _ATTRIBUTE.unpack_from(body, place)
        if size < _ATTRIBUTE.size or place + size > len(body):
            return
        yield kind & 0x3FFF, body[place + _ATTRIBUTE.size : place + size]
        place += size + 3 & -4
