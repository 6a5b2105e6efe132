"""Crypto-PAn: addresses that share a prefix of k bits before share one of k bits, and no more, after.

J. Xu, J. Fan, M. Ammar, S. Moon: Prefix-Preserving IP Address Anonymization, ICNP 2002; IPv6 as the same over 128 bits.
The key is 32 bytes: an AES-128 key, and a block that enciphered under it gives the padding.

As published, prefixes of neighbouring lengths are often enciphered as the same block, and their bits then flip alike:
one key in some 15,000 leaves an address as it is. Here each length has padding of its own, so that none of the bits
says anything of another; :meth:`CryptoPan.plain` is the published form.

What kind of address it is says something about a network and nothing about whose it is, so that is kept: a private
address stays within its private block, loopback and multicast stay what they are (:data:`WITHIN`, :data:`AS_IS`). An
ordinary address that would come out as one of those is enciphered again until it does not, so that two addresses never
become one (a permutation restricted to a set, by walking its cycles).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

__all__ = ["AS_IS", "WITHIN", "CryptoPan"]

_V4_AS_IS: Final = ((0x00, 8), (0x7F, 8), (0xE, 4), (0xFFFFFFFF, 32))
_V4_WITHIN: Final = ((0x0A, 8), (0x0191, 10), (0xA9FE, 16), (0xAC1, 12), (0xC0A8, 16))
_V6_AS_IS: Final = ((0, 128), (1, 128), (0xFF, 8))
_V6_WITHIN: Final = ((0xFC >> 1, 7), (0xFE80 >> 6, 10))
AS_IS: Final = {4: _V4_AS_IS, 16: _V6_AS_IS}
"""Blocks, as (first bits, how many), by the address's size: this host, loopback, multicast, broadcast (RFC 6890)."""
WITHIN: Final = {4: _V4_WITHIN, 16: _V6_WITHIN}
"""Blocks of which the prefix stays: RFC 1918, shared (RFC 6598), link-local, unique local (RFC 4193)."""
_MAPPED: Final = (bytes(10) + b"\xff\xff", bytes.fromhex("0064ff9b") + bytes(8))
"""IPv4 within IPv6 (RFC 4291 section 2.5.5.2, RFC 6052): comes out as the IPv4 address does."""


class CryptoPan:
    """One key's mapping of addresses."""

    def __init__(self, key: bytes) -> None:
        """:param key: 32 bytes."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        self._encryptor: CipherContext = Cipher(algorithms.AES(key[:16]), modes.ECB()).encryptor()  # noqa: S305 - one block at a time, as published
        pad = int.from_bytes(self._encryptor.update(key[16:32]), "big")
        self._published = (pad,) * 128
        lengths = b"".join((pad ^ length).to_bytes(16, "big") for length in range(1, 129))
        own = self._encryptor.update(lengths)
        self._pads = tuple(int.from_bytes(own[at : at + 16], "big") for at in range(0, len(own), 16))
        self.address = lru_cache(1 << 16)(self._address)
        """An address of 4 or 16 bytes as the one that stands for it."""

    def plain(self, address: bytes) -> bytes:
        """The algorithm as published, no address treated apart."""
        return self._enciphered(address, self._published)

    def _enciphered(self, address: bytes, pads: tuple[int, ...]) -> bytes:
        """:param pads: 128 bits of padding for each length of a prefix, from 0."""
        bits = 8 * len(address)
        number = int.from_bytes(address, "big")
        blocks = bytearray()
        for known in range(bits):
            # The first bits of the address, then those of the padding.
            low = 128 - known
            head = number >> bits - known << low
            blocks += (head | pads[known] & (1 << low) - 1).to_bytes(16, "big")
        enciphered = self._encryptor.update(bytes(blocks))
        flips = 0
        for known in range(bits):
            flips = flips << 1 | enciphered[16 * known] >> 7
        return (number ^ flips).to_bytes(len(address), "big")

    def _address(self, address: bytes) -> bytes:
        size = len(address)
        if size == 16 and address[:12] in _MAPPED and any(address[12:]):
            return address[:12] + self.address(address[12:])
        number, bits = int.from_bytes(address, "big"), 8 * size
        if _block(number, bits, AS_IS[size]) is not None:
            return address
        kept = _block(number, bits, WITHIN[size])
        if kept is not None:
            low = (1 << bits - kept) - 1
            inside = int.from_bytes(self._enciphered(address, self._pads), "big") & low
            return (number & ~low | inside).to_bytes(size, "big")
        while True:
            address = self._enciphered(address, self._pads)
            number = int.from_bytes(address, "big")
            if (
                _block(number, bits, AS_IS[size]) is None
                and _block(number, bits, WITHIN[size]) is None
                and not (size == 16 and address[:12] in _MAPPED)
            ):
                return address


def _block(number: int, bits: int, blocks: tuple[tuple[int, int], ...]) -> int | None:
    """Length of the prefix of the block that an address is in."""
    for prefix, length in blocks:
        if number >> bits - length == prefix:
            return length
    return None
