"""Mail servers name the client's address (Postfix, Exim, Dovecot); sshd, to which somebody spoke TLS, its port too."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.alerts import alert_by_name, received
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import peer
from capanalyzer.logs.found import Format, Found, Part, Tie, found
from capanalyzer.logs.line import Peer, Role, Said
from capanalyzer.logs.stamps import leading
from capanalyzer.logs.verify import refusal

__all__ = ["DOVECOT", "EXIM", "POSTFIX", "SSHD"]

_POSTFIX: Final = re.compile(
    r"(?:warning: )?SSL_(?P<call>accept|connect) error (?:from|to) (?P<name>[^\[\s]{1,255})"
    r"\[(?P<ip>[0-9A-Fa-f:.]{2,45})\](?::(?P<port>\d{1,5}))?: (?P<why>.{1,200})"
)
_POSTFIX_LIBRARY: Final = re.compile(r"(?:warning: )?TLS library problem: (?P<why>.*)")
_POSTFIX_VERIFY: Final = re.compile(
    r"(?:certificate verification failed for|server certificate verification failed for) (?P<name>[^\[\s]{1,255})"
    r"\[(?P<ip>[0-9A-Fa-f:.]{2,45})\]:(?P<port>\d{1,5}): (?P<why>.{1,200})"
)
_EXIM: Final = re.compile(
    r"TLS error on connection (?P<way>from|to) (?P<who>.{0,300}?)\[(?P<ip>[0-9A-Fa-f:.]{2,45})\](?::(?P<port>\d{1,5}))?"
    r"(?: .{0,120}?)? ?\((?P<call>[A-Za-z_]{3,40})[^)]{0,40}\)(?:: (?P<why>.{1,300}))?"
)
_GNUTLS_ALERT: Final = "A TLS fatal alert has been received: "
_DOVECOT: Final = re.compile(
    r"(?:imap|pop3|submission|managesieve|lmtp)(?:-login)?: .{0,600}?(?:SSL_accept\(\) failed: |SSL_read\(\) "
    r"failed: |TLS handshaking: |SSL_accept\(\) syscall failed)"
    r"(?P<why>.{0,400})"
)
_REMOTE: Final = re.compile(r"\brip=(?P<ip>[0-9A-Fa-f:.]{2,45})(?:, rport=(?P<port>\d{1,5}))?")
_LOCAL: Final = re.compile(r"\blip=(?P<ip>[0-9A-Fa-f:.]{2,45})(?:, lport=(?P<port>\d{1,5}))?")
_SSHD_OLD: Final = re.compile(
    r"Bad protocol version identification '(?P<what>.{0,300})' from (?P<ip>[0-9A-Fa-f:.]{2,45}) port (?P<port>\d{1,5})"
)
_SSHD_EXCHANGE: Final = re.compile(
    r"kex_exchange_identification: client sent invalid protocol identifier \"(?:\\026\\003|\x16\x03).{0,200}"
)
_SSHD: Final = re.compile(
    r"banner exchange: Connection from (?P<ip>[0-9A-Fa-f:.]{2,45}) port (?P<port>\d{1,5}): invalid format"
)


def _postfix(body: Body) -> Found | None:
    key = ("postfix", body.program, body.pid)
    if (match := _POSTFIX.match(body.text)) is not None:
        role = Role.SERVER if match["call"] == "accept" else Role.CLIENT
        end = peer(match["ip"], match["port"])
        client, server = (end, None) if role is Role.SERVER else (None, end)
        why = match["why"]
        meaning, said = "handshake-failed", Said.LOCAL
        if "lost connection" in why:
            meaning, said = ("peer-closed" if role is Role.SERVER else "server-closed"), Said.TRANSPORT
        elif "Connection timed out" in why:
            meaning, said = ("handshake-timeout" if role is Role.SERVER else "server-timeout"), Said.TRANSPORT
        elif "reset by peer" in why:
            meaning, said = ("peer-reset" if role is Role.SERVER else "server-reset"), Said.TRANSPORT
        return found(
            body,
            "postfix",
            meaning,
            reason=why,
            client=client,
            server=server,
            role=role,
            said=said,
            reach_s=310,
            tie=Tie(key, Part.BEGIN, 0 if said is Said.LOCAL else 1),
        )
    if (match := _POSTFIX_VERIFY.match(body.text)) is not None:
        return found(
            body,
            "postfix",
            refusal(match["why"], Role.CLIENT),
            reason=match["why"],
            server=peer(match["ip"], match["port"]),
            role=Role.CLIENT,
            said=Said.LOCAL,
        )
    if (match := _POSTFIX_LIBRARY.match(body.text)) is not None:
        writer = Role.CLIENT if body.program.endswith("/smtp") else Role.SERVER if body.program else None
        scanned = openssl.scan(match["why"], writer)
        if scanned is None:
            return None
        reason, writer = scanned
        tie = Tie(key, Part.MORE, 2)
        return found(
            body,
            "postfix",
            reason.meaning,
            reason=reason.words,
            role=writer,
            said=reason.said,
            alert=reason.alert,
            reach_s=310,
            tie=tie,
        )
    return None


def _exim(body: Body) -> Found | None:
    if (match := _EXIM.search(body.text)) is None:
        return None
    role = Role.SERVER if match["way"] == "from" else Role.CLIENT
    end = peer(match["ip"], match["port"])
    client, server = (end, None) if role is Role.SERVER else (None, end)
    read = leading(body.text[:64])
    why = match["why"] or ""
    meaning, said, alert = "handshake-failed", Said.LOCAL, None
    if (scanned := openssl.scan(why, role)) is not None:
        meaning, said, alert = scanned[0].meaning, scanned[0].said, scanned[0].alert
        why = scanned[0].words
    elif "timed out" in why:
        meaning, said = ("handshake-timeout" if role is Role.SERVER else "server-timeout"), Said.TRANSPORT
    elif (alert := alert_by_name(why.removeprefix(_GNUTLS_ALERT))) is not None and match["call"].startswith("gnutls"):
        meaning, said = received(alert, role), Said.PEER
    elif "Decryption has failed" in why and role is Role.SERVER:
        meaning = "unreadable-alert"
    elif "pull function" in why or "reset by peer" in why:
        meaning, said = ("peer-reset" if role is Role.SERVER else "server-reset"), Said.TRANSPORT
    elif "unexpected TLS packet" in why:
        meaning = "not-tls-received" if role is Role.SERVER else "plaintext-answer"
    elif "terminated" in why and match["call"] in ("recv", "send"):
        meaning, said = "closed-without-notify", Said.TRANSPORT
    elif "terminated" in why or "EOF" in why or "SYSCALL" in why:
        meaning, said = ("peer-closed" if role is Role.SERVER else "server-closed"), Said.TRANSPORT
    elif "certificate" in why:
        meaning = refusal(why, role)
    elif why:
        meaning = "reason-in-words"
    return found(
        body,
        "exim",
        meaning,
        stamp=read[0] if read is not None else None,
        reason=why or match["call"],
        client=client,
        server=server,
        role=role,
        said=said,
        alert=alert,
        reach_s=310,
    )


def _dovecot(body: Body) -> Found | None:
    match = _DOVECOT.search(f"{body.program}: {body.text}" if body.program.endswith("-login") else body.text)
    if match is None:
        return None
    remote, local = _REMOTE.search(body.text), _LOCAL.search(body.text)
    server: Peer | None = peer(local["ip"], local["port"]) if local is not None else None
    client = peer(remote["ip"], remote["port"]) if remote is not None else None
    meaning, said, alert, reason = "handshake-failed", Said.LOCAL, None, match["why"][:120]
    if (scanned := openssl.scan(match["why"], Role.SERVER)) is not None:
        meaning, said, alert, reason = scanned[0].meaning, scanned[0].said, scanned[0].alert, scanned[0].words
    elif "reset by peer" in match["why"]:
        meaning, said = "peer-reset", Said.TRANSPORT
    elif (
        "Disconnected" in match["why"]
        or "Connection closed" in match["why"]
        or "EOF" in match["why"]
        or "syscall failed" in match[0]
    ):
        meaning, said = "peer-closed", Said.TRANSPORT
    return found(
        body,
        "dovecot",
        meaning,
        reason=reason,
        client=client,
        server=server,
        role=Role.SERVER,
        said=said,
        alert=alert,
        reach_s=190,
    )


def _sshd(body: Body) -> Found | None:
    match, causes = _SSHD_OLD.search(body.text), None
    if match is not None:
        is_tls = match["what"].startswith((r"\026\003", r"\x16\x03", "\x16\x03"))
        meaning = "tls-to-plain-port" if is_tls else "ssh-not-ssh"
        causes = ("tls-to-server-first",) if is_tls else None  # SSH's server is the first to speak
    elif (match := _SSHD.search(body.text)) is not None:
        meaning = "ssh-not-ssh"
    elif (match := _SSHD_EXCHANGE.search(body.text)) is not None:
        meaning, causes = "tls-to-plain-port", ("tls-to-server-first",)
        return found(body, "sshd", meaning, reason=match[0][:100], role=Role.SERVER, said=Said.LOCAL, causes=causes)
    else:
        return None
    return found(
        body,
        "sshd",
        meaning,
        reason=match[0][:100],
        client=peer(match["ip"], match["port"]),
        role=Role.SERVER,
        said=Said.LOCAL,
        causes=causes,
    )


POSTFIX: Final = Format(
    "postfix",
    ("ssl_accept error from", "ssl_connect error to", "tls library problem", "certificate verification failed for"),
    _postfix,
)
EXIM: Final = Format("exim", ("tls error on connection",), _exim)
DOVECOT: Final = Format("dovecot", ("ssl_accept()", "ssl_read()", "tls handshaking: "), _dovecot)
SSHD: Final = Format(
    "sshd",
    ("bad protocol version identification", "banner exchange: connection from", "invalid protocol identifier"),
    _sshd,
)
