"""Live capture from real interfaces, in a namespace of their own, with tcpdump as the second witness."""

from __future__ import annotations

import dataclasses
import errno
import os
import random
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capanalyzer.capture import interface_losses, live_interface
from capanalyzer.capture.interfaces import Interface, InterfaceTable
from capanalyzer.capture.linktypes import ETHERNET, LINUX_SLL2
from capanalyzer.capture.live_interface import RING_BYTES, InterfaceSource
from capanalyzer.capture.packet_ring import BLOCK_BYTES, RETIRE_MS
from capanalyzer.errors import CaptureError
from tests.capture.namespaces import (
    LEFT,
    PATIENCE_S,
    RIGHT,
    Got,
    cable,
    collect,
    missing,
    namespace,
    run,
    tcpdump,
    wait_for_carrier,
)

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

A, B = bytes.fromhex("02000000000a"), bytes.fromhex("02000000000b")
CLOCKS_APART_NS = 2_000_000_000
"""Two programs' stamps of one packet differ by less, however busy the machine."""


@pytest.fixture(autouse=True)
def network() -> Iterator[None]:
    with namespace():
        yield


def ip4(protocol: int, payload: bytes, source: str = "192.0.2.1", target: str = "192.0.2.2") -> bytes:
    head = bytes([0x45, 0]) + (20 + len(payload)).to_bytes(2, "big") + bytes([0, 1, 0, 0, 64, protocol, 0, 0])
    return head + socket.inet_aton(source) + socket.inet_aton(target) + payload


def tcp(payload: bytes, port: int = 40000) -> bytes:
    return (
        port.to_bytes(2, "big") + (443).to_bytes(2, "big") + bytes(8) + bytes([0x50, 0x10, 1, 0, 0, 0, 0, 0]) + payload
    )


def udp(payload: bytes, target: int = 53) -> bytes:
    return (
        (40000).to_bytes(2, "big")
        + target.to_bytes(2, "big")
        + (8 + len(payload)).to_bytes(2, "big")
        + b"\0\0"
        + payload
    )


def ethernet(kind: int, payload: bytes, *tags: tuple[int, int]) -> bytes:
    shim = b"".join(tpid.to_bytes(2, "big") + tci.to_bytes(2, "big") for tpid, tci in tags)
    return A + B + shim + kind.to_bytes(2, "big") + payload


