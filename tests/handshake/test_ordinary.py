"""The short way for ordinary handshakes gives the reports that the plain way gives, whatever the capture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import pytest

from capanalyzer.capture.records import BATCH_BYTES
from capanalyzer.capture.source import open_captures
from capanalyzer.diagnosis.judge import Judge
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.errors import CaptureError
from capanalyzer.handshake.connection import Connection
from capanalyzer.handshake.departure import OrdinaryRun
from capanalyzer.handshake.ordinary import Ordinary
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.handshake.session import Session
from capanalyzer.packets.decode import Decoder
from capanalyzer.packets.table import PacketTable
from capanalyzer.report.build import session_model
from capanalyzer.streams import short_way as short_way_module
from capanalyzer.streams import tracker as tracker_module
from capanalyzer.streams.flow import ACK, FIN, PSH, RST, SYN
from capanalyzer.streams.tracker import Tracker
from tests.handshake.messages import (
    CCS,
    CLIENT_FLIGHT_12,
    CLIENT_HELLO,
    FINISHED_12,
    SERVER_FLIGHT_12,
    SERVER_FLIGHT_13,
    alert,
    sealed,
)
from tests.handshake.rows import CLIENT, SERVER, Talk
from tests.streams.segments import Segment, packet_table

PCAPS = Path(__file__).resolve().parent.parent.parent / "pcaps"
LARGEST = 1_000_000
"""Bytes of a capture of the corpus: the test's time."""
SEED = 1

Models = dict[int, dict[str, Any]]


def tables_of(path: Path, batch_bytes: int = BATCH_BYTES) -> Iterator[tuple[PacketTable, int]]:
    """(segments, last frame) of each batch."""
    for capture in open_captures([str(path)], batch_bytes=batch_bytes):
        if isinstance(capture, CaptureError):
            return
        decoder = Decoder(seed=SEED)
        for batch in capture.batches():
            yield decoder.decode(batch), batch.first_frame + len(batch) - 1


def models_of(
    tables: Iterator[tuple[PacketTable, int]], *, short: bool, checkpoint: int | None = None
) -> tuple[Models, int]:
    """Report models by stream, and how many sessions went the short way.

    :param checkpoint: frame of the first checkpoint.
    """
    judge, ordinary = Judge(), 0
    tracker: Tracker[Session | OrdinaryRun] = Tracker(Connection, shortcut=Ordinary() if short else None, seed=SEED)
    if checkpoint is not None:
        tracker._checkpoint = checkpoint
    models: Models = {}

    def sessions() -> Iterator[Session]:
        for table, last_frame in tables:
            yield from each(tracker.feed(table, last_frame))
        yield from each(tracker.finish())

    for session in sessions():
        ordinary += isinstance(session, OrdinarySession)
        verdict = judge.see(session)
        if verdict is not None:
            models[session.stream] = shown(session, verdict)
    models |= {session.stream: shown(session, verdict) for session, verdict in judge.finish()}
    return models, ordinary


def each(sessions: Iterator[Session | OrdinaryRun]) -> Iterator[Session]:
    for session in sessions:
        if isinstance(session, OrdinaryRun):
            yield from session
        else:
            yield session


def shown(session: Session, verdict: Verdict) -> dict[str, Any]:
    """What the report says of it, by field; and what was worked out of its segments, which reports show in part."""
    built = session_model(session.stream, session, verdict)
    told = {name: getattr(built, name) for name in built.__struct_fields__}
    return told | {"tcp": session.tcp, "quality": session.quality}


def assert_same(plain: Models, short: Models, what: str) -> None:
    assert plain.keys() == short.keys(), what
    for stream, model in plain.items():
        other = short[stream]
        differing = {name: (value, other[name]) for name, value in model.items() if value != other[name]}
        assert not differing, f"{what} stream {stream}"


@pytest.mark.parametrize("path", sorted(PCAPS.glob("*/capture.*")), ids=lambda path: path.parent.name)
def test_our_captures(path: Path) -> None:
    plain, _ = models_of(tables_of(path), short=False)
    short, _ = models_of(tables_of(path), short=True)
    assert_same(plain, short, path.parent.name)


@pytest.mark.parametrize("path", sorted(PCAPS.glob("*/capture.*")), ids=lambda path: path.parent.name)
def test_our_captures_in_small_pieces(path: Path) -> None:
    """Nearly all wait for more, many for a long time."""
    plain, _ = models_of(tables_of(path), short=False)
    short, _ = models_of(tables_of(path, 3_000), short=True)
    assert_same(plain, short, path.parent.name)


