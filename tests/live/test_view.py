"""The view: laid out for every size, drawn on a terminal (pyte reads what a pty gets), and gone without a trace."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pty
import random
import re
import select
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest
from rich.cells import cell_len

from capanalyzer.capture.live_source import Drops
from capanalyzer.live.listener import State
from capanalyzer.live.view.board import MAX_FAILURES, MAX_INCIDENTS, Board
from capanalyzer.live.view.frame import Looking, frame
from capanalyzer.live.view.keys import _named
from capanalyzer.report import model
from capanalyzer.report.terminal import Line, Look
from capanalyzer.report.times import from_rfc3339
from tests.live.systemd import systemd
from tests.ports import held_port
from tests.report.samples import at, failed, finding, tls
from tests.test_pcaps import PCAPS, capture_of

HOSTILE = "evil\x1b[2J\x07\u202e\nname" + "日本語の名前" * 5


def state(**changes: object) -> State:
    values: dict[str, object] = {
        "now_ns": from_rfc3339(at(60_000)), "started_ns": from_rfc3339(at(0)), "packets": 12_408, "bytes": 9_100_000,
        "drops": Drops(3, 0), "outcomes": {"established": 196, "failed": 14, "incomplete": 3}, "causes": {},
        "tables": {"flows": 120, "half-open": 3, "connections": 7, "held": 2}, "evicted": {"flows": 5},
    }  # fmt: skip
    return State(**(values | changes))  # type: ignore[arg-type]


def incident(number: int, **changes: object) -> model.Incident:
    values: dict[str, object] = {
        "cause": "http-to-tls-port", "server": model.Endpoint(f"198.51.100.{number % 250}", 443), "sni": HOSTILE,
        "sessions": (1, 2), "clients": 2, "first": at(0), "last": at(1000 * number), "title": "x", "sentence": "y",
    }  # fmt: skip
    return model.Incident(**(values | changes))  # type: ignore[arg-type]


def board(*, incidents: int = 3, failures: int = 5) -> Board:
    made = Board("eth0")
    made.tick(state(packets=12_000, bytes=9_000_000), 10.0)
    made.tick(state(), 12.0)
    for number in range(incidents):
        made.incident(incident(number))
    for number in range(failures):
        session = failed(number, tls=tls(sni=HOSTILE), findings=(finding(title="Plaintext HTTP 平文 " + HOSTILE),))
        made.failures[session.id] = session
    return made


def text_of(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("page", ["board", "detail", "help"])
@pytest.mark.parametrize("size", [(80, 24), (100, 30), (200, 60), (40, 10), (25, 6), (20, 4), (3, 2), (1, 1)])
def test_every_size_is_kept(lang: str, page: str, size: tuple[int, int]) -> None:
    """As many lines as the screen has, none too wide, nothing that a terminal would obey."""
    width, height = size
    for full in (board(), board(incidents=0, failures=0), board(incidents=40, failures=100), Board("eth0")):
        full.messages.extend(["--record: /data: disk full\x1b[31m", HOSTILE])
        looking = Looking(page=page, chosen=next(iter(full.failures), None), top=3, is_paused=True)
        lines = frame(full, looking, Look(width=width, lang=lang), height)
        assert len(lines) == height
        for text in text_of(lines):
            assert cell_len(text) <= width
            assert text.isprintable()


def test_what_is_shown_at_80_by_24() -> None:
    shown = "\n".join(text_of(frame(board(), Looking(), Look(width=80), 24)))
    for text in (
        "capanalyzer live  eth0", "10:02:02 UTC, for 0:00:02", "12,408 packets   204 packets/s   400.0 kbit/s",
        "3 packets lost", "5 left full tables early", "213 sessions", "196 established", "14 failed", "open 120",
        "INCIDENTS", "http-to-tls-port", "LATEST FAILURES", "192.0.2.7:51004 → 198.51.100.9:443",
        "; to act: client", "q quit   p pause",
    ):  # fmt: skip
        assert text in shown, text


def test_tables_are_named_in_the_language_of_the_view() -> None:
    shown = "\n".join(text_of(frame(board(), Looking(), Look(width=120, lang="ja"), 24)))
    for text in ("接続 120", "ハンドシェイク中 7", "再比較待ち 2"):
        assert text in shown, text


def test_the_latest_stand_first_and_the_chosen_one_stays_in_sight() -> None:
    full = board(failures=60)
    lines = text_of(frame(full, Looking(), Look(width=100), 30))
    first = lines[next(place for place, text in enumerate(lines) if "LATEST" in text) + 1]
    assert "192.0.2.7:51059" in first
    for chosen in full.failures:
        lines = text_of(frame(full, Looking(chosen=chosen), Look(width=100), 30))
        [marked] = [text for text in lines if text.startswith("> ")]
        assert f"192.0.2.7:{51000 + chosen}" in marked


def test_a_long_page_scrolls_to_its_end() -> None:
    full = board()
    looking = Looking(page="detail", chosen=2, top=10_000)
    lines = text_of(frame(full, looking, Look(width=80), 12))
    assert "Wireshark" in "\n".join(lines)
    assert 0 < looking.top < 100


def test_the_board_is_bounded() -> None:
    full = board(incidents=0, failures=0)
    for number in range(MAX_INCIDENTS * 2):
        full.incident(incident(0, server=model.Endpoint("192.0.2.1", number)))
    assert len(full.incidents) == MAX_INCIDENTS
    assert next(reversed(full.incidents))[2] == MAX_INCIDENTS * 2 - 1
    assert MAX_FAILURES < 1000


def test_an_incident_shrinks_and_leaves() -> None:
    """As verdicts are taken back; one that has no name in common any more is no second one."""
    full = board(incidents=3, failures=0)
    full.incident(incident(1, sni=None, sessions=(1,), clients=1))
    assert [one.session_count for one in full.incidents.values()] == [2, 1, 2]
    full.incident(incident(0, sessions=(), clients=0))
    full.incident(incident(1, sni=None, sessions=(), clients=0))
    assert [one.server.ip for one in full.incidents.values()] == ["198.51.100.2"]


def test_keys() -> None:
    assert _named(b"\x1b[A\x1b[Bjkq") == ["up", "down", "down", "up", "quit"]
    assert _named(b"\x1b") == ["back"]
    assert _named(b"\x1bq") == ["back", "quit"]
    assert _named(b"\x1b[15~p\x1b[1;5Aq") == ["pause", "quit"]  # F5 and Ctrl-Up mean nothing
    assert _named(b"\r?\x1b[6~") == ["enter", "help", "page-down"]
    noise = random.Random(1)
    for _ in range(2000):
        _named(noise.randbytes(noise.randrange(64)))


# -- on a terminal -----------------------------------------------------------------------------------------------------


class Terminal:
    """A run of the command on a pseudo-terminal of its own; what it writes is shown on a screen of pyte's."""

    def __init__(self, arguments: list[str], *, columns: int = 100, lines: int = 30, **environment: str) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.seen = b""
        self._master, slave = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(slave)
        self._slave = slave
        self._feed, feed = os.pipe()
        self.feed = feed
        self.process = subprocess.Popen(
            [sys.executable, "-m", "capanalyzer", "live", "-r", "-", *arguments],
            stdin=self._feed, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no thread runs here
            env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", **environment},
        )  # fmt: skip
        os.close(self._feed)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def read(self) -> None:
        if select.select([self._master], [], [], 0.05)[0]:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                return  # hung up
            self.seen += data
            self._stream.feed(data)

    def until(self, reached: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + 60
        while not reached(self.text()):
            assert time.monotonic() < deadline, self.text()
            self.read()

    def end(self) -> int:
        """Wait for the end of the run."""
        deadline = time.monotonic() + 60
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.text()
            self.read()
        while select.select([self._master], [], [], 0)[0]:
            self.read()
        return self.process.returncode

    def fill(self) -> None:
        """Nobody reads, until the terminal takes nothing more."""
        deadline = time.monotonic() + 60
        for keys in itertools.cycle("?p"):
            if not select.select([], [self._slave], [], 0)[1]:
                return
            assert time.monotonic() < deadline
            self.press(keys)
            time.sleep(0.05)

    def hang_up(self) -> None:
        """Its window is closed."""
        os.close(self._slave)
        os.close(self._master)

    def is_as_before(self) -> bool:
        """The terminal's modes, the cursor, and the main screen."""
        hidden, shown = self.seen.rfind(b"\x1b[?25l"), self.seen.rfind(b"\x1b[?25h")
        other, main = self.seen.rfind(b"\x1b[?1049h"), self.seen.rfind(b"\x1b[?1049l")
        return termios.tcgetattr(self._slave) == self.before and shown > hidden >= 0 and main > other >= 0

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for handle in (self.feed, self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(handle)


CAPTURE = capture_of(PCAPS / "http-to-tls-every-server")


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str, **keywords: object) -> Terminal:
        made = Terminal(list(arguments), **keywords)  # type: ignore[arg-type]
        opened.append(made)
        os.write(made.feed, CAPTURE.read_bytes())
        return made

    yield start
    for each in opened:
        each.close()


def test_a_run_on_a_terminal(terminal: Callable[..., Terminal]) -> None:
    """Failures, a session in detail, help, another size, the end: and the terminal is as it was."""
    run = terminal()
    run.until(lambda text: "LATEST FAILURES" in text and "to act: " in text)
    assert "http-to-tls-port" in run.text()
    run.press("j\r")
    run.until(lambda text: "Who acts" in text and "Esc back" in text)
    run.press("\x1b")
    run.until(lambda text: "INCIDENTS" in text)
    run.press("?")
    run.until(lambda text: "Ctrl-C" in text)
    run.press("?")
    run.resize(80, 24)
    run.until(lambda text: "q quit" in text.split("\n")[-1] and "INCIDENTS" in text)
    run.press("p")
    run.until(lambda text: "PAUSED" in text)
    run.press("q")
    assert run.end() == 0
    assert run.is_as_before()
    assert b"\x1b[?1049l" in run.seen
    after = run.seen[run.seen.rfind(b"\x1b[?1049l") :].decode()
    assert "INCIDENTS" in after  # the report
    assert "Traceback" not in after


def test_ctrl_c_leaves_the_terminal_clean(terminal: Callable[..., Terminal]) -> None:
    run = terminal("--lang", "ja")
    run.until(lambda text: "最近の失敗" in text)
    run.press("\x03")
    assert run.end() == 0
    assert run.is_as_before()
    assert "インシデント" in run.seen[run.seen.rfind(b"\x1b[?1049l") :].decode()


def test_an_error_leaves_the_terminal_clean(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    """Whatever goes wrong while it draws is told, behind the view."""
    (tmp_path / "sitecustomize.py").write_text(
        "import capanalyzer.live.view.screen as screen\n"
        "def broken(*arguments):\n    raise RuntimeError('the picture fell down')\n"
        "screen.rows_of_failures = broken\n",
        "utf-8",
    )
    run = terminal(PYTHONPATH=str(tmp_path))
    run.until(lambda text: "LATEST FAILURES" in text)
    run.press("j")
    assert run.end() == 1
    assert run.is_as_before()
    assert b"the picture fell down" in run.seen


def test_no_colour_is_no_colour(terminal: Callable[..., Terminal]) -> None:
    run = terminal(NO_COLOR="1")
    run.until(lambda text: "LATEST FAILURES" in text)
    run.press("q")
    assert run.end() == 0
    assert b"\x1b[31m" not in run.seen
    assert b";31m" not in run.seen


@pytest.fixture
def port() -> Iterator[int]:
    with held_port() as held:
        yield held


def scraped(port: int, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        found = re.search(f"^{name} (.*)$", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_a_terminal_that_nobody_reads(terminal: Callable[..., Terminal], port: int) -> None:
    """As of a connection that hangs: the run goes on, ends when it is told to, and the terminal is as it was as soon as
    somebody reads again.
    """
    run = terminal(f"--metrics-port={port}", columns=200, lines=60)
    run.until(lambda text: "LATEST FAILURES" in text)
    run.fill()
    before = scraped(port, "capanalyzer_last_tick_timestamp_seconds")
    deadline = time.monotonic() + 60
    while scraped(port, "capanalyzer_last_tick_timestamp_seconds") < before + 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    run.process.terminate()
    assert run.process.wait(60) == 2  # the report was not read, either
    run.end()
    assert run.is_as_before()


NAMELESS = """
import os
def fail(_):
    raise OSError
os.ttyname = os.tcgetpgrp = fail
"""
SLOW = """
import time
from capanalyzer.live.view.keys import Keys
def wake(keys, wake=Keys.wake):
    time.sleep(5)
    wake(keys)
Keys.wake = wake
"""


@pytest.mark.parametrize("changed", ["", NAMELESS, SLOW], ids=["", "nameless", "slow"])
def test_a_second_signal_ends_a_run_on_a_terminal_that_nobody_reads(
    terminal: Callable[..., Terminal], tmp_path: Path, changed: str
) -> None:
    """Also where the terminal cannot be opened by its name, as in a container that was given it from outside; and where
    closing the view takes longer than a second signal leaves it.
    """
    if changed:
        (tmp_path / "sitecustomize.py").write_text(changed, "utf-8")
    with systemd(tmp_path) as told:
        run = terminal(columns=200, lines=60, PYTHONPATH=str(tmp_path), NOTIFY_SOCKET=str(told.path))
        run.until(lambda text: "LATEST FAILURES" in text)
        run.fill()
        run.process.terminate()
        told.wait_for("STOPPING=1")  # else the two might arrive as one
    run.process.terminate()
    assert run.process.wait(60) == 130
    assert run.end() == 130
    assert run.is_as_before()
    assert os.get_blocking(run._slave)


VIEW = """
import os, signal
from capanalyzer.live.view.keys import Keys
wake, signals = Keys.wake, [signal.SIGTERM]
def interrupted(keys):
    wake(keys)
    if signals:
        os.kill(os.getpid(), signals.pop())
Keys.wake = interrupted
"""
LAST_WORDS = """
import os, signal
from capanalyzer.live.outlet import Outlet
close, signals = Outlet.close, [signal.SIGTERM]
def interrupted(outlet):
    if outlet._name == "standard error" and signals:
        os.kill(os.getpid(), signals.pop())
    close(outlet)
Outlet.close = interrupted
"""


@pytest.mark.parametrize("moment", [VIEW, LAST_WORDS], ids=["view", "last words"])
def test_a_second_signal_while_it_closes(terminal: Callable[..., Terminal], tmp_path: Path, moment: str) -> None:
    """Ctrl-C twice, one right after the other, or when nothing but a last message is waited for: what it interrupts is
    done nevertheless.
    """
    (tmp_path / "sitecustomize.py").write_text(moment, "utf-8")
    run = terminal(columns=200, lines=60, PYTHONPATH=str(tmp_path))
    run.until(lambda text: "LATEST FAILURES" in text)
    run.fill()
    run.process.terminate()
    assert run.process.wait(60) == 130
    assert run.end() == 130
    assert run.is_as_before()


@pytest.mark.parametrize("arguments", [(), ("--plain", "-v")], ids=str)
def test_a_terminal_that_is_closed_ends_the_run(terminal: Callable[..., Terminal], arguments: tuple[str, ...]) -> None:
    """A run that nobody can see any more does not go on for ever."""
    run = terminal(*arguments)
    run.until(lambda text: "http-to-tls-port" in text)
    run.hang_up()
    assert run.process.wait(60) in (0, 2)


def test_keys_that_would_leave_it_in_disorder_do_nothing(terminal: Callable[..., Terminal]) -> None:
    r"""Ctrl-S, Ctrl-Z, Ctrl-\: there are keys that stop the picture and the run."""
    run = terminal()
    run.until(lambda text: "LATEST FAILURES" in text)
    run.press("\x13\x1a\x1c?")
    run.until(lambda text: "Ctrl-C" in text)
    run.press("q")
    assert run.end() == 0
    assert run.is_as_before()


@pytest.mark.parametrize("term", ["dumb", "", "xterm"])
def test_plain_lines_where_there_is_no_view(terminal: Callable[..., Terminal], term: str) -> None:
    run = terminal(*(["--plain"] if term == "xterm" else []), TERM=term)
    os.close(run.feed)
    assert run.end() == 0
    assert b"\x1b[" not in run.seen
    assert b"http-to-tls-port" in run.seen
