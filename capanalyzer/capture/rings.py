"""Rings: the files that a capturing program filled one after the other, read as the one capture they are.

What is a ring: files of one directory whose names are equal but for a counter or a time stamp, and whose
times follow each other. ``dumpcap -b`` writes ``x_00001_20240131120000.pcapng``, ``tcpdump -C`` writes
``x.pcap``, ``x.pcap1``, ``x.pcap2``, ``tcpdump -G`` a time stamp of any form.

The times decide. ``host1.pcap`` and ``host2.pcap`` taken at the same time are two captures; so are two
files days apart. To know a file's last packet without reading it all, the last records of a plain file
are found from its end; of a compressed one as much is read as is cheap. Files without a packet, which a
quiet network leaves, have no times; their names lie between those of the ring.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.files import FileCapture
from capanalyzer.capture.opening import Input
from capanalyzer.capture.probe import make_reader
from capanalyzer.capture.records import BATCH_BYTES, CaptureInfo, RecordBatch
from capanalyzer.capture.ring_names import RingName

__all__ = ["RingCapture", "find_rings"]

_MOST_GAP_STAMPED_NS: Final = 24 * 3600 * 10**9
"""Files with a time stamp in their names are rotated by time, and a network may be quiet for a night."""

_MOST_GAP_NS: Final = 60 * 10**9
"""Files that differ by a counter alone are rotated by size: a full file is followed at once, by this much or
by what a file lasts."""

_MOST_GAP_IN_WORD_NS: Final = 10**9
"""``test1`` and ``test2`` are rather two tests; they must follow each other as packets do."""

_MOST_OVERLAP_NS: Final = 5 * 10**9
"""Files of a ring may overlap by this much, and a tenth of the shorter one: packets are not written in
perfect order of time."""

_PEEK_BYTES: Final = 1 << 20
"""Read from a file's start to know its first packet, and from its end for the last."""

_COMPRESSED_PEEK_BYTES: Final = 16 << 20
"""Unpacked at most to know when a compressed file ends; a larger one is known to last that long at least."""


_WORTH_A_BATCH: Final = 256
"""Fewer packets of one file before another's turn are copied together with what follows."""

_MOST_INTERLEAVED: Final = 1 << 14
"""Packets of each file copied together at a time."""

_SIDES: Final[dict[bool, Literal["left", "right"]]] = {False: "left", True: "right"}
"""How far a file's packets of a given time go before another file: all of them when it comes first."""


class _Span:
    """A file's place in a ring: when its packets were captured, and what its name counts."""

    __slots__ = ("counter", "first_ns", "last_ns", "links", "member", "name")

    def __init__(self, member: Input, counter: int | None, first_ns: int, last_ns: int, links: list[str]) -> None:
        self.member, self.counter, self.links = member, counter, links
        self.first_ns, self.last_ns = first_ns, last_ns
        self.name = RingName.of(member.name)

    @property
    def most_gap_ns(self) -> int:
        """How long after the file before it this one may begin."""
        if self.name.is_stamped:
            return _MOST_GAP_STAMPED_NS
        return _MOST_GAP_IN_WORD_NS if self.name.is_counted_in_word else _MOST_GAP_NS


def find_rings(inputs: list[Input]) -> list[list[Input]]:
    """Which of the inputs belong together, each group in the order it is to be read; groups of one are left out."""
    groups: dict[tuple[str, str, str], list[Input]] = {}
    for each in inputs:
        if each.is_file and each.format:
            folder = os.path.realpath(os.path.dirname(each.name))
            groups.setdefault((folder, RingName.of(each.name).family, each.format), []).append(each)
    families = (family for group in groups.values() for family in _families(group))
    return [ring for family in families for ring in _follow(family)]


def _families(group: list[Input]) -> list[list[tuple[Input, int | None]]]:
    """Split files of like names where more than a counter differs; each with its counter.

    None stands for the counter of names that hold a time stamp: the stamp counts.
    """
    if len(group) < 2:
        return []
    names = [RingName.of(each.name) for each in group]
    if all(name.is_stamped for name in names):
        return [[(each, None) for each in group]]
    numbers = [name.numbers for name in names]
    counting = [place for place in range(len(numbers[0])) if len({each[place] for each in numbers}) > 1]
    if len(counting) < 2:
        place = counting[0] if counting else -1
        return [[(each, found[place]) for each, found in zip(group, numbers, strict=True)]]
    # ``a1-cap1``, ``a1-cap2``, ``a2-cap1``: the numbers before the last that counts name the ring.
    split: dict[int, list[Input]] = {}
    for each, found in zip(group, numbers, strict=True):
        split.setdefault(found[counting[0]], []).append(each)
    return [family for part in split.values() for family in _families(part)]


