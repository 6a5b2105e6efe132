"""Long runs: nothing that a run keeps grows for ever, whoever keeps it.

A network after the other is seen, every half hour another one, with clients, servers and hellos of its own that fail
in many ways or work. After six hours all that ages out has come to rest, and every table that has a limit (made small
here) has reached it; after twelve hours nothing may be larger. What grows is found by walking all objects that engine,
listeners and modules hold.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from capanalyzer.analysis import Options
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.capture.source import open_files
from capanalyzer.live import engine as engine_module
from capanalyzer.live.engine import Engine
from capanalyzer.live.jsonl import JsonLines
from capanalyzer.live.lines import PlainLines
from capanalyzer.live.metrics.numbers import Numbers
from capanalyzer.live.recorder import everything
from capanalyzer.live.recorder import recorder as recorder_module
from capanalyzer.live.recorder.everything import FileRing, FullCapture
from capanalyzer.live.recorder.folder import Limits as FolderLimits
from capanalyzer.live.recorder.folder import RecordFolder
from capanalyzer.live.recorder.recorder import Recorder
from capanalyzer.live.view.board import Board
from capanalyzer.streams.limits import Limits
from tests.live.flood import syns
from tests.live.reachable import entries
from tests.live.test_engine import Fed
from tests.test_pcaps import PCAPS, capture_of

SECOND: Final = 10**9
NAMES: Final = (
    "many-clients",
    "server-silent",
    "server-alerts",
    "client-aborted",
    "certificate-expired",
    "certificate-unknown-ca",
    "hello-rewritten",
    "tls-interception-by-comparison",
    "tcp-connect-refused",
    "tcp-connect-timeout",
    "tcp-connect-unreachable",
    "http-to-tls-port",
    "plaintext",
    "vxlan-fragments",
)
EVERY_NS: Final = 1_800 * SECOND
HALF: Final = 12
"""Networks: six hours."""
FLOOD_EVERY: Final = 3
LIMITS: Final = Limits(flows=400, objects=100, payload=1 << 20, keys=2_000)
TABLES: Final = (
    ("diagnosis.knowledge", "MAX_SERVERS", 10),
    ("diagnosis.legs", "MAX_LATEST", 10),
    ("diagnosis.running", "MAX_HELD", 50),
    ("diagnosis.starts", "MAX_CLIENTS", 10),
    ("diagnosis.successes", "MAX_PAIRS", 10),
    ("diagnosis.successes", "MAX_SERVERS", 10),
    ("diagnosis.trust.accepted", "MAX_ACCEPTED", 10),
    ("diagnosis.trust.clocks", "MAX_CLIENTS", 10),
    ("diagnosis.trust.issuers", "MAX_FOUND", 10),
    ("diagnosis.trust.issuers", "MAX_SERVERS", 10),
    ("handshake.departure", "_MAX_KEPT", 10),
    ("live.incidents", "MAX_CLIENTS", 100),
    ("live.incidents", "MAX_LISTED", 100),
    ("live.incidents", "MAX_OVER", 20),
    ("live.incidents", "MAX_PLACES", 100),
    ("live.recorder.memory", "_SLOTS", 1 << 10),
    ("live.view.board", "MAX_FAILURES", 20),
    ("live.view.board", "MAX_INCIDENTS", 20),
    ("packets.fragments", "MAX_COMPLETED_BYTES", 10_000),
    ("report.times", "_MAX_CACHED", 100),
)
"""What bounds tables that do not age: the stage's module, the limit, and what it is here."""


class Direct:
    """In the place of the thread that writes: what is written is written at once."""

    def __init__(self, *_: object) -> None: ...

    def submit(self, job: Callable[[], None], size: int) -> bool:
        job()
        return True

    def close(self) -> int:
        return 0


class Unheard:
    """In the place of what lines are written to; how many of them wait there has a limit of its own."""

    def __call__(self, *_: object) -> None: ...

    def many(self, *_: object) -> None: ...

    def check(self) -> None: ...


