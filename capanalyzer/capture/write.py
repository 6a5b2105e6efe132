"""Writing pcapng: a section, its interfaces, packets with comments (draft-ietf-opsawg-pcapng).

Little-endian, times in nanoseconds. No secrets blocks, no statistics: what is written is what is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from struct import pack
from typing import Final, NamedTuple

__all__ = ["PacketRecord", "pcapng_interface", "pcapng_section", "write_pcapng"]

_COMMENT: Final = 1
_SECTION_APPLICATION: Final = 4
_INTERFACE_NAME: Final = 2
_INTERFACE_RESOLUTION: Final = 9
_MAX_OPTION: Final = 65_535
"""Bytes of an option's value: its length is 16 bits."""


class PacketRecord(NamedTuple):
    """One packet of a capture."""

    frame: int
    """Its number in the capture it comes from."""
    time_ns: int
    """Nanoseconds since the Unix epoch."""
    interface: int
    """Number of its interface in the capture it comes from; those with one link type and number share a block."""
    link: int
    """LINKTYPE_ value."""
    original: int
    """Bytes on the wire."""
    data: bytes
    """Those captured."""


def write_pcapng(
    packets: Iterable[PacketRecord],
    *,
    application: str,
    comment: str,
    comments: Mapping[int, Sequence[str]],
    interface_names: Mapping[int, str],
) -> bytes:
    """A whole file.

    :param packets: in the order in which they are to stand.
    :param comment: of the section.
    :param comments: of packets, by frame.
    :param interface_names: by number of the interface; those without one have none.
    """
    blocks = [pcapng_section(application=application, comment=comment)]
    numbers: dict[tuple[int, int], int] = {}
    bodies = []
    for packet in packets:
        key = (packet.interface, packet.link)
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = len(numbers)
            blocks.append(pcapng_interface(packet.link, interface_names.get(packet.interface)))
        bodies.append(pcapng_packet(packet, number, comments.get(packet.frame, ())))
    return b"".join(blocks + bodies)


def pcapng_section(*, application: str, comment: str) -> bytes:
    """The block that a file begins with."""
    options = _option(_COMMENT, comment) + _option(_SECTION_APPLICATION, application) + b"\0\0\0\0"
    return _block(0x0A0D0D0A, pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options)


def pcapng_interface(link: int, name: str | None) -> bytes:
    """The block of an interface; its packets' times are nanoseconds."""
    options = _raw_option(_INTERFACE_RESOLUTION, b"\x09")
    if name:
        options = _option(_INTERFACE_NAME, name) + options
    return _block(1, pack("<HHI", link, 0, 0) + options + b"\0\0\0\0")


def pcapng_packet(packet: PacketRecord, number: int, comments: Sequence[str] = ()) -> bytes:
    """The block of a packet; ``number`` is that of its interface in the file."""
    stamp, data = max(packet.time_ns, 0), packet.data
    options = b"".join(_option(_COMMENT, comment) for comment in comments)
    if options:
        options += b"\0\0\0\0"
    fields = pack("<5I", number, stamp >> 32, stamp & 0xFFFFFFFF, len(data), packet.original)
    return _block(6, fields + _padded(data) + options)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return pack("<II", kind, size) + body + pack("<I", size)


def _option(code: int, text: str) -> bytes:
    value = text.encode("utf-8", "replace")
    if len(value) > _MAX_OPTION:
        value = value[: _MAX_OPTION - 3].decode("utf-8", "ignore").encode() + b"..."
    return _raw_option(code, value)


def _raw_option(code: int, value: bytes) -> bytes:
    return pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
