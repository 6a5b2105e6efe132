"""The progress line: what it says, how long it may be, and that it goes away."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from capanalyzer.report import progress as module
from capanalyzer.report.progress import Progress, progress_line


def test_line_with_a_known_total() -> None:
    line = progress_line("edge.pcap", 250_000_000, 1_000_000_000, 3_000_000, 2.0, 80)
    assert line == "edge.pcap   25%  250 of 1,000 MB  1.5 M packets/s  6 s left"


def test_line_of_a_pipe_promises_nothing() -> None:
    line = progress_line("-", 250_000_000, None, 3_000, 2.0, 80)
    assert line == "-  250 MB  2 k packets/s"


def test_a_file_that_grows_does_not_pass_100_percent() -> None:
    assert "100%" in progress_line("a", 30, 20, 1, 1.0, 80)
    assert progress_line("a", 10, 1000, 1, 10.0, 80).endswith("16 min left")
    assert "  0 s left" in progress_line("a", 30, 20, 1, 1.0, 80)


@pytest.mark.parametrize("width", [10, 30, 60, 80])
def test_line_fits(width: int) -> None:
    assert len(progress_line("/a/very/long/path" * 9, 10**9, 2 * 10**9, 10**6, 1.0, width)) < width


def test_shown_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run shows the line; at the end it is erased."""
    monkeypatch.setattr(module, "FIRST_AFTER_S", 0.0)
    monkeypatch.setattr(module, "EVERY_S", 0.001)
    written: list[str] = []
    seen = threading.Event()

    def write(text: str) -> None:
        written.append(text)
        if "edge" in text:
            seen.set()

    run = SimpleNamespace(info=SimpleNamespace(path="edge\x1b.pcap", packets=5), progress=lambda: (1, 2))
    with Progress(write, 80) as progress:
        progress.watch(run)
        assert seen.wait(60)
    assert written[-1] == "\r\x1b[K"
    assert "edge\\x1b.pcap" in "".join(written)


def test_a_short_run_shows_nothing() -> None:
    written: list[str] = []
    with Progress(written.append, 80) as progress:
        progress.watch(SimpleNamespace(info=SimpleNamespace(path="a", packets=0), progress=lambda: (0, None)))
    assert written == []
