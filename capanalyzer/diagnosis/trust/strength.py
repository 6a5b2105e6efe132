"""Keys and signatures too weak to be trusted (RFC 9325 section 4.5), as of the day they were shown."""

from __future__ import annotations

from typing import Final

from capanalyzer.tls.x509 import CertificateFacts

__all__ = ["looks_weak", "weakness"]

_RSA_BITS: Final = 2048
_RSA_ALWAYS: Final = 1024
_CURVE_BITS: Final = 224
_RSA_SINCE_NS: Final = 1_388_534_400_000_000_000
"""2014-01-01: from then on public authorities must not have valid certificates with shorter RSA keys (CA/Browser Forum,
Baseline Requirements, appendix A); until then 1024 bits were ordinary."""
_SHA1_SINCE_NS: Final = 1_483_228_800_000_000_000
"""2017-01-01: from then on clients refuse SHA-1 in certificates (Baseline Requirements, section 7.1.3)."""
_BROKEN_HASHES: Final = frozenset(("md2", "md4", "md5"))


def weakness(certificate: CertificateFacts, at_ns: int) -> str:
    """What is weak about a certificate that is no root, by its technical name; "" where nothing is."""
    kind, bits = certificate.key_kind, certificate.key_bits
    if bits is not None:
        if kind.startswith("RSA") and bits < (_RSA_BITS if at_ns >= _RSA_SINCE_NS else _RSA_ALWAYS):
            return f"RSA {bits} bit"
        if kind == "EC" and bits < _CURVE_BITS:
            return f"EC {certificate.curve} ({bits} bit)"
    if kind == "DSA":
        return "DSA" if bits is None else f"DSA {bits} bit"
    digest = certificate.signature_hash
    if digest in _BROKEN_HASHES or (digest == "sha1" and at_ns >= _SHA1_SINCE_NS):
        return certificate.signature_algorithm
    return ""


def looks_weak(certificate: CertificateFacts) -> bool:
    """It is, or one day was to become, weak."""
    return bool(weakness(certificate, 1 << 63))
