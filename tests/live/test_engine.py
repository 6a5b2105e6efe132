"""The engine by what it tells: losses, limits, floods, long-lived sessions, filters."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import dpkt
import numpy as np
import pytest

import capanalyzer
from capanalyzer.analysis import Options
from capanalyzer.capture.clock import newest_of
from capanalyzer.capture.live_source import Drops
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.capture.source import open_files
from capanalyzer.live import engine as engine_module
from capanalyzer.live.engine import Engine
from capanalyzer.live.identity import live_id
from capanalyzer.report.build import session_id
from capanalyzer.report.filter import Filter
from capanalyzer.streams.limits import Limits
from tests.capture.builders import Packet, pcap, read_bytes
from tests.live.flood import refused, syns
from tests.live.pieces import Listening, Pieces, cut, listen
from tests.live.test_like_analyze import SECOND, analyzed

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"


def capture(name: str) -> Path:
    return next(path for path in (PCAPS / name).iterdir() if ".pcap" in path.name)


@pytest.fixture(autouse=True)
def no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Captures have times of their own, whatever day it is, and however long a test takes."""
    monkeypatch.setattr(engine_module, "time_ns", lambda: 1 << 62)
    monkeypatch.setattr(engine_module, "monotonic_ns", lambda: 0)


class Fed:
    """A source whose packets and clock the test hands over."""

    def __init__(self, clock_ns: int = 0) -> None:
        self.info = CaptureInfo("test0", "live")
        self.clock_ns = clock_ns
        self.lost = 0
        self.ended = False

    def read(self, timeout_s: float) -> RecordBatch | None:
        return None

    def drops(self) -> Drops:
        return Drops(ring=self.lost)

    def news(self) -> list[str]:
        return []

    def interfaces(self) -> dict[str, int]:
        return {"up": 1}

    def now_ns(self) -> int:
        return self.clock_ns

    def close(self) -> None:
        pass


def test_what_was_lost_is_no_silence() -> None:
    """Sessions that would have failed by what was not seen are incomplete when packets were lost meanwhile."""
    silent = capture("server-silent")
    heard = Listening()
    source = heard.source = Pieces(silent)
    engine = Engine(source, [heard], Options(), is_watched=False)
    while not source.ended:
        engine.step(0)
        source.lost += 1
    engine.end()
    assert {told.outcome for told in heard.told} == {"incomplete"}
    assert {told.cause for told in heard.told} == {"capture-lost-packets"}
    assert engine.trailer().captures[0].dropped_packets == source.lost
    assert {outcome for outcome, *_ in analyzed(silent).values()} == {"failed"}


def test_what_bytes_prove_holds_in_spite_of_losses() -> None:
    heard = Listening()
    source = heard.source = Pieces(capture("server-alerts"))
    engine = Engine(source, [heard], Options(), is_watched=False)
    while not source.ended:
        engine.step(0)
        source.lost += 1
    engine.end()
    assert {number: (t.outcome, t.cause, t.stage, t.blame) for number, t in heard.last.items()} == analyzed(
        capture("server-alerts")
    )


def test_what_was_told_is_not_taken_back_by_a_later_loss() -> None:
    """Packets are lost in the middle: what had failed before did fail, what was open then is not known."""
    heard = Listening()
    source = heard.source = Pieces(capture("server-silent"))
    engine = Engine(source, [heard], Options(), is_watched=False)
    before: set[int] = set()
    while not source.ended:
        engine.step(0)
        if not before and engine.state().outcomes["failed"] >= 2:
            source.lost = 5
            before = {told.id for told in heard.told}
    engine.end()
    assert len(before) < len(heard.last)
    assert {number for number, told in heard.last.items() if told.outcome == "failed"} == before
    assert {told.outcome for number, told in heard.last.items() if number not in before} == {"incomplete"}


