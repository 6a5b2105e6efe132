"""The columns of a PacketTable while they are filled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.flowkey import EndpointMixer
from capanalyzer.packets.rows import Rows, u8, u16, u32, u64
from capanalyzer.packets.table import IcmpError, PacketTable
from capanalyzer.packets.walk import Segment

__all__ = ["Columns", "Where"]

Where = slice | NDArray[np.int64]
"""Which rows of the table: a slice where they are consecutive (no index needed), else their numbers."""

_16, _PORT = np.uint64(16), np.uint64(0xFFFF)
_NOT_PORT = ~_PORT


class Columns:
    """Room for ``size`` rows, written in any order, handed on as a PacketTable."""

    def __init__(self, size: int) -> None:
        self.frame: NDArray[np.int64] = np.empty(size, np.int64)
        self.time_ns: NDArray[np.int64] = np.empty(size, np.int64)
        self.source: NDArray[np.uint64] = np.empty(size, np.uint64)
        self.destination: NDArray[np.uint64] = np.empty(size, np.uint64)
        self.address_at: NDArray[np.int64] = np.empty(size, np.int64)
        self.is_v6: NDArray[np.bool_] = np.empty(size, np.bool_)
        self.source_port: NDArray[np.uint16] = np.empty(size, np.uint16)
        self.destination_port: NDArray[np.uint16] = np.empty(size, np.uint16)
        self.seq: NDArray[np.uint32] = np.empty(size, np.uint32)
        self.ack: NDArray[np.uint32] = np.empty(size, np.uint32)
        self.flags: NDArray[np.uint8] = np.empty(size, np.uint8)
        self.window: NDArray[np.uint16] = np.empty(size, np.uint16)
        self.options_at: NDArray[np.int64] = np.empty(size, np.int64)
        self.options_len: NDArray[np.uint8] = np.empty(size, np.uint8)
        self.payload_at: NDArray[np.int64] = np.empty(size, np.int64)
        self.length: NDArray[np.int64] = np.empty(size, np.int64)
        self.captured: NDArray[np.int64] = np.empty(size, np.int64)
        self.ttl: NDArray[np.uint8] = np.empty(size, np.uint8)
        self.ip_id: NDArray[np.uint16] = np.empty(size, np.uint16)
        self.rows = 0
        """Rows written so far: where the next block begins."""

    def reserve(self, size: int) -> None:
        """Room for ``size`` rows in all: more than there are packets where frames are aggregated in one."""
        missing = size - len(self.frame)
        if missing > 0:
            for name in ("frame", "time_ns", *Segment._fields):
                column = getattr(self, name)
                setattr(self, name, np.concatenate((column, np.empty(missing, column.dtype))))

    def write_v4(self, where: Where, rows: Rows, at: int, base: NDArray[np.int64]) -> None:
        """The columns that come from an IPv4 header.

        :param at: where the header begins in ``rows``; :param base: where it begins in the batch's bytes.
        The TCP header is expected 20 bytes after it.
        """
        addresses = u64(rows, at + 12).astype(np.uint64)
        # Destination address and both ports in one word: endpoint values are shifts and masks of these two.
        ports = u64(rows, at + 16).astype(np.uint64)
        addresses >>= _16
        addresses &= _NOT_PORT
        ports >>= _16
        value = ports & _PORT
        value |= addresses
        self.source[where] = value
        ports &= _NOT_PORT
        ports |= u16(rows, at + 22).astype(np.uint16)
        self.destination[where] = ports
        self.address_at[where] = base + 12
        self.is_v6[where] = False
        self.ttl[where] = u8(rows, at + 8)
        self.ip_id[where] = u16(rows, at + 4)

    def write_v6(self, where: Where, rows: Rows, at: int, base: NDArray[np.int64], mixer: EndpointMixer) -> None:
        """The columns that come from an IPv6 header; the TCP header is expected 40 bytes after it."""
        native = np.uint64
        self.source[where] = mixer.columns(
            u64(rows, at + 8).astype(native), u64(rows, at + 16).astype(native), u16(rows, at + 40).astype(np.uint16)
        )
        self.destination[where] = mixer.columns(
            u64(rows, at + 24).astype(native), u64(rows, at + 32).astype(native), u16(rows, at + 42).astype(np.uint16)
        )
        self.address_at[where] = base + 8
        self.is_v6[where] = True
        self.ttl[where] = u8(rows, at + 7)
        self.ip_id[where] = 0

    def write_tcp(
        self,
        where: Where,
        rows: Rows,
        at: int,
        base: NDArray[np.int64],
        size: NDArray[np.int64],
        wire: NDArray[np.int64],
        there: NDArray[np.int64],
    ) -> None:
        """The columns that come from a TCP header.

        :param at: where it begins in ``rows``; :param base: where it begins in the batch's bytes.
        :param size: its length by the data offset, 20 to ``wire``.
        :param wire: bytes of TCP, header and payload, on the wire; :param there: captured ones from ``base`` on.
        """
        self.source_port[where] = u16(rows, at)
        self.destination_port[where] = u16(rows, at + 2)
        self.seq[where] = u32(rows, at + 4)
        self.ack[where] = u32(rows, at + 8)
        self.flags[where] = u8(rows, at + 13)
        self.window[where] = u16(rows, at + 14)
        self.options_at[where] = base + 20
        self.payload_at[where] = base + size
        length = wire - size
        self.length[where] = length
        there = there - size
        short = there < length
        if short.any():
            np.minimum(there, length, out=length)
            np.maximum(length, 0, out=length)
            self.options_len[where] = np.maximum(size - 20 + np.minimum(there, 0), 0)
        else:
            self.options_len[where] = size - 20
        self.captured[where] = length

    def write_segment(self, row: int, frame: int, time_ns: int, segment: Segment) -> None:
        """One row from the slow path."""
        self.frame[row], self.time_ns[row] = frame, time_ns
        for name, value in zip(Segment._fields, segment, strict=True):
            getattr(self, name)[row] = value

    def table(self, data: NDArray[np.uint8], extra: bytes, icmp: list[IcmpError], notes: dict[str, int]) -> PacketTable:
        """What was written."""
        n = self.rows
        return PacketTable(
            data,
            extra,
            self.frame[:n],
            self.time_ns[:n],
            self.source[:n],
            self.destination[:n],
            self.address_at[:n],
            self.is_v6[:n],
            self.source_port[:n],
            self.destination_port[:n],
            self.seq[:n],
            self.ack[:n],
            self.flags[:n],
            self.window[:n],
            self.options_at[:n],
            self.options_len[:n],
            self.payload_at[:n],
            self.length[:n],
            self.captured[:n],
            self.ttl[:n],
            self.ip_id[:n],
            icmp,
            notes,
        )
