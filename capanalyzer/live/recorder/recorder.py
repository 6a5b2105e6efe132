"""The listener that writes the packets of failed sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.clock import BACK_NS, newest_of
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.capture.write import PacketRecord
from capanalyzer.diagnosis.verdict import Outcome
from capanalyzer.i18n import plural, translator
from capanalyzer.live.complaint import Complaint, reason_of
from capanalyzer.live.listener import LiveVerdict, State, WorkingSessions
from capanalyzer.live.recorder.folder import RecordFolder, stem_of
from capanalyzer.live.recorder.made import Gathered, make_files
from capanalyzer.live.recorder.memory import PacketMemory
from capanalyzer.live.recorder.writing import Writing
from capanalyzer.report import model

__all__ = ["MEMORY_BYTES", "Recorder"]

I64 = NDArray[np.int64]

MEMORY_BYTES: Final = 64 << 20
"""Packets remembered: of handshakes alone some 300,000."""
WAIT_NS: Final = 2_000_000_000
"""A failed session's last packets (its FINs, the other end's answer) come after what failed it."""
LOOK_NS: Final = 100_000_000
"""The memory is not searched more often than this: at high rates for many sessions at once."""
MAX_PACKETS: Final = 1_000
MAX_BYTES: Final = 1 << 20
"""Of one session, as in evidence files."""
MAX_OPEN: Final = 1_000
"""Failed sessions whose last packets are waited for; a flood of failures is recorded in part, and it is said."""
MAX_OPEN_BYTES: Final = 32 << 20
"""Packets of these; beyond it the oldest is written at once."""
MAX_QUEUED_BYTES: Final = 32 << 20
"""Records that wait for the disk."""
MAX_REMEMBERED: Final = 10_000
"""Written records that are changed when their session's verdict does, about 300 bytes each; no more of them than the
folder may hold."""
EXPIRE_TICKS: Final = 60


@dataclass(slots=True)
class _Open:
    """A failed session whose last packets may still come."""

    session: model.Session
    syn_frame: int | None
    since_ns: int
    is_due: bool = False
    is_recalled: bool = False
    gathered: Gathered = field(default_factory=Gathered)

    def add(self, packet: PacketRecord) -> int:
        """Gives the bytes taken."""
        gathered, size = self.gathered, len(packet.data)
        if packet.frame in gathered.packets:
            return 0
        if len(gathered.packets) >= MAX_PACKETS or gathered.bytes + size > MAX_BYTES:
            gathered.is_cut = True
            return 0
        gathered.packets[packet.frame] = packet
        gathered.bytes += size
        return size


@dataclass(slots=True)
class _Written:
    stem: str
    packets: int


class Recorder:
    """See :class:`capanalyzer.live.listener.Listener`.

    Memory: that of :class:`PacketMemory`, 32 MB of sessions that wait, and 32 MB that the disk has not taken yet.
    """

    def __init__(
        self,
        folder: RecordFolder,
        info: CaptureInfo,
        *,
        source: str,
        lang: str = "en",
        memory_bytes: int = MEMORY_BYTES,
        tell: Callable[[str], None],
    ) -> None:
        """:param info: of the live source.
        :param source: what it is called.
        :param tell: called with one line, from any thread.
        """
        self._folder, self._info, self._source, self._lang, self._tell = folder, info, source, lang, tell
        self._memory = PacketMemory(memory_bytes)
        self._writing = Writing("records", MAX_QUEUED_BYTES, self._cannot_write)
        self._open: dict[int, _Open] = {}
        """By stream, in the order opened."""
        self._open_bytes = 0
        self._written: dict[int, _Written] = {}
        self._now_ns = 0
        self._looked_ns = 0
        self._ticks = 0
        self._skipped_told = 0
        self._complaint = Complaint(tell)
        self.counts = {"written": 0, "skipped": 0, "failed": 0, "withdrawn": 0}
        """Records: written; skipped where too many sessions failed at a time; that could not be written; taken back
        because the session's verdict changed."""

    # -- what it is told -----------------------------------------------------------------------------------------------

    def packets(self, batch: RecordBatch) -> None:
        """Remember them, when it is known whose they are."""
        self._memory.hold(batch)
        if len(batch):
            self._now_ns = newest_of(batch.time_ns, self._now_ns)

    def belong(self, streams: I64, frames: I64) -> None:
        """Whose they are."""
        self._memory.belong(streams, frames)
        self._settle()

    def verdict(self, told: LiveVerdict) -> None:
        """A session failed, or did not after all."""
        facts = told.facts
        if facts.transport != "tcp":
            return
        stream, is_open = facts.stream, self._open.get(facts.stream)
        if told.verdict.outcome is not Outcome.FAILED:
            self._not_failed(stream)
        elif is_open is not None:
            is_open.session, is_open.is_due = told.model, is_open.is_due or told.final
        elif len(self._open) >= MAX_OPEN:
            self.counts["skipped"] += 1
        else:
            client = facts.tcp.client
            self._open[stream] = _Open(told.model, client.syn_frame, self._now_ns, told.final)
            self._memory.follow(stream)

    def working(self, told: WorkingSessions) -> None:
        """Records are of failed ones."""

    def incident(self, incident: model.Incident, *, new: bool) -> None:
        """Records are of sessions."""

    def tick(self, state: State) -> None:
        """Write what is due."""
        self._now_ns = newest_of(np.array([state.now_ns]), self._now_ns)
        self._settle()
        self._ticks += 1
        if self._ticks % EXPIRE_TICKS == 0:
            self._writing.submit(self._folder.expire, 0)
        skipped = self.counts["skipped"]
        if skipped > self._skipped_told:
            counted = plural(self._lang)
            text = counted(
                "--record: {n} failed session so far is not recorded: too many fail at a time",
                "--record: {n} failed sessions so far are not recorded: too many fail at a time",
                skipped,
            )
            self._skipped_told = skipped * 2  # told again when it has doubled: a flood fills no log
            self._tell(text.format(n=f"{skipped:,}"))

    def reopen(self) -> None:
        """No file is held open."""

    def close(self) -> None:
        """Write what is there."""
        for each in self._open.values():
            each.is_due = True
        self._settle()
        left = self._writing.close()
        self.counts["failed"] += left
        failed = self.counts["failed"]
        if failed:
            counted = plural(self._lang)
            text = counted(
                "--record: {n} record in all was not written",
                "--record: {n} records in all were not written",
                failed,
            )
            self._tell(text.format(n=f"{failed:,}"))

    # -- gathering -----------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        for stream, packet in self._memory.settle():
            found = self._open.get(stream)
            if found is not None and found.is_recalled:
                self._open_bytes += found.add(packet)
        if not self._open:
            return
        now_ns = self._now_ns
        due = [
            stream
            for stream, each in self._open.items()
            if each.is_due or not -BACK_NS <= now_ns - each.since_ns < WAIT_NS  # earlier: the clock was set back
        ]
        if due or not 0 <= now_ns - self._looked_ns < LOOK_NS:
            self._recall()
        for stream in due:
            self._write(stream)
        while self._open_bytes > MAX_OPEN_BYTES:
            self._write(next(iter(self._open)))

    def _recall(self) -> None:
        self._looked_ns = self._now_ns
        waiting = [stream for stream, each in self._open.items() if not each.is_recalled]
        if not waiting:
            return
        for stream, packets in self._memory.recall(waiting).items():
            found = self._open[stream]
            found.is_recalled = True
            self._open_bytes += sum([found.add(packet) for packet in packets])

    def _shut(self, stream: int) -> _Open:
        found = self._open.pop(stream)
        self._open_bytes -= found.gathered.bytes
        self._memory.leave(stream)
        return found

    def _not_failed(self, stream: int) -> None:
        if stream in self._open:
            self._shut(stream)
        written = self._written.pop(stream, None)
        if written is not None:
            self.counts["withdrawn"] += 1
            self._writing.submit(lambda: self._folder.discard(written.stem), 0)

    # -- writing -------------------------------------------------------------------------------------------------------

    def _write(self, stream: int) -> None:
        found = self._shut(stream)
        session, gathered = found.session, found.gathered
        gathered.lacks_start = found.syn_frame is not None and found.syn_frame not in gathered.packets
        stem, before = stem_of(session), self._written.get(stream)
        if before is not None and before.stem == stem and before.packets > len(gathered.packets):
            return  # the same failure in other words, and less is remembered of it by now

        names = list(self._info.interfaces)

        def job() -> None:
            self._folder.store(stem, make_files(session, gathered, stem, names, source=self._source, lang=self._lang))
            if before is not None and before.stem != stem and before.packets <= len(gathered.packets):
                self._folder.discard(before.stem)  # told with the cause that was thought of first
            self.counts["written"] += 1

        size = sum([len(packet.data) for packet in gathered.packets.values()]) + _REPORT_BYTES
        if not self._writing.submit(job, size):
            _ = translator(self._lang)
            self._cannot_write(OSError(None, _("the disk is too slow"), self._folder.path))
            return
        self._written.pop(stream, None)
        self._written[stream] = _Written(stem, len(gathered.packets))
        while len(self._written) > min(MAX_REMEMBERED, self._folder.limits.records):
            del self._written[next(iter(self._written))]

    def _cannot_write(self, error: Exception) -> None:
        """The run goes on."""
        self.counts["failed"] += 1
        reason = reason_of(error)
        _ = translator(self._lang)
        text = _("--record: {folder}: {reason}; records are lost until this ends, the run goes on")
        self._complaint.make(reason, text.format(folder=self._folder.path, reason=reason))


_REPORT_BYTES: Final = 20_000
"""What a session's model takes, about."""
