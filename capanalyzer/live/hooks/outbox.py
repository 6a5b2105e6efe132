"""The listener that has new incidents delivered: few at a time, in a thread of its own.

When more begin than may be told, they wait, and the next notification tells of all that wait: the first one whole, the
others counted and named. So a flood of incidents makes few notifications, and none is forgotten.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import RecordBatch
from capanalyzer.errors import UserError
from capanalyzer.i18n import plural, told, translator
from capanalyzer.live.complaint import Complaint
from capanalyzer.live.hooks.message import Message, make_message
from capanalyzer.live.listener import LiveVerdict, State, WorkingSessions
from capanalyzer.report import model
from capanalyzer.report.incidents import key_of

__all__ = ["MAX_A_MINUTE", "Delivery", "NotDelivered", "Outbox"]

I64 = NDArray[np.int64]

MAX_A_MINUTE: Final = 10
"""Notifications."""
MAX_WAITING: Final = 1_000
"""Incidents that wait; further ones are counted."""
CLOSING_S: Final = 10.0
"""How long the end of a run waits for what is still to be told."""


class NotDelivered(UserError):  # noqa: N818 - what it says, not what to call it
    """A notification did not arrive; says why, without secrets."""


class Delivery(Protocol):
    """A way to deliver."""

    option: str
    """By which it was chosen: what is told of it begins with this."""

    def __call__(self, message: Message, stop: threading.Event) -> None:
        """Deliver a message; may take its time, within limits of its own.

        :param stop: set when the run ends: no time for another attempt.
        :raises NotDelivered: it is not to be delivered.
        """
        ...


class Outbox:
    """See :class:`capanalyzer.live.listener.Listener`."""

    def __init__(
        self,
        deliver: Delivery,
        *,
        source: str,
        lang: str = "en",
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """:param source: what is watched.
        :param tell: called with one line, from any thread.
        """
        self._deliver, self._source, self._lang, self._tell, self._clock = deliver, source, lang, tell, clock
        self._waiting: deque[model.Incident] = deque()
        self._uncounted = 0
        """Incidents for which there was no room."""
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._sent: deque[float] = deque(maxlen=MAX_A_MINUTE)
        """When the last ones were."""
        self._complaint = Complaint(tell, clock)
        self.counts = {"delivered": 0, "failed": 0, "grouped": 0}
        """Notifications delivered and not; incidents told in the notification of another one."""

    def packets(self, batch: RecordBatch) -> None:
        """Of no interest."""

    def belong(self, streams: I64, frames: I64) -> None:
        """Of no interest."""

    def verdict(self, told: LiveVerdict) -> None:
        """Incidents are told, not sessions."""

    def working(self, told: WorkingSessions) -> None:
        """Likewise."""

    def incident(self, incident: model.Incident, *, new: bool) -> None:
        """Have it told, if it is new, and still is one when its turn comes."""
        if not new:
            if not incident.session_count:
                self._take_back(incident)
            return
        with self._changed:
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(incident)
            else:
                self._uncounted += 1
            if self._thread is None:
                name = self._deliver.option.lstrip("-")
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _take_back(self, incident: model.Incident) -> None:
        with self._changed:
            for waiting in self._waiting:
                if key_of(waiting) == key_of(incident):
                    self._waiting.remove(waiting)
                    return

    def tick(self, state: State) -> None:
        """The thread keeps its own time."""

    def reopen(self) -> None:
        """No file is held open."""

    def close(self) -> None:
        """Tell what waits, and wait a while for that."""
        with self._changed:
            self._stop.set()
            self._changed.notify_all()
            thread = self._thread
        if thread is None:
            return
        thread.join(CLOSING_S)
        _ = translator(self._lang)
        if thread.is_alive():
            text = _("{option}: the last notification may not have arrived: there was no answer in time")
            self._tell(text.format(option=self._deliver.option))
        with self._changed:
            left = len(self._waiting) + self._uncounted
            self._waiting.clear()
            self._uncounted = 0
        if left:
            self._tell(self._not_told(_("the run has ended"), left))

    def _run(self) -> None:
        while (message := self._next()) is not None:
            self._sent.append(self._clock())
            try:
                self._deliver(message, self._stop)
            except NotDelivered as error:
                self._failed(message, told(error.remark, self._lang))
            except Exception as error:  # noqa: BLE001 - the next one may be delivered, and this one is counted and told
                # Its text may hold what is secret: a URL, a program's arguments.
                self._failed(message, type(error).__name__)
            else:
                self.counts["delivered"] += 1
                self.counts["grouped"] += message.held_back

    def _next(self) -> Message | None:
        """Wait until something may be told; None when the run is over and nothing is left."""
        with self._changed:
            while True:
                wait_s = self._pause_s()
                if self._waiting and (wait_s <= 0 or self._stop.is_set()):
                    break
                if self._stop.is_set():
                    return None
                self._changed.wait(wait_s if self._waiting else None)
            first, *others = self._waiting
            uncounted, self._uncounted = self._uncounted, 0
            self._waiting.clear()
        return make_message(first, others, uncounted, source=self._source, lang=self._lang)

    def _pause_s(self) -> float:
        """How long until another one may be sent."""
        if len(self._sent) < MAX_A_MINUTE:
            return 0
        return self._sent[0] + 60 - self._clock()

    def _failed(self, message: Message, reason: str) -> None:
        """The run goes on."""
        self._complaint.make(reason, self._not_told(reason, 1 + message.held_back))
        self.counts["failed"] += 1

    def _not_told(self, reason: str, n: int) -> str:
        counted = plural(self._lang)
        text = counted(
            "{option}: {reason}; {n} new incident was not told",
            "{option}: {reason}; {n} new incidents were not told",
            n,
        )
        return text.format(option=self._deliver.option, reason=reason, n=n)
