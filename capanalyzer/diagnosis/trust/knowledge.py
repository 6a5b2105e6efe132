"""What sessions teach about certificates, issuers and clocks; a part of :class:`capanalyzer.diagnosis.knowledge`."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.story import Story
from capanalyzer.diagnosis.trust.accepted import Accepted
from capanalyzer.diagnosis.trust.clocks import Clocks
from capanalyzer.diagnosis.trust.glance import Glance
from capanalyzer.diagnosis.trust.issuers import Issuers
from capanalyzer.diagnosis.trust.paths import is_over
from capanalyzer.handshake.session import Side

__all__ = ["TrustKnowledge"]

EXPIRED: Final = 45


class TrustKnowledge:
    """Bounded, and the same in whatever order sessions are learned from."""

    __slots__ = ("accepted", "clocks", "issuers")

    def __init__(self) -> None:
        self.accepted = Accepted()
        self.issuers = Issuers()
        self.clocks = Clocks()

    def learn(self, story: Story, glance: Glance | None) -> None:
        """A session that does not simply work, or of which there is something to say.

        :param glance: at the server's chain, where one was seen.
        """
        session, tls = story.session, story.tls
        if tls is None:
            return
        if story.established and all(tls.data_from):
            self.accepted.learn(session)
        if glance is not None:
            if story.established and tls.data_from[Side.CLIENT]:
                self.issuers.learn_accepted(glance, session.client.ip, session.server)
            else:
                self.issuers.learn_shown(glance, session.server)
        hello = tls.client_hello
        if hello is None or story.hello is None or story.established:
            return
        alert = story.alert
        says_expired = alert is not None and alert.side is Side.CLIENT and alert.code == EXPIRED
        if says_expired and glance is not None and is_over(glance.chain[0], session.start_ns):
            says_expired = False
        refused = session.server.ip if says_expired else None
        self.clocks.learn(session.client.ip, story.hello.time_ns, hello.random, refused)

    def merge(self, other: TrustKnowledge) -> None:
        """Add what was learned from other sessions of the same capture."""
        self.accepted.merge(other.accepted)
        self.issuers.merge(other.issuers)
        self.clocks.merge(other.clocks)
