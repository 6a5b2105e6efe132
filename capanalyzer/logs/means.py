"""Whether a line that names no client can mean a session at all: by what both tell, and by whose line it is.

Less than agreement, which two ends that are known by their addresses are asked for: a verdict may leave several causes
open, and a line may have several behind it. More than "both failed": a program that was refused by a certificate did
not write of a connection on which nothing but silence came.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.logs.line import LogLine, Role, Said
from capanalyzer.logs.seen import SPECIFIC, Agreement, Seen, agreement

__all__ = ["can_mean", "goes_on", "may_hide"]

_CLIENTS_ALONE: Final = frozenset(
    (
        "client-hello-lost",
        "large-client-hello-dropped",
        "proxy-connect-refused",
        "server-flight-lost",
        "server-silent",
        "starttls-refused",
        "tcp-connect-refused",
        "tcp-connect-timeout",
        "tcp-connect-unreachable",
        "tls-to-http-port",
        "tls-to-plaintext-port",
        "tls-to-server-first",
    )
)
"""Verdicts of which only the client's program has anything to tell."""
_SERVERS_ALONE: Final = frozenset(
    (
        "http-to-tls-port",
        "no-client-hello",
        "not-tls",
        "obsolete-ssl-hello",
        "proxy-header-missing",
        "proxy-header-unexpected",
    )
)
"""Verdicts of which only the server's has: the client spoke no TLS, or a kind of it that today's programs do not."""
_NOT_OF: Final = {Role.CLIENT: _SERVERS_ALONE, Role.SERVER: _CLIENTS_ALONE}
_REFUSED_UNSEEN: Final = "certificate-rejected-encrypted"
_REFUSED: Final = "certificate-rejected"
_OF_CERTIFICATES: Final = frozenset((42, 43, 44, 45, 46, 48))
"""Alerts that refuse a certificate (RFC 8446 section 6.2)."""
_FOR_ANYTHING: Final = frozenset((42, 46))
"""What GnuTLS and Go, and Java and Chromium, send for nearly every fault of a certificate."""
_UNKNOWN_CA: Final = frozenset((48,))
_REFUSALS: Final = {
    "date-invalid": frozenset((45,)),
    "interception": _UNKNOWN_CA,
    "verify-expired": frozenset((45,)),
    "verify-failed": _OF_CERTIFICATES,
    "verify-hostname": frozenset[int](),
    "verify-not-yet-valid": frozenset[int](),
    "verify-purpose": frozenset((43,)),
    "verify-revocation-unknown": _OF_CERTIFICATES,
    "verify-revoked": frozenset((44,)),
    "verify-self-signed": _UNKNOWN_CA,
    "verify-self-signed-in-chain": _UNKNOWN_CA,
    "verify-staple-missing": _OF_CERTIFICATES,
    "verify-unknown-issuer": _UNKNOWN_CA,
    "verify-weak": frozenset[int](),
}
"""Meanings of lines in which a client refuses what the server showed, and the alerts that say just that. There may be
none, and then packets may show no more than that it left."""
_OF_OPENSSL: Final = frozenset(("openssl", "python"))
"""Formats of programs that send OpenSSL's alerts, one for each fault."""
_FOR_42: Final = frozenset(("verify-failed", "verify-hostname", "verify-not-yet-valid", "verify-weak"))
"""Meanings for which OpenSSL sends 42 (ssl_x509err2alert)."""
_UNTRUSTED: Final = frozenset(
    ("certificate-chain-incomplete", "certificate-self-signed", "certificate-unknown-ca", "tls-interception")
)
"""Verdicts that tell apart what alert 48 does not."""
_LEFT: Final = frozenset(("client-abandoned", "client-aborted", "no-client-hello"))
"""A client that connected and left at once is told of like one that left later."""
_SENT_NOTHING: Final = frozenset(("client-certificate-unusable", "no-protocols-available", "trust-store-unreadable"))
"""Meanings of lines of a client that connected and had nothing to say."""


def can_mean(line: LogLine, seen: Seen) -> bool:
    """The program behind the line can have written it of this session."""
    if not line.is_failure or not seen.may_have_failed:
        return False
    fit = agreement(line, seen)
    if fit is Agreement.CONTRADICTS:
        return False
    if seen.outcome == "idle":
        return line.meaning in _SENT_NOTHING or (line.role is not Role.CLIENT and not _LEFT.isdisjoint(line.causes))
    if (refused := _refused(line, seen)) is not None:
        return refused
    if fit is Agreement.SAME and seen.outcome != "established":
        return True
    told = {*seen.causes[:1], *seen.open_causes}
    return not told.isdisjoint(_causes(line)) or _is_unseen(line, seen)


def may_hide(line: LogLine, seen: Seen) -> bool:
    """A client's refusal that no packet shows: it looked at the certificate when the handshake was complete, and left.

    So little that the session must be known by its name and its end.
    """
    is_late = line.meaning == "verify-hostname" or (line.format == "node" and line.meaning in _REFUSALS)
    return seen.outcome == "established" and line.role is Role.CLIENT and is_late


def goes_on(line: LogLine) -> bool:
    """It tells why a certificate is not trusted, and its program may have gone on: ``openssl s_client`` does.

    Where the session ended for it, OpenSSL says ``certificate verify failed``.
    """
    is_why = line.meaning in _REFUSALS and line.meaning != "verify-failed"
    return line.format == "openssl" and line.role is None and is_why


def _causes(line: LogLine) -> frozenset[str]:
    """Those behind it; where it says only that something failed, without those that its program does not meet."""
    causes = frozenset(line.causes)
    if len(causes) <= SPECIFIC or line.role is None:
        return causes
    return causes - _NOT_OF[line.role]


def _is_refusal(line: LogLine) -> bool:
    """A client tells that it refused the server's certificate; or it may have been a client."""
    return line.role is not Role.SERVER and line.said is not Said.PEER and line.meaning in _REFUSALS


def _refused(line: LogLine, seen: Seen) -> bool | None:
    """The client's alert goes with what the line says of the certificate; None where that is not told."""
    if not _is_refusal(line):
        return None
    codes = {code for side, code in seen.alerts if side == "client"} & _OF_CERTIFICATES
    if not codes or (line.role is None and "client-certificate-rejected" in seen.causes[:1]):
        return None
    if codes <= _FOR_ANYTHING and line.format in _OF_OPENSSL and not (42 in codes and line.meaning in _FOR_42):
        return False
    if codes & _FOR_ANYTHING:
        return True if _REFUSED in seen.causes[:1] or line.meaning == "verify-failed" else None
    if not codes & _REFUSALS[line.meaning]:
        return False
    return True if _UNTRUSTED.isdisjoint(seen.causes[:1]) or line.meaning == "verify-failed" else None


def _is_unseen(line: LogLine, seen: Seen) -> bool:
    """The certificate was refused, and the packets do not show why: by an encrypted alert, or by leaving."""
    if line.said is Said.PEER:
        is_told = line.role is not Role.CLIENT and line.alert in _OF_CERTIFICATES
        return is_told and _REFUSED_UNSEEN in seen.causes[:1]
    return _is_refusal(line) and (_REFUSED_UNSEEN in seen.causes[:1] or _REFUSED in seen.open_causes)