def test_the_corpus(corpus: Path) -> None:
    facts = [json.loads(line) for line in (corpus / "facts.jsonl").read_text("utf-8").splitlines()]
    names = {fact["file"] for fact in facts if fact["kind"] == "session" and fact.get("tls")}
    taken = 0
    for name in sorted(names):
        path = corpus / "captures" / name
        if path.stat().st_size <= LARGEST:
            plain, _ = models_of(tables_of(path), short=False)
            short, ordinary = models_of(tables_of(path), short=True)
            assert_same(plain, short, name)
            taken += ordinary
    assert taken > 100, "the short way was not taken"


# --- cut at every frame ----------------------------------------------------------------------------------------------


def talks() -> list[Talk]:
    """Ordinary sessions and such as seem so for a while."""
    found = []
    for number in range(14):
        talk = Talk(client_isn=1000 + number, server_isn=2**32 - 300 if number == 1 else 5000, mss=700).connect()
        talk.send(CLIENT, CLIENT_HELLO).ack(SERVER)
        if number == 12:  # sent again, all of it
            talk.send(CLIENT, CLIENT_HELLO, seq=talk.next[CLIENT] - len(CLIENT_HELLO))
        if number % 2:
            if number == 13:  # a part of it
                talk.send(SERVER, SERVER_FLIGHT_13[:200]).send(
                    SERVER, SERVER_FLIGHT_13[:200], seq=talk.next[SERVER] - 200
                )
            talk.send(SERVER, SERVER_FLIGHT_13[200 if number == 13 else 0 :]).send(CLIENT, CCS + sealed(69)).send(
                SERVER, sealed(500)
            )
        else:
            talk.send(SERVER, SERVER_FLIGHT_12).send(CLIENT, CLIENT_FLIGHT_12).send(SERVER, CCS + FINISHED_12)
        talk.send(CLIENT, sealed(200))
        if number == 8:  # closed before the server's data settles it
            talk.close(CLIENT)
        if number in (2, 3):  # lost and sent again
            talk.send(SERVER, sealed(900)[:400], seq=talk.next[SERVER])
        talk.send(SERVER, sealed(900)).ack(CLIENT)
        if number == 4:
            talk.send(SERVER, alert(1, 0))
        if number in (0, 4, 5, 10):
            talk.send(CLIENT, sealed(26, 21)).send(SERVER, sealed(26, 21))
        if number == 6:
            talk.packet(SERVER, RST | ACK)
        if number == 8:
            talk.close(SERVER)
        elif number != 7:
            talk.close(CLIENT).close(SERVER).ack(CLIENT)
        if number == 5:
            talk.packet(CLIENT, FIN | PSH | ACK, seq=talk.next[CLIENT] - 1)
        if number in (9, 10):  # after the handshake anything may happen: data and an alert sent again, a late SYN/ACK
            talk.send(SERVER, sealed(900)[:400], seq=talk.next[SERVER] - 401)
        if number == 10:
            talk.send(CLIENT, sealed(26, 21), seq=talk.next[CLIENT] - 32)
            talk.packet(CLIENT, RST, seq=talk.next[CLIENT])
        if number == 11:
            talk.packet(SERVER, SYN | ACK, seq=5000)
        found.append(talk)
    return found


def synthetic() -> list[Segment]:
    """All of them at the same time, packet by packet in turn."""
    columns = [
        [Segment(row[2], 40_000 + number, row[3], row[4], row[5], row[8]) for row in talk.rows]
        for number, talk in enumerate(talks())
    ]
    segments = [segment for segment in chain.from_iterable(zip_longest(*columns)) if segment is not None]
    for at, segment in enumerate(segments):
        segment.time_ns = 1_700_000_000_000_000_000 + at * 1_000_000
    return segments


def one_table(segments: list[Segment]) -> Iterator[tuple[PacketTable, int]]:
    yield packet_table(segments), len(segments)


