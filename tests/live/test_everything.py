"""The rotating full capture."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dpkt
import numpy as np
import pytest

import capanalyzer
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.capture.source import open_files
from capanalyzer.live.recorder import everything, writing
from capanalyzer.live.recorder.everything import FileRing, FullCapture
from tests.live.replay import Replay
from tests.test_pcaps import PCAPS, capture_of

CAPTURE = capture_of(PCAPS / "many-clients")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the disk is, it is waited for."""
    monkeypatch.setattr(writing, "CLOSING_S", 600.0)


def run(folder: Path, *, file_bytes: int, files: int) -> tuple[FullCapture, list[str]]:
    told: list[str] = []
    info = CaptureInfo("eth9", interfaces=["eth9"])
    ring = FileRing(str(folder), file_bytes=file_bytes, files=files)
    ring.look()
    full = FullCapture(ring, info, tell=told.append)
    replay = Replay([full])
    replay.feed(CAPTURE, rows=10)
    replay.close()
    return full, told


def test_all_packets_are_in_the_files(tmp_path: Path) -> None:
    """Read as one capture they give the same sessions as the original, to the frame number."""
    full, told = run(tmp_path, file_bytes=2_500, files=1000)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) > 3
    assert all(path.stat().st_size < 8_000 for path in tmp_path.iterdir())
    assert told == []
    again, original = capanalyzer.build_report(str(tmp_path)), capanalyzer.build_report(str(CAPTURE))
    assert again.captures[0].packets == original.captures[0].packets == full.counts["written"]
    assert [(s.id, s.outcome, s.start, s.tls) for s in again.sessions] == [
        (s.id, s.outcome, s.start, s.tls) for s in original.sessions
    ]


def test_the_oldest_files_leave_also_those_of_a_former_run(tmp_path: Path) -> None:
    (tmp_path / "capanalyzer-all_notes.pcapng").write_bytes(b"mine")
    run(tmp_path, file_bytes=2_500, files=3)
    first = {path.name for path in tmp_path.glob("capanalyzer-all_0*")}
    run(tmp_path, file_bytes=2_500, files=3)
    second = {path.name for path in tmp_path.glob("capanalyzer-all_0*")}
    assert len(first) == len(second) == 3
    assert not first & second
    assert min(second) > max(first)
    assert (tmp_path / "capanalyzer-all_notes.pcapng").exists()


def test_a_disk_that_is_full_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the packets it did not take are counted."""

    def is_full(descriptor: int, data: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(everything, "write_whole", is_full)
    full, told = run(tmp_path, file_bytes=2_500, files=3)
    assert told == [
        f"--record-all: {tmp_path}: No space left on device; packets are not written until this ends, the run goes on",
        f"--record-all: {full.counts['lost']:,} packets in all were not written",
    ]
    assert full.counts["written"] == 0


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """The system refuses what would make one longer, in the middle of a write, as a disk does that fills up."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_file_that_the_disk_cut_short_ends_with_a_whole_packet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(everything, "PAUSE_S", 0.0)
    with no_file_longer_than(6_000):
        full, _ = run(tmp_path, file_bytes=1 << 20, files=1000)
    assert full.counts["lost"]
    read = 0
    for path in sorted(tmp_path.iterdir()):
        with path.open("rb") as stream:
            count = sum(1 for _ in dpkt.pcapng.Reader(stream))
        assert count
        read += count
    assert read == full.counts["written"]


def test_a_full_disk_takes_no_older_files_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is tried again: but for the one that the next file was to take the place of."""
    run(tmp_path, file_bytes=2_500, files=4)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(everything, "PAUSE_S", 0.0)
    with no_file_longer_than(50):
        full, _ = run(tmp_path, file_bytes=2_500, files=4)
    assert full.counts["written"] == 0
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert after == dict(sorted(before.items())[1:])


def test_a_batch_larger_than_a_file_fills_several(tmp_path: Path) -> None:
    full = FullCapture(FileRing(str(tmp_path), file_bytes=5_000, files=1000), CaptureInfo("eth9"), tell=print)
    replay = Replay([full])
    replay.feed(CAPTURE, rows=1_000_000)
    replay.close()
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert max(sizes) < 7_000
    assert sum(sizes) / len(sizes) > 3_000
    assert capanalyzer.build_report(str(tmp_path)).captures[0].packets == full.counts["written"]


def test_what_waits_for_a_disk_that_hangs_is_lost_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CLOSING_S", 0.1)
    hangs = threading.Event()
    monkeypatch.setattr(everything, "write_whole", lambda *_: hangs.wait())
    told: list[str] = []
    ring = FileRing(str(tmp_path), file_bytes=1 << 30, files=9)
    full = FullCapture(ring, CaptureInfo("eth9"), tell=told.append)
    replay = Replay([full])
    replay.feed(CAPTURE, rows=10)
    replay.close()
    packets = full.counts["lost"]
    hangs.set()
    for thread in threading.enumerate():
        if thread.name == "full capture":
            thread.join()
    ring.finish()
    assert packets == sum(len(batch) for batch in open_files([str(CAPTURE)]).batches())
    assert told == [f"--record-all: {packets:,} packets in all were not written"]


def test_a_new_file_is_begun_on_demand(tmp_path: Path) -> None:
    full = FullCapture(FileRing(str(tmp_path), file_bytes=1 << 30, files=9), CaptureInfo("eth9"), tell=print)
    replay = Replay([full])
    replay.feed(CAPTURE, rows=1000)
    full.reopen()
    replay.feed(CAPTURE, rows=1000)
    replay.close()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_batch_that_goes_around_a_ring_is_no_more_than_its_packets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an interface's ring, 128 MB, a batch may hold the last packet and the first one."""
    submitted: list[int] = []

    class Writing:
        def __init__(self, *_: object) -> None: ...

        def submit(self, job: Callable[[], None], size: int) -> bool:
            submitted.append(size)
            job()
            return True

        def close(self) -> None: ...

    monkeypatch.setattr(everything, "Writing", Writing)
    full = FullCapture(FileRing(str(tmp_path), file_bytes=1 << 30, files=9), CaptureInfo("eth9"), tell=print)
    ring = np.zeros(20 << 20, np.uint8)
    offset, captured = np.array([len(ring) - 100, 50], np.int64), np.array([100, 60], np.int64)
    for at, size in zip(offset.tolist(), captured.tolist(), strict=True):
        ring[at : at + size] = np.arange(size)
    full.packets(RecordBatch(ring, offset, captured, captured, np.array([1, 2]), np.ones(2, np.uint16), 1))
    full.close()
    assert sum(submitted) < 1_000
    [path] = tmp_path.iterdir()
    with path.open("rb") as stream:
        written = [bytes(packet) for _, packet in dpkt.pcapng.Reader(stream)]
    assert written == [bytes(range(100)), bytes(range(60))]
