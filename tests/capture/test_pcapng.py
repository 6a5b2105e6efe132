"""pcapng: sections, interfaces, every kind of block."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.capture import lanes
from capanalyzer.capture import pcapng as reader_module
from capanalyzer.capture.linktypes import NOT_A_PACKET
from capanalyzer.capture.timestamps import Resolution
from tests.capture.builders import block, epb, interface, many, option, pcapng, read_bytes, section

orders = st.sampled_from(["<", ">"])


def eager(patch: pytest.MonkeyPatch) -> None:
    """Lanes from the first kilobyte of a section on."""
    patch.setattr(reader_module, "_PLAIN_BYTES", 256)
    patch.setattr(lanes, "LANES_FROM_BYTES", 256)
    patch.setattr(lanes, "_SAMPLE_BYTES", 128)
    patch.setattr(lanes, "_FEW_RECORDS", 1)
    patch.setattr(lanes, "_RECORDS_PER_LANE", 3)
    patch.setattr(lanes, "_FEW_LANES", 1)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Sections of both byte orders, interfaces that come late, all kinds of blocks between the packets."""
    out = []
    for _ in range(draw(st.integers(1, 3))):
        order = draw(orders)
        out.append(section(order, option(order, 1, b"hello")))
        interfaces = 0
        for _ in range(draw(st.integers(0, 40))):
            kind = draw(st.sampled_from(["epb"] * 12 + ["idb", "spb", "pb", "isb", "nrb", "dsb", "custom", "sysdig"]))
            data = draw(st.binary(max_size=40)) + draw(st.sampled_from([b"", b"\x06\0\0\0\x2c\0\0\0" * 9]))
            stamp = draw(st.integers(0, 2**60))
            if kind == "idb" or not interfaces:
                resolution = draw(st.sampled_from([6, 9, 3, 0x8A, 0x9E]))
                options = option(order, 9, bytes([resolution])) + option(order, 14, struct.pack(f"{order}q", -5))
                out.append(interface(order, draw(st.sampled_from([1, 113, 276])), 0, options))
                interfaces += 1
            elif kind == "epb":
                number = draw(st.integers(0, interfaces - 1))
                extra = draw(st.sampled_from([b"", option(order, 1, b"why")]))
                out.append(epb(order, stamp, data, len(data) + 1, number, extra))
            elif kind == "spb":
                out.append(block(order, 3, struct.pack(f"{order}I", len(data)) + data))
            elif kind == "pb":
                head = struct.pack(f"{order}2H4I", 0, 7, stamp >> 32, stamp & 0xFFFFFFFF, len(data), len(data))
                out.append(block(order, 2, head + data))
            elif kind == "isb":
                drop = option(order, 5, struct.pack(f"{order}Q", 3))
                out.append(block(order, 5, struct.pack(f"{order}3I", 0, 0, 0) + drop))
            elif kind == "dsb":
                out.append(block(order, 10, struct.pack(f"{order}2I", 0x544C534B, len(data)) + data))
            elif kind == "sysdig":
                out.append(block(order, 0x204, struct.pack(f"{order}HQQIH", 0, stamp, 1, 22, 1)))
            else:
                out.append(block(order, 0xBAD if kind == "custom" else 4, bytes(16)))
    return b"".join(out)


@settings(max_examples=150, deadline=None)
@given(file=files(), batch_bytes=st.integers(1, 3000), cut=st.integers(0, 60))
def test_lanes_and_batches_change_nothing(file: bytes, batch_bytes: int, cut: int) -> None:
    """Lanes or not, whatever the window: the same packets, sums and warnings."""
    file = file[: max(12, len(file) - cut)]
    plain = read_bytes(file)
    with pytest.MonkeyPatch.context() as patch:
        eager(patch)
        assert read_bytes(file) == plain
        assert read_bytes(file, batch_bytes) == plain
    assert read_bytes(file, batch_bytes) == plain


@pytest.mark.parametrize("order", ["<", ">"])
def test_long_file(order: str) -> None:
    """Many packets through the lanes as they are by default."""
    packets = many(6000)
    result = read_bytes(pcapng(packets, order), 1 << 20)
    assert result.packets == packets
    assert result.info.warnings == []


