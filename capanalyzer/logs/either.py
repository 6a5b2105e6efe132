"""What stays open in a line of which it is not known whether the server or the client wrote it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from capanalyzer.logs.alerts import received, sent
from capanalyzer.logs.line import LogLine, Role, Said
from capanalyzer.logs.meanings import MEANINGS

__all__ = ["open_causes", "open_meaning", "with_role"]

_OF_CERTIFICATE: Final = "alert-client-certificate-rejected"
_MEANINGS: Final = {
    "alert-certificate-expired-either": ("alert-certificate-expired", _OF_CERTIFICATE),
    "alert-certificate-rejected-either": ("alert-certificate-rejected", _OF_CERTIFICATE),
    "alert-certificate-revoked-either": ("alert-certificate-revoked", _OF_CERTIFICATE),
    "alert-handshake-failure-either": ("alert-handshake-failure-from-client", "alert-handshake-failure"),
    "alert-unknown-ca-either": ("alert-unknown-ca", _OF_CERTIFICATE),
    "alert-unsupported-certificate-either": ("alert-unsupported-certificate", _OF_CERTIFICATE),
    "closed-in-handshake": ("peer-closed", "server-closed"),
    "first-record-not-tls": ("not-tls-received", "plaintext-answer"),
    "reset-in-handshake": ("peer-reset", "server-reset"),
    "timeout-in-handshake": ("handshake-timeout", "server-timeout"),
}
"""Meaning without a role -> (where a server wrote it, where a client did)."""
_OPEN: Final = {
    given: meaning
    for meaning, pair in _MEANINGS.items()
    for given in pair
    # Whose first bytes they are is said only where it is known: by the words, if not by the role.
    if meaning != "first-record-not-tls" and given != _OF_CERTIFICATE
}
_OF_EITHER_CERTIFICATE: Final = frozenset(
    (
        "date-invalid",
        "verify-expired",
        "verify-failed",
        "verify-not-yet-valid",
        "verify-purpose",
        "verify-revocation-unknown",
        "verify-revoked",
        "verify-self-signed",
        "verify-self-signed-in-chain",
        "verify-unknown-issuer",
        "verify-weak",
    )
)
"""A server says the same of a client's certificate."""


def open_meaning(meaning: str) -> str:
    """What is left of ``meaning`` where the writer's role is not known: the other end is then not named."""
    return _OPEN.get(meaning, meaning)


def open_causes(meaning: str) -> tuple[str, ...]:
    """Causes of ``meaning`` where the writer's role is not known."""
    causes = MEANINGS[meaning].causes
    return (*causes, "client-certificate-rejected") if meaning in _OF_EITHER_CERTIFICATE else causes


def with_role(line: LogLine, role: Role | None) -> LogLine:
    """The line when another one of its entry tells who wrote it."""
    if role is None or line.role is not None:
        return line
    meaning = line.meaning
    if line.alert is not None and line.said is Said.PEER and meaning == open_meaning(received(line.alert, None)):
        meaning = received(line.alert, role)
    elif line.alert is not None and line.said is Said.LOCAL and meaning == open_meaning(sent(line.alert, None)):
        meaning = sent(line.alert, role)
    elif meaning in _MEANINGS:
        meaning = _MEANINGS[meaning][0 if role is Role.SERVER else 1]
    elif role is Role.SERVER and meaning in _OF_EITHER_CERTIFICATE:
        meaning = "client-certificate-refused"
    causes = MEANINGS[meaning].causes if line.causes == open_causes(line.meaning) else line.causes
    return replace(line, role=role, meaning=meaning, causes=causes)
