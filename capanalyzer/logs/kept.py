"""The lines of all given logs in memory: a bounded number, those that tell of a failure first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from capanalyzer.logs.line import LogLine
from capanalyzer.remark import Remark

__all__ = ["KeptLog", "Logs"]

MAX_FAILURES: Final = 100_000
"""Lines of one log that tell of a failure, some 1 kB each. The last ones are kept: a log goes on after the capture was
taken more seldom than it began long before."""
MAX_OTHERS: Final = 20_000
"""Other lines of one log."""
MAX_LINES: Final = 400_000
"""Of all logs."""


@dataclass(slots=True)
class KeptLog:
    """One log."""

    path: str
    lines: int = 0
    """All, recognised or not."""
    recognised: int = 0
    failures: int = 0
    left_out: int = 0
    """Recognised lines beyond the limits."""
    formats: dict[str, int] = field(default_factory=dict)
    """Lines of each."""
    problem: Remark | None = None
    """Why it was not read to its end; a sentence without its full stop."""
    cut_lines: int = 0
    """Lines of which only the beginning was read."""


class Logs:
    """All logs of a call."""

    def __init__(self) -> None:
        self.all: list[KeptLog] = []
        self.lines: list[LogLine] = []

    def add(self, log: KeptLog, lines: Iterable[LogLine]) -> None:
        """Take a log's recognised lines; ``log`` is completed in passing."""
        self.all.append(log)
        failures: deque[LogLine] = deque(maxlen=MAX_FAILURES)
        others: deque[LogLine] = deque(maxlen=MAX_OTHERS)
        for line in lines:
            log.recognised += 1
            log.formats[line.format] = log.formats.get(line.format, 0) + 1
            log.failures += line.is_failure
            (failures if line.is_failure else others).append(line)
        room = MAX_LINES - len(self.lines)
        kept = [*failures, *others][: max(0, room)]
        log.left_out = log.recognised - len(kept)
        self.lines += sorted(kept, key=lambda line: line.number)
