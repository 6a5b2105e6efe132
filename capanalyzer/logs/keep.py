"""Given logs, read into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from capanalyzer.logs.kept import KeptLog, Logs
from capanalyzer.logs.lines import LogFile, log_files
from capanalyzer.logs.read import read_lines

__all__ = ["keep_logs"]


def keep_logs(names: Iterable[str]) -> Logs:
    """The lines about TLS of all these logs, as far as there is room.

    :param names: files, packed or not, and patterns.
    :raises LogError: one of them cannot be read.
    """
    logs = Logs()
    for path in log_files(names):
        log, file = KeptLog(path), LogFile(path)
        logs.add(log, read_lines(_counted(file, log), source=path))
        log.problem, log.cut_lines = file.problem, file.cut_lines
    return logs


def _counted(file: LogFile, log: KeptLog) -> Iterator[tuple[int, str]]:
    for number, text in file:
        log.lines = number
        yield number, text