def _follow(family: list[tuple[Input, int | None]]) -> Iterator[list[Input]]:
    """The runs of files whose times and counters follow each other, with the empty ones among them."""
    spans: list[_Span] = []
    empty: list[_Span] = []
    for member, counter in family:
        info, last_ns = _times_of(member)
        if info.first_ns is None or last_ns is None:
            empty.append(_Span(member, counter, 0, 0, info.link_types))
        else:
            spans.append(_Span(member, counter, info.first_ns, max(last_ns, info.first_ns), info.link_types))
    # Equal first times: the name decides, so that the order is the same on every run.
    spans.sort(key=lambda span: (span.first_ns, span.member.name))
    counters = [span.counter for span in spans if span.counter is not None]
    wrap = (max(counters), min(counters)) if counters else None
    skipped = {span.counter for span in empty}
    runs: list[list[_Span]] = []
    for span in spans:
        if runs and _continues(runs[-1], span, wrap, skipped):
            runs[-1].append(span)
        else:
            runs.append([span])
    _take_in(runs, empty)
    yield from ([each.member for each in run] for run in runs if len(run) > 1)


def _take_in(runs: list[list[_Span]], empty: list[_Span]) -> None:
    """Put files without a packet, as a quiet network leaves them, into the runs of more than one file that their names
    lie next to.
    """
    run_of = {id(span): run for run in runs for span in run}
    order = sorted([*empty, *(span for run in runs for span in run)], key=lambda span: span.name.numbers)
    for step in (1, -1):
        before: _Span | None = None
        for span in order[::step]:
            run = run_of.get(id(before)) if before is not None else None
            if id(span) not in run_of and before is not None and run is not None and len(run) > 1:
                is_next = span.counter is None or before.counter is None or span.counter == before.counter + step
                if is_next and span.links in ([], run[0].links):
                    run.insert(run.index(before) + (step > 0), span)
                    run_of[id(span)] = run
            before = span


