"""Azure: access logs of Application Gateway and Front Door (JSON), and what the former says of its backends' health."""

from __future__ import annotations

import re
from typing import Any, Final

from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import endpoint, peer
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Role, Said, TimeOf
from capanalyzer.logs.stamps import iso

__all__ = ["FORMAT"]

_NAME: Final = "azure"
_UPSTREAM: Final = {
    "ERRORINFO_UPSTREAM_NO_LIVE": ("backend-unreachable", Said.TRANSPORT),
    "ERRORINFO_UPSTREAM_CLOSED_CONNECTION": ("server-closed", Said.TRANSPORT),
    "ERRORINFO_UPSTREAM_TIMED_OUT": ("server-timeout", Said.TRANSPORT),
}
_FRONT_DOOR: Final = {
    "SSLHandshakeError": "backend-tls-failed",
    "SSLInvalidCipher": "no-shared-cipher",
    "SSLMismatchedSNI": "verify-hostname",
    "OriginCertificateSubjectNameMismatch": "verify-hostname",
    "OriginCertificateSelfSigned": "verify-self-signed",
    "OriginCertificateExpired": "verify-expired",
    "OriginInvalidCertificate": "verify-failed",
    "OriginCertificateIsNotTrusted": "verify-unknown-issuer",
    "OriginConnectionRefused": "connect-refused",
    "OriginTimeout": "server-timeout",
}
_HEALTH: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (r"common name \(cn\) of the backend (?:server )?certificate does ?n[o']t match", "verify-hostname"),
        (r"backend (?:server )?certificate (?:has )?(?:is )?expired", "verify-expired"),
        (
            (
                r"(?:root|leaf) certificate .{0,80}(?:does ?n[o']t match the trusted root|not (?:signed|trusted|"
                r"issued) by)|"
                r"root certificate .{0,60}was not found|intermediate certificate was not found"
            ),
            "verify-unknown-issuer",
        ),
    )
)


def _read(body: Body) -> Found | None:
    if body.json is not None:
        return _access(body, body.json)
    for pattern, meaning in _HEALTH:
        if (match := pattern.search(body.text)) is not None:
            return found(body, _NAME, meaning, reason=match[0], role=Role.CLIENT, said=Said.LOCAL)
    return None


def _access(body: Body, given: dict[str, Any]) -> Found | None:
    inner = given.get("properties")
    values = inner if isinstance(inner, dict) else given
    category = given.get("category") or given.get("Category") or given.get("operationName") or ""
    stamp = body.stamp or iso(_text(values, "timeStamp"))
    if "sslEnabled" in values and ("clientIP" in values or "ApplicationGateway" in str(category)):
        return _gateway(body._replace(stamp=stamp), values)
    if "errorInfo" in values and ("FrontDoor" in str(category) or "securityProtocol" in values):
        return _front_door(body._replace(stamp=stamp), values)
    return None


def _gateway(body: Body, values: dict[str, Any]) -> Found | None:
    if _text(values, "sslEnabled") != "on":
        return None
    error, verify = _text(values, "error_info"), _text(values, "sslClientVerify")
    if error in _UPSTREAM:
        meaning, said = _UPSTREAM[error]
        return found(
            body,
            _NAME,
            meaning,
            reason=error,
            server=endpoint(_text(values, "serverRouted")),
            role=Role.CLIENT,
            said=said,
            time_of=TimeOf.END,
        )
    client = peer(_text(values, "clientIP"), _text(values, "clientPort") or None)
    sni = _text(values, "originalHost") or _text(values, "host") or None
    if verify.startswith("FAILED"):
        return found(
            body,
            _NAME,
            "client-certificate-refused-inside",
            reason=verify,
            client=client,
            role=Role.SERVER,
            said=Said.LOCAL,
            sni=sni,
            time_of=TimeOf.END,
        )
    return found(body, _NAME, "handshake-ok", client=client, role=Role.SERVER, sni=sni, time_of=TimeOf.END)


def _front_door(body: Body, values: dict[str, Any]) -> Found | None:
    error = _text(values, "errorInfo")
    if error in _FRONT_DOOR:
        return found(
            body, _NAME, _FRONT_DOOR[error], reason=error, role=Role.CLIENT, said=Said.LOCAL, time_of=TimeOf.END
        )
    if error != "NoError" or not _text(values, "securityProtocol").startswith("TLS"):
        return None
    client = peer(_text(values, "clientIp"), _text(values, "clientPort") or None)
    return found(
        body,
        _NAME,
        "handshake-ok",
        client=client,
        role=Role.SERVER,
        sni=_text(values, "sni") or None,
        time_of=TimeOf.END,
    )


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


FORMAT: Final = Format(
    _NAME,
    (
        "sslenabled",
        "errorinfo",
        "common name (cn)",
        "backend certificate",
        "backend server certificate",
        "root certificate",
        "intermediate certificate was not found",
    ),
    _read,
)
