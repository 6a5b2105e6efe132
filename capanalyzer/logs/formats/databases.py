"""PostgreSQL and MySQL: servers in which TLS begins after a plaintext request."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import peer
from capanalyzer.logs.found import Format, Found, Part, Tie, found
from capanalyzer.logs.line import Peer, Role, Said
from capanalyzer.logs.stamps import leading
from capanalyzer.logs.verify import refusal

__all__ = ["MYSQL", "POSTGRESQL"]

_LEAD: Final = re.compile(r".{0,120}?\b(?:LOG|FATAL|ERROR|WARNING|PROTOKOLL):\s{1,3}(?P<what>.*)", re.DOTALL)
_PID: Final = re.compile(r"\[(?P<pid>\d{1,10})(?:-\d+)?\]")
_RECEIVED: Final = re.compile(r"connection received: host=(?P<host>[0-9A-Fa-f:.]{2,45}) port=(?P<port>\d{1,5})")
_ACCEPT: Final = re.compile(r"(?P<what>could not accept SSL connection|SSL error): (?P<why>.{1,300})")
_HBA: Final = re.compile(
    r'no pg_hba\.conf entry for host "(?P<host>[0-9A-Fa-f:.]{2,45})", .{1,300}, '
    r"(?:SSL (?:on|off)|no encryption|SSL encryption)"
)
_CLIENT: Final = re.compile(
    r'connection to server at "(?P<host>[^"]{1,253})"(?: \((?P<ip>[0-9A-Fa-f:.]{2,45})\))?, port '
    r"(?P<port>\d{1,5}) failed: "
    r"(?P<why>(?:SSL|server does not support SSL|sslmode|certificate|root certificate|server certificate for ).{0,300})"
)


def _postgresql(body: Body) -> Found | None:
    if (match := _CLIENT.search(body.text)) is not None:
        return _psql(body, match)
    if (lead := _LEAD.match(body.text)) is None:
        return None
    read = leading(body.text[:64])
    stamp = read[0] if read is not None else None
    pid = _PID.search(body.text[: lead.start("what")])
    key = ("postgresql", pid["pid"] if pid is not None else body.pid)
    what = lead["what"]
    if (match := _RECEIVED.match(what)) is not None:
        client = peer(match["host"], match["port"])
        return found(body, "postgresql", "handshake-ok", stamp=stamp, client=client, tie=Tie(key, Part.CONTEXT))
    tie = Tie(key, Part.MORE)
    if (match := _ACCEPT.match(what)) is not None:
        why = match["why"].strip()
        reason = openssl.by_words(why, Role.SERVER)
        if match["what"] == "SSL error" and (reason is None or reason.said is not Said.PEER):
            return None  # of a session that was there; a client's alert may come late, too
        if reason is not None:
            return found(
                body,
                "postgresql",
                reason.meaning,
                stamp=stamp,
                reason=why,
                role=Role.SERVER,
                said=reason.said,
                alert=reason.alert,
                tie=tie,
            )
        meaning = (
            "peer-reset"
            if "reset" in why
            else "peer-closed"
            if "EOF" in why or "SYSCALL" in why
            else "handshake-failed"
        )
        said = Said.LOCAL if meaning == "handshake-failed" else Said.TRANSPORT
        return found(body, "postgresql", meaning, stamp=stamp, reason=why, role=Role.SERVER, said=said, tie=tie)
    if what.startswith("received direct SSL connection request without ALPN"):
        return found(
            body, "postgresql", "no-alpn", stamp=stamp, reason=what[:120], role=Role.SERVER, said=Said.LOCAL, tie=tie
        )
    if what.startswith("invalid length of startup packet"):
        return found(
            body,
            "postgresql",
            "startup-packet-invalid",
            stamp=stamp,
            reason=what[:60],
            role=Role.SERVER,
            said=Said.LOCAL,
            tie=tie,
        )
    if what.startswith("received unencrypted data after SSL request"):
        return found(
            body,
            "postgresql",
            "not-tls-received",
            stamp=stamp,
            reason=what[:60],
            role=Role.SERVER,
            said=Said.LOCAL,
            tie=tie,
        )
    if (match := _HBA.match(what)) is not None:
        return found(
            body,
            "postgresql",
            "tls-required-by-rule",
            stamp=stamp,
            reason=match[0][:160],
            client=peer(match["host"]),
            role=Role.SERVER,
            said=Said.LOCAL,
            tie=tie,
        )
    return None


def _psql(body: Body, match: re.Match[str]) -> Found:
    """libpq, which all clients in C, Python, Ruby and PHP use."""
    why = match["why"].strip()
    server = peer(match["ip"] or match["host"], match["port"]) or Peer(None, int(match["port"]) % 65536)
    name = match["host"] if peer(match["host"]) is None else None
    reason = openssl.by_words(why.removeprefix("SSL error: ").partition("\n")[0], Role.CLIENT)
    meaning, said, alert = "handshake-failed", Said.LOCAL, None
    if "does not support SSL" in why:
        meaning = "starttls-refused-by-server"
    elif why.startswith("root certificate"):
        meaning = "trust-store-unreadable"
    elif "does not match host name" in why:
        meaning = "verify-hostname"
    elif reason is not None:
        meaning, said, alert = reason.meaning, reason.said, reason.alert
    elif "closed the connection" in why or "EOF" in why or "SYSCALL" in why:
        meaning, said = "server-closed", Said.TRANSPORT
    return found(
        body, "postgresql", meaning, reason=why[:160], server=server, role=Role.CLIENT, said=said, alert=alert, sni=name
    )


_MYSQL: Final = re.compile(r"ERROR 2026 \(HY000\): (?:TLS/)?SSL (?:connection )?error: (?P<why>.{1,300})")
_MYSQL_WITHOUT: Final = re.compile(r"is required,? but the server does(?:n't| not) support it")


def _mysql(body: Body) -> Found | None:
    read = leading(body.text[:64])
    stamp = read[0] if read is not None else None
    if (match := _MYSQL.search(body.text)) is not None:
        why = match["why"].strip()
        scanned = openssl.scan(why, Role.CLIENT)
        reason = scanned[0] if scanned is not None else openssl.by_words(why, Role.CLIENT)
        if reason is not None:
            return found(
                body, "mysql", reason.meaning, reason=why, role=Role.CLIENT, said=reason.said, alert=reason.alert
            )
        if _MYSQL_WITHOUT.search(why):
            return found(body, "mysql", "starttls-refused-by-server", reason=why, role=Role.CLIENT, said=Said.LOCAL)
        meaning, said = refusal(why, Role.CLIENT), Said.LOCAL  # MariaDB gives the words of the verification alone
        if "SYSCALL" in why or "EOF" in why:
            meaning, said = "server-closed", Said.TRANSPORT
        elif meaning == "verify-failed" and "verif" not in why.lower():
            meaning = "handshake-failed"
        return found(body, "mysql", meaning, reason=why, role=Role.CLIENT, said=said)
    if "Bad handshake" in body.text and ("[" in body.text or "ERROR 1043" in body.text):
        return found(
            body,
            "mysql",
            "startup-packet-invalid",
            stamp=stamp,
            reason="Bad handshake",
            role=Role.SERVER,
            said=Said.LOCAL,
        )
    return None


POSTGRESQL: Final = Format(
    "postgresql",
    (
        "could not accept ssl",
        " ssl error: ",
        "connection received: host=",
        "pg_hba.conf",
        "startup packet",
        "direct ssl connection",
        "after ssl request",
        "connection to server at",
    ),
    _postgresql,
)
MYSQL: Final = Format("mysql", ("error 2026", "bad handshake"), _mysql)
