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

__all__ = ["hexadecimal", "milliseconds", "strings", "times"]

I64 = NDArray[np.int64]

_encode: Final = msgspec.json.Encoder().encode
_HEX: Final = np.array([f"{value:02x}".encode() for value in range(256)])
_PLAIN: Final = re.compile(rb"[ !#-\[\]-~]*")
"""Printable ASCII that is written as it is."""
_SECONDS: Final = len("2026-11-23T10:01:02.")
_FRACTION: Final = 9


def times(time_ns: I64) -> list[bytes]:
    """As :func:`capanalyzer.report.times.to_rfc3339`."""
    second = time_ns // 1_000_000_000
    # Not divmod: numpy divides by a constant with multiplications, several numbers at a time, but only with //.
    fraction = (time_ns - second * 1_000_000_000).astype(np.uint32)
    seconds, which = np.unique(second, return_inverse=True)
    text = np.empty((len(time_ns), _SECONDS + _FRACTION + 1), np.uint8)
    known = "".join(map(second_text, seconds.tolist())).encode()
    text[:, :_SECONDS] = np.frombuffer(known, np.uint8).reshape(-1, _SECONDS).take(which, axis=0)
    for at in range(_SECONDS + _FRACTION - 1, _SECONDS - 1, -1):
        rest = fraction // 10
        text[:, at] = fraction - rest * 10 + ord("0")
        fraction = rest
    text[:, -1] = ord("Z")
    result: list[bytes] = text.view(f"S{text.shape[1]}")[:, 0].tolist()
    return result


def milliseconds(span_ns: I64) -> list[bytes]:
    """As floating point numbers."""
    return _encode((span_ns / 1e6).tolist())[1:-1].split(b",") if len(span_ns) else []


def hexadecimal(data: NDArray[np.uint8]) -> list[bytes]:
    """Rows of bytes as digits; shape (n, width)."""
    result: list[bytes] = _HEX.take(data).view(f"S{2 * data.shape[1]}")[:, 0].tolist()
    return result


def strings(names: Sequence[bytes | None]) -> list[bytes]:
    """Names from the wire as strings in quotes, or null."""
    present = [name for name in names if name is not None]
    if _PLAIN.fullmatch(b"".join(present)):
        return [b"null" if name is None else b'"%b"' % name for name in names]
    return [_encode(None if name is None else safe_text(name)) for name in names]
