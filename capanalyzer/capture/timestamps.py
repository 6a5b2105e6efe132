"""pcapng time stamps as integer nanoseconds, exact for every resolution and offset.

A time stamp counts units of 10**-n or 2**-n seconds (option if_tsresol) since the epoch plus an offset
in seconds (if_tsoffset): draft-ietf-opsawg-pcapng, section 4.2. Finer units than nanoseconds are
rounded down. What does not fit 64-bit nanoseconds (the years 1677 to 2262) is moved to the edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MICROSECONDS", "Resolution"]

_NS = 1_000_000_000
_EDGE = 1 << 63
_EDGE_SECONDS = _EDGE // _NS
_U64 = 1 << 64


@dataclass(frozen=True, slots=True)
class Resolution:
    """The unit of an interface's time stamps, and what is added to them."""

    exponent: int = 6
    """The unit is ``10 ** -exponent`` seconds, or ``2 ** -exponent``."""
    binary: bool = False
    offset_s: int = 0

    @classmethod
    def from_options(cls, tsresol: int, offset_s: int) -> Resolution:
        """From the byte of if_tsresol (highest bit: power of two) and the seconds of if_tsoffset."""
        return cls(tsresol & 0x7F, bool(tsresol & 0x80), offset_s)

    @property
    def per_second(self) -> int:
        """Units in a second."""
        return 1 << self.exponent if self.binary else 10**self.exponent

    def to_ns(self, stamp: int) -> int:
        """One time stamp, an unsigned 64-bit count of units."""
        value = stamp * _NS // self.per_second + self.offset_s * _NS
        return max(-_EDGE, min(value, _EDGE - 1))

    def column_to_ns(self, stamps: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Many time stamps, shape (n,); the same as :meth:`to_ns` of each."""
        per_second = self.per_second
        if not self.binary and self.exponent <= 9 and len(stamps):
            factor = 10 ** (9 - self.exponent)
            if int(stamps.max()) * factor + abs(self.offset_s) * _NS < _EDGE:
                plain: NDArray[np.int64] = stamps.astype(np.int64) * factor + self.offset_s * _NS
                return plain
        if per_second >= _U64:
            seconds = np.zeros(len(stamps), np.uint64)
            rest = stamps
        else:
            seconds = stamps // np.uint64(per_second)
            rest = stamps - seconds * np.uint64(per_second)
        if len(stamps) and abs(self.offset_s) + int(seconds.max()) >= _EDGE_SECONDS:
            # Nobody's clock: exactness in plain Python matters more than speed here.
            return np.array([self.to_ns(stamp) for stamp in stamps.tolist()], np.int64)
        whole = (seconds.astype(np.int64) + self.offset_s) * _NS
        return whole + self._fraction_ns(rest).astype(np.int64)

    def _fraction_ns(self, rest: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Units less than a second as nanoseconds, rounded down."""
        if not self.binary:
            if self.exponent <= 9:
                return rest * np.uint64(10 ** (9 - self.exponent))
            divisor = 10 ** (self.exponent - 9)
            return rest // np.uint64(divisor) if divisor < _U64 else np.zeros_like(rest)
        if self.exponent <= 34:
            return (rest * np.uint64(_NS)) >> np.uint64(self.exponent)
        # rest * 10**9 has more than 64 bits: high and low halves apart, what the low half carries added.
        half = np.uint64(32)
        carried = (rest & np.uint64(0xFFFFFFFF)) * np.uint64(_NS) >> half
        shift = self.exponent - 32
        if shift >= 64:
            return np.zeros_like(rest)
        return ((rest >> half) * np.uint64(_NS) + carried) >> np.uint64(shift)


MICROSECONDS = Resolution()
