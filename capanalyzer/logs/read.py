"""The entries of a log about TLS: what is not about it is passed over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from capanalyzer.logs.body import bodies
from capanalyzer.logs.entries import Entries
from capanalyzer.logs.found import Found
from capanalyzer.logs.line import LogLine
from capanalyzer.logs.lines import LogFile
from capanalyzer.logs.recognise import possible, understand
from capanalyzer.remark import Remark

__all__ = ["read_lines", "read_log"]

_GROUP: Final = 100
_GROUP_CHARACTERS: Final = 256 << 10
_BEFORE: Final = 60
"""Lines back in which a line without a time of its own looks for one: a Java stack trace stands below its log line."""


def read_log(path: str, *, warn: Callable[[Remark], None] | None = None) -> Iterator[LogLine]:
    """The entries of one log.

    :param warn: is told what was wrong with the file, one sentence at a time, once its end was reached.

    :raises LogError: it cannot be read at all.
    """
    log = LogFile(path)
    return _of_file(log, path, warn)


def _of_file(log: LogFile, path: str, warn: Callable[[Remark], None] | None) -> Iterator[LogLine]:
    yield from read_lines(log, source=path)
    if warn is not None:
        if log.problem is not None:
            warn(Remark("{path}: {problem}.", path=path, problem=log.problem))
        if log.cut_lines:
            warn(
                Remark.counted(
                    "{path}: {n} line is longer than 64 KiB; only its beginning was read.",
                    "{path}: {n} lines are longer than 64 KiB; only their beginning was read.",
                    log.cut_lines,
                    path=path,
                )
            )


def read_lines(lines: Iterable[tuple[int, str]], *, source: str = "") -> Iterator[LogLine]:
    """The entries of numbered lines that follow each other."""
    together = Entries()
    before: deque[str] = deque(maxlen=_BEFORE)
    for group in _groups(lines):
        # Most lines of most logs say nothing of TLS: all of a group are asked at once for the words that would.
        formats = possible("\n".join(text for _, text in group))
        if not formats:
            before.extend(text for _, text in group[-_BEFORE:])
            continue
        for number, text in group:
            found = understand(text, source=source, number=number, formats=formats)
            if found is not None:
                if found.line.time_ns is None:
                    found = _timed(found, before)
                yield from together.feed(found)
            before.append(text)
    yield from together.finish()


def _groups(lines: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """A few at a time; a line that grew long stands alone."""
    group: list[tuple[int, str]] = []
    size = 0
    for number, text in lines:
        group.append((number, text))
        size += len(text)
        if len(group) == _GROUP or size > _GROUP_CHARACTERS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _timed(found: Found, before: deque[str]) -> Found:
    """With the time of the nearest line above that has one."""
    for text in reversed(before):
        if (stamp := bodies(text[:4096])[0].stamp) is not None:
            line = replace(
                found.line,
                time_ns=stamp.time_ns,
                has_zone=stamp.has_zone,
                has_year=stamp.has_year,
                resolution_ns=max(stamp.resolution_ns, 1_000_000_000),
            )
            return found._replace(line=line)
    return found