def _continues(run: list[_Span], span: _Span, wrap: tuple[int, int] | None, skipped: Collection[int | None]) -> bool:
    """Whether a file goes on where those before it ended; between their counters may lie those of empty files."""
    before = run[-1]
    if before.links != span.links or span.first_ns <= before.first_ns:
        return False
    if before.counter is not None and span.counter is not None:
        # Up by one; from the highest to the lowest, where a ring is written again (tcpdump -W); or down by
        # one, as logrotate renames.
        is_renamed = span.counter == before.counter - 1 and before.name.is_counted_behind
        following = before.counter + 1
        while following in skipped:
            following += 1
        if span.counter != following and (before.counter, span.counter) != wrap and not is_renamed:
            return False
    last_ns = max(each.last_ns for each in run)
    durations = (before.last_ns - before.first_ns, span.last_ns - span.first_ns)
    if span.first_ns < last_ns - min(_MOST_OVERLAP_NS, min(durations) // 10):
        return False
    return span.first_ns - last_ns <= max(span.most_gap_ns, *durations)


def _times_of(member: Input) -> tuple[CaptureInfo, int | None]:
    """What the start of a file tells, its first time among it, and its last time; no times without packets."""
    if member.is_compressed:
        seen = _read_start(member, _COMPRESSED_PEEK_BYTES)
        return seen, seen.last_ns
    seen = _read_start(member, _PEEK_BYTES)
    if member.total_bytes is not None and member.total_bytes > _PEEK_BYTES:
        return seen, _read_end(member) or seen.last_ns
    return seen, seen.last_ns


def _read_start(member: Input, most: int) -> CaptureInfo:
    """What the first bytes of a file tell."""
    capture = FileCapture(member, min(most, _PEEK_BYTES))
    read = 0
    with closing(capture.batches()) as batches:
        for batch in batches:
            read += len(batch.data)
            if read >= most:
                break
    return capture.info


def _read_end(member: Input) -> int | None:
    """Latest time among the last records of an uncompressed file; None where they cannot be found.

    A record is looked for in the last stretch, by the file's start's measure; it counts when the records
    from there on end exactly where the file does.
    """
    reader = make_reader(member.format, CaptureInfo(member.name))
    try:
        with open(member.name, "rb") as handle:
            start = np.frombuffer(handle.read(_PEEK_BYTES), np.uint8)
            handle.seek(-_PEEK_BYTES, os.SEEK_END)
            end = np.frombuffer(handle.read(), np.uint8)
    except OSError:
        return None
    reader.feed(start, False)
    place = -1 if reader.done else reader.find_record(end)
    if place < 0:
        return None
    reader.info = CaptureInfo(member.name)
    reader.feed(end[place:], True)
    return None if reader.info.warnings else reader.info.last_ns


class _Cursor:
    """A file of a ring, read as far as the merge has come.

    mergecap always takes the file whose next packet is the oldest. That is the order of the *latest time so
    far* in each file, files in their order where it is equal: what comes after a packet cannot be taken
    before it.
    """

    __slots__ = ("_batches", "_latest", "batch", "keys", "row")

    def __init__(self, batches: Generator[RecordBatch, None, None]) -> None:
        self._batches = batches
        self._latest = -(1 << 63)
        self.batch: RecordBatch | None = None
        self.keys: NDArray[np.int64] = np.empty(0, np.int64)
        self.row = 0
        self.load()

    def load(self) -> None:
        """Get the next batch; ``batch`` is None at the file's end."""
        self.batch, self.row = next(self._batches, None), 0
        if self.batch is not None:
            self.keys = np.maximum(np.maximum.accumulate(self.batch.time_ns), self._latest)
            self._latest = int(self.keys[-1])

    def take(self, count: int) -> RecordBatch:
        """The next ``count`` rows of the batch; its data is the batch's."""
        assert self.batch is not None
        rows = slice(self.row, self.row + count)
        self.row += count
        return _rows(self.batch, rows)

    def close(self) -> None:
        """Let go of the file."""
        self._batches.close()


def _rows(batch: RecordBatch, rows: slice | NDArray[np.int64]) -> RecordBatch:
    columns = (batch.offset, batch.captured, batch.original, batch.time_ns)
    offset, captured, original, time_ns = (column[rows] for column in columns)
    interface = None if batch.interface is None else batch.interface[rows]
    return RecordBatch(batch.data, offset, captured, original, time_ns, batch.link[rows], batch.first_frame, interface)


class RingCapture:
    """The files of a ring as one capture; see :class:`capanalyzer.capture.records.Capture`."""

    def __init__(self, members: list[Input], batch_bytes: int = BATCH_BYTES) -> None:
        self.info = CaptureInfo(members[0].name, members[0].format, files=[each.name for each in members])
        self._members = members
        self._batch_bytes = batch_bytes
        self._captures: list[FileCapture] = []
        self._frames = 0

    def batches(self) -> Iterator[RecordBatch]:
        """The packets of all files, numbered as mergecap would number them."""
        waiting = list(self._members)
        cursors: list[_Cursor] = []
        try:
            while True:
                # A file has no part in the order before its first packet's time: it is opened when that is
                # near, so that of a ring of a thousand files two are open.
                while waiting and (len(cursors) < 2 or _has_begun(cursors)):
                    cursors.append(self._open(waiting.pop(0)))
                    cursors = [cursor for cursor in cursors if cursor.batch is not None]
                if not cursors:
                    break
                merged = _merge(cursors)
                merged.first_frame = self._frames + 1
                self._frames += len(merged)
                self._add_up()
                yield merged
                for cursor in cursors:
                    if cursor.batch is not None and cursor.row == len(cursor.batch):
                        cursor.load()
                cursors = [cursor for cursor in cursors if cursor.batch is not None]
            self._add_up()
        finally:
            for cursor in cursors:
                cursor.close()

    def _open(self, member: Input) -> _Cursor:
        info = CaptureInfo(member.name, member.format)
        capture = FileCapture(member, self._batch_bytes, info)
        self._captures.append(capture)
        return _Cursor(capture.batches())

    def _add_up(self) -> None:
        """The ring's sums from those of its files."""
        total = self.info
        infos = [capture.info for capture in self._captures]
        total.packets = sum(each.packets for each in infos)
        total.bytes = sum(each.bytes for each in infos)
        total.truncated_packets = sum(each.truncated_packets for each in infos)
        total.dropped_packets = sum(each.dropped_packets for each in infos)
        total.first_ns = min((each.first_ns for each in infos if each.first_ns is not None), default=None)
        total.last_ns = max((each.last_ns for each in infos if each.last_ns is not None), default=None)
        total.link_types = list(dict.fromkeys(name for each in infos for name in each.link_types))
        total.comments = list(dict.fromkeys(text for each in infos for text in each.comments))
        total.interfaces = infos[0].interfaces if all(each.interfaces == infos[0].interfaces for each in infos) else []
        total.secrets = list(dict.fromkeys(secret for each in infos for secret in each.secrets))
        total.warnings = [warning for each in infos for warning in each.named_warnings()]

    @property
    def paths(self) -> list[str] | None:
        """The files it is read from, which another process can open as well; None for a stream."""
        return [each.name for each in self._members] if all(each.is_file for each in self._members) else None

    @property
    def copies(self) -> list[str]:
        """Files from which the same can be read again."""
        return self.paths or []

    def progress(self) -> tuple[int, int | None]:
        """(input bytes read so far, total input bytes)."""
        read = sum(capture.progress()[0] for capture in self._captures)
        return read, sum(each.total_bytes or 0 for each in self._members)


def _has_begun(cursors: list[_Cursor]) -> bool:
    """Whether the file opened last has a part in what the others have in hand."""
    *others, newest = cursors
    return bool(newest.keys[newest.row] <= max(int(other.keys[-1]) for other in others))


def _merge(cursors: list[_Cursor]) -> RecordBatch:
    """The next packets of all files in mergecap's order: at least one, as many as is cheap."""
    heads = [(int(cursor.keys[cursor.row]), index) for index, cursor in enumerate(cursors)]
    _, leading = min(heads)
    lead = cursors[leading]
    left = len(lead.keys) - lead.row
    if len(cursors) == 1:
        return lead.take(left)
    # What lies before every other file's next packet goes as it stands, without a copy.
    border, other = min(head for head in heads if head[1] != leading)
    side = _SIDES[leading < other]
    count = int(np.searchsorted(lead.keys, border, side)) - lead.row
    if count >= min(_WORTH_A_BATCH, left):
        return lead.take(count)
    return _interleave(cursors)


def _interleave(cursors: list[_Cursor]) -> RecordBatch:
    """A stretch in which files alternate, copied together."""
    # The order is known up to the first of the places where a file's rows in hand end. Of packets with that
    # very time, those of earlier files go before it, those of later ones wait.
    ends = [min(cursor.row + _MOST_INTERLEAVED, len(cursor.keys)) for cursor in cursors]
    cut, holder = min(
        (int(cursor.keys[end - 1]), index) for index, (cursor, end) in enumerate(zip(cursors, ends, strict=True))
    )
    keys, parts = [], []
    for index, cursor in enumerate(cursors):
        end = ends[index] if index == holder else int(np.searchsorted(cursor.keys, cut, _SIDES[index < holder]))
        if end > cursor.row:
            keys.append(cursor.keys[cursor.row : end])
            parts.append(_compact(cursor.take(end - cursor.row)))
    shifts = np.cumsum([0] + [len(part.data) for part in parts])
    order = np.argsort(np.concatenate(keys), kind="stable")
    return RecordBatch(
        np.concatenate([part.data for part in parts]),
        np.concatenate([part.offset + shift for part, shift in zip(parts, shifts[:-1].tolist(), strict=True)])[order],
        np.concatenate([part.captured for part in parts])[order],
        np.concatenate([part.original for part in parts])[order],
        np.concatenate([part.time_ns for part in parts])[order],
        np.concatenate([part.link for part in parts])[order],
        0,
        None
        if any(part.interface is None for part in parts)
        else np.concatenate([part.interface for part in parts if part.interface is not None])[order],
    )


def _compact(batch: RecordBatch) -> RecordBatch:
    """The same rows over no more of the data than they need."""
    low = int(batch.offset.min())
    high = int((batch.offset + batch.captured).max())
    batch.data, batch.offset = batch.data[low:high], batch.offset - low
    return batch
