"""GnuTLS: its own programs, Wget, and others that quote it."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs.alerts import alert_by_name, received
from capanalyzer.logs.body import Body
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Role, Said
from capanalyzer.logs.urls import server_of_url
from capanalyzer.logs.verify import refusal

__all__ = ["GNUTLS"]

_UNKNOWN_TYPE: Final = re.compile(r"Received record packet of unknown type (?P<type>\d{1,3})")
_GNUTLS_ALERT: Final = re.compile(r"\breceived alert \[(?P<number>\d{1,3})\]", re.IGNORECASE)
_GNUTLS_NAMED: Final = re.compile(r"A TLS fatal alert has been received: (?P<name>[A-Za-z/ ]{3,60})")
_STATUS: Final = re.compile(
    r"(?:- Status|Certificate verification failed): The certificate is NOT trusted\. (?P<why>.{3,300})"
)
_WGET: Final = re.compile(
    r"ERROR: (?:The certificate of .{1,260}? (?P<why>is not trusted|has expired|was signed|hasn't got)|cannot "
    r"verify .{1,260}'s certificate)"
)
_OWNER: Final = re.compile(r"The certificate's owner does not match hostname .(?P<host>[A-Za-z0-9._-]{1,253})")
_GNUTLS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning, said)
    for pattern, meaning, said in (
        (r"An unexpected TLS packet was received", "first-record-not-tls", Said.LOCAL),
        (r"The TLS connection was non-properly terminated", "closed-somewhere", Said.TRANSPORT),
        (r"A TLS fatal alert has been received", "alert-other", Said.PEER),
        (r"^Unable to establish SSL connection\.$", "handshake-failed", Said.LOCAL),  # Wget, below the reason
        (
            r"gnutls_handshake\(\)[^:]{0,40}: .{0,60}(?:unsupported version|version packet)",
            "version-refused",
            Said.LOCAL,
        ),
        (
            r"No or insufficient priorities were set|Could not negotiate a supported cipher suite",
            "no-shared-cipher",
            Said.LOCAL,
        ),
        (r"Error in the certificate(?: verification)?\.", "verify-failed", Said.LOCAL),
    )
)


def _gnutls(body: Body) -> Found | None:
    text = body.text
    server, name = server_of_url(text)
    if (match := _UNKNOWN_TYPE.search(text)) is not None:
        # The record type is the first byte of the plaintext: 72 is the H of HTTP.
        meaning = "http-answer" if match["type"] == "72" else "first-record-not-tls"
        role = Role.CLIENT if match["type"] == "72" else None
        return found(body, "gnutls", meaning, reason=match[0], role=role, said=Said.LOCAL, server=server, sni=name)
    if (match := _GNUTLS_ALERT.search(text)) is not None:
        number = int(match["number"])
        role = Role.CLIENT if text.startswith("GnuTLS: ") else None  # Wget
        return found(body, "gnutls", received(number, role), reason=match[0], role=role, said=Said.PEER, alert=number)
    if (match := _GNUTLS_NAMED.search(text)) is not None and (alert := alert_by_name(match["name"])) is not None:
        role = Role.CLIENT if server is not None else None
        return found(
            body,
            "gnutls",
            received(alert, role),
            reason=match[0],
            role=role,
            said=Said.PEER,
            alert=alert,
            server=server,
            sni=name,
        )
    if (match := _STATUS.search(text)) is not None:
        return found(
            body,
            "gnutls",
            refusal(match["why"], Role.CLIENT),
            reason=match["why"].strip(),
            role=Role.CLIENT,
            said=Said.LOCAL,
        )
    if (match := _OWNER.search(text)) is not None:
        return found(
            body, "gnutls", "verify-hostname", reason=match[0], role=Role.CLIENT, said=Said.LOCAL, sni=match["host"]
        )
    if (match := _WGET.match(text)) is not None:
        why = match["why"] or "not trusted"
        meaning = "verify-expired" if why == "has expired" else "verify-unknown-issuer"
        return found(body, "gnutls", meaning, reason=match[0], role=Role.CLIENT, said=Said.LOCAL)
    for pattern, meaning, said in _GNUTLS:
        if (match := pattern.search(text)) is not None:
            is_client = "gnutls-cli" in body.program or text.startswith(("*** Fatal", "Unable to establish"))
            role = Role.CLIENT if is_client else None
            shown = "plaintext-answer" if role is Role.CLIENT and meaning == "first-record-not-tls" else meaning
            return found(body, "gnutls", shown, reason=match[0], role=role, said=said, server=server, sni=name)
    return None


GNUTLS: Final = Format(
    "gnutls",
    (
        "tls packet",
        "non-properly terminated",
        "tls fatal alert",
        "unknown type",
        "alert [",
        "- status: the certificate",
        "verification failed: the certificate",
        "unable to establish ssl connection",
        "error: the certificate of",
        "error: cannot verify",
        "certificate's owner",
        "gnutls_handshake",
        "error in the certificate",
        "insufficient priorities",
        "could not negotiate a supported",
    ),
    _gnutls,
)
