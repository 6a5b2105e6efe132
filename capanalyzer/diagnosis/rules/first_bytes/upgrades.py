"""What had to succeed before TLS: starttls-refused, proxy-connect-refused."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from capanalyzer.diagnosis.evidence import first_data, of_end, shown
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.story import Story
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
_LOGIN_WANTED: Final = "407"
_DENIED: Final = frozenset(("403", "405"))
_UNREACHED: Final = frozenset(("502", "503", "504"))
"""Of a proxy that did not reach the target."""


class StarttlsRefused(Rule):
    """The server refused the upgrade command, and the client gave up.

    A client that works on in plaintext has a session that works, whatever one thinks of it; so has one whose database
    server goes on talking after its refusal. The server's close in place of an answer is a refusal too. Also: after
    words in plaintext the client spoke TLS without having asked, and the server answered in plaintext.
    """

    causes = ("starttls-refused",)

    def check(self, session: Session, context: Context) -> Finding | None:
        upgrade, story = session.upgrade, context.story
        if upgrade is None or upgrade.kind in _NO_STARTTLS or session.quality.lost:
            return None  # of a dialogue with holes it is not known which word answers which
        if not upgrade.asked:
            return self._not_asked(session, story, upgrade)
        if upgrade.agreed is None and story.hello is None and _is_unanswered(session):
            return self._closed(session, story, upgrade)
        if upgrade.agreed is not False or (story.hello is None and self._goes_on(session, upgrade)):
            return None
        at = (session.tcp.server.first_data_ns or session.start_ns, upgrade.answer_frame or upgrade.frame or 0)
        return _finding(session, upgrade, "starttls-refused", at)

    def _not_asked(self, session: Session, story: Story, upgrade: Upgrade) -> Finding | None:
        """A hello in the middle of the dialogue, and words in answer."""
        hello, answered_ns = story.hello, session.tcp.server.last_data_ns
        if upgrade.kind == "other" or hello is None or session.tls is None or answered_ns is None:
            return None
        if answered_ns <= hello.time_ns or any(m.side == Side.SERVER for m in session.tls.messages):
            return None
        lines = session.opening[Side.SERVER].split(b"\n")
        words = next((line for line in reversed(lines) if line.strip()), b"").rstrip(b"\r")
        return failure(
            "starttls-refused",
            Confidence.LIKELY,
            Blame.CLIENT,
            (hello.time_ns, hello.frame),
            facts={"kind": upgrade.kind, "answer": shown(words), "request": "ClientHello"},
            evidence=(Evidence(hello.frame, hello.time_ns, Side.CLIENT, N_("ClientHello")),),
            alternatives=("tls-to-plaintext-port",),
            stage=Stage.FIRST_BYTES,
            waiting_on=WaitingOn.CLIENT,
            variant="not-asked",
        )

    def _closed(self, session: Session, story: Story, upgrade: Upgrade) -> Finding | None:
        """The request, and a close from the server that said nothing."""
        end = story.end
        if end is None or end.side is not Side.SERVER or not story.sees_all or not session.payload_bytes[Side.CLIENT]:
            return None
        time_ns, frame = first_data(session, Side.CLIENT)
        return failure(
            "starttls-refused",
            Confidence.LIKELY,
            Blame.SERVER,
            (end.time_ns, end.frame),
            facts={"kind": upgrade.kind, "answer": "", "request": ""},
            evidence=(
                Evidence(upgrade.frame or frame, time_ns, Side.CLIENT, N_("the upgrade to TLS is asked for ({kind})")),
                of_end(end),
            ),
            stage=Stage.FIRST_BYTES,
            waiting_on=WaitingOn.SERVER,
            variant="closed",
        )

    def _goes_on(self, session: Session, upgrade: Upgrade) -> bool:
        if upgrade.kind == "postgres":
            return session.tcp.server.stream_bytes > 1  # more than the N of its refusal
        if upgrade.kind in _BINARY:
            return session.tcp.server.stream_bytes > _REFUSAL_BYTES
        commands = session.opening[Side.CLIENT].upper()
        if upgrade.kind == "ftp":
            commands = commands.replace(b"AUTH ", b"")  # RFC 4217: how TLS is asked for
        return any(command in commands for command in _GOES_ON)


class ProxyConnectRefused(Rule):
    """An HTTP proxy answers CONNECT with other than 2xx (RFC 9110 section 9.3.6), and no tunnel follows.

    407 (section 15.5.8) asks for a login: then it is for the client to give one that the proxy accepts. Any other
    answer is the proxy's own decision, or its own trouble with the target.
    """

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
        status = upgrade.answer.split(" ", 1)[0]
        if status == _LOGIN_WANTED:
            facts = {"login": status}
            return _finding(session, upgrade, "proxy-connect-refused", at, facts, Blame.CLIENT, variant="login")
        facts = {"unreached": status} if status in _UNREACHED else {"denied": status} if status in _DENIED else {}
        return _finding(session, upgrade, "proxy-connect-refused", at, facts)


def _is_unanswered(session: Session) -> bool:
    """The server said nothing after the client's last words, the request."""
    asked_ns, answered_ns = session.tcp.client.last_data_ns, session.tcp.server.last_data_ns
    return asked_ns is not None and (answered_ns is None or answered_ns <= asked_ns)


def _finding(
    session: Session,
    upgrade: Upgrade,
    cause: str,
    at: tuple[int, int],
    facts: Mapping[str, str] = MappingProxyType({}),
    blame: Blame = Blame.SERVER,
    *,
    variant: str = "",
) -> Finding:
    asked_ns, asked_frame = first_data(session, Side.CLIENT)
    return failure(
        cause,
        Confidence.CERTAIN,
        blame,
        at,
        facts={
            "kind": upgrade.kind,
            "answer": shown(upgrade.answer),
            "request": shown(session.opening[Side.CLIENT].split(b"\r\n", 1)[0]),
            **facts,
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
        waiting_on=WaitingOn.SERVER if blame is Blame.SERVER else WaitingOn.CLIENT,
        variant=variant,
    )
