"""One interface of a live source: its ring, opened for it, and what was read of the ring and not handed on."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.bpf import ACCEPT_ALL, Instruction, shifted, without_echo
from capanalyzer.capture.clock import BACK_NS
from capanalyzer.capture.default_filter import DEFAULT_FILTER
from capanalyzer.capture.interfaces import ANY, Interface, InterfaceTable, describe_interfaces, list_interfaces
from capanalyzer.capture.linktypes import ETHERNET, LINUX_SLL2, RAW
from capanalyzer.capture.packet_ring import BLOCK_BYTES, PacketRing
from capanalyzer.capture.ring_columns import Packets, read_blocks
from capanalyzer.errors import CaptureError
from capanalyzer.remark import Remark

__all__ = ["Tap", "choose", "open_tap"]

_BATCH_BLOCKS: Final = 64
"""Blocks of one ring handed on at a time: large enough for columns, and the others of the ring take what comes."""

_LINK_BYTES: Final = {ETHERNET: 14, RAW: 0, LINUX_SLL2: 0}
"""Bytes before the network header, as the filter sees a packet."""


class Tap:
    """A ring, and what was read of it and not handed on."""

    def __init__(self, ring: PacketRing, name: str, link: int) -> None:
        self.ring, self.name, self.link = ring, name, link
        self.waiting = Packets.none()
        self.latest: NDArray[np.int64] = np.empty(0, np.int64)
        """For each of them the latest time so far: what comes after a packet cannot be ordered before it."""
        self.blocks: list[int] = []
        """Those that hold them, in order."""
        self.done = 0
        """Blocks of which everything was handed on: to be given back when the source is read again."""
        self.latest_ns = 0
        self.behind = False
        """More blocks are ready than were taken."""
        self.is_up = True
        self.told_up = True
        """As it was told last ..."""
        self.told_down_s = -inf
        """... and when it was last told to be down."""
        self.gone_s: float | None = None
        """When its interface went away."""
        self.lost = 0

    @property
    def has_batch(self) -> bool:
        """As many blocks are ready as are taken at a time."""
        return self.ring.is_ready(self._most)

    @property
    def _most(self) -> int:
        return min(_BATCH_BLOCKS, self.ring.blocks // 2)

    def load(self, data: NDArray[np.uint8], now_ns: int) -> None:
        """Take blocks that are ready."""
        self._load(data)
        if self.latest_ns > now_ns + BACK_NS:
            # The clock has been set back since: these packets wait for no others, and none for that time to come again.
            self.latest_ns = now_ns
            self.latest = np.minimum(self.latest, now_ns)

    def _load(self, data: NDArray[np.uint8]) -> None:
        places = self.ring.take(self._most)
        self.behind = len(places) == self._most
        if not places:
            return
        packets, lost = read_blocks(data, places, BLOCK_BYTES, self.link)
        self.lost += lost
        self.blocks += places
        if len(packets.offset):
            latest = np.maximum(np.maximum.accumulate(packets.time_ns), self.latest_ns)
            self.latest_ns = int(latest[-1])
            is_alone = not len(self.latest)
            self.latest = latest if is_alone else np.concatenate([self.latest, latest])
            self.waiting = packets if is_alone else Packets.joined([self.waiting, packets])

    def hand_on(self, count: int) -> Packets:
        """The first ``count`` packets; blocks that nothing waits in any more count as done."""
        given, self.waiting = self.waiting.rows(slice(count)), self.waiting.rows(slice(count, None))
        self.latest = self.latest[count:]
        if len(self.waiting.offset):
            first = int(self.waiting.offset[0]) // BLOCK_BYTES * BLOCK_BYTES
            done = self.blocks.index(first)
        else:
            done = len(self.blocks)
        self.done += done
        del self.blocks[:done]
        return given


def choose(names: list[str], table: InterfaceTable | None) -> list[Interface]:
    """The interfaces of these names.

    :raises CaptureError: there is none of that name, or ``any`` was named beside others.
    """
    if ANY in names or not names:
        if len(names) > 1:
            raise CaptureError(ANY, Remark("means all interfaces; it cannot be named beside others"))
        return [Interface(ANY, 0, None, None)]
    there: list[Interface] = []
    with contextlib.suppress(OSError):
        there = [] if table is None else table.read(with_addresses=True)
    by_name = {each.name: each for each in there or list_interfaces()}
    for name in names:
        if name not in by_name:
            known = describe_interfaces(list(by_name.values()))
            raise CaptureError(
                name,
                Remark(
                    "there is no such interface; there are: {known}, and {any} for all of them", known=known, any=ANY
                ),
            )
    return [by_name[name] for name in names]


def open_tap(each: Interface, expression: str | None, promiscuous: bool, ring_bytes: int) -> Tap:
    is_any = each.name == ANY
    link = LINUX_SLL2 if is_any or each.link is None else each.link
    ring = PacketRing(
        each.name,
        each.index,
        cooked=link == LINUX_SLL2,
        program=without_echo(_program(each.name, link, expression)),
        promiscuous=promiscuous,
        ring_bytes=ring_bytes,
    )
    return Tap(ring, each.name, link)


def _program(name: str, link: int, expression: str | None) -> Sequence[Instruction]:
    if expression:
        from capanalyzer.capture.pcap_filter import compile_filter

        return compile_filter(expression, name, link)
    if expression == "" or link not in _LINK_BYTES:
        return ACCEPT_ALL
    return shifted(DEFAULT_FILTER, _LINK_BYTES[link])
