"""When a request is made again, how long is waited before, and when it is given up.

What the server surely did not do is repeated; what it may have done is looked for first.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from capanalyzer.errors import TicketError
from capanalyzer.remark import Remark

__all__ = ["ATTEMPTS", "LONGEST_WAIT_S", "Refused", "Unanswered", "once", "pauses", "wait"]

T = TypeVar("T")

ATTEMPTS: Final = 5
"""Of each request, the first one included: with the pauses between them about half a minute."""
FIRST_PAUSE_S: Final = 1.0
LONGEST_WAIT_S: Final = 300
"""A server that asks for more has a quota, not a busy moment; the user decides when to come back."""

sleep = time.sleep


class Refused(TicketError):  # noqa: N818 - says what happened
    """The server answered that it will not do it."""

    def __init__(self, message: Remark, status: int, reason: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


class Unanswered(TicketError):  # noqa: N818 - likewise
    """No usable answer: the network failed, or the server said to come back later."""

    def __init__(self, message: Remark, *, maybe_done: bool, after_s: float | None = None) -> None:
        super().__init__(message)
        self.maybe_done, self.after_s = maybe_done, after_s


def pauses() -> Iterator[float]:
    """Seconds before each repetition: exponential, with full jitter so that many clients do not come back at once."""
    for attempt in range(ATTEMPTS - 1):
        yield random.uniform(0.5, 1.0) * FIRST_PAUSE_S * 2**attempt  # noqa: S311 - spread, not secrecy


def wait(error: Unanswered, pause_s: float) -> None:
    """Wait as the server asked, or for ``pause_s``.

    :raises Unanswered: the server asks for too long a wait.
    """
    if error.after_s is not None and error.after_s > LONGEST_WAIT_S:
        told = Remark("{error}; it asks to come back in {n:.0f} s", error=error.remark, n=error.after_s)
        raise Unanswered(told, maybe_done=error.maybe_done)
    sleep(pause_s if error.after_s is None else max(error.after_s, 0.0))


def once(action: Callable[[], T], found: Callable[[], T | None]) -> T:
    """The result of ``action``, which changes something on the server and must not do so twice.

    After a failure that leaves open whether the change was made, ``found`` looks for it.

    :raises TicketError: it is refused, or given up.
    """
    for pause_s in pauses():
        try:
            return action()
        except Unanswered as error:
            wait(error, pause_s)
            if error.maybe_done and (result := found()) is not None:
                return result
    return action()
