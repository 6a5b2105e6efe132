"""Lines to somebody who reads slowly, late, or not at all: who tells them goes on, and what is lost is counted."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from capanalyzer.live import ending as ending_module
from capanalyzer.live import outlet as outlet_module
from capanalyzer.live.ending import Ending, Patience
from capanalyzer.live.outlet import Outlet, Rank
from capanalyzer.output import write_whole
from tests.live.outlets import outlet

WAIT_S = 60.0


@pytest.fixture(autouse=True)
def nobody_is_left() -> Iterator[None]:
    """Threads of one test are not there in the next: some ask whether there are any."""
    yield
    for thread in threading.enumerate():
        if thread.name == "lines to out":
            thread.join(WAIT_S)
            assert not thread.is_alive()


class Gate:
    """A writer that is in the middle of its first piece until it is opened."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self, data: bytes) -> None:
        self.entered.set()
        assert self.opened.wait(WAIT_S)
        self.pieces.append(data)

    def shut(self, to: Outlet) -> None:
        """Have a first line on its way, and all that follow in the queue."""
        to(b"first\n")
        assert self.entered.wait(WAIT_S)

    @property
    def lines(self) -> list[str]:
        return b"".join(self.pieces).decode().splitlines()


@contextmanager
def pipe() -> Iterator[tuple[int, Callable[[bytes], None]]]:
    """Its end to be read, and what writes to it."""
    read, write = os.pipe()
    try:
        yield read, lambda data: write_whole(write, data)
    finally:
        with suppress(OSError):  # closed already
            os.close(read)  # whoever still writes is in the middle of it for ever otherwise
        os.close(write)


