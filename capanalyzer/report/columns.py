"""Columns of values as columns of JSON text: what :mod:`msgspec` writes of each, made for all of them at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from capanalyzer.report.times import second_text
from capanalyzer.tls.hello import safe_text

__all__ = ["milliseconds", "names", "openings", "pairs_of_times"]

I64 = NDArray[np.int64]

_encode: Final = msgspec.json.Encoder().encode
_HEX: Final = np.array([f"{value:02x}".encode() for value in range(256)])
_PLAIN: Final = re.compile(rb"[ !#-\[\]-~]*")
"""Printable ASCII that is written as it is."""
_SECONDS: Final = len("2026-11-23T10:01:02.")
_FRACTION: Final = 9
_TIME: Final = _SECONDS + _FRACTION + 1
_SPAN: Final = 1 << 14
"""Seconds within which times are told apart by a table of all of them."""


def pairs_of_times(time_ns: I64, between: bytes) -> list[bytes]:
    """Two times each as :func:`capanalyzer.report.times.to_rfc3339`, with some text between them; shape (n, 2)."""
    count, behind = len(time_ns), _TIME + len(between)
    stamps = _stamps(time_ns.ravel()).reshape(count, 2, _TIME)
    text = np.empty((count, behind + _TIME), np.uint8)
    text[:, :_TIME], text[:, behind:] = stamps[:, 0], stamps[:, 1]
    text[:, _TIME:behind] = np.frombuffer(between, np.uint8)
    return _rows(text)


def _stamps(time_ns: I64) -> NDArray[np.uint8]:
    second = time_ns // 1_000_000_000
    # Not divmod: numpy divides by a constant with multiplications, several numbers at a time, but only with //.
    fraction = (time_ns - second * 1_000_000_000).astype(np.uint32)
    seconds, which = _distinct(second)
    text = np.empty((len(time_ns), _TIME), np.uint8)
    known = "".join(map(second_text, seconds.tolist())).encode()
    text[:, :_SECONDS] = np.frombuffer(known, np.uint8).reshape(-1, _SECONDS).take(which, axis=0)
    for at in range(_SECONDS + _FRACTION - 1, _SECONDS - 1, -1):
        rest = fraction // 10
        text[:, at] = fraction - rest * 10 + ord("0")
        fraction = rest
    text[:, -1] = ord("Z")
    return text


def _distinct(values: I64) -> tuple[I64, I64]:
    """Different values, ascending, and which of them each is."""
    low = int(values.min()) if len(values) else 0
    span = int(values.max()) - low if len(values) else 0
    if span > _SPAN:
        different, which = np.unique(values, return_inverse=True)
        return different, which
    is_there = np.zeros(span + 1, np.bool_)
    is_there[values - low] = True
    return np.flatnonzero(is_there) + low, (np.cumsum(is_there) - 1).take(values - low)


def milliseconds(span_ns: I64) -> list[bytes]:
    """As floating point numbers."""
    return _encode((span_ns / 1e6).tolist())[1:-1].split(b",") if len(span_ns) else []


def openings(data: NDArray[np.uint8], between: bytes) -> list[bytes]:
    """First bytes of two sides as digits, with some text between them; shape (n, width), half of it each side's."""
    width = data.shape[1]
    text = np.empty((len(data), 2 * width + len(between)), np.uint8)
    digits = _HEX.take(data).view(np.uint8)
    text[:, :width], text[:, width + len(between) :] = digits[:, :width], digits[:, width:]
    text[:, width : width + len(between)] = np.frombuffer(between, np.uint8)
    return _rows(text)


def _rows(text: NDArray[np.uint8]) -> list[bytes]:
    """The rows of a table of letters."""
    rows: list[bytes] = text.view(f"V{text.shape[1]}")[:, 0].tolist()
    return rows


def names(names: Sequence[bytes | None]) -> list[bytes]:
    """Names from the wire as in strings, without the quotes; nothing for None."""
    written = [name or b"" for name in names]
    if _PLAIN.fullmatch(b"".join(written)):
        return written
    return [_encode(safe_text(name))[1:-1] for name in written]
