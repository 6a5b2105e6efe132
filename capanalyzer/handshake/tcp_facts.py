"""What TCP shows of a connection beyond its bytes: transmissions, acknowledgements, probes, copies.

Worked out from the connection's rows in one pass, and only when somebody asks: an ordinary session needs none of it.
Offsets are stream offsets (0 is the first byte after the SYN).
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from capanalyzer.handshake.session import SideFacts
from capanalyzer.streams.flow import ACK, FIN, RST, SYN, Row
from capanalyzer.streams.reassembly import distance

__all__ = ["DUPLICATE_NS", "MAX_TEXT", "LazySide", "TcpReading"]

DUPLICATE_NS: Final = 5_000_000
"""A packet seen again within 5 ms with the same IP id, sequence number and flags was captured twice (mirror port); TCP
does not retransmit that fast (RFC 6298 section 2.4: a second; Linux: 200 ms)."""
MAX_VALUES: Final = 8
"""TTLs and IP ids kept of each side."""
MAX_TEXT: Final = 80
"""Bytes of a payload that a timeline may show."""
MAX_REMARKS: Final = 256
"""Remarks for the timeline kept of a connection."""

_FEW: Final = 24
"""Rows of a connection that failed early, about 4 kB."""
_MSS: Final = 2
"""Option kind, RFC 9293 section 3.2."""


class Transmission:
    """A range of bytes that was sent, perhaps more than once."""

    __slots__ = ("copies", "end", "first_ns", "last_ns", "start")

    def __init__(self, start: int, end: int, time_ns: int) -> None:
        self.start, self.end = start, end
        self.first_ns = self.last_ns = time_ns
        self.copies = 1


class _Sender:
    """One end, during the pass."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.sent: dict[int, Transmission] = {}
        self.recent: list[Row] = []
        self.ttls: list[int] = []
        self.ip_ids: list[int] = []
        self.reset = False
        self.mss: int | None = None
        self.sent_until = self.syns = 0
        self.retransmissions = self.duplicates = self.keep_alives = 0
        self.zero_window = False
        self.acked = 0
        self.acked_ns: int | None = None
        self.acked_frame: int | None = None
        self.first_data_ns: int | None = None
        self.first_data_frame: int | None = None
        self.last_data_ns: int | None = None


class TcpReading:
    """One connection's rows, read when asked. Sides in results are (client, server).

    :param bases: sequence number of stream offset 0 of (client, server); -1 where nothing was seen.
    :param settled: the rows stop where the handshake was over: nothing can be said of what is outstanding.
    """

    __slots__ = ("_bases", "_client", "_count", "_remarks", "_rows", "_settled", "_sides")

    def __init__(self, rows: Sequence[Row], client: int, bases: tuple[int, int], settled: bool) -> None:
        self._rows: Sequence[Row] | bytes = rows
        """Packed when a session with many of them is shed."""
        self._count = len(rows)
        self._client, self._bases, self._settled = client, bases, settled
        self._sides: tuple[_Fields, _Fields] | None = None
        self._remarks: list[tuple[Row, str]] = []

    @property
    def client(self) -> int:
        """The flow side that is the client."""
        return self._client

    @property
    def rows(self) -> Sequence[Row]:
        """The rows, as they were when the session was made."""
        rows = self._rows
        if isinstance(rows, bytes):
            unpacked: list[Row] = marshal.loads(rows)  # noqa: S302 - packed below
            return unpacked
        return rows[: self._count]

    def shed(self) -> None:
        """Let go of payloads, but for as much of each as a timeline shows. Packed rows take a fifth of the memory, and
        the time of packing and unpacking them: those of a short connection stay as they are.
        """
        rows = [row if len(row[8]) <= MAX_TEXT else (*row[:8], row[8][:MAX_TEXT], *row[9:]) for row in self.rows]
        self._rows = rows if len(rows) <= _FEW else marshal.dumps(rows)

    def side(self, number: int) -> _Fields:
        """What the rows tell of the client (0) or server (1), in the order of ``_LAZY``."""
        if self._sides is None:
            self._sides = self._read()
        return self._sides[number]

    def remarks(self) -> list[tuple[Row, str]]:
        """Rows worth a line in the timeline, with its name: ``retransmission``, ``keep-alive``, ``zero window`` ..."""
        self.side(0)
        return self._remarks

    def _read(self) -> tuple[_Fields, _Fields]:
        senders = (_Sender(self._bases[0]), _Sender(self._bases[1]))
        remark = self._remark
        for row in self.rows:
            side = row[2] ^ self._client
            _read_row(row, senders[side], senders[1 - side], remark)
        return _fields(senders[0], self._settled), _fields(senders[1], self._settled)

    def _remark(self, row: Row, what: str) -> None:
        if len(self._remarks) < MAX_REMARKS:
            self._remarks.append((row, what))


def _read_row(row: Row, mine: _Sender, other: _Sender, remark: Callable[[Row, str], None]) -> None:
    _, time_ns, _, flags, seq, ack, window, _, _, ttl, ip_id, options = row
    if flags & RST:
        mine.reset = True
        return
    if _was_captured_before(row, mine):
        mine.duplicates += 1
        return
    if ttl not in mine.ttls and len(mine.ttls) < MAX_VALUES:
        mine.ttls.append(ttl)
    if not mine.reset:
        mine.ip_ids.append(ip_id)
    if flags & SYN:
        seq = seq + 1 & 0xFFFFFFFF
        if mine.mss is None:
            mine.mss = _read_mss(options)
        mine.syns += 1
        if mine.syns > 1:
            remark(row, "retransmission")
    elif window == 0:
        if not mine.zero_window:
            remark(row, "zero window")
        mine.zero_window = True
    if flags & ACK and other.base >= 0:
        acked = distance(ack, other.base)
        if acked > other.acked:
            if not other.acked:
                other.acked_ns, other.acked_frame = time_ns, row[0]
            other.acked = acked
    if mine.base >= 0:
        _read_data(row, distance(seq, mine.base), mine, remark)


