"""What one signature says of the bytes seen so far, and the few tests that several signatures share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple, TypeAlias

__all__ = [
    "LIKELY",
    "MAX_RECORD",
    "MORE",
    "NO",
    "PRINTABLE",
    "UNDECIDED",
    "YES",
    "Check",
    "Sign",
    "Signature",
    "first_line",
    "likely",
    "literal",
    "looks_like_tls",
    "text_prefix",
    "yes",
]

NO, MORE, LIKELY, YES = 0, 1, 2, 3
"""States of a signature. It wavers between MORE and LIKELY as long as it must, and never leaves YES or NO again."""

MAX_RECORD: Final = (1 << 14) + 2048
"""Largest TLSCiphertext.length, RFC 5246 section 6.2.3 (RFC 8446 allows 256 instead of 2048)."""


class Sign(NamedTuple):
    """A signature's answer."""

    state: int
    """NO: no further bytes can make it match. MORE: too few bytes. LIKELY: too few, but if no more come it
    is this. YES: it is this, whatever follows."""
    name: str = ""
    among: frozenset[str] = frozenset()
    """Not empty: all protocols that begin like this, ``name`` being the best guess; the other direction may tell."""


UNDECIDED: Final = Sign(MORE)
_NO: Final = Sign(NO)

Check: TypeAlias = Callable[[bytes], Sign]
"""Takes one direction's first bytes (at least one). Never raises."""


class Signature(NamedTuple):
    """A row of the table of protocols."""

    name: str
    first: frozenset[int]
    """Values of the first byte with which it may begin."""
    check: Check
    source: str
    """Where the form is specified."""


@cache
def yes(name: str, *others: str) -> Sign:
    """It is ``name``, whatever follows; or, as far as these bytes tell, one of ``others``."""
    return Sign(YES, name, frozenset((name, *others)) if others else frozenset())


@cache
def likely(name: str, *others: str) -> Sign:
    """It is ``name`` if nothing more comes; or one of ``others``."""
    return Sign(LIKELY, name, frozenset((name, *others)) if others else frozenset())


def literal(name: str, text: bytes, enough: int = 3) -> Check:
    """A signature that is a fixed beginning; from ``enough`` bytes on a cut one is named when no more come."""
    found, maybe, size = yes(name), likely(name), len(text)

    def check(data: bytes) -> Sign:
        if data.startswith(text):
            return found
        if len(data) < size and text.startswith(data):
            return maybe if len(data) >= enough else UNDECIDED
        return _NO

    return check


def first_line(data: bytes, limit: int) -> tuple[bytes, bool] | None:
    """The first line without its end, and whether it is complete; None when it cannot be one.

    No line: a control character other than tab, or ``limit`` bytes without an end.
    """
    end = data.find(b"\n", 0, limit)
    line = data[:end] if end >= 0 else data[:limit]
    text = line[:-1] if line[-1:] == b"\r" else line
    if text.translate(None, _TEXT):
        return None
    if end < 0 and len(data) >= limit:
        return None
    return text, end >= 0


def text_prefix(data: bytes, limit: int) -> bytes:
    """As much of the first line as is text: up to its end or to the first control character."""
    line = data[:limit].split(b"\n", 1)[0].removesuffix(b"\r")
    odd = line.translate(None, _TEXT)
    return line[: line.index(odd[0])] if odd else line


PRINTABLE: Final = bytes(range(32, 127))
"""Printable ASCII, to be deleted with ``translate`` so that what remains shows that some bytes are not."""
_TEXT: Final = bytes([9, *range(32, 127), *range(128, 256)])
"""Bytes allowed in a line of text: everything but control characters (UTF-8 and Latin-1 text are common)."""

_TLS_STARTS: Final = frozenset(bytes((kind, 3, minor)) for kind in range(20, 25) for minor in range(5))


def looks_like_tls(data: bytes, at: int = 0) -> bool | None:
    """Whether a TLS record can begin at ``at``: by its header alone; None with fewer than 3 bytes that fit so far."""
    head = data[at : at + 5]
    if len(head) < 3:
        return None if any(start.startswith(head) for start in _TLS_STARTS) else False
    if head[:3] not in _TLS_STARTS:
        return False
    return len(head) < 5 or head[3] << 8 | head[4] <= MAX_RECORD
