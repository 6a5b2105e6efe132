"""``capanalyzer live`` as a program: pipes, files, signals, when it ends, and with which status."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capanalyzer.capture import live_open
from capanalyzer.cli import live_output, live_source
from capanalyzer.cli.live_output import Messages
from capanalyzer.live.ending import Ending
from capanalyzer.output import GrowingFile
from tests.live.outlets import outlet
from tests.live.test_like_analyze import analyzed

PROJECT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "capanalyzer", "live"]
PATIENCE_S = 60.0


def capture(name: str) -> Path:
    return next(path for path in (PROJECT / "pcaps" / name).iterdir() if ".pcap" in path.name)


def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*COMMAND, *arguments], cwd=PROJECT, **(pipes | options))


def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=PROJECT, input=given, capture_output=True, check=False, timeout=PATIENCE_S
    )


def until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_pipe_gives_what_a_file_gives() -> None:
    path = capture("server-alerts")
    done = run("-r", "-", "--format", "jsonl", given=path.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    *sessions, trailer = map(json.loads, done.stdout.splitlines())
    last = {one["id"]: (one["outcome"], one["cause"], one["stage"], one["blame"]) for one in sessions}
    assert last == analyzed(path)
    assert "outcome" not in trailer
    assert trailer["captures"][0]["path"] == "-"
    report = subprocess.run(
        [sys.executable, "-m", "capanalyzer", "analyze", str(path), "--format", "json"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    )
    expected = json.loads(report.stdout)
    assert trailer["summary"] == expected["summary"]
    assert [one["sessions"] for one in trailer["incidents"]] == [one["sessions"] for one in expected["incidents"]]
    same = ("cause", "clients", "first", "last", "title", "sentence", "confidence", "blame", "sni", "server")
    for one, other in zip(trailer["incidents"], expected["incidents"], strict=True):
        assert {key: one[key] for key in same} == {key: other[key] for key in same}


def test_lines_in_both_languages() -> None:
    path = str(capture("certificate-expired"))
    lines = run("-r", path, "--lang", "en").stdout.decode().splitlines()
    assert lines[0] == (
        "2026-11-26T14:53:49.243Z 192.0.2.10:45595 -> 198.51.100.20:443 (www.example.test) failed: The server's "
        "certificate has expired [certificate-expired]; to act: the server's side; id 0"
    )
    assert lines[1].startswith("2026-11-26T14:53:49.243Z new incident at 198.51.100.20:443 (www.example.test): ")
    assert lines[-1] == "5 sessions: failed 5"
    japanese = run("-r", path, "--lang", "ja").stdout.decode().splitlines()
    assert len(japanese) == len(lines)
    assert "失敗" in japanese[0]
    assert "新しいインシデント" in japanese[1]


def test_a_changed_verdict_is_marked() -> None:
    lines = run("-r", str(capture("hello-rewritten-both-sides")), "--lang", "en").stdout.decode().splitlines()
    changed = [line for line in lines if " changed to failed: " in line]
    assert changed
    for line in changed:
        identity = line.rpartition("; id ")[2]
        first = next(one for one in lines if one.endswith(f"; id {identity}"))
        assert "changed to" not in first


def test_it_tells_at_once_and_ends_when_told_to(tmp_path: Path) -> None:
    """A failure is there while the pipe is open; SIGTERM has the rest told, and the status is 0."""
    process = start("-r", "-", "--lang", "en")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(capture("server-alerts").read_bytes())
    process.stdin.flush()
    assert b" failed: " in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    rest, errors = process.communicate(timeout=PATIENCE_S)
    assert errors == b""
    assert process.returncode == 0
    count = len(analyzed(capture("server-alerts")))
    assert rest.decode().splitlines()[-1] == f"{count} sessions: failed {count}"


def test_a_second_interrupt_ends_it_at_once() -> None:
    """A FIFO that nobody writes to does not keep it either."""
    process = start("-r", "-")
    assert process.stdin is not None
    process.stdin.write(capture("server-alerts").read_bytes())
    process.stdin.flush()
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode in (0, 130)  # the two may arrive as one
    assert b"Traceback" not in errors


def test_a_renamed_output_is_opened_again(tmp_path: Path) -> None:
    """logrotate's way: rename, SIGHUP, and what follows stands in a new file."""
    fifo, out = tmp_path / "packets", tmp_path / "out.jsonl"
    os.mkfifo(fifo)
    tmp_path.chmod(0o777)
    process = start("-r", str(fifo), "--format", "jsonl", "-o", str(out), "--user", USER)
    with fifo.open("wb") as packets:
        data = capture("server-alerts").read_bytes()
        packets.write(data[: len(data) // 2])
        packets.flush()
        until(lambda: out.exists() and out.stat().st_size > 0)
        out.rename(tmp_path / "out.1")
        process.send_signal(signal.SIGHUP)
        until(out.exists)
        packets.write(data[len(data) // 2 :])
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert (output, errors, process.returncode) == (b"", b"", 0)
    old, new = (tmp_path / "out.1").read_bytes().splitlines(), out.read_bytes().splitlines()
    assert "outcome" not in json.loads(new[-1])
    assert {json.loads(line)["id"] for line in [*old, *new[:-1]]} == set(analyzed(capture("server-alerts")))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full: /dev/full")
def test_a_full_disk_does_not_end_the_run() -> None:
    """Told with the file's name, once; what was lost is counted, and the exit status says that something was."""
    path = capture("server-alerts")
    done = run("-r", str(path), "--format", "jsonl", "-o", "/dev/full", "--user", USER, "--exit-code")
    lost = len(analyzed(path)) + 1
    reason = os.strerror(errno.ENOSPC)
    assert done.stderr.decode().splitlines() == [
        f"capanalyzer: -o: /dev/full: {reason}; lines are lost until this ends, the run goes on",
        f"capanalyzer: -o: /dev/full: {lost} lines in all were not written",
    ]
    assert done.returncode == 2


def test_a_disk_that_has_room_again_gets_whole_lines(tmp_path: Path) -> None:
    """Of a line that did not fit nothing is left; those that follow are written."""
    resource = pytest.importorskip("resource")
    out = tmp_path / "out"
    output = GrowingFile(str(out))
    told: list[str] = []
    with outlet(output.write, tell=told.append, gap=lambda missing: b"%d missing\n" % missing, shut=output.close) as to:
        to(b"first line\n")
        to.drain()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (15, limits[1]))
        try:
            to(b"does not fit\n")
            to.drain()
            to(b"nor does this\n")
            to.drain()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        to(b"last line\n")
    assert out.read_bytes() == b"first line\n2 missing\nlast line\n"
    assert to.counts == {"written": 2, "lost": 2}
    assert len(told) == 1
    assert to.loss() == "out: 2 lines in all were not written"


USER = "root" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
"""Only root's own folders are at hand here."""


@pytest.mark.parametrize(
    ("limit", "status"),
    [("--until-failure", 1), ("--count=10", 0), ("--duration=0.5", 0)],
    ids=str,
)
def test_it_ends_by_itself(tmp_path: Path, limit: str, status: int) -> None:
    """After a failure, so many packets, or so long, while the pipe stays open; with the last line, and the status."""
    out = tmp_path / "out"
    packets, feed = os.pipe()
    os.write(feed, capture("healthy-tls13" if status == 0 else "server-alerts").read_bytes())
    with out.open("wb") as output, open(packets, "rb") as pipe:
        process = start("-r", "-", "--format", "jsonl", "--exit-code", limit, stdin=pipe, stdout=output)
    assert process.wait(PATIENCE_S) == status
    os.close(feed)
    _, errors = process.communicate()
    assert errors == b""
    trailer = json.loads(out.read_bytes().splitlines()[-1])
    assert "outcome" not in trailer
    if "count" in limit:
        assert trailer["captures"][0]["packets"] == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say what to watch: -r FILE, or -i IFACE: lo"),
        (("-i", "no-such-device"), "no-such-device: "),
        (("-i", "lo", "-r", "-"), "either -i or -r"),
        (("-r", "/nowhere/capture"), "/nowhere/capture: there is no such file, FIFO or device"),
        (("-r", "-", "-f", "tcp"), "-f needs an interface (-i)"),
        (("-r", "README.md"), "README.md: "),
        (("-r", "-", "--user", "no-such-user"), "no-such-user"),
        (("-r", "-", "--filter", "colour=red"), "colour"),
        (("-r", "-", "-o", "/nowhere/out"), "/nowhere/out: "),
        (("-i", ""), "-i needs the name of an interface"),
        (("-r", str(capture("healthy-tls13")), "--record", ""), "--record needs the name of a folder"),
        (("-r", str(capture("healthy-tls13")), "--record-all", ""), "--record-all needs the name of a folder"),
        (("-r", str(capture("healthy-tls13")), "--record", "README.md"), "README.md: Not a directory"),
        (("-r", str(capture("healthy-tls13")), "--record-all", "README.md"), "README.md: Not a directory"),
        (("-r", str(capture("healthy-tls13")), "-o", "docs"), "docs: Is a directory"),
        (("-r", "-", "--count", "0"), "must be 1 or more"),
    ],
)
def test_mistakes_are_said_in_one_line(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr.decode()


@pytest.mark.parametrize(("option", "kind"), [("--duration", "number of seconds"), ("--count", "whole number")])
def test_what_is_no_number_is_said_in_plain_words(option: str, kind: str) -> None:
    said = run("-r", "-", option, "abc").stderr.decode()
    assert said == f"capanalyzer live: argument {option}: invalid {kind} value: 'abc' (see capanalyzer live --help)\n"


def test_messages_that_nobody_reads_hold_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A paused reader of standard error; what is lost of them is said where it is missing."""
    monkeypatch.setattr(live_output, "MAX_MESSAGES_BYTES", 10_000)
    read, write = os.pipe()
    ending = Ending()
    with open(write, "w", encoding="utf-8") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        with Messages(ending, "en", is_quiet=False) as messages:
            for number in range(3_000):
                messages(f"{number:04} " + "x" * 90)
            ending.over(by_itself=False)
            got = bytearray()
            while not got.endswith(b"\n") or f"{number:04}".encode() not in got:
                got += os.read(read, 1 << 16)
    os.close(read)
    lines = got.decode().splitlines()
    said = re.compile(
        r"capanalyzer: \.\.\. ([\d,]+) lines? (?:is|are) missing here: (?:it|they) could not be written in time"
    )
    gaps = [int(found[1].replace(",", "")) for line in lines if (found := said.fullmatch(line))]
    assert sum(gaps) == 3_000 - (len(lines) - len(gaps))
    assert sum(gaps) > 1_000


@pytest.mark.parametrize("way", ["named", "given"])
def test_lines_are_not_written_into_the_capture(tmp_path: Path, way: str) -> None:
    copy = tmp_path / "copy.pcapng"
    copy.write_bytes(capture("server-alerts").read_bytes())
    with copy.open("rb") as stdin:
        process = start("-r", str(copy) if way == "named" else "-", "-o", str(copy), stdin=stdin)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (2, f"capanalyzer: -o: {copy} is the capture itself\n".encode())
    assert copy.read_bytes() == capture("server-alerts").read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("<&-", b"capanalyzer: -: standard input is closed\n"),
        (">&-", b"capanalyzer: standard output is closed: name a file with -o\n"),
        ("--user no-such-user 2>&-", b""),
    ],
)
def test_what_is_closed_is_said_where_it_can_be(options: str, said: bytes) -> None:
    """And nothing is written to what is opened in its place."""
    line = f'exec "$0" -m capanalyzer live -r - {options}'
    done = subprocess.run(["sh", "-c", line, sys.executable], cwd=PROJECT, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", said)


def test_the_backends_are_those_that_there_are() -> None:
    assert live_source.BACKENDS == live_open.BACKENDS


def test_a_reader_that_leaves_is_no_error() -> None:
    """``| head -1``."""
    process = start("-r", str(capture("server-alerts")), "--format", "jsonl", stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(PATIENCE_S) == 0