def frames(count: int, seed: int = 1) -> list[bytes]:
    """Frames of many kinds and sizes, each unlike the others."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        payload = number.to_bytes(4, "big") + chance.randbytes(chance.choice([0, 10, 100, 700, 1380]))
        packet = ip4(6, tcp(payload))
        made.append(
            chance.choice(
                [
                    ethernet(0x0800, packet),
                    ethernet(0x0800, packet),
                    ethernet(0x0800, packet, (0x8100, 0x6005)),
                    ethernet(0x0800, packet, (0x88A8, 100), (0x8100, 7)),
                    ethernet(0x0806, payload + bytes(28)),
                    ethernet(0x0800, ip4(17, udp(payload))),
                ]
            )
        )
    return made


def watch(names: list[str], **options: Any) -> closing[InterfaceSource]:
    """A source that is closed in the end."""
    return closing(InterfaceSource(names, **options))


def send(name: str, packets: list[bytes]) -> None:
    with cable() as put:
        put(name, packets)


def test_an_interface_gives_what_tcpdump_writes(tmp_path: Path) -> None:
    """Bytes, lengths, order, times; tags too, which the kernel takes off before it hands a packet over."""
    sent = frames(3000)
    with watch([LEFT], expression="") as source:
        with tcpdump(LEFT, tmp_path / "witness.pcap") as wait:
            send(RIGHT, sent)
            got = collect(source, len(sent))
            witness = wait(len(sent))
        assert [each.data for each in got] == sent
        assert [each.data for each in witness] == sent
        assert [each.original for each in got] == [len(each) for each in sent]
        assert [each.frame for each in got] == list(range(1, len(sent) + 1))
        assert {each.link for each in got} == {ETHERNET}
        apart = np.array([ours.time_ns - theirs.time_ns for ours, theirs in zip(got, witness, strict=True)])
        assert abs(apart).max() < CLOCKS_APART_NS
        assert source.info.packets == len(sent)
        assert source.info.bytes == sum(map(len, sent))
        assert source.now_ns() >= got[-1].time_ns
        assert source.drops().ring == 0


def test_what_leaves_is_seen_too() -> None:
    """On the sending side a tag is still among the bytes."""
    packets = [ethernet(0x0800, ip4(6, tcp(b"out"))), ethernet(0x0800, ip4(6, tcp(b"tagged")), (0x8100, 9))]
    with watch([LEFT]) as source:
        send(LEFT, packets)
        assert [each.data for each in collect(source, 2)] == packets


def test_any_gives_cooked_packets_of_all_interfaces(tmp_path: Path) -> None:
    """As tcpdump writes them; and the tag of a tagged one stands behind the cooked header."""
    plain = [packet for packet in frames(400) if packet[12:14] not in (b"\x81\x00", b"\x88\xa8")]
    with watch(["any"], expression="") as source:
        with tcpdump("any", tmp_path / "witness.pcap") as wait:
            send(RIGHT, plain)
            got = collect(source, 2 * len(plain))
            witness = wait(len(got))
        assert {each.link for each in witness} == {LINUX_SLL2}
        assert [each.data for each in got] == [each.data for each in witness]
        assert [each.original for each in got] == [each.original for each in witness]
        assert {source.info.interfaces[each.interface or 0] for each in got} == {LEFT, RIGHT}
        send(RIGHT, [ethernet(0x0800, ip4(6, tcp(b"tagged")), (0x8100, 0x2064))])
        tagged = [each.data for each in collect(source, 2) if each.data[10] != 4]  # the one that came in
        assert tagged[0][:2] == b"\x81\x00"
        assert tagged[0][20:24] == b"\x20\x64\x08\x00"
        assert tagged[0][24:] == ip4(6, tcp(b"tagged"))


@pytest.mark.parametrize("name", ["lo", "any"])
def test_loopback_packets_are_seen_once(name: str) -> None:
    with watch([name], expression="") as source:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to,
        ):
            to.bind(("127.0.0.1", 0))
            for number in range(20):
                out.sendto(b"number %d" % number, to.getsockname())
        got = collect(source, 20)
        assert [each.data[-10:].partition(b"n")[2] for each in got] == [b"umber %d" % number for number in range(20)]
        assert source.read(0.3) is None


@pytest.mark.parametrize("name", [LEFT, "any"])
def test_the_default_filter_keeps_what_matters(name: str) -> None:
    keep = [
        ethernet(0x0800, ip4(6, tcp(b"tcp"))),
        ethernet(0x0800, ip4(1, b"\x03\x01" + bytes(30))),
        ethernet(0x0800, ip4(17, udp(b"inside", 4789))),
        ethernet(0x0800, ip4(6, tcp(b"tagged")), (0x8100, 5)),
        ethernet(0x8864, bytes(40)),
    ]
    leave = [
        ethernet(0x0800, ip4(17, udp(b"query"))),
        ethernet(0x0806, bytes(28)),
        ethernet(0x0800, ip4(50, bytes(40))),
    ]
    with watch([name]) as source:
        send(RIGHT, [leave[0], keep[0], leave[1], *keep[1:3], leave[2], *keep[3:]])
        got = collect(source, len(keep) * (1 if name == LEFT else 2))
        assert source.read(0.3) is None
        if name == LEFT:
            assert [each.data for each in got] == keep


@pytest.mark.parametrize(
    ("name", "expression"),
    [(LEFT, "tcp port 443"), (LEFT, "vlan 5 and tcp"), ("any", "tcp src port 40000"), ("any", "arp or udp")],
)
def test_a_filter_lets_through_what_it_does_in_tcpdump(name: str, expression: str, tmp_path: Path) -> None:
    sent = frames(300)
    with watch([name], expression=expression) as source:
        with tcpdump(name, tmp_path / "witness.pcap", expression) as wait:
            send(RIGHT, sent)
            # The last one marks the end, whatever the filter leaves of the others.
            mark = (
                ethernet(0x0806, b"end" + bytes(40)) if "arp" in expression else ethernet(0x0800, ip4(6, tcp(b"end")))
            )
            if "vlan" in expression:
                mark = mark[:12] + b"\x81\x00\x00\x05" + mark[12:]
            send(RIGHT, [mark])
            got: list[Got] = []
            while not got or b"end" not in got[-1].data or (name == "any" and got[-1].data[10] == 4):
                got += collect(source, 1)
            witness = wait(len(got))
        if name == "any":  # tcpdump leaves tags off there
            assert [each.data[-8:] for each in got] == [each.data[-8:] for each in witness]
        else:
            assert [each.data for each in got] == [each.data for each in witness]
        assert 1 < len(got) < len(sent) * 2


def test_several_interfaces_are_merged_by_time() -> None:
    """Both ends of the cable: each packet leaves one before it enters the other."""
    sent = [packet for packet in frames(2000) if packet[12:14] == b"\x08\x00"]
    with watch([LEFT, RIGHT], expression="") as source:
        with cable() as put:
            for number, packet in enumerate(sent):
                put(LEFT if number % 3 else RIGHT, [packet])
        got = collect(source, 2 * len(sent))
        times = [each.time_ns for each in got]
        assert times == sorted(times)
        assert source.info.interfaces == [LEFT, RIGHT]
        for interface in (0, 1):
            assert sorted(each.data for each in got if each.interface == interface) == sorted(sent)
        for number in range(len(sent)):
            first, second = got[2 * number : 2 * number + 2]
            assert first.data == second.data == sent[number]
            assert first.interface == (0 if number % 3 else 1)
        assert source.now_ns() >= times[-1]


def test_a_clock_that_is_set_back_holds_no_packets_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packets of several interfaces wait for earlier ones of others, but not until the clock has caught up."""
    sent = [packet for packet in frames(40) if packet[12:14] == b"\x08\x00"]
    with watch([LEFT, RIGHT], expression="") as source:
        send(LEFT, sent)
        collect(source, 2 * len(sent))
        late_ns, clock = source.now_ns(), time.time_ns
        send(LEFT, sent)
        monkeypatch.setattr(time, "time_ns", lambda: clock() - 3_600 * 10**9)
        send(RIGHT, sent)
        got = collect(source, 4 * len(sent))
        assert len(got) == 4 * len(sent)
        assert source.now_ns() < late_ns - 3_000 * 10**9


