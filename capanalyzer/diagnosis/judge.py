"""Verdicts: which outcome a session had, and why.

An ordinary session, handshake complete and data both ways, leaves through :meth:`Judge.see` before any rule is asked.
Of all others the rules are asked (see :mod:`capanalyzer.diagnosis.registry` for how the cause is chosen), and what
no rule calls a failure is idle, plaintext, or incomplete. Whatever may still change with the rest of the capture
waits for :meth:`Judge.finish`; until then each session is judged alone, so that no verdict depends on which sessions
happened to end before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from capanalyzer.classify.tls_like import may_begin_tls
from capanalyzer.diagnosis.bulk import JudgedRun, Verdicts, judge_run, verdicts_of
from capanalyzer.diagnosis.f5.sides import both_sides
from capanalyzer.diagnosis.knowledge import Knowledge
from capanalyzer.diagnosis.registry import CAPTURE_RULES, RULES, WARNINGS
from capanalyzer.diagnosis.rule import Context, Rule
from capanalyzer.diagnosis.rules.first_bytes.telling import is_zeroed
from capanalyzer.diagnosis.rules.quality.cipher import is_weak_suite
from capanalyzer.diagnosis.rules.quality.warnings import SLOW_NS, TLS12
from capanalyzer.diagnosis.story import Story
from capanalyzer.diagnosis.trust.glance import Glances
from capanalyzer.diagnosis.trust.paths import PathFinder
from capanalyzer.diagnosis.trust.roots import Roots
from capanalyzer.diagnosis.verdict import Finding, Outcome, Stage, Verdict
from capanalyzer.handshake.departure import Departure, OrdinaryRun
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.handshake.session import Endpoint, Session, Side, TlsFacts
from capanalyzer.streams.flow import Ended
from capanalyzer.streams.holes import HOLE_NS
from capanalyzer.streams.share import BUCKETS

if TYPE_CHECKING:
    from capanalyzer.tls.certificates import CertificateFacts

__all__ = ["Judge", "left_without_request", "may_change"]

MAX_HELD: Final = 8192
"""Sessions kept for the comparison, about 10 kB each at most: of each bucket of streams an equal part. Those beyond
are judged alone."""

_NO_NAME: Final = (None, "unknown")
_SPEAKS_TLS: Final = frozenset(("tls", "sslv2", "tlcp"))


class Judge:
    """Judges the sessions of one capture, in the order in which they end."""

    def __init__(self, *, tls_ports: Iterable[int] = (), roots: Roots | None = None) -> None:
        """A judge.

        :param tls_ports: ports, beside the well-known ones, on which TLS is expected (``--tls-port``).
        :param roots: those that clients are expected to know; None: the public ones.
        """
        self.knowledge = Knowledge(tls_ports)
        """What was learned so far; where others learned from the rest of the capture, to be completed before
        :meth:`finish`."""
        self._nothing = Knowledge(tls_ports)
        self.judged_early = 0
        """Sessions judged before the capture's end because too many others were waiting."""
        self.told_apart = 0
        """Sessions that a BIG-IP proxies, told without what became of their other side for the same reason."""
        self._held: list[Story | tuple[Session, Verdict]] = []
        self._held_of = [0] * BUCKETS
        """How many of each bucket."""
        self._plain: dict[tuple[str, str | None], Verdict] = {}
        self._finder = PathFinder(roots or Roots())
        self._glances = Glances()

    def see(self, session: Session) -> Verdict | None:
        """Learn from a session and judge it; None when it is held for comparison until :meth:`finish`."""
        verdict = self._see_alone(session)
        facts = session.f5
        if verdict is None or facts is None or not facts.others:
            return verdict
        if not self._has_room(session):
            self.told_apart += 1
            return replace(verdict, other_leg=facts.others[0])
        self._hold_judged(session, verdict)
        return None

    def _see_alone(self, session: Session) -> Verdict | None:
        if type(session) is OrdinarySession:
            ordinary = self._verdicts_of(session.departure).all[session.number]
            if ordinary is not None:
                return ordinary
        if self._is_ordinary(session):
            self.knowledge.learn_ordinary(session)
            return self._established(session.first_close)
        return self._see(session)

    def _is_ordinary(self, session: Session) -> bool:
        """Handshake complete, data both ways, and nothing that is worth a word."""
        tls = session.tls
        if tls is None:
            return False
        handshake = tls.handshake
        done_ns, data = handshake.done_ns, handshake.data_from
        if done_ns is None or handshake.version is None:
            return False
        if not (data[0] and data[1]) and (session.first_close is not None or tls.alerts or not tls.carries_data):
            return False
        hello = tls.client_hello_message
        return (
            handshake.alert_sized[1] is None
            and handshake.version >= TLS12
            and hello is not None
            and done_ns - hello.time_ns < SLOW_NS
            and not is_weak_suite(handshake.suite)
            and (
                handshake.is_13
                or self._is_clean(tls.certificates, _name(tls), session.start_ns, session.client.ip, session.server)
            )
        )

    def see_run(self, run: OrdinaryRun) -> Iterator[JudgedRun | tuple[Session, Verdict | None]]:
        """The same for sessions that were taken the short way and are given one after the other: together those that
        simply work, each of the others alone.
        """
        for part in judge_run(run, self._verdicts_of):
            yield part if isinstance(part, JudgedRun) else (part, self.see(part))

    def _verdicts_of(self, departure: Departure) -> Verdicts:
        return verdicts_of(departure, self.knowledge, self._glances, self._established)

    def finish(self) -> Iterator[tuple[Session, Verdict]]:
        """The sessions that were held, judged with everything the capture showed, in the order they were seen."""
        held, self._held, self._held_of = deque(self._held), [], [0] * BUCKETS
        judged = self._finish(held)
        yield from both_sides(judged) if any(_has_other_side(one) for one in held) else judged

    def _finish(self, held: deque[Story | tuple[Session, Verdict]]) -> Iterator[tuple[Session, Verdict]]:
        while held:
            story = held.popleft()  # what is made of it now is not kept
            yield story if isinstance(story, tuple) else (story.session, self._compared(story))

    def _compared(self, story: Story) -> Verdict:
        """Judged with all that is known."""
        verdict, session = self._judge(Context(story, self.knowledge, self._finder)), story.session
        if verdict.outcome is not Outcome.FAILED:
            return verdict
        leg = self.knowledge.legs.other(session)
        return Verdict(
            verdict.outcome,
            verdict.stage,
            verdict.waiting_on,
            verdict.blame,
            verdict.closed_how,
            verdict.closed_who,
            verdict.findings,
            self.knowledge.successes.beside(session.client.ip, session.server),
            None if leg is None else leg.stream,
        )

    def limits(self) -> dict[str, int]:
        """Caps that were reached, and how often: ``held`` (sessions judged early), ``sides`` (told without their other
        side), ``servers`` (not learned from).
        """
        reached = {
            "held": self.judged_early,
            "sides": self.told_apart,
            "servers": self.knowledge.servers_left_out,
        }
        return {name: count for name, count in reached.items() if count}

    def _see(self, session: Session) -> Verdict | None:
        knowledge = self.knowledge
        knowledge.learn_traffic(session)
        story = Story(session)
        context = Context(story, self._nothing, self._finder)
        chain = session.tls.certificates if session.tls is not None else ()
        knowledge.trust.learn(story, self._glances.at(chain) if chain else None)
        if not story.established and story.hello is not None and (story.is_cut or (story.is_open and story.is_patient)):
            knowledge.learn_stall(session)
        if not story.established and story.hello is not None and story.sees_all and self._has_room(session):
            knowledge.legs.add(session)
            self._hold(story)  # it would be held in any case: judged once, when all is known
            return None
        verdict = self._judge(context)
        if story.established:
            knowledge.learn_established(session, left=left_without_request(story))
        else:
            knowledge.legs.add(session)
        if not may_change(context, verdict):
            return verdict
        if not self._has_room(session):
            self.judged_early += 1
            return verdict
        self._hold(story)
        return None

    def _has_room(self, session: Session) -> bool:
        return self._held_of[session.stream % BUCKETS] < max(1, MAX_HELD // BUCKETS)

    def _hold(self, story: Story) -> None:
        self._held_of[story.session.stream % BUCKETS] += 1
        story.session.shed()
        self._held.append(story)

    def _hold_judged(self, session: Session, verdict: Verdict) -> None:
        """Nothing more is to be found out of it; what became of its other side is."""
        self._held_of[session.stream % BUCKETS] += 1
        session.shed()
        self._held.append((session, verdict))

    def _established(self, close: tuple[bool, Side] | None) -> Verdict:
        """The verdict without findings, one object for each way of closing."""
        key = (
            _NOT_CLOSED
            if close is None
            else ("rst" if close[0] else "fin", "client" if close[1] is Side.CLIENT else "server")
        )
        verdict = self._plain.get(key)
        if verdict is None:
            verdict = self._plain[key] = Verdict(Outcome.ESTABLISHED, closed_how=key[0], closed_who=key[1])
        return verdict

    def _is_clean(
        self, chain: tuple[CertificateFacts, ...], name: str | None, at_ns: int, client: str, server: Endpoint
    ) -> bool:
        """The chain shows no fault for this name at this time. Each is looked at once; then a lookup tells."""
        if not chain:
            return True
        glance = self._glances.at(chain)
        if not glance.is_clean(name, at_ns):
            return False
        self.knowledge.trust.issuers.learn_accepted(glance, client, server)
        return True

    def _judge(self, context: Context) -> Verdict:
        story = context.story
        primary, rule = _primary(story, context)
        how, who = story.closed()
        if primary is not None and rule is not None:
            if story.close is None:
                how = "timeout" if rule.from_absence or primary.variant == "silence" else "none"
            if primary.cause == "middlebox-reset":
                who = "middlebox"
            return Verdict(
                Outcome.FAILED,
                primary.stage or story.stage,
                primary.waiting_on or story.waiting_on,
                primary.blame,
                how,
                who,
                (primary,),
            )
        if story.established:
            found = tuple(f for f in (rule.check(story.session, context) for rule in WARNINGS) if f is not None)
            return Verdict(Outcome.ESTABLISHED, closed_how=how, closed_who=who, findings=found)
        outcome = _without_failure(story, context)
        if outcome is not Outcome.INCOMPLETE:
            return Verdict(outcome, closed_how=how, closed_who=who)
        note = next(f for f in (rule.check(story.session, context) for rule in CAPTURE_RULES) if f is not None)
        return Verdict(outcome, story.stage, story.waiting_on, None, how, who, (note,))


_COMPARED: Final = frozenset(cause for rule in RULES if rule.compares for cause in rule.causes)

_ASKED: Final = {
    (established, sees_all): tuple(
        rule for rule in RULES if (rule.after_handshake or not established) and (sees_all or not rule.from_absence)
    )
    for established in (False, True)
    for sees_all in (False, True)
}
"""The rules to be asked of sessions with or without a completed handshake, of which all or not all was seen."""

_NOT_CLOSED: Final[tuple[str, str | None]] = ("none", None)


def _has_other_side(held: Story | tuple[Session, Verdict]) -> bool:
    facts = (held[0] if isinstance(held, tuple) else held.session).f5
    return facts is not None and bool(facts.others)


def _name(tls: TlsFacts) -> str | None:
    hello = tls.client_hello
    return None if hello is None else hello.sni


def _primary(story: Story, context: Context) -> tuple[Finding | None, Rule | None]:
    """The explanation of the earliest event; of several for one event the first in the order of the rules."""
    best: Finding | None = None
    by: Rule | None = None
    session = story.session
    for rule in _ASKED[story.established, story.sees_all and not context.may_have_gone_on]:
        found = rule.check(session, context)
        if found is not None and (best is None or (found.at_ns, found.at_frame) < (best.at_ns, best.at_frame)):
            best, by = found, rule
    return best, by


def _without_failure(story: Story, context: Context) -> Outcome:
    """Idle, plaintext or incomplete, for a session that nothing shows to have failed."""
    session = story.session
    if story.hello is not None or story.server_hello is not None:
        return Outcome.INCOMPLETE
    client, server = session.protocol
    sent, answered = session.payload_bytes
    quality = session.quality
    if client in _SPEAKS_TLS or (server in _SPEAKS_TLS and sent):
        return Outcome.PLAINTEXT if _imitates_tls(story) else Outcome.INCOMPLETE
    if not sent and (not answered or server in _SPEAKS_TLS):
        if quality.one_sided is not None or quality.lost:
            return Outcome.INCOMPLETE  # somebody did, and it was not captured
        if quality.starts_mid_session and story.connected_ns is None:
            return Outcome.INCOMPLETE
        return _without_payload(story, context)
    if may_begin_tls(session.first_bytes[Side.CLIENT] or b"") or is_zeroed(session):
        return Outcome.INCOMPLETE
    is_partial = quality.starts_mid_session or quality.truncated or quality.one_sided is not None or quality.lost
    if is_partial and (session.tls is not None or (client in _NO_NAME and server in _NO_NAME)):
        return Outcome.INCOMPLETE  # TLS was there, or who knows what
    upgrade = session.upgrade
    if upgrade is not None and upgrade.asked and upgrade.agreed and session.tls is None and story.is_open:
        return Outcome.INCOMPLETE
    if client is not None and server is None and context.is_tls_port and (story.is_open or not story.sees_all):
        return Outcome.INCOMPLETE
    return Outcome.PLAINTEXT


def _imitates_tls(story: Story) -> bool:
    """Whole from the SYN on, data records both ways, and no hello: what speaks like this is another protocol."""
    return story.sees_all and story.tls is not None and story.tls.handshake_done_ns is not None


def _without_payload(story: Story, context: Context) -> Outcome:
    """Nobody said anything that counts."""
    session = story.session
    if story.connected_ns is None and not session.tcp.server.syn_count:
        return Outcome.IDLE if context.knowledge.is_race_loser(session) else Outcome.INCOMPLETE
    if story.end is not None:
        return Outcome.IDLE  # also half-open probes: a RST answers the SYN/ACK
    quality = session.quality
    was_watched = quality.ended is Ended.IDLE and quality.watched_until_ns - session.end_ns > HOLE_NS
    return Outcome.IDLE if was_watched and story.connected_ns is not None else Outcome.INCOMPLETE


def left_without_request(story: Story) -> bool:
    """The client closed a completed handshake before it sent any data."""
    end, tls = story.end, story.tls
    return end is not None and end.side is Side.CLIENT and tls is not None and not tls.data_from[Side.CLIENT]


def may_change(context: Context, verdict: Verdict) -> bool:
    """The rest of the capture may still explain this session otherwise."""
    story = context.story
    if verdict.outcome is Outcome.ESTABLISHED:
        return left_without_request(story)  # did it often, or never before
    if verdict.outcome is Outcome.FAILED:
        return verdict.stage is not Stage.TCP_CONNECT or verdict.cause in _COMPARED
    if verdict.outcome is Outcome.INCOMPLETE and story.connected_ns is None:
        return True  # one direction alone: is the whole capture like that; did the client connect elsewhere
    # A server that says nothing, on a port that may turn out to speak TLS.
    unanswered = story.session.protocol[Side.SERVER] is None and story.tls is None
    return (
        unanswered
        and not context.is_tls_port
        and (story.end is not None or bool(story.session.payload_bytes[Side.CLIENT]))
    )
