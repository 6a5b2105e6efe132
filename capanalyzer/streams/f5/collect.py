"""Trailers collected by connection, while the tracker numbers a capture's segments.

Whether a capture has trailers is decided from some packets of each batch; as long as none has, nothing else is done.
Where they are there, they are read of the packets that matter: the first ones of each connection, its SYN, FIN and RST
segments, and those with which it begins to serve another one (:mod:`capanalyzer.streams.f5.changes`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import F5Capture, RecordBatch
from capanalyzer.packets.f5.find import read_trailer
from capanalyzer.packets.f5.keys import holds_keys
from capanalyzer.packets.f5.pseudo import PseudoPacket
from capanalyzer.packets.f5.tails import has_trailers, mend_lengths, pseudo_packets, tails_of
from capanalyzer.packets.table import EXTRA, PacketTable
from capanalyzer.streams.f5.changes import PeerWatch
from capanalyzer.streams.f5.facts import Address, F5Facts, Segment
from capanalyzer.streams.f5.join import Kin
from capanalyzer.streams.f5.ranks import rank
from capanalyzer.streams.f5.slots import Slots
from capanalyzer.streams.flow import FIN, RST, SYN

__all__ = ["Collector"]

I64 = NDArray[np.int64]

FIRST_PACKETS: Final = 16
"""Of each connection, whose trailers are read: the server side's connect and both handshakes fall into them."""
MAX_CONTROLS: Final = 64
"""SYN, FIN and RST segments beyond these."""
MAX_DEVICES: Final = 8
"""Different records about the capture that are kept."""
_CONTROL: Final = SYN | FIN | RST


class Collector:
    """The F5 data of one capture: :meth:`look` at each batch, then :meth:`observe` its segments."""

    def __init__(self) -> None:
        self._slots = Slots()
        self._slots.add("read", np.int32)  # packets looked at
        self._slots.add("controls", np.int32)
        self._kin, self._watch = Kin(self._slots), PeerWatch(self._slots)
        self._table: PacketTable | None = None
        self._batch: RecordBatch | None = None
        self.has_trailers = False
        """A trailer was found."""
        self.has_keys = False
        """Some of them carry secrets of TLS sessions."""
        self._has_begun = False
        self._devices: list[PseudoPacket] = []

    @property
    def info(self) -> F5Capture | None:
        """What is known of the capture; None: it is none of a BIG-IP's."""
        if not self.has_trailers and not self._devices:
            return None
        first = self._devices[0] if self._devices else None
        return F5Capture(
            None if first is None else first.host,
            None if first is None else first.version,
            None if first is None else first.platform,
            None if first is None else first.product,
            None if first is None else first.command,
            None if first is None else first.noise,
            None if first is None else first.with_peer,
            None if first is None else first.snap_length,
            self.has_trailers,
            self.has_keys,
        )

    @property
    def forgotten(self) -> int:
        """Connections whose data had to be forgotten while others came."""
        return self._kin.forgotten

    def look(self, batch: RecordBatch, table: PacketTable) -> bool:
        """Look at a batch; True where its segments are to be observed."""
        self._add_devices(batch, np.arange(min(len(batch), 1)))
        if not self.has_trailers:
            self.has_trailers = has_trailers(batch, table, is_known=bool(self._devices))
        if not self.has_keys:
            is_known = self.has_trailers or bool(self._devices)
            self.has_keys = holds_keys(batch, table, everywhere=is_known or not self._has_begun)
            self.has_trailers |= self.has_keys
        self._has_begun = True
        if not self.has_trailers:
            return False
        packets = np.ones(len(batch), np.bool_)
        packets[:1] = False
        packets[table.frame - batch.first_frame] = False
        self._add_devices(batch, np.flatnonzero(packets))
        mend_lengths(batch, table)
        self._batch, self._table = batch, table
        return True

    def observe(self, stream: I64, frame: I64, length: I64) -> None:
        """Segments of connections, as :class:`capanalyzer.streams.tracker.Tracker` tells of them."""
        del length
        batch, table = self._batch, self._table
        if batch is None or table is None or not len(stream) or not len(table):
            return
        row = np.minimum(np.searchsorted(table.frame, frame), len(table) - 1)
        captured = table.frame.take(row) == frame
        place, is_own = self._slots.claim(stream)
        own = captured & is_own
        stream, place, row = stream.compress(own), place.compress(own), row.compress(own)
        self._kin.note_times(place, table.time_ns.take(row))
        chosen = self._choose(place, table.flags.take(row))
        self._read_trailers(batch, table, stream.compress(chosen), row.compress(chosen))
        rest = np.flatnonzero(~chosen)
        tails = tails_of(batch, table, row.take(rest))
        rest = rest.take(np.searchsorted(row.take(rest), tails.row))
        is_up = table.source.take(tails.row) < table.destination.take(tails.row)
        changed = self._watch.changed(batch.data, place.take(rest), is_up, tails.start, tails.stop)
        self._read_trailers(batch, table, stream.take(rest.take(changed)), tails.row.take(changed))

    def take(self, stream: int) -> F5Facts | None:
        """What trailers say of a connection that is handed on; None where they say nothing."""
        return self._kin.complete(stream)

    def _read_trailers(self, batch: RecordBatch, table: PacketTable, stream: I64, row: I64) -> None:
        """Those of these segments."""
        tails = tails_of(batch, table, row)
        of_row = dict(zip(row.tolist(), stream.tolist(), strict=True))
        for number, at in enumerate(tails.row.tolist()):
            tail = tails.bytes_of(batch.data, number)
            trailer = read_trailer(tail)
            if trailer is not None:
                segment, whose = _segment(table, at), of_row[at]
                self._kin.facts(whose, (segment.source, segment.destination)).add(segment, trailer)
                place = self._slots.place(whose)
                if trailer.flow is not None and place is not None:
                    is_up = bool(table.source[at] < table.destination[at])
                    self._watch.learn(place, is_up=is_up, tail=tail, flow=trailer.flow)
        for number in dict.fromkeys(stream.tolist()):
            self._kin.enter(number)

    def _choose(self, place: I64, flags: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Of these segments, in capture order, those whose trailers are read in any case."""
        read, controls = self._slots["read"], self._slots["controls"]
        chosen: NDArray[np.bool_] = rank(place) + read.take(place) < FIRST_PACKETS
        np.add.at(read, place, 1)
        np.minimum(read, FIRST_PACKETS, out=read)
        control = np.flatnonzero(~chosen & ((flags & _CONTROL) > 0))
        whose = place.take(control)
        control = control.compress(rank(whose) + controls.take(whose) < MAX_CONTROLS)
        np.add.at(controls, whose, 1)
        np.minimum(controls, MAX_CONTROLS, out=controls)
        chosen[control] = True
        return chosen

    def _add_devices(self, batch: RecordBatch, rows: I64) -> None:
        for found in pseudo_packets(batch, rows):
            if found not in self._devices and len(self._devices) < MAX_DEVICES:
                self._devices.append(found)


def _segment(table: PacketTable, row: int) -> Segment:
    size = 16 if table.is_v6[row] else 4
    at = int(table.address_at[row])
    # IPv6 may name its ends elsewhere than in the fixed header: mobility (RFC 6275), routing header (RFC 8200).
    both = bytes(table.extra[at - EXTRA :][: 2 * size]) if at >= EXTRA else table.data[at : at + 2 * size].tobytes()
    return Segment(
        int(table.frame[row]),
        int(table.time_ns[row]),
        Address(both[:size], int(table.source_port[row])),
        Address(both[size:], int(table.destination_port[row])),
        int(table.flags[row]),
    )
