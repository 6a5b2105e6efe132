"""What a worker process does: one task after the other, until no more come."""

from __future__ import annotations

import gc
import pickle
import signal
import traceback
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import Final

from capanalyzer.analysis import Analysis, Judged
from capanalyzer.capture.records import Capture
from capanalyzer.capture.source import open_files
from capanalyzer.diagnosis.bulk import JudgedRun
from capanalyzer.diagnosis.verdict import Outcome
from capanalyzer.errors import CaptureError
from capanalyzer.parallel.messages import Block, Broken, Done, Learned, Task, Undivided, Unreadable
from capanalyzer.report.line import Lines
from capanalyzer.report.made import lines_of, session_line
from capanalyzer.streams.share import NotDivisible

__all__ = ["work"]

BLOCK_BYTES: Final = 1 << 18
"""Text of sessions sent at once: large enough that messages do not count, small enough that memory does not."""


def work(tasks: Connection, others: Iterable[Connection], thresholds: tuple[int, int, int]) -> None:
    """A worker's life, which ends when the caller's end of ``tasks`` is closed.

    :param tasks: brings tasks, takes messages.
    :param others: the calling process's ends of all connections, which a forked process has too: while they are open
        here, nobody would notice that the caller is gone.
    :param thresholds: of the garbage collector.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the caller ends the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for connection in others:
        connection.close()
    gc.set_threshold(*thresholds)
    try:
        while True:
            task: Task = tasks.recv()
            try:
                _Errand(task, tasks).run()
            except NotDivisible:
                tasks.send(Undivided())
            except CaptureError as error:
                tasks.send(Unreadable(error.path, error.reason))
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller raises it
                trace = "".join(traceback.format_exception(error))
                tasks.send(Broken(f"{type(error).__name__}: {error}", trace, isinstance(error, MemoryError)))
    except (EOFError, OSError):
        return  # the caller is gone


class _Errand:
    """One task."""

    def __init__(self, task: Task, connection: Connection) -> None:
        self._task, self._connection = task, connection
        self._turns: list[int] = []
        self._ids: list[int] = []
        self._outcomes: list[str] = []
        self._data: list[bytes] = []
        self._size = 0

    def run(self) -> None:
        """Analyse, and send what comes out.

        :raises CaptureError: when the capture cannot be read.
        :raises NotDivisible: when it has to be analysed as a whole; what came before was sent.
        """
        task, connection = self._task, self._connection
        capture = open_files(task.paths)
        analysis = Analysis(task.options, capture=task.capture, share=task.share, seeds=task.seeds)
        for batch in capture.batches():
            self._take(capture, analysis, analysis.feed(batch))
            self._send(capture)
        self._take(capture, analysis, analysis.close())
        self._send(capture)
        if task.share.of > 1:
            connection.send(Learned(pickle.dumps(analysis.knowledge)))
            for others in connection.recv():
                analysis.knowledge.merge(pickle.loads(others))  # noqa: S301 - made by a process of our own
        self._take(capture, analysis, analysis.compare())
        self._send(capture)
        capture.info.f5 = analysis.f5
        connection.send(Done(capture.info, analysis.tally()))

    def _take(self, capture: Capture, analysis: Analysis, judged: Iterable[Judged]) -> None:
        lang, timeline = self._task.lang, self._task.options.full_timeline
        redactor = self._task.redactor
        for one in judged:
            # Redacted sessions need their models.
            plain = timeline or redactor is not None
            for part in lines_of(one, timeline=plain) if type(one) is JudgedRun else (one,):
                if isinstance(part, Lines):
                    ids, data = part.ids, part.data
                    self._outcomes += [Outcome.ESTABLISHED.value] * len(ids)
                else:
                    line = session_line(*part, lang=lang, timeline=timeline, redactor=redactor)
                    ids, data = [line.id], [line.data]
                    self._outcomes.append(line.outcome)
                self._turns += [analysis.turn] * len(ids)
                self._ids += ids
                self._data += data
                self._size += sum(map(len, data))
            if self._size >= BLOCK_BYTES:
                self._send(capture)

    def _send(self, capture: Capture) -> None:
        data = b"\n".join(self._data)
        block = Block(self._turns, self._ids, self._outcomes, data, capture.progress(), capture.info.packets)
        self._connection.send(block)
        for column in (self._turns, self._ids, self._outcomes, self._data):
            column.clear()
        self._size = 0
