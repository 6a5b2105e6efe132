"""The server's end, or what looks like it: middlebox-reset, server-reset, server-closed, and alerts that cannot be
read.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import ms, of_end, of_hello, of_server_hello
from capanalyzer.diagnosis.f5.resets import is_big_ips_own, same_distance, sign_of_another
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.story import Story, first_tls13_records
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import CloseEvent, Session, Side, SideFacts
from capanalyzer.i18n import N_
from capanalyzer.packets.f5.cause import read_cause_payload

AT_ONCE_NS: Final = 5_000_000
"""Two resets in opposite directions within this time have one sender between the ends."""
TWICE: Final = 2
MEASURABLE_NS: Final = 2_000_000
"""A server that answers sooner is too near for its distance to say anything."""


class MiddleboxReset(Rule):
    """A reset that its sender did not send.

    Evidence, any of it enough: the RST's TTL or hop limit is none of those on the same sender's SYN, SYN/ACK and
    data; resets towards both ends at once; genuine packets of that sender after its RST; and on a router that captured
    everything else twice, before and behind itself, a RST that is there once. Two of them are certain. IP
    ID 0, window 0 and missing options say nothing: kernels' own resets look so. A reset that comes sooner than its
    sender could have answered points the same way, but only beside one of these. A forwarded packet that was captured
    twice has both TTLs among those known.

    A BIG-IP that made the capture says of each RST whether it sent it; one that it sent as an end of the connection is
    none of these, whatever its TTL. Where the RST's payload says that a BIG-IP made it, another initial TTL at the
    same distance is no sign: that BIG-IP may be the end itself.
    """

    causes = ("middlebox-reset",)
    after_handshake = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story = context.story
        reset = story.close
        if reset is None or not reset.is_rst or story.hello is None or is_big_ips_own(session, reset):
            return None
        sender = session.tcp.side(reset.side)
        signs = _signs(session, reset)
        if not signs or (story.established and not _is_before_use(story, signs)):
            return None
        if not story.established and session.quality.lost:
            return None  # what the capture lacks may have completed the handshake
        shown = [*signs, "fast"] if _is_too_fast(story, reset) else signs
        known = session.f5.reset(reset.frame) if session.f5 is not None else None
        said = read_cause_payload(reset.payload) or (known.cause if known is not None else None)
        if said is not None and "between" not in signs:
            shown = [*shown, "big-ip"]
        return failure(
            "middlebox-reset",
            Confidence.CERTAIN if len(signs) > 1 or signs[0] in _KNOWN else Confidence.LIKELY,
            Blame.NETWORK,
            (reset.time_ns, reset.frame),
            facts={
                "sender": reset.side.name.lower(),
                "ttl": reset.ttl,
                "ttls": ", ".join(str(t) for t in sender.ttls) or "?",
                "after_ms": ms(max(0, reset.time_ns - story.hello.time_ns)),
                "answer_ms": ms(_answer_ns(session) or 0),
                "reason": "" if said is None else said.reason,
            },
            evidence=(
                of_hello(story),
                *(Evidence(reset.frame, reset.time_ns, reset.side, _RESET_TEXTS[sign]) for sign in shown),
            ),
            alternatives=("server-reset",) if reset.side is Side.SERVER else ("client-abandoned",),
            stage=story.stage or Stage.SERVER_FINISHED,
            waiting_on=story.waiting_on or WaitingOn.NETWORK,
            variant="" if signs[0] == "ttl" else signs[0],
        )


def _is_before_use(story: Story, signs: list[str]) -> bool:
    """The handshake looks done, but no data went through, and the sender of the reset went on as if it knew of none."""
    return "after" in signs and story.tls is not None and not any(story.tls.data_from)


def _signs(session: Session, reset: CloseEvent) -> list[str]:
    """What on the reset says that another one sent it."""
    sender = session.tcp.side(reset.side)
    other = next((c for c in session.tcp.closes if c.is_rst and c.side is not reset.side), None)
    signs = []
    told = sign_of_another(session, reset)
    if told is not None:
        signs.append(told)
    is_same = read_cause_payload(reset.payload) is not None and same_distance(reset.ttl, sender.ttls)
    if sender.ttls and reset.ttl not in sender.ttls and not is_same:
        signs.append("ttl")
    if other is not None and abs(other.time_ns - reset.time_ns) <= AT_ONCE_NS:
        signs.append("both")
    if sender.last_data_ns is not None and sender.last_data_ns > reset.time_ns:
        signs.append("after")
    if not signs and _is_forwarded(sender) and sum(c.is_rst and c.side is reset.side for c in session.tcp.closes) == 1:
        signs.append("once")
    return signs


def _is_forwarded(sender: SideFacts) -> bool:
    """Captured on a router, on all interfaces: each of its packets is there before and behind it, one hop apart."""
    if (
        (sender.syn_count, sender.syn_copies) != (1, 1)
        or sender.syn_ns is None
        or sender.last_syn_ns is None
        or len(sender.ttls) != TWICE
    ):
        return False
    return sender.last_syn_ns - sender.syn_ns <= AT_ONCE_NS and abs(sender.ttls[0] - sender.ttls[1]) == 1


def _answer_ns(session: Session) -> int | None:
    """How long the server's SYN/ACK took, seen from where the capture was made."""
    client, server = session.tcp.client, session.tcp.server
    if client.syn_count != 1 or client.syn_ns is None or server.syn_ns is None:
        return None
    return server.syn_ns - client.syn_ns


