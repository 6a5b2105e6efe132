"""Capture times as text and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["from_rfc3339", "second_text", "to_rfc3339"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_CACHED: Final = 1 << 12
"""Seconds kept as text: sessions that are written one after the other share most of them (about 0.6 MB)."""
_seconds: dict[int, str] = {}


def to_rfc3339(time_ns: int) -> str:
    """``2026-11-23T10:01:02.000000001Z`` of nanoseconds since the Unix epoch (RFC 3339, section 5.6).

    Any int64 works: it reaches from 1677 to 2262.
    """
    second, fraction = divmod(time_ns, 1_000_000_000)
    return f"{second_text(second)}{fraction:09d}Z"


def second_text(second: int) -> str:
    """``2026-11-23T10:01:02.`` of seconds since the Unix epoch: what stands before the fraction."""
    text = _seconds.get(second)
    if text is None:
        if len(_seconds) >= _MAX_CACHED:
            _seconds.clear()
        text = (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.")
        _seconds[second] = text
    return text


def from_rfc3339(text: str) -> int:
    """The inverse of :func:`to_rfc3339`: nanoseconds since the Unix epoch."""
    whole = datetime.fromisoformat(text[:19] + "+00:00") - _EPOCH
    return (whole.days * 86_400 + whole.seconds) * 1_000_000_000 + int(text[20:29])
