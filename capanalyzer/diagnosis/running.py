"""Verdicts on a capture that goes on: of sessions that are open, and of those that left, compared with what is known.

A :class:`~capanalyzer.diagnosis.judge.Judge` waits for the capture's end with whatever the rest of it may explain
otherwise. :class:`RunningJudge` says at once what it thinks, keeps the session for a while, and thinks again. At the
end of a capture that was shorter than that it thinks what the other one does.

What is known of servers and clients is that of the last half hour to hour: from its half on every generation of
knowledge has a younger one beside it that learns too and takes its place. So knowledge neither grows nor becomes stale.
What tells two legs of one session is that of the latest sessions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from capanalyzer.diagnosis.bulk import JudgedRun, Verdicts, judge_run, teach
from capanalyzer.diagnosis.judge import Judge, left_without_request, may_change
from capanalyzer.diagnosis.knowledge import Knowledge
from capanalyzer.diagnosis.legs import Legs
from capanalyzer.diagnosis.rule import Context
from capanalyzer.diagnosis.story import Story
from capanalyzer.diagnosis.timers import next_timer_ns
from capanalyzer.diagnosis.trust.roots import Roots
from capanalyzer.diagnosis.verdict import Outcome, Verdict
from capanalyzer.handshake.departure import Departure, OrdinaryRun
from capanalyzer.handshake.session import Session

__all__ = ["Again", "Held", "RunningJudge", "Thought"]

GENERATION_NS: Final = 3_600 * 10**9
"""How old knowledge becomes."""
AGAIN_NS: Final = (10 * 10**9, 60 * 10**9, 300 * 10**9)
"""When a session that left is thought of again; after the last time its verdict is final."""
MAX_HELD: Final = 4_096
"""Sessions that left and are kept for that, about 10 kB each at most; beyond them the oldest one's verdict is final."""
AT_ONCE: Final = 200
"""So many in one call; the others' turn comes with the next one."""
_SIDES, _ALL = 1, 2
"""What was learned from a session: bits."""


class Thought(NamedTuple):
    """What is thought of a session now."""

    verdict: Verdict
    story: Story | None
    """None of one that simply works."""
    may_change: bool
    """By what other sessions show."""
    learned: int
    """To be given when it is thought of again."""
    timer_ns: int | None
    """When silence may say more; None: never."""


class Held:
    """A session that left and is thought of again."""

    __slots__ = ("left_ns", "story", "told")

    def __init__(self, story: Story, told: int, left_ns: int) -> None:
        self.story, self.left_ns = story, left_ns
        self.told = told
        """What was told of it, a number of whoever tells."""

    @property
    def session(self) -> Session:
        """Its facts."""
        return self.story.session


class Again(NamedTuple):
    """What is thought of it."""

    held: Held
    verdict: Verdict
    final: bool


