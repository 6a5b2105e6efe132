"""Several processes: the same report to the byte, errors told once, nothing left behind."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import signal
import struct
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import capanalyzer
from capanalyzer import cli
from capanalyzer.analysis import Options
from capanalyzer.capture import source
from capanalyzer.capture.files import FileCapture
from capanalyzer.capture.opening import Input
from capanalyzer.capture.records import CaptureInfo
from capanalyzer.diagnosis import judge as judge_module
from capanalyzer.diagnosis import knowledge as knowledge_module
from capanalyzer.errors import CaptureError
from capanalyzer.parallel import crew as crew_module
from capanalyzer.parallel import runs as runs_module
from capanalyzer.parallel import worker as worker_module
from capanalyzer.parallel.crew import Method
from capanalyzer.remark import Remark
from capanalyzer.report.document import Document
from capanalyzer.report.line import Line
from capanalyzer.report.to_json import to_jsonl
from capanalyzer.streams import tracker as tracker_module
from capanalyzer.streams.f5 import probe as probe_module
from capanalyzer.streams.f5.probe import shows_f5
from tests.conftest import PROJECT
from tests.f5_captures import write
from tests.small_captures import HTTP_TO_TLS, PLAIN_HTTP, capture, connection

PCAPS = PROJECT / "pcaps"
FORMATS = ("jsonl", "json", "text")
METHODS: list[Method] = [name for name in ("fork", "spawn") if name in multiprocessing.get_all_start_methods()]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No test leaves a process behind."""
    yield
    assert multiprocessing.active_children() == []


CHOSEN = crew_module._method


@pytest.fixture(autouse=True)
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test patches reaches workers by forking alone. fsspec keeps a thread once a URL was read: after such a
    test they would be spawned.
    """
    if "fork" in METHODS:
        monkeypatch.setattr(crew_module, "_method", lambda: "fork")


@pytest.fixture
def divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is divided among all processes, however small."""
    monkeypatch.setattr(runs_module, "SHARED_BYTES", 0)
    monkeypatch.setattr(worker_module, "BLOCK_BYTES", 2_000)


def report(capfdbinary: pytest.CaptureFixture[bytes], *arguments: str) -> tuple[int, bytes, bytes]:
    """(exit status, standard output, standard error) of ``analyze``."""
    status = cli.main(["analyze", *arguments])
    told = capfdbinary.readouterr()
    return status, told.out, told.err


def all_alike(capfdbinary: pytest.CaptureFixture[bytes], paths: list[str], *arguments: str) -> bytes:
    """The report by one process, and a check that two and three give the same."""
    alone = report(capfdbinary, *arguments, *paths)
    for jobs in ("2", "3"):
        assert report(capfdbinary, "--jobs", jobs, *arguments, *paths) == alone
    return alone[1]


