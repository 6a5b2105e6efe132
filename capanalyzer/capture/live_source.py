"""Where live packets come from: an interface, several of them, or a pipe; what it promises to whoever reads it.

A live source is asked again and again, and answers soon whether or not something came: whoever reads it has timers to
keep. What it loses it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.remark import Remark

__all__ = ["Drops", "LiveSource", "News"]


@dataclass(frozen=True, slots=True)
class Drops:
    """Packets that passed the filter (or may have) and were not seen, since the start."""

    ring: int = 0
    """The kernel had no room for: we were too slow."""
    interface: int = 0
    """The interface or its driver lost them before anybody could take them."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.ring + self.interface


class News:
    """What is to be told of a capture while it goes on: its warnings, and what happens to it again and again."""

    def __init__(self, info: CaptureInfo) -> None:
        self._info = info
        self._seen = 0
        """Warnings that were taken."""
        self._again: list[Remark] = []

    def add(self, sentence: Remark) -> None:
        """Tell this; in the report it stands once, however often it happens."""
        if sentence in self._info.warnings:
            self._again.append(sentence)
        else:
            self._info.warnings.append(sentence)

    def take(self) -> list[Remark]:
        """What came since the last call, each one plain sentence."""
        warnings = self._info.warnings
        fresh, self._seen = warnings[self._seen :], len(warnings)
        again, self._again = self._again, []
        return [*fresh, *again]


class LiveSource(Protocol):
    """Packets as they come. Not to be used from two threads."""

    info: CaptureInfo
    """Grows with every batch."""

    @property
    def ended(self) -> bool:
        """Nothing comes any more: the pipe was closed, the interface is gone."""
        ...

    def read(self, timeout_s: float) -> RecordBatch | None:
        """What has come; None when nothing did within this time.

        A batch's data is valid until the next call. Frames are numbered from 1 over the whole run.

        :raises CaptureError: the source can no longer be read.
        """
        ...

    def drops(self) -> Drops:
        """What was lost so far; cheap enough to be asked once a second."""
        ...

    def news(self) -> list[Remark]:
        """What there is to be told of it since this was asked last, as plain sentences (:class:`News`)."""
        ...

    def interfaces(self) -> Mapping[str, int]:
        """How many interfaces are ``up``, ``down`` or ``gone`` of those it was given by name; empty: it has none."""
        ...

    def now_ns(self) -> int:
        """The capture clock: of an interface the system's clock, of a pipe the newest packet's time."""
        ...

    def close(self) -> None:
        """Give back what it holds; further calls do nothing."""
        ...
