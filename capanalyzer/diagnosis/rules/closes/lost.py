"""Segments that never arrive: client-hello-lost, large-client-hello-dropped, mtu-black-hole, server-flight-lost."""

from __future__ import annotations

from capanalyzer.diagnosis.evidence import of_ack, of_end, of_hello, of_server_hello, seconds
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.closes.segments import (
    full_size,
    gave_up,
    hello_end,
    is_full_size,
    spans_segments,
    too_big,
)
from capanalyzer.diagnosis.story import Story
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side, SideFacts
from capanalyzer.i18n import N_

_FLIGHT_STAGES = (Stage.SERVER_HELLO, Stage.SERVER_FLIGHT, Stage.CLIENT_FLIGHT, Stage.SERVER_FINISHED)


class MtuBlackHole(Rule):
    """Full-size segments of one side vanish while small ones pass.

    Three signs, any of them enough: ICMP that says so and is not heeded; the sender's capture, with its oldest
    unacknowledged segment full-size and sent again and again; the receiver's capture, with a hole of at least one
    full segment in front of what arrived, never filled and never acknowledged. Super-segments of an offloading host
    count as full.
    """

    causes = ("mtu-black-hole",)
    from_absence = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story = context.story
        if story.connected_ns is None and session.tcp.server.syn_count == 0:
            return None
        for side in (Side.CLIENT, Side.SERVER):
            facts = session.tcp.side(side)
            if (
                gave_up(facts, story)
                and is_full_size(session, facts.outstanding_length)
                and self._is_first(session, side)
            ):
                return self._finding(session, story, side, facts.outstanding_length, "sent")
        server = session.tcp.server
        if server.gap and not server.gap_acked and server.gap_at is not None:
            missing = server.gap_length if server.gap_length is not None else server.sent_until - server.gap_at
            if is_full_size(session, missing) and (story.end is not None or story.is_patient):
                return self._finding(session, story, Side.SERVER, missing, "hole")
        error = too_big(session)
        if error is not None and (story.end is not None or story.is_patient) and self._is_stuck(session):
            return self._finding(session, story, Side.SERVER, 0, "icmp")
        return None

    def _is_first(self, session: Session, side: Side) -> bool:
        """Of a ClientHello only the first part: when later ones alone are lost, the size of the hello is the matter."""
        client = session.tcp.client
        return side is Side.SERVER or client.acked_bytes == 0 or client.acked_bytes >= hello_end(session)

    def _is_stuck(self, session: Session) -> bool:
        """Something sent was never acknowledged."""
        return any(facts.outstanding_length > 0 for facts in (session.tcp.client, session.tcp.server))

    def _finding(self, session: Session, story: Story, side: Side, length: int, variant: str) -> Finding:
        facts = session.tcp.side(side)
        error = too_big(session)
        from ipaddress import ip_address

        return failure(
            "mtu-black-hole",
            Confidence.CERTAIN if error is not None else Confidence.LIKELY,
            Blame.NETWORK,
            (story.progress_ns, story.hello.frame if story.hello is not None else 0),
            facts={
                "sender": side.name.lower(),
                "length": length,
                "full": full_size(session),
                "mss": min([m for m in (session.tcp.client.mss, session.tcp.server.mss) if m], default=0) or "?",
                "transmissions": facts.last_transmissions,
                "span_s": seconds(facts.last_transmission_span_ns),
                "gap_at": facts.gap_at if facts.gap_at is not None else "?",
                "mtu": error.mtu if error is not None else "?",
                "reporter": str(ip_address(error.reporter)) if error is not None else "?",
            },
            evidence=(
                of_hello(story),
                of_ack(story),
                Evidence(error.frame, error.time_ns, None, N_("ICMP from {reporter}: packet too big, next MTU {mtu}"))
                if error is not None
                else None,
                of_server_hello(story),
                of_end(story.end),
            ),
            alternatives=()
            if error is not None
            else ("server-flight-lost",)
            if side is Side.SERVER
            else ("client-hello-lost",),
            stage=story.stage,
            waiting_on=WaitingOn.NETWORK,
            variant=variant,
        )