@pytest.mark.parametrize("form", FORMATS)
def test_several_captures(form: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert all_alike(capfdbinary, [str(PCAPS)], "--format", form)


@pytest.mark.usefixtures("divided")
@pytest.mark.parametrize("form", FORMATS)
def test_shares_of_each_capture(form: str, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    """One large capture among small ones; divided are those that are large compared with all."""
    many = tmp_path / "many.pcap"
    many.write_bytes(mixture(400))
    small = sorted(str(path) for path in PCAPS.glob("[a-c]*/*.pcap*"))
    all_alike(capfdbinary, [*small[:4], str(many), *small[4:8]], "--format", form, "--timeline", "all", "--lang", "ja")


@pytest.mark.usefixtures("divided")
def test_real_captures(corpus: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Each alone, so that each is divided: sizes from one packet to some megabytes, odd ones among them."""
    files = sorted(
        path for path in (corpus / "captures").rglob("*") if path.is_file() and path.stat().st_size < 4 << 20
    )
    assert files
    for path in files[:: max(1, len(files) // 40)]:
        all_alike(capfdbinary, [str(path)], "--format", "jsonl")


@pytest.mark.usefixtures("divided")
def test_many_connections(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    """More frames than between two checkpoints, so that sessions leave in several turns; ports are used again."""
    path = tmp_path / "many.pcap"
    path.write_bytes(mixture(1_500, client_ports=500))
    monkeypatch.setattr(tracker_module, "CHECKPOINT_FRAMES", 1_000)
    text = all_alike(capfdbinary, [str(path)], "--format", "jsonl")
    assert json.loads(text.splitlines()[-1])["summary"]["sessions"] == 1_500


@pytest.mark.usefixtures("divided")
def test_limits_do_not_depend_on_the_number_of_processes(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    monkeypatch.setattr(judge_module, "MAX_HELD", 128)
    monkeypatch.setattr(knowledge_module, "MAX_SERVERS", 5)
    monkeypatch.setattr(knowledge_module, "MAX_CLIENTS", 5)
    path = tmp_path / "many.pcap"
    path.write_bytes(mixture(1_000))
    text = all_alike(capfdbinary, [str(path)], "--format", "jsonl")
    assert "were judged without comparing" in str(json.loads(text.splitlines()[-1])["captures"][0]["warnings"])


@pytest.mark.usefixtures("divided")
def test_what_one_share_learns_all_know(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    """That a server speaks TLS on this port is seen in one connection and explains the failures of its neighbours."""
    hello = handshake(1, b"\x03\x03" + bytes(32) + b"\0\0\x02\x00\x2f\x01\0")
    answer = handshake(2, b"\x03\x03" + bytes(32) + b"\0\x00\x2f\0")
    plain = connection(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"")
    found = []
    for odd in (plain, connection(hello, answer)):
        path = tmp_path / "a.pcap"
        path.write_bytes(capture((20001, plain), (20001, odd), *[(20001, plain)] * 5))
        *sessions, _ = all_alike(capfdbinary, [str(path)], "--format", "jsonl").splitlines()
        found.append({json.loads(line)["outcome"] for line in sessions if json.loads(line)["stream"] != 1})
    assert found == [{"plaintext"}, {"failed"}]


@pytest.mark.usefixtures("divided")
@pytest.mark.parametrize("form", FORMATS)
def test_a_big_ip_s_capture_is_one_whole_wherever_its_trailers_begin(
    form: str, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    """Other traffic comes first, some of it judged and given away before the first trailer is met."""
    make = FileCapture.__init__

    def small(self: FileCapture, found: Input, batch_bytes: int = 0, info: CaptureInfo | None = None) -> None:
        make(self, found, min(batch_bytes, 16 << 10), info)

    monkeypatch.setattr(FileCapture, "__init__", small)
    monkeypatch.setattr(probe_module, "_HEAD", 4 << 10)
    monkeypatch.setattr(tracker_module, "CHECKPOINT_FRAMES", 50)
    frames = [record for case in ("server-alerts", "health-checks-tls", *BIG_IP) for record in frames_of(case)]
    path = write(tmp_path / "late.pcap", [(START_NS + 1_000_000 * number, one) for number, one in enumerate(frames)])
    assert not shows_f5([str(path)])
    out = all_alike(capfdbinary, [str(path)], "--format", form)
    if form == "jsonl":
        *sessions, _ = map(json.loads, out.splitlines())
        stories = [one["f5"]["story"] for one in sessions if one["f5"] is not None]
        assert sum("Server side" in story for story in stories) >= 8
        assert sum(one["f5"] is None for one in sessions) > 30


BIG_IP = ("big-ip-plaintext-member", "big-ip-reset-relayed")
START_NS = 1_795_514_462 * 1_000_000_000


def frames_of(case: str) -> list[bytes]:
    [path] = (PCAPS / case).glob("capture.*")
    with path.open("rb") as file:
        return [frame for _, frame in dpkt.pcapng.Reader(file)]


def handshake(kind: int, body: bytes) -> bytes:
    """A TLS 1.2 record with one handshake message."""
    return struct.pack(">BHHBBH", 22, 0x0303, 4 + len(body), kind, 0, len(body)) + body


def mixture(connections: int, client_ports: int = 10_000) -> bytes:
    """Connections of several kinds that fail or not, to several servers' ports."""
    kinds = (
        (443, HTTP_TO_TLS),
        (80, PLAIN_HTTP),
        (8443, connection(b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", b"", reset=True)),
        (443, connection(b"\x16\x03\x01", b"")),
        (853, connection(b"", b"")),
    )
    return capture(*(kinds[number * number % len(kinds)] for number in range(connections)), client_ports=client_ports)


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99)), max_size=9), max_size=4), st.integers(1, 4))
def test_streams_are_merged_in_order(keys: list[list[tuple[int, int]]], size: int) -> None:
    """However they are cut into lists."""
    streams = []
    for number, some in enumerate(keys):
        placed = sorted((turn, Line(4 * identity + number, "failed", b"")) for turn, identity in set(some))
        streams.append([placed[at : at + size + number] for at in range(0, len(placed), size + number)])
    expected = sorted(one for stream in streams for part in stream for one in part)
    assert list(runs_module.in_order([iter(stream) for stream in streams])) == [line for _, line in expected]


def test_a_process_that_has_threads_is_not_forked() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert CHOSEN() == "spawn"
    finally:
        over.set()
        thread.join()


