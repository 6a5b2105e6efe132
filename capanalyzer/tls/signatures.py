"""Whether one certificate's key made another one's signature: the only place that asks the ``cryptography`` package.

It is imported when the first signature is checked, which an analysis without refused certificates never does.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from warnings import catch_warnings, simplefilter

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["Signature", "check_signature"]

MAX_CHECKED: Final = 512
"""Pairs of certificates remembered, each for the 0.1 ms that it takes to check one: intermediates and roots recur."""
MAX_PARSED: Final = 128
_KEYS: Final = (
    ("RSA", "RSA"),
    ("rsassa", "RSA"),
    ("ecdsa", "EC"),
    ("dsa", "DSA"),
    ("ed25519", "Ed25519"),
    ("ed448", "Ed448"),
)
"""What a signature algorithm's name contains, and the kind of key that makes it; the first that fits."""


class Signature(Enum):
    HOLDS = "holds"
    BROKEN = "broken"
    """It was made by another key, or what was signed has been altered."""
    UNKNOWN = "unknown"
    """It cannot be checked here: an algorithm, key or encoding that the library does not take."""


@lru_cache(MAX_CHECKED)
def check_signature(der: bytes, issuer_der: bytes, algorithm: str, key_kind: str) -> Signature:
    """Was the certificate ``der`` signed with the key of ``issuer_der``? Names are compared by the caller.

    :param algorithm: of the signature, as :attr:`capanalyzer.tls.x509.CertificateFacts.signature_algorithm` has it.
    :param key_kind: of the issuer's key.
    """
    wanted = _wanted_key(algorithm)
    if wanted is not None and key_kind and not key_kind.startswith(wanted):
        return Signature.BROKEN  # an elliptic curve's key does not make RSA signatures
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    certificate, issuer = _parsed(der), _parsed(issuer_der)
    if certificate is None or issuer is None:
        return Signature.UNKNOWN
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return Signature.BROKEN
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return Signature.UNKNOWN
    return Signature.HOLDS


def _wanted_key(algorithm: str) -> str | None:
    return next((kind for part, kind in _KEYS if part in algorithm), None)


@lru_cache(MAX_PARSED)
def _parsed(der: bytes) -> Certificate | None:
    from cryptography import x509

    try:
        with catch_warnings():
            # It warns of serial numbers and the like that some authorities wrote; nobody here can change them.
            simplefilter("ignore")
            return x509.load_der_x509_certificate(der)
    except Exception:  # noqa: BLE001 - whatever a strict parser makes of hostile bytes: it cannot be checked
        return None
