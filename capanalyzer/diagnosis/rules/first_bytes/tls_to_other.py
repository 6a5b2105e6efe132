"""The client speaks TLS and the server does not: tls-to-http-port, tls-to-server-first, tls-to-plaintext-port."""

from __future__ import annotations

from typing import Final

from capanalyzer.classify.credentials import clear_start
from capanalyzer.diagnosis.evidence import first_data, first_line, of_hello, shown
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.first_bytes.telling import lacks_beginning, tells_nothing
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side
from capanalyzer.i18n import N_

_HTTP: Final = frozenset(("http-response", "http", "http2"))
_GREETINGS: Final = frozenset(
    ("smtp", "ftp", "pop3", "imap", "nntp", "ssh", "mysql", "irc", "rsync", "sieve", "vnc", "telnet")
)
"""Protocols in which the server speaks first."""
_TLS: Final = frozenset(("tls", "sslv2", "tlcp"))


class TlsToOtherProtocol(Rule):
    """The server's first bytes are not TLS, and a ClientHello was all the client sent.

    Which of the three causes follows from what they are. One or two bytes with which TLS may begin are not another
    protocol. Where something preceded TLS in the stream (CONNECT,
    STARTTLS), the server's first bytes belong to that, and nothing is decided here.
    """

    causes = ("tls-to-http-port", "tls-to-server-first", "tls-to-plaintext-port")

    def check(self, session: Session, context: Context) -> Finding | None:
        spoken = session.protocol[Side.SERVER]
        if spoken is None or spoken in _TLS or session.protocol[Side.CLIENT] not in _TLS:
            return None
        if session.upgrade is not None or session.quality.starts_mid_session:
            return None
        if lacks_beginning(session, Side.CLIENT):
            return None  # it may have asked for TLS before
        if spoken not in _HTTP | _GREETINGS and tells_nothing(session, Side.SERVER):
            return None
        opening = session.opening[Side.SERVER]
        if spoken in _HTTP:
            cause, blame = "tls-to-http-port", Blame.SERVER
        elif spoken in _GREETINGS:
            cause, blame = "tls-to-server-first", Blame.CLIENT
        else:
            cause, blame = "tls-to-plaintext-port", Blame.SERVER
        at = first_data(session, Side.SERVER)
        binary = clear_start(session.first_bytes[Side.SERVER] or b"", opening).hex(" ")
        answer = first_line(opening) if opening else shown(session.first_bytes[Side.SERVER] or b"")
        return failure(
            cause,
            Confidence.CERTAIN if spoken != "unknown" else Confidence.LIKELY,
            blame,
            at,
            facts={"answer": answer, "protocol": spoken, "first_bytes": binary},
            evidence=(
                of_hello(context.story),
                Evidence(at[1], at[0], Side.SERVER, N_('"{answer}" ({protocol}), where a ServerHello was expected')),
            ),
            stage=Stage.FIRST_BYTES,
            waiting_on=WaitingOn.SERVER,
        )
