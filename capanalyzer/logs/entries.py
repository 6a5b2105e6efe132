"""Lines of one log that are one entry: the reason in one, the addresses in another.

Apache names the client in ``AH02008`` and the reason in the next line of the same thread; F5 gives the reason in
``01260009`` and the addresses in the next ``01260013`` of the same tmm; stunnel names the client when it connects. Such
lines are put together by what wrote them (process, thread, connection number) and by time. Where two readings are
possible the lines stay apart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from capanalyzer.logs.either import with_role
from capanalyzer.logs.found import MAX_TEXT, Found, Part, Tie
from capanalyzer.logs.line import LogLine, Peer

__all__ = ["Entries", "entries"]

_SECOND_NS: Final = 1_000_000_000
_WITHIN_NS: Final = _SECOND_NS
"""Between lines of one entry, beside their stamps' resolution."""
_STALE_LINES: Final = 800
"""After which an entry gets no more lines, whatever its format."""
_LEAD_LINES: Final = 3
"""Between a line that names the ends and the one that it leads to."""
_MAX_OPEN: Final = 4096
"""Entries that wait for more lines, and connections whose ends are remembered."""


class _Open:
    """An entry that may get more lines."""

    __slots__ = ("heaviest", "is_doubtful", "last", "line", "parts")

    def __init__(self, line: LogLine, tie: Tie) -> None:
        self.line, self.last, self.heaviest = line, line, tie.weight
        self.parts = {tie.part}
        self.is_doubtful = False
        """Another line that waited for the same end came before it: that end may be either's."""

    def takes(self, line: LogLine, tie: Tie) -> bool:
        if not 0 <= line.number - self.last.number <= tie.lines:
            return False
        if tie.is_alike and with_role(line, self.line.role).meaning != with_role(self.line, line.role).meaning:
            return False
        if line.format != self.line.format or not _same_end(self.line, line):
            return False
        if line.time_ns is None or self.last.time_ns is None:
            return True
        slack = _WITHIN_NS + max(line.resolution_ns, self.last.resolution_ns)
        return (
            line.time_ns - self.last.time_ns + self.last.resolution_ns >= 0
            and line.time_ns - self.last.time_ns <= slack
        )

    def add(self, line: LogLine, tie: Tie) -> None:
        self.line = _joined(self.line, line, second_leads=tie.weight > self.heaviest)
        self.heaviest = max(self.heaviest, tie.weight)
        self.last = line
        self.parts.add(tie.part)


class Entries:
    """Takes lines as they stand in a log, gives entries; their order is that of their ends."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, ...], _Open] = OrderedDict()
        self._leads: OrderedDict[tuple[str, ...], LogLine] = OrderedDict()
        self._ends: OrderedDict[tuple[str, ...], tuple[Peer, Peer]] = OrderedDict()

    def feed(self, found: Found) -> Iterator[LogLine]:
        """Entries that are complete now."""
        line, tie = found
        yield from self._stale(line.number)
        if tie is None:
            yield line
            return
        if tie.part is Part.CONTEXT:
            self._remember(tie.key, line)
            return
        if tie.part is Part.LEAD:
            self._leads[tie.key] = line
            if len(self._leads) > _MAX_OPEN:
                self._leads.popitem(last=False)
            return
        lead = self._leads.pop(tie.key, None)
        if lead is not None and 0 < line.number - lead.number <= _LEAD_LINES:
            line = _joined(line, lead, second_leads=False)
            line = replace(line, number=lead.number, text=f"{lead.text}\n{line.text.partition(chr(10))[0]}"[:MAX_TEXT])
        line = self._with_ends(tie.key, line)
        waiting = self._open.get(tie.key)
        if tie.part is not Part.BEGIN and waiting is not None and waiting.takes(line, tie):
            if tie.part is Part.END and waiting.is_doubtful:
                yield self._open.pop(tie.key).line
                yield line
                return
            waiting.add(line, tie)
            if tie.part is Part.END:
                yield self._open.pop(tie.key).line
            return
        is_doubtful = False
        if waiting is not None:
            is_doubtful = tie.part is Part.BEGIN and waiting.takes(line, tie) and waiting.line.reason != line.reason
            yield self._open.pop(tie.key).line
        if tie.part is Part.END:
            yield line
            return
        self._open[tie.key] = opened = _Open(line, tie)
        opened.is_doubtful = is_doubtful
        if len(self._open) > _MAX_OPEN:
            yield self._open.popitem(last=False)[1].line

    def finish(self) -> Iterator[LogLine]:
        """What still waits, at the log's end."""
        while self._open:
            yield self._open.popitem(last=False)[1].line

    def _stale(self, number: int) -> Iterator[LogLine]:
        while self._open:
            key = next(iter(self._open))
            if number - self._open[key].line.number <= _STALE_LINES:
                return
            yield self._open.pop(key).line

    def _remember(self, key: tuple[str, ...], line: LogLine) -> None:
        known = self._ends.pop(key, (Peer(), Peer()))
        self._ends[key] = (_either(line.client, known[0]), _either(line.server, known[1]))
        if len(self._ends) > _MAX_OPEN:
            self._ends.popitem(last=False)

    def _with_ends(self, key: tuple[str, ...], line: LogLine) -> LogLine:
        if key not in self._ends:
            return line
        client, server = self._ends[key]
        return replace(line, client=_either(line.client, client), server=_either(line.server, server))


def entries(lines: Iterable[Found]) -> Iterator[LogLine]:
    """All entries of the lines."""
    together = Entries()
    for found in lines:
        yield from together.feed(found)
    yield from together.finish()


def _joined(first: LogLine, second: LogLine, *, second_leads: bool) -> LogLine:
    """One entry of two lines; what one of them does not say the other does."""
    lead, other = (second, first) if second_leads else (first, second)
    lead = with_role(lead, other.role)
    earlier = first if first.time_ns is not None else second
    return replace(
        lead,
        number=first.number,
        text=f"{first.text}\n{second.text}"[:MAX_TEXT],
        is_failure=lead.is_failure,
        time_ns=earlier.time_ns,
        has_zone=earlier.has_zone,
        has_year=earlier.has_year,
        resolution_ns=earlier.resolution_ns,
        client=_either(lead.client, other.client),
        server=_either(lead.server, other.server),
        sni=lead.sni or other.sni,
        said=lead.said or other.said,
        alert=lead.alert if lead.alert is not None else other.alert,
        reason=lead.reason or other.reason,
    )


def _either(one: Peer, other: Peer) -> Peer:
    """What is known of one end by two lines."""
    if one.ip is not None and other.ip is not None and one.ip != other.ip:
        return one
    return Peer(
        one.ip or other.ip,
        one.port if one.port is not None else other.port,
        one.route_domain if one.route_domain is not None else other.route_domain,
    )


def _same_end(one: LogLine, other: LogLine) -> bool:
    """Nothing that both name differs."""
    pairs = [(one.client, other.client), (one.server, other.server)]
    return all(
        (a.ip is None or b.ip is None or a.ip == b.ip) and (a.port is None or b.port is None or a.port == b.port)
        for a, b in pairs
    )
