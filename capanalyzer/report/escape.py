"""Text from the wire made safe to show.

A server name may hold terminal control sequences, right-to-left overrides or line ends that forge a line of the
report. What is not printable is shown as its escape, so that it is seen instead of obeyed.
"""

from __future__ import annotations

from typing import Final

__all__ = ["encodable", "printable"]

_PLAIN: Final = frozenset("\u00a0\u3000")
"""Spaces that ``str.isprintable`` rejects and that do no harm; Japanese texts use the second."""


def printable(text: str) -> str:
    """``text`` with control, format (bidirectional, zero width), surrogate and unassigned characters escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _PLAIN else _escape(ord(c)) for c in text)


def encodable(text: str) -> str:
    """``text`` in a form that UTF-8 can carry: lone surrogates (undecodable file names, PEP 383) become escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _escape(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
