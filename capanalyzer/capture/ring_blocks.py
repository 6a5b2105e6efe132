"""Blocks of a TPACKET_V3 ring: where their packets are, and the packets' headers as columns.

A block (linux/if_packet.h, Documentation/networking/packet_mmap.rst) begins with a ``tpacket_block_desc``; packets
follow, each with a ``tpacket3_hdr`` (48 bytes), a ``sockaddr_ll`` (20) and, from ``tp_mac`` on, its bytes. A header
says how far it is to the next: a chain, which plain Python follows at some 100 ns a packet.

Nearly all packets of a block have their bytes equally far behind their headers, so the two numbers ``tp_mac`` and
``tp_net`` are a mark, at places that are multiples of eight, which one comparison finds in the whole block. Payload may
look the same, so nothing rests on it: the places found are taken when each leads exactly to the next and their number
is the block's; otherwise the chain is followed plainly. Either way the packets are those of the plain walk. The
comparison takes 40 to 120 µs for a block of 1 MB, by whose cache it is in: 10 ns for each of its small packets.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.lanes import strided

__all__ = ["HEADER", "HEADER_BYTES", "Block", "find_packets", "read_headers", "walk_plainly"]

_DESCRIPTION: Final = Struct("=8xIIII")
"""tpacket_block_desc: version, offset of private data, then status, packets, offset of the first, bytes used."""

_FIELDS: Final = {
    "next": (0, "=u4"),
    "seconds": (4, "=u4"),
    "nanoseconds": (8, "=u4"),
    "captured": (12, "=u4"),
    "original": (16, "=u4"),
    "status": (20, "=u4"),
    "mac": (24, "=u2"),
    "vlan_tci": (32, "=u4"),
    "vlan_tpid": (36, "=u2"),
    "protocol": (50, ">u2"),
    "index": (52, "=i4"),
    "hardware": (56, "=u2"),
    "kind": (58, "u1"),
    "address_length": (59, "u1"),
    "address": (60, "V8"),
}

HEADER: Final = np.dtype(
    {
        "names": list(_FIELDS),
        "offsets": [at for at, _ in _FIELDS.values()],
        "formats": [form for _, form in _FIELDS.values()],
        "itemsize": 68,
    }
)
"""tpacket3_hdr and the sockaddr_ll behind it, in the machine's byte order but for the protocol."""

HEADER_BYTES: Final = HEADER.itemsize
_MARK_AT: Final = 24
"""Bytes of a header before ``tp_mac`` and ``tp_net``."""
_ALIGNMENT: Final = 8
"""Headers begin at multiples of this (the kernel's V3_ALIGNMENT)."""
_FEW: Final = 64
"""Packets for which the plain walk is as quick."""


class Block:
    """What a block's description says, read once."""

    __slots__ = ("count", "end", "first", "place")

    def __init__(self, view: memoryview, place: int, size: int) -> None:
        """The block of ``size`` bytes that begins at ``place``."""
        self.place = place
        _, self.count, first, used = _DESCRIPTION.unpack_from(view, place)
        self.first = place + first
        self.end = place + min(max(used, first), size)
        """Nothing of a packet lies behind it."""


def find_packets(data: NDArray[np.uint8], block: Block) -> NDArray[np.int64]:
    """Where in ``data`` the packet headers of a block begin, in order: what :func:`walk_plainly` finds, sooner.

    :returns: shape (n,), int64; less than ``block.count`` when the chain leaves the block.
    """
    if block.count > _FEW and not block.first % _ALIGNMENT and block.first + HEADER_BYTES <= block.end:
        found = _find_marked(data, block)
        if found is not None:
            return found
    return np.array(walk_plainly(data, block), np.int64)


def walk_plainly(data: NDArray[np.uint8], block: Block) -> list[int]:
    """Follow the chain header by header, as long as it stays within the block and moves forward."""
    words = data[: len(data) & -4].data.cast("I")
    found: list[int] = []
    keep = found.append
    place, last = block.first, block.end - HEADER_BYTES
    for _ in range(min(block.count, (block.end - block.place) // HEADER_BYTES)):
        if place > last or place & _ALIGNMENT - 1:
            break
        keep(place)
        step = words[place >> 2]
        if step < HEADER_BYTES:
            break
        place += step
    return found


def _find_marked(data: NDArray[np.uint8], block: Block) -> NDArray[np.int64] | None:
    """The places of the first packet's mark, when they prove to be the chain; None when they do not."""
    words = data[block.first : block.end][: (block.end - block.first) & -_ALIGNMENT].view(np.uint64)
    # Eight bytes: tp_mac, tp_net, and a hash that is zero because nobody asked for it.
    marks = words[_MARK_AT // 8 :]
    starts: NDArray[np.int64] = np.flatnonzero(marks == marks[0])
    if len(starts) != block.count:
        return None
    steps = words.view(np.uint32)[starts[:-1] * 2]
    starts = starts * _ALIGNMENT + block.first
    if not (starts[:-1] + steps == starts[1:]).all() or (steps < HEADER_BYTES).any():
        return None
    return starts if int(starts[-1]) + HEADER_BYTES <= block.end else None


def read_headers(data: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[Any]:
    """The headers at ``starts``, each at most ``len(data) - HEADER_BYTES``: a copy of dtype HEADER, shape (n,)."""
    return strided(data, f"V{HEADER_BYTES}")[starts].view(HEADER)
