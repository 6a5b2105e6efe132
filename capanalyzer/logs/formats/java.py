"""Java: exceptions of JSSE and of Netty, alone or in a stack trace below a log line. They name no addresses."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.alerts import alert_by_name, received
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import endpoint
from capanalyzer.logs.found import Format, Found, Part, Tie, found
from capanalyzer.logs.line import Role, Said
from capanalyzer.logs.stamps import leading
from capanalyzer.logs.urls import server_of_url
from capanalyzer.logs.verify import refusal

__all__ = ["FORMAT"]

_NAME: Final = "java"
_EXCEPTION: Final = re.compile(
    r"(?:javax\.net\.ssl\.SSL\w{0,40}Exception|sun\.security\.(?:validator\.Validator|"
    r"provider\.certpath\.\w{1,40})Exception|"
    r"java\.security\.cert\.\w{1,60}Exception|io\.netty\.handler\.ssl\.\w{1,40}Exception|"
    r"\bSSL(?:Handshake|PeerUnverified|Protocol)?Exception|"
    r"\bjava(?:x\.crypto|\.lang)\.\w{1,40}Exception(?=: Insufficient buffer remaining for AEAD)): (?P<why>.{1,1000})",
    re.DOTALL,
)
_ENDS: Final = re.compile(
    r"(?:\bL:|localAddress=)/?(?P<local>[0-9A-Fa-f:.]{2,45}:\d{1,5})(?: [-!] R:|, remoteAddress=)/?"
    r"(?P<remote>[0-9A-Fa-f:.]{2,45}:\d{1,5})"
)
"""How Netty shows a channel."""
_EPHEMERAL: Final = 32_768
"""Ports from here on are a client's, where the other end's is lower (Linux; RFC 6335 begins at 49,152)."""
_FATAL: Final = re.compile(r"(?:Received fatal alert|handshake alert): {1,2}(?P<alert>\w{3,60})")
"""JDK 7 and 8 give up for a warning as well."""
_GENERAL: Final = re.compile(r"General SSLEngine problem|handshake.{0,20}fail|^(?:null|SSL \w+)$", re.IGNORECASE)
"""Words that give no reason."""
_NAME_WANTED: Final = re.compile(r"^(?:Hostname |Certificate for <)(?P<host>[A-Za-z0-9._-]{1,253})(?:>| not verified)")
_UNRECOGNIZED_NAME: Final = 112
_NOT_SSL: Final = re.compile(r"not an SSL/TLS record: (?P<hex>[0-9a-f]{2,4096})")
_WHY: Final[tuple[tuple[re.Pattern[str], str, Role | None, Said], ...]] = tuple(
    (re.compile(pattern), meaning, role, said)
    for pattern, meaning, role, said in (
        (r"Remote host (?:terminated|closed).{0,20}handshake", "peer-closed", None, Said.TRANSPORT),
        (r"SSL peer shut down incorrectly", "closed-somewhere", None, Said.TRANSPORT),
        (r"readHandshakeRecord", "peer-closed", None, Said.TRANSPORT),
        (r"Connection (?:has been )?(?:closed|reset)|Broken pipe", "closed-somewhere", None, Said.TRANSPORT),
        (r"handshake timed out", "handshake-timeout", None, Said.TRANSPORT),
        (r"(?:Unsupported or unrecognized|Unrecognized) SSL message", "first-record-not-tls", None, Said.LOCAL),
        (r"No appropriate protocol", "no-protocols-available", None, Said.LOCAL),
        (r"(?:Client requested protocol|SSLv2Hello is not enabled)", "version-refused", Role.SERVER, Said.LOCAL),
        (r"The server selected protocol version|Server chose \w", "version-refused", Role.CLIENT, Said.LOCAL),
        (r"no cipher suites in common", "no-shared-cipher", Role.SERVER, Said.LOCAL),
        (r"No available authentication scheme", "no-shared-signature-algorithm", Role.SERVER, Said.LOCAL),
        (
            r"No supported (?:named group|EC curve)|Unsupported (?:named group|curve)",
            "no-shared-group",
            None,
            Said.LOCAL,
        ),
        (
            r"Empty client certificate chain|null cert chain",
            "client-certificate-missing",
            Role.SERVER,
            Said.LOCAL,
        ),
        (r"Empty server certificate chain", "reason-in-words", Role.CLIENT, Said.LOCAL),
        (r"trustAnchors parameter must be non-empty", "trust-store-unreadable", Role.CLIENT, Said.LOCAL),
        (r"DH ServerKeyExchange does not comply", "dh-key-too-small", Role.CLIENT, Said.LOCAL),
        (r"Received close_notify during handshake", "peer-closed", None, Said.TRANSPORT),
        (r"closing inbound before receiving peer's close_notify", "closed-without-notify", None, Said.TRANSPORT),
        (r"SSLEngine closed already", "closed-somewhere", None, Said.TRANSPORT),
        (r"Unsupported record version", "first-record-not-tls", None, Said.LOCAL),
        (r"No application protocol|no matching application_layer", "no-alpn", None, Said.LOCAL),
        (r"Insufficient buffer remaining for AEAD cipher fragment \(2\)", "unreadable-alert", Role.SERVER, Said.LOCAL),
        (r"(?:Tag mismatch|Bad record MAC|bad_record_mac|padding)", "record-corrupted", None, Said.LOCAL),
        (
            (
                r"No subject alternative|No name matching|does not match the (?:hostname|certificate subject)|"
                r"^Hostname .{1,255} not verified|doesn't match any of the subject alternative names"
            ),
            "verify-hostname",
            Role.CLIENT,
            Said.LOCAL,
        ),
        (
            r"Unexpected (?:handshake message|message)|illegal_parameter|Invalid \w",
            "message-malformed",
            None,
            Said.LOCAL,
        ),
    )
)
_OF_CLIENT: Final = {
    "first-record-not-tls": "plaintext-answer",
    "handshake-timeout": "server-timeout",
    "peer-closed": "server-closed",
}
"""What the same words mean where a URL shows that the program asked."""
_TRUST: Final = re.compile(
    r"PKIX|Algorithm constraints|[Cc]ertificate|trust anchor|unable to find valid|validity|NotAfter|NotBefore|peer not "
)


def _read(body: Body) -> Found | None:
    match = _EXCEPTION.search(body.text)
    if match is None:
        return _lead(body)
    why = match["why"].split("\n", 1)[0].strip()
    if why.startswith("Read timed out"):
        return None  # mostly of a session that waits for an answer
    read = leading(body.text[:64])
    own = body._replace(stamp=body.stamp or (read[0] if read is not None else None))
    # A stack trace tells the same once more under "Caused by"; a line with a time of its own begins something new.
    part = Part.MORE if own.stamp is None and "Caused by: " in body.text[:40] else Part.BEGIN
    tie = Tie((_NAME, body.program, body.pid), part, 1, lines=120)
    server, name = server_of_url(body.text)
    asked = Role.CLIENT if server is not None else None
    if (fatal := _FATAL.search(why)) is not None:
        alert = alert_by_name(fatal["alert"])
        if alert == _UNRECOGNIZED_NAME:
            asked = Role.CLIENT  # only servers send it
        meaning = "alert-other" if alert is None else received(alert, asked)
        return found(
            own,
            _NAME,
            meaning,
            reason=fatal[0],
            role=asked,
            said=Said.PEER,
            alert=alert,
            server=server,
            sni=name,
            tie=tie,
        )
    if (scanned := openssl.scan(why, asked)) is not None:  # Netty on OpenSSL
        reason, role = scanned
        return found(
            own, _NAME, reason.meaning, reason=reason.words, role=role, said=reason.said, alert=reason.alert, tie=tie
        )
    if (record := _NOT_SSL.search(why)) is not None:
        meaning, role = _first_bytes(bytes.fromhex(record["hex"][: len(record["hex"]) // 2 * 2][:64]))
        return found(
            own, _NAME, meaning, reason=why[:120], role=role or asked, said=Said.LOCAL, server=server, sni=name, tie=tie
        )
    if (wanted := _NAME_WANTED.match(why)) is not None:
        name = name or wanted["host"]
    for pattern, meaning, role, said in _WHY:
        if pattern.search(why) is not None:
            is_client = (role or asked) is Role.CLIENT
            return found(
                own,
                _NAME,
                _OF_CLIENT.get(meaning, meaning) if is_client else meaning,
                reason=why[:160],
                role=role or asked,
                said=said,
                server=server,
                sni=name,
                tie=tie,
            )
    if _TRUST.search(why) is not None:
        return found(
            own,
            _NAME,
            refusal(why, asked),
            reason=why[:160],
            role=asked,
            said=Said.LOCAL,
            server=server,
            sni=name,
            tie=tie,
        )
    if "SSL" not in match[0][:60]:
        return None  # an exception about certificates that TLS need not have to do with
    return found(
        own,
        _NAME,
        "handshake-failed" if _GENERAL.search(why) is not None else "reason-in-words",
        reason=why[:160],
        role=asked,
        said=Said.LOCAL,
        server=server,
        sni=name,
        tie=tie,
    )


def _lead(body: Body) -> Found | None:
    """Netty's log line above an exception; it is nothing by itself."""
    ends = _ENDS.search(body.text)
    if ends is None:
        return None
    local, remote = endpoint(ends["local"]), endpoint(ends["remote"])
    if local is None or remote is None:
        return None
    read = leading(body.text[:64])
    own = body._replace(stamp=body.stamp or (read[0] if read is not None else None))
    tie, here, there = Tie((_NAME, body.program, body.pid), Part.LEAD), local.port or 0, remote.port or 0
    if here < _EPHEMERAL <= there:
        return found(own, _NAME, "handshake-ok", client=remote, server=local, role=Role.SERVER, tie=tie)
    if there < _EPHEMERAL <= here:
        return found(own, _NAME, "handshake-ok", client=local, server=remote, role=Role.CLIENT, tie=tie)
    return None


def _first_bytes(data: bytes) -> tuple[str, Role | None]:
    """Netty prints what came in the place of TLS."""
    if data.startswith(b"HTTP/"):
        return "http-answer", Role.CLIENT
    if data.startswith(b"PROXY "):
        return "proxy-header-unexpected", Role.SERVER
    if data.startswith(b"CONNECT "):
        return "connect-received", Role.SERVER
    if data.startswith((b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"PRI * HTTP/2")):
        return "plaintext-http", Role.SERVER
    return "first-record-not-tls", None


FORMAT: Final = Format(
    _NAME,
    (
        "javax.net.ssl.",
        "sslhandshakeexception",
        "sslexception",
        "sslpeerunverified",
        "sslprotocolexception",
        "insufficient buffer remaining for aead",
        "sun.security.",
        "java.security.cert.",
        "io.netty.handler.ssl.",
        " r:/",
        "remoteaddress=/",
    ),
    _read,
)
