"""Interfaces of a Linux host as a live source: one ring each, their packets merged by time.

What the clock says. A packet lies in its ring for up to ``RETIRE_MS`` before it is handed over, and longer when we are
behind. So :meth:`InterfaceSource.now_ns` is not the time of day but the moment up to which everything that was
seen has been handed on: a timer that runs by it never runs out ahead of the packet that would have stopped it.

Time stamps are the kernel's, in nanoseconds, taken when the packet reached it, from the clock that everything else
here runs by. Clocks of network cards are not used: they stamp what comes in but not what goes out, and run apart.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.interface_losses import InterfaceLosses
from capanalyzer.capture.interfaces import ANY, Interface, InterfaceTable
from capanalyzer.capture.live_source import Drops, News
from capanalyzer.capture.live_tap import Tap, choose, open_tap
from capanalyzer.capture.packet_ring import RETIRE_MS, RingMemory
from capanalyzer.capture.reader import add_up
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.capture.ring_columns import Packets
from capanalyzer.errors import CaptureError
from capanalyzer.remark import Remark

__all__ = ["RING_BYTES", "InterfaceSource"]

RING_BYTES: Final = 128 << 20
"""Of each interface's ring, should the analysis have to stop: a second of 1 Gbit/s, or half a minute of so little that
each block is handed over for its age."""

_LATE_NS: Final = (RETIRE_MS + 40) * 1_000_000
"""A packet that came in longer ago than this is in a block that was handed over; the timer that does so may be late."""

_MERGE_WAIT_S: Final = 0.02
"""How long packets of one interface wait at a time for earlier ones of another."""

_PACE_S: Final = 0.1
"""Least time between two batches, unless a ring has a whole one. Whatever is in it, a batch costs milliseconds, and
handshakes that lie in more than two of them are not read together with others; a verdict waits longer than this."""

_GATHER_S: Final = 0.02
"""How often it is looked at meanwhile whether a ring has one."""

_DRAIN_S: Final = 0.25
"""How long after an interface went away its last block may take to come."""

_DOWN_S: Final = 10.0
"""An interface that goes down again and again is told to be down no more often."""

_MOST_NAMES: Final = 4096
"""Interfaces of ``any`` that get a name of their own; hosts of many containers make new ones all the time."""


class InterfaceSource:
    """Live packets of interfaces, see :class:`capanalyzer.capture.live_source.LiveSource`."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        expression: str | None = None,
        promiscuous: bool = True,
        ring_bytes: int = RING_BYTES,
    ) -> None:
        """Open the rings; packets come in from here on.

        :param names: of interfaces, or ``any``.
        :param expression: a filter in the language of pcap-filter(7); empty lets everything in, None takes
            the default one (:mod:`capanalyzer.capture.default_filter`).
        :param promiscuous: take frames too that are addressed to other hosts (without effect on ``any``).
        :param ring_bytes: memory for each interface; the kernel may have less.
        :raises CaptureError: no such interface, no permission, no such filter.
        """
        self._table = _open_table()
        self._taps: list[Tap] = []
        try:
            chosen = choose(list(dict.fromkeys(names)), self._table)
            for each in chosen:
                self._taps.append(open_tap(each, expression, promiscuous, ring_bytes))
            try:
                self._memory = RingMemory(sum(tap.ring.size for tap in self._taps))
            except OSError as error:
                raise CaptureError(
                    chosen[0].name, Remark("no addresses are left to map its ring at (ulimit -v)")
                ) from error
            at = 0
            for tap in self._taps:
                tap.ring.start(self._memory, at)
                at += tap.ring.size
        except BaseException:
            self._close_sockets()
            raise
        self.info = CaptureInfo(",".join(each.name for each in chosen), "live")
        self._news = News(self.info)
        self._poll = select.poll()
        self._by_descriptor = {tap.ring.socket.fileno(): tap for tap in self._taps}
        for descriptor in self._by_descriptor:
            self._poll.register(descriptor, select.POLLIN)
        self._is_any = chosen[0].name == ANY
        self._known = np.empty(0, np.int64)
        """Kernel numbers of interfaces met on ``any``, ascending, and ..."""
        self._places = np.empty(0, np.int64)
        """... their places in ``info.interfaces``."""
        if not self._is_any:
            self.info.interfaces = [each.name for each in chosen]
        for each, tap in zip(chosen, self._taps, strict=True):
            if each.is_up is False:
                tap.is_up = tap.told_up = False
                self._news.add(Remark("{name} is down: nothing is seen there before it is up.", name=each.name))
        self._frames = 0
        self._handed_on_s = 0.0
        """When, by the monotonic clock."""
        self._clock_ns = 0
        self._losses = InterfaceLosses(self._captured())
        self._lost_in_rings = 0
        self._is_closed = False

    @property
    def ended(self) -> bool:
        """Whether all interfaces are gone, and what they gave has been read."""
        now = time.monotonic()
        return self._is_closed or all(
            tap.gone_s is not None and now > tap.gone_s + _DRAIN_S and not len(tap.waiting.offset) for tap in self._taps
        )

    def read(self, timeout_s: float) -> RecordBatch | None:
        """See :class:`LiveSource`."""
        if self._is_closed:
            return None
        now = time.monotonic()
        until = now + timeout_s
        for tap in self._taps:
            tap.ring.give_back(tap.done)
            tap.done = 0
        self._gather(min(until, self._handed_on_s + _PACE_S))
        while True:
            batch = self._load()
            if batch is not None:
                self._handed_on_s = time.monotonic()
                return batch
            left = until - time.monotonic()
            if left <= 0 or self.ended:
                return None
            self._wait(left)

    def drops(self) -> Drops:
        """See :class:`LiveSource`."""
        if not self._is_closed:
            for tap in self._taps:
                if tap.gone_s is None:
                    self._look_at(tap)
            with contextlib.suppress(OSError):
                self._lost_in_rings = sum(tap.ring.lost() + tap.lost for tap in self._taps)
            now = self._captured()
            self._losses.count(now)
            self._look_at_states(now)
        return Drops(self._lost_in_rings, self._losses.total)

    def news(self) -> list[Remark]:
        """See :class:`LiveSource`."""
        return self._news.take()

    def interfaces(self) -> Mapping[str, int]:
        """See :class:`LiveSource`."""
        if self._is_any:
            return {}
        states = ["gone" if tap.gone_s is not None else "up" if tap.is_up else "down" for tap in self._taps]
        return {state: states.count(state) for state in ("up", "down", "gone")}

    def now_ns(self) -> int:
        """See :class:`LiveSource`: everything that came in before this has been handed on."""
        return self._clock_ns

    def close(self) -> None:
        """See :class:`LiveSource`."""
        if self._is_closed:
            return
        self.drops()
        self._is_closed = True
        self._memory.clear()
        self._close_sockets()

    def _close_sockets(self) -> None:
        for tap in self._taps:
            tap.ring.close()
        if self._table is not None:
            self._table.close()

    def _load(self) -> RecordBatch | None:
        """Take what has come, move the clock, and give what can be handed on."""
        before_ns = time.time_ns()
        for tap in self._taps:
            tap.load(self._memory.data, before_ns)
        self._clock_ns = min(self._clock_ns, before_ns)  # it may have been set back
        horizon = before_ns - _LATE_NS
        behind = [tap.latest_ns for tap in self._taps if tap.behind]
        if len(self._taps) == 1:
            counts = [len(self._taps[0].waiting.offset)]
            self._clock_ns = max(self._clock_ns, self._taps[0].latest_ns, 0 if behind else horizon)
        else:
            horizon = min([horizon, *behind])
            if any(tap.ring.held > tap.ring.blocks // 2 for tap in self._taps):
                # Order matters less than losing packets.
                horizon = max(tap.latest_ns for tap in self._taps)
            counts = [int(np.searchsorted(tap.latest, horizon, "right")) for tap in self._taps]
            self._clock_ns = max(self._clock_ns, horizon)
        if not any(counts):
            return None
        chosen = [(tap, count) for tap, count in zip(self._taps, counts, strict=True) if count]
        latest = [tap.latest[:count] for tap, count in chosen]
        packets = Packets.joined([tap.hand_on(count) for tap, count in chosen])
        sizes = [count for _, count in chosen]
        links = np.repeat(np.array([tap.link for tap, _ in chosen], np.uint16), sizes)
        interface = None
        if self._is_any:
            interface = self._places_of(packets.device)
        elif len(self._taps) > 1:
            interface = np.repeat(np.array([self._taps.index(tap) for tap, _ in chosen]), sizes)
            if len(chosen) > 1:
                order = np.argsort(np.concatenate(latest), kind="stable")
                packets, links, interface = packets.rows(order), links[order], interface[order]
        return self._batch(packets, links, interface)

    def _batch(self, packets: Packets, links: NDArray[np.uint16], interface: NDArray[np.int64] | None) -> RecordBatch:
        """Packets that are handed on, counted."""
        add_up(self.info, packets.captured, packets.original, packets.time_ns, links)
        batch = RecordBatch(
            self._memory.data,
            packets.offset,
            packets.captured,
            packets.original,
            packets.time_ns,
            links,
            self._frames + 1,
            interface,
        )
        self._frames += len(batch)
        return batch

    def _places_of(self, device: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places in ``info.interfaces`` of the kernel's numbers of interfaces; new ones are entered."""
        at = np.searchsorted(self._known, device)
        if not len(self._known) or (self._known[np.minimum(at, len(self._known) - 1)] != device).any():
            for number in np.setdiff1d(device, self._known).tolist():
                self._enter(number)
            at = np.searchsorted(self._known, device)
        return self._places[at]

    def _enter(self, number: int) -> None:
        try:
            name = socket.if_indextoname(number)
        except (OSError, OverflowError):
            name = f"interface {number}"  # it has gone since
        names = self.info.interfaces
        if len(names) < _MOST_NAMES:
            names.append(name)
        elif len(names) == _MOST_NAMES:
            names.append("others")
            self._news.add(
                Remark("More than {n:,} interfaces were met; the names of the others are not kept.", n=_MOST_NAMES)
            )
        at = int(np.searchsorted(self._known, number))
        self._known = np.insert(self._known, at, number)
        self._places = np.insert(self._places, at, len(names) - 1)

    def _gather(self, until_s: float) -> None:
        """Let packets come until then, or until a ring has a whole batch of them."""
        while (left_s := until_s - time.monotonic()) > 0 and not any(tap.has_batch for tap in self._taps):
            select.select([], [], [], min(left_s, _GATHER_S))

    def _wait(self, left_s: float) -> None:
        """Until a ring has a block, or an interface's state has changed, or the time is over."""
        if any(tap.ring.held for tap in self._taps):
            # A ring of which blocks are held counts as ready, whether or not there is more.
            select.select([], [], [], min(left_s, _MERGE_WAIT_S))
            return
        if any(tap.gone_s is not None for tap in self._taps):
            left_s = min(left_s, _DRAIN_S)
        for descriptor, event in self._poll.poll(left_s * 1000):
            if event & ~select.POLLIN:
                self._look_at(self._by_descriptor[descriptor])

    def _look_at(self, tap: Tap) -> None:
        """What has happened to an interface, by its socket's error, and by the socket itself: one that is down already
        is removed without an error.
        """
        number = tap.ring.trouble()
        if number not in (0, errno.ENETDOWN):
            raise CaptureError(
                tap.name, Remark("can no longer be captured ({reason})", reason=errno.errorcode.get(number, number))
            )
        if tap.name != ANY and not tap.ring.socket.getsockname()[0]:
            # The kernel has taken the binding away: the interface is no more.
            tap.gone_s = time.monotonic()
            self._poll.unregister(tap.ring.socket.fileno())
            self._news.add(Remark("{name} has gone: it was removed while it was captured.", name=tap.name))
        elif number:
            tap.is_up = False
            self._tell_state(tap)

    def _look_at_states(self, now: Sequence[Interface]) -> None:
        """Nothing but the kernel's table says that an interface is up again."""
        is_up = {each.index: each.is_up for each in now}
        for tap in self._taps:
            if tap.gone_s is None and tap.ring.index in is_up:
                tap.is_up = is_up[tap.ring.index] is not False
                self._tell_state(tap)

    def _tell_state(self, tap: Tap) -> None:
        if tap.is_up == tap.told_up:
            return
        now = time.monotonic()
        if tap.is_up:
            self._news.add(Remark("{name} is up; what it carries is seen from now on.", name=tap.name))
        elif now >= tap.told_down_s + _DOWN_S:
            tap.told_down_s = now
            self._news.add(Remark("{name} went down; what it carries is seen again when it is up.", name=tap.name))
        else:
            return
        tap.told_up = tap.is_up

    def _captured(self) -> list[Interface]:
        """The interfaces that are captured, as they are now."""
        if self._table is None:
            return []
        try:
            now = self._table.read()
        except OSError:
            return []
        chosen = {tap.ring.index for tap in self._taps}
        return [each for each in now if self._is_any or each.index in chosen]


def _open_table() -> InterfaceTable | None:
    try:
        return InterfaceTable()
    except OSError:
        return None
