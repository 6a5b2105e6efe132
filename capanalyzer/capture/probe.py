"""What a file is, by its first bytes."""

from __future__ import annotations

from typing import Final

from capanalyzer.capture.pcap import MAGICS, PcapReader
from capanalyzer.capture.reader import RecordReader
from capanalyzer.capture.records import CaptureInfo
from capanalyzer.remark import Remark

__all__ = ["PROBE_BYTES", "compression_of", "describe", "format_of", "is_capture", "make_reader"]

PROBE_BYTES: Final = 16
"""Enough of a file to tell."""

_SNOOP: Final = b"snoop\0\0\0"

_COMPRESSIONS: Final = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}

_OTHERS: Final = {
    b"PK\x03\x04": Remark("a zip archive; unpack it first"),
    b"%PDF": Remark("a PDF document"),
    b"\x7fELF": Remark("a program"),
    b"GMBU": Remark("a Network Monitor capture; convert it with editcap"),
    b"RTSS": Remark("a Network Monitor 1 capture; convert it with editcap"),
}


def format_of(head: bytes) -> str | None:
    """``pcap``, ``pcapng`` or ``snoop``; None for anything else, and for less than four bytes.

    A capture cut short within its magic number still counts as one.
    """
    if len(head) < 4:
        return None
    if head[:4] in MAGICS:
        return "pcap"
    if head[:4] == b"\x0a\x0d\x0d\x0a":
        order = head[8:12]
        return "pcapng" if len(order) < 4 or order in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a") else None
    if head[:8] == _SNOOP[: len(head)]:
        return "snoop"
    return None


def is_capture(path: str) -> bool:
    """A file's first bytes are those of a capture, not compressed.

    :raises OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return format_of(file.read(PROBE_BYTES)) is not None


def compression_of(head: bytes) -> str | None:
    """``gzip``, ``bzip2``, ``xz``, ``zstd``, ``lz4``, or None."""
    for magic, name in _COMPRESSIONS.items():
        if head.startswith(magic):
            return name
    # A zstd file may begin with a skippable frame (RFC 8878 section 3.1.2).
    if head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5:
        return "zstd"
    return None


def describe(head: bytes) -> Remark:
    """That it is none, and what else it may be."""
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            return Remark("is not a packet capture (pcap, pcapng or snoop) but {what}", what=what)
    return Remark("is not a packet capture (pcap, pcapng or snoop)")


def make_reader(format_name: str, info: CaptureInfo) -> RecordReader:
    """The reader of a format that :func:`format_of` named; one run seldom needs several, so they are imported here."""
    if format_name == "pcap":
        return PcapReader(info)
    if format_name == "pcapng":
        from capanalyzer.capture.pcapng import PcapngReader

        return PcapngReader(info)
    from capanalyzer.capture.snoop import SnoopReader

    return SnoopReader(info)
