"""Lines on their way to somebody who may read slowly, or not at all: a pager that waits for a key, a terminal that was
stopped, a disk that hangs.

They wait in a bounded queue, and a thread writes them. Whoever tells them does not wait for a reader while packets come
that nobody holds back: when the queue is full, lines are lost, and that is counted and told. Those are lost first that
matter least (:class:`Rank`), of these the oldest: the last line of a session is the one that counts.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import IntEnum
from time import monotonic
from types import TracebackType
from typing import Final, Self

from capanalyzer.i18n import plural, translator
from capanalyzer.live.complaint import Complaint, reason_of
from capanalyzer.live.ending import Ending, Patience
from capanalyzer.remark import Remark

__all__ = ["MAX_BYTES", "MAX_LINES", "Outlet", "Rank", "text_of_gap"]

MAX_BYTES: Final = 32 << 20
"""Of lines that wait: some 12,000 sessions as JSON."""
MAX_LINES: Final = 200_000
"""That wait; short ones cost memory beside their bytes."""
WRITE_BYTES: Final = 64 << 10
"""Written at a time: what a pipe holds."""
PAUSE_S: Final = 5.0
"""A reader of a run's output that took nothing for so long is not reading: what comes through a pipe goes on."""
_LOOK_S: Final = 0.1
"""How often it is looked at whether somebody is still to be waited for."""


class Rank(IntEnum):
    """What a line is worth when not all can be kept."""

    ORDINARY = 0
    """Of a session that did not fail."""
    FAILURE = 1
    REVISION = 2
    """Takes back what was told before: without it, that would stand."""
    SUMMARY = 3
    """At the end; always kept."""