def test_packets_are_gathered_but_not_beyond_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few wait for others as long as they may; when half of a small ring is full nobody waits."""
    monkeypatch.setattr(live_interface, "_PACE_S", 10 * PATIENCE_S)
    large = ethernet(0x0800, ip4(6, tcp(bytes(1380))))
    batch = 8 * BLOCK_BYTES
    with watch([LEFT], expression="", ring_bytes=16 * BLOCK_BYTES) as source:
        send(RIGHT, [large])
        assert source.read(PATIENCE_S) is not None
        send(RIGHT, [large])
        began = time.monotonic()
        source.read(0.2)
        assert time.monotonic() >= began + 0.2
        send(RIGHT, [large] * (batch // len(large)))
        began = time.monotonic()
        assert source.read(PATIENCE_S) is not None
        assert time.monotonic() < began + PATIENCE_S


def test_drops_are_counted() -> None:
    """A ring that nobody reads fills up: what it holds and what it lost are together what was sent."""
    sent = [ethernet(0x0800, ip4(6, tcp(number.to_bytes(4, "big") + bytes(1300)))) for number in range(6000)]
    with watch([LEFT], ring_bytes=4 << 20) as source:
        send(RIGHT, sent)
        lost = source.drops().ring
        assert lost > 1000
        got = collect(source, len(sent) - lost)
        assert [each.data for each in got] == sent[: len(got)]
        assert source.drops().ring == lost, "counted once"
        assert source.read(0) is None
        send(RIGHT, sent[:50])
        assert [each.data for each in collect(source, 50)] == sent[:50]


def test_a_pause_at_light_load_loses_nothing() -> None:
    """Each block is handed over for its age: it is their number that counts, not their size."""
    assert RING_BYTES // BLOCK_BYTES * RETIRE_MS >= 30_000
    sent = [ethernet(0x0800, ip4(6, tcp(number.to_bytes(4, "big")))) for number in range(14)]
    with watch([LEFT], ring_bytes=4 << 20) as source:
        for packet in sent:
            send(RIGHT, [packet])
            time.sleep(1.5 * RETIRE_MS / 1000)
        assert [each.data for each in collect(source, len(sent))] == sent
        assert source.drops().ring == 0


def test_the_largest_packets_are_whole() -> None:
    """What segmentation offload makes has up to 64 KB."""
    text = random.Random(2).randbytes(65_000)
    with (
        watch(["lo"], expression="") as source,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to,
    ):
        to.bind(("127.0.0.1", 0))
        out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        for _ in range(9):
            out.sendto(text, to.getsockname())
        assert [each.data[-len(text) :] for each in collect(source, 9)] == [text] * 9
        assert source.drops().ring == 0


def test_losses_of_the_interface_are_counted_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those of interfaces that are captured; one that counts from zero again has lost nothing by that."""
    counters = {LEFT: 100, RIGHT: 1000}
    read = InterfaceTable.read

    def with_losses(table: InterfaceTable, *, with_addresses: bool = False) -> list[Interface]:
        found = read(table, with_addresses=with_addresses)
        return [dataclasses.replace(each, lost=counters.get(each.name, 0)) for each in found]

    monkeypatch.setattr(InterfaceTable, "read", with_losses)
    with watch([LEFT]) as one, watch(["any"]) as all_of_them:
        for left, right, lost_by_one, lost_by_all in ((107, 1003, 7, 10), (2, 1003, 7, 10), (5, 1004, 10, 14)):
            counters |= {LEFT: left, RIGHT: right}
            assert one.drops().interface == lost_by_one
            assert all_of_them.drops().interface == lost_by_all
            assert one.drops().total == lost_by_one, "counted once"