class RunningJudge(Judge):
    """Judges the sessions of a capture that goes on."""

    def __init__(
        self, *, tls_ports: Iterable[int] = (), roots: Roots | None = None, may_be_trimmed: bool = True
    ) -> None:
        """A judge.

        :param may_be_trimmed: the packets may come from a file of which somebody kept the beginnings of connections
            only. Of an interface that is watched nobody cuts anything away: handshakes that stop there did stop,
            however many they are.
        """
        ports = tuple(tls_ports)
        self._may_be_trimmed = may_be_trimmed
        super().__init__(tls_ports=ports, roots=roots)
        self._ports = ports
        self._legs = Legs(goes_on=True)
        """Of all generations: two legs lie seconds apart."""
        self.knowledge.legs = self._legs
        self._younger: Knowledge | None = None
        self._began_ns: int | None = None
        """When what is known now was begun."""
        self._waiting: tuple[deque[Held], ...] = tuple(deque() for _ in AGAIN_NS)
        """By which of the times comes next."""
        self.held_early = 0
        """Sessions of which the verdict became final early, because too many others were waiting."""

    @property
    def held(self) -> int:
        """Sessions that left and are kept."""
        return sum(map(len, self._waiting))

    def look(self, session: Session, now_ns: int, *, learned: int) -> Thought:
        """Think of a session that is open; learn from it when it is established."""
        self._age(now_ns)
        if self._is_ordinary(session):
            if not learned & _ALL:
                self._learn_ordinary(session)
            return Thought(self._established(session.first_close), None, False, _ALL, None)
        if not learned & _SIDES and self._learn_sides(session):
            learned |= _SIDES
        story = Story(session)
        verdict, changes = self._think(story)
        if verdict.outcome is Outcome.ESTABLISHED and not learned & _ALL:
            self._learn(story, learned)
            learned |= _ALL
        return Thought(verdict, story, changes, learned, next_timer_ns(story, now_ns))

    def look_run(self, run: OrdinaryRun, now_ns: int) -> Iterator[JudgedRun | tuple[Session, Thought]]:
        """Think of sessions that were taken the short way, and learn from them: together of those that simply work."""
        self._age(now_ns)
        for part in judge_run(run, self._verdicts_of):
            yield part if isinstance(part, JudgedRun) else (part, self.leave(part, now_ns, learned=0))

    def leave(self, session: Session, now_ns: int, *, learned: int) -> Thought:
        """Think of a session that is over, and learn from it what was not learned before."""
        self._age(now_ns)
        if self._is_ordinary(session):
            if not learned & _ALL:
                self._learn_ordinary(session)
            return Thought(self._established(session.first_close), None, False, _ALL, None)
        story = Story(session)
        if not learned & _ALL:
            self._learn(story, learned)
        verdict, changes = self._think(story)
        return Thought(verdict, story, changes, _ALL, None)

    def hold(self, story: Story, told: int, now_ns: int) -> None:
        """Keep a session that left, to think of it again.

        :param told: see :class:`Held`.
        """
        story.session.shed()
        self._waiting[0].append(Held(story, told, now_ns))

    def again(self, now_ns: int) -> Iterator[Again]:
        """Sessions that left whose time has come, or for which there is no more room."""
        for turn, (waiting, after_ns) in enumerate(zip(self._waiting, AGAIN_NS, strict=True)):
            for _ in range(AT_ONCE):
                if not waiting or waiting[0].left_ns + after_ns > now_ns:
                    break
                held = waiting.popleft()
                final = turn + 1 == len(AGAIN_NS)
                yield Again(held, self._compared(held.story), final)
                if not final:
                    self._waiting[turn + 1].append(held)
        while self.held > MAX_HELD:
            held = next(waiting for waiting in reversed(self._waiting) if waiting).popleft()
            self.held_early += 1
            yield Again(held, self._compared(held.story), final=True)

    def end(self) -> Iterator[Again]:
        """The run is over: the last word on all that is kept."""
        for waiting in reversed(self._waiting):
            while waiting:
                held = waiting.popleft()
                yield Again(held, self._compared(held.story), final=True)

    def begin_anew(self, now_ns: int) -> None:
        """The clock was set back to this time; what is known stays, as if it had been learned then."""
        self._began_ns = now_ns

    def _think(self, story: Story) -> tuple[Verdict, bool]:
        """As the judge of a whole capture: alone where no other session can say more, else with all that is known."""
        if not story.established and story.hello is not None and story.sees_all:
            return self._compared(story), True
        context = Context(story, self._nothing, self._finder)
        verdict = self._judge(context)
        return (self._compared(story), True) if may_change(context, verdict) else (verdict, False)

    # -- learning ----------------------------------------------------------------------------------

    def _age(self, now_ns: int) -> None:
        if self._began_ns is None:
            self._began_ns = now_ns
        age_ns = now_ns - self._began_ns
        if self._younger is None and age_ns >= GENERATION_NS // 2:
            self._younger = Knowledge(self._ports)
            self._younger.legs = self._legs
        if self._younger is not None and age_ns >= GENERATION_NS:
            self.knowledge, self._younger = self._younger, None
            self._began_ns = now_ns - GENERATION_NS // 2

    def _learn_ordinary(self, session: Session) -> None:
        self.knowledge.learn_ordinary(session)
        if self._younger is not None:
            self._younger.learn_ordinary(session)
            chain = session.tls.certificates if session.tls is not None else ()
            if chain:
                self._younger.trust.issuers.learn_accepted(self._glances.at(chain), session.client.ip, session.server)

    def _verdicts_of(self, departure: Departure) -> Verdicts:
        is_new = "verdicts" not in departure.made
        verdicts = super()._verdicts_of(departure)
        if is_new and self._younger is not None:
            odd = frozenset(verdicts.odd)
            teach(departure, odd, self._younger)
            issuers, clients, servers = self._younger.trust.issuers, departure.clients, departure.servers
            for at, chain in enumerate(departure.chains):
                if chain and at not in odd:
                    issuers.learn_accepted(self._glances.at(chain), clients[at], servers[at])
        return verdicts

    def _learn_sides(self, session: Session) -> bool:
        if self._younger is not None:
            self._younger.learn_sides(session)
        return self.knowledge.learn_sides(session)

    def _learn(self, story: Story, learned: int) -> None:
        session = story.session
        chain = session.tls.certificates if session.tls is not None else ()
        glance = self._glances.at(chain) if chain else None
        if not story.established:
            self._legs.add(session)
        for knowledge in (self.knowledge,) if self._younger is None else (self.knowledge, self._younger):
            if not learned & _SIDES:
                knowledge.learn_sides(session)
            knowledge.learn_answers(session)
            knowledge.trust.learn(story, glance)
            if story.established:
                knowledge.learn_established(session, left=left_without_request(story))
            elif (
                self._may_be_trimmed
                and story.hello is not None
                and (story.is_cut or (story.is_open and story.is_patient))
            ):
                knowledge.learn_stall(session)
