"""Captures on their way through several processes, as :class:`capanalyzer.report.document.Document` reads them."""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby, islice
from typing import BinaryIO, Final, TypeAlias

from capanalyzer.analysis import CaptureRun, Options
from capanalyzer.capture.records import Capture
from capanalyzer.capture.source import open_captures
from capanalyzer.errors import CaptureError
from capanalyzer.parallel.crew import Crew, Method, Workers
from capanalyzer.parallel.messages import Block, Done, Learned, Message, Placed, Task, Undivided, Unreadable
from capanalyzer.redact.redactor import Redactor
from capanalyzer.report.line import Line
from capanalyzer.streams.f5.probe import shows_f5
from capanalyzer.streams.share import BUCKETS, WHOLE, Share

__all__ = ["SHARED_BYTES", "MadeRun", "analyze_captures"]

SHARED_BYTES: Final = 16 << 20
"""A smaller file is read by one process: it takes less time than the others take to start."""

AnyRun: TypeAlias = "CaptureRun | MadeRun"


class MadeRun:
    """A capture whose sessions are made by other processes."""

    def __init__(
        self, capture: Capture, index: int, crew: Crew, tasks: range, whole: Callable[[], MadeRun] | None = None
    ) -> None:
        """A run of one capture.

        :param tasks: which of the crew's tasks are the shares of this capture.
        :param whole: gives a run by one process, for a capture that turns out not to be divisible.
        """
        self.index, self.info = index, capture.info
        """``info`` is final once :meth:`lines` has been read to its end."""
        self._capture = capture
        self._crew, self._tasks, self._whole = crew, tasks, whole
        self._again: MadeRun | None = None
        self._read: tuple[int, int | None] = 0, capture.progress()[1]
        self._unfinished = len(tasks)

    @property
    def copies(self) -> list[str]:
        """See :attr:`capanalyzer.analysis.CaptureRun.copies`."""
        return self._capture.copies

    @property
    def is_over(self) -> bool:
        """No worker is busy with it any more."""
        return not self._unfinished and (self._again is None or self._again.is_over)

    def progress(self) -> tuple[int, int | None]:
        """(input bytes read, input bytes in all or None)."""
        return self._read if self._again is None else self._again.progress()

    def lines(self) -> Iterator[Line]:
        """Every session, in the order in which one process would give them. To be read once.

        :raises CaptureError: where the capture turns out to be unreadable only now.
        :raises WorkerError: when a worker process is lost.
        """
        knowledge: dict[int, bytes] = {}
        ends: list[Done] = []
        streams = [(task, self._crew.messages(task)) for task in self._tasks]
        given = 0
        for line in self._in_order(streams, knowledge, ends):
            given += 1
            yield line
        if self._whole is not None and not self._unfinished and not ends:
            self._again = self._whole()
            yield from islice(self._again.lines(), given, None)  # the first ones come out the same
            self.info = self._again.info
            return
        if knowledge:
            # Each worker's own knowledge is the one it has already.
            for task in self._tasks:
                self._crew.send(task, [learned for other, learned in knowledge.items() if other != task])
            yield from self._in_order(streams, knowledge, ends)
        info, tally = ends[0]
        for end in ends[1:]:
            tally.add_share(end.tally)
        info.warnings += tally.warnings()
        self.info = info

    def _in_order(
        self, streams: Sequence[tuple[int, Iterator[Message]]], knowledge: dict[int, bytes], ends: list[Done]
    ) -> Iterator[Line]:
        """Sessions of all shares up to each one's next message of another kind."""
        return in_order([self._sessions(task, stream, knowledge, ends) for task, stream in streams])

    def _sessions(
        self, task: int, stream: Iterator[Message], knowledge: dict[int, bytes], ends: list[Done]
    ) -> Iterator[list[Placed]]:
        for message in stream:
            match message:
                case Block():
                    # All shares read the same: what any of them says of its progress holds for all.
                    self._read, self.info.packets = message.read, message.packets
                    if message.ids:
                        yield message.sessions()
                case Learned(learned):
                    knowledge[task] = learned
                    return
                case Done():
                    self._unfinished -= 1
                    ends.append(message)
                    return
                case Undivided():
                    self._unfinished -= 1
                    return
                case Unreadable(path, reason):
                    self._unfinished -= 1
                    raise CaptureError(path, reason)


def in_order(streams: Sequence[Iterator[list[Placed]]]) -> Iterator[Line]:
    """Lines of several streams in order; each stream gives lists, not empty, that are in order and follow each other.

    Like heapq.merge, but list by list: of 100,000 sessions none is looked at for itself.
    """
    heads = [(stream, first) for stream in streams if (first := next(stream, []))]
    while heads:
        limit = min(head[-1] for _, head in heads)
        ready: list[Placed] = []
        following = []
        for stream, head in heads:
            cut = bisect_right(head, limit)
            ready += head[:cut]
            rest = head[cut:] or next(stream, [])
            if rest:
                following.append((stream, rest))
        heads = following
        ready.sort()
        for _, line in ready:
            yield line


