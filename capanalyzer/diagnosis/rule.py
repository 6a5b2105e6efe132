"""What a rule is: one cause (or one family of causes), decided from one session and what the capture knows.

A rule says no more than whether its cause explains the session. Which of several explanations counts is decided in
one place, by time and then by the order of :data:`capanalyzer.diagnosis.registry.RULES`; which outcome follows is
decided by the judge. Rules have no state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar

from capanalyzer.diagnosis.knowledge import Knowledge
from capanalyzer.diagnosis.lost import asked_in_vain
from capanalyzer.diagnosis.servers import ServerKnowledge
from capanalyzer.diagnosis.story import PATIENCE_NS, Story
from capanalyzer.diagnosis.trust.clocks import published_ns
from capanalyzer.diagnosis.trust.faults import DATES, Fault, faults
from capanalyzer.diagnosis.trust.paths import PathFinder
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Severity, Stage, WaitingOn
from capanalyzer.handshake.session import Session

__all__ = ["Context", "Rule", "failure"]


class Context:
    """What a rule may look at beside the session: its story, and what the rest of the capture shows."""

    __slots__ = ("finder", "knowledge", "story")

    def __init__(self, story: Story, knowledge: Knowledge, finder: PathFinder) -> None:
        self.knowledge = knowledge
        self.finder = finder
        """Looks at chains of certificates, and knows the roots."""
        self.story = story

    def certificate_faults(self) -> list[Fault]:
        """What is wrong with the server's chain for the name asked for, at the session's time; [] where none is
        visible.
        """
        story = self.story
        found = story.faults
        if found is None:
            session, tls = story.session, story.tls
            name = tls.client_hello.sni if tls is not None and tls.client_hello is not None else None
            chain = tls.certificates if tls is not None else ()
            found = faults(self.finder, chain, name, session.start_ns)
            if session.start_ns < published_ns(story.version):
                found = [fault for fault in found if fault.cause not in DATES]  # the capture's clock is wrong
            story.faults = found
        return found

    @property
    def may_have_gone_on(self) -> bool:
        """Nobody was seen to close, and when the last packet was seen others are known to have been lost: so may the
        rest of this session, for a burst takes all of a short one. Not of one that had asked in vain for long before.
        """
        session = self.story.session
        last_ns = session.end_ns
        may_go_on = self.story.is_open and not asked_in_vain(session)
        return may_go_on and self.knowledge.losses.any_between(last_ns, last_ns + PATIENCE_NS)

    @property
    def is_tls_port(self) -> bool:
        """The server's port is one where TLS is to be expected (see :class:`Knowledge`)."""
        return self.knowledge.is_tls_port(self.story.session.server)

    @property
    def server(self) -> ServerKnowledge | None:
        """What other sessions showed of this server; None where there were none."""
        return self.knowledge.server(self.story.session.server)


class Rule(ABC):
    """Base of all rules. The class docstring holds what maintainers need; users read the pages of its causes."""

    causes: ClassVar[tuple[str, ...]]
    """Identifiers it can give, each with a page in every language."""
    from_absence: ClassVar[bool] = False
    """Decides from something that was not there: asked only when the capture would have shown it."""
    after_handshake: ClassVar[bool] = False
    """Is asked of sessions with a completed handshake as well; all others only of those without."""
    compares: ClassVar[bool] = False
    """Its answer can change with what the rest of the capture shows, so the judge waits for that."""

    @abstractmethod
    def check(self, session: Session, context: Context) -> Finding | None:
        """The finding, when the cause explains this session; else None. Must not raise on any session."""


def failure(
    cause: str,
    confidence: Confidence,
    blame: Blame,
    at: tuple[int, int],
    *,
    facts: Mapping[str, str | int | float] | None = None,
    evidence: Iterable[Evidence | None] = (),
    alternatives: tuple[str, ...] = (),
    stage: Stage | None = None,
    waiting_on: WaitingOn | None = None,
    variant: str = "",
) -> Finding:
    """A finding that explains why the session failed.

    :param at: (time_ns, frame) of the event judged.
    :param evidence: what could not be seen is None and left out; it is shown in the order of the capture.
    """
    return Finding(
        cause,
        Severity.FAILURE,
        confidence,
        facts or {},
        tuple(sorted((e for e in evidence if e is not None), key=_frame_of)),
        alternatives,
        at[0],
        at[1],
        blame,
        stage,
        waiting_on,
        variant,
    )


def _frame_of(evidence: Evidence) -> int:
    return evidence.frame
