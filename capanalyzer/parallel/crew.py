"""Worker processes, and how tasks are handed to them and their messages taken."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import threading
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from capanalyzer.errors import WorkerError
from capanalyzer.parallel.messages import Block, Broken, Done, Message, Task, Undivided, Unreadable
from capanalyzer.parallel.worker import work
from capanalyzer.remark import Remark

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

__all__ = ["Crew", "Method", "Workers"]

Method: TypeAlias = Literal["fork", "spawn"]
"""How processes are started."""

AHEAD_BYTES: Final = 32 << 20
"""Text of sessions taken from workers whose turn has not come; beyond it they have to wait."""
PATIENCE_S: Final = 5.0
"""A process that was told to end has this long."""


class Workers:
    """Processes, started at once and ended by :meth:`close`."""

    def __init__(self, count: int, *, method: Method | None = None) -> None:
        """Start ``count`` processes.

        :param method: ``fork`` or ``spawn``; None: fork where that is there and safe. A forked process has everything
            imported already.
        """
        method = method or _method()
        # Two calls, because only the result of a constant name has a type that knows processes.
        context = multiprocessing.get_context("fork") if method == "fork" else multiprocessing.get_context("spawn")
        self.connections: list[Connection] = []
        self._processes: list[BaseProcess] = []
        thresholds = gc.get_threshold()
        for _ in range(count):
            mine, its = context.Pipe()
            self.connections.append(mine)
            inherited = self.connections if method == "fork" else []
            process = context.Process(target=work, args=(its, inherited, thresholds), daemon=True)
            with warnings.catch_warnings():
                # Threads that only the C library of some extension knows about hold no lock that a worker needs.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            its.close()
            self._processes.append(process)

    def lost(self, number: int, what: str) -> WorkerError:
        """The error that tells how a worker ended while it was busy with ``what``."""
        process = self._processes[number]
        process.join(PATIENCE_S)
        code = process.exitcode
        if code is None or code >= 0:
            return WorkerError(Remark("{what}: a worker process ended with status {code}", what=what, code=code))
        name = _signal_name(-code)
        if name != "SIGKILL":
            return WorkerError(Remark("{what}: a worker process was killed ({signal})", what=what, signal=name))
        return WorkerError(
            Remark(
                "{what}: a worker process was killed ({signal}); there may be too little memory for so many processes",
                what=what,
                signal=name,
            )
        )

    def close(self) -> None:
        """End all processes, whatever they are doing."""
        for connection in self.connections:
            connection.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
        self._processes.clear()
        self.connections.clear()


class Crew:
    """Tasks in order, done by workers at the same time. The first ones are started at once."""

    def __init__(self, workers: Workers, tasks: Sequence[Task]) -> None:
        self._workers = workers
        self._tasks = tasks
        self._next = 0
        self._task_of: dict[int, int] = {}
        """By worker: the task it is busy with."""
        self._waiting: list[deque[Message]] = [deque() for _ in tasks]
        self._ahead = 0
        """Bytes of the blocks in ``_waiting``."""
        for worker in range(len(workers.connections)):
            self._assign(worker)

    def messages(self, task: int) -> Iterator[Message]:
        """What a task's worker says, up to the task's end. Tasks before this one must have been read to theirs.

        :raises WorkerError: when a worker process is lost or has no memory left.
        """
        waiting = self._waiting[task]
        while True:
            while not waiting:
                self._receive(task)
            message = waiting.popleft()
            if isinstance(message, Block):
                self._ahead -= len(message.lines)
            elif isinstance(message, Broken):
                raise _failure(message, self._tasks[task].paths[0])
            yield message
            if isinstance(message, Done | Undivided | Unreadable):
                return

    def send(self, task: int, answer: list[bytes]) -> None:
        """Answer the worker that is busy with this task."""
        worker = next(worker for worker, busy in self._task_of.items() if busy == task)
        try:
            self._workers.connections[worker].send(answer)
        except (BrokenPipeError, ConnectionResetError):
            raise self._lost(worker) from None

    def _assign(self, worker: int) -> None:
        self._task_of.pop(worker, None)
        if self._next < len(self._tasks):
            self._task_of[worker] = self._next
            self._next += 1
            try:
                self._workers.connections[worker].send(self._tasks[self._task_of[worker]])
            except (BrokenPipeError, ConnectionResetError):
                raise self._lost(worker) from None

    def _receive(self, task: int) -> None:
        """Take at least one message; of workers with other tasks only while there is room for it."""
        connections = self._workers.connections
        heard = [
            connections[worker] for worker, busy in self._task_of.items() if busy == task or self._ahead < AHEAD_BYTES
        ]
        for ready in wait(heard):
            worker = next(worker for worker, connection in enumerate(connections) if connection is ready)
            try:
                message: Message = connections[worker].recv()
            except (EOFError, ConnectionResetError):
                raise self._lost(worker) from None
            self._waiting[self._task_of[worker]].append(message)
            if isinstance(message, Block):
                self._ahead += len(message.lines)
            elif isinstance(message, Done | Undivided | Unreadable | Broken):
                self._assign(worker)

    def _lost(self, worker: int) -> WorkerError:
        return self._workers.lost(worker, self._tasks[self._task_of[worker]].paths[0])


def _failure(broken: Broken, path: str) -> Exception:
    """What a worker failed of, to be raised here."""
    if broken.is_memory:
        return WorkerError(Remark("{path}: there is too little memory for so many processes", path=path))
    error = RuntimeError(f"a worker process failed: {broken.error}")
    error.add_note(broken.trace)
    return error


def _method() -> Method:
    """Forking a process that has threads can leave a lock taken for good in the new one."""
    can_fork = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    return "fork" if can_fork else "spawn"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
