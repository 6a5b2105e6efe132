"""Parts of a certificate: names, keys, signature algorithms, times (RFC 5280 section 4.1, RFC 3279, RFC 4055)."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

from capanalyzer.tls import oids
from capanalyzer.tls.der import children, element, read_name, read_oid, read_string

__all__ = ["general_name", "read_key", "read_signature_algorithm", "to_rfc3339"]


def to_rfc3339(epoch_ns: int | None) -> str | None:
    if epoch_ns is None:
        return None
    days, second = divmod(epoch_ns // 1_000_000_000, 86_400)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{date.fromordinal(_EPOCH_DAY + days).isoformat()}T{hour:02d}:{minute:02d}:{second:02d}Z"


_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def general_name(der: bytes, tag: int, start: int, end: int) -> str:
    """A GeneralName, RFC 5280 section 4.2.1.6."""
    contents = der[start:end]
    kind = tag & 0x1F
    if kind in (1, 2, 6):
        return read_string(0x16, contents)
    if kind == 7:
        if len(contents) in (4, 16):
            from ipaddress import ip_address

            return str(ip_address(contents))
        return contents.hex()
    if kind == 8:
        return read_oid(contents)
    if kind == 4:
        _, name_start, name_end = element(der, start, end)
        return "DirName:" + read_name(der[name_start:name_end])[0]
    if kind == 0:
        _, oid_start, oid_end = element(der, start, end)
        return "othername:" + read_oid(der[oid_start:oid_end])
    return f"othername:[{kind}]"


def read_key(der: bytes, at: int, end: int) -> tuple[str, int | None, str | None]:
    """SubjectPublicKeyInfo: kind, bits, curve."""
    _, algorithm_at, algorithm_end = element(der, at, end)
    _, oid_start, oid_end = element(der, algorithm_at, algorithm_end)
    oid = read_oid(der[oid_start:oid_end])
    _, key_start, key_end = element(der, algorithm_end, end)
    kind, bits = oids.KEY_ALGORITHMS.get(oid, (oid, None))
    if kind.startswith("RSA"):
        _, inner, inner_end = element(der, key_start + 1, key_end)
        _, start, stop = element(der, inner, inner_end)
        return kind, int.from_bytes(der[start:stop], "big").bit_length(), None
    if kind == "EC":
        tag, start, stop = element(der, oid_end, algorithm_end)
        if tag != 0x06:
            return kind, None, "explicit parameters"
        curve = read_oid(der[start:stop])
        name, size = oids.CURVES.get(curve, (curve, None))
        return kind, size, name
    if kind in ("DSA", "DH") and oid_end < algorithm_end:
        _, inner, inner_end = element(der, oid_end, algorithm_end)
        _, start, stop = element(der, inner, inner_end)
        return kind, int.from_bytes(der[start:stop], "big").bit_length(), None
    return kind, bits, None


def read_signature_algorithm(der: bytes) -> tuple[str, str | None]:
    """Contents of an AlgorithmIdentifier: name and hash; RSASSA-PSS has the hash in its parameters (RFC 4055 section
    3.1).
    """
    return _known_algorithm(der) if len(der) <= _SHORT else _read_algorithm(der)


def _read_algorithm(der: bytes) -> tuple[str, str | None]:
    end = len(der)
    _, oid_start, oid_end = element(der, 0, end)
    oid = read_oid(der[oid_start:oid_end])
    name, digest = oids.SIGNATURES.get(oid, (oid, None))
    if name == "rsassaPss":
        digest = "sha1"
        for _, start, stop in list(children(der, oid_end, end))[:1]:
            for tag, inner, inner_end in children(der, start, stop):
                if tag == 0xA0:
                    _, hash_start, hash_end = element(der, inner, inner_end)
                    _, hash_start, hash_end = element(der, hash_start, hash_end)
                    digest = oids.HASHES.get(read_oid(der[hash_start:hash_end]), "unknown")
    return name, digest


_SHORT: Final = 80
"""Bytes of an AlgorithmIdentifier that is remembered."""
_known_algorithm: Final = lru_cache(256)(_read_algorithm)