class SlowReader:
    """Takes each piece in so much time, by a clock of its own: it goes on when somebody has looked at it in between.
    Nothing is taken before the run is over.
    """

    def __init__(self, each_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self._each_s, self.pieces = 0.0, each_s, list[bytes]()
        self._has_left, self._looked_at = False, threading.Event()
        reader = self

        class Watched(Ending):
            def may_wait(self, since_s: float, patience: Patience) -> bool:
                may = super().may_wait(since_s, patience)
                if self.is_over:
                    reader._looked_at.set()
                return may

        self.ending = Watched()
        for module in (ending_module, outlet_module):
            monkeypatch.setattr(module, "monotonic", lambda: self.now_s)

    def __call__(self, data: bytes) -> None:
        for waited_s in (self._each_s, 0):  # once as it is, once with the piece in its hands
            if not self._has_left:
                assert self._looked_at.wait(WAIT_S)
                self._looked_at.clear()
                self.now_s += waited_s
        self.pieces.append(data)

    def leave(self) -> None:
        """Nobody looks at it any more."""
        self._has_left = True
        self._looked_at.set()


def read_all(descriptor: int, size: int) -> bytes:
    """So many bytes, or to the end."""
    data = b""
    while len(data) < size and (piece := os.read(descriptor, 1 << 16)):
        data += piece
    return data


def test_a_reader_that_pauses_gets_all_of_it() -> None:
    """A megabyte of lines, a pipe that holds a sixteenth of it, and nobody reads before the last one was told."""
    lines = [b"%06d %s\n" % (number, b"x" * 500) for number in range(2_000)]
    everything = b"".join(lines)
    with pipe() as (read, write), outlet(write, patience=Patience.NONE) as to:
        for line in lines:
            to(line)
        assert read_all(read, len(everything)) == everything
        to.drain()
        assert to.counts == {"written": 2_000, "lost": 0}
        assert not to.lost


def test_what_is_lost_first() -> None:
    """Beyond the queue's bound: sessions that did not fail, then failures, the oldest of them; never the summary."""
    gate, told = Gate(), list[str]()
    with outlet(
        gate, patience=Patience.NONE, max_lines=6, tell=told.append, gap=lambda missing: b"%d missing\n" % missing
    ) as to:
        gate.shut(to)
        for number in range(4):
            to(b"fine %d\n" % number, Rank.ORDINARY)
        for number in range(4):
            to(b"failed %d\n" % number, Rank.FAILURE)
        for number in range(3):
            to(b"revised %d\n" % number, Rank.REVISION)
        to(b"fine 5\n", Rank.ORDINARY)
        to(b"summary\n", Rank.SUMMARY)
        to(b"summary\n", Rank.SUMMARY)
        assert to.counts == {"written": 0, "lost": 6}
        gate.opened.set()
    assert gate.lines == [
        "first", "6 missing", "failed 1", "failed 2", "failed 3", "revised 0", "revised 1", "revised 2",
        "summary", "summary",
    ]  # fmt: skip
    assert to.counts == {"written": 9, "lost": 6}
    assert told == ["out does not keep up: lines are lost until it does, the run goes on"]
    assert to.loss() == "out: 6 lines in all were not written"


def test_many_lines_are_as_good_as_one_after_the_other() -> None:
    gate = Gate()
    with outlet(gate, patience=Patience.NONE, max_lines=4) as to:
        gate.shut(to)
        to.many([b"fine %d\n" % number for number in range(3)], Rank.ORDINARY)
        to(b"failed\n")
        to.many([b"fine %d\n" % number for number in range(3, 6)], Rank.ORDINARY)
        assert to.counts == {"written": 0, "lost": 3}
        gate.opened.set()
    assert gate.lines == ["first", "failed", "fine 3", "fine 4", "fine 5"]
    assert to.counts == {"written": 5, "lost": 3}


def test_bytes_are_bounded_as_well() -> None:
    gate = Gate()
    with outlet(gate, patience=Patience.NONE, max_bytes=100) as to:
        gate.shut(to)
        for number in range(30):
            to(b"line %04d\n" % number)
        to(b"x" * 200 + b"\n")  # what is larger than all room has it for itself
        gate.opened.set()
    assert gate.lines == ["first", "x" * 200]
    assert to.counts == {"written": 2, "lost": 30}


def test_a_file_is_opened_again_between_two_lines() -> None:
    """Whatever waits: what was told before stands in the old file, what was told after in the new one."""
    gate, done = Gate(), list[str]()

    def write(data: bytes) -> None:
        gate(data)
        done.extend(data.decode().split())

    with outlet(write, reopen=lambda: done.append("(opened)")) as to:
        gate.shut(to)
        to(b"second\n")
        to.reopen()
        to(b"third\n")
        to.reopen()  # the first one is still to come, and will open the newest file
        to(b"fourth\n")
        gate.opened.set()
        to.drain()
        to.reopen()
        to(b"fifth\n")
    assert done == ["first", "second", "(opened)", "third", "fourth", "(opened)", "fifth"]


def test_a_reader_that_leaves_ends_it() -> None:
    with pipe() as (read, write), outlet(write) as to:
        to(b"line\n")
        to.drain()
        os.close(read)
        to(b"line\n")
        with pytest.raises(BrokenPipeError):
            to.drain()
        with pytest.raises(BrokenPipeError):
            to.check()
        with pytest.raises(BrokenPipeError):
            to(b"line\n")
    assert to.lost == 0


def test_at_the_end_nobody_is_waited_for_who_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending_module, "STALLED_S", 0.1)
    for patience in Patience:
        ending = Ending()
        with pipe() as (_, write), outlet(write, ending, patience=patience) as to:
            for _ in range(200):
                to(b"x" * 999 + b"\n")
            ending.over(by_itself=False)
            if patience is Patience.ALWAYS:
                ending.ask()  # a file keeps nobody waiting, before somebody asks for its end
            to.close()
            assert to.counts["written"] < 100
            assert sum(to.counts.values()) == 200


def test_at_the_end_who_reads_slowly_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the whole takes longer than anybody is waited for who takes nothing."""
    slow = SlowReader(ending_module.STALLED_S * 0.7, monkeypatch)
    lines = [b"%d" % number * 70_000 + b"\n" for number in range(5)]
    with outlet(slow, slow.ending, patience=Patience.NONE) as to:
        for line in lines:
            to(line)
        slow.ending.over(by_itself=False)
        slow.ending.ask()
        to.close()
    assert slow.now_s > 3 * ending_module.STALLED_S
    assert b"".join(slow.pieces) == b"".join(lines)
    assert to.lost == 0


def test_at_the_end_nobody_is_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """However steadily they read."""
    slow = SlowReader(ending_module.CLOSING_S / 8, monkeypatch)
    with outlet(slow, slow.ending, patience=Patience.NONE) as to:
        for _ in range(100):
            to(b"x" * 70_000 + b"\n")
        slow.ending.over(by_itself=False)
        to.close()
        slow.leave()
        assert 7 <= to.counts["written"] <= 9
        assert sum(to.counts.values()) == 100


def test_at_the_end_who_reads_too_slowly_still_gets_the_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was before it is lost for that, and the line says how much."""
    slow = SlowReader(ending_module.CLOSING_S / 8, monkeypatch)
    with outlet(slow, slow.ending, patience=Patience.NONE) as to:
        for _ in range(100):
            to(b"x" * 70_000 + b"\n")
        slow.ending.over(by_itself=False)
        to.drain()
        assert 90 <= to.lost <= 93
        last = b"%d lost\n" % to.lost
        to(last, Rank.SUMMARY)
        to.close()
        slow.leave()
    assert slow.pieces[-1] == last
    assert sum(to.counts.values()) == 101