def _read_data(row: Row, start: int, mine: _Sender, remark: Callable[[Row, str], None]) -> None:
    time_ns, flags, length = row[1], row[3], row[7]
    known = mine.sent.get(start)
    if length <= 1 and start == mine.sent_until - 1 and known is None and not flags & (SYN | FIN):
        mine.keep_alives += 1  # RFC 9293 section 3.8.4
        remark(row, "keep-alive")
        return
    if not length:
        return
    if mine.first_data_ns is None:
        mine.first_data_ns, mine.first_data_frame = time_ns, row[0]
    mine.last_data_ns = time_ns
    end = start + length
    if known is None and start < mine.sent_until:  # cut differently the second time
        known = next((t for t in mine.sent.values() if t.start <= start < t.end), None)
    if known is not None:
        known.copies += 1
        known.last_ns = time_ns
        mine.retransmissions += 1
        remark(row, "retransmission")
        start = known.end
    elif start < mine.sent_until:
        remark(row, "out of order")
    if start < end and start not in mine.sent:
        mine.sent[start] = Transmission(start, end, time_ns)
    mine.sent_until = max(mine.sent_until, end)


def _was_captured_before(row: Row, mine: _Sender) -> bool:
    """The same packet again, from a mirror port. Without an IP id (IPv6, or not used) only data within 1 ms counts."""
    _, time_ns, _, flags, seq, ack, _, length, _, _, ip_id, _ = row
    recent = mine.recent
    found = False
    if ip_id or length:
        within = DUPLICATE_NS if ip_id else DUPLICATE_NS // 5
        for old in recent:
            if (
                old[4] == seq
                and old[10] == ip_id
                and old[3] == flags
                and old[7] == length
                and abs(time_ns - old[1]) <= within
                and old[5] == ack
            ):
                found = True
                break
    recent.append(row)
    if len(recent) > 16:
        del recent[0]
    return found


def _read_mss(options: bytes) -> int | None:
    """The MSS option of a SYN."""
    at, size = 0, len(options)
    while at + 1 < size and options[at]:
        if options[at] == 1:
            at += 1
            continue
        length = options[at + 1]
        if options[at] == _MSS and length == 4 and at + 4 <= size:
            return options[at + 2] << 8 | options[at + 3]
        if length < 2:
            break
        at += length
    return None


_Fields: TypeAlias = tuple[
    int | None, tuple[int, ...], tuple[int, ...], int, int | None, int | None, int, int, int, int, int, int, bool, int,
    int | None, int | None, int | None,
]  # fmt: skip
"""Values of the fields named in ``_LAZY``."""
_LAZY: Final = (
    "mss", "ttls", "ip_ids", "acked_bytes", "acked_ns", "acked_frame", "sent_until", "retransmissions",
    "last_transmissions", "last_transmission_span_ns", "outstanding_length", "duplicates", "zero_window", "keep_alives",
    "first_data_ns", "first_data_frame", "last_data_ns",
)  # fmt: skip
"""Fields of SideFacts that the rows are read for."""


def _fields(sender: _Sender, settled: bool) -> _Fields:
    oldest = None
    if not settled:
        for sent in sender.sent.values():
            if sent.end > sender.acked and (oldest is None or sent.start < oldest.start):
                oldest = sent
    return (
        sender.mss,
        tuple(sender.ttls),
        tuple(sender.ip_ids[-MAX_VALUES:]),
        min(sender.acked, sender.sent_until) if sender.sent_until else 0,
        sender.acked_ns,
        sender.acked_frame,
        sender.sent_until,
        sender.retransmissions,
        oldest.copies if oldest else 0,
        oldest.last_ns - oldest.first_ns if oldest else 0,
        oldest.end - oldest.start if oldest else 0,
        sender.duplicates,
        sender.zero_window,
        sender.keep_alives,
        sender.first_data_ns,
        sender.first_data_frame,
        sender.last_data_ns,
    )


class LazySide(SideFacts):
    """SideFacts whose rarely used fields are worked out when one of them is first asked for.

    Such a field's slot is empty until then, which is when Python asks ``__getattr__``.
    """

    __slots__ = ("_number", "_reading")

    def __init__(self, reading: TcpReading, number: int) -> None:
        # Not the dataclass's own: it would fill the slots that are to stay empty.
        self._reading, self._number = reading, number

    if not TYPE_CHECKING:  # for a type checker every field is simply there

        def __getattr__(self, name: str) -> Any:
            if name not in _LAZY:
                raise AttributeError(name)
            (
                self.mss, self.ttls, self.ip_ids, self.acked_bytes, self.acked_ns, self.acked_frame, self.sent_until,
                self.retransmissions, self.last_transmissions, self.last_transmission_span_ns, self.outstanding_length,
                self.duplicates, self.zero_window, self.keep_alives, self.first_data_ns, self.first_data_frame,
                self.last_data_ns,
            ) = self._reading.side(self._number)  # fmt: skip
            return getattr(self, name)