def test_what_the_host_does_nothing_with_was_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel counts frames of VLANs and kinds that nobody wants as dropped, after they were captured."""
    # Its processors' queues are those of the whole machine: others may lose something there meanwhile.
    monkeypatch.setattr(interface_losses, "read_backlog_drops", lambda: [0])
    unwanted = [ethernet(0x88B5, number.to_bytes(50, "big"), (0x8100, 7)) for number in range(20)]
    with watch([LEFT], expression="") as source, closing(InterfaceTable()) as table:
        send(RIGHT, unwanted)
        assert [each.data for each in collect(source, len(unwanted))] == unwanted
        end = time.monotonic() + PATIENCE_S
        while next(each.dropped for each in table.read() if each.name == LEFT) < len(unwanted):
            assert time.monotonic() < end
        assert source.drops().total == 0


@pytest.mark.parametrize(
    ("module", "error", "told"),
    [
        ("scapy.libs", ImportError("no scapy", name="scapy"), "needs scapy: pip install 'capanalyzer[live]'"),
        (
            "scapy.libs.winpcapy",
            OSError("libpcap.so not found"),
            "needs libpcap, which is not installed (Debian, Ubuntu: ",
        ),
    ],
)
def test_what_a_filter_needs_is_said(module: str, error: Exception, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == module:
                raise error

    for name in [name for name in sys.modules if name == "scapy.libs" or name.startswith("scapy.libs.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    monkeypatch.delattr("scapy.libs", raising=False)
    with pytest.raises(CaptureError, match=re.escape(told)):
        InterfaceSource([LEFT], expression="tcp")


def test_nothing_is_ever_sent(tmp_path: Path) -> None:
    """Not by opening, reading, filtering, promiscuous mode or closing, on an interface or on all of them."""

    def counters() -> list[int]:
        lines = run("ip", "-s", "link", "show").splitlines()
        return [int(lines[at + 1].split()[1]) for at, line in enumerate(lines) if "TX:" in line]

    before = counters()
    assert len(before) == 3
    with tcpdump(RIGHT, tmp_path / "witness.pcap") as wait:
        for names in ([LEFT], ["any"], [LEFT, RIGHT]):
            with watch(names, expression="tcp") as source:
                assert source.read(0.2) is None
                source.drops()
        assert counters() == before
        mark = ethernet(0x0806, bytes(40))
        send(LEFT, [mark])
        assert [each.data for each in wait(1)] == [mark]


def states(up: int = 0, down: int = 0, gone: int = 0) -> dict[str, int]:
    return {"up": up, "down": down, "gone": gone}


def went_down(name: str) -> str:
    """Also told of an interface that is being removed, when it is seen in between."""
    return f"{name} went down; what it carries is seen again when it is up."


def gone(name: str) -> str:
    return f"{name} has gone: it was removed while it was captured."


def until_told(source: InterfaceSource) -> list[str]:
    """What a source has to tell next."""
    end = time.monotonic() + PATIENCE_S
    while not (news := source.news()) and time.monotonic() < end:
        source.read(0.1)
        source.drops()
    return news


def test_an_interface_that_goes_down_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change is told when it happens; one that happens again and again is not told each time."""
    packet = ethernet(0x0800, ip4(6, tcp(b"again")))
    down, up = (
        went_down(LEFT),
        f"{LEFT} is up; what it carries is seen from now on.",
    )
    with watch([LEFT]) as source:
        assert source.news() == []
        assert source.interfaces() == states(up=1)
        for _ in range(2):
            run("ip", "link", "set", LEFT, "down")
            assert until_told(source) == [down]
            assert source.interfaces() == states(down=1)
            run("ip", "link", "set", LEFT, "up")
            assert until_told(source) == [up]
            assert source.interfaces() == states(up=1)
            monkeypatch.setattr(live_interface, "_DOWN_S", 0)
        monkeypatch.setattr(live_interface, "_DOWN_S", 3600)
        run("ip", "link", "set", LEFT, "down")
        assert source.read(0.1) is None
        source.drops()
        assert source.interfaces() == states(down=1)
        run("ip", "link", "set", LEFT, "up")
        source.drops()
        assert source.news() == []
        assert source.info.warnings == [down, up]
        wait_for_carrier()
        send(RIGHT, [packet])
        assert [each.data for each in collect(source, 1)] == [packet]
        assert not source.ended


