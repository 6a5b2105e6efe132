"""Go: ``net/http``'s server names the client in full, the client its URL. Many programs are built on both."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs.alerts import alert_by_name, received
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import ENDPOINT, endpoint
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Peer, Role, Said
from capanalyzer.logs.stamps import better, leading
from capanalyzer.logs.urls import server_of_url
from capanalyzer.logs.verify import refusal

__all__ = ["FORMAT"]

_NAME: Final = "go"
_SERVER: Final = re.compile(rf"http: TLS handshake error from (?P<client>{ENDPOINT}): (?P<why>.{{1,1000}})", re.DOTALL)
_ACCEPTED: Final = re.compile(
    rf"(?:rejected connection from|security handshake from|\bconn=from=|\bconn: from=) ?\"?(?P<client>{ENDPOINT})|"
    rf"\"(?:msg|message)\":\"rejected connection\",.{{0,200}}?\"remote-addr\":\"(?P<address>{ENDPOINT})\""
)
"""Servers other than ``net/http``: etcd's two forms, gRPC, Consul."""
_FROM: Final = re.compile(
    rf"(?:\bfrom[ =]|\b(?:remote|peer|client)[-_ ]?addr(?:ess)?\"?[=: ]{{1,2}})\"?(?P<end>{ENDPOINT})", re.IGNORECASE
)
_SERVER_NAME: Final = re.compile(r"(?:\bServerName |\"server-name\":)\"(?P<name>[A-Za-z0-9._-]{1,253})\"")
_EPHEMERAL: Final = 32_768
"""Ports from here on are a client's, where the other end's is lower (Linux; RFC 6335 begins at 49,152)."""
_REMOTE: Final = re.compile(r"remote error: tls: (?P<alert>[A-Za-z ]{3,60})")
_READ: Final = re.compile(rf"(?P<verb>read|dial|write) tcp (?:(?P<from>{ENDPOINT})->)?(?P<to>{ENDPOINT}): ")
_TLS_ANSWER: Final = r"malformed HTTP response [\\\"]{1,12}x15\\{1,8}x03"
"""An alert's first bytes, as Go quotes them."""
_CLIENT: Final = re.compile(
    r"\bx509: (?:certificate (?:signed|is|has|relies|specifies)|cannot validate|issuer |“|"
    r"unhandled critical|invalid signature)|"
    r"\btls: (?!failed to (?:load|find|parse))|remote error: tls: |net/http: TLS handshake timeout|"
    r"http: server gave HTTP response to HTTPS client|" + _TLS_ANSWER
)

_SERVERS: Final = re.compile(r"tls: (?:client |no cipher suite supported by|failed to verify client)|acme/autocert: ")
"""What only a server says, whatever stands around it."""
_CLIENTS: Final = re.compile(
    r"x509: |authentication handshake failed|tls: (?:server |failed to verify certificate)|net/http: |"
    r"http: server gave|tls: either ServerName|http: proxy error: |while dialing: "
)
"""What only a client says: a server's complaint about a certificate says that it is the client's."""

_WHY: Final = tuple(
    (re.compile(pattern), server, client)
    for pattern, server, client in (
        (r"client sent an HTTP request to an HTTPS server", "plaintext-http", "plaintext-http"),
        (_TLS_ANSWER, "tls-answer", "tls-answer"),
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
        (r"no certificate available for '", "sni-refused", ""),
        (
            r"tls: (?:no certificates configured|unable to (?:find|select) .{0,20}certificate)|acme/autocert: ",
            "no-certificate-configured",
            "no-certificate-configured",
        ),
        (
            (
                r"x509: |tls: failed to verify|tls: client certificate|"
                r"tls: invalid signature by the (?:client|server) certificate"
            ),
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
        (r"broken pipe", "peer-closed", "server-closed"),
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
        return _line(
            body._replace(stamp=better(stamp, body.stamp)), why, Role.SERVER, endpoint(match["client"]), None, None
        )
    if (said := _CLIENT.search(body.text)) is None:
        return None
    if said[0].startswith("malformed") and "https://" in body.text:
        return None  # within TLS: what is behind the server speaks TLS to it
    own, text = body._replace(stamp=better(stamp, body.stamp)), body.text
    if said[0] == "tls: " and not any(pattern.search(text, said.start()) for pattern, _, _ in _WHY[:-3]):
        return None  # many things begin so
    role, client, server, name = _ends(text)
    if said[0].startswith("malformed"):
        server, name = server_of_url(text, scheme="http")
    if role is None and _SERVERS.search(text) is not None:
        role = Role.SERVER
    elif role is None and _CLIENTS.search(text) is not None:
        role = Role.CLIENT
    return _line(own, text[said.start() :], role, client, server, name)


def _ends(text: str) -> tuple[Role | None, Peer | None, Peer | None, str | None]:
    """(role, client, server, name) by the addresses that stand around the words: alone, these are of either end."""
    if (match := _ACCEPTED.search(text)) is not None:
        named = _SERVER_NAME.search(text)
        name = named["name"] if named is not None else None
        return Role.SERVER, endpoint(match["client"] or match["address"]), None, name
    server, name = server_of_url(text)
    if (ends := _READ.search(text)) is not None:
        local, remote = endpoint(ends["from"] or ""), endpoint(ends["to"])
        if local is not None and remote is not None and (local.port or 0) < _EPHEMERAL <= (remote.port or 0):
            return Role.SERVER, remote, local, None
        if ends["verb"] == "dial" or server is not None or (remote is not None and (remote.port or 0) < _EPHEMERAL):
            return Role.CLIENT, local, remote or server, name
        return None, None, None, None
    if server is not None or name is not None:
        return Role.CLIENT, None, server, name
    if (match := _FROM.search(text)) is not None:
        end = endpoint(match["end"])
        if end is not None and (end.port or 0) >= _EPHEMERAL:
            return Role.SERVER, end, None, None
    return None, None, None, None


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
        if role is Role.SERVER or (role is None and as_server in _TRANSPORT):
            meaning = as_server
        elif role is None and as_client == "plaintext-answer":
            meaning = "first-record-not-tls"
        else:
            meaning = as_client or refusal(why, role)
        said = Said.TRANSPORT if meaning in _TRANSPORT else Said.LOCAL
        return found(
            body, _NAME, meaning, reason=why[:160], client=client, server=server, role=role, said=said, sni=name
        )
    return found(
        body,
        _NAME,
        "reason-in-words" if "tls: " in why else "handshake-failed",
        reason=why[:160],
        client=client,
        server=server,
        role=role,
        said=Said.LOCAL,
        sni=name,
    )


FORMAT: Final = Format(
    _NAME,
    (
        "tls handshake error from",
        "x509: ",
        "tls: ",
        "net/http: tls handshake timeout",
        "http response to https client",
        "malformed http response",
    ),
    _read,
)
