"""A session's facts: what the capture shows of one connection, before anybody judges it.

Built by :class:`capanalyzer.handshake.connection.Connection` when a flow ends, read by the diagnosis and the
reports. Nothing here is a verdict. Slots and lazy fields because there may be 100,000 of them: what a
verdict on an ordinary session does not need (cipher lists, fingerprints, certificate fields, timeline)
is parsed when first asked for. What TLS shows is in
:mod:`capanalyzer.handshake.tls_facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from capanalyzer.handshake.side import Side
from capanalyzer.handshake.tls_facts import Alert, TlsFacts
from capanalyzer.packets.table import IcmpError
from capanalyzer.streams.f5.facts import F5Facts
from capanalyzer.streams.flow import Ended

__all__ = [
    "Alert",
    "CloseEvent",
    "Endpoint",
    "Event",
    "KnownBy",
    "Quality",
    "Session",
    "Side",
    "SideFacts",
    "TcpFacts",
    "TlsFacts",
    "Upgrade",
]


class KnownBy(StrEnum):
    """How the client was told from the server."""

    SYN = "syn"
    SYN_ACK = "syn-ack"
    HELLO = "hello"
    """It sent a ClientHello, an HTTP request, or the other end sent a ServerHello or a banner."""
    PORT = "port"
    """Only one of the two ports is a service's."""
    FIRST_PACKET = "first-packet"


class Endpoint(NamedTuple):
    ip: str
    """RFC 5952 form."""
    port: int

    def __str__(self) -> str:
        """``192.0.2.1:443``, ``[2001:db8::1]:443`` (RFC 5952 section 6)."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Event(NamedTuple):
    """One line of the timeline."""

    time_ns: int
    frame: int
    side: Side | None
    """None for the network itself (ICMP) or the capture (end of file)."""
    event: str
    """Short and untranslated: ``SYN``, ``SYN, ACK``, ``ClientHello``, ``Alert``, ``FIN``, ``RST`` ..."""
    detail: str = ""
    """Untranslated facts beside it, already safe to print (no control characters): versions, SNI, lengths."""


class CloseEvent(NamedTuple):
    """A FIN or RST with what reset forensics compares (RFC 9293 section 3.6, 3.5.2)."""

    time_ns: int
    frame: int
    side: Side
    is_rst: bool
    seq: int
    ack: int
    flags: int
    window: int
    ttl: int
    ip_id: int
    payload: bytes
    """Text some devices put into a RST; never stream data."""


@dataclass(slots=True)
class SideFacts:
    """What TCP shows of one direction: what this side sent."""

    packets: int = 0
    payload_bytes: int = 0
    """On the wire, retransmissions included."""
    isn: int | None = None
    """Initial sequence number, from SYN or SYN/ACK; None where neither was seen."""
    syn_count: int = 0
    """SYNs (client) or SYN/ACKs (server) sent, retransmissions included."""
    syn_copies: int = 0
    """Those captured a second time, on both sides of a router or by two mirror ports: none is sent again so soon."""
    syn_frame: int | None = None
    syn_ns: int | None = None
    """First one's frame and time."""
    last_syn_ns: int | None = None
    mss: int | None = None
    """MSS option of the SYN, RFC 9293 section 3.7.1."""
    ttls: tuple[int, ...] = ()
    """Distinct TTLs or hop limits seen on SYN and data (not on RST), first seen first, at most 8."""
    ip_ids: tuple[int, ...] = ()
    """IP identifications of the last few segments before a RST, at most 8."""
    stream_bytes: int = 0
    """In-order bytes reassembled (up to the cap)."""
    acked_bytes: int = 0
    """How many bytes of this side's stream the other end acknowledged (0 = none or only the SYN)."""
    acked_ns: int | None = None
    """When the acknowledgement covering this side's first bytes was seen."""
    sent_until: int = 0
    """Highest stream offset (exclusive) this side was seen to send, in order or not."""
    retransmissions: int = 0
    """Segments sent again, among those looked at."""
    last_transmissions: int = 0
    """How often the oldest unacknowledged segment was sent (1 = once); 0 with nothing outstanding."""
    last_transmission_span_ns: int = 0
    """Time from that segment's first to its last transmission."""
    outstanding_length: int = 0
    """Payload length of that oldest unacknowledged segment."""
    gap: bool = False
    """Bytes missing that were acknowledged, or never turned up: reading stopped there."""
    gap_at: int | None = None
    """Stream offset of the first missing byte."""
    gap_acked: bool = False
    """The other end acknowledged bytes beyond the gap: the capture lost them, not the path."""
    truncated: bool = False
    """A snap length cut bytes that mattered."""
    unread: bool = False
    """More came than is read of a direction before its handshake is over: what it said after that is not known."""
    in_record: bool = False
    """Its bytes end inside a record: more was to come."""
    conflict: bool = False
    """Overlapping segments carried different bytes (the first seen were used)."""
    duplicates: int = 0
    """Packets captured twice (mirror port): same IP id, seq, flags within 5 ms."""
    zero_window: bool = False
    data_in_syn: bool = False
    keep_alives: int = 0
    first_data_ns: int | None = None
    last_data_ns: int | None = None
    gap_ns: int | None = None
    """When the other end first acknowledged bytes behind the gap, or of it: they had arrived by then."""
    gap_length: int | None = None
    """Bytes missing at ``gap_at`` up to the next byte that was captured, or up to what was acknowledged where none
    follows; None where that is not known.
    """
    first_data_frame: int | None = None
    """Frame of ``first_data_ns``."""
    acked_frame: int | None = None
    """Frame of ``acked_ns``."""


