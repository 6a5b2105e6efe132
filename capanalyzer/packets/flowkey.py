"""Endpoint values: (address, port) in one unsigned 64-bit integer.

IPv4 fits exactly (``address << 16 | port``). An IPv6 address does not, so it is mixed with its port under
constants drawn for each run: multiply and xor-shift rounds as in MurmurHash3's finaliser, which spread
every input bit over the whole value. Bit 63 is set for IPv6, so the two families never share a value.
Two IPv6 endpoints may share one by chance; whoever matches on values compares the addresses too. The
constants are secret to the run, so a sender cannot prepare endpoints that collide.

Scalar and vectorised forms give the same values.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

__all__ = ["V6_BIT", "EndpointMixer", "endpoint_v4"]

V6_BIT = 1 << 63
"""Set in every IPv6 endpoint value, never in an IPv4 one (48 bits)."""
_MASK = (1 << 64) - 1
_M1, _M2 = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53
"""Odd multipliers of MurmurHash3's 64-bit finaliser (public domain)."""
_S32, _S29 = np.uint64(32), np.uint64(29)


def endpoint_v4(address: int, port: int) -> int:
    """The endpoint value of an IPv4 address (as an integer) and port."""
    return address << 16 | port


class EndpointMixer:
    """Mixes IPv6 endpoints under one run's constants.

    :param seed: makes the values repeatable; None draws from the operating system.
    """

    __slots__ = ("_k0", "_k1", "_np", "_port")

    def __init__(self, seed: int | None = None) -> None:
        if seed is None:
            drawn = os.urandom(24)
        else:
            from random import Random

            drawn = Random(seed).randbytes(24)  # noqa: S311 - a seed is only given where values must repeat
        self._k0, self._k1, port = (int.from_bytes(drawn[at : at + 8], "little") for at in (0, 8, 16))
        self._port = port | 1  # odd, so that different ports never cancel
        self._np = tuple(np.uint64(v) for v in (self._k0, self._k1, self._port, _M1, _M2, V6_BIT))

    def scalar(self, address: bytes, port: int) -> int:
        """The endpoint value of a 16-byte address and a port."""
        high, low = int.from_bytes(address[:8], "big"), int.from_bytes(address[8:16], "big")
        h = ((high + port * self._port) ^ self._k0) & _MASK
        h = h * _M1 & _MASK
        h ^= h >> 32
        h = ((h + low) ^ self._k1) & _MASK
        h = h * _M2 & _MASK
        h ^= h >> 29
        h = h * _M1 & _MASK
        return h ^ h >> 32 | V6_BIT

    def columns(
        self, high: NDArray[np.uint64], low: NDArray[np.uint64], port: NDArray[np.uint16]
    ) -> NDArray[np.uint64]:
        """Endpoint values of n endpoints.

        :param high: first eight bytes of each address, big-endian value, shape (n,).
        :param low: last eight bytes, shape (n,).
        :param port: shape (n,).
        :return: shape (n,), equal to :meth:`scalar` of each row.
        """
        k0, k1, per_port, m1, m2, bit = self._np
        h = port.astype(np.uint64)
        h *= per_port
        h += high
        h ^= k0
        h *= m1
        h ^= h >> _S32
        h += low
        h ^= k1
        h *= m2
        h ^= h >> _S29
        h *= m1
        h ^= h >> _S32
        h |= bit
        return h