def test_a_machine_that_slept_saw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of an interface goes on while the process does not run: what was open is not judged by silence."""
    ours = [0]
    monkeypatch.setattr(engine_module, "monotonic_ns", lambda: ours[0])
    batch = next(iter(open_files([str(capture("server-silent"))]).batches()))
    for slept, outcome in ((True, "incomplete"), (False, "failed")):
        start_ns = int(batch.time_ns[0])
        source, heard = Fed(start_ns), Listening()
        engine = Engine(source, [heard], Options(), is_watched=True)
        engine.advance(start_ns)
        first = np.flatnonzero(batch.time_ns < start_ns + 10**9)
        engine.take(cut(batch, 0, int(first[-1]) + 1))
        source.clock_ns += 60 * 10**9
        ours[0] += 0 if slept else 60 * 10**9
        engine.advance(source.clock_ns)
        engine.end()
        assert outcome in {told.outcome for told in heard.told}
        assert ("failed" in {told.outcome for told in heard.told}) is not slept


def test_a_backlog_that_is_caught_up_with_was_no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process stood still for a minute, and the ring held what came meanwhile: nothing was lost."""
    ours = [0]
    monkeypatch.setattr(engine_module, "monotonic_ns", lambda: ours[0])
    batch = next(iter(open_files([str(capture("server-silent"))]).batches()))
    start_ns = int(batch.time_ns[0])
    source, heard = Fed(start_ns), Listening()
    engine = Engine(source, [heard], Options(), is_watched=True)
    engine.advance(start_ns)
    ours[0] += 60 * 10**9
    source.clock_ns += 10**9
    engine.advance(source.clock_ns)  # behind: the ring has more
    engine.take(batch)
    source.clock_ns = start_ns + 60 * 10**9
    engine.advance(source.clock_ns)
    engine.end()
    assert {"failed"} <= {told.outcome for told in heard.told}
    assert not {told.outcome for told in heard.told} & {"incomplete"}


def test_a_clock_that_is_set_back_makes_no_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """By an hour, in the middle of sessions that work: they are told as they stand, those that follow as ever."""
    batch = next(iter(open_files([str(capture("healthy-tls13"))]).batches()))
    source, heard = Fed(), Listening()
    heard.source = source
    clock = [int(batch.time_ns[0])]
    monkeypatch.setattr(engine_module, "time_ns", lambda: clock[0])
    engine = Engine(source, [heard], Options(), is_watched=True)
    hour, half = 3_600 * 10**9, len(batch) // 2
    for row in range(len(batch)):
        packet = cut(batch, row, row + 1)
        back = 0 if row < half else hour
        clock[0] = int(packet.time_ns[0]) - back
        source.clock_ns = max(source.clock_ns, clock[0])  # a source that never goes back
        engine.take(replace(packet, time_ns=packet.time_ns - back))
        engine.advance(source.clock_ns)
    clock[0] += 20 * 10**9
    engine.advance(source.clock_ns)
    assert engine.state().now_ns == clock[0]
    engine.end()
    outcomes = [told.outcome for told in heard.last.values()]
    assert "failed" not in {told.outcome for told in heard.told}
    assert outcomes.count("established") >= len(analyzed(capture("healthy-tls13"))) - 1
    tables = engine.state().tables
    assert tables["flows"] == tables["connections"] == tables["bytes"] == tables["held"] == 0


@pytest.mark.parametrize("step_s", [0.001, 5, 60])
def test_ports_that_are_used_again_while_nobody_looked(step_s: float, tmp_path: Path) -> None:
    """As by a client that resets what it no longer needs, while the run is behind: one session after the other on the
    same addresses and ports comes in one batch, each of them whole. Each is told, and once.
    """
    again = tmp_path / "again.pcap"
    with capture("healthy-tls12").open("rb") as original, again.open("wb") as made:
        packets = list(dpkt.pcap.Reader(original))
        writer = dpkt.pcap.Writer(made)
        lasts = packets[-1][0] - packets[0][0] + 0.01
        for round_ in range(4):
            for at, data in packets:
                frame = dpkt.ethernet.Ethernet(data)
                tcp = frame.data.data
                tcp.seq = tcp.seq + 100_000 * round_ & 0xFFFFFFFF
                if tcp.flags & dpkt.tcp.TH_ACK:
                    tcp.ack = tcp.ack + 100_000 * round_ & 0xFFFFFFFF
                writer.writepkt(bytes(frame), at + round_ * lasts)
    heard, _ = listen(Pieces(again, step_ns=int(step_s * SECOND)))
    told = analyzed(again)
    assert len(told) == 4 * len(analyzed(capture("healthy-tls12")))
    assert {one.id: (one.outcome, one.cause, one.stage, one.blame) for one in heard.told} == told
    assert len(heard.told) == len(told)


