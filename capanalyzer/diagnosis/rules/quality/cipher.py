"""weak-cipher."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from capanalyzer.diagnosis.evidence import of_server_hello
from capanalyzer.diagnosis.rule import Context, Rule
from capanalyzer.diagnosis.verdict import Confidence, Finding, Severity
from capanalyzer.handshake.session import Session
from capanalyzer.tls.codepoints import cipher_suite_name

_WEAKNESSES: Final = (
    (re.compile(r"_anon_"), "anon"),
    (re.compile(r"_NULL_|_SHA256_SHA256$|_SHA384_SHA384$"), "NULL"),
    (re.compile(r"_EXPORT"), "EXPORT"),
    (re.compile(r"_RC4_"), "RC4"),
    (re.compile(r"_RC2_"), "RC2"),
    (re.compile(r"_3DES_"), "3DES"),
    (re.compile(r"_DES_|_DES40_"), "DES"),
    (re.compile(r"_IDEA_"), "IDEA"),
    (re.compile(r"_28147_|_FORTEZZA_CBC_"), "64-bit"),
)
"""By IANA's name: no server authentication, no encryption (TLS 1.3 has such suites too, RFC 9150), under 112 bits, RC4
(RFC 7465), and ciphers of 64-bit blocks (RFC 9325 section 4.1; DES and IDEA: RFC 5469)."""


@lru_cache(1024)
def weakness_of(suite: int) -> str:
    """What is weak about a cipher suite: ``RC4`` ``3DES`` ...; "" where nothing is."""
    if not suite:
        return ""  # not known
    name = cipher_suite_name(suite)
    return next((word for pattern, word in _WEAKNESSES if pattern.search(name)), "")


@lru_cache(1024)
def is_weak_suite(suite: int) -> bool:
    return bool(weakness_of(suite))


class WeakCipher(Rule):
    """The suite that both ends agreed on must not, or should not, be used any more."""

    causes = ("weak-cipher",)

    def check(self, session: Session, context: Context) -> Finding | None:
        story, tls = context.story, session.tls
        if tls is None or tls.handshake.suite is None:
            return None
        weakness = weakness_of(tls.handshake.suite)
        if not weakness:
            return None
        evidence = of_server_hello(story)
        return Finding(
            "weak-cipher",
            Severity.WARNING,
            Confidence.CERTAIN,
            {"suite": cipher_suite_name(tls.handshake.suite), "weakness": weakness},
            (evidence,) if evidence is not None else (),
        )
