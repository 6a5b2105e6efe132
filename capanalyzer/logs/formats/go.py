"""Go: ``net/http``'s server names the client in full, the client its URL. Many programs are built on both."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs.alerts import alert_by_name, received
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import ENDPOINT, endpoint
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Peer, Role, Said
from capanalyzer.logs.stamps import leading
from capanalyzer.logs.urls import server_of_url
from capanalyzer.logs.verify import refusal

__all__ = ["FORMAT"]

_NAME: Final = "go"
_SERVER: Final = re.compile(rf"http: TLS handshake error from (?P<client>{ENDPOINT}): (?P<why>.{{1,1000}})", re.DOTALL)
_REMOTE: Final = re.compile(r"remote error: tls: (?P<alert>[A-Za-z ]{3,60})")
_READ: Final = re.compile(rf"(?P<verb>read|dial|write) tcp (?:(?P<from>{ENDPOINT})->)?(?P<to>{ENDPOINT}): ")
_CLIENT: Final = re.compile(
    r"\bx509: (?:certificate (?:signed|is|has|relies|specifies)|cannot validate|issuer |“|"
    r"unhandled critical|invalid signature)|"
    r"\btls: (?!failed to (?:load|find|parse))|remote error: tls: |net/http: TLS handshake timeout|"
    r"http: server gave HTTP response to HTTPS client"
)

_WHY: Final = tuple(
    (re.compile(pattern), server, client)
    for pattern, server, client in (
        (r"client sent an HTTP request to an HTTPS server", "plaintext-http", "plaintext-http"),
        (r"server gave HTTP response to HTTPS client", "http-answer", "http-answer"),
        (r"first record does not look like a TLS handshake", "not-tls-received", "plaintext-answer"),
        (r"unsupported SSLv2 handshake received", "not-tls-received", "plaintext-answer"),
        (r"oversized record received", "not-tls-received", "plaintext-answer"),
        (r"local error: tls: bad record MAC", "unreadable-alert", "record-corrupted"),
        (
            r"tls: (?:client offered only unsupported versions|server selected unsupported protocol)",
            "version-refused",
            "version-refused",
        ),
        (r"tls: no supported versions satisfy", "no-protocols-available", "no-protocols-available"),
        (
            r"tls: no cipher suite supported|tls: server chose an unconfigured cipher",
            "no-shared-cipher",
            "no-shared-cipher",
        ),
        (
            (
                r"tls: no ECDHE curve supported|tls: no key exchanges? supported|server selected unsupported (?:group|"
                r"curve)"
            ),
            "no-shared-group",
            "no-shared-group",
        ),
        (
            r"tls: peer doesn't support any of the certificate's signature|tls: no supported signature",
            "no-shared-signature-algorithm",
            "no-shared-signature-algorithm",
        ),
        (
            r"tls: client requested unsupported application protocols|tls: server selected unadvertised ALPN",
            "no-alpn",
            "no-alpn",
        ),
        (r"tls: client using inappropriate protocol fallback", "fallback-refused", "fallback-refused"),
        (r"tls: client didn't provide a certificate", "client-certificate-missing", "client-certificate-missing"),
        (
            r"tls: (?:no certificates configured|unable to (?:find|select) .{0,20}certificate)|acme/autocert: ",
            "no-certificate-configured",
            "no-certificate-configured",
        ),
        (
            r"x509: |tls: failed to verify|tls: invalid signature by the (?:client|server) certificate",
            "client-certificate-refused",
            "",
        ),
        (
            (
                r"tls: (?:unexpected message|handshake message of length|invalid|received unexpected|"
                r"error decoding|unsupported)"
            ),
            "message-malformed",
            "message-malformed",
        ),
        (r"TLS handshake timeout|i/o timeout", "handshake-timeout", "server-timeout"),
        (r"connection reset by peer|forcibly closed", "peer-reset", "server-reset"),
        (r"(?:^|: )(?:unexpected )?EOF\b", "peer-closed", "server-closed"),
    )
)
_TRANSPORT: Final = frozenset(
    ("handshake-timeout", "server-timeout", "peer-reset", "server-reset", "peer-closed", "server-closed")
)


def _read(body: Body) -> Found | None:
    read = leading(body.text[:64])
    stamp = read[0] if read is not None else None
    if (match := _SERVER.search(body.text)) is not None:
        why = match["why"].strip()
        return _line(body._replace(stamp=stamp or body.stamp), why, Role.SERVER, endpoint(match["client"]), None, None)
    if (said := _CLIENT.search(body.text)) is None:
        return None
    server, name = server_of_url(body.text)
    client = None
    if (ends := _READ.search(body.text)) is not None:
        client, server = endpoint(ends["from"] or ""), endpoint(ends["to"]) or server
    if said[0] == "tls: " and not any(pattern.search(said.string, said.start()) for pattern, _, _ in _WHY[:-3]):
        return None  # many things begin so
    role = None if "first record" in said.string and server is None and name is None else Role.CLIENT
    return _line(body._replace(stamp=stamp or body.stamp), body.text[said.start() :], role, client, server, name)


def _line(body: Body, why: str, role: Role | None, client: Peer | None, server: Peer | None, name: str | None) -> Found:
    if (remote := _REMOTE.search(why)) is not None:
        alert = alert_by_name(remote["alert"])
        meaning = "alert-other" if alert is None else received(alert, role)
        return found(
            body,
            _NAME,
            meaning,
            reason=remote[0],
            client=client,
            server=server,
            role=role,
            said=Said.PEER,
            alert=alert,
            sni=name,
        )
    for pattern, as_server, as_client in _WHY:
        if pattern.search(why) is None:
            continue
        meaning = as_server if role is Role.SERVER else as_client or refusal(why, role)
        if role is None and meaning == "plaintext-answer":
            meaning = "first-record-not-tls"
        said = Said.TRANSPORT if meaning in _TRANSPORT else Said.LOCAL
        return found(
            body, _NAME, meaning, reason=why[:160], client=client, server=server, role=role, said=said, sni=name
        )
    return found(
        body,
        _NAME,
        "handshake-failed",
        reason=why[:160],
        client=client,
        server=server,
        role=role,
        said=Said.LOCAL,
        sni=name,
    )


FORMAT: Final = Format(
    _NAME,
    ("tls handshake error from", "x509: ", "tls: ", "net/http: tls handshake timeout", "http response to https client"),
    _read,
)
