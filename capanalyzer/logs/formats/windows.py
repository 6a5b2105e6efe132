"""Windows: Schannel's events 36870 to 36888 in the system log, and .NET's exceptions."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs.alerts import alert_by_name, received, sent
from capanalyzer.logs.body import Body
from capanalyzer.logs.found import Format, Found, Part, Tie, found
from capanalyzer.logs.line import Role, Said
from capanalyzer.logs.stamps import Stamp, iso, leading
from capanalyzer.logs.urls import server_of_url
from capanalyzer.logs.verify import refusal

__all__ = ["DOTNET", "SCHANNEL"]

_RECEIVED: Final = re.compile(
    r"fatal alert was received from the remote endpoint\. .{0,60}?(?:protocol[- ]defined )?(?:fatal )?alert code "
    r"is (?P<alert>\d{1,3})",
    re.IGNORECASE,
)
_SENT: Final = re.compile(
    r"fatal alert was generated and sent to the remote endpoint\..{0,120}?(?:protocol[- ]defined )?(?:fatal )"
    r"?(?:alert|error) code is (?P<alert>\d{1,4})",
    re.IGNORECASE | re.DOTALL,
)
_WAS_RECEIVED: Final = re.compile(r"following fatal alert was received: (?P<alert>\d{1,3})\.", re.IGNORECASE)
_ALERT_JA: Final = r"(?:致命的な|フェイタル)\s?(?:アラート|警告)\D{0,80}?"
"""A fatal alert, as Windows in Japanese calls it in one version or another."""
_RECEIVED_JA: Final = re.compile(_ALERT_JA + r"(?:受信|受け取)\D{0,120}(?P<alert>\d{1,3})(?!\d)")
_SENT_JA: Final = re.compile(_ALERT_JA + r"生成\D{0,160}(?P<alert>\d{1,3})(?!\d)")
_XML: Final = re.compile(
    r"<Provider [^>]{0,80}?Name=['\"]Schannel['\"].{0,400}?<EventID[^>]{0,60}>(?P<id>3688[78])</EventID>.{0,3000}?"
    r"<Data Name=['\"]AlertDesc['\"]>(?P<alert>\d{1,3})</Data>",
    re.DOTALL,
)
_XML_TIME: Final = re.compile(r"<TimeCreated SystemTime=['\"](?P<stamp>[^'\"]{19,40})['\"]")
"""wevtutil, and whatever forwards events as they are."""
_GENERATED: Final = re.compile(r"following fatal alert was generated: (?P<alert>\d{1,3})\.", re.IGNORECASE)
_EVENTS: Final = (
    (
        re.compile(
            r"An? (?P<version>[\w.]{1,10}( \d\.\d)?) connection request was received from a remote client "
            r"application, but none of the cipher suites",
            re.IGNORECASE,
        ),
        "no-shared-cipher",
        Role.SERVER,
    ),
    (
        re.compile(
            r"A fatal error occurred while creating a(?:n SSL| TLS) (?P<role>client|server) credential", re.IGNORECASE
        ),
        "no-protocols-available",
        None,
    ),
    (
        re.compile(
            r"A fatal error occurred when attempting to access the (?:SSL|TLS) server credential private key",
            re.IGNORECASE,
        ),
        "no-certificate-configured",
        Role.SERVER,
    ),
    (
        re.compile(r"No suitable default server credential exists", re.IGNORECASE),
        "no-certificate-configured",
        Role.SERVER,
    ),
    (re.compile(r"The certificate received from the remote server (?P<why>.{1,200})", re.IGNORECASE), "", Role.CLIENT),
)


def _schannel(body: Body) -> Found | None:
    text = body.text
    read = leading(text[:64])
    stamp = read[0] if read is not None else None
    if (match := _XML.search(text)) is not None and int(match["alert"]) < 256:
        when = _XML_TIME.search(text)
        return _alert(
            body, iso(when["stamp"]) if when is not None else None, int(match["alert"]), is_own=match["id"] == "36888"
        )
    if (match := _RECEIVED.search(text) or _WAS_RECEIVED.search(text) or _RECEIVED_JA.search(text)) is not None:
        return _alert(body, stamp, int(match["alert"]), is_own=False)
    if (match := _SENT.search(text) or _GENERATED.search(text) or _SENT_JA.search(text)) is not None:
        return _alert(body, stamp, int(match["alert"]), is_own=True)
    for pattern, meaning, role in _EVENTS:
        if (match := pattern.search(text)) is not None:
            why = match.groupdict().get("why") or ""
            return found(
                body,
                "schannel",
                meaning or refusal(why, role),
                stamp=stamp,
                reason=match[0][:120],
                role=role,
                said=Said.LOCAL,
            )
    return None


def _alert(body: Body, stamp: Stamp | None, alert: int, *, is_own: bool) -> Found | None:
    if alert > 255:
        return None
    meaning, way, said = (
        (sent(alert, None), "sent", Said.LOCAL) if is_own else (received(alert, None), "received", Said.PEER)
    )
    return found(body, "schannel", meaning, stamp=stamp, reason=f"alert {alert} {way}", said=said, alert=alert)


_REMOTE_CERTIFICATE: Final = re.compile(
    r"The remote certificate (?:is invalid|was rejected)(?P<why>[^\r\n]{0,300})", re.IGNORECASE
)
_CONNECTION: Final = re.compile(
    r"The SSL connection could not be established|Authentication failed(?: because|, see inner)|A call to SSPI failed"
)
_FRAMEWORK: Final = (
    (re.compile(r"Could not establish trust relationship for the SSL/TLS secure channel"), "verify-failed"),
    (re.compile(r"Could not create SSL/TLS secure channel"), "handshake-failed"),
)
"""Of .NET Framework's requests; the reason stands in an inner exception, if at all."""
_ALERT: Final = re.compile(r"TLS alert: '(?P<name>\w{3,40})'")
_INNER: Final = (
    (
        re.compile(
            r"Received an unexpected EOF|remote party has closed the transport stream|unexpected EOF or 0 bytes"
        ),
        "peer-closed",
        Said.TRANSPORT,
    ),
    (re.compile(r"forcibly closed|connection reset|ConnectionReset"), "peer-reset", Said.TRANSPORT),
    (
        re.compile(r"Cannot determine the frame size or a corrupted frame was received|unexpected packet format"),
        "first-record-not-tls",
        Said.LOCAL,
    ),
    (re.compile(r"do not possess a common algorithm"), "no-shared-cipher", Said.LOCAL),
)