def analyze_captures(
    inputs: Sequence[str | BinaryIO],
    options: Options,
    *,
    lang: str,
    redactor: Redactor | None = None,
    method: Method | None = None,
) -> Iterator[AnyRun | CaptureError]:
    """As :func:`capanalyzer.analysis.analyze_captures`, with ``options.jobs`` processes, which are started at once.

    :param lang: language of the findings' texts.
    :param redactor: hides whose sessions they are.
    :param method: how processes are started, see :class:`capanalyzer.parallel.crew.Workers`.
    """
    plan = _plan(inputs, options)
    made = [run for run in plan if isinstance(run, _Planned)]
    if sum(run.parts for run in made) < 2:
        return iter([run.here(options) if isinstance(run, _Planned) else run for run in plan])
    count = max(min(options.jobs, len(made)), *(run.parts for run in made))
    return _runs(plan, _Processes(count, method), options, lang, redactor)


class _Planned:
    """A capture that other processes can open, and into how many shares it is to be divided."""

    def __init__(self, capture: Capture, paths: list[str], index: int) -> None:
        self.capture, self.paths, self.index = capture, paths, index
        self.size = capture.progress()[1] or 0
        self.parts = 1

    def here(self, options: Options) -> CaptureRun:
        """To be analysed by this process after all."""
        return CaptureRun(self.index, self.capture, options)

    def tasks(self, options: Options, lang: str, redactor: Redactor | None) -> list[Task]:
        """What the workers have to do."""
        seeds = secrets.randbits(64), secrets.randbits(64)
        shares = [Share(number, self.parts) for number in range(self.parts)] if self.parts > 1 else [WHOLE]
        return [Task(self.paths, self.index, share, seeds, options, lang, redactor) for share in shares]

    def run(self, crew: Crew, first: int, whole: Callable[[], MadeRun] | None = None) -> MadeRun:
        """Its run by a crew's tasks from ``first`` on."""
        return MadeRun(self.capture, self.index, crew, range(first, first + self.parts), whole)

    def whole(self, workers: Workers, options: Options, lang: str, redactor: Redactor | None) -> MadeRun:
        """Its run by one of these workers, none of whom is busy."""
        again = _Planned(self.capture, self.paths, self.index)
        return again.run(Crew(workers, again.tasks(options, lang, redactor)), 0)


def _plan(inputs: Sequence[str | BinaryIO], options: Options) -> list[_Planned | CaptureRun | CaptureError]:
    """Who analyses what, in the order of the captures."""
    plan: list[_Planned | CaptureRun | CaptureError] = []
    index = 0
    for capture in open_captures(inputs, spool=options.spool):
        if isinstance(capture, CaptureError):
            plan.append(capture)
            continue
        paths = capture.paths
        plan.append(CaptureRun(index, capture, options) if paths is None else _Planned(capture, paths, index))
        index += 1
    planned = [run for run in plan if isinstance(run, _Planned)]
    total = sum(run.size for run in planned)
    for run in planned:
        # Among many of its size a large capture is better left whole: then it is read once only.
        if run.size >= SHARED_BYTES and 2 * options.jobs * run.size > total and not shows_f5(run.paths):
            run.parts = min(options.jobs, BUCKETS)
    return plan


class _Processes:
    """Workers, made anew when a run has left them in the middle of something."""

    def __init__(self, count: int, method: Method | None) -> None:
        self._count, self._method = count, method
        self.workers = Workers(count, method=method)

    def renew(self) -> None:
        self.workers.close()
        self.workers = Workers(self._count, method=self._method)


def _stage(run: _Planned | CaptureRun | CaptureError) -> int:
    """Equal for neighbours that are analysed at the same time."""
    return run.index if isinstance(run, _Planned) and run.parts > 1 else -1


def _runs(
    plan: Sequence[_Planned | CaptureRun | CaptureError],
    processes: _Processes,
    options: Options,
    lang: str,
    redactor: Redactor | None,
) -> Iterator[AnyRun | CaptureError]:
    """Divided captures one after the other, between them whole ones at the same time."""
    try:
        for _, group in groupby(plan, _stage):
            stage = list(group)
            planned = [run for run in stage if isinstance(run, _Planned)]
            crew = Crew(processes.workers, [task for run in planned for task in run.tasks(options, lang, redactor)])
            begin = 0
            for run in stage:
                if not isinstance(run, _Planned):
                    yield run
                    continue
                whole = partial(run.whole, processes.workers, options, lang, redactor) if run.parts > 1 else None
                made = run.run(crew, begin, whole)
                begin += run.parts
                yield made
                if not made.is_over:
                    processes.renew()
    finally:
        processes.workers.close()
