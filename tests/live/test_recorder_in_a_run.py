"""The flight recorder in a run of the engine: sample captures as if it came over a wire, a record for each
session that is failed at its end, with all of that session's packets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import capanalyzer
from capanalyzer.analysis import Options
from capanalyzer.live.engine import Engine
from capanalyzer.live.recorder import writing
from capanalyzer.live.recorder.folder import RecordFolder
from capanalyzer.live.recorder.recorder import Recorder
from tests.live.pieces import Listening, Pieces
from tests.test_pcaps import CASES, PCAPS, capture_of

I64 = NDArray[np.int64]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the disk is, it is waited for."""
    monkeypatch.setattr(writing, "CLOSING_S", 600.0)


def run(capture: Path, folder: Path) -> tuple[Listening, Recorder, list[str]]:
    source, heard, told = Pieces(capture), Listening(), list[str]()
    recorder = Recorder(RecordFolder(str(folder)), source.info, source="eth9", tell=told.append)
    engine = Engine(source, [heard, recorder], Options(), is_watched=False)
    while not source.ended:
        engine.step(0)
    engine.end()
    recorder.close()
    return heard, recorder, told


@pytest.mark.parametrize("case", CASES[::3], ids=lambda case: case.name)
def test_a_record_for_each_failed_session(case: Path, tmp_path: Path) -> None:
    """With the cause that stands at the end; its packets are those that the whole capture has of it, up to two seconds
    after it was known to fail."""
    heard, recorder, told = run(capture_of(case), tmp_path)
    assert told == []
    failed = {identity: one.cause for identity, one in heard.last.items() if one.outcome == "failed"}
    written = {}
    for path in tmp_path.glob("*.json"):
        [session] = json.loads(path.read_text("utf-8"))["sessions"]
        written[session["id"]] = session["cause"]
        [again] = capanalyzer.build_report(str(path.with_suffix(".pcapng"))).sessions
        assert again.client.ip == session["client"]["ip"]
        assert again.start == session["start"]
    assert written == failed
    assert recorder.counts["skipped"] == recorder.counts["failed"] == 0


def test_fragments_belong_to_their_stream(tmp_path: Path) -> None:
    """Frames that carry a part of a packet only, and came before the one that made it whole."""
    heard, _, _ = run(capture_of(PCAPS / "vxlan-fragments"), tmp_path)
    assert {frame for _, frame in heard.belonging} == set(range(3, 23))  # all but ARP and multicast listeners
