"""What a flow hands to the session builder: the segments that matter, and counters over all the rest."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, TypeAlias

from capanalyzer.packets.table import IcmpError

__all__ = ["ACK", "FIN", "PSH", "RST", "SYN", "URG", "Ended", "Flow", "Row"]

FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
"""TCP control bits, RFC 9293 section 3.1."""

Row: TypeAlias = tuple[int, int, int, int, int, int, int, int, bytes, int, int, bytes]
"""One segment that can still matter, a plain tuple because there are millions of them:

(frame, time_ns, side, flags, seq, ack, window, length, payload, ttl, ip_id, options)

- ``side``: 0 for the sender of the flow's first packet, 1 for the other end;
- ``length``: payload bytes on the wire; ``payload``: the captured ones (shorter under a snap length);
- ``options``: TCP options, given for SYNs and for pure ACKs that carry more than a time stamp (SACK);
  b"" otherwise.
"""


class Ended(StrEnum):
    """Why a flow is handed on now."""

    CLOSED = "closed"
    """FIN from both ends, or a reset, and then quiet for a while (capture time)."""
    IDLE = "idle"
    """No packet for longer than the idle timeout (capture time)."""
    REUSED = "reused"
    """A new connection began on the same addresses and ports."""
    EVICTED = "evicted"
    """The table was full and this one had been quiet the longest."""
    CAPTURE_END = "capture-end"
    CLOCK_SET = "clock-set"
    """The capture's clock was set back: what comes after has no place behind what came before."""


class Flow(NamedTuple):
    """Counters and identity of one TCP connection. Pairs are (side 0, side 1); side 0 sent its first packet."""

    capture: int
    """Index of the capture."""
    stream: int
    """Number as Wireshark's ``tcp.stream``."""
    addresses: tuple[bytes, bytes]
    """4 or 16 bytes each."""
    ports: tuple[int, int]
    first_ns: int
    last_ns: int
    first_frame: int
    packets: tuple[int, int]
    payload_bytes: tuple[int, int]
    """TCP payload on the wire, retransmissions included."""
    last_side_ns: tuple[int | None, int | None]
    """When each side was last seen."""
    rows_dropped: int
    """Segments that mattered but exceeded the per-flow cap; told in the session when not 0."""
    ended: Ended
    watched_until_ns: int
    """Newest capture time when this flow was handed on: how long its silence was watched."""
    icmp: tuple[IcmpError, ...] = ()
    """ICMP errors that quote this flow, in frame order (bounded)."""
    lossy: bool = False
    """While it was open the capture lost packets, of whichever flow: what is missing may be among them."""
