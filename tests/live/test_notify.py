"""What systemd is told, by its own socket."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from capanalyzer.capture.live_source import Drops
from capanalyzer.live import notify
from capanalyzer.live.notify import Notifier
from capanalyzer.live.status import LOSS_TICKS, LossNotices, StatusLine
from tests.live.replay import QUIET


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@capanalyzer-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0"))
        listening.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield listening


def test_a_service_tells_how_it_is(systemd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog is told twice in its interval, however often the run says that it is alive."""
    monkeypatch.setenv("WATCHDOG_USEC", "20000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    clock = [100.0]
    monkeypatch.setattr(notify, "monotonic", lambda: clock[0])
    notifier = Notifier()
    notifier.ready()
    for second in range(30):
        clock[0] = 100.0 + second
        notifier.alive()
    notifier.status("7 sessions failed")
    notifier.stopping()
    notifier.close()
    told = [systemd.recv(100) for _ in range(6)]
    assert told == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1", b"STATUS=7 sessions failed", b"STOPPING=1"]


def test_what_a_busy_systemd_has_no_room_for_is_told_later(systemd: socket.socket) -> None:
    """The newest of each kind: a status would otherwise stand for as long as nothing changes."""
    notifier = Notifier()
    for number in range(10_000):
        notifier.status(f"{number} sessions failed")
    notifier.ready()
    systemd.setblocking(False)

    def read() -> list[bytes]:
        told = []
        with contextlib.suppress(BlockingIOError):
            while True:
                told.append(systemd.recv(100))
        return told

    first = read()
    assert first == [b"STATUS=%d sessions failed" % number for number in range(len(first))]
    assert len(first) < 10_000
    notifier.alive()
    assert read() == [b"STATUS=9999 sessions failed", b"READY=1"]
    notifier.alive()
    notifier.close()
    assert read() == []


def test_how_a_run_stands() -> None:
    """A line every five seconds, if anything changed; nothing in it can be taken for another message."""
    told: list[str] = []
    line = StatusLine(told.append, "eth0\nREADY=1", "en")
    for lost in (0, 0, 0, 0, 0, 0, 0, 12, 12, 12, 12):
        line.tick(replace(QUIET, outcomes={"established": 1200, "failed": 2}, drops=Drops(ring=lost)))
    stands = "eth0\\x0aREADY=1: 1,202 sessions: established 1,200, failed 2"
    assert told == [stands, f"{stands}; 12 packets lost"]
    told.clear()
    StatusLine(told.append, "eth0", "ja").tick(replace(QUIET, outcomes={"failed": 1}, drops=Drops(interface=1)))
    assert told == ["eth0: 1 セッション: 失敗 1; 1 パケット取りこぼし"]


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither without a socket, nor where nobody listens at it."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Notifier().ready()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notifier = Notifier()
    notifier.ready()
    notifier.alive()
    notifier.close()


def test_the_watchdog_of_another_process_is_not_answered(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    notifier = Notifier()
    notifier.alive()
    notifier.stopping()
    assert systemd.recv(100) == b"STOPPING=1"
    notifier.close()


def test_lost_packets_are_told_at_once_and_then_once_in_a_while() -> None:
    told: list[str] = []
    notices = LossNotices(told.append, "en")
    for lost in (0, 0, 3, *[4] * LOSS_TICKS, 4, 6):
        notices.tick(replace(QUIET, drops=Drops(ring=lost)))
    tail = "no session that was open is called failed for what was not seen"
    assert told == [f"3 packets were lost: {tail}", f"1 packet was lost: {tail}"]
    notices.close()
    notices.close()
    assert told[2:] == [f"2 packets were lost: {tail}"]
