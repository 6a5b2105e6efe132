"""Segments quoted in ICMP errors: they take part in the numbering of streams and in nothing else.

An ICMP error carries the beginning of the packet that it is about (RFC 792, RFC 1812 section 4.3.2.3, RFC 4443). Where
16 bytes of its TCP header are there, Wireshark gives the quoted segment a ``tcp.stream`` as if it had been captured: a
connection of which only a quote was seen has a number, and a quoted SYN opens a new one where its sequence number is
not the one that its side began with. What a side began with is learned from captured segments alone. To number as
Wireshark does, quoted segments become rows among the others; only captures with such errors pay for it.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.table import EXTRA, IcmpError, PacketTable
from capanalyzer.streams.chunk import Chunk
from capanalyzer.streams.flow import ACK, SYN
from capanalyzer.streams.index import FlowIndex
from capanalyzer.streams.live import LiveFlows

__all__ = ["note_quotes", "with_quotes"]

_NOT_COLUMNS: Final = frozenset(("data", "extra", "icmp", "notes"))


def with_quotes(table: PacketTable) -> tuple[PacketTable, NDArray[np.int64]]:
    """The table with a row for every quoted segment that Wireshark numbers.

    :returns: the table, and for each of its rows the position in ``table.icmp`` of the error that quotes it, or -1 for
        a captured segment. Without quoted segments it is the table given, and no positions (an empty array).
    """
    at = [number for number, error in enumerate(table.icmp) if error.quoted_flags is not None]
    if not at:
        return table, np.zeros(0, np.int64)
    quoted = [table.icmp[number] for number in at]
    frames = np.concatenate([table.frame, np.array([error.frame for error in quoted], np.int64)])
    order = np.argsort(frames, kind="stable")
    columns = _columns_of(quoted, len(table.extra))
    merged: dict[str, NDArray[Any]] = {}
    for field in fields(PacketTable):
        if field.name not in _NOT_COLUMNS:
            captured: NDArray[Any] = getattr(table, field.name)
            more = np.array(columns.get(field.name, [0] * len(quoted)), captured.dtype)
            merged[field.name] = np.concatenate([captured, more]).take(order)
    extra = table.extra + b"".join(error.quoted_addresses for error in quoted)
    from_error = np.concatenate([np.full(len(table), -1), np.array(at, np.int64)]).take(order)
    return PacketTable(data=table.data, extra=extra, **merged, icmp=table.icmp, notes=table.notes), from_error


def _columns_of(quoted: list[IcmpError], extra_size: int) -> dict[str, list[int]]:
    """The columns in which the rows of quoted segments are not 0. Of their flags SYN and SYN/ACK matter."""
    address_at, at = [], EXTRA + extra_size
    for error in quoted:
        address_at.append(at)
        at += len(error.quoted_addresses)
    return {
        "frame": [error.frame for error in quoted],
        "time_ns": [error.time_ns for error in quoted],
        "source": [error.quoted_source for error in quoted],
        "destination": [error.quoted_destination for error in quoted],
        "address_at": address_at,
        "is_v6": [len(error.quoted_addresses) == 32 for error in quoted],
        "source_port": [error.quoted_ports[0] for error in quoted],
        "destination_port": [error.quoted_ports[1] for error in quoted],
        "seq": [error.quoted_seq or 0 for error in quoted],
        "flags": [flags & (SYN | ACK) if (flags := error.quoted_flags or 0) & SYN else 0 for error in quoted],
        "payload_at": [EXTRA] * len(quoted),
        "options_at": [EXTRA] * len(quoted),
    }


def note_quotes(chunk: Chunk, index: FlowIndex, live: LiveFlows) -> None:
    """Keep apart the flows of which only quotes were seen; the first segment captured of one is its beginning.

    To be called when every row has its cell, and nothing is counted yet.
    """
    of_quotes = chunk.from_error >= 0 if len(chunk.from_error) else np.zeros(len(chunk.frame), np.bool_)
    quotes = np.flatnonzero(of_quotes)
    if not len(quotes) and not live.only_quoted[: live.top].any():
        return
    cells = chunk.cell.take(quotes)
    unseen = cells.compress((live.packets.take(2 * cells) == 0) & (live.packets.take(2 * cells + 1) == 0))
    live.only_quoted[unseen] = True
    waiting = np.flatnonzero(live.only_quoted.take(chunk.cell) & ~of_quotes)
    first = np.full(live.capacity, -1)
    first[chunk.cell.take(waiting[::-1])] = waiting[::-1]
    begun = np.flatnonzero(first >= 0)
    index.describe(chunk, begun, first.take(begun))
    live.last_ns[2 * begun] = LiveFlows.NEVER
    live.only_quoted[begun] = False
    still = quotes.compress(live.only_quoted.take(cells))
    np.maximum.at(live.last_ns, 2 * chunk.cell.take(still), chunk.time_ns.take(still))
