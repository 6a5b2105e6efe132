"""A hash table from connection keys to small integers, for whole columns at a time.

Why not a dict: looking up one Python tuple per packet costs more than all other work on that packet.
This is open addressing with linear probing, done for n keys at once: every round compares all keys that
are still undecided with the slot they have reached, and only the undecided ones go on to the next slot.
The load stays under MAX_LOAD, so a handful of rounds decide all of them.

A key is an unordered pair of endpoint values (packets.table), stored sorted as (low, high) and compared
in full: equal hashes are never taken for equal keys. The hash is seeded per table, so that a capture
cannot be made to collide.
"""

from __future__ import annotations

import os
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["KeyTable"]

U64 = NDArray[np.uint64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

MAX_LOAD: Final = 0.7
"""Share of slots in use before the slot array doubles: 4 bytes a slot make 5.7 to 11.4 bytes an entry."""

GROWTH: Final = 5
"""Quarters to which the keys grow."""

_BLOCK: Final = 1 << 16
"""Entries that are given new slots at once: what that takes beside the table stays small."""

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd: spreads neighbouring ports
_THIRTY_ONE: Final = np.uint64(31)


class KeyTable:
    """Maps (low, high) pairs of u64 to entry numbers 1, 2, 3 ... in order of insertion; 0 means absent."""

    def __init__(self, *, seed: int | None = None, capacity: int = 1 << 13) -> None:
        if seed is None:
            drawn = os.urandom(16)
        else:
            from random import Random

            drawn = Random(seed).randbytes(16)  # noqa: S311 - a seed is only given where values must repeat
        # Odd multipliers make multiplication a bijection of u64.
        self._odd_a, self._odd_b = (np.uint64(int.from_bytes(drawn[at : at + 8], "little") | 1) for at in (0, 8))
        self.low: U64 = np.zeros(capacity, np.uint64)
        self.high: U64 = np.zeros(capacity, np.uint64)
        self.count = 0
        self._resize_slots(2 * capacity)

    def __len__(self) -> int:
        return self.count

    def find(self, low: U64, high: U64) -> I32:
        """Entry numbers of n keys, shape (n,); 0 where a key is not in the table."""
        slot = self._hash(low, high)
        entry = self._slots.take(slot)
        result = entry.copy()
        undecided = np.flatnonzero((self.low.take(entry) != low) | (self.high.take(entry) != high))
        undecided = undecided.compress(entry.take(undecided) != 0)
        result[undecided] = 0
        slot = slot.take(undecided)
        while len(undecided):
            slot, undecided = self._probe((slot + 1) & self._mask, undecided, low, high, result)
        return result

    def _probe(self, slot: I64, rows: I64, low: U64, high: U64, result: I32) -> tuple[I64, I64]:
        """One round for ``rows`` standing at ``slot``: writes what is decided, returns what is not."""
        entry = self._slots.take(slot)
        equal = (self.low.take(entry) == low.take(rows)) & (self.high.take(entry) == high.take(rows)) & (entry != 0)
        result[rows.compress(equal)] = entry.compress(equal)
        on = ~equal & (entry != 0)
        return slot.compress(on), rows.compress(on)

    def insert(self, low: U64, high: U64) -> I32:
        """Entry numbers of n keys, shape (n,), with absent ones added. Keys may repeat within the call."""
        self._reserve(len(low))
        result = np.zeros(len(low), np.int32)
        slot = self._hash(low, high)
        rows = np.arange(len(low))
        while len(rows):
            entry = self._slots.take(slot)
            empty = np.flatnonzero(entry == 0)
            if len(empty):
                # Several rows may want one empty slot: all write their position, the last one stays and wins.
                wanted = slot.take(empty)
                self._slots[wanted] = np.arange(len(empty), dtype=np.int32)
                winners = empty.compress(self._slots.take(wanted) == np.arange(len(empty), dtype=np.int32))
                fresh = np.arange(self.count + 1, self.count + 1 + len(winners), dtype=np.int32)
                self._slots[slot.take(winners)] = fresh
                self.low[fresh] = low.take(rows.take(winners))
                self.high[fresh] = high.take(rows.take(winners))
                self.count += len(winners)
                entry = self._slots.take(slot)
            equal = (self.low.take(entry) == low.take(rows)) & (self.high.take(entry) == high.take(rows))
            result[rows.compress(equal)] = entry.compress(equal)
            slot, rows = (slot.compress(~equal) + 1) & self._mask, rows.compress(~equal)
        return result

    def keep(self, entries: I32) -> None:
        """Forget all entries but these; they are renumbered 1 ... len(entries) in the order given."""
        low, high = self.low.take(entries), self.high.take(entries)
        self.count = len(entries)
        self.low[1 : self.count + 1], self.high[1 : self.count + 1] = low, high
        self._resize_slots(len(self._slots))

    def _hash(self, low: U64, high: U64) -> I64:
        mixed = low * self._odd_a
        mixed ^= mixed >> _THIRTY_ONE
        mixed += high * self._odd_b
        mixed ^= mixed >> _THIRTY_ONE
        mixed *= _MULTIPLIER
        mixed >>= self._shift
        return mixed.view(np.int64)

    def _reserve(self, more: int) -> None:
        needed = self.count + 1 + more
        if needed > len(self.low):
            # Where they are: a large array is moved to more pages, not copied.
            size = max(needed, len(self.low) * GROWTH // 4)
            self.low.resize(size, refcheck=False)
            self.high.resize(size, refcheck=False)
        if needed > MAX_LOAD * len(self._slots):
            size = len(self._slots)
            while needed > MAX_LOAD * size:
                size *= 2
            self._resize_slots(size)

    def _resize_slots(self, size: int) -> None:
        self._slots: I32 = np.zeros(size, np.int32)
        self._mask = size - 1
        self._shift = np.uint64(64 - (size.bit_length() - 1))
        for first in range(1, self.count + 1, _BLOCK):
            self._enter(first, min(first + _BLOCK, self.count + 1))

    def _enter(self, first: int, stop: int) -> None:
        """Give the entries ``first`` to ``stop`` their slots."""
        entries = np.arange(first, stop, dtype=np.int32)
        slot = self._hash(self.low[first:stop], self.high[first:stop])
        while len(entries):
            free = self._slots.take(slot) == 0
            # As in insert: of several entries that want one free slot the last stays, the others go on.
            self._slots[slot.compress(free)] = entries.compress(free)
            left = self._slots.take(slot) != entries
            slot, entries = (slot.compress(left) + 1) & self._mask, entries.compress(left)
