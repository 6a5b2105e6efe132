"""JA3, JA3S and JA4: fingerprints of hellos.

- JA3 and JA3S (https://github.com/salesforce/ja3, BSD-3-Clause): MD5 over decimal code points in wire order, GREASE
  left out.
- JA4, the TLS client fingerprint (https://github.com/FoxIO-LLC/ja4, BSD-3-Clause; the other members of that family,
  JA4S among them, are under another licence and not implemented): a readable head, then truncated SHA-256 over sorted
  cipher suites, and over sorted extensions with the signature algorithms in wire order.

Results are kept in the hello's shape: they depend on nothing that varies between hellos of one shape. The parts are
memoised by themselves, because browsers that shuffle extensions and draw GREASE make a new shape each time.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import md5, sha256
from typing import Final

from capanalyzer.tls.hello import ClientHello, ServerHello

__all__ = ["ja3", "ja3_string", "ja3s", "ja3s_string", "ja4", "ja4_raw"]

_GREASE: Final = frozenset(0x0A0A + 0x1010 * step for step in range(16))
"""RFC 8701 section 2."""
_JA4_VERSIONS: Final = {
    0x0304: "13",
    0x0303: "12",
    0x0302: "11",
    0x0301: "10",
    0x0300: "s3",
    0x0002: "s2",
    0xFEFF: "d1",
    0xFEFD: "d2",
    0xFEFC: "d3",
}
_NOTHING: Final = "000000000000"
"""JA4 writes zeros for an empty list."""
_MEMO: Final = 1024
"""Lists remembered: distinct cipher, group and extension lists of one capture are far fewer."""


# --- JA3 --------------------------------------------------------------------------------------------------------------


@lru_cache(_MEMO)
def _decimal(codes: tuple[int, ...]) -> str:
    return "-".join([str(code) for code in codes if code not in _GREASE])


def ja3_string(hello: ClientHello) -> str:
    """What JA3 hashes: version, cipher suites, extensions, groups, point formats."""
    return (
        f"{hello.legacy_version},{_decimal(hello.cipher_suites)},{_decimal(hello.extension_types)},"
        f"{_decimal(hello.groups)},{_decimal(hello.point_formats)}"
    )


def ja3(hello: ClientHello) -> str:
    """JA3 as 32 hexadecimal digits."""
    kept = hello.shape.ja
    value = kept.get("ja3")
    if value is None:
        value = kept["ja3"] = md5(ja3_string(hello).encode(), usedforsecurity=False).hexdigest()
    return value


def ja3s_string(hello: ServerHello) -> str:
    """What JA3S hashes: version, cipher suite, extensions."""
    types = "-".join([str(kind) for kind in hello.extension_types])
    return f"{hello.legacy_version},{hello.cipher_suite},{types}"


def ja3s(hello: ServerHello) -> str:
    """JA3S as 32 hexadecimal digits."""
    kept = hello.shape.ja
    value = kept.get("ja3s")
    if value is None:
        value = kept["ja3s"] = md5(ja3s_string(hello).encode(), usedforsecurity=False).hexdigest()
    return value


# --- JA4 --------------------------------------------------------------------------------------------------------------


def ja4(hello: ClientHello, transport: str = "t") -> str:
    """JA4. ``transport``: ``t`` TCP, ``q`` QUIC, ``d`` DTLS."""
    kept = hello.shape.ja
    value = kept.get(transport)
    if value is None:
        head, suites, types = _parts(hello, transport)
        value = kept[transport] = f"{head}_{_suites_hash(suites)}_{_types_hash(types, _algorithms(hello))}"
    return value


def ja4_raw(hello: ClientHello, transport: str = "t") -> str:
    """JA4_r: the same with the lists in place of their hashes."""
    head, suites, types = _parts(hello, transport)
    return f"{head}_{_hexadecimal(suites)}_{_types_text(types, _algorithms(hello))}"


def _parts(hello: ClientHello, transport: str) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Head, sorted suites, sorted extensions without server_name and ALPN; GREASE left out of all."""
    suites = _sorted_suites(hello.cipher_suites)
    types = [kind for kind in hello.extension_types if kind not in _GREASE]
    version = _JA4_VERSIONS.get(max(hello.offered_versions or (0,)), "00")
    name = "d" if 0 in types else "i"
    head = f"{transport}{version}{name}{min(len(suites), 99):02d}{min(len(types), 99):02d}{_alpn_mark(hello)}"
    return head, suites, tuple(sorted([kind for kind in types if kind not in (0, 16)]))


def _algorithms(hello: ClientHello) -> tuple[int, ...]:
    """Signature algorithms in wire order."""
    return tuple([code for code in hello.signature_algorithms if code not in _GREASE])


def _alpn_mark(hello: ClientHello) -> str:
    """First and last character of the first ALPN value; of its hexadecimal form where they are not alphanumeric."""
    names = hello.alpn_bytes
    first = names[0] if names else b""
    if not first:
        return "00"
    ends = first[:1] + first[-1:]
    return ends.decode() if ends.isalnum() else first.hex()[0] + first.hex()[-1]


@lru_cache(_MEMO)
def _sorted_suites(suites: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted([code for code in suites if code not in _GREASE]))


def _hexadecimal(codes: tuple[int, ...]) -> str:
    return ",".join([f"{code:04x}" for code in codes])


@lru_cache(_MEMO)
def _suites_hash(suites: tuple[int, ...]) -> str:
    return sha256(_hexadecimal(suites).encode()).hexdigest()[:12] if suites else _NOTHING


def _types_text(types: tuple[int, ...], algorithms: tuple[int, ...]) -> str:
    return _hexadecimal(types) + ("_" + _hexadecimal(algorithms) if algorithms else "")


@lru_cache(_MEMO)
def _types_hash(types: tuple[int, ...], algorithms: tuple[int, ...]) -> str:
    return sha256(_types_text(types, algorithms).encode()).hexdigest()[:12] if types or algorithms else _NOTHING
