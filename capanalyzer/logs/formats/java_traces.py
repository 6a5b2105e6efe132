"""What Java shows beside exceptions: ``-Djavax.net.debug=ssl``, Kafka's own words, Spring's around JSSE's."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs.alerts import alert_by_name, received, sent
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import ENDPOINT, endpoint, peer
from capanalyzer.logs.found import Format, Found, Part, Tie, found
from capanalyzer.logs.line import Peer, Role, Said
from capanalyzer.logs.stamps import better, iso, leading
from capanalyzer.logs.urls import server_of_url

__all__ = ["FORMAT"]

_NAME: Final = "java"
_ALERT: Final = re.compile(
    r"\b(?P<way>RECV|READ|SEND|WRITE):? (?:TLSv1(?:\.\d)?|SSLv3) ALERT: {1,2}fatal, (?:description = )?"
    r"(?P<alert>\w{3,60})"
)
"""Java 8."""
_FATAL: Final = re.compile(r"\bFatal \([A-Z_]{3,60}\): Received fatal alert: (?P<alert>\w{3,60})")
"""Java 11 and later: javax.net.ssl|ERROR|..."""
_DEBUGGED: Final = re.compile(r"javax\.net\.ssl\|\w{1,20}\|[^|]{1,20}\|[^|]{0,200}\|(?P<stamp>[^|]{19,40})\|")
_CHANNEL: Final = re.compile(rf"\(channelId=(?P<local>{ENDPOINT})-(?P<remote>{ENDPOINT})-\d")
"""Kafka's name of a connection."""
_KAFKA: Final = re.compile(
    r"Failed authentication with (?:[\w.-]{1,253})?/(?P<ip>[0-9A-Fa-f:.]{2,45}?)(?::(?P<port>\d{1,5}))? .{0,200}?"
    r"\(SSL handshake failed\)|SslAuthenticationException: SSL handshake failed"
)
_SPRING: Final = re.compile(
    r"I/O error on \w{3,10} request for \".{1,500}?\": (?P<why>Remote host (?:terminated the handshake|closed "
    r"connection during handshake)|SSL peer shut down incorrectly|Unsupported or unrecognized SSL message)"
)
_SHUT: Final = re.compile(r"java\.io\.EOFException: SSL peer shut down incorrectly")


def _read(body: Body) -> Found | None:
    read, debugged = leading(body.text[:64]), _DEBUGGED.match(body.text)
    stamp = iso(debugged["stamp"]) if debugged is not None else read[0] if read is not None else None
    own = body._replace(stamp=better(stamp, body.stamp))
    if (match := _ALERT.search(body.text) or _FATAL.search(body.text)) is not None:
        is_own = match.groupdict().get("way") in ("SEND", "WRITE")
        alert = alert_by_name(match["alert"])
        if alert is None:
            meaning = "sent-other" if is_own else "alert-other"
        else:
            meaning = sent(alert, None) if is_own else received(alert, None)
        said = Said.LOCAL if is_own else Said.PEER
        return found(own, _NAME, meaning, reason=match[0], said=said, alert=alert)
    if (match := _KAFKA.search(body.text)) is not None:
        end = _end(match["ip"], match["port"]) if match["ip"] else None
        server = None
        if (channel := _CHANNEL.search(match[0])) is not None:
            end, server = endpoint(channel["remote"]), endpoint(channel["local"])
        return found(
            own,
            _NAME,
            "handshake-failed",
            reason="SSL handshake failed",
            client=end,
            server=server,
            role=Role.SERVER if end is not None else None,
            said=Said.LOCAL,
        )
    if (match := _SPRING.search(body.text)) is not None:
        server, name = server_of_url(body.text)
        is_plain = match["why"].startswith("Unsupported")
        return found(
            own,
            _NAME,
            "plaintext-answer" if is_plain else "server-closed",
            reason=match["why"],
            role=Role.CLIENT,
            said=Said.LOCAL if is_plain else Said.TRANSPORT,
            server=server,
            sni=name,
        )
    if (match := _SHUT.search(body.text)) is not None:
        # Mostly the last cause of an exception that has said so already.
        tie = Tie((_NAME, body.program, body.pid), Part.MORE, 0, lines=120)
        return found(own, _NAME, "closed-somewhere", reason=match[0], said=Said.TRANSPORT, tie=tie)
    return None


def _end(ip: str, port: str | None) -> Peer | None:
    return endpoint(f"{ip}:{port}") if port else peer(ip)


FORMAT: Final = Format(
    _NAME,
    (
        " alert: ",
        "received fatal alert: ",
        "(ssl handshake failed)",
        "sslauthenticationexception",
        "i/o error on ",
        "ssl peer shut down incorrectly",
    ),
    _read,
)
