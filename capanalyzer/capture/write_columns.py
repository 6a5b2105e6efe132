"""Writing pcapng where packets are many: whole batches of records become blocks by columns.

What :func:`capanalyzer.capture.write.write_pcapng` makes of a few packets with comments, this makes of a ring's block
without touching a packet in Python. Payload is moved in pieces of 32 bytes. The last piece of a packet may reach up
to 31 bytes too far; there stand the padding, the block's trailing length (4 bytes) and the next block's header (28
bytes), which are written afterwards. So no payload is ever overwritten.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import RecordBatch
from capanalyzer.capture.write import pcapng_interface, pcapng_section

__all__ = ["PIECE", "ColumnWriter", "pieces_of"]

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

PIECE: Final = 32
"""Bytes moved at once."""
_HEADER: Final = 28
_TRAILER: Final = 4
_ENHANCED_PACKET: Final = 6
_FIELDS: Final = np.dtype(
    [(name, "<u4") for name in ("kind", "size", "interface", "high", "low", "captured", "original")]
)


def pieces_of(data: U8, offset: I64, captured: I64) -> tuple[NDArray[np.void], I64]:
    """Packets cut into pieces of :data:`PIECE` bytes, the last one of each filled up with whatever follows it.

    :param data: shape (m,).
    :param offset: of each packet's first byte, shape (n,).
    :returns: the pieces, shape (k,), and how many each packet has, shape (n,).
    """
    counts = (captured + (PIECE - 1)) // PIECE
    total = int(counts.sum())
    if not total:
        return np.empty(0, f"V{PIECE}"), counts
    starts = np.repeat(offset - PIECE * (np.cumsum(counts) - counts), counts) + PIECE * np.arange(total)
    last = len(data) - PIECE
    if last < 0:
        data, last = np.concatenate([data, np.zeros(-last, np.uint8)]), 0
    table = np.ndarray((last + 1,), f"V{PIECE}", buffer=np.ascontiguousarray(data), strides=(1,))
    pieces: NDArray[np.void] = table[np.minimum(starts, last)]
    # Behind the last packets of a buffer there is nothing to fill up with.
    for at in np.flatnonzero(starts > last).tolist():
        piece = data[int(starts[at]) :].tobytes().ljust(PIECE, b"\0")
        pieces[at : at + 1] = np.frombuffer(piece, f"V{PIECE}")
    return pieces, counts


class ColumnWriter:
    """The bytes of one pcapng file, a batch at a time. Times are nanoseconds."""

    def __init__(self, *, application: str, comment: str, interface_names: list[str]) -> None:
        """:param interface_names: by number of the interface, read when one first has a packet; "" for none."""
        self._application, self._comment, self._names = application, comment, interface_names
        self._numbers: dict[int, int] = {}

    def head(self) -> bytes:
        """What the file begins with."""
        return pcapng_section(application=self._application, comment=self._comment)

    def blocks(self, batch: RecordBatch) -> list[bytes | U8]:
        """The blocks of a batch's packets, before them those of interfaces that are new."""
        if not len(batch):
            return []
        # An interface of the file is one of the capture with one link type.
        keys = batch.link.astype(np.int64)
        if batch.interface is not None:
            keys |= batch.interface << 16
        made: list[bytes | U8] = []
        known, places = np.unique(keys, return_inverse=True)
        for key in known.tolist():
            if key not in self._numbers:
                self._numbers[key] = len(self._numbers)
                at = key >> 16
                name = self._names[at] if at < len(self._names) else ""
                made.append(pcapng_interface(key & 0xFFFF, name or None))
        numbers = np.array([self._numbers[key] for key in known.tolist()], np.int64)[places.reshape(-1)]
        made.append(_blocks(batch, numbers))
        return made


def _blocks(batch: RecordBatch, interface: I64) -> U8:
    captured = batch.captured
    padded = (captured + 3) & ~3
    sizes = padded + (_HEADER + _TRAILER)
    ends = np.cumsum(sizes)
    starts = ends - sizes
    out = np.empty(int(ends[-1]) + PIECE, np.uint8)
    pieces, counts = pieces_of(batch.data, batch.offset, captured)
    if len(pieces):
        first = starts + _HEADER - PIECE * (np.cumsum(counts) - counts)
        where = np.repeat(first, counts) + PIECE * np.arange(len(pieces))
        np.ndarray((len(out) - PIECE + 1,), f"V{PIECE}", buffer=out, strides=(1,))[where] = pieces
    stop = starts + _HEADER + captured
    for filler in range(3):
        out[(stop + filler)[padded - captured > filler]] = 0
    fields = np.empty(len(captured), _FIELDS)
    stamp = np.maximum(batch.time_ns, 0)
    fields["kind"], fields["size"], fields["interface"] = _ENHANCED_PACKET, sizes, interface
    fields["high"], fields["low"] = stamp >> 32, stamp & 0xFFFFFFFF
    fields["captured"], fields["original"] = captured, batch.original
    np.ndarray((len(out) - _HEADER + 1,), f"V{_HEADER}", buffer=out, strides=(1,))[starts] = fields.view(f"V{_HEADER}")
    lengths = sizes.astype("<u4").view(f"V{_TRAILER}")
    np.ndarray((len(out) - _TRAILER + 1,), f"V{_TRAILER}", buffer=out, strides=(1,))[ends - _TRAILER] = lengths
    return out[: int(ends[-1])]
