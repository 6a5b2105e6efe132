"""What of a ClientHello's offer is out of the ordinary: the parts that hold nothing which today's servers accept.

Only a hint: servers differ. Where exactly one part of an offer is like that, a server that refuses the offer without
saying why has most likely refused this part.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from capanalyzer.tls.codepoints import cipher_suite_name

if TYPE_CHECKING:
    from capanalyzer.tls.hello import ClientHello

__all__ = ["GREASE", "authentication", "doubts", "real_groups", "real_suites", "signature_kinds"]

TLS12: Final = 0x0303
TLS13: Final = 0x0304
GREASE: Final = frozenset(0x0A0A + 0x1010 * step for step in range(16))
"""RFC 8701: offered in order to be ignored."""
_SIGNALS: Final = frozenset((0x00FF, 0x5600))
"""TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746) and TLS_FALLBACK_SCSV (RFC 7507) are no cipher suites."""
_SUITES_13: Final = frozenset((0x1301, 0x1302, 0x1303))
"""What every TLS 1.3 server has of (RFC 8446 section 9.1)."""
_GROUPS: Final = frozenset((23, 24, 29))
"""secp256r1, secp384r1, x25519: on by default in all common libraries, and the curves of most certificates."""
_WEAK: Final = ("NULL", "EXPORT", "anon", "RC4", "_DES_", "3DES", "IDEA", "SEED", "RC2")

_RSA_PKCS1: Final = frozenset((0x0401, 0x0501, 0x0601))
_RSA_PSS: Final = frozenset((0x0804, 0x0805, 0x0806))
_ECDSA: Final = frozenset((0x0403, 0x0503, 0x0603))
_EDDSA: Final = frozenset((0x0807, 0x0808))


def doubts(hello: ClientHello) -> list[str]:
    """The causes that the offer itself points at: none, or one for each of its parts that is out of the ordinary."""
    found = []
    if not any(map(_is_common_suite, real_suites(hello))):
        found.append("no-shared-cipher")
    groups = real_groups(hello)
    if groups and _GROUPS.isdisjoint(groups):
        found.append("no-shared-group")
    if hello.signature_algorithms and "RSA" not in signature_kinds(hello):
        found.append("no-shared-signature-algorithm")
    return found


def real_suites(hello: ClientHello) -> list[int]:
    """The cipher suites among the code points offered: neither GREASE nor signals."""
    return [code for code in hello.cipher_suites if code not in GREASE and code not in _SIGNALS]


def real_groups(hello: ClientHello) -> list[int]:
    """The groups offered, without GREASE."""
    return [code for code in hello.groups if code not in GREASE]


def signature_kinds(hello: ClientHello) -> frozenset[str]:
    """Kinds of keys (``RSA`` ``ECDSA`` ``EdDSA``) that can sign for this client with SHA-256 or better; empty where it
    does not say.

    TLS 1.3 has no PKCS #1 signatures in the handshake (RFC 8446 section 4.2.3), so a client that offers nothing older
    needs RSA-PSS for a server with an RSA key.
    """
    offered = frozenset(hello.signature_algorithms)
    only_13 = min((v for v in hello.offered_versions if v not in GREASE), default=0) >= TLS13
    rsa = _RSA_PSS if only_13 else _RSA_PSS | _RSA_PKCS1
    kinds = (("RSA", rsa), ("ECDSA", _ECDSA), ("EdDSA", _EDDSA))
    return frozenset(kind for kind, schemes in kinds if schemes & offered)


@lru_cache(maxsize=1024)
def authentication(suite: int) -> str | None:
    """The kind of key with which a server signs in this suite of TLS 1.2 or older; None where the name does not say."""
    name = cipher_suite_name(suite)
    if "_ECDSA_WITH" in name:
        return "ECDSA"
    return "RSA" if "_ECDHE_RSA_WITH" in name or "_DHE_RSA_WITH" in name or name.startswith("TLS_RSA_WITH") else None


@lru_cache(maxsize=1024)
def _is_common_suite(suite: int) -> bool:
    """On by default in the common servers: ephemeral elliptic curve key exchange, RSA or ECDSA, no weak cipher; in TLS
    1.3 the three that are recommended.
    """
    if suite in _SUITES_13:
        return True
    name = cipher_suite_name(suite)
    return name.startswith(("TLS_ECDHE_RSA_WITH", "TLS_ECDHE_ECDSA_WITH")) and not any(weak in name for weak in _WEAK)