class Networks:
    """The captures' packets, every time with other addresses and hellos."""

    def __init__(self) -> None:
        self._batches = [batch for name in NAMES for batch in open_files([str(capture_of(PCAPS / name))]).batches()]
        self._batches = [replace(batch, data=batch.data.copy()) for batch in self._batches]
        self.frames = 0

    def at(self, number: int, start_ns: int) -> list[RecordBatch]:
        made = []
        for batch in self._batches:
            data = batch.data.copy()
            for at, size in zip(batch.offset.tolist(), batch.captured.tolist(), strict=True):
                _rewrite(data[at : at + size], number)
            time_ns = batch.time_ns - int(batch.time_ns.min()) + start_ns
            made.append(replace(batch, data=data, time_ns=time_ns, first_frame=self.frames + 1))
            self.frames += len(batch)
            start_ns = int(time_ns.max()) + SECOND
        if not number % FLOOD_EVERY:
            made.append(syns(500, first_frame=self.frames + 1, start_ns=start_ns, step_ns=1_000, seed=number))
            self.frames += 500
        return made


def _rewrite(packet: np.ndarray[tuple[int], np.dtype[np.uint8]], number: int) -> None:
    """Put a number into the addresses of an IPv4 packet on Ethernet, and into the random of its ClientHello."""
    if len(packet) < 54 or packet[12:14].tobytes() != b"\x08\x00":
        return
    for at in (27, 31):
        packet[at : at + 2] ^= np.array([number >> 8, number & 0xFF], np.uint8)
    payload = 34 + (int(packet[46]) >> 4) * 4
    if packet[23] == 6 and len(packet) > payload + 43 and packet[payload] == 22 and packet[payload + 5] == 1:
        packet[payload + 20 : payload + 22] ^= np.array([number >> 8, number & 0xFF], np.uint8)


class Shown:
    """The view's board as a listener."""

    def __init__(self) -> None:
        self.board = Board("test0")
        self.verdict, self.packets, self.belong = self.board.verdict, self._pass, self._pass
        self.working = self.reopen = self.close = self._pass

    def incident(self, incident: object, *, new: bool) -> None:
        self.board.incident(incident)  # type: ignore[arg-type]

    def tick(self, state: object) -> None:
        self.board.tick(state, 0.0)  # type: ignore[arg-type]

    def _pass(self, *_: object) -> None: ...


def test_nothing_grows_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "time_ns", lambda: 1 << 62)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(recorder_module, "Writing", Direct)
    monkeypatch.setattr(recorder_module, "make_files", lambda *_, **__: {"md": b"what is in it takes long to make"})
    monkeypatch.setattr(everything, "Writing", Direct)
    for module, limit, size in TABLES:
        monkeypatch.setattr(import_module(f"capanalyzer.{module}"), limit, size)
    info, told = CaptureInfo("test0", "live", interfaces=["test0"]), list[str]()
    lines: Any = Unheard()
    listeners = [
        Recorder(
            RecordFolder(str(tmp_path / "records"), FolderLimits(records=5)),
            info,
            source="test0",
            memory_bytes=1 << 18,
            tell=told.append,
        ),
        FullCapture(FileRing(str(tmp_path / "all"), file_bytes=1 << 18, files=2), info, tell=told.append),
        Numbers(),
        JsonLines(lines),
        PlainLines(lines, lang="en", verbose=True),
        Shown(),
    ]
    source = Fed()
    engine = Engine(source, listeners, Options(), is_watched=False, may_be_trimmed=False, limits=LIMITS)
    networks, sizes = Networks(), list[dict[str, int]]()
    for number in range(2 * HALF):
        start_ns = 1_800_000_000 * SECOND + number * EVERY_NS
        for batch in networks.at(number, start_ns):
            engine.take(batch)
            engine.advance(int(batch.time_ns.max()))
        for minutes in range(10, 30, 2):
            engine.advance(start_ns + minutes * 60 * SECOND)
        engine.tick()
        if number % (HALF // 2) == HALF // 2 - 1:
            gc.collect()
            sizes.append(dict(entries([engine, *listeners])))
    for listener in listeners:
        listener.close()
    before, after = (
        {path: max(one.get(path, 0) for one in part) for path in {*part[0], *part[1]}}
        for part in (sizes[:2], sizes[2:])
    )
    grown = {path: (before.get(path, 0), size) for path, size in after.items() if size > before.get(path, 0) * 1.1 + 20}
    assert grown == {}
    state = engine.state()
    assert state.outcomes["failed"] > 10 * HALF
    assert state.outcomes["established"] > 10 * HALF
    assert engine._telling.incidents.unlisted
