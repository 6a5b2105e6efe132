"""The filter of live captures, run by an interpreter of classic BPF over packets of every kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.capture import default_filter
from capanalyzer.capture.bpf import ACCEPT_ALL, ANCILLARY, SNAPLEN, Instruction, shifted, without_echo
from capanalyzer.capture.default_filter import DEFAULT_FILTER
from capanalyzer.capture.linktypes import RAW
from capanalyzer.capture.records import RecordBatch
from capanalyzer.packets.decode import Decoder
from capanalyzer.packets.internet import TUNNEL_PORTS

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "make_filter.py"
IPV4, IPV6 = 0x0800, 0x86DD


def accepts(program: tuple[Instruction, ...] | list[Instruction], packet: bytes, kernel: dict[int, int]) -> int:
    """What the program returns; ``kernel`` has the extensions by their offset. A load beyond the packet ends it."""
    a = x = at = 0
    while True:
        code, jt, jf, k = program[at]
        at += 1
        kind = code & 7
        if kind in (0, 1):
            size = {0x00: 4, 0x08: 2, 0x10: 1}[code & 0x18]
            mode = code & 0xE0
            if k >= ANCILLARY:
                value = kernel[k - ANCILLARY]
            else:
                place = k + (x if mode == 0x40 else 0)
                if mode == 0xA0:
                    size = 1
                if place + size > len(packet):
                    return 0
                value = int.from_bytes(packet[place : place + size], "big")
                if mode == 0xA0:
                    value = 4 * (value & 15)
            if kind == 0:
                a = value
            else:
                x = value
        elif kind == 5:
            test = {0x10: a == k, 0x20: a > k, 0x40: bool(a & k)}[code & 0x70]
            at += jt if test else jf
        else:
            assert kind == 6
            return k


def keeps(kind: int, packet: bytes) -> bool:
    return accepts(DEFAULT_FILTER, packet, {0: kind}) == SNAPLEN


def ip4(protocol: int, payload: bytes, *, fragment: int = 0, options: bytes = b"") -> bytes:
    size = 20 + len(options)
    head = (
        bytes([0x40 | size // 4, 0]) + (size + len(payload)).to_bytes(2, "big") + b"\0\1" + fragment.to_bytes(2, "big")
    )
    return head + bytes([64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]) + options + payload


def ip6(following: int, payload: bytes) -> bytes:
    return bytes([0x60, 0, 0, 0]) + len(payload).to_bytes(2, "big") + bytes([following, 64]) + bytes(32) + payload


def ports(source: int, target: int) -> bytes:
    return source.to_bytes(2, "big") + target.to_bytes(2, "big") + bytes(60)


def test_it_is_what_the_script_makes(tmp_path: Path) -> None:
    """From the decoder's tables as they are now."""
    program = f"import runpy; print(runpy.run_path({str(SCRIPT)!r})['assemble'](), end='')"
    made = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert made == Path(default_filter.__file__).read_text("utf-8")


def test_ip() -> None:
    for build, kind in ((ip4, IPV4), (ip6, IPV6)):
        for protocol in (6, 1, 58, 4, 41, 47):
            assert keeps(kind, build(protocol, bytes(40))), protocol
        for protocol in (50, 132, 2, 89):
            assert not keeps(kind, build(protocol, bytes(40))), protocol
        for protocol in (17, 136):
            assert not keeps(kind, build(protocol, ports(443, 50000)))
            assert not keeps(kind, build(protocol, ports(50000, 53)))
            for port in TUNNEL_PORTS:
                assert keeps(kind, build(protocol, ports(port, 50000)))
                assert keeps(kind, build(protocol, ports(50000, port)))
    assert keeps(IPV4, ip4(17, ports(1, 4789), options=bytes(8)))
    assert not keeps(IPV4, ip4(17, ports(4789, 4789), options=bytes(8))[:28]), "no port to be seen"
    assert keeps(IPV4, ip4(17, bytes(40), fragment=0x2000)), "the first fragment"
    assert keeps(IPV4, ip4(17, bytes(40), fragment=0x0004)), "a later one"
    assert not keeps(IPV4, ip4(17, bytes(40), fragment=0x4000)), "don't fragment"


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        (0x8100, 1),
        (0x88A8, 1),
        (0x8864, 1),
        (0x8847, 1),
        (4, 1),
        (1, 1),
        (0x0806, 0),
        (0x88CC, 0),
        (0x8906, 0),
        (0x88A2, 0),
    ],
)
def test_other_protocols(kind: int, kept: int) -> None:
    assert keeps(kind, bytes(60)) == bool(kept)


@given(
    st.sampled_from([IPV4, IPV6]), st.binary(min_size=40, max_size=120), st.sampled_from([None, 6, 17, 44, 0, 47, 4])
)
@settings(max_examples=300, deadline=None)
def test_it_keeps_whatever_the_decoder_makes_a_row_of(kind: int, noise: bytes, protocol: int | None) -> None:
    packet = bytearray(noise)
    packet[0] = 0x45 if kind == IPV4 else 0x60
    if protocol is not None:
        packet[9 if kind == IPV4 else 6] = protocol
    data = np.frombuffer(bytes(packet), np.uint8)
    one = np.array([0], np.int64)
    size = np.array([len(packet)], np.int64)
    table = Decoder().decode(RecordBatch(data, one, size, size, one, np.array([RAW], np.uint16), 1))
    if len(table.frame) or table.icmp:
        assert keeps(kind, bytes(packet))


def test_behind_a_link_layer_header() -> None:
    """The same program 14 bytes further on; the kernel's extensions stay where they are."""
    program = shifted(DEFAULT_FILTER, 14)
    assert accepts(program, bytes(14) + ip4(17, ports(4789, 1), options=bytes(4)), {0: IPV4}) == SNAPLEN
    assert accepts(program, bytes(14) + ip4(17, ports(53, 1), options=bytes(4)), {0: IPV4}) == 0
    assert accepts(program, bytes(14) + ip6(6, bytes(20)), {0: IPV6}) == SNAPLEN
    assert accepts(program, bytes(14), {0: 0x0806}) == 0


def test_loopback_echoes_are_left_out() -> None:
    program = without_echo(ACCEPT_ALL)
    for hardware, kind, kept in ((772, 4, 0), (772, 0, 1), (1, 4, 1), (1, 0, 1)):
        assert accepts(program, b"", {28: hardware, 4: kind}) == kept * SNAPLEN
