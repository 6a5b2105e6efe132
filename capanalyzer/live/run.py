"""A run from its first packet to its last word, and which signals it minds.

SIGINT and SIGTERM end it: what is open is judged as it stands and told. A second one ends it at once. SIGHUP has
outputs opened again.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import FrameType, TracebackType
from typing import Final, Self

from capanalyzer.capture.live_source import LiveSource
from capanalyzer.live.ending import HURRY_S, Ending
from capanalyzer.live.engine import Engine
from capanalyzer.live.listener import Listener
from capanalyzer.live.notify import Notifier

__all__ = ["Signals", "watch"]

CLOSING_S: Final = 2 * HURRY_S
"""After a second signal, what is closed in so long is; the rest stays as it is."""


class Signals:
    """A context in which signals are minded, where the system has them: from the first packet until all is written.

    :raises KeyboardInterrupt: a second SIGINT or SIGTERM, wherever the run is.
    """

    def __init__(self, ending: Ending) -> None:
        self._ending = ending
        self._stack = ExitStack()
        self.renamed = False
        """SIGHUP came: to be set back by whoever sees to it."""

    def __enter__(self) -> Self:
        for name, handler in (("SIGINT", self._end), ("SIGTERM", self._end), ("SIGHUP", self._reopen)):
            number = getattr(signal, name, None)
            if number is not None:
                self._stack.callback(signal.signal, number, signal.signal(number, handler))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _end(self, _: int, __: FrameType | None) -> None:
        if self._ending.asked:
            self._ending.hurry()
            raise KeyboardInterrupt
        self._ending.ask()

    def _reopen(self, _: int, __: FrameType | None) -> None:
        self.renamed = True


def watch(
    engine: Engine,
    source: LiveSource,
    listeners: Sequence[Listener],
    ending: Ending,
    signals: Signals,
    notifier: Notifier,
    tell: Callable[[str], None],
) -> None:
    """Drive an engine until its source ends or the run is over, then let it say the last word.

    :param tell: takes what happens to the source, and what is to be said of its packets, one line each.
    :raises CaptureError: the source can no longer be read.
    :raises KeyboardInterrupt: a second SIGINT or SIGTERM.
    """
    left = list(listeners)
    try:
        _drive(engine, source, listeners, ending, signals, notifier, tell)
        _close(left)
    except KeyboardInterrupt:
        # Closing may wait for a disk or a server that hangs.
        hurried = threading.Thread(target=_close, args=(left,), name="closing", daemon=True)
        hurried.start()
        hurried.join(CLOSING_S)
        raise
    except BaseException:
        ending.over(by_itself=source.ended)
        _close(left)
        raise


def _close(left: list[Listener]) -> None:
    """Each once, in whatever thread."""
    while left:
        left.pop().close()


def _drive(
    engine: Engine,
    source: LiveSource,
    listeners: Sequence[Listener],
    ending: Ending,
    signals: Signals,
    notifier: Notifier,
    tell: Callable[[str], None],
) -> None:
    ending.begin()
    notifier.ready()
    while not source.ended and not ending.reached(engine):
        engine.step(ending.wait_s(), ending.most(engine))
        for sentence in (*source.news(), *engine.news()):
            tell(sentence)
        notifier.alive()
        if signals.renamed:
            signals.renamed = False
            for listener in listeners:
                listener.reopen()
    notifier.stopping()
    ending.over(by_itself=source.ended)
    engine.end(drain=ending.most(engine) is None)
    for sentence in engine.news():
        tell(sentence)
