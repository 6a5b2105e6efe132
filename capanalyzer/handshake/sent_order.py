"""Rows in the order in which they were sent, where the capture's order cannot be that.

Several receive queues, captures of two interfaces merged with clocks that differ, and clocks that are set while
somebody captures put an answer before its question. TCP itself says what came first: whoever acknowledges bytes has
received them, one end's acknowledgement numbers never go back, and a FIN stands behind everything that its sender said
(RFC 9293 section 3.4). Where neither the order of the file nor that of its times agrees with this, the rows are put
into one that does, and nowhere else.

Their times then follow that order: each is moved as little as possible, and such that the whole takes no longer than it
must, because no silence is to be found that a clock has made. What is shown keeps the capture's own times.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Final

from capanalyzer.streams.flow import ACK, FIN, RST, SYN, Row
from capanalyzer.streams.reassembly import distance

__all__ = ["in_sent_order"]

MIXED_NS: Final = 100_000_000
"""Segments of one sender that come so soon after each other may have changed places; nobody sends one again so soon
(RFC 6298 section 2.4: a second; Linux: 200 ms)."""
SET_BACK_NS: Final = 1_000_000_000
"""Queues that are emptied one after the other put packets so far from their place; a clock that goes back further was
set, and the order of the file says more than it does."""
FEW: Final = 16
"""Segments behind a reset that may belong before it."""
FAR: Final = 1 << 24
"""Numbers further away are no acknowledgement of anything that is looked at here: forged, or of another connection."""
_NOTHING: Final = 1 << 62
_HALF, _ALL = 1 << 31, (1 << 32) - 1
_CLOSES_OR_OPENS: Final = SYN | FIN | RST
_FRAME, _TIME = itemgetter(0), itemgetter(1)


def in_sent_order(rows: Sequence[Row]) -> list[Row] | None:
    """The rows of a connection as they were sent, with times that ascend; None where capture order may be just that.

    :param rows: in capture order.
    """
    times = [row[1] for row in rows]
    if times == sorted(times):
        return _ascending(_merged(rows, by_time=True)) if _contradicts(rows) else None
    back_ns = max(earlier - later for earlier, later in pairwise(times))
    timed = sorted(rows, key=_TIME)
    if not _contradicts(timed):
        return timed
    if not _contradicts(rows):
        return _ascending(rows)
    return _ascending(_merged(rows, by_time=back_ns <= SET_BACK_NS))


class _Numbers:
    """Sequence numbers of both sides as distances from the first one seen of each."""

    __slots__ = ("_bases",)

    def __init__(self) -> None:
        self._bases: list[int | None] = [None, None]

    def _of(self, side: int, number: int) -> int:
        base = self._bases[side]
        if base is None:
            self._bases[side] = base = number
        return distance(number, base)

    def span(self, row: Row) -> tuple[int, int]:
        """(start, end) of what it takes of its sender's numbers: SYN and FIN count for one, a RST takes none."""
        flags, length = row[3], row[7]
        start = self._of(row[2], row[4])
        return start, start + (0 if flags & RST else length + (flags & FIN) + (1 if flags & SYN else 0))

    def acknowledged(self, row: Row) -> int | None:
        """Up to where it acknowledges what the other end sent."""
        if not row[3] & ACK or (row[3] & RST and not row[5]):
            return None
        number = self._of(1 - row[2], row[5])
        return number if abs(number) < FAR else None


class _Seen:
    """What was seen of a side's numbers: what is sent again, also cut anew or as a keep-alive's byte, is not new."""

    __slots__ = ("_low", "_starts", "_whole")

    def __init__(self) -> None:
        self._starts: set[int] = set()
        self._low = self._whole = _NOTHING
        """All from the one to the other was seen; _NOTHING: nothing was."""

    def is_new(self, start: int, end: int) -> bool:
        """Take a segment: it begins where none did, with bytes that were not all seen."""
        if self._low == _NOTHING or (start < self._low <= end):
            self._low, self._whole = start, max(end, self._whole if self._low != _NOTHING else end)
        elif self._low <= start <= self._whole:
            if end <= self._whole:
                return False
            self._whole = end
        if start in self._starts:
            return False
        self._starts.add(start)
        return True


