"""PacketTables as plain tuples, positions replaced by the bytes they point at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from capanalyzer.packets.decode import Decoder
from capanalyzer.packets.table import EXTRA, PacketTable
from tests.packets.tiny_capture import Record, make_batch

__all__ = ["decode", "plain_rows", "rows_of"]

Plain = dict[str, object]

_NUMBERS = [
    "frame",
    "time_ns",
    "source",
    "destination",
    "source_port",
    "destination_port",
    "seq",
    "ack",
    "flags",
    "window",
    "options_len",
    "length",
    "captured",
    "ttl",
    "ip_id",
]


def _bytes(table: PacketTable, at: int, size: int) -> bytes:
    in_extra = at >= EXTRA
    found = table.extra[at - EXTRA :][:size] if in_extra else table.data[at : at + size].tobytes()
    assert len(found) == size, "a position points outside"
    return found


def plain_rows(table: PacketTable) -> list[Plain]:
    """One dict a row: every number, and addresses, options and payload as bytes."""
    rows = []
    for n in range(len(table)):
        row: Plain = {name: int(getattr(table, name)[n]) for name in _NUMBERS}
        size = 16 if table.is_v6[n] else 4
        addresses = _bytes(table, int(table.address_at[n]), 2 * size)
        row["from"], row["to"] = addresses[:size], addresses[size:]
        row["options"] = (
            _bytes(table, int(table.options_at[n]), int(table.options_len[n])) if table.options_len[n] else b""
        )
        row["payload"] = _bytes(table, int(table.payload_at[n]), int(table.captured[n])) if table.captured[n] else b""
        rows.append(row)
    return rows


def decode(
    records: Sequence[Record], *, fast: bool = True, cuts: Sequence[int] = ()
) -> tuple[list[Plain], list[object], Decoder]:
    """(rows, ICMP errors, decoder) of these records, in batches that end at ``cuts``."""
    decoder = Decoder(seed=11, fast=fast)
    rows: list[Plain] = []
    icmp: list[object] = []
    edges = sorted({0, len(records), *(cut for cut in cuts if cut < len(records))})
    for start, stop in pairwise(edges):
        table = decoder.decode(make_batch(records[start:stop], start + 1))
        rows += plain_rows(table)
        icmp += table.icmp
    return rows, icmp, decoder


def rows_of(packets: Sequence[bytes], link: int = 1, **options: object) -> list[Plain]:
    """Rows of packets captured whole, one millisecond apart."""
    return decode([(n * 10**6, link, len(packet), packet) for n, packet in enumerate(packets)], **options)[0]  # type: ignore[arg-type]  # passed on
