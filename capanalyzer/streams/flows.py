"""Counters and identity of connections that are handed on at the same time, as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.table import IcmpError
from capanalyzer.streams.flow import Ended, Flow
from capanalyzer.streams.live import LiveFlows

__all__ = ["Flows"]

I64 = NDArray[np.int64]


class Flows:
    """What :class:`~capanalyzer.streams.flow.Flow` says of one connection, of n. Columns have shape (n,), those of
    sides (n, 2): side 0 sent the first packet.
    """

    __slots__ = (
        "_icmp",
        "_made",
        "_watched_until",
        "address",
        "capture",
        "cell",
        "dropped",
        "ended",
        "first_frame",
        "first_ns",
        "is_v6",
        "last_ns",
        "lossy",
        "packets",
        "payload",
        "port",
        "side_last_ns",
        "stream",
    )

    _COLUMNS = (
        "address",
        "cell",
        "dropped",
        "first_frame",
        "first_ns",
        "is_v6",
        "last_ns",
        "packets",
        "payload",
        "port",
        "side_last_ns",
        "stream",
    )

    def __init__(
        self,
        live: LiveFlows,
        cells: I64,
        *,
        capture: int,
        ended: Ended,
        watched_until: Callable[[int, int], int],
        icmp: Mapping[int, tuple[IcmpError, ...]],
    ) -> None:
        """The flows in these cells.

        :param watched_until: until when a cell was watched whose last packet came at a time.
        :param icmp: by cell, the errors that quote it.
        """
        self.capture, self.ended = capture, ended
        self._watched_until, self._icmp = watched_until, icmp
        self.lossy: frozenset[int] = frozenset()
        """Cells of flows during which the capture lost packets."""
        self._made: list[Flow] | None = None
        sides = 2 * cells[:, None] + np.arange(2)
        self.cell = cells
        self.stream: I64 = live.stream.take(cells)
        self.first_ns: I64 = live.first_ns.take(cells)
        self.first_frame: I64 = live.first_frame.take(cells)
        self.is_v6 = live.is_v6.take(cells)
        self.dropped = live.dropped.take(cells)
        self.port = live.port.take(sides)
        self.packets: I64 = live.packets.take(sides)
        self.payload: I64 = live.payload.take(sides)
        self.side_last_ns: I64 = live.last_ns.take(sides)
        self.last_ns: I64 = self.side_last_ns.max(axis=1) if len(cells) else cells
        self.address = live.address.take(cells, axis=0)
        """Shape (n, 32): side 0's in bytes 0-15, side 1's in 16-31; IPv4 in the first four of each."""

    def __len__(self) -> int:
        return len(self.cell)

    def some(self, rows: I64) -> Flows:
        """These of them."""
        result = object.__new__(Flows)
        result.capture, result.ended = self.capture, self.ended
        result._watched_until, result._icmp, result.lossy = self._watched_until, self._icmp, self.lossy
        result._made = None
        for name in self._COLUMNS:
            setattr(result, name, getattr(self, name).take(rows, axis=0))
        return result

    def addresses(self) -> tuple[list[bytes], list[bytes]]:
        """The addresses of side 0 and of side 1, 4 or 16 bytes each."""
        sides = []
        for start in (0, 16):
            whole = np.ascontiguousarray(self.address[:, start : start + 16])
            found: list[bytes] = whole.view("V16")[:, 0].tolist()
            for at in np.flatnonzero(~self.is_v6).tolist():
                found[at] = found[at][:4]
            sides.append(found)
        return sides[0], sides[1]

    def keys(self) -> tuple[list[bytes], list[bytes]]:
        """What tells apart the hosts of side 0, and the services (host and port) of side 1: a byte that is 1 for IPv6,
        the address, filled up to 16 bytes, and in network order the port.
        """
        whole = np.zeros((len(self), 2, 19), np.uint8)
        whole[:, :, 0] = self.is_v6[:, None]
        whole[:, :, 1:17] = self.address.reshape(-1, 2, 16)
        whole[~self.is_v6, :, 5:] = 0  # a cell keeps what is left of an earlier flow's address
        whole[:, :, 17:] = self.port.astype(">u2").view(np.uint8).reshape(-1, 2, 2)
        hosts: list[bytes] = np.ascontiguousarray(whole[:, 0, :17]).view("V17")[:, 0].tolist()
        services: list[bytes] = np.ascontiguousarray(whole[:, 1]).view("V19")[:, 0].tolist()
        return hosts, services

    def flow(self, row: int) -> Flow:
        """One of them."""
        if self._made is None:
            self._made = list(self)
        return self._made[row]

    def __iter__(self) -> Iterator[Flow]:
        new, icmp, lossy, watched_until = tuple.__new__, self._icmp, self.lossy, self._watched_until
        for cell, stream, pair, ports, first_ns, last_ns, frame, packets, payload, (one_ns, other_ns), dropped in zip(
            self.cell.tolist(),
            self.stream.tolist(),
            zip(*self.addresses(), strict=True),
            map(tuple, self.port.tolist()),
            self.first_ns.tolist(),
            self.last_ns.tolist(),
            self.first_frame.tolist(),
            map(tuple, self.packets.tolist()),
            map(tuple, self.payload.tolist()),
            self.side_last_ns.tolist(),
            self.dropped.tolist(),
            strict=True,
        ):
            # Not through Flow(...): its constructor is a Python function, and this is done for every connection.
            yield new(
                Flow,
                (
                    self.capture,
                    stream,
                    pair,
                    ports,
                    first_ns,
                    last_ns,
                    frame,
                    packets,
                    payload,
                    (one_ns if packets[0] else None, other_ns if packets[1] else None),
                    dropped,
                    self.ended,
                    watched_until(cell, last_ns),
                    icmp.get(cell, ()),
                    cell in lossy,
                ),
            )
