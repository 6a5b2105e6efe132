"""Words of an error alone, as somebody looks them up: "wrong version number", "unable to get local issuer certificate".

In a log they would say too little to be told from other text, so only a whole text that somebody asks about is read so.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.body import Body
from capanalyzer.logs.found import found
from capanalyzer.logs.line import LogLine, Said
from capanalyzer.logs.verify import refusal

__all__ = ["recognise_words"]

_AROUND: Final = " \t\"'`\u2018\u2019\u201c\u201d\u300c\u300d.:!?"
"""Quotation marks, and what ends a sentence."""
_LEAD: Final = re.compile(r"(?:(?:openssl|ssl|tls)[ _-]?)?(?:error|routines)\s?:{1,2}\s?", re.IGNORECASE)
_VERIFICATION: Final = re.compile(
    r"certificate verify failed|unable to get (?:local )?issuer certificate|unable to verify the first certificate|"
    r"self[- ]signed certificate(?: in certificate chain)?|certificate has expired|certificate is not yet valid|"
    r"certificate revoked|(?:host ?name|ip address) mismatch|(?:unsupported|unsuitable) certificate purpose|"
    r"(?:ee|ca) certificate key too weak|ca signature digest algorithm too weak",
    re.IGNORECASE,
)
"""X509_verify_cert_error_string of OpenSSL."""


def recognise_words(text: str) -> LogLine | None:
    """What OpenSSL means by these words; None for any others."""
    words = text.strip(_AROUND)
    words = words[match.end() :].strip(_AROUND) if (match := _LEAD.match(words)) is not None else words
    reason = openssl.by_words(words, None)
    if _VERIFICATION.fullmatch(words) is not None:
        reason = openssl.Reason(words, refusal(words, None), Said.LOCAL)
    if reason is None:
        return None
    body = Body(text.strip())
    line = found(body, "openssl", reason.meaning, reason=words, said=reason.said, alert=reason.alert).line
    return replace(line, number=1)