@pytest.mark.parametrize("again", [True, False], ids=["every so many frames", "once"])
def test_cut_at_every_checkpoint(again: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the short way took must take what comes after a checkpoint; what it had not seen whole it must not take."""
    segments = synthetic()
    counts = set()
    for frame in range(1, len(segments) + 1):
        monkeypatch.setattr(tracker_module, "CHECKPOINT_FRAMES", frame if again else 1 << 30)
        plain, _ = models_of(one_table(segments), short=False, checkpoint=frame)
        short, ordinary = models_of(one_table(segments), short=True, checkpoint=frame)
        assert_same(plain, short, f"checkpoint at frame {frame}")
        counts.add(ordinary)
    assert max(counts) >= 13
    assert min(counts) == 0 if again else min(counts) < max(counts)


@pytest.mark.parametrize(
    ("first", "size", "change", "is_ordinary"),
    [
        (0, len(CLIENT_HELLO), b"", True),
        (0, len(CLIENT_HELLO), b"X", False),  # other bytes than before
        (0, 40, b"", False),  # cut in another way: the reassembly knows
        (len(CLIENT_HELLO) - 1, 1, b"", False),  # a keep-alive
        (1, len(CLIENT_HELLO) - 1, b"", False),
    ],
)
def test_what_is_sent_again(first: int, size: int, change: bytes, is_ordinary: bool) -> None:
    """The same segment once more counts as nothing; whatever else lies behind the next byte goes the plain way."""
    talk = Talk(mss=700).connect().send(CLIENT, CLIENT_HELLO)
    again = CLIENT_HELLO[first : first + size - len(change)] + change
    talk.send(CLIENT, again, seq=talk.next[CLIENT] - len(CLIENT_HELLO) + first).ack(SERVER)
    talk.send(SERVER, SERVER_FLIGHT_13).send(CLIENT, CCS + sealed(69)).send(SERVER, sealed(500))
    talk.send(CLIENT, sealed(200)).send(SERVER, sealed(900)).ack(CLIENT).close(CLIENT).close(SERVER).ack(CLIENT)
    segments = [Segment(row[2], 40_000, row[3], row[4], row[5], row[8]) for row in talk.rows]
    plain, _ = models_of(one_table(segments), short=False)
    short, ordinary = models_of(one_table(segments), short=True)
    assert_same(plain, short, "sent again")
    assert ordinary == is_ordinary


# --- data that is long in coming -------------------------------------------------------------------------------------


def slow_talks(rows: int) -> list[Talk]:
    """The server sends at once more than anybody looks at, the client begins to send late: whole records, a record
    that never ends, nothing; one resets, one breaks off with an alert.
    """
    found = []
    for number in range(8):
        talk = Talk(client_isn=1000 + number, mss=700).connect()
        talk.send(CLIENT, CLIENT_HELLO).ack(SERVER)
        if number % 2:
            talk.send(SERVER, SERVER_FLIGHT_13).send(CLIENT, CCS + sealed(69))
        else:
            talk.send(SERVER, SERVER_FLIGHT_12).send(CLIENT, CLIENT_FLIGHT_12).send(SERVER, CCS + FINISHED_12)
        for _ in range(rows):
            talk.send(SERVER, sealed(2_600)).ack(CLIENT)
        if number < 4:
            talk.send(CLIENT, sealed(3_000)).ack(SERVER).send(SERVER, sealed(900)).send(CLIENT, sealed(100))
        elif number < 6:
            talk.send(CLIENT, sealed(9_000)[:5_000]).ack(SERVER)
        if number == 5:
            talk.send(SERVER, alert(2, 80))
        if number in (3, 7):
            talk.packet(SERVER, RST | ACK)
        found.append(talk)
    return found


@pytest.mark.parametrize("rows", [1, 12])
@pytest.mark.parametrize("size", [5, 100, 10_000])
def test_data_that_is_long_in_coming(rows: int, size: int) -> None:
    columns = [
        [Segment(row[2], 40_000 + number, row[3], row[4], row[5], row[8]) for row in talk.rows]
        for number, talk in enumerate(slow_talks(rows))
    ]
    segments = [segment for segment in chain.from_iterable(zip_longest(*columns)) if segment is not None]
    for at, segment in enumerate(segments):
        segment.time_ns = 1_700_000_000_000_000_000 + at * 1_000_000

    def tables() -> Iterator[tuple[PacketTable, int]]:
        for start in range(0, len(segments), size):
            part = segments[start : start + size]
            yield packet_table(part, first_frame=start + 1), start + len(part)

    plain, _ = models_of(tables(), short=False)
    short, ordinary = models_of(tables(), short=True)
    assert_same(plain, short, "slow")
    assert size < 100 or ordinary >= 3


def test_nobody_waits_where_too_much_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is bounded: then all goes the plain way, and the reports are the same."""
    monkeypatch.setattr(short_way_module, "MAX_BYTES", 2_000)
    segments = synthetic()
    plain, _ = models_of(iter([(packet_table(segments), len(segments))]), short=False)
    pieces = [(packet_table(segments[at : at + 7], first_frame=at + 1), at + 7) for at in range(0, len(segments), 7)]
    short, _ = models_of(iter(pieces), short=True)
    assert_same(plain, short, "full")
