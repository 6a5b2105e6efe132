"""One key's redaction of everything: what stands for an address, a name, a piece of bytes."""

from __future__ import annotations

import re
import secrets
from functools import lru_cache
from hashlib import blake2b
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final

from capanalyzer.errors import UsageError
from capanalyzer.redact.crypto_pan import CryptoPan
from capanalyzer.redact.words import Words
from capanalyzer.remark import Remark

__all__ = ["MIN_KEY_BYTES", "Redactor"]

MIN_KEY_BYTES: Final = 16
"""A shorter key could be guessed by trying all."""
_V4_TEXT: Final = re.compile(rb"\d{1,3}(?:\.\d{1,3}){3}")
_V6_TEXT: Final = re.compile(rb"[0-9A-Fa-f:]{2,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?")


class Redactor:
    """The same original gives the same replacement for one key, and tells nothing of it for another."""

    def __init__(self, key: bytes | None = None) -> None:
        """A redactor.

        :param key: at least 16 bytes; None draws one, and nothing can be compared with another run.
        :raises UsageError: the key is too short.
        """
        # Drawn as text: of bytes, some would be space at an end, and gone when another process makes it anew.
        key = secrets.token_hex(32).encode() if key is None else key.strip()
        if len(key) < MIN_KEY_BYTES:
            raise UsageError(
                Remark(
                    "the redaction key has {n} bytes; at least {least} are needed",
                    n=len(key),
                    least=MIN_KEY_BYTES,
                )
            )
        self._key = key
        self._pan = CryptoPan(self._derived(b"addresses"))
        self.words = Words(self._derived(b"words"))
        self.address = self._pan.address
        """An address of 4 or 16 bytes as the one that stands for it."""
        self.address_text = lru_cache(1 << 14)(self._address_text)
        """An address in text form; what is none is treated as a name."""
        self.mac = lru_cache(1 << 12)(self._mac)
        """A MAC address of 6 bytes; see :meth:`_mac`."""

    def __reduce__(self) -> tuple[type[Redactor], tuple[bytes]]:
        """For pickling: the key makes it anew."""
        return Redactor, (self._key,)

    def _derived(self, purpose: bytes) -> bytes:
        return blake2b(self._key, digest_size=32, person=b"capanalyzer", salt=purpose).digest()

    def _address_text(self, text: str) -> str:
        family = AF_INET6 if ":" in text else AF_INET
        try:
            packed = inet_pton(family, text)
        except (OSError, ValueError):
            return self.words.text(text)
        return inet_ntop(family, self.address(packed))

    def _mac(self, mac: bytes) -> bytes:
        """Groups stay (IEEE 802: bit 0 of the first byte), so does zero; others become locally administered ones."""
        if mac[0] & 1 or not any(mac):
            return mac
        made = self.words.fill(mac, b"mac")
        return bytes((made[0] & 0xFC | 2,)) + made[1:]

    def name(self, text: str) -> str:
        """A host name, or the address that stands in its place: of the same length, as in a redacted capture."""
        return self.name_data(text.encode("utf-8", "surrogatepass")).decode("ascii")

    def name_data(self, data: bytes) -> bytes:
        """The same for bytes."""
        if _V4_TEXT.fullmatch(data):
            return self._v4_digits(data)
        if data.count(b":") > 1 and _V6_TEXT.fullmatch(data):
            return self._v6_digits(data)
        return self.words.data(data)

    def _v4_digits(self, data: bytes) -> bytes:
        """An IPv4 address in text form as another one of the same length, each part keyed by all before it."""
        made, before = [], b""
        for part in data.split(b"."):
            before += part + b"."
            low, high = {1: (0, 10), 2: (10, 100)}.get(len(part), (100, 256))
            pick = int.from_bytes(self.words.fill(before + bytes(8), b"octet")[:8], "big")
            made.append(str(low + pick % (high - low)).encode())
        return b".".join(made)

    def _v6_digits(self, data: bytes) -> bytes:
        """The same for IPv6: each group another one of as many digits, none of them beginning with zero."""
        made, before = [], b""
        for part in data.split(b":"):
            before += part + b":"
            if b"." in part or not part:
                made.append(self._v4_digits(part) if part else part)
                continue
            digits = self.words.fill(before + bytes(8), b"group").hex().encode()[: len(part)]
            made.append(b"f" + digits[1:] if digits[:1] == b"0" else digits)
        return b":".join(made)
