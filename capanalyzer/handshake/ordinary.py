"""The short way for ordinary sessions: a TLS handshake in order, complete, settled within one chunk of the capture.

The plain way (:class:`capanalyzer.handshake.connection.Connection`) puts every segment in order and makes an object of
every message. For connections whose segments are in order already (:mod:`capanalyzer.streams.inorder`) neither is
needed, and there is no work that Python does connection by connection:

1. The records of all of them are read as columns (:mod:`capanalyzer.tls.columns`), a step for the next record of each.
2. Their messages are followed along the tree of known handshakes (:mod:`capanalyzer.handshake.shapes`), a step for the
   next message of each.
3. Hellos that differ in their random parts only are recognised together (:mod:`capanalyzer.tls.alike`).
4. What every report shows is gathered into the columns of a :class:`~capanalyzer.handshake.ordinary_batch.Batch`
   (:mod:`capanalyzer.handshake.ordinary_reading` does steps 1 to 4), which stays until its connections are over.
5. Connections that are over at the same time leave together (:mod:`capanalyzer.handshake.departure`). Who deals with
   all of them (the diagnosis, the report's JSON) reads columns and keeps beside them what it made of all; a session
   alone can be asked all the same, and then makes its facts from the columns.

Whatever is not exactly ordinary is left to the plain way. Both ways give the same reports; a test holds that on all
captures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.departure import Departure
from capanalyzer.handshake.late_alerts import read_alerts
from capanalyzer.handshake.ordinary_batch import Batch
from capanalyzer.handshake.ordinary_reading import Reading
from capanalyzer.handshake.shapes import Shapes
from capanalyzer.packets.table import EXTRA
from capanalyzer.streams.chunk import Chunk, distinct, slices_at
from capanalyzer.streams.flow import FIN, RST, SYN
from capanalyzer.streams.flows import Flows
from capanalyzer.streams.inorder import InOrder
from capanalyzer.streams.tail import alerts_at_end

__all__ = ["Ordinary"]

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Ordinary:
    """Takes flows the short way; one for each capture, for it remembers the handshakes met."""

    def __init__(self) -> None:
        self._shapes = Shapes()
        self._batches: dict[int, Batch] = {}
        """Those that have connections still."""
        self._open: dict[int, Bools] = {}
        """By batch, which of its flows those are."""
        self._last = 0
        self._batch_of: I64 = np.zeros(0, np.int64)
        """By cell: number of the batch; ``_flow_of``: and of the flow in it."""
        self._flow_of: I64 = np.zeros(0, np.int64)

    def take(self, found: InOrder, cells: I64) -> tuple[Bools, Bools, Bools, NDArray[np.uint8]]:
        """Take the ordinary ones of these flows: (which were taken, which of them are TLS 1.3, which may become so,
        whose data those lack).
        """
        reading = Reading(found, cells, self._shapes)
        batch, silent = reading.batch, np.zeros(len(cells), np.bool_)
        if len(batch):
            silent[np.flatnonzero(reading.taken)] = batch.silent
            self._last += 1
            most = int(cells.max())
            if most >= len(self._batch_of):
                more = np.zeros(most + 1 + most // 2 - len(self._batch_of), np.int64)
                self._batch_of = np.concatenate([self._batch_of, more])
                self._flow_of = np.concatenate([self._flow_of, more])
            self._put(self._last, batch)
        return reading.taken, silent, reading.unfinished, reading.lacks

    def _put(self, number: int, batch: Batch) -> None:
        self._batches[number] = batch
        self._open[number] = np.ones(len(batch), np.bool_)
        self._batch_of[batch.cell] = number
        self._flow_of[batch.cell] = np.arange(len(batch))

    def see(self, chunk: Chunk, rows: I64) -> None:
        """What came in a later chunk: closes, and alerts at the end of a segment."""
        table = chunk.table
        cells, flags = chunk.cell.take(rows), chunk.flags.take(rows)
        side = chunk.at.take(rows) & 1
        closing = np.flatnonzero(flags & (FIN | RST))[::-1]
        bits = (1 + side + 2 * ((flags & RST) > 0)).take(closing)
        numbers = self._batch_of.take(cells)
        for number in distinct(numbers).tolist():
            # Backwards, so that the first of a flow is written last; what came in an earlier chunk stays.
            mine = np.flatnonzero(numbers.take(closing) == number)
            close, flow = self._batches[number].close, self._flow_of.take(cells.take(closing.take(mine)))
            fresh = np.flatnonzero(close.take(flow) == 0)
            close[flow.take(fresh)] = bits.take(mine.take(fresh))
        control = np.flatnonzero(flags & (SYN | FIN | RST))
        for cell, row in zip(cells.take(control).tolist(), chunk.rows(rows.take(control)), strict=True):
            self._batches[int(self._batch_of[cell])].late.setdefault(int(self._flow_of[cell]), []).append(row)
        spoken = rows.compress(((flags & RST) == 0) & (chunk.column(table.captured).take(rows) > 0))
        at, captured = chunk.column(table.payload_at).take(spoken), chunk.column(table.captured).take(spoken)
        inside = at < EXTRA
        if inside.all():
            self._see_alerts(chunk, spoken, table.data, at, captured)
        else:  # what stands elsewhere is rare
            copied = np.frombuffer(b"".join(slices_at(table, at, captured)), np.uint8)
            self._see_alerts(chunk, spoken, copied, np.cumsum(captured) - captured, captured)

    def _see_alerts(self, chunk: Chunk, rows: I64, data: NDArray[np.uint8], at: I64, captured: I64) -> None:
        """Alerts at the end of these segments, whose payload stands in ``data`` at these places."""
        start = alerts_at_end(data, at, captured)
        hit = np.flatnonzero(start >= 0)
        rows, at, start, end = rows.take(hit), at.take(hit), start.take(hit), (at + captured).take(hit)
        length, clear = read_alerts(data, start, end)
        seq = chunk.seq.take(rows) + (start - at).astype(np.uint32)
        columns = (chunk.at.take(rows) & 1, chunk.time_ns.take(rows), chunk.frame.take(rows), seq, length, clear)
        cells = chunk.cell.take(rows)
        numbers, flows = self._batch_of.take(cells), self._flow_of.take(cells)
        for number in distinct(numbers).tolist():
            batch, mine = self._batches[number], np.flatnonzero(numbers == number)
            mine = mine.compress(~batch.silent.take(flows.take(mine)))
            batch.alerts.add(flows.take(mine), *(column.take(mine) for column in columns))

    def finish(self, flows: Flows) -> Departure:
        """The sessions of flows that are over."""
        parts = []
        numbers, places = self._batch_of.take(flows.cell), self._flow_of.take(flows.cell)
        for number in distinct(numbers).tolist():
            mine = np.flatnonzero(numbers == number)
            chosen = places.take(mine)
            parts.append((self._batches[number], chosen, mine))
            self._release(number, chosen)
        return Departure(flows, parts)

    def _release(self, number: int, flows: I64) -> None:
        """These flows of a batch are over; a batch half of which is over is cut down to the other half."""
        still = self._open[number]
        still[flows] = False
        count = np.count_nonzero(still)
        if not count:
            del self._batches[number], self._open[number]
        elif 2 * count <= len(still):
            self._put(number, self._batches[number].some(np.flatnonzero(still)))