@pytest.mark.usefixtures("divided")
@pytest.mark.parametrize("method", METHODS)
def test_start_methods(method: Method, tmp_path: Path) -> None:
    """Large captures and small ones, however processes are started."""
    paths = [str(tmp_path / f"{name}.pcap") for name in "abc"]
    for path, count in zip(paths, (3, 300, 5), strict=True):
        Path(path).write_bytes(mixture(count))
    options = Options(jobs=2)
    made = Document(runs_module.analyze_captures(paths, options, lang="en", method=method))
    assert sum(bool(line) for line in b"".join(to_jsonl(made.lines(), made.trailer)).split(b"\n")) == 309
    assert [one.packets for one in made.captures] == [one.packets for one in capanalyzer.build_report(paths).captures]


def test_standard_input_is_read_here(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    reports = []
    path = tmp_path / "a.pcap"
    path.write_bytes(mixture(4))
    for jobs in ("1", "3"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(mixture(3))))
        reports.append(report(capfdbinary, "--jobs", jobs, "--format", "jsonl", str(path), "-", str(PCAPS / "alpn-h2")))
    assert reports[0] == reports[1]


def test_an_unreadable_input_is_told_once(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"no capture at all, whatever its name")
    status, _, told = report(capfdbinary, "--jobs", "2", "--format", "jsonl", str(bad), str(PCAPS))
    assert status == 0
    assert told.count(b"bad.pcap") == 1


@pytest.mark.parametrize("size", [0, 1 << 40])
def test_a_capture_that_cannot_be_opened_again(
    size: int, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    """It is gone when a worker comes to it: told once, and the next ones are analysed."""
    gone, there = tmp_path / "gone.pcap", tmp_path / "there.pcap"
    gone.write_bytes(mixture(3))
    there.write_bytes(mixture(3))

    def open_files(paths: list[str]) -> object:
        if paths == [str(gone)]:
            raise CaptureError(str(gone), Remark("there is no such file"))
        return source.open_files(paths)

    monkeypatch.setattr(worker_module, "open_files", open_files)
    monkeypatch.setattr(runs_module, "SHARED_BYTES", size)
    status, out, told = report(capfdbinary, "--jobs", "2", "--format", "jsonl", str(gone), str(there), str(there))
    assert status == 0
    assert told.count(b"gone.pcap: there is no such file") == 1
    assert json.loads(out.splitlines()[-1])["summary"]["sessions"] == 3


@pytest.mark.parametrize("size", [0, 1 << 40])
def test_a_killed_worker_gives_one_line(
    size: int, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(runs_module, "SHARED_BYTES", size)
    monkeypatch.setattr(worker_module, "open_files", lambda paths: os.kill(os.getpid(), signal.SIGKILL))
    status, _, told = report(capfdbinary, "--jobs", "2", "--format", "jsonl", str(PCAPS))
    assert status == 2
    assert told.count(b"\n") == 1
    assert b"a worker process was killed (SIGKILL)" in told


def test_a_worker_without_memory_gives_one_line(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    def open_files(paths: list[str]) -> object:
        raise MemoryError

    monkeypatch.setattr(worker_module, "open_files", open_files)
    status, _, told = report(capfdbinary, "--jobs", "2", "--format", "jsonl", str(PCAPS))
    assert (status, told.count(b"\n")) == (2, 1)
    assert b"too little memory" in told


def test_an_error_of_ours_is_raised_here_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_files(paths: list[str]) -> object:
        raise ZeroDivisionError("by mistake")

    monkeypatch.setattr(worker_module, "open_files", open_files)
    with pytest.raises(RuntimeError, match="ZeroDivisionError: by mistake") as raised:
        list(capanalyzer.analyze(PCAPS, jobs=2))
    assert "in open_files" in raised.value.__notes__[0]


def test_interrupting_ends_all(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    def wait(connections: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(crew_module, "wait", wait)
    assert report(capfdbinary, "--jobs", "2", "--format", "jsonl", str(PCAPS))[0] == 130


@pytest.mark.usefixtures("divided")
def test_whoever_stops_reading_leaves_no_process(tmp_path: Path) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(mixture(2_000))
    sessions = capanalyzer.analyze(path, jobs=2)
    assert next(sessions).capture == 0
    assert isinstance(sessions, Generator)
    sessions.close()
    assert multiprocessing.active_children() == []


def test_a_worker_ends_when_its_caller_is_gone(tmp_path: Path) -> None:
    mine, its = multiprocessing.Pipe()
    process = multiprocessing.Process(target=worker_module.work, args=(its, [mine], (700, 10, 10)))
    process.start()
    its.close()
    mine.close()
    process.join(60)
    assert process.exitcode == 0


def test_one_capture_needs_no_other_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def workers(*arguments: object, **options: object) -> object:
        raise AssertionError("started processes")

    monkeypatch.setattr(runs_module, "Workers", workers)
    path = tmp_path / "a.pcap"
    path.write_bytes(mixture(5))
    assert len(list(capanalyzer.analyze(path, jobs=8))) == 5
