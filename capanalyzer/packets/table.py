"""Decoded TCP segments as columns: the seam between ``packets`` and ``streams``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXTRA", "IcmpError", "PacketTable"]

EXTRA = 1 << 48
"""Positions at or above this index ``extra`` (minus EXTRA) instead of the batch's ``data``: bytes that do
not stand in one piece in the capture, i.e. reassembled IP fragments."""


class IcmpError(NamedTuple):
    """An ICMP or ICMPv6 error that quotes a TCP segment (RFC 792, RFC 4443)."""

    frame: int
    time_ns: int
    version: int
    """4 or 6."""
    type: int
    code: int
    mtu: int
    """Next-hop MTU of fragmentation-needed / packet-too-big, else 0."""
    reporter: bytes
    """Address of the device that sent the error, 4 or 16 bytes."""
    quoted_source: int
    """Endpoint value of the quoted segment's sender (see PacketTable.source)."""
    quoted_destination: int
    quoted_seq: int | None
    """TCP sequence number, None when less than 8 bytes of TCP are quoted."""
    quoted_flags: int | None = None
    """TCP flags of the quoted segment, None when less than 16 bytes of TCP are quoted. Where they are there,
    Wireshark gives the quoted segment's addresses and ports a ``tcp.stream`` number as if it were a segment."""
    quoted_addresses: bytes = b""
    """Source and destination address of the quoted packet, 8 or 32 bytes."""
    quoted_ports: tuple[int, int] = (0, 0)
    """Source and destination port of the quoted segment."""


@dataclass(slots=True)
class PacketTable:
    """TCP segments of one batch, one row each, in frame order. All columns have shape (n,).

    An *endpoint value* stands for (address, port) in one u64. IPv4: ``address << 16 | port``, exact.
    IPv6: bit 63 set, the rest a mix of address and port under a seed drawn per run; two endpoints may
    share one value, so whoever matches on it compares the addresses at ``address_at`` as well.
    """

    data: NDArray[np.uint8]
    """The batch's bytes."""
    extra: bytes
    """Bytes addressed by positions >= EXTRA."""
    frame: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    source: NDArray[np.uint64]
    """Endpoint value of the sender."""
    destination: NDArray[np.uint64]
    address_at: NDArray[np.int64]
    """Position of the source address; the destination address follows at +4 (IPv4) or +16 (IPv6)."""
    is_v6: NDArray[np.bool_]
    source_port: NDArray[np.uint16]
    destination_port: NDArray[np.uint16]
    seq: NDArray[np.uint32]
    ack: NDArray[np.uint32]
    flags: NDArray[np.uint8]
    """CWR ECE URG ACK PSH RST SYN FIN, RFC 9293 section 3.1."""
    window: NDArray[np.uint16]
    """As sent, unscaled."""
    options_at: NDArray[np.int64]
    """Position of the TCP options."""
    options_len: NDArray[np.uint8]
    """Bytes of options, 0 to 40; only captured ones."""
    payload_at: NDArray[np.int64]
    """Position of the payload's first byte."""
    length: NDArray[np.int64]
    """TCP payload bytes on the wire, by the IP header (never padding, FCS or trailers)."""
    captured: NDArray[np.int64]
    """Of these, how many are in the capture; less than ``length`` under a snap length."""
    ttl: NDArray[np.uint8]
    """TTL or hop limit."""
    ip_id: NDArray[np.uint16]
    """IPv4 identification; 0 for IPv6."""
    icmp: list[IcmpError] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    """What was met and not made into rows, counted by reason (``fragment-incomplete`` ...)."""

    def __len__(self) -> int:
        return len(self.frame)