def test_an_interface_that_is_down_is_said_to_be() -> None:
    run("ip", "link", "set", LEFT, "down")
    with watch([LEFT]) as source:
        assert source.news() == [f"{LEFT} is down: nothing is seen there before it is up."]
        assert source.interfaces() == states(down=1)
        assert source.read(0.1) is None
        source.drops()
        assert source.news() == []
        run("ip", "link", "set", LEFT, "up")
        assert until_told(source) == [f"{LEFT} is up; what it carries is seen from now on."]


def test_an_interface_that_is_removed_ends_the_source() -> None:
    packet = ethernet(0x0800, ip4(6, tcp(b"last words")))
    with watch([LEFT]) as source:
        send(RIGHT, [packet])
        run("ip", "link", "del", LEFT)
        assert [each.data for each in collect(source, 1)] == [packet], "what came before is handed on"
        while not source.ended:
            assert source.read(0.1) is None
        assert source.news() == source.info.warnings
        assert source.info.warnings in ([gone(LEFT)], [went_down(LEFT), gone(LEFT)])
        assert source.interfaces() == states(gone=1)


def test_an_interface_that_is_removed_while_it_is_down_has_gone() -> None:
    """Of one that is down already the kernel reports no error."""
    with watch([LEFT]) as source:
        run("ip", "link", "set", LEFT, "down")
        assert until_told(source) == [went_down(LEFT)]
        run("ip", "link", "del", LEFT)
        assert until_told(source) == [gone(LEFT)]
        assert source.interfaces() == states(gone=1)


