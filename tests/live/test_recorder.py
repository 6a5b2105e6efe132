"""The flight recorder: what it writes is what an analysis of the whole capture says, and it stays within its limits."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import capanalyzer
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.diagnosis.verdict import Outcome
from capanalyzer.live.complaint import reason_of
from capanalyzer.live.listener import LiveVerdict
from capanalyzer.live.recorder import folder as folder_module
from capanalyzer.live.recorder import recorder as recorder_module
from capanalyzer.live.recorder import writing as writing_module
from capanalyzer.live.recorder.folder import Limits, RecordFolder, stem_of
from capanalyzer.live.recorder.memory import STREAM_BYTES, PacketMemory
from capanalyzer.live.recorder.recorder import Recorder
from capanalyzer.live.recorder.ring import ROW, PacketRing
from capanalyzer.live.recorder.writing import Writing
from tests.evidence.runs import comments_of
from tests.live.replay import Replay, make
from tests.report.samples import failed
from tests.test_pcaps import PCAPS, capture_of

CASES = [
    "http-to-tls-port", "certificate-expired-every-client", "tcp-connect-timeout", "tcp-connect-unreachable",
    "any-interface", "qinq", "connect-inner-failure", "mtu-black-hole", "middlebox-reset",
]  # fmt: skip


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the disk is, it is waited for."""
    monkeypatch.setattr(writing_module, "CLOSING_S", 600.0)


def record(capture: Path, folder: Path, **arguments: Any) -> tuple[Replay, list[LiveVerdict], list[str]]:
    """A whole run."""
    told: list[str] = []
    info = CaptureInfo("eth9", "pcapng")
    replay = Replay([Recorder(RecordFolder(str(folder)), info, source="eth9", tell=told.append, **arguments)])
    replay.feed(capture)
    verdicts = replay.verdicts()
    replay.close()
    return replay, verdicts, told


@pytest.mark.parametrize("name", CASES)
def test_each_failed_session_is_written_and_reads_the_same(name: str, tmp_path: Path, tshark: str) -> None:
    """Alone in its file; same cause where the cause does not take comparing with others; commented for Wireshark."""
    _, verdicts, told = record(capture_of(PCAPS / name), tmp_path)
    failed_ones = {stem_of(each.model): each for each in verdicts if each.verdict.outcome is Outcome.FAILED}
    assert failed_ones
    assert told == []
    assert {path.stem for path in tmp_path.iterdir()} == set(failed_ones)
    for stem, each in failed_ones.items():
        [again] = capanalyzer.build_report(str(tmp_path / f"{stem}.pcapng")).sessions
        session = each.model
        assert (again.client, again.server, again.start) == (session.client, session.server, session.start)
        assert (again.packets, again.bytes) == (session.packets, session.bytes)
        if session.comparison is None or not session.comparison.server_established:
            assert (again.outcome, again.cause) == ("failed", session.cause)
        comments = "\n".join(comments_of(tshark, str(tmp_path / f"{stem}.pcapng")).values())
        for item in session.findings[0].evidence:
            if item.frame:
                assert f"frame {item.frame}: {session.cause}: " in comments


def test_the_report_beside_it(tmp_path: Path) -> None:
    """A document like every other, about this session; and the same for readers."""
    _, verdicts, _ = record(capture_of(PCAPS / "http-to-tls-port"), tmp_path)
    path = next(tmp_path.glob("*.json"))
    document = json.loads(path.read_text("utf-8"))
    [session] = document["sessions"]
    assert session["cause"] == "http-to-tls-port"
    assert session["id"] in {each.model.id for each in verdicts}
    assert document["captures"][0]["path"] == "eth9"
    assert document["captures"][0]["files"] == [path.with_suffix(".pcapng").name]
    assert document["incidents"][0]["sessions"] == [session["id"]]
    text = path.with_suffix(".md").read_text("utf-8")
    assert "http-to-tls-port" in text
    assert session["client"]["ip"] in text


