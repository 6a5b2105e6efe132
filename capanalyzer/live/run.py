"""A run from its first packet to its last word: when it ends, and which signals it minds.

SIGINT and SIGTERM end it: what is open is judged as it stands and told. A second SIGINT ends it at once. SIGHUP has
outputs opened again.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from time import monotonic
from types import FrameType
from typing import Final

from capanalyzer.capture.live_source import LiveSource
from capanalyzer.live.engine import Engine
from capanalyzer.live.listener import Listener
from capanalyzer.live.memory import FreeMemory
from capanalyzer.live.notify import Notifier

__all__ = ["Ending", "watch"]

WAIT_S: Final = 0.1
"""How long a read may take: how late a timer can be."""


class Ending:
    """When a run is over, beside the end of its source."""

    def __init__(
        self, duration_s: float | None = None, packets: int | None = None, *, until_failure: bool = False
    ) -> None:
        self._duration_s, self._packets, self._until_failure = duration_s, packets, until_failure
        self._until_s: float | None = None
        self.asked = False
        """Somebody wants it to end."""

    def ask(self) -> None:
        """Somebody wants it to end; from any thread."""
        self.asked = True

    def begin(self) -> None:
        """From here on its duration counts."""
        if self._duration_s is not None:
            self._until_s = monotonic() + self._duration_s

    def wait_s(self) -> float:
        """How long a read may take."""
        return WAIT_S if self._until_s is None else max(0.0, min(WAIT_S, self._until_s - monotonic()))

    def most(self, engine: Engine) -> int | None:
        """How many packets may still be taken; None: any number."""
        return None if self._packets is None else max(0, self._packets - engine.packets)

    def reached(self, engine: Engine) -> bool:
        """It is over."""
        return (
            self.asked
            or (self._until_s is not None and monotonic() >= self._until_s)
            or (self._packets is not None and engine.packets >= self._packets)
            or (self._until_failure and engine.failed > 0)
        )


def watch(
    engine: Engine,
    source: LiveSource,
    listeners: Sequence[Listener],
    ending: Ending,
    notifier: Notifier,
    tell: Callable[[str], None],
) -> None:
    """Drive an engine until its source ends or the run is over, then let it say the last word.

    :param tell: takes what happens to the source, one line each.
    :raises CaptureError: the source can no longer be read.
    :raises KeyboardInterrupt: a second SIGINT.
    """
    renamed = [False]

    def end(_: int, __: FrameType | None) -> None:
        if ending.asked:
            raise KeyboardInterrupt
        ending.asked = True

    def reopen(_: int, __: FrameType | None) -> None:
        renamed[0] = True

    with ExitStack() as stack:
        for listener in listeners:
            stack.callback(listener.close)
        stack.enter_context(_signals({"SIGINT": end, "SIGTERM": end, "SIGHUP": reopen}))
        ending.begin()
        notifier.ready()
        memory = FreeMemory()
        while not source.ended and not ending.reached(engine):
            engine.step(ending.wait_s(), ending.most(engine))
            for sentence in source.news():
                tell(sentence)
            notifier.alive()
            memory.give_back()
            if renamed[0]:
                renamed[0] = False
                for listener in listeners:
                    listener.reopen()
        notifier.stopping()
        engine.end(drain=ending.most(engine) is None)


@contextmanager
def _signals(handlers: dict[str, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    """Handlers for signals, where the system has them, until it is left."""
    with ExitStack() as stack:
        for name, handler in handlers.items():
            number = getattr(signal, name, None)
            if number is not None:
                stack.callback(signal.signal, number, signal.signal(number, handler))
        yield
