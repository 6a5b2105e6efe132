"""What had to succeed before TLS: starttls-refused, proxy-connect-refused."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import first_data, shown
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side, Upgrade
from capanalyzer.i18n import N_

_NO_STARTTLS: Final = frozenset(("connect", "proxy-v1", "proxy-v2", "socks4", "socks5"))
_BINARY: Final = frozenset(("mysql", "ldap", "tds", "rdp"))
_REFUSAL_BYTES: Final = 128
"""A refusal in these protocols is shorter; a server that sends more went on."""
_GOES_ON: Final = (
    b"MAIL FROM",
    b"AUTH ",
    b" LOGIN ",
    b"AUTHENTICATE",
    b"\nUSER ",
    b"\nPASS ",
    b"<AUTH",
    b"\nLIST",
    b"\nGROUP ",
)
"""Commands with which a client works on in plaintext after the refusal: the session is then one that works."""


class StarttlsRefused(Rule):
    """The server refused the upgrade command, and the client gave up.

    A client that works on in plaintext has a session that works, whatever one thinks of it; so has one whose database
    server goes on talking after its refusal. Also: the client spoke TLS at once to a server that wanted the command
    first, and was told so in plaintext.
    """

    causes = ("starttls-refused",)

    def check(self, session: Session, context: Context) -> Finding | None:
        upgrade = session.upgrade
        if upgrade is None or upgrade.kind in _NO_STARTTLS or not upgrade.asked or upgrade.agreed is not False:
            return None
        if context.story.hello is None and self._goes_on(session, upgrade):
            return None
        at = (session.tcp.server.first_data_ns or session.start_ns, upgrade.answer_frame or upgrade.frame or 0)
        return _finding(session, upgrade, "starttls-refused", at)

    def _goes_on(self, session: Session, upgrade: Upgrade) -> bool:
        if upgrade.kind == "postgres":
            return session.tcp.server.stream_bytes > 1  # more than the N of its refusal
        if upgrade.kind in _BINARY:
            return session.tcp.server.stream_bytes > _REFUSAL_BYTES
        commands = session.opening[Side.CLIENT].upper()
        return any(command in commands for command in _GOES_ON)


class ProxyConnectRefused(Rule):
    """An HTTP proxy answers CONNECT with other than 2xx (RFC 9110 section 9.3.6), and no tunnel follows."""

    causes = ("proxy-connect-refused",)

    def check(self, session: Session, context: Context) -> Finding | None:
        upgrade = session.upgrade
        if (
            upgrade is None
            or upgrade.kind != "connect"
            or upgrade.agreed is not False
            or context.story.hello is not None
        ):
            return None
        at = (session.tcp.server.first_data_ns or session.start_ns, upgrade.answer_frame or upgrade.frame or 0)
        return _finding(session, upgrade, "proxy-connect-refused", at)


def _finding(session: Session, upgrade: Upgrade, cause: str, at: tuple[int, int]) -> Finding:
    asked_ns, asked_frame = first_data(session, Side.CLIENT)
    return failure(
        cause,
        Confidence.CERTAIN,
        Blame.SERVER,
        at,
        facts={
            "kind": upgrade.kind,
            "answer": shown(upgrade.answer),
            "request": shown(session.opening[Side.CLIENT].split(b"\r\n", 1)[0]),
        },
        evidence=(
            Evidence(
                upgrade.frame or asked_frame, asked_ns, Side.CLIENT, N_("the upgrade to TLS is asked for ({kind})")
            ),
            Evidence(upgrade.answer_frame, at[0], Side.SERVER, N_('"{answer}" in answer'))
            if upgrade.answer_frame
            else None,
        ),
        stage=Stage.FIRST_BYTES,
        waiting_on=WaitingOn.SERVER,
    )
