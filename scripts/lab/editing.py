"""Changes to captures after they were made, with scapy: devices this kernel lacks, and what capturing loses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.net import Lab

if TYPE_CHECKING:
    from scapy.packet import Packet

__all__ = ["edit", "from_server"]

Change = Callable[["list[Packet]", int], "list[Packet]"]


def edit(change: Change) -> Callable[[Lab], None]:
    """An edit for a case: ``change`` gets the packets and the server's port."""

    def apply(lab: Lab) -> None:
        from scapy.layers import inet, inet6, l2  # noqa: F401 - what the packets are made of
        from scapy.utils import rdpcap, wrpcap

        packets = list(rdpcap(str(lab.raw)))
        wrpcap(str(lab.raw), change(packets, lab.plan.port(443)), nano=True)

    return apply


def from_server(packet: Packet, port: int) -> bool:
    """A segment with data of the server."""
    from scapy.layers.inet import TCP

    return bool(packet.haslayer(TCP) and packet[TCP].sport == port and len(packet[TCP].payload))