def _dotnet(body: Body) -> Found | None:
    """Exceptions lie within each other, one to a line: the inner ones say more."""
    text = body.text
    server, name = server_of_url(text)
    read = leading(text[:64])
    own = body._replace(stamp=body.stamp or (read[0] if read is not None else None))
    part = Part.BEGIN if own.stamp is not None else Part.MORE
    detail, outline = Tie(("dotnet", body.program), part, 1, lines=40), Tie(("dotnet", body.program), part, 0, lines=40)
    if (match := _REMOTE_CERTIFICATE.search(text)) is not None:
        meaning = refusal(match["why"], None)
        if "RemoteCertificateNotAvailable" in match["why"]:
            meaning = "client-certificate-missing"
        return found(
            own, "dotnet", meaning, reason=match[0][:160], said=Said.LOCAL, server=server, sni=name, tie=detail
        )
    if (match := _ALERT.search(text)) is not None:
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", match["name"])
        alert = alert_by_name(spaced)
        meaning = "alert-other" if alert is None else received(alert, None)
        return found(own, "dotnet", meaning, reason=match[0], said=Said.PEER, alert=alert, tie=detail)
    is_ours = _CONNECTION.search(text) or "System.Security.Authentication" in text or "System.IO.IOException" in text
    for pattern, meaning, said in _INNER:
        if is_ours and (match := pattern.search(text)) is not None:
            return found(own, "dotnet", meaning, reason=match[0], said=said, server=server, sni=name, tie=detail)
    for pattern, meaning in _FRAMEWORK:
        if (match := pattern.search(text)) is not None:
            return found(
                own,
                "dotnet",
                meaning,
                reason=match[0],
                role=Role.CLIENT,
                said=Said.LOCAL,
                server=server,
                sni=name,
                tie=outline,
            )
    if (match := _CONNECTION.search(text)) is not None:
        meaning = "handshake-failed"
        return found(own, "dotnet", meaning, reason=match[0], said=Said.LOCAL, server=server, sni=name, tie=outline)
    return None


SCHANNEL: Final = Format(
    "schannel",
    (
        "fatal alert was",
        "alertdesc",
        "致命的な",
        "フェイタル",
        r"\u81f4\u547d\u7684\u306a",  # the same, within JSON that keeps to ASCII
        r"\u30d5\u30a7\u30a4\u30bf\u30eb",
        "connection request was received from a remote client application",
        "fatal error occurred w",
        "default server credential",
        "certificate received from the remote server",
    ),
    _schannel,
)
DOTNET: Final = Format(
    "dotnet",
    (
        "remote certificate",
        "ssl connection could not be established",
        "authentication failed",
        "call to sspi failed",
        "corrupted frame",
        "unexpected eof",
        "common algorithm",
        "unexpected packet format",
        "tls alert: '",
        "ssl/tls secure channel",
    ),
    _dotnet,
)
