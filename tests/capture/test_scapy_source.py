"""Live capture through scapy's sockets, in a namespace of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from capanalyzer.capture.live_interface import InterfaceSource
from capanalyzer.capture.live_open import open_interfaces
from capanalyzer.capture.scapy_source import ScapySource
from capanalyzer.cli import main
from capanalyzer.errors import CaptureError, UsageError
from tests.capture.namespaces import LEFT, RIGHT, collect, missing, namespace, run, sender

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


@pytest.fixture(autouse=True)
def network() -> Iterator[None]:
    with namespace():
        yield


def frames(count: int) -> list[bytes]:
    """TCP by IPv4 and ARP in turn; every fifth is tagged."""
    made = []
    for number in range(count):
        tag = b"\x81\x00\x00\x05" if number % 5 == 0 else b""
        if number % 2:
            body = b"\x08\x06" + number.to_bytes(4, "big") * 12
        else:
            body = b"\x08\x00\x45\x00\x00\x38" + bytes(5) + b"\x06" + number.to_bytes(4, "big") * 12
        made.append(b"\x02\0\0\0\0\x0a" + b"\x02\0\0\0\0\x0b" + tag + body)
    return made


def send(packets: list[bytes]) -> None:
    with sender(RIGHT) as out:
        for packet in packets:
            out.send(packet)


def test_it_gives_what_the_ring_gives() -> None:
    sent = frames(500)
    ring, scapy = open_interfaces([LEFT], expression=""), open_interfaces([LEFT], backend="scapy")
    assert isinstance(ring, InterfaceSource)
    assert isinstance(scapy, ScapySource)
    with closing(ring), closing(scapy):
        send(sent)
        ours, theirs = collect(ring, len(sent)), collect(scapy, len(sent))
        assert [each.data for each in theirs] == [each.data for each in ours] == sent
        assert [each.link for each in theirs] == [each.link for each in ours]
        assert [each.frame for each in theirs] == [each.frame for each in ours]
        assert max(abs(a.time_ns - b.time_ns) for a, b in zip(ours, theirs, strict=True)) < 2_000_000_000
        assert scapy.now_ns() >= theirs[-1].time_ns
        assert scapy.drops().total == 0
        assert scapy.read(0) is None


def test_several_with_a_filter() -> None:
    sent = [packet for packet in frames(100) if packet[12:14] != b"\x81\x00"]
    with closing(ScapySource([LEFT, RIGHT], expression="arp")) as source:
        send(sent)
        wanted = [packet for packet in sent if packet[12:14] == b"\x08\x06"]
        got = collect(source, 2 * len(wanted))
        for interface in (0, 1):
            assert [each.data for each in got if each.interface == interface] == wanted


def test_nothing_is_sent() -> None:
    with closing(InterfaceSource([RIGHT], expression="")) as witness:
        with closing(ScapySource([LEFT])) as source:
            assert source.read(0.2) is None
        assert witness.read(0.3) is None


def test_an_interface_that_is_removed_ends_the_source() -> None:
    with closing(ScapySource([LEFT])) as source:
        run("ip", "link", "del", LEFT)
        while not source.ended:
            assert source.read(0.2) is None
        assert source.info.warnings[0].startswith(f"{LEFT} can no longer be captured (")


def test_what_cannot_be_opened() -> None:
    with pytest.raises(CaptureError, match=r"^eth77: there is no such interface$"):
        ScapySource(["eth77"])
    with pytest.raises(CaptureError, match=rf"^{LEFT}: the capture filter 'tcp prot' is not understood \("):
        ScapySource([LEFT], expression="tcp prot")
    with pytest.raises(UsageError, match="choose from ring, scapy"):
        open_interfaces([LEFT], backend="pfring")


def test_without_permission_it_says_what_to_do() -> None:
    program = """
from capanalyzer.capture.scapy_source import ScapySource
try:
    ScapySource(["lo"])
except Exception as error:
    print(error)
"""
    told = run("setpriv", "--bounding-set=-net_raw", sys.executable, "-c", program)
    assert told == "lo: no permission to capture; root lacks CAP_NET_RAW here; a container needs --cap-add=NET_RAW\n"


@pytest.mark.parametrize("backend", ["scapy", None])
def test_elsewhere_scapy_is_the_way(backend: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with closing(open_interfaces(["lo"], backend=backend)) as source:
        assert isinstance(source, ScapySource)
    with pytest.raises(CaptureError, match="packet rings are Linux's"):
        open_interfaces(["lo"], backend="ring")


@pytest.mark.parametrize("system", ["darwin", "freebsd14", "win32"])
def test_elsewhere_without_scapy_one_line_says_what_to_install(
    system: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    for name in [name for name in sys.modules if name.partition(".")[0] == "scapy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scapy", None)
    assert main(["live", "-i", "en0"]) == 2
    assert capsys.readouterr().err == "capanalyzer: en0: this needs scapy: pip install 'capanalyzer[live]'\n"