class Outlet:
    """Takes whole lines from any thread. A context: within it they are written."""

    def __init__(
        self,
        write: Callable[[bytes], None],
        name: str,
        ending: Ending,
        *,
        patience: Patience,
        lang: str,
        tell: Callable[[str], None],
        reopen: Callable[[], None] | None = None,
        shut: Callable[[], None] | None = None,
        gap: Callable[[int], bytes] | None = None,
        max_bytes: int = MAX_BYTES,
        max_lines: int = MAX_LINES,
    ) -> None:
        """:param write: takes whole lines, all of them or none; may take its time, and raise OSError. In the thread.
        :param name: what is written to.
        :param tell: called with one line, from any thread.
        :param reopen: opens the file again; in the thread.
        :param shut: gives back what is written to; in the thread, when it ends.
        :param gap: the line that stands where so many are missing.
        """
        self._write, self._name, self._ending, self._patience = write, name, ending, patience
        self._lang, self._tell = lang, tell
        self._reopen, self._shut, self._gap = reopen, shut, gap
        self._max_bytes, self._max_lines = max_bytes, max_lines
        self._complaint = Complaint(tell)
        self._changed = threading.Condition()
        self._waiting: tuple[deque[tuple[int, bytes]], ...] = tuple(deque() for _ in Rank)
        """By rank; numbered in the order in which they are to be written."""
        self._number = self._lines = self._bytes = 0
        self._reopen_at: int | None = None
        """The first line that is to stand in the new file."""
        self._writing = 0
        """Lines on their way."""
        self._began_s: float | None = None
        """When these were begun with."""
        self._missing = self._told = 0
        """Lines lost that no line stands for yet; and those that the one stands for which is being written."""
        self._has_left = self._is_closed = False
        self.counts = {"written": 0, "lost": 0}
        """Lines."""

    def __enter__(self) -> Self:
        """Begin to write; when rights have been given up."""
        threading.Thread(target=self._run, name=f"lines to {self._name}", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(BrokenPipeError):
            self.close()

    @property
    def lost(self) -> int:
        """Lines that were not written."""
        return self.counts["lost"]

    def __call__(self, line: bytes, rank: Rank = Rank.FAILURE) -> None:
        """Have a line written.

        :raises BrokenPipeError: whoever read has left: that is no trouble, but the end.
        """
        with self._changed:
            self._take_in(line, rank)

    def many(self, lines: Iterable[bytes], rank: Rank) -> None:
        """Have lines written; the same as one after the other, for less.

        :raises BrokenPipeError: as for one.
        """
        with self._changed:
            for line in lines:
                self._take_in(line, rank)

    def check(self) -> None:
        """:raises BrokenPipeError: whoever read has left."""
        with self._changed:
            self._check()

    def reopen(self) -> None:
        """What follows stands in a file opened anew."""
        with self._changed:
            # One that is still to come opens the newest file of the name as well.
            if self._reopen is not None and self._reopen_at is None:
                self._reopen_at = self._number
                self._changed.notify_all()

    def drain(self) -> None:
        """At the end: wait until all is written, as long as that is to be hoped for; what waits then is lost, and keeps
        nobody from the last lines, which may follow.

        :raises BrokenPipeError: whoever read has left.
        """
        with self._changed:
            self._wait(self._may_still_wait)
            for rank, lines in zip(Rank, self._waiting, strict=True):
                if rank is not Rank.SUMMARY:
                    self.counts["lost"] += len(lines)
                    self._missing += len(lines)
                    self._lines -= len(lines)
                    self._bytes -= sum([len(line) for _, line in lines])
                    lines.clear()

    def close(self) -> None:
        """No more lines come; what cannot be written is lost. Further calls do nothing.

        :raises BrokenPipeError: whoever read has left.
        """
        if self._is_closed:
            return
        try:
            with self._changed:
                began_s = monotonic()
                # The last words have a moment, though others may have used up all the time there was.
                self._wait(lambda: self._may_still_wait() or self._ending.may_say_last(self._since_s(), began_s))
        finally:
            with self._changed:
                self._is_closed = True
                self.counts["lost"] += 0 if self._has_left else self._lines + self._writing
                for lines in self._waiting:
                    lines.clear()
                self._lines = self._bytes = 0
                self._changed.notify_all()

    def loss(self) -> Remark:
        """What was lost in all."""
        return Remark.counted(
            "{output}: {n:,} line in all was not written",
            "{output}: {n:,} lines in all were not written",
            self.lost,
            output=self._name,
        )

    # -- under the lock ------------------------------------------------------------------------------------------------

    def _wait(self, may_wait: Callable[[], bool]) -> None:
        while (self._lines or self._writing) and not self._has_left and may_wait():
            self._changed.wait(_LOOK_S)
        self._check()

    def _take_in(self, line: bytes, rank: Rank) -> None:
        self._check()
        while self._is_full(len(line)) and self._may_wait():
            self._changed.wait(_LOOK_S)
            self._check()
        while self._is_full(len(line)) and rank is not Rank.SUMMARY:
            least = next(one for one in Rank if self._waiting[one])
            self._lose(1)
            if least > rank:
                return
            self._lines -= 1
            self._bytes -= len(self._waiting[least].popleft()[1])
        self._waiting[rank].append((self._number, line))
        self._number += 1
        self._lines += 1
        self._bytes += len(line)
        self._changed.notify_all()

    def _check(self) -> None:
        if self._has_left:
            raise BrokenPipeError

    def _is_full(self, more: int) -> bool:
        return self._lines > 0 and (self._lines >= self._max_lines or self._bytes + more > self._max_bytes)

    def _may_wait(self) -> bool:
        """Whether a line may wait for room."""
        ending = self._ending
        if ending.is_over or (ending.asked and self._patience is not Patience.NONE):
            return self._may_still_wait()
        if self._patience is Patience.WHILE_READ:
            return monotonic() - self._since_s() < PAUSE_S
        return self._patience is Patience.ALWAYS

    def _may_still_wait(self) -> bool:
        """Whether the end may wait for what is to be written."""
        return self._ending.may_wait(self._since_s(), self._patience)

    def _since_s(self) -> float:
        """When something was taken last."""
        return monotonic() if self._began_s is None else self._began_s

    def _lose(self, count: int) -> None:
        if not self._is_closed:
            self.counts["lost"] += count
            self._missing += count
            _ = translator(self._lang)
            text = _("{output} does not keep up: lines are lost until it does, the run goes on")
            self._complaint.make("slow", text.format(output=self._name))

    def _take(self) -> tuple[bytes, int]:
        """The lines that come next, together, and how many; none: a file is to be opened first."""
        taken: list[bytes] = []
        size = 0
        while len(taken) < self._lines and size < WRITE_BYTES:
            next_ones = min((lines for lines in self._waiting if lines), key=lambda lines: lines[0][0])
            if self._reopen_at is not None and next_ones[0][0] >= self._reopen_at:
                break
            line = next_ones.popleft()[1]
            taken.append(line)
            size += len(line)
        self._lines -= len(taken)
        self._bytes -= size
        self._told = self._missing
        gap = self._gap(self._told) if taken and self._told and self._gap is not None else b""
        return gap + b"".join(taken), len(taken)

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._write_all()
        finally:
            if self._shut is not None:
                self._shut()

    def _write_all(self) -> None:
        while True:
            with self._changed:
                while not self._lines and self._reopen_at is None:
                    if self._is_closed:
                        return
                    self._changed.wait()
                data, count = self._take()
                if not count:
                    self._reopen_at = None
                self._writing, self._began_s = count, monotonic()
            if not count:
                if self._reopen is not None:
                    self._reopen()
            elif not self._written(data, count):
                return
            with self._changed:
                self._writing, self._began_s = 0, None
                self._changed.notify_all()

    def _written(self, data: bytes, count: int) -> bool:
        """Write; false: there is nobody any more to write for."""
        try:
            self._write(data)
        except BrokenPipeError:
            with self._changed:
                self._has_left = True
                self._changed.notify_all()
            return False
        except Exception as error:  # noqa: BLE001 - some lines less, and not all that follow
            with self._changed:
                self._failed(error, count)
            return True
        with self._changed:
            self._missing -= self._told
            if not self._is_closed:
                self.counts["written"] += count
        return True

    def _failed(self, error: Exception, count: int) -> None:
        if self._is_closed:
            return
        self.counts["lost"] += count
        self._missing += count
        reason = reason_of(error)
        _ = translator(self._lang)
        text = _("{output}: {reason}; lines are lost until this ends, the run goes on")
        self._complaint.make(reason, text.format(output=self._name, reason=reason))


def text_of_gap(missing: int, lang: str) -> str:
    """What stands where so many lines are missing."""
    counted = plural(lang)
    text = counted(
        "... {n} line is missing here: it could not be written in time",
        "... {n} lines are missing here: they could not be written in time",
        missing,
    )
    return text.format(n=f"{missing:,}")
