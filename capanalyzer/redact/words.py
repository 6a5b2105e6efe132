"""Names as tokens: keyed, of the same length, the same for the same name, different for different ones.

A word is enciphered over the alphabet of its letters and digits: each character by a substitution that depends on all
characters before it, forwards and then backwards. So the mapping is a permutation of the words of one length: two
names never become one, and a token looks the same in a report and in the capture beside it, where it must fit into
the place of the name. Dots, hyphens, asterisks and spaces stay, so a wildcard still matches what it matched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final

__all__ = ["Words"]

_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyz0123456789"
_PLACE: Final = {value: place for place, value in enumerate(_ALPHABET)}
_SIZE: Final = len(_ALPHABET)
_WORD: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff-]+")
_NONE: Final[frozenset[bytes]] = frozenset()
MAX_WORD: Final = 64
"""Longer words are enciphered piece by piece: a host's label has at most 63 (RFC 1035 section 2.3.4)."""


class Words:
    """One key's tokens."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.word = lru_cache(1 << 14)(self._word)
        """A word as its token, of the same number of bytes."""

    def text(self, text: str, kept: frozenset[bytes] = _NONE) -> str:
        """Every word of a text as its token; counted in bytes of UTF-8, as certificates hold them."""
        return self.data(text.encode("utf-8", "surrogatepass"), kept).decode("ascii")

    def data(self, data: bytes, kept: frozenset[bytes] = _NONE) -> bytes:
        """The same for bytes, of the same length, ASCII and printable.

        :param kept: words, in small letters, that stay as they are.
        """
        return _WORD.sub(lambda match: self._match(match, kept), data).translate(_PRINTABLE)

    def fill(self, data: bytes, what: bytes = b"") -> bytes:
        """As many bytes that say nothing about ``data``, the same for the same ``data``."""
        size = len(data)
        filled = b""
        seed = blake2b(data, key=self._key, digest_size=32, person=b"fill" + what[:12]).digest()
        for number in range((size + 63) // 64):
            filled += blake2b(seed + number.to_bytes(4, "big"), key=self._key).digest()
        return filled[:size]

    def _match(self, match: re.Match[bytes], kept: frozenset[bytes]) -> bytes:
        word = match.group().lower()
        if word in kept:
            return match.group()
        return b"".join(self.word(word[at : at + MAX_WORD]) for at in range(0, len(word), MAX_WORD))

    def _word(self, word: bytes) -> bytes:
        # Hyphens and underscores keep their places: they are none of the alphabet.
        fixed = [at for at, value in enumerate(word) if value in b"-_"]
        letters = [_PLACE.get(value, value % _SIZE) for value in word if value not in b"-_"]
        layout = bytes(fixed)
        letters = self._pass(self._pass(letters, layout, b"forth")[::-1], layout, b"back")[::-1]
        token = bytearray(_ALPHABET[place] for place in letters)
        for at in fixed:
            token.insert(at, word[at])
        return bytes(token)

    def _pass(self, letters: list[int], layout: bytes, way: bytes) -> list[int]:
        size = len(letters)
        return [(letter + self._shift(letters[:at], size, layout, way)) % _SIZE for at, letter in enumerate(letters)]

    def _shift(self, before: Iterable[int], size: int, layout: bytes, way: bytes) -> int:
        known = bytes((size,)) + layout + b"|" + bytes(before)
        return int.from_bytes(blake2b(known, key=self._key, digest_size=8, person=way).digest(), "big") % _SIZE


_PRINTABLE: Final = bytes(value if 32 <= value < 127 else 32 for value in range(256))
