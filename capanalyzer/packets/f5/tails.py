"""What stands behind the IP packets of a batch, as columns: enough to tell an F5 capture from all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import RecordBatch
from capanalyzer.packets.f5.dpt import MAGIC
from capanalyzer.packets.f5.find import read_trailer, trailer_start
from capanalyzer.packets.f5.legacy import LEAST_BYTES
from capanalyzer.packets.f5.pseudo import PSEUDO_MARK, PseudoPacket, read_pseudo
from capanalyzer.packets.table import EXTRA, PacketTable

__all__ = ["Tails", "has_trailers", "mend_lengths", "pseudo_packets", "tails_of"]

I64 = NDArray[np.int64]

MOST_LOOKED_AT: Final = 1_024
"""Segments of each batch that are looked behind, as long as no trailer has been found: all of a small batch, evenly
spread over a large one, because another capture may come first in the same file."""
MAX_PSEUDO: Final = 64
"""Records about the capture that are read of a batch: each file of a ring begins with one."""
_ETHERTYPE_AT: Final = 12


class Tails(NamedTuple):
    """Shape (n,) each."""

    row: I64
    """In the table."""
    start: I64
    """Position in the batch's bytes of what follows the IP packet."""
    stop: I64
    """Where the frame ends."""

    def bytes_of(self, data: NDArray[np.uint8], number: int) -> bytes:
        """One of them."""
        return data[int(self.start[number]) : int(self.stop[number])].tobytes()


def tails_of(batch: RecordBatch, table: PacketTable, rows: I64) -> Tails:
    """What stands behind these segments: frames that were captured whole and hold enough for a trailer."""
    packet = table.frame.take(rows) - batch.first_frame
    start = table.payload_at.take(rows) + table.length.take(rows)
    stop = batch.offset.take(packet) + batch.captured.take(packet)
    there = (stop - start >= LEAST_BYTES) & (start < EXTRA)
    there &= batch.captured.take(packet) == batch.original.take(packet)
    return Tails(rows.compress(there), start.compress(there), stop.compress(there))


def has_trailers(batch: RecordBatch, table: PacketTable, *, is_known: bool = False) -> bool:
    """Some of the batch's packets, looked at here and there, have a trailer that can be read.

    :param is_known: the capture says that a BIG-IP made it: any trailer will do.

    Forms without a magic number that say little could be chance: of them all must be readable, more than one, and one
    must name a virtual server.
    """
    tails = tails_of(batch, table, np.arange(0, len(table), 1 + len(table) // MOST_LOOKED_AT))
    read = unread = named = 0
    for number in range(len(tails.row)):
        tail = tails.bytes_of(batch.data, number)
        if not any(tail):
            continue
        trailer = read_trailer(tail)
        if trailer is None:
            unread += 1
        elif is_known or MAGIC in tail or trailer.flow is not None:
            return True
        else:
            read += 1
            named += len(trailer.virtual_server) > 1
    return read > 1 and named > 0 and not unread


def pseudo_packets(batch: RecordBatch, rows: I64) -> Iterator[PseudoPacket]:
    """Records about the capture among these of the batch (bounded)."""
    rows = rows.compress(batch.captured.take(rows) >= len(PSEUDO_MARK))
    at = batch.offset.take(rows) + _ETHERTYPE_AT
    marked = (batch.data.take(at) == PSEUDO_MARK[12]) & (batch.data.take(at + 1) == PSEUDO_MARK[13])
    for row in rows.compress(marked)[:MAX_PSEUDO].tolist():
        offset, captured = int(batch.offset[row]), int(batch.captured[row])
        found = read_pseudo(batch.data[offset : offset + captured].tobytes())
        if found is not None:
            yield found


def mend_lengths(batch: RecordBatch, table: PacketTable) -> None:
    """Where an IPv4 header gives no length (segmentation offload), the payload ends before the trailer."""
    rows = np.flatnonzero(~table.is_v6 & (table.address_at < EXTRA) & (table.payload_at < EXTRA))
    at = table.address_at.take(rows) - 10
    rows = rows.compress((at >= 0) & (_u16(batch.data, np.maximum(at, 0)) == 0)) if len(rows) else rows
    for row in rows.tolist():
        packet = int(table.frame[row]) - batch.first_frame
        begin, stop = int(table.payload_at[row]), int(batch.offset[packet] + batch.captured[packet])
        if batch.captured[packet] != batch.original[packet]:
            continue
        found = trailer_start(batch.data[begin:stop].tobytes())
        if found is not None:
            table.length[row] = table.captured[row] = found


def _u16(data: NDArray[np.uint8], at: I64) -> I64:
    return data.take(at).astype(np.int64) << 8 | data.take(at + 1)