def test_established_sessions_leave_no_trace(tmp_path: Path) -> None:
    record(capture_of(PCAPS / "healthy-tls13"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_packets_after_the_verdict_are_added_for_a_while(tmp_path: Path) -> None:
    """The verdict comes in the middle of the session."""
    info = CaptureInfo("eth9", "pcapng")
    capture = capture_of(PCAPS / "http-to-tls-port")
    whole = Replay([])
    whole.feed(capture)
    verdict = next(each for each in whole.verdicts() if each.verdict.outcome is Outcome.FAILED)
    stream = verdict.facts.stream
    recorder = Recorder(RecordFolder(str(tmp_path)), info, source="eth9", tell=print)

    class Early:
        """Tells the verdict once the session's second packet has come."""

        seen = 0

        def belong(self, streams: Any, frames: Any) -> None:
            recorder.belong(streams, frames)
            self.seen += int((streams == stream).sum())
            if self.seen == 2:
                recorder.verdict(LiveVerdict(verdict.facts, verdict.verdict, make, changed=False, final=False))

        def __getattr__(self, name: str) -> Any:
            return getattr(recorder, name)

    replay = Replay([Early()])
    replay.feed(capture, rows=1)
    replay.close()
    [again] = capanalyzer.build_report(str(next(tmp_path.glob("*.pcapng")))).sessions
    assert again.packets == verdict.model.packets


def test_a_session_that_did_not_fail_after_all_is_taken_back(tmp_path: Path) -> None:
    told: list[str] = []
    recorder = Recorder(RecordFolder(str(tmp_path)), CaptureInfo("eth9"), source="eth9", tell=told.append)
    replay = Replay([recorder])
    replay.feed(capture_of(PCAPS / "tcp-connect-timeout"))
    verdict = next(each for each in replay.verdicts() if each.verdict.outcome is Outcome.FAILED)
    replay.tick(now_ns=2**62)
    recorder._writing.close()
    assert len(list(tmp_path.glob("*.pcapng"))) == recorder.counts["written"]
    stem = stem_of(verdict.model)
    assert (tmp_path / f"{stem}.json").exists()
    recorder._writing = Writing("again", 1 << 20, recorder._cannot_write)
    fine = replace(verdict.verdict, outcome=Outcome.ESTABLISHED, findings=())
    recorder.verdict(LiveVerdict(verdict.facts, fine, make, changed=True, final=True))
    recorder.close()
    assert not list(tmp_path.glob(f"{stem}.*"))
    assert recorder.counts["withdrawn"] == 1


def test_packets_that_have_left_the_memory_are_said_to_be_missing(tmp_path: Path) -> None:
    info = CaptureInfo("eth9")
    recorder = Recorder(RecordFolder(str(tmp_path)), info, source="eth9", memory_bytes=20_000, tell=print)
    replay = Replay([recorder])
    replay.feed(capture_of(PCAPS / "http-to-tls-port"))
    flood = RecordBatch(
        np.zeros(200 * 90, np.uint8), np.arange(200) * 90, np.full(200, 90), np.full(200, 90),
        np.zeros(200, np.int64), np.ones(200, np.uint16), 100_000,
    )  # fmt: skip
    recorder.packets(flood)
    recorder.belong(np.full(200, 77_777), np.arange(100_000, 100_200))
    replay.verdicts()
    replay.close()
    document = json.loads(next(tmp_path.glob("*.json")).read_text("utf-8"))
    assert "had left the recorder's memory" in document["captures"][0]["warnings"][0]
    assert document["sessions"][0]["cause"] == "http-to-tls-port"
    assert capanalyzer.build_report(str(next(tmp_path.glob("*.pcapng")))) is not None


def test_a_flood_of_failures_is_recorded_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "MAX_OPEN", 2)
    replay, verdicts, told = record(capture_of(PCAPS / "http-to-tls-every-server"), tmp_path)
    [recorder] = replay.listeners
    assert isinstance(recorder, Recorder)
    count = sum(each.verdict.outcome is Outcome.FAILED for each in verdicts)
    assert recorder.counts == {"written": 2, "skipped": count - 2, "failed": 0, "withdrawn": 0}
    replay.tick()
    replay.tick()
    assert told == [f"--record: {count - 2} failed sessions so far are not recorded: too many fail at a time"]


def test_sessions_that_wait_take_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it the oldest are written at once: without packets that would still have come, but none is lost."""
    monkeypatch.setattr(recorder_module, "MAX_OPEN_BYTES", 4000)
    recorder = Recorder(RecordFolder(str(tmp_path)), CaptureInfo("eth9"), source="eth9", tell=pytest.fail)
    replay = Replay([recorder])
    replay.feed(capture_of(PCAPS / "certificate-expired-every-client"))
    failed_ones = [each for each in replay.verdicts(final=False) if each.verdict.outcome is Outcome.FAILED]
    assert len(recorder._open) == len(failed_ones) > 5
    recorder._settle()
    assert recorder._open_bytes <= 4000
    assert recorder._open_bytes == sum(each.gathered.bytes for each in recorder._open.values())
    assert len(recorder._open) < 4
    replay.close()
    assert recorder._open_bytes == 0
    assert recorder.counts["written"] == len(failed_ones) == len(list(tmp_path.glob("*.pcapng")))


# -- the disk ----------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_once_and_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    replay, _, told = record(capture_of(PCAPS / "http-to-tls-every-server"), tmp_path)
    [recorder] = replay.listeners
    assert isinstance(recorder, Recorder)
    assert recorder.counts["failed"] > 1
    assert told == [
        f"--record: {tmp_path}: No space left on device; records are lost until this ends, the run goes on",
        f"--record: {recorder.counts['failed']:,} records in all were not written",
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_made_again(tmp_path: Path) -> None:
    place = tmp_path / "records"
    store = RecordFolder(str(place))
    place.rmdir()
    store.store(stem_of(failed()), {"json": b"{}"})
    assert len(list(place.iterdir())) == 1


def test_a_folder_that_cannot_be_written_says_so_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        RecordFolder(str(tmp_path / "file"))


def stems(count: int) -> Iterator[str]:
    for number in range(count):
        yield stem_of(failed(number))


def test_limits_of_the_folder(tmp_path: Path) -> None:
    """The oldest leave; what is not ours stays, whatever it is called like."""
    others = ["capanalyzer.pcapng", "capanalyzer-notes.md", "capanalyzer-all_00001_20261126165501.pcapng", "x.json"]
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
    store = RecordFolder(str(tmp_path), Limits(bytes=1000, records=3))
    for stem in stems(5):
        store.store(stem, {"pcapng": b"p" * 100, "json": b"j" * 20, "md": b"m"})
    kept = sorted({path.stem for path in tmp_path.iterdir()} - {Path(name).stem for name in others})
    assert kept == sorted(list(stems(5))[2:])
    assert store.removed == 2
    assert {path.stat().st_mode & 0o027 for path in tmp_path.glob(f"{kept[-1]}.*")} == {0}
    store.store(stem_of(failed(9)), {"pcapng": b"p" * 900})
    assert store.size <= 1000
    assert {path.name for path in tmp_path.iterdir()} >= set(others)
    with pytest.raises(OSError, match="too large"):
        store.store("x", {"pcapng": bytes(1001)})


def test_records_of_former_runs_count_and_age(tmp_path: Path) -> None:
    first = RecordFolder(str(tmp_path), Limits(records=3))
    for stem in stems(3):
        first.store(stem, {"json": b"{}", "pcapng": b""})
    old = next(stems(1))
    for path in tmp_path.glob(f"{old}.*"):
        os.utime(path, (1, 1))
    stale = tmp_path / f".{old[:64]}.0123456789ab"
    stale.write_bytes(b"half")
    os.utime(stale, (1, 1))
    second = RecordFolder(str(tmp_path), Limits(records=3, age_s=3600))
    second.look()
    assert len(second) == 2
    assert not list(tmp_path.glob(f"{old}.*"))
    assert not stale.exists()


def test_a_link_with_our_name_is_not_followed(tmp_path: Path) -> None:
    """Nor removed, nor counted."""
    target = tmp_path / "target"
    target.write_bytes(bytes(5000))
    place = tmp_path / "records"
    place.mkdir()
    link = place / f"{next(stems(1))}.json"
    link.symlink_to(target)
    store = RecordFolder(str(place), Limits(bytes=1000))
    store.look()
    assert len(store) == 0
    assert link.is_symlink()


def test_names_are_safe() -> None:
    session = failed(7, cause="../../x y", client=failed().client.__class__("2001:db8::1", 5))
    stem = stem_of(session)
    assert "/" not in stem
    assert folder_module._OURS.fullmatch(f"{stem}.json")
    assert "2001-db8-1_5" in stem


# -- memory ------------------------------------------------------------------------------------------------------------


def packets_of(sizes: list[int], first_frame: int = 1) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], Any]:
    """Rows, their bytes, and where they begin: each filled with its frame's number."""
    rows = np.zeros(len(sizes), ROW)
    rows["frame"], rows["captured"] = np.arange(first_frame, first_frame + len(sizes)), sizes
    data = np.concatenate(
        [np.full(size, frame & 0xFF, np.uint8) for size, frame in zip(sizes, rows["frame"], strict=True)]
    )
    return rows, data, np.cumsum(sizes) - np.array(sizes)


@pytest.mark.parametrize("seed", range(5))
def test_the_ring_holds_the_newest_packets_whole(seed: int) -> None:
    """Against a plain list: the rows there are are the last ones, with their bytes, within the memory given."""
    random = np.random.default_rng(seed)
    ring, everything, frame = PacketRing(8192), {}, 1
    for _ in range(60):
        sizes = random.integers(0, 700, random.integers(1, 12)).tolist()
        rows, data, offset = packets_of(sizes, frame)
        ring.add(rows, data, offset)
        everything.update(zip(rows["frame"].tolist(), sizes, strict=True))
        frame += len(sizes)
        there = ring.select(lambda rows: np.ones(len(rows), np.bool_))
        assert there["frame"].tolist() == list(range(frame - len(ring), frame))
        assert ring.bytes <= 8192
        for row in there:
            packet = ring.read(row)
            assert packet.data == bytes([packet.frame & 0xFF]) * everything[packet.frame]
    assert len(ring) > 5


def test_more_than_the_ring_holds_at_once() -> None:
    ring = PacketRing(1024)
    ring.add(*packets_of([300] * 10))
    assert ring.select(lambda rows: rows["frame"] > 0)["frame"].tolist() == [8, 9, 10]
    ring.add(*packets_of([2000], 11))
    assert len(ring) == 3


def batch_of(count: int, size: int, first_frame: int) -> RecordBatch:
    whole, one = np.zeros(count * size, np.uint8), np.full(count, size)
    return RecordBatch(
        whole, np.arange(count) * size, one, one, np.zeros(count, np.int64), np.ones(count, np.uint16), first_frame
    )


def test_a_long_download_does_not_push_out_a_handshake() -> None:
    memory, frame = PacketMemory(4 << 20), 1
    memory.hold(batch_of(3, 100, frame))
    memory.belong(np.array([5, 5, 5]), np.arange(3) + frame)
    frame += 3
    for _ in range(200):  # 28 MB
        memory.settle()
        memory.hold(batch_of(100, 1400, frame))
        memory.belong(np.full(100, 6), np.arange(100) + frame)
        frame += 100
    memory.settle()
    for stream in (5, 6):
        memory.follow(stream)
    found = memory.recall([5, 6])
    assert len(found[5]) == 3
    assert sum(len(packet.data) for packet in found[6]) <= STREAM_BYTES + 200 * 1400


def test_packets_of_no_stream_have_a_ring_of_their_own() -> None:
    memory = PacketMemory(1 << 20)
    memory.hold(batch_of(3, 100, 1))
    memory.belong(np.array([5, 5, 5]), np.arange(3) + 1)
    for number in range(50):
        memory.settle()
        memory.hold(batch_of(100, 1400, 4 + 100 * number))
    memory.settle()
    memory.follow(5)
    assert len(memory.recall([5])[5]) == 3


def test_a_fragment_is_told_to_belong_later() -> None:
    """Frame 2 of the first batch, told with the second."""
    memory = PacketMemory(1 << 20)
    memory.hold(batch_of(3, 100, 1))
    memory.settle()
    memory.hold(batch_of(3, 200, 4))
    memory.belong(np.array([9, 9]), np.array([2, 5]))
    memory.follow(9)
    assert sorted(packet.frame for _, packet in memory.settle()) == [2, 5]
    assert sorted((packet.frame, len(packet.data)) for packet in memory.recall([9])[9]) == [(2, 100), (5, 200)]


def test_the_disk_queue_is_bounded() -> None:
    import threading

    gate, failures = threading.Event(), []
    writing = Writing("test", 100, failures.append)
    assert writing.submit(gate.wait, 60)
    assert not writing.submit(lambda: None, 60)
    assert writing.submit(lambda: None, 40)

    def broken() -> None:
        raise OSError(errno.EIO, "broken")

    def unforeseen() -> None:
        raise UnicodeError("unforeseen")

    gate.set()
    for job in (unforeseen, broken):
        while not writing.submit(job, 100):
            pass
    assert writing.close() == 0
    assert [reason_of(error) for error in failures] == ["unforeseen", "broken"]
    assert not writing.submit(lambda: None, 0)


def test_what_a_disk_that_hangs_did_not_get_is_counted_without_what_writes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Records; not the removal of old ones that waits behind them."""
    import threading

    monkeypatch.setattr(writing_module, "CLOSING_S", 0.01)
    gate = threading.Event()
    writing = Writing("test", 100, lambda _: None)
    for size in (60, 0, 40, 0):
        assert writing.submit(gate.wait, size)
    assert writing.close() == 2
    gate.set()
