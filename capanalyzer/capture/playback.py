"""A file in the place of an interface: its packets as fast as they are analysed, its times as the clock."""

from __future__ import annotations

from capanalyzer.capture.live_source import Drops
from capanalyzer.capture.records import RecordBatch
from capanalyzer.capture.source import open_captures
from capanalyzer.errors import CaptureError

__all__ = ["Playback"]

PIECE_BYTES = 1 << 20
"""Read at once: some thousand packets, so that what happens in a file is told in its order."""


class Playback:
    """A :class:`~capanalyzer.capture.live_source.LiveSource` over a capture file.

    :raises CaptureError: it is none, or cannot be read.
    """

    def __init__(self, path: str) -> None:
        capture = next(open_captures([path], batch_bytes=PIECE_BYTES))
        if isinstance(capture, CaptureError):
            raise capture
        self.info = capture.info
        self._batches = capture.batches()
        self._now_ns = 0
        self.ended = False

    def read(self, timeout_s: float) -> RecordBatch | None:
        """The next packets; None when there are no more."""
        batch = None if self.ended else next(self._batches, None)
        if batch is None:
            self.ended = True
        elif len(batch):
            self._now_ns = max(self._now_ns, int(batch.time_ns.max()))
        return batch

    def drops(self) -> Drops:
        """What the capturing host says it lost; known from the end of a file on."""
        return Drops(ring=0, interface=0)

    def now_ns(self) -> int:
        """The newest packet's time."""
        return self._now_ns

    def close(self) -> None:
        """Nothing more is read."""
        self.ended = True
