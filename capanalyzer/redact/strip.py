"""A copy of a capture without the keys that decrypt its TLS sessions.

Secrets stand in two places: in blocks of a pcapng file, which are left out, and in the trailers that a BIG-IP puts
behind its packets, which are overwritten with zeros. Nothing else of a packet is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np

from capanalyzer.capture.records import Capture, CaptureInfo, RecordBatch
from capanalyzer.capture.source import open_captures
from capanalyzer.capture.write import PacketRecord, pcapng_interface, pcapng_packet, pcapng_section
from capanalyzer.errors import CaptureError
from capanalyzer.packets.f5.dpt import MAGIC
from capanalyzer.redact.trailers import without_trailer_keys

__all__ = ["Stripped", "holds_session_keys", "strip_keys"]

_PIECE: Final = 4_096
"""Packets written at once."""


class Stripped(NamedTuple):
    """What was done."""

    packets: int
    """Written: all of the capture's."""
    overwritten: int
    """Packets whose trailers carried keys."""
    blocks: int
    """Blocks with secrets that were left out."""


def strip_keys(capture: Capture, write: Callable[[bytes], object], *, application: str) -> Stripped:
    """Write a capture again, as pcapng: every packet with its time, interface and lengths; the file's comments.

    :param application: who writes it.
    :raises CaptureError: the capture turns out to be unreadable.
    """
    info, numbers = capture.info, dict[tuple[int, int], int]()
    packets = overwritten = 0
    begun = False
    for batch in capture.batches():
        if not begun:
            write(pcapng_section(application=application, comment="\n".join(info.comments)))
            begun = True
        touched = _with_magic(batch)
        pieces: list[bytes] = []
        for record in _records(batch):
            packets += 1
            if record.frame in touched:
                data = without_trailer_keys(record.data, record.link, record.original)
                overwritten += data != record.data
                record = record._replace(data=data)  # noqa: PLW2901 - the same packet
            pieces += _blocks(record, numbers, info)
            if len(pieces) >= _PIECE:
                write(b"".join(pieces))
                pieces.clear()
        write(b"".join(pieces))
    if not begun:
        write(pcapng_section(application=application, comment=""))
    return Stripped(packets, overwritten, len(info.secrets))


def holds_session_keys(path: str) -> bool:
    """A file is a capture, compressed or not, that holds keys; False also for what is no capture."""
    for capture in open_captures([path]):
        if isinstance(capture, CaptureError):
            continue
        for batch in capture.batches():
            touched = _with_magic(batch)
            suspects = (record for record in _records(batch) if record.frame in touched) if touched else ()
            if capture.info.secrets or any(map(_has_keys, suspects)):
                return True
        if capture.info.secrets:
            return True
    return False


def _has_keys(record: PacketRecord) -> bool:
    return without_trailer_keys(record.data, record.link, record.original) != record.data


def _blocks(record: PacketRecord, numbers: dict[tuple[int, int], int], info: CaptureInfo) -> Iterator[bytes]:
    """A packet, after its interface where that is new."""
    key = record.interface, record.link
    if key not in numbers:
        numbers[key] = len(numbers)
        names = info.interfaces
        yield pcapng_interface(record.link, names[record.interface] if record.interface < len(names) else None)
    yield pcapng_packet(record, numbers[key])


def _records(batch: RecordBatch) -> Iterator[PacketRecord]:
    view, frame = np.ascontiguousarray(batch.data).data, batch.first_frame
    interfaces = np.zeros(len(batch), np.int64) if batch.interface is None else batch.interface
    columns = (batch.time_ns, interfaces, batch.link, batch.original, batch.offset, batch.captured)
    for time_ns, interface, link, original, at, size in zip(*(one.tolist() for one in columns), strict=True):
        yield PacketRecord(frame, time_ns, interface, link, original, bytes(view[at : at + size]))
        frame += 1


def _with_magic(batch: RecordBatch) -> set[int]:
    """Frames that hold the number with which a trailer with keys begins."""
    if not len(batch):
        return set()
    begin, end = int(batch.offset.min()), int((batch.offset + batch.captured).max())
    data, found, at = batch.data[begin:end].tobytes(), list[int](), -1
    while (at := data.find(MAGIC, at + 1)) >= 0:
        found.append(begin + at)
    rows = np.searchsorted(batch.offset, np.array(found, np.int64), side="right") - 1
    return set((rows.clip(0) + batch.first_frame).tolist())