def _is_too_fast(story: Story, reset: CloseEvent) -> bool:
    """It came in less than half the time in which the server can answer."""
    answer_ns = _answer_ns(story.session)
    if answer_ns is None or answer_ns < MEASURABLE_NS or story.hello is None or reset.side is not Side.SERVER:
        return False
    return 0 <= reset.time_ns - story.hello.time_ns < answer_ns // 2


_KNOWN: Final = frozenset(("came-in", "between"))
"""What the device that made the capture knows for sure."""
_RESET_TEXTS: Final = {
    "came-in": N_("RST in the BIG-IP's own name, which the BIG-IP received"),
    "between": N_("RST that the capturing BIG-IP made itself: {reason}"),
    "ttl": N_("RST with TTL {ttl}; the sender's own packets have {ttls}"),
    "both": N_("RST, and another one in the opposite direction at the same time"),
    "after": N_("RST, after which its sender went on sending"),
    "once": N_("RST, captured once; everything else from its sender was captured twice, before and behind this router"),
    "big-ip": N_("RST whose payload says that a BIG-IP made it: {reason}"),
    "fast": N_("RST {after_ms} ms after the ClientHello; the server's SYN/ACK took {answer_ms} ms"),
}


class ServerEnds(Rule):
    """The server resets or closes after the ClientHello without an alert.

    Also before the hello has arrived (they cross), in the middle of its own flight, and after the client's. After a
    wait in which it was the client's turn it is client-silent; with evidence on the RST it is middlebox-reset.
    """

    causes = ("server-reset", "server-closed")
    from_absence = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, end = context.story, context.story.end
        if end is None or end.side is not Side.SERVER or story.hello is None or story.alert is not None:
            return None
        cause = "server-reset" if end.how == "rst" else "server-closed"
        since = story.hello.time_ns if story.server_hello is None else story.progress_ns
        return failure(
            cause,
            Confidence.LIKELY,
            Blame.SERVER,
            (end.time_ns, end.frame),
            facts={
                "after_ms": ms(max(0, end.time_ns - since)),
                "waited_s": round(story.waited_ns / 1e9, 1),
                "ttl": _ttl(story.close),
            },
            evidence=(of_hello(story), of_server_hello(story), of_end(end)),
            alternatives=_alternatives(story, cause),
            stage=story.stage,
            waiting_on=story.waiting_on,
            variant="crossed"
            if end.time_ns < story.hello.time_ns
            else "flight"
            if story.server_hello is not None
            else "",
        )


def _ttl(close: CloseEvent | None) -> int | str:
    return close.ttl if close is not None else "?"


def _alternatives(story: Story, cause: str) -> tuple[str, ...]:
    first = ("middlebox-reset",) if cause == "server-reset" else ()
    return (*first, "proxy-header-missing") if story.server_hello is None else first


class UnreadableServerAlert(Rule):
    """An encrypted alert from the server in its own flight: which one cannot be told, so alert-other, possible.

    TLS 1.3: a record of an alert's size after the ServerHello, straight before the server's close (Go refusing ALPN,
    JSSE refusing signature algorithms). Up to TLS 1.2: a record of type 21 that is not in the clear, before the
    handshake was done.
    """

    causes = ("alert-other",)
    from_absence = True
    """That the client had not finished: where it may have, the alert is one of a session that worked."""

    def check(self, session: Session, context: Context) -> Finding | None:
        story, tls = context.story, session.tls
        if tls is None or story.server_hello is None or story.alert is not None:
            return None
        end, sized = story.end, tls.alert_sized[Side.SERVER]
        if end is not None and end.side is Side.CLIENT:
            answers = sized is None or sized.time_ns > end.time_ns or bool(first_tls13_records(tls, Side.CLIENT))
            if answers:
                return None
        hidden = next((a for a in tls.alerts if a.encrypted and a.side is Side.SERVER), None)
        if sized is not None and not self._was_waiting(story, sized.time_ns):
            time_ns, frame, length = sized.time_ns, sized.frame, sized.length
        elif hidden is not None:
            time_ns, frame, length = hidden.time_ns, hidden.frame, hidden.length
        else:
            return None
        return failure(
            "alert-other",
            Confidence.POSSIBLE,
            Blame.UNKNOWN,
            (time_ns, frame),
            facts={"length": length, "after_ms": ms(max(0, time_ns - story.server_hello.time_ns)), "sender": "server"},
            evidence=(
                of_hello(story),
                of_server_hello(story),
                Evidence(frame, time_ns, Side.SERVER, N_("encrypted record of {length} bytes, the size of an alert")),
                of_end(end),
            ),
            alternatives=("no-shared-alpn", "no-shared-signature-algorithm", "server-internal-error"),
            stage=Stage.SERVER_FLIGHT,
            waiting_on=WaitingOn.SERVER,
            variant="encrypted",
        )

    def _was_waiting(self, story: Story, time_ns: int) -> bool:
        """It came long after the flight: the server closed because the client did not go on."""
        flight = (
            [m.time_ns for m in story.tls.messages if m.side == Side.SERVER and m.time_ns < time_ns]
            if story.tls is not None
            else []
        )
        return bool(flight) and time_ns - max(flight) > 1_000_000_000
