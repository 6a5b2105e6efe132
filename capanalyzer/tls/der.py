"""A small reader of DER (X.690), bounded and strict about lengths, lenient about everything else.

Made for certificates as servers really send them: odd string types, impossible dates and negative serial numbers must
still give the other fields. Nothing here keeps state; every function takes the bytes and where to look.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Final

from capanalyzer.errors import Malformed

__all__ = ["children", "element", "read_name", "read_oid", "read_string", "read_time"]

MAX_CHILDREN: Final = 4096
"""Elements read of one constructed value: more is an attack, or nothing that a report could show."""

_SHORT_NAMES: Final = {
    "2.5.4.3": "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.6": "C",
    "2.5.4.9": "STREET",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
"""Attribute types that RFC 4514 section 3 writes by name; others are written as dotted numbers."""


def element(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """The element at ``at``: (identifier octet, start of its contents, end of its contents).

    :raises Malformed: it does not end before ``end``, or its length is not definite.
    """
    start = at + 2
    if start > end:
        raise Malformed("no element", "DER", at)
    tag, size = data[at], data[at + 1]
    if size < 0x80 and tag & 0x1F != 0x1F and start + size <= end:
        return tag, start, start + size  # nearly all
    if size & 0x80:
        width = size & 0x7F
        if not 1 <= width <= 4 or start + width > end:
            raise Malformed(f"length octet 0x{size:02x}", "DER", at + 1)
        size = int.from_bytes(data[start : start + width], "big")
        start += width
    if tag & 0x1F == 0x1F:
        raise Malformed("long form of the tag", "DER", at)
    if start + size > end:
        raise Malformed(f"wants {size} bytes, {end - start} left", "DER", at)
    return tag, start, start + size


def children(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The elements between ``at`` and ``end``, as :func:`element` gives them.

    :raises Malformed: they do not fill it exactly, or there are more than ``MAX_CHILDREN``.
    """
    for _ in range(MAX_CHILDREN):
        if at >= end:
            return
        found = element(data, at, end)
        yield found
        at = found[2]
    raise Malformed(f"more than {MAX_CHILDREN} elements", "DER", at)


@lru_cache(512)
def read_oid(contents: bytes) -> str:
    """An object identifier's contents as dotted numbers (X.690 section 8.19).

    :raises Malformed: it is empty, cut, or longer than 64 bytes.
    """
    if not 0 < len(contents) <= 64 or contents[-1] & 0x80:
        raise Malformed(f"{len(contents)} bytes", "OBJECT IDENTIFIER", 0)
    arcs = []
    value = 0
    for octet in contents:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


def read_string(tag: int, contents: bytes) -> str:
    """A character string as text; bytes that are not of its type come as backslash escapes."""
    if tag == 0x1E:
        return contents.decode("utf-16-be", "backslashreplace")
    if tag == 0x1C:
        return contents.decode("utf-32-be", "backslashreplace")
    try:
        return contents.decode("utf-8")
    except UnicodeDecodeError:
        # TeletexString is Latin-1 in practice; so are the mislabelled others.
        return contents.decode("latin-1")


_STRING_TAGS: Final = frozenset((0x0C, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1A, 0x1C, 0x1E))


def _escape(value: str) -> str:
    """RFC 4514 section 2.4."""
    if not value:
        return ""
    if not value.isalnum():
        value = value.replace("\\", "\\\\")
        for special in '"+,;<>':
            if special in value:
                value = value.replace(special, "\\" + special)
        value = value.replace("\0", "\\00")
        if value[0] == "#" or (value[0] == " " and len(value) > 1):
            value = "\\" + value
        if value[-1] == " ":
            value = value[:-1] + "\\ "
    return value


@lru_cache(1024)
def read_name(data: bytes) -> tuple[str, str | None]:
    """The contents of a Name (RFC 5280 section 4.1.2.4): its RFC 4514 text, and the last common name.

    :raises Malformed: it is no sequence of sets of attributes.
    """
    parts = []
    common_name = None
    for _, set_start, set_end in children(data, 0, len(data)):
        pairs = []
        for _, start, stop in children(data, set_start, set_end):
            _, oid_start, oid_end = element(data, start, stop)
            tag, value_start, value_end = element(data, oid_end, stop)
            oid = read_oid(data[oid_start:oid_end])
            contents = data[value_start:value_end]
            if tag in _STRING_TAGS:
                value = read_string(tag, contents)
                text = _escape(value)
            else:
                value = text = "#" + (contents[1:] if tag == 3 else contents).hex()
            if oid == "2.5.4.3":
                common_name = value
            pairs.append(f"{_SHORT_NAMES.get(oid, oid)}={text}")
        parts.append("+".join(pairs))
    parts.reverse()
    return ",".join(parts), common_name


def read_time(tag: int, contents: bytes) -> int:
    """UTCTime (0x17) or GeneralizedTime (0x18) as seconds since the Unix epoch (RFC 5280 section 4.1.2.5).

    Also what DER forbids and some issuers wrote: no seconds, fractions, offsets from UTC.

    :raises Malformed: it names no moment between the years 1 and 9999.
    """
    text = contents.decode("latin-1")
    digits, offset_s = text, 0
    if text[-1:] == "Z":
        digits = text[:-1]
    elif text[-5:-4] in ("+", "-") and text[-4:].isdecimal():
        digits = text[:-5]
        offset_s = (int(text[-4:-2]) * 60 + int(text[-2:])) * (-60 if text[-5] == "-" else 60)
    digits = digits.partition(".")[0]
    if tag == 0x17:
        # RFC 5280: years below 50 are of this century.
        digits = ("20" if digits[:2] < "50" else "19") + digits
    if len(digits) in (12, 14) and digits.isascii() and digits.isdecimal():
        number = int(digits) if len(digits) == 14 else 100 * int(digits)
        day, second = divmod(number, 1_000_000)
        hour, second = divmod(second, 10_000)
        minute, second = divmod(second, 100)
        try:
            days = date(day // 10_000, day // 100 % 100, day % 100).toordinal() - _EPOCH_DAY
        except ValueError:
            pass
        else:
            if hour < 24 and minute < 60 and second < 60:
                return 86_400 * days + 3_600 * hour + 60 * minute + second - offset_s
    raise Malformed(f"{text[:32]!r} is no time", "Time", 0)


_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
