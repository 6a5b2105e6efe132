"""Flows whose segments simply follow each other: found by whole columns, so that nothing need be reassembled.

Most connections of most captures are like this: SYN, SYN/ACK, then every segment begins where its side's last one
ended, nothing is missing, cut or reset; a segment that was sent again is the same as before to the byte, and counts as
nothing. For those the payloads in capture order *are* the streams. That need hold for a beginning only: what comes
behind it is marked, for whoever wants no more than the beginning. Whatever is not exactly so is left to the
reassembly, which knows all cases.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.rows import pieces_at
from capanalyzer.packets.table import EXTRA
from capanalyzer.streams.chunk import Chunk
from capanalyzer.streams.flow import ACK, FIN, RST, SYN, Row
from capanalyzer.streams.live import LiveFlows
from capanalyzer.streams.runs import Runs

__all__ = ["MIN_ROWS", "FlowSegments", "InOrder", "find_in_order"]

I64 = NDArray[np.int64]

MIN_ROWS: Final = 6
"""SYN, SYN/ACK and four segments: no TLS handshake takes fewer."""
_FLOW_BITS: Final = 40
"""Offsets in a stream are below 2**32."""
_SYN_OPTIONS: Final = 40
"""A TCP header has at most this many bytes of options."""


class InOrder:
    """The segments of the flows found, one row each, by flow and in capture order. Columns have shape (n,)."""

    def __init__(self, chunk: Chunk, rows: I64, groups: I64, sizes: I64) -> None:
        table, get = chunk.table, chunk.column
        self.table = table
        self.groups = groups
        """Which groups of those offered."""
        self.ends = np.cumsum(sizes)
        """Row behind the last of each flow."""
        self.rows = rows
        self.sound = np.ones(len(rows), np.bool_)
        """In order up to here; what comes behind may be anything but a SYN."""
        self.again = np.zeros(len(rows), np.bool_)
        """Sent before, and the same to the byte."""
        self.frame, self.time_ns = chunk.frame.take(rows), chunk.time_ns.take(rows)
        self.side = (chunk.at.take(rows) & 1).astype(np.uint8)
        self.seq, self.ack = chunk.seq.take(rows), chunk.ack.take(rows)
        self.flags, self.length = chunk.flags.take(rows), chunk.length.take(rows)
        self.payload_at = get(table.payload_at).take(rows)
        self.captured = get(table.captured).take(rows)
        self.window = get(table.window).take(rows)
        self.ttl, self.ip_id = get(table.ttl).take(rows), get(table.ip_id).take(rows)
        self.options_at = get(table.options_at).take(rows)
        self.options_len = get(table.options_len).take(rows)

    def narrow(self, flows: NDArray[np.bool_]) -> None:
        """Keep only these flows; before :meth:`settle`."""
        sizes = np.diff(self.ends, prepend=0)
        keep = np.repeat(flows, sizes)
        for name, column in vars(self).items():
            if isinstance(column, np.ndarray) and name not in ("groups", "ends"):
                setattr(self, name, column.compress(keep))
        self.groups = self.groups.compress(flows)
        self.ends = np.cumsum(sizes.compress(flows))

    def settle(self, flows: I64) -> FlowSegments:
        """What can be asked later of these of the flows. Options are copied out of the batch, all else is a copy."""
        sizes = np.diff(self.ends, prepend=0).take(flows)
        first = self.ends.take(flows) - sizes
        columns = (self.frame, self.time_ns, self.side, self.flags, self.seq, self.ack, self.window, self.length)
        syns = (first[:, None] + np.arange(2)).ravel()
        data = self.table.data
        width = min(_SYN_OPTIONS, len(data))
        at = np.minimum(self.options_at.take(syns), len(data) - width)
        return FlowSegments(
            Runs((*columns, self.ttl, self.ip_id), first, sizes),
            pieces_at(data, at, width).reshape(-1, 2, width),
            (self.options_at.take(syns) - at).reshape(-1, 2),
            self.options_len.take(syns).reshape(-1, 2),
        )


class FlowSegments:
    """Segments of flows, without their payload: enough to say later how TCP went.

    A SYN's options stand in bytes ``option_at`` .. ``option_at + option_size`` of its row of ``options``; the first two
    segments of a flow are SYN and SYN/ACK.
    """

    __slots__ = ("_option_at", "_option_size", "_options", "_runs")

    def __init__(self, runs: Runs, options: NDArray[np.uint8], option_at: I64, option_size: NDArray[np.uint8]) -> None:
        """:param runs: frame, time, side, flags, seq, ack, window, length, TTL and IP id."""
        self._runs, self._options, self._option_at, self._option_size = runs, options, option_at, option_size

    def some(self, flows: I64) -> FlowSegments:
        """Those of these flows."""
        return FlowSegments(
            self._runs.some(flows),
            self._options.take(flows, axis=0),
            self._option_at.take(flows, axis=0),
            self._option_size.take(flows, axis=0),
        )

    def rows(self, flow: int) -> list[Row]:
        """All of one flow, as streams.flow describes rows, payload apart."""
        rows = []
        for at, (*head, ttl, ip_id) in enumerate(self._runs.rows(flow)):
            options = b""
            if at < 2:
                start = int(self._option_at[flow, at])
                options = self._options[flow, at, start : start + int(self._option_size[flow, at])].tobytes()
            rows.append((*head, b"", ttl, ip_id, options))
        return rows


def find_in_order(
    chunk: Chunk, rows: I64, starts: I64, sizes: I64, candidates: NDArray[np.bool_], live: LiveFlows
) -> InOrder:
    """The in-order ones among groups of rows.

    :param rows: rows of the chunk, grouped by flow, in capture order within a flow.
    :param starts: where each group starts in ``rows``; ``sizes``: its rows.
    :param candidates: groups that may be tried: flows whose first segment is among their rows.
    """
    groups = np.flatnonzero(candidates & (sizes >= MIN_ROWS))
    sizes = sizes.take(groups)
    picked = np.zeros(len(candidates), np.bool_)
    picked[groups] = True
    found = InOrder(chunk, rows.compress(np.repeat(picked, np.diff(starts, append=len(rows)))), groups, sizes)
    if not len(groups):
        return found
    begin = found.ends - sizes
    irregular = _is_irregular(found, begin, chunk, live)
    if irregular.any():
        at = np.arange(len(irregular))
        first = np.minimum.reduceat(np.where(irregular, at, len(at)), begin)
        found.sound = at < np.repeat(first, sizes)
        beyond = ~found.sound & (((found.flags & SYN) > 0) | (found.payload_at >= EXTRA))
        found.narrow((first - begin >= MIN_ROWS) & ~np.logical_or.reduceat(beyond, begin))
    return found


def _is_irregular(found: InOrder, begin: I64, chunk: Chunk, live: LiveFlows) -> NDArray[np.bool_]:
    """For each row: does it break the order? What was sent again is marked in ``found``."""
    count = len(found.rows)
    first = np.zeros(count, np.bool_)
    first[begin] = True
    second = np.zeros(count, np.bool_)
    second[begin + 1] = True
    flags, side, length = found.flags, found.side, found.length
    sizes = np.diff(found.ends, prepend=0)
    at = chunk.at.take(found.rows)
    offset = (found.seq - live.base.take(at)).view(np.int32)
    acked = (found.ack - live.base.take(at ^ 1)).view(np.int32)
    # How far each side has come before each row: its bytes, and one for its FIN (RFC 9293 section 3.4).
    flow = np.repeat(np.arange(len(begin)) << _FLOW_BITS, sizes)
    end = flow + offset + length + ((flags & FIN) > 0)
    sent = []
    for number in (0, 1):
        reached = np.maximum.accumulate(np.where(side == number, end, flow))
        before = np.zeros(count, np.int64)
        np.subtract(reached[:-1], flow[1:], out=before[1:])
        sent.append(np.maximum(before, 0))  # of a flow's first row it is the flow before
    of_own = np.where(side == 0, sent[0], sent[1])
    of_other = np.where(side == 0, sent[1], sent[0])
    kind = flags & (SYN | RST | ACK)
    breaks = offset != of_own
    whole = (found.captured == length) & (found.payload_at < EXTRA)
    again = np.flatnonzero(
        breaks & (length > 0) & (flags & (SYN | RST | FIN) == 0) & (offset >= 0) & (offset + length <= of_own) & whole
    )
    if len(again):
        again = again.compress(_is_copy(found, again, np.repeat(begin, sizes).take(again)))
        found.again[again] = True
        breaks[again] = False
    # Beyond the window nobody looks at the other side's bytes, so what acknowledges them says nothing.
    ahead = (acked > of_other) & (of_other < live.wanted.take(at ^ 1))
    irregular = (kind != ACK) | breaks | ahead | (acked < 0)
    irregular[first] = (flags[first] & (SYN | RST | ACK | FIN) != SYN) | (length[first] > 0) | (side[first] != 0)
    irregular[second] = (
        (flags[second] & (SYN | RST | ACK | FIN) != SYN | ACK)
        | (length[second] > 0)
        | (side[second] != 1)
        | (acked[second] != 0)
    )
    irregular |= ~whole | (found.window == 0)
    backwards = np.diff(found.time_ns, prepend=found.time_ns[:1]) < 0
    backwards[first] = False
    irregular |= backwards
    result: NDArray[np.bool_] = irregular
    return result


def _is_copy(found: InOrder, rows: I64, begin: I64) -> list[bool]:
    """Whether an earlier segment is the same to the byte, for each of these rows.

    :param begin: the first rows of their flows.
    """
    view, at, length = found.table.data.data, found.payload_at, found.length
    result = []
    for row, start in zip(rows.tolist(), begin.tolist(), strict=True):
        earlier = slice(start, row)
        same = (found.seq[earlier] == found.seq[row]) & (length[earlier] == length[row])
        same &= (found.side[earlier] == found.side[row]) & (at[earlier] < EXTRA)
        old, size = start + int(same.argmax()), int(length[row])
        mine, other = int(at[row]), int(at[old])
        is_same = bool(same[old - start]) and bytes(view[mine : mine + size]) == bytes(view[other : other + size])
        result.append(is_same)
    return result
