"""Why a certificate was refused: OpenSSL's verification codes and texts, and other libraries' words for the same."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs.line import Role

__all__ = ["refusal", "refusal_by_code"]

_BY_CODE: Final = {
    2: "verify-unknown-issuer",
    3: "verify-revocation-unknown",
    9: "verify-not-yet-valid",
    10: "verify-expired",
    11: "verify-revocation-unknown",
    12: "verify-revocation-unknown",
    18: "verify-self-signed",
    19: "verify-self-signed-in-chain",
    20: "verify-unknown-issuer",
    21: "verify-unknown-issuer",
    23: "verify-revoked",
    26: "verify-purpose",
    27: "verify-unknown-issuer",
    33: "verify-revocation-unknown",
    62: "verify-hostname",
    64: "verify-hostname",
    66: "verify-weak",
    67: "verify-weak",
    68: "verify-weak",
}
"""X509_V_ERR_* of OpenSSL's x509_vfy.h; the numbers are the same since 1.1."""

_BY_WORDS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (
            r"self[- ]?signed certificate in (?:certificate )?chain|SELF_SIGNED_CERT_IN_CHAIN",
            "verify-self-signed-in-chain",
        ),
        (r"self[- ]?signed|DEPTH_ZERO_SELF_SIGNED_CERT", "verify-self-signed"),
        (r"current time \S{10,40} is after ", "verify-expired"),  # Go
        (r"current time \S{10,40} is before ", "verify-not-yet-valid"),
        (
            (
                r"has expired or is not yet valid|validity check failed|CERT_DATE_INVALID|RemoteCertificateDate|"
                r"NotTimeValid"
            ),
            "date-invalid",
        ),
        (r"not yet (?:valid|activated)|not yet active|CERT_NOT_YET_VALID|NotYetValid", "verify-not-yet-valid"),
        (
            (
                r"certificate has expired|chain uses expired|CERT_HAS_EXPIRED|EXPIRED_CERTIFICATE|"
                r"certificate expired|NotAfter|(?:SEC_E_CERT|CERT_E)_EXPIRED"
            ),
            "verify-expired",
        ),
        (
            (
                r"hostname mismatch|host ?name .{0,200}does ?n.t match|ip address mismatch|does not match target host|"
                r"doesn't match (?:certificate's|target)|no alternative certificate subject name|"
                r"subject alternative (?:DNS )?name|not valid for name |"
                r"is valid for .{1,200}, not |not valid for any names|"
                r"doesn't contain any IP SANs|cannot validate certificate for|"
                r"owner does not match|ALTNAME_INVALID|NameMismatch|COMMON_NAME_INVALID|"
                r"name in the certificate does not match|BAD_CERT_DOMAIN|name mismatch|WRONG_PRINCIPAL|CN_NO_MATCH"
            ),
            "verify-hostname",
        ),
        (
            (
                r"unable to get certificate CRL|CRL (?:has expired|is not yet valid)|REVOCATION_OFFLINE|"
                r"NO_REVOCATION_CHECK|revocation (?:function|status|server)|RevocationStatusUnknown|OfflineRevocation|"
                r"\bOCSP\b"
            ),
            "verify-revocation-unknown",
        ),
        (r"revoked|CERT_REVOKED|certificate is revoked", "verify-revoked"),
        (
            (
                r"unable to get (?:local )?issuer|unable to verify the (?:first|leaf)|UNABLE_TO_|unknown authority|"
                r"unable to find valid certification path|"
                r"issuer (?:certificate )?(?:is unknown|not found|is not trusted)|"
                r"path building failed|not trusted|UNKNOWN_ISSUER|AUTHORITY_INVALID|Untrusted_?Root|PartialChain|"
                r"unknown ca|no trusted certificate|unknown issuer"
            ),
            "verify-unknown-issuer",
        ),
        (
            r"(?:unsupported|unsuitable) certificate purpose|incompatible key usage|key usage|INADEQUATE_",
            "verify-purpose",
        ),
        (
            (
                r"key too (?:weak|small)|md too weak|insecure algorithm|algorithm constraints|"
                r"do not conform to algorithm|WEAK_SIGNATURE|WEAK_KEY|insecure signature|SHA1-RSA"
            ),
            "verify-weak",
        ),
    )
)


def refusal(words: str, role: Role | None) -> str:
    """The meaning of a certificate's refusal by a program of ``role``, by the words that it gives."""
    if role is Role.SERVER:
        return "client-certificate-refused"
    for pattern, meaning in _BY_WORDS:
        if pattern.search(words):
            return meaning
    return "verify-failed"


def refusal_by_code(code: int, role: Role | None) -> str:
    """The same by OpenSSL's code."""
    return "client-certificate-refused" if role is Role.SERVER else _BY_CODE.get(code, "verify-failed")
