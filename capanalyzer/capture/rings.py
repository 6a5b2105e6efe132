"""Rings: which files a capturing program filled one after the other, and so are one capture (see ``ring_merge``).

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
from collections.abc import Collection, Iterator
from contextlib import closing
from typing import Final

import numpy as np

from capanalyzer.capture.files import FileCapture
from capanalyzer.capture.opening import Input
from capanalyzer.capture.probe import make_reader
from capanalyzer.capture.records import CaptureInfo
from capanalyzer.capture.ring_names import RingName

__all__ = ["find_rings"]

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
