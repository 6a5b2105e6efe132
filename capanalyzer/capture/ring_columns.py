"""From blocks of a ring to columns of packets; what the kernel took out of their bytes is put back.

Two things are not where a capture file has them. A VLAN tag that the interface took off stands in the packet's
header, and in a cooked capture so does everything about the link layer. Both are written in front of the packet, into
room that the ring reserves there: for all packets of a block in a few steps, and the packet itself stays where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.lanes import strided
from capanalyzer.capture.linktypes import ETHERNET, LINUX_SLL2
from capanalyzer.capture.ring_blocks import HEADER_BYTES, Block, find_packets, read_headers

__all__ = ["RESERVE_BYTES", "Packets", "read_blocks"]

RESERVE_BYTES: Final = 32
"""Room that a ring must reserve before each packet."""

_VLAN_VALID: Final = 0x10
_TPID_VALID: Final = 0x40
_DOT1Q: Final = 0x8100
_TAG_BYTES: Final = 4
_ADDRESSES: Final = 12
"""Bytes of an Ethernet header before the place of its tags."""

_COOKED: Final = np.dtype(
    [
        ("protocol", ">u2"),
        ("zero", ">u2"),
        ("index", ">u4"),
        ("hardware", ">u2"),
        ("kind", "u1"),
        ("address_length", "u1"),
        ("address", "V8"),
    ]
)
"""Header of LINKTYPE_LINUX_SLL2 (tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html)."""


class Packets(NamedTuple):
    """Packets in the order of their ring, as columns of shape (n,)."""

    offset: NDArray[np.int64]
    captured: NDArray[np.int64]
    original: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    device: NDArray[np.int64]
    """The kernel's number of each packet's interface."""

    def rows(self, chosen: slice | NDArray[np.int64]) -> Packets:
        """Some of them."""
        return Packets(*[column[chosen] for column in self])

    @classmethod
    def joined(cls, parts: Sequence[Packets]) -> Packets:
        """All of them, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(*[np.concatenate(columns) for columns in zip(*parts, strict=True)])

    @classmethod
    def none(cls) -> Packets:
        """Not one packet."""
        return cls(*[np.empty(0, np.int64) for _ in cls._fields])


def read_blocks(data: NDArray[np.uint8], places: list[int], block_bytes: int, link: int) -> tuple[Packets, int]:
    """The packets of the blocks at ``places``, each of which may be written to.

    :param link: LINKTYPE_ of the ring; LINUX_SLL2 when it is cooked.
    :returns: the packets, and how many more the blocks should have had: those that are not wholly within them.
    """
    view = data.data
    blocks = [Block(view, place, block_bytes) for place in places]
    found = [find_packets(data, block) for block in blocks]
    starts = found[0] if len(found) == 1 else np.concatenate(found)
    heads = read_headers(data, starts)
    mac = heads["mac"].astype(np.int64)
    captured = heads["captured"].astype(np.int64)
    ends = np.repeat(np.array([block.end for block in blocks]), [len(each) for each in found])
    whole = mac >= HEADER_BYTES + _COOKED.itemsize + _TAG_BYTES
    whole &= starts + mac + captured <= ends
    if not whole.all():
        good = np.flatnonzero(whole)
        starts, heads, mac, captured = starts[good], heads[good], mac[good], captured[good]
    lost = sum(block.count for block in blocks) - len(starts)
    original = heads["original"].astype(np.int64)
    offset = starts + mac
    tagged = np.flatnonzero(heads["status"] & _VLAN_VALID)
    if link == LINUX_SLL2:
        offset = _put_cooked(data, offset, heads, tagged)
    elif link == ETHERNET and len(tagged):
        offset = _put_tags(data, offset, heads, tagged)
    added = starts + mac - offset
    captured += added
    original += added
    time_ns = heads["seconds"].astype(np.int64) * 1_000_000_000 + heads["nanoseconds"]
    return Packets(offset, captured, np.maximum(original, captured), time_ns, heads["index"].astype(np.int64)), lost


def _tpid(heads: NDArray[Any]) -> NDArray[np.uint16]:
    """The EtherType of the tags; kernels before 3.14 do not tell it."""
    return np.where(heads["status"] & _TPID_VALID, heads["vlan_tpid"], _DOT1Q).astype(np.uint16)


def _put_tags(
    data: NDArray[np.uint8], offset: NDArray[np.int64], heads: NDArray[Any], tagged: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Move the addresses of tagged Ethernet frames forward and write the tag behind them."""
    old, heads = offset[tagged], heads[tagged]
    new = old - _TAG_BYTES
    addresses = strided(data, f"V{_ADDRESSES}")
    addresses[new] = addresses[old]
    halves = strided(data, ">u2")
    halves[new + _ADDRESSES] = _tpid(heads)
    halves[new + _ADDRESSES + 2] = heads["vlan_tci"]
    offset = offset.copy()
    offset[tagged] = new
    return offset


def _put_cooked(
    data: NDArray[np.uint8], offset: NDArray[np.int64], heads: NDArray[Any], tagged: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Write cooked headers; of a tagged packet, with the tag between header and packet."""
    made = np.zeros(len(offset), _COOKED)
    for name in ("protocol", "index", "hardware", "kind", "address_length", "address"):
        made[name] = heads[name]
    if len(tagged):
        offset = offset.copy()
        offset[tagged] -= _TAG_BYTES
        halves = strided(data, ">u2")
        halves[offset[tagged]] = heads["vlan_tci"][tagged]
        halves[offset[tagged] + 2] = heads["protocol"][tagged]
        made["protocol"][tagged] = _tpid(heads[tagged])
    offset = offset - _COOKED.itemsize
    strided(data, f"V{_COOKED.itemsize}")[offset] = made.view(f"V{_COOKED.itemsize}")
    return offset