@settings(max_examples=300, deadline=None)
@given(
    resolution=st.integers(0, 255),
    offset=st.one_of(st.just(0), st.integers(-(2**63), 2**63 - 1), st.integers(-(2**33), 2**33)),
    stamps=st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 2**40)), max_size=8),
)
def test_time_stamps_are_exact(resolution: int, offset: int, stamps: list[int]) -> None:
    """Column and single time stamp agree, and with exact arithmetic."""
    unit = Resolution.from_options(resolution, offset)
    base = 2 if resolution & 0x80 else 10
    exact = [stamp * 10**9 // base ** (resolution & 0x7F) + offset * 10**9 for stamp in stamps]
    clamped = [max(-(2**63), min(value, 2**63 - 1)) for value in exact]
    assert [unit.to_ns(stamp) for stamp in stamps] == clamped
    assert unit.column_to_ns(np.array(stamps, np.uint64)).tolist() == clamped


def test_simple_packets_have_no_time() -> None:
    """A simple packet takes the time before it, and is cut to the snap length; first and last ignore it."""
    data = (
        section()
        + interface(snaplen=5)
        + block("<", 3, struct.pack("<I", 9) + b"abcde")
        + epb("<", 7_000_000, b"x", 1)
        + block("<", 3, struct.pack("<I", 3) + b"abc")
    )
    result = read_bytes(data)
    assert [(p.time_ns, p.data, p.original) for p in result.packets] == [
        (0, b"abcde", 9),
        (7 * 10**9, b"x", 1),
        (7 * 10**9, b"abc", 3),
    ]
    assert (result.info.first_ns, result.info.last_ns) == (7 * 10**9, 7 * 10**9)
    assert len(result.info.warnings) == 1


def test_drop_counters_run_up() -> None:
    """The last counters of each interface count."""

    def isb(number: int, ifdrop: int, osdrop: int) -> bytes:
        options = option("<", 5, struct.pack("<Q", ifdrop)) + option("<", 7, struct.pack("<Q", osdrop))
        return block("<", 5, struct.pack("<3I", number, 0, 0) + options)

    data = section() + interface() + interface() + isb(0, 1, 1) + isb(1, 10, 0) + isb(0, 3, 2) + isb(7, 99, 99)
    assert read_bytes(data).info.dropped_packets == 15


def test_secrets_and_comments_are_kept() -> None:
    secret = block("<", 10, struct.pack("<2I", 0x544C534B, 5) + b"12345")
    info = read_bytes(section("<", option("<", 1, b"caf\xc3\xa9")) + secret).info
    assert info.secrets == [(0x544C534B, b"12345")]
    assert info.comments == ["café"]


def test_interfaces_are_forgotten_with_their_section() -> None:
    """A packet of an interface that this section did not describe is damage."""
    data = section() + interface() + epb("<", 1, b"a", 1) + section(">") + epb(">", 1, b"b", 1)
    result = read_bytes(data)
    assert len(result.packets) == 1
    assert "interface 0, which was not described" in result.info.warnings[0]


def test_too_many_interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Interfaces above the cap are told, and their packets counted but not decoded."""
    from capanalyzer.capture import pcapng_blocks

    monkeypatch.setattr(pcapng_blocks, "_MOST_INTERFACES", 2)
    data = section() + interface() * 3 + epb("<", 1, b"a", 1, 1) + epb("<", 1, b"a", 1, 2)
    result = read_bytes(data)
    assert result.links == [1, NOT_A_PACKET]
    assert len(result.info.warnings) == 1


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (struct.pack("<3I", 6, 8, 8), "a block of 8 bytes"),
        (struct.pack("<2I", 6, 0xFFFFFFF0) + bytes(8), "a block of 4,294,967,280 bytes"),
        (struct.pack("<2I", 99, 16) + bytes(4) + struct.pack("<I", 20), "the two lengths of a block differ"),
        (block("<", 6, struct.pack("<5I", 0, 0, 0, 99, 99) + b"abcd"), "a packet of 99 bytes in a block"),
        (section(version=(7, 0)), "version 7.0"),
        (b"\x0a\x0d\x0d\x0a" + bytes(24), "no section header"),
    ],
)
def test_damage(damage: bytes, says: str) -> None:
    """Damage ends the capture with one sentence that says where."""
    good = section() + interface() + epb("<", 1, b"a", 1)
    result = read_bytes(good + damage + epb("<", 1, b"b", 1))
    assert len(result.packets) == 1
    (warning,) = result.info.warnings
    assert says in warning
    assert f"at byte {len(good)} (record 2" in warning


def test_every_prefix() -> None:
    packets = many(5)
    whole = pcapng(packets)
    for cut in range(12, len(whole), 5):
        result = read_bytes(whole[:cut], 50)
        assert result.packets == packets[: len(result.packets)]
        assert len(result.info.warnings) <= 1


@settings(max_examples=200, deadline=None)
@given(st.integers(12 * 8, 8 * 800 - 1))
def test_bit_flips_never_raise(bit: int) -> None:
    data = bytearray(pcapng(many(8))[:800])
    data[bit >> 3 if bit >> 3 < len(data) else -1] ^= 1 << (bit & 7)
    read_bytes(bytes(data))


KINDS = {"journal": 9, "custom": 0xBAD, "custom-nocopy": 0x40000BAD, "unknown": 0x123, "nrb": 4} | {
    f"sysdig-{kind:x}": kind for kind in (0x204, 0x208, 0x216, 0x217, 0x221, 0x222)
}


@pytest.mark.parametrize("name", list(KINDS))
def test_frames_as_tshark_counts_them(name: str, tshark: str, tmp_path: Path) -> None:
    """Blocks that are no packets are numbered as frames where tshark does so."""
    kind = KINDS[name]
    body = struct.pack("<HQQIHI", 0, 5 * 10**9, 1, 28, 1, 0) + bytes(8)
    if name == "journal":
        body = b"__CURSOR=s\n__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=hello world\n"
    elif kind & 0xFFF == 0xBAD:
        body = struct.pack("<I", 32473) + b"data" * 3
    elif name == "nrb":
        body = bytes(4)
    data = section() + interface() + epb("<", 1, b"a" * 20, 20) + block("<", kind, body) + epb("<", 2, b"b" * 20, 20)
    path = tmp_path / "x.pcapng"
    path.write_bytes(data)
    command = [tshark, "-n", "-r", str(path), "-T", "fields", "-e", "frame.number"]
    frames = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    result = read_bytes(data)
    assert result.frames == [int(frame) for frame in frames]
    assert result.links[-1] == 1