@dataclass(slots=True)
class TcpFacts:
    client: SideFacts
    server: SideFacts
    handshake_ack_frame: int | None = None
    """The client's ACK that completed the three-way handshake (or its first segment after the SYN/ACK)."""
    handshake_ack_ns: int | None = None
    closes: tuple[CloseEvent, ...] = ()
    """Every FIN and RST in time order (at most 16)."""
    icmp: tuple[IcmpError, ...] = ()
    rtt_ns: int | None = None
    """SYN to SYN/ACK plus SYN/ACK to ACK: a full round trip between the ends, wherever captured."""

    def side(self, side: Side) -> SideFacts:
        return self.client if side is Side.CLIENT else self.server


@dataclass(slots=True)
class Upgrade:
    """What preceded TLS in the same stream: CONNECT, a PROXY header, STARTTLS and its like."""

    kind: str
    """``connect`` ``proxy-v1`` ``proxy-v2`` ``smtp`` ``imap`` ``pop3`` ``ftp`` ``ldap`` ``xmpp`` ``postgres`` ``mysql``
    ``rdp`` ``tds`` ``socks4`` ``socks5`` ``nntp`` ..."""
    asked: bool
    """The upgrade was requested (a PROXY header always is)."""
    agreed: bool | None
    """The other end agreed; None where no answer was seen or none is due."""
    answer: str = ""
    """First line of the answer, safe to print (``403 Forbidden``, ``454 TLS not available``), at most 200 letters."""
    frame: int | None = None
    """Frame of the request."""
    answer_frame: int | None = None
    tls_offset: tuple[int | None, int | None] = (None, None)
    """(client, server) stream offset where TLS begins."""


@dataclass(slots=True)
class Quality:
    """What the capture can and cannot show of this session."""

    one_sided: Side | None = None
    """The only side that was captured, although the other end must have spoken (ACK numbers advance)."""
    starts_mid_session: bool = False
    """No SYN and no SYN/ACK, so something came before."""
    ended: Ended = Ended.CAPTURE_END
    watched_until_ns: int = 0
    """Newest capture time when the session was handed on."""
    truncated: bool = False
    """A snap length cut bytes that mattered."""
    lost: bool = False
    """Bytes acknowledged by the other end are not in the capture, or it is known to have lost packets meanwhile."""
    rows_dropped: int = 0


@dataclass(slots=True)
class Session:
    """One TCP connection."""

    capture: int
    stream: int
    transport: str
    """``tcp``."""
    client: Endpoint
    server: Endpoint
    client_known_by: KnownBy
    start_ns: int
    end_ns: int
    packets: tuple[int, int]
    """(client, server)."""
    payload_bytes: tuple[int, int]
    first_bytes: tuple[bytes | None, bytes | None]
    """(client, server): up to 16 bytes in stream order; None: sent nothing."""
    protocol: tuple[str | None, str | None]
    """(client, server): classify's name; None: sent nothing."""
    tcp: TcpFacts
    tls: TlsFacts | None
    upgrade: Upgrade | None
    quality: Quality
    events: list[Event] = field(default_factory=list)
    opening: tuple[bytes, bytes] = (b"", b"")
    """(client, server): up to the first 1,024 in-order bytes of a direction whose first byte does not begin TLS
    (request and status lines, error pages, banners); b"" for one that speaks TLS from its start."""
    f5: F5Facts | None = None
    """What an F5 BIG-IP wrote behind its packets."""
    own_times: Mapping[int, int] | None = None
    """The capture's own times of frames, where the order in which they were sent demands others: see
    :mod:`capanalyzer.handshake.sent_order`. All other times here follow that order."""

    def own_time(self, frame: int, time_ns: int) -> int:
        """The capture's own time of a frame of which this is the time here."""
        return time_ns if self.own_times is None else self.own_times.get(frame, time_ns)

    def shed(self) -> None:
        """Keep no more than verdict and report need: many sessions may have to wait for the capture's end."""
        if self.tls is not None:
            self.tls.shed()

    @property
    def connect_ns(self) -> tuple[int | None, int | None]:
        """When the first SYN was sent, and when the client completed the connect; None where unseen."""
        return self.tcp.client.syn_ns, self.tcp.handshake_ack_ns

    @property
    def first_close(self) -> tuple[bool, Side] | None:
        """(is a RST, who sent it) of the first FIN or RST."""
        closes = self.tcp.closes
        return (closes[0].is_rst, closes[0].side) if closes else None