class ClientHelloLost(Rule):
    """The ClientHello is retransmitted and never acknowledged, or only its first part is.

    Nothing acknowledged: client-hello-lost (full-size first segments belong to mtu-black-hole). The first part
    acknowledged and the rest not: large-client-hello-dropped. A server that resets a hello in several segments,
    while it answers smaller ones, is large-client-hello-dropped too; that takes the comparison.
    """

    causes = ("client-hello-lost", "large-client-hello-dropped")
    from_absence = True
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, client = context.story, session.tcp.client
        end = story.end
        total = hello_end(session)
        if total == 0 or story.server_hello is not None or session.payload_bytes[Side.SERVER]:
            return None
        was_reset = end is not None and end.side is Side.SERVER and end.how == "rst"
        if was_reset:
            known = context.server
            smaller_work = known is not None and 0 < known.largest_hello < total - 9
            if spans_segments(session) and (client.acked_bytes < total or smaller_work) and smaller_work:
                return self._finding(session, story, "large-client-hello-dropped", total, "reset")
            return None
        if story.hello is None:
            return self._partial(session, story, total)
        if not gave_up(client, story):
            return None
        if client.acked_bytes == 0:
            return self._finding(session, story, "client-hello-lost", total, "")
        if client.acked_bytes < total and spans_segments(session):
            return self._finding(session, story, "large-client-hello-dropped", total, "")
        return None

    def _partial(self, session: Session, story: Story, total: int) -> Finding | None:
        """Captured near the server: the first segments arrived, the rest did not, and somebody gave up waiting."""
        client = session.tcp.client
        arrived = client.stream_bytes
        if not spans_segments(session) or not is_full_size(session, arrived) or arrived >= total:
            return None
        if story.end is None and not story.is_patient:
            return None
        return self._finding(session, story, "large-client-hello-dropped", total, "arrived")

    def _finding(self, session: Session, story: Story, cause: str, total: int, variant: str) -> Finding:
        client, hello = session.tcp.client, story.hello
        known = hello is not None
        at = (hello.time_ns, hello.frame) if hello is not None else (story.progress_ns, 0)
        text = N_("ClientHello of {length} bytes, sent {transmissions} times over {span_s} s")
        return failure(
            cause,
            Confidence.LIKELY if known else Confidence.POSSIBLE,
            Blame.NETWORK,
            at,
            facts={
                "length": total,
                "acked": client.acked_bytes if known else client.stream_bytes,
                "transmissions": client.last_transmissions,
                "span_s": seconds(client.last_transmission_span_ns),
                "waited_s": seconds(story.waited_ns),
            },
            evidence=(
                Evidence(hello.frame, hello.time_ns, Side.CLIENT, text) if hello is not None else None,
                of_ack(story) if client.acked_bytes else None,
                of_end(story.end),
            ),
            alternatives=("server-silent",) if cause == "client-hello-lost" else ("mtu-black-hole",),
            stage=Stage.SERVER_HELLO,
            waiting_on=WaitingOn.NETWORK,
            variant=variant,
        )


class ServerFlightLost(Rule):
    """The server's flight stops part-way and the rest never arrives.

    Its segments are sent again without an acknowledgement, a hole stays open, or everything that was sent arrived and
    the flight is still not complete. Size as the reason is for mtu-black-hole, which is asked first.
    """

    causes = ("server-flight-lost",)
    from_absence = True
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, server = context.story, session.tcp.server
        if story.stage not in _FLIGHT_STAGES or story.hello is None or story.alert is not None:
            return None
        sent_again = server.outstanding_length > 0 and gave_up(server, story)
        hole = server.gap and not server.gap_acked and (story.end is not None or story.is_patient)
        end = story.end
        stops = story.stage is Stage.SERVER_FLIGHT and story.is_patient and (end is None or end.side is Side.CLIENT)
        if stops and end is None and context.knowledge.is_trimmed():
            return None
        if not (sent_again or hole or stops) or (story.server_hello is None and not hole and not sent_again):
            return None
        return failure(
            "server-flight-lost",
            Confidence.LIKELY if sent_again or hole else Confidence.POSSIBLE,
            Blame.NETWORK if sent_again or hole else Blame.UNKNOWN,
            (story.progress_ns, story.hello.frame),
            facts=self._facts(server, story),
            evidence=(of_hello(story), of_server_hello(story), of_end(story.end)),
            alternatives=("mtu-black-hole",) if sent_again or hole else ("server-silent", "client-abandoned"),
            stage=_stage(story),
            waiting_on=WaitingOn.NETWORK if sent_again or hole else WaitingOn.SERVER,
            variant="sent" if sent_again else "hole" if hole else "",
        )

    def _facts(self, server: SideFacts, story: Story) -> dict[str, str | int | float]:
        return {
            "length": server.outstanding_length,
            "transmissions": server.last_transmissions,
            "span_s": seconds(server.last_transmission_span_ns),
            "gap_at": server.gap_at if server.gap_at is not None else "?",
            "received": server.stream_bytes,
            "waited_s": seconds(story.waited_ns),
        }


def _stage(story: Story) -> Stage:
    """Which of the server's parts is missing."""
    if story.server_hello is None:
        return Stage.SERVER_HELLO
    return Stage.SERVER_FINISHED if story.stage is Stage.SERVER_FINISHED else Stage.SERVER_FLIGHT