def _contradicts(rows: Sequence[Row]) -> bool:
    """Something is acknowledged before it comes, or comes soon behind its sender's own FIN or RST, but stands before
    it.
    """
    # What :class:`_Numbers` says, written out: this is asked of every connection that fails.
    bases, acked = [-1, -1], [-_NOTHING, -_NOTHING]
    closed: list[tuple[int, int] | None] = [None, None]
    seen = _Seen(), _Seen()
    for row in rows:
        side, flags, seq, ack, length = row[2], row[3], row[4], row[5], row[7]
        base = bases[side]
        if base < 0:
            bases[side] = base = seq
        start = (seq - base + _HALF & _ALL) - _HALF
        if length or flags & _CLOSES_OR_OPENS:
            end = start + (0 if flags & RST else length + (flags & FIN) + (flags & SYN) // SYN)
            if end > start and seen[side].is_new(start, end):
                close = closed[side]
                if end <= acked[side] or (close is not None and end <= close[0] and row[1] - close[1] <= MIXED_NS):
                    return True
            if flags & (FIN | RST):
                closed[side] = end - (flags & FIN), row[1]
        if flags & ACK and (ack or not flags & RST):
            base = bases[1 - side]
            if base < 0:
                bases[1 - side] = base = ack
            number = (ack - base + _HALF & _ALL) - _HALF
            if acked[1 - side] < number < FAR:
                acked[1 - side] = number
    return False


def _merged(rows: Sequence[Row], *, by_time: bool) -> list[Row]:
    """Each side's rows in its own order, and those of the other side that they acknowledge before them. Where both
    sides may be next the earlier one is, by time or by frame.
    """
    key = _TIME if by_time else _FRAME
    numbers = _Numbers()
    for row in rows:  # the numbers begin with what was captured first
        numbers.span(row)
        numbers.acknowledged(row)
    queues = [_of_one_side([row for row in rows if row[2] == side], numbers, by_time=by_time) for side in (0, 1)]
    needed = [_least_ahead(queue, numbers) for queue in queues]
    order: list[Row] = []
    at = [0, 0]
    while at[0] < len(queues[0]) and at[1] < len(queues[1]):
        heads = queues[0][at[0]], queues[1][at[1]]
        acked = [numbers.acknowledged(head) for head in heads]
        may = [number is None or number <= needed[1 - side][at[1 - side]] for side, number in enumerate(acked)]
        side = int(may[1]) if may[0] is not may[1] else int(key(heads[1]) < key(heads[0]))
        order.append(heads[side])
        at[side] += 1
    return order + queues[0][at[0] :] + queues[1][at[1] :]


def _of_one_side(rows: list[Row], numbers: _Numbers, *, by_time: bool) -> list[Row]:
    """By what they acknowledge; of those that acknowledge the same and came together, by sequence number."""
    if by_time:
        rows.sort(key=_TIME)
    keyed: list[tuple[int, Row]] = []
    newest = -_NOTHING
    for at, row in enumerate(rows):
        number = numbers.acknowledged(row)
        if number is None:
            is_syn = row[3] & (SYN | ACK) == SYN
            number = -_NOTHING if is_syn else _behind(row, rows[at + 1 : at + 1 + FEW], numbers, newest)
        keyed.append((number, row))
        newest = max(newest, number)
    keyed.sort(key=itemgetter(0))  # stable
    order: list[Row] = []
    together: list[Row] = []
    last = None
    for number, row in keyed:
        if together and (number != last or abs(row[1] - together[-1][1]) > MIXED_NS):
            order += sorted(together, key=lambda row: numbers.span(row)[0])
            together = []
        together.append(row)
        last = number
    return order + sorted(together, key=lambda row: numbers.span(row)[0])


def _behind(reset: Row, others: Sequence[Row], numbers: _Numbers, acked: int) -> int:
    """What the sender of a RST without an acknowledgement had acknowledged: by its own number it stands behind some of
    what was captured after it.
    """
    start, _ = numbers.span(reset)
    for other in others:
        number = numbers.acknowledged(other)
        if number is not None and other[1] - reset[1] <= MIXED_NS and numbers.span(other)[1] <= start:
            acked = max(acked, number)
    return acked


def _least_ahead(queue: list[Row], numbers: _Numbers) -> list[int]:
    """For each place in the queue, the lowest number that comes for the first time there or later."""
    seen = _Seen()
    firsts = []
    for row in queue:
        start, end = numbers.span(row)
        firsts.append(start if end > start and seen.is_new(start, end) else _NOTHING)
    least = [_NOTHING]
    for first in reversed(firsts):
        least.append(min(first, least[-1]))
    return least[::-1]


def _ascending(rows: Sequence[Row]) -> list[Row]:
    """With times that ascend: later ones put off or earlier ones brought forward, whichever takes less time in all."""
    put_off = _put_off([row[1] for row in rows])
    brought_forward = [-time_ns for time_ns in _put_off([-row[1] for row in reversed(rows)])][::-1]
    times = min(put_off, brought_forward, key=lambda times: times[-1] - times[0])
    return [row if row[1] == time_ns else (row[0], time_ns, *row[2:]) for row, time_ns in zip(rows, times, strict=True)]


def _put_off(times_ns: Iterable[int]) -> list[int]:
    result: list[int] = []
    for time_ns in times_ns:
        result.append(max(time_ns, result[-1] + 1) if result else time_ns)
    return result
