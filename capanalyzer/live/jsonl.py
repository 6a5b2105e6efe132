"""``live --format jsonl``: a session as one line as soon as it is told, and again when its verdict changes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import RecordBatch
from capanalyzer.live.listener import LiveVerdict, State
from capanalyzer.report import model

__all__ = ["JsonLines"]

I64 = NDArray[np.int64]


class JsonLines:
    """Writes what ``analyze --format jsonl`` writes, a line at a time."""

    def __init__(self, write: Callable[[bytes], None], reopen: Callable[[], None]) -> None:
        """:param write: takes whole lines, and brings them to their reader at once."""
        self._write, self._reopen = write, reopen
        self._encode = msgspec.json.Encoder().encode

    def packets(self, batch: RecordBatch) -> None:
        """Of no interest."""

    def belong(self, streams: I64, frames: I64) -> None:
        """Of no interest."""

    def verdict(self, told: LiveVerdict) -> None:
        """A line."""
        self._write(self._encode(told.model) + b"\n")

    def incident(self, incident: model.Incident, *, new: bool) -> None:
        """They come with the last line."""

    def tick(self, state: State) -> None:
        """Of no interest."""

    def reopen(self) -> None:
        """Go on in a new file."""
        self._reopen()

    def end(self, trailer: model.Trailer) -> None:
        """The last line, which has no ``outcome``."""
        self._write(self._encode(trailer) + b"\n")

    def close(self) -> None:
        """Nothing is kept."""
