"""What a BIG-IP writes behind its packets, of a pipe or a file that is read as it grows.

``ssh HOST tcpdump -i 0.0:nnnp -s0 -U -w - | capanalyzer live -r -`` is such a pipe. An interface is none: what stands
behind packets on the wire, anybody may have written.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import CaptureInfo, F5Capture, RecordBatch
from capanalyzer.diagnosis.f5.sides import with_other_side
from capanalyzer.diagnosis.verdict import Outcome, Verdict
from capanalyzer.handshake.session import Session
from capanalyzer.i18n import told
from capanalyzer.packets.table import PacketTable
from capanalyzer.remark import Remark
from capanalyzer.streams.f5.collect import Collector

__all__ = ["BigIp"]

I64 = NDArray[np.int64]

MAX_FAILED: Final = 4_096
"""Failed sessions that are remembered for the sake of their other sides; as many as are thought of again."""
MAX_OTHERS: Final = 2_048
"""Of all others; the two sides of a connection come within seconds."""


class BigIp:
    """Trailers of the packets that come, and what was thought last of the sessions that have some."""

    def __init__(self, *, is_read: bool) -> None:
        """:param is_read: the packets may be a BIG-IP's; otherwise nothing is looked for."""
        self._is_read = is_read
        self._collector = Collector()
        self._is_seen = self._is_warned = False
        self._failed: OrderedDict[int, tuple[Session, Verdict]] = OrderedDict()
        self._others: OrderedDict[int, tuple[Session, Verdict]] = OrderedDict()

    @property
    def is_seen(self) -> bool:
        """Some packets had trailers."""
        return self._is_seen

    @property
    def info(self) -> F5Capture | None:
        """What is known of the capture; None: it is none of a BIG-IP's."""
        return self._collector.info

    def news(self, info: CaptureInfo, lang: str) -> list[str]:
        """A warning of keys, once; also of those that are in the capture's own blocks."""
        if self._is_warned or not (self._collector.has_keys or info.secrets):
            return []
        self._is_warned = True
        keys = Remark(
            "{path}: contains TLS session keys; do not attach it to a ticket (see strip-keys)", path=info.path
        )
        return [told(keys, lang)]

    @property
    def forgotten(self) -> int:
        """See :attr:`capanalyzer.streams.f5.collect.Collector.forgotten`."""
        return self._collector.forgotten

    def look(self, batch: RecordBatch, table: PacketTable) -> None:
        """Packets, before it is told whose they are."""
        self._is_seen = self._is_read and self._collector.look(batch, table)

    def observe(self, streams: I64, frames: I64, lengths: I64) -> None:
        """Whose they are, see :class:`capanalyzer.streams.tracker.Tracker`."""
        if self._is_seen:
            self._collector.observe(streams, frames, lengths)

    def tell(self, session: Session) -> Session:
        """The session, with what is known of it."""
        if self._is_seen:
            session.f5 = self._collector.take(session.stream) or session.f5
        return session

    def beside(self, session: Session, verdict: Verdict) -> Verdict:
        """The verdict, with what was thought last of the session's other side.

        :param verdict: of the session alone.
        """
        facts = self.tell(session).f5
        if facts is None:
            return verdict
        stream = session.stream
        # The other side may be judged first, last, or again.
        for kept in (self._failed, self._others):
            kept.pop(stream, None)
        is_failed = verdict.outcome is Outcome.FAILED
        kept, most = (self._failed, MAX_FAILED) if is_failed else (self._others, MAX_OTHERS)
        kept[stream] = session, verdict
        if len(kept) > most:
            kept.popitem(last=False)
        known = {stream: (session, verdict)}
        for other in facts.others:
            judged = self._failed.get(other) or self._others.get(other)
            if judged is not None:
                self.tell(judged[0])
                known[other] = judged
        return with_other_side(session, verdict, known)
