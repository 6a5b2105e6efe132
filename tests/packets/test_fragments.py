"""Reassembly of IP fragments: any order, bounds, overlaps, and positions in ``extra``."""

from __future__ import annotations

import random

import pytest
from scapy.layers.inet import IP, TCP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.packet import Raw

from capanalyzer.packets import fragments
from capanalyzer.packets.fragments import Reassembler
from tests.packets.tables import decode, rows_of

PAYLOAD = bytes(range(256)) * 12
SEGMENT = TCP(sport=40000, dport=443, seq=7, flags="PA") / PAYLOAD
V4 = IP(src="192.0.2.1", dst="192.0.2.2", id=99)


def pieces_of(packet: IP, size: int) -> list[bytes]:
    """Fragments of an IPv4 packet with ``size`` bytes each."""
    return [bytes(piece) for piece in fragment(packet, size)]  # type: ignore[no-untyped-call]  # scapy has no types


PIECES4 = pieces_of(V4 / SEGMENT, 400)
PIECES6 = [
    bytes(piece)
    for piece in fragment6(  # type: ignore[no-untyped-call]  # scapy has no types
        IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrFragment(id=5) / SEGMENT, 500
    )
]


@pytest.mark.parametrize("pieces", [PIECES4, PIECES6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("order", ["forward", "backward", "shuffled", "twice"])
def test_any_order(pieces: list[bytes], order: str) -> None:
    """One row, in the frame that completes the datagram, with the whole payload; and its copy in another batch."""
    pieces = list(pieces)
    if order == "backward":
        pieces.reverse()
    elif order == "shuffled":
        random.Random(4).shuffle(pieces)
    elif order == "twice":
        pieces += pieces
    rows = rows_of(pieces, 101)
    assert [row["frame"] for row in rows] == ([len(pieces) // 2, len(pieces)] if order == "twice" else [len(pieces)])
    assert all(row["payload"] == PAYLOAD for row in rows)
    assert rows[0]["from"] in (bytes([192, 0, 2, 1]), bytes.fromhex("20010db8000000000000000000000001"))
    assert rows == rows_of(pieces, 101, cuts=range(1, len(pieces)))


def test_interleaved_datagrams_keep_apart() -> None:
    """Pieces of datagrams that differ in identification only do not mix."""
    other = pieces_of(IP(src=V4.src, dst=V4.dst, id=100) / TCP(sport=2) / (b"B" * 3000), 400)
    mixed = [piece for pair in zip(PIECES4, other, strict=False) for piece in pair]
    rows = rows_of(mixed + PIECES4[len(other) :] + other[len(PIECES4) :], 101)
    assert sorted(len(row["payload"]) for row in rows) == [3000, 3072]  # type: ignore[arg-type]  # bytes
    assert {bytes([row["payload"][9]]) for row in rows} == {b"\x09", b"B"}  # type: ignore[index]  # bytes


def test_missing_piece_is_given_up_and_told() -> None:
    """Without one piece there is no row; the end of the capture counts the datagram."""
    rows, _, decoder = decode([(0, 101, len(piece), piece) for piece in PIECES4[:-1]])
    assert rows == []
    assert decoder.notes == {}
    assert decoder.finish() == {"fragment-incomplete": 1}


def test_late_piece_does_not_complete() -> None:
    """Pieces more than 60 seconds apart in capture time belong to different datagrams."""
    times = [0] * (len(PIECES4) - 1) + [fragments.TIMEOUT_NS + 1]
    rows, _, decoder = decode([(t, 101, len(piece), piece) for t, piece in zip(times, PIECES4, strict=True)])
    assert rows == []
    assert decoder.finish() == {"fragment-incomplete": 2}


def test_cut_first_fragment_shows_its_header() -> None:
    """A fragment cut by the snap length cannot be joined; the first one still gives a row, as in Wireshark."""
    rows, _, decoder = decode([(0, 101, len(piece), piece[:60]) for piece in PIECES4])
    assert [(row["frame"], row["source_port"], row["captured"]) for row in rows] == [(1, 40000, 20)]
    assert decoder.notes == {"fragment-cut": len(PIECES4)}


def add(reassembler: Reassembler, offset: int, piece: bytes, more: bool = True, key: bytes = b"k") -> bytes | None:
    return reassembler.add(key, offset, more, piece, 0, NOTES)


NOTES: dict[str, int] = {}


@pytest.fixture(autouse=True)
def _fresh_notes() -> None:
    NOTES.clear()


def test_overlap_keeps_the_lower_offset() -> None:
    """Conflicting overlap: the bytes of the fragment that begins earlier, noted once."""
    reassembler = Reassembler()
    assert add(reassembler, 8, b"BBBBBBBB" * 2, more=False) is None
    assert add(reassembler, 0, b"AAAAAAAA" * 2) == b"A" * 16 + b"B" * 8
    assert NOTES == {"fragment-overlap": 1}


def test_equal_overlap_is_no_conflict() -> None:
    """A fragment sent twice is not noted."""
    reassembler = Reassembler()
    add(reassembler, 0, b"A" * 16)
    add(reassembler, 8, b"A" * 8)
    assert add(reassembler, 16, b"B" * 4, more=False) == b"A" * 16 + b"BBBB"
    assert NOTES == {}


@pytest.mark.parametrize("pieces", [PIECES4, PIECES6], ids=["ipv4", "ipv6"])
def test_each_fragment_twice(pieces: list[bytes]) -> None:
    """A mirrored port: copies that come after the datagram was whole are no datagram with a piece missing."""
    doubled = [piece for piece in pieces for _ in range(2)]
    rows, _, decoder = decode([(0, 101, len(piece), piece) for piece in doubled])
    assert [row["frame"] for row in rows] == [len(doubled) - 1]
    assert decoder.finish() == {}


def test_echo_does_not_mix_with_the_next_datagram() -> None:
    """A last fragment that comes again is not joined with the datagram that has its identification next."""
    other = pieces_of(V4 / TCP(sport=2) / (b"B" * len(PAYLOAD)), 400)
    rows, _, decoder = decode([(0, 101, len(piece), piece) for piece in [*PIECES4, PIECES4[-1], *other]])
    assert [row["payload"] for row in rows] == [PAYLOAD, b"B" * len(PAYLOAD)]
    assert decoder.finish() == {}


def test_half_of_a_copy_differs() -> None:
    """A datagram that begins like the one before it is its own: what is missing of it is told."""
    reassembler = Reassembler()
    add(reassembler, 0, b"A" * 8)
    assert add(reassembler, 8, b"B" * 8, more=False) is not None
    add(reassembler, 8, b"C" * 8, more=False)
    reassembler.finish(NOTES)
    assert NOTES == {"fragment-incomplete": 1}


def test_completed_payload_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest completed datagrams are remembered; the copy of an older fragment counts as one of its own."""
    monkeypatch.setattr(fragments, "MAX_COMPLETED_BYTES", 2 * fragments._COMPLETED_ENTRY + 40)
    reassembler = Reassembler()
    for n in range(3):
        add(reassembler, 0, b"A" * 8, key=bytes([n]))
        assert add(reassembler, 8, b"B" * 8, more=False, key=bytes([n])) is not None
    for n in range(3):
        add(reassembler, 8, b"B" * 8, more=False, key=bytes([n]))
    reassembler.finish(NOTES)
    assert NOTES == {"fragment-incomplete": 1}


def test_completed_payloads_of_a_few_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an entry takes beside its payload counts too."""
    monkeypatch.setattr(fragments, "MAX_COMPLETED_BYTES", 10_000)
    reassembler = Reassembler()
    for number in range(500):
        key = number.to_bytes(4, "big")
        assert reassembler.add(key, 0, True, bytes(8), 0, {}) is None
        assert reassembler.add(key, 8, False, b"x", 0, {}) == bytes(8) + b"x"
    assert len(reassembler._completed) < 40


def test_teardrop() -> None:
    """A fragment inside another, and one beyond the last, write nothing outside the datagram."""
    reassembler = Reassembler()
    add(reassembler, 0, b"A" * 40)
    add(reassembler, 200, b"Z" * 8)
    assert add(reassembler, 24, b"B" * 4, more=False) is not None
    assert add(reassembler, 65528, b"C" * 16, key=b"other") is None
    assert NOTES["malformed-ip"] == 1


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Datagrams, bytes and pieces are capped; what is pushed out is counted."""
    monkeypatch.setattr(fragments, "MAX_DATAGRAMS", 3)
    reassembler = Reassembler()
    for n in range(10):
        add(reassembler, 0, b"x" * 8, key=bytes([n]))
    assert NOTES == {"fragment-incomplete": 7}
    NOTES.clear()
    monkeypatch.setattr(fragments, "MAX_BYTES", 100)
    reassembler = Reassembler()
    for n in range(3):
        add(reassembler, 0, b"x" * 48, key=bytes([n]))
    assert NOTES == {"fragment-incomplete": 1}
    NOTES.clear()
    monkeypatch.setattr(fragments, "MAX_PIECES", 5)
    for _ in range(5):
        add(reassembler, 0, b"x" * 8, key=b"many")
    assert NOTES["fragment-incomplete"] == 2 or NOTES == {"fragment-incomplete": 1}


def test_fragment_inside_a_tunnel() -> None:
    """Fragments of a tunnel packet: the inner segment's positions point into the joined bytes."""
    inner = IP(src="203.0.113.1", dst="203.0.113.2") / TCP(sport=5, dport=6) / Raw(PAYLOAD)
    pieces = pieces_of(IP(src="192.0.2.1", dst="192.0.2.2", id=3) / inner, 800)
    rows = rows_of(pieces, 101)
    assert [row["from"] for row in rows] == [bytes([203, 0, 113, 1])]
    assert rows[0]["payload"] == PAYLOAD