def test_a_session_that_works_costs_nothing_after_its_handshake() -> None:
    """Told when its handshake is done, and then no object of it is left, however much it carries."""
    heard = Listening()
    source = heard.source = Pieces(capture("large-transfer"), step_ns=5_000_000)
    engine = Engine(source, [heard], Options(), is_watched=False)
    working = 0
    while not source.ended:
        engine.step(0)
        tables = engine.state().tables
        assert tables["connections"] <= tables["flows"] - len(heard.told)
        working += tables["flows"] > 0 and tables["connections"] == tables["bytes"] == 0
    engine.end()
    assert working > 10, "they go on after that"
    sessions = [session for session in heard.models if session.outcome == "established"]
    assert sessions
    assert not any(told.changed for told in heard.told)
    assert all(told.final for told in heard.told)


def test_a_flood_neither_grows_nor_blinds() -> None:
    """1,000,000 SYNs from as many sources: tables stay within their limits, real sessions are told all the same."""
    real = next(iter(open_files([str(capture("certificate-expired"))]).batches()))
    expected = analyzed(capture("certificate-expired"))
    start_ns = int(real.time_ns[0])
    span_ns = int(real.time_ns[-1]) - start_ns + 1_000_000
    source, heard = Fed(start_ns), Listening()
    heard.keeps_belonging = False
    limits = Limits(flows=100_000, keys=200_000)
    engine = Engine(source, [heard], Options(), is_watched=True, limits=limits)
    engine.advance(start_ns)
    frame, rounds, each = 1, 50, 20_000
    used: list[int] = []
    tracemalloc.start()
    try:
        for number in range(rounds):
            low, high = start_ns + span_ns * number // rounds, start_ns + span_ns * (number + 1) // rounds
            flood = syns(each, first_frame=frame, start_ns=low, step_ns=(high - low) // each, seed=number)
            frame += each
            engine.take(flood)
            at = np.flatnonzero((real.time_ns >= low) & (real.time_ns < high))
            if len(at):
                engine.take(replace(cut(real, int(at[0]), int(at[-1]) + 1), first_frame=frame))
                frame += len(at)
            source.clock_ns = high
            engine.advance(high)
            tables = engine.state().tables
            assert tables["flows"] <= limits.flows
            assert tables["keys"] <= limits.keys + 2 * limits.flows
            assert tables["connections"] <= len(expected)
            used.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max(used[rounds // 2 :]) < max(used[: rounds // 2]) + 2_000_000, (
        "the second half takes no more than the first"
    )
    source.clock_ns += 10 * 10**9
    engine.advance(source.clock_ns)
    failed = [told for told in heard.told if told.outcome == "failed"]
    assert sorted(told.cause for told in failed if told.cause) == sorted(
        cause for _, cause, *_ in expected.values() if cause
    )
    for _ in range(200):
        source.clock_ns += 10**9
        engine.advance(source.clock_ns)
    state = engine.state()
    assert state.tables["flows"] == state.tables["connections"] == state.tables["bytes"] == 0
    told = sum(state.outcomes.values())
    assert state.evicted["attempts"] + told == rounds * each + len(expected)
    assert told < 2_000, "a flood makes no million lines"
    assert any("were not judged" in warning for warning in engine.trailer().captures[0].warnings)


def test_the_end_does_not_wait_for_a_flood() -> None:
    """30,000 half-open connections when the run is ended: what is real comes first, of the others a part is told."""
    real = next(iter(open_files([str(capture("certificate-expired"))]).batches()))
    expected = analyzed(capture("certificate-expired"))
    start_ns = int(real.time_ns[0])
    source, heard = Fed(start_ns), Listening()
    heard.source, heard.keeps_belonging = source, False
    engine = Engine(source, [heard], Options(), is_watched=True)
    engine.advance(start_ns)
    flood = syns(30_000, first_frame=1, start_ns=start_ns, step_ns=1_000, seed=1)
    engine.take(flood)
    half = len(real) // 2
    engine.take(replace(cut(real, 0, half), first_frame=30_001))
    source.clock_ns = int(real.time_ns[half - 1])
    engine.advance(source.clock_ns)
    engine.end()
    state = engine.state()
    carried = [at for at, model in enumerate(heard.models) if model.bytes.client]
    assert 0 < len(carried) <= len(expected)
    assert carried == list(range(len(carried))), "what is real first"
    assert len(heard.models) < 2_000
    assert state.evicted["attempts"] > 28_000
    assert any("were not judged" in warning for warning in engine.trailer().captures[0].warnings)


def test_a_scan_does_not_make_real_sessions_wait() -> None:
    """50,000 refused connects in two seconds: what really fails is told as soon as ever."""
    real = next(iter(open_files([str(capture("certificate-expired"))]).batches()))
    expected = analyzed(capture("certificate-expired"))
    start_ns = int(real.time_ns[0])
    source, heard = Fed(start_ns), Listening()
    heard.source, heard.keeps_belonging = source, False
    engine = Engine(source, [heard], Options(), is_watched=True)
    engine.advance(start_ns)
    frame, step_ns = 1, 50_000_000
    for number in range(50):
        low = start_ns + step_ns * number
        scan = refused(1_000, first_frame=frame, start_ns=low, step_ns=step_ns // 2_000, seed=number)
        engine.take(scan)
        frame += len(scan)
        at = np.flatnonzero((real.time_ns >= low) & (real.time_ns < low + step_ns))
        if len(at):
            engine.take(replace(cut(real, int(at[0]), int(at[-1]) + 1), first_frame=frame))
            frame += len(at)
        source.clock_ns = low + step_ns
        engine.advance(source.clock_ns)
    told = [told for told in heard.told if told.cause == "certificate-expired"]
    assert len(told) == len(expected)
    assert max(one.quiet_ns for one in told) < SECOND
    refusals = [told for told in heard.told if told.cause == "tcp-connect-refused"]
    assert 1_000 < len(refusals) < 10_000
    for _ in range(40):
        source.clock_ns += SECOND
        engine.advance(source.clock_ns)
    engine.end()
    state = engine.state()
    assert state.tables["flows"] == state.tables["connections"] == state.tables["bytes"] == 0
    assert state.evicted["attempts"] + sum(state.outcomes.values()) == 50_000 + len(expected)


@pytest.mark.parametrize(
    ("name", "limits", "table"),
    [
        ("server-alerts", Limits(objects=4), "connections"),
        ("server-alerts", Limits(payload=20_000), "connections"),
        ("healthy-every-pair-tls13", Limits(flows=3), "flows"),
    ],
)
def test_full_tables_tell_no_lies(name: str, limits: Limits, table: str) -> None:
    """What had to leave early is told as it stands; that is counted, and none that works is called failed."""
    path = capture(name)
    expected = analyzed(path)
    heard, engine = listen(Pieces(path, step_ns=20_000_000), limits=limits)
    works = {stream for stream, (outcome, *_) in expected.items() if outcome != "failed"}
    assert [told for told in heard.told if told.id in works and told.outcome == "failed"] == []
    state = engine.state()
    assert state.evicted[table] > 0
    assert set(heard.last) == set(expected)
    assert state.tables["flows"] == state.tables["connections"] == state.tables["bytes"] == 0
    assert any("early" in warning or "middle" in warning for warning in engine.trailer().captures[0].warnings)


def test_only_what_is_chosen_is_told_and_counted() -> None:
    path = capture("certificate-expired")
    expected = analyzed(path)
    heard = Listening()
    source = heard.source = Pieces(path)
    engine = Engine(source, [heard], Options(), is_watched=False, chosen=Filter("stream=1,3"))
    while not source.ended:
        engine.step(0)
    engine.end()
    assert {told.id for told in heard.told} == {1, 3}
    trailer = engine.trailer()
    assert trailer.summary.sessions == 2
    assert trailer.summary.filter is not None
    assert trailer.summary.filter.left_out == len(expected) - 2
    assert sorted(trailer.incidents[0].sessions) == [1, 3]


@pytest.mark.parametrize(
    ("chosen", "known"), [("outcome=established", True), ("outcome=failed", False), ('version="TLS 1.2"', None)]
)
def test_sessions_that_work_are_chosen_together_and_alone(chosen: str, known: bool | None) -> None:
    """Whether a filter can tell by the outcome, or has to look at each of them."""
    path, choice = capture("healthy-tls12"), Filter(chosen)
    assert choice.by_outcome("established") is known
    heard = Listening()
    source = heard.source = Pieces(path, step_ns=3 * SECOND)
    engine = Engine(source, [heard], Options(), is_watched=False, chosen=choice)
    while not source.ended:
        engine.step(0)
    engine.end()
    expected = {session.id for session in capanalyzer.build_report(str(path)).sessions if choice.chooses(session)}
    assert {told.id for told in heard.told} == expected
    assert bool(expected) is (known is not False)
    summary = engine.trailer().summary
    assert summary.filter is not None
    assert summary.sessions == len(expected)
    assert summary.filter.left_out == len(analyzed(path)) - len(expected)


def test_incidents_are_told_when_they_begin_and_when_they_grow() -> None:
    path = capture("certificate-expired")
    heard, engine = listen(Pieces(path))
    new = [incident for incident, is_new in heard.incidents if is_new]
    assert [(one.cause, one.sessions) for one in new] == [("certificate-expired", (0,))]
    grown = [incident for incident, is_new in heard.incidents if not is_new]
    assert grown
    assert grown[-1].sessions == engine.trailer().incidents[0].sessions == tuple(analyzed(path))


def test_packets_belong_to_their_streams() -> None:
    """Every packet of a session, in ascending order of frames."""
    path = capture("certificate-expired")
    heard, _ = listen(Pieces(path))
    frames = [frame for _, frame in heard.belonging]
    assert frames == sorted(frames)
    counts = {m.stream: m.packets.client + m.packets.server for m in heard.models}
    for stream, count in counts.items():
        assert sum(one == stream for one, _ in heard.belonging) >= count


def test_ids_stay_apart_however_many_there_are() -> None:
    """Those of the first half billion are those of a file; no later one meets another, or one over UDP."""
    streams = [0, 1, 499_999_999, 500_000_000, 999_999_999, 1_000_000_000, 20_000_000_000]
    ids = [live_id(transport, stream) for stream in streams for transport in ("tcp", "udp")]
    assert len(set(ids)) == len(ids)
    assert [live_id("tcp", stream) for stream in streams[:3]] == [
        session_id(0, "tcp", stream) for stream in streams[:3]
    ]
    assert max(ids) < 2**53


@pytest.mark.parametrize("at_once", [False, True])
def test_packets_whose_clock_went_back_make_no_failures(at_once: bool) -> None:
    """Of a pipe: its packets alone tell that. Each of them by itself, and all in one batch."""
    path = capture("healthy-tls13")
    batch = next(iter(open_files([str(path)]).batches()))
    hour, half = 3_600 * 10**9, len(batch) // 2
    times = batch.time_ns - np.where(np.arange(len(batch)) < half, 0, hour)
    batch = replace(batch, time_ns=times)
    source, heard = Fed(), Listening()
    heard.source = source
    engine = Engine(source, [heard], Options(), is_watched=False)
    for start, stop in [(0, len(batch))] if at_once else [(row, row + 1) for row in range(len(batch))]:
        piece = cut(batch, start, stop)
        source.clock_ns = newest_of(piece.time_ns, source.clock_ns)
        engine.take(piece)
        engine.advance(source.clock_ns)
    source.clock_ns += 20 * 10**9
    engine.advance(source.clock_ns)
    assert engine.state().now_ns == int(times[-1]) + 20 * 10**9
    engine.end()
    assert engine.packets == len(batch)
    assert "failed" not in {told.outcome for told in heard.told}
    outcomes = [told.outcome for told in heard.last.values()]
    assert outcomes.count("established") >= len(analyzed(path)) - 1
    cut_off = [told for told in heard.last.values() if told.id < half and told.outcome == "incomplete"]
    assert {told.cause for told in cut_off} <= {"capture-ends-mid-handshake"}, "nothing was lost"
    tables = engine.state().tables
    assert tables["flows"] == tables["connections"] == tables["held"] == 0


def test_what_is_open_when_the_clock_goes_back_is_told_so() -> None:
    """Hellos that wait for an answer: that the clock was set back is why nothing can be said of them."""
    batch = next(iter(open_files([str(capture("ends-while-waiting"))]).batches()))
    heard = Listening()
    engine = Engine(Fed(), [heard], Options(), is_watched=False)
    engine.take(batch)
    engine.take(replace(cut(batch, 0, 1), time_ns=batch.time_ns[:1] - 3_600 * 10**9))
    [finding] = {session.findings[0].explanation for session in heard.models if session.outcome == "incomplete"}
    assert "clock of the capture was set back" in finding
    assert {told.cause for told in heard.told} == {"capture-ends-mid-handshake"}


@pytest.mark.parametrize("step_s", [-3_600, -5, 3_600 * 24 * 3_650])
@pytest.mark.parametrize("name", ["healthy-tls13", "ends-while-waiting", "client-silent"])
def test_a_file_is_read_as_analyze_does_whatever_its_clock_did(name: str, step_s: int, tmp_path: Path) -> None:
    """Nobody waited for these packets, so nothing begins anew, and no silence was listened to."""
    found = read_bytes(capture(name).read_bytes())
    half = len(found.packets) // 2
    moved = [
        Packet(p.time_ns + step_s * SECOND * (half <= at < half + half // 2), p.data, p.original)
        for at, p in enumerate(found.packets)
    ]
    path = tmp_path / "moved.pcap"
    path.write_bytes(pcap(moved, magic=0xA1B23C4D, nanoseconds=True))
    source, heard = Fed(), Listening()
    engine = Engine(source, [heard], Options(), is_watched=False, is_file=True)
    for batch in open_files([str(path)]).batches():
        engine.take(batch)
        source.clock_ns = newest_of(batch.time_ns, source.clock_ns)
        engine.advance(source.clock_ns)
    engine.end()
    last = {number: (told.outcome, told.cause, told.stage, told.blame) for number, told in heard.last.items()}
    assert last == analyzed(path)


def test_what_was_told_before_the_clock_went_back_stays() -> None:
    path = capture("server-alerts")
    batch = next(iter(open_files([str(path)]).batches()))
    source, heard = Fed(), Listening()
    engine = Engine(source, [heard], Options(), is_watched=False)
    engine.take(batch)
    engine.advance(int(batch.time_ns.max()) + 10**9)
    told = {identity: each.cause for identity, each in heard.last.items() if each.outcome == "failed"}
    assert told
    engine.take(replace(cut(batch, 0, 1), time_ns=batch.time_ns[:1] - 3_600 * 10**9))
    assert {identity: heard.last[identity].cause for identity in told} == told


@pytest.mark.parametrize("step_s", [5, 20, 130, 299])
def test_a_clock_that_is_set_forward_makes_no_failure(step_s: int) -> None:
    """The clock behind a pipe is set forward in the middle of a handshake, and somebody else's packet comes first."""
    batch = next(iter(open_files([str(capture("healthy-tls13"))]).batches()))
    for at in (1, 2, 5, 7, 9):
        heard = Listening()
        source = heard.source = Fed()
        engine = Engine(source, [heard], Options(), is_watched=False)
        before, behind = batch.part(0, at), batch.part(at, len(batch))
        behind = replace(behind, time_ns=behind.time_ns + step_s * SECOND, first_frame=at + 2)
        stranger_ns = int(before.time_ns.max()) + step_s * SECOND
        stranger = syns(1, first_frame=at + 1, start_ns=stranger_ns, step_ns=1, seed=1)
        for part in (before, stranger, *(behind.part(row, row + 1) for row in range(len(behind)))):
            engine.take(part)
            engine.advance(int(part.time_ns.max()))
        engine.end()
        assert "failed" not in {told.outcome for told in heard.told}
        assert [told.outcome for told in heard.told if told.id == live_id("tcp", 0)] == ["established"]


def test_where_packets_come_seldom_silence_is_told_all_the_same() -> None:
    """Each of them leaps; the second one shows that nothing came in a second of grace."""
    batch = next(iter(open_files([str(capture("server-silent"))]).batches()))
    heard = Listening()
    source = heard.source = Fed()
    engine = Engine(source, [heard], Options(), is_watched=False, may_be_trimmed=False)
    begin = batch.part(0, 5)
    engine.take(begin)
    engine.advance(int(begin.time_ns.max()))
    now_ns = int(begin.time_ns.max())
    for number in range(4):
        now_ns += 8 * SECOND
        engine.take(syns(1, first_frame=6 + number, start_ns=now_ns, step_ns=1, seed=number))
        engine.advance(now_ns)
        assert bool(heard.told) is (number > 0)
    assert [(told.outcome, told.cause) for told in heard.told] == [("failed", "server-silent")]


def test_a_flood_that_has_waited_takes_no_more_room() -> None:
    """Half a million SYNs at once, of a ring that nobody could read: the tables stay as large as they were made."""
    source = Fed()
    engine = Engine(source, [], Options(), is_watched=False)
    made = engine._tracker._live.capacity
    for turn in range(3):
        engine.take(syns(500_000, first_frame=1 + 500_000 * turn, start_ns=SECOND * (turn + 1), step_ns=1, seed=turn))
        engine.advance(SECOND * (turn + 1))
    assert engine._tracker._live.capacity == made
    assert engine.packets == 1_500_000