def test_who_speaks_last_is_heard_although_no_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """As messages that tell what was lost, behind lines that took all of it."""
    monkeypatch.setattr(ending_module, "CLOSING_S", 0.0)
    monkeypatch.setattr(ending_module, "LAST_S", WAIT_S)
    monkeypatch.setattr(ending_module, "STALLED_S", WAIT_S)
    ending, pieces = Ending(), list[bytes]()
    with outlet(pieces.append, ending, patience=Patience.NONE) as to:
        ending.over(by_itself=False)
        to(b"last\n")
    assert pieces == [b"last\n"]


@pytest.mark.parametrize(
    ("patience", "by_itself"), [(Patience.ALWAYS, False), (Patience.ALWAYS, True), (Patience.WHILE_READ, True)]
)
def test_at_the_end_of_a_file_a_pager_is_waited_for(
    patience: Patience, by_itself: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or of a pipe that has ended: nothing is lost by it, and somebody may read page by page."""
    monkeypatch.setattr(ending_module, "STALLED_S", 0.1)
    gate, ending = Gate(), Ending()
    with outlet(gate, ending, patience=patience) as to:
        gate.shut(to)
        ending.over(by_itself=by_itself)
        waiting = threading.Thread(target=to.close)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        gate.opened.set()
        waiting.join(WAIT_S)
    assert to.counts == {"written": 1, "lost": 0}


@pytest.mark.parametrize("patience", [Patience.WHILE_READ, Patience.ALWAYS])
def test_what_can_wait_waits_for_who_reads_slowly(patience: Patience, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, and a pipe whose writer can be held back: more lines than there is room for, and none is lost."""
    monkeypatch.setattr(outlet_module, "PAUSE_S", WAIT_S)
    with pipe() as (read, write), outlet(write, patience=patience, max_lines=20) as to:
        telling = threading.Thread(target=lambda: [to(b"%09d\n" % number * 100) for number in range(1_000)])
        telling.start()
        assert len(read_all(read, 1_000_000)) == 1_000_000
        telling.join(WAIT_S)
        to.drain()
        assert to.counts == {"written": 1_000, "lost": 0}


def test_a_pipe_goes_on_when_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet_module, "PAUSE_S", 0.1)
    gate = Gate()
    with outlet(gate, patience=Patience.WHILE_READ, max_lines=10) as to:
        gate.shut(to)
        for _ in range(30):
            to(b"line\n")
        assert to.lost == 20
        gate.opened.set()


def test_a_second_signal_waits_for_nobody() -> None:
    gate, ending = Gate(), Ending()
    with outlet(gate, ending, patience=Patience.ALWAYS) as to:
        gate.shut(to)
        ending.ask()
        ending.hurry()
    assert to.counts == {"written": 0, "lost": 1}
    gate.opened.set()


def test_whatever_goes_wrong_lines_that_follow_are_written() -> None:
    told: list[str] = []
    written = bytearray()

    def write(data: bytes) -> None:
        if data.startswith(b"bad"):
            raise ValueError("unforeseen")
        written.extend(data)

    with outlet(write, tell=told.append) as to:
        to(b"bad\n")
        to.drain()
        to(b"good\n")
    assert bytes(written) == b"good\n"
    assert to.counts == {"written": 1, "lost": 1}
    assert told == ["out: unforeseen; lines are lost until this ends, the run goes on"]


def test_a_descriptor_that_does_not_wait_is_waited_for() -> None:
    """As a parent that reads asynchronously may hand it over."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    data = os.urandom(1 << 20)
    writing = threading.Thread(target=lambda: (write_whole(write, data), os.close(write)))
    writing.start()
    assert read_all(read, len(data)) == data
    writing.join(WAIT_S)
    os.close(read)
