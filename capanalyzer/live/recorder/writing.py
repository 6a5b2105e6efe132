"""Work that may have to wait for a disk, done beside the run: in order, in one thread, with a bounded queue."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["CLOSING_S", "Writing"]

CLOSING_S: Final = 15.0
"""How long the end of a run waits for what is still to be written."""


class Writing:
    """What a job raises is told to ``failed``, and the next one is done; the thread begins with the first of them, so
    after a run has given up its privileges.
    """

    def __init__(self, name: str, max_bytes: int, failed: Callable[[Exception], None]) -> None:
        """:param max_bytes: of jobs that wait.
        :param failed: called in the thread of the jobs.
        """
        self._name, self._max_bytes, self._failed = name, max_bytes, failed
        self._jobs: deque[tuple[Callable[[], None], int]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def submit(self, job: Callable[[], None], size: int) -> bool:
        """Have it done; False where there is no room for its ``size`` bytes, and it will not be."""
        with self._changed:
            if self._is_closed or (self._jobs and self._bytes + size > self._max_bytes):
                return False
            self._jobs.append((job, size))
            self._bytes += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return True

    def close(self) -> int:
        """Wait for what is to be done; gives the number of jobs that were not, of those that write something."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(CLOSING_S)
        with self._changed:
            left = sum(size > 0 for _, size in self._jobs)
            self._jobs.clear()
        return left

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._jobs:
                    if self._is_closed:
                        return
                    self._changed.wait()
                job, size = self._jobs[0]
            try:
                job()
            except Exception as error:  # noqa: BLE001 - one job less, and not all that follow
                self._failed(error)
            with self._changed:
                if self._jobs:
                    self._jobs.popleft()
                    self._bytes -= size
