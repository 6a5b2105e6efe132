"""What processes tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple, TypeAlias

from capanalyzer.analysis import Options, Tally
from capanalyzer.capture.records import CaptureInfo
from capanalyzer.redact.redactor import Redactor
from capanalyzer.remark import Remark
from capanalyzer.report.line import Line
from capanalyzer.streams.share import Share

__all__ = ["Block", "Broken", "Done", "Learned", "Message", "Placed", "Task", "Undivided", "Unreadable"]


@dataclass(frozen=True, slots=True)
class Task:
    """To a worker: a share of a capture to be analysed."""

    paths: list[str]
    """See :attr:`capanalyzer.capture.records.Capture.paths`."""
    capture: int
    share: Share
    seeds: tuple[int, int]
    options: Options
    lang: str
    redactor: Redactor | None = None


_new = tuple.__new__  # Line._make would be called as Python code for each

Placed: TypeAlias = tuple[int, Line]
"""Turn and line of a finished session. Such pairs compare as the sessions of all shares are ordered: by turn, then by
the line's id, of which no two are equal."""


class Block(NamedTuple):
    """Finished sessions in order, and how far the worker has come. Plain lists: they cross quickly."""

    turns: list[int]
    ids: list[int]
    outcomes: list[str]
    lines: bytes
    """One for each, no newline inside."""
    read: tuple[int, int | None]
    """(input bytes read, input bytes in all or None)."""
    packets: int

    def sessions(self) -> list[Placed]:
        """Its sessions, in order."""
        data = self.lines.split(b"\n") if self.ids else []
        lines = map(_new, repeat(Line), zip(self.ids, self.outcomes, data, strict=True))
        return list(zip(self.turns, lines, strict=True))


class Learned(NamedTuple):
    """A share's sessions have been seen; those that are compared wait for a list of what the other shares learned."""

    knowledge: bytes
    """A pickled :class:`capanalyzer.diagnosis.knowledge.Knowledge`: only another worker needs the object."""


class Done(NamedTuple):
    """The task is finished."""

    info: CaptureInfo
    tally: Tally


class Undivided(NamedTuple):
    """The task is finished: connections of this capture are judged together, so one process has to do it. Every share
    of it ends so at the same packet, and what came before is as one process gives it.
    """


class Unreadable(NamedTuple):
    """The task is finished: the capture cannot be read."""

    path: str
    reason: Remark


class Broken(NamedTuple):
    """The task failed in a way that it should not."""

    error: str
    """Its type and what it says."""
    trace: str
    """Where it happened."""
    is_memory: bool
    """There was no memory left."""


Message: TypeAlias = Block | Learned | Done | Undivided | Unreadable | Broken
"""From a worker."""
