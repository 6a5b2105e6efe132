"""Trouble that goes on is told, but not again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

__all__ = ["Complaint", "reason_of"]

AGAIN_S: Final = 300.0
"""The same trouble is told again after so long."""


class Complaint:
    """Of one part of a run; used in one thread at a time."""

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """:param tell: called with one line."""
        self._tell, self._clock = tell, clock
        self._told: dict[str, float] = {}

    def make(self, reason: str, text: str) -> None:
        """Tell a text, unless this reason was the matter a short while ago."""
        now_s = self._clock()
        last_s = self._told.get(reason)
        if last_s is None or now_s - last_s >= AGAIN_S:
            if len(self._told) > 100:
                self._told.clear()
            self._told[reason] = now_s
            self._tell(text)


def reason_of(error: Exception) -> str:
    """What went wrong, in a few words."""
    said = error.strerror if isinstance(error, OSError) else None
    return said or str(error) or type(error).__name__
