"""Walking a ring's blocks: made blocks, whole and hostile."""

from __future__ import annotations

import random
import struct
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.capture.linktypes import ETHERNET, LINUX_SLL2
from capanalyzer.capture.ring_blocks import Block, find_packets, read_headers, walk_plainly
from capanalyzer.capture.ring_columns import read_blocks

BLOCK_BYTES = 1 << 18
T0 = 1_700_000_000
MAC = 114
"""Where the kernel puts a frame behind its header on Ethernet, with 32 bytes reserved."""


def block(packets: list[bytes], *, mac: int = MAC, status: int = 1, tci: int = 0, tpid: int = 0) -> np.ndarray:
    """As the kernel fills one."""
    data = np.zeros(BLOCK_BYTES, np.uint8)
    place = first = 48
    for number, packet in enumerate(packets):
        size = mac + len(packet) + 7 & -8
        following = size if number < len(packets) - 1 else 0
        lengths = (len(packet), len(packet) + number)
        struct.pack_into("=6I2H", data.data, place, following, T0 + number, 5, *lengths, status, mac, mac + 14)
        struct.pack_into("=IIHH", data.data, place + 28, 0, tci, tpid, 0)
        struct.pack_into("=H", data.data, place + 48, 17)
        struct.pack_into(">H", data.data, place + 50, 0x0800)
        struct.pack_into("=iHBB8s", data.data, place + 52, 3, 1, 4, 6, b"\x02\0\0\0\0\x0a\0\0")
        data[place + mac : place + mac + len(packet)] = np.frombuffer(packet, np.uint8)
        place += size
    struct.pack_into("=8xIIII", data.data, 0, 1, len(packets), first, place)
    return data


def some(count: int, seed: int, largest: int = 500) -> list[bytes]:
    chance = random.Random(seed)
    return [chance.randbytes(chance.randint(14, largest)) for _ in range(count)]


@given(st.integers(1, 400), st.integers(0, 1 << 30), st.sampled_from([20, 100]))
@settings(max_examples=50, deadline=None)
def test_packets_are_where_the_chain_leads(count: int, seed: int, largest: int) -> None:
    packets = some(count, seed, largest)
    data = block(packets)
    told = Block(data.data, 0, BLOCK_BYTES)
    found = find_packets(data, told)
    assert found.tolist() == walk_plainly(data, told)
    assert len(found) == count
    got, lost = read_blocks(data, [0], BLOCK_BYTES, ETHERNET)
    assert lost == 0
    rows = zip(got.offset.tolist(), got.captured.tolist(), strict=True)
    assert [bytes(data[at : at + size]) for at, size in rows] == packets
    assert got.original.tolist() == [len(packet) + number for number, packet in enumerate(packets)]
    assert got.time_ns.tolist() == [(T0 + number) * 10**9 + 5 for number in range(count)]


@given(st.integers(0, 1 << 30))
@settings(max_examples=30, deadline=None)
def test_payload_that_looks_like_headers(seed: int) -> None:
    """Bytes like those of a header, at the places where one may be: the packets are the same."""
    header = bytes(block([b"x" * 60])[48 : 48 + 68])
    packets = [b"\0" * 6 + header * 4 if random.Random(seed + n).random() < 0.3 else b"y" * 70 for n in range(120)]
    data = block(packets)
    told = Block(data.data, 0, BLOCK_BYTES)
    assert find_packets(data, told).tolist() == walk_plainly(data, told)
    assert len(find_packets(data, told)) == 120


@given(st.integers(0, 1 << 30), st.lists(st.tuples(st.integers(0, BLOCK_BYTES - 1), st.integers(0, 255)), max_size=40))
@settings(max_examples=150, deadline=None)
def test_damaged_blocks_stay_within_themselves(seed: int, damage: list[tuple[int, int]]) -> None:
    """Whatever a block says: nothing outside it is handed on, both ways of walking agree, nothing is raised."""
    data = np.concatenate([block(some(150, seed, 100)), block(some(5, seed + 1))])
    for place, value in damage:
        data[place % 3000 if place % 2 else place] = value
    told = Block(data.data, 0, BLOCK_BYTES)
    found = find_packets(data, told)
    assert found.tolist() == walk_plainly(data, told)
    assert len(read_headers(data, found)) == len(found)
    for link in (ETHERNET, LINUX_SLL2):
        got, lost = read_blocks(data.copy(), [0], BLOCK_BYTES, link)
        assert lost == told.count - len(got.offset)
        assert lost >= 0
        if len(got.offset):
            assert got.offset.min() >= 0
            assert (got.offset + got.captured).max() <= BLOCK_BYTES
            assert (got.captured <= got.original).all()


def test_numbers_at_their_edges() -> None:
    for at, value in ((12, 0xFFFFFFFF), (16, 0xFFFFFFFF), (20, 0xFFFFFFFF), (12, 0), (20, 17), (16, 7)):
        data = block(some(100, 3))
        struct.pack_into("=I", data.data, at, value)
        told = Block(data.data, 0, BLOCK_BYTES)
        assert find_packets(data, told).tolist() == walk_plainly(data, told)


def rows_of(data: np.ndarray, got: Any) -> list[bytes]:
    rows = zip(got.offset.tolist(), got.captured.tolist(), strict=True)
    return [bytes(data[at : at + size]) for at, size in rows]


def test_tags_are_put_back() -> None:
    """What the status says, and 802.1Q where an old kernel does not tell which kind of tag it was."""
    packets = [packet[:60].ljust(60, b"z") for packet in some(100, 4)]
    for status, tpid, expected in ((0x51, 0x88A8, b"\x88\xa8\x20\x05"), (0x11, 0, b"\x81\x00\x20\x05")):
        data = block(packets, status=status, tci=0x2005, tpid=tpid)
        got, _ = read_blocks(data, [0], BLOCK_BYTES, ETHERNET)
        assert rows_of(data, got) == [packet[:12] + expected + packet[12:] for packet in packets]
        assert got.original.tolist() == [64 + number for number in range(100)]


def test_cooked_headers() -> None:
    packets = some(100, 5)
    plain, tagged = (block(packets, mac=128, status=status, tci=7, tpid=0x8100) for status in (1, 0x51))
    rest = bytes.fromhex("0000 00000003 0001 04 06 02000000000a0000")
    got, _ = read_blocks(plain, [0], BLOCK_BYTES, LINUX_SLL2)
    assert rows_of(plain, got) == [b"\x08\x00" + rest + packet for packet in packets]
    assert got.device.tolist() == [3] * 100
    got, _ = read_blocks(tagged, [0], BLOCK_BYTES, LINUX_SLL2)
    assert rows_of(tagged, got) == [b"\x81\x00" + rest + b"\x00\x07\x08\x00" + packet for packet in packets]