def test_the_others_go_on_when_one_is_removed() -> None:
    run("ip", "link", "add", "rg9", "type", "veth", "peer", "name", "rg8")
    run("ip", "link", "set", "rg9", "up")
    packet = ethernet(0x0800, ip4(6, tcp(b"still there")))
    with watch([LEFT, "rg9"]) as source:
        assert source.interfaces() == states(up=2)
        run("ip", "link", "del", "rg9")
        told = until_told(source)
        if told == [went_down("rg9")]:
            told = until_told(source)
        assert told in ([gone("rg9")], [went_down("rg9"), gone("rg9")])
        assert source.interfaces() == states(up=1, gone=1)
        send(RIGHT, [packet])
        assert [each.data for each in collect(source, 1)] == [packet]


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(CaptureError, match=r"^eth77: there is no such interface; there are: lo \(127"):
        InterfaceSource(["eth77"])
    with pytest.raises(CaptureError, match="cannot be named beside others"):
        InterfaceSource(["any", LEFT])


def test_a_filter_that_does_not_parse() -> None:
    with pytest.raises(CaptureError, match=rf"^{LEFT}: the capture filter 'tcp prot 1' is not understood \(.*syntax"):
        InterfaceSource([LEFT], expression="tcp prot 1")


def test_without_permission_it_says_what_to_do() -> None:
    program = """
from capanalyzer.capture.live_interface import RING_BYTES, InterfaceSource
from capanalyzer.capture.packet_ring import BLOCK_BYTES, RETIRE_MS
try:
    InterfaceSource(["lo"])
except Exception as error:
    print(error)
"""
    told = run("setpriv", "--bounding-set=-net_raw", sys.executable, "-c", program)
    assert told == "lo: no permission to capture; root lacks CAP_NET_RAW here; a container needs --cap-add=NET_RAW\n"


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOMEM, "the kernel has no memory for the ring"),
        (errno.EINVAL, "this kernel has no packet rings; try --backend scapy"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_kernel_that_refuses_a_ring(number: int, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller ones are tried as long as it is memory that is short."""
    asked: list[int] = []

    class Refusing(socket.socket):
        def setsockopt(self, *arguments: Any) -> None:
            if arguments[:2] == (263, 5):  # SOL_PACKET, PACKET_RX_RING
                asked.append(int.from_bytes(arguments[2][4:8], sys.byteorder))
                raise OSError(number, os.strerror(number))
            super().setsockopt(*arguments)

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(CaptureError, match=re.escape(f"{LEFT}: cannot be captured ({told})")):
        InterfaceSource([LEFT], ring_bytes=32 << 20)
    assert asked == ([128, 64, 32, 16] if number == errno.ENOMEM else [128])


def test_views_outlive_the_source() -> None:
    """Whoever keeps a batch too long reads zeros, and does not crash."""
    with watch([LEFT]) as source:
        send(RIGHT, [ethernet(0x0800, ip4(6, tcp(b"kept")))])
        batch = None
        while batch is None:
            batch = source.read(1)
        kept = batch.data[int(batch.offset[0]) :][:60]
        assert kept.any()
    del source, batch
    assert not kept.any()


def test_closing_twice_and_reading_after() -> None:
    with watch(["any"]) as source:
        source.close()
        assert source.read(0) is None
        assert source.ended
        assert source.drops().total == 0
