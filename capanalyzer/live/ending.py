"""When a run ends, and how long it then waits for those who read what it tells."""

from __future__ import annotations

from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from capanalyzer.live.engine import Engine

__all__ = ["CLOSING_S", "HURRY_S", "STALLED_S", "Ending", "Patience"]

WAIT_S: Final = 0.1
"""How long a read may take: how late a timer can be."""
STALLED_S: Final = 3.0
"""At the end, who takes nothing for so long is not waited for."""
CLOSING_S: Final = 20.0
"""At the end, nobody is waited for any longer, however slowly they read."""
LAST_S: Final = 6.0
"""Behind that, the last lines have so long."""
HURRY_S: Final = 0.5
"""A run that is ended at once waits so long for all of them, and any run for others after one who did not read."""


class Patience(Enum):
    """How long a run may wait for who reads what it tells."""

    NONE = "none"
    """Packets come whether anybody reads or not: an interface."""
    WHILE_READ = "while read"
    """As long as the reader takes something now and then: whoever writes the pipe of packets can wait a little."""
    ALWAYS = "always"
    """A file waits."""


class Ending:
    """When a run is over, beside the end of its source."""

    def __init__(
        self, duration_s: float | None = None, packets: int | None = None, *, until_failure: bool = False
    ) -> None:
        self._duration_s, self._packets, self._until_failure = duration_s, packets, until_failure
        self._until_s: float | None = None
        self._asked_s: float | None = None
        self._over_s: float | None = None
        self._by_itself = False
        self._hurried_s: float | None = None
        self._has_given_up = False
        """Somebody was waited for in vain: others behind the same terminal will not read, either."""

    def ask(self) -> None:
        """Somebody wants it to end; from any thread."""
        if self._asked_s is None:
            self._asked_s = monotonic()

    @property
    def asked(self) -> bool:
        """Somebody wants it to end."""
        return self._asked_s is not None

    def begin(self) -> None:
        """From here on its duration counts."""
        if self._duration_s is not None:
            self._until_s = monotonic() + self._duration_s

    def over(self, *, by_itself: bool) -> None:
        """Packets are not waited for any more.

        :param by_itself: because none come.
        """
        if self._over_s is None:
            self._over_s, self._by_itself = monotonic(), by_itself

    def hurry(self) -> None:
        """It is to end at once."""
        self._hurried_s = monotonic()

    @property
    def is_over(self) -> bool:
        """Nothing can be missed any more by waiting for somebody else."""
        return self._over_s is not None or self._hurried_s is not None

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

    def may_wait(self, since_s: float, patience: Patience) -> bool:
        """Whether somebody may still be waited for who has taken nothing since then (of :func:`time.monotonic`).

        To be asked when the run is over, or somebody wants it to be. It ends in a bounded time, but for a file, or a
        pipe that has ended: they keep nobody waiting, so their end is as patient as that of any filter, until somebody
        asks for it.
        """
        if self._hurried_s is not None:
            return monotonic() - self._hurried_s < HURRY_S
        is_patient = patience is Patience.ALWAYS or (patience is Patience.WHILE_READ and self._by_itself)
        began_s = self._over_s if self._asked_s is None and not is_patient else self._asked_s
        if began_s is None:
            return True
        return self._is_taken(since_s, began_s) and monotonic() - began_s < CLOSING_S

    def may_say_last(self, since_s: float, began_s: float) -> bool:
        """Whether last words may still be waited for when all other time is used up: while somebody takes them.

        :param since_s: when something was taken last.
        :param began_s: when they began to wait; both of :func:`time.monotonic`.
        """
        if self._hurried_s is not None:
            return False
        return self._is_taken(since_s, began_s) and monotonic() - began_s < LAST_S

    def _is_taken(self, since_s: float, began_s: float) -> bool:
        stalled_s = HURRY_S if self._has_given_up else STALLED_S
        is_taken = monotonic() - max(since_s, began_s) < stalled_s
        self._has_given_up |= not is_taken
        return is_taken
