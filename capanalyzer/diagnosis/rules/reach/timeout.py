"""tcp-connect-timeout and tcp-handshake-incomplete: nobody answered a step of the TCP handshake."""

from __future__ import annotations

from capanalyzer.diagnosis.evidence import of_syn, seconds
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.story import PATIENCE_NS, PROBE_COUNT, PROBE_SPAN_NS
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side, SideFacts
from capanalyzer.i18n import N_


def _is_proof(facts: SideFacts, watched_until_ns: int) -> bool:
    """SYNs sent often and long enough, or again and then silence watched long enough. One alone, never sent again, is
    no TCP that was waiting: a scan, a client that gave up at once, or a file that does not hold the rest.
    """
    if facts.syn_ns is None or facts.last_syn_ns is None:
        return False
    probed = facts.syn_count >= PROBE_COUNT and facts.last_syn_ns - facts.syn_ns >= PROBE_SPAN_NS
    return probed or (facts.syn_count > 1 and watched_until_ns - facts.last_syn_ns >= PATIENCE_NS)


class TcpConnectTimeout(Rule):
    """SYNs and nothing back.

    A capture in which every other session shows one direction only proves nothing by the silence of the other. A
    single SYN whose client connected elsewhere within 300 ms is the loser of a race between addresses (RFC 8305),
    not a failure.
    """

    causes = ("tcp-connect-timeout",)
    from_absence = True
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        client = session.tcp.client
        if not client.syn_count or session.packets[Side.SERVER] or client.syn_ns is None or client.last_syn_ns is None:
            return None
        until = session.quality.watched_until_ns
        if not _is_proof(client, until) or context.knowledge.is_one_sided_capture():
            return None
        if context.knowledge.is_race_loser(session):
            return None
        return failure(
            "tcp-connect-timeout",
            Confidence.LIKELY if client.syn_count >= PROBE_COUNT else Confidence.POSSIBLE,
            Blame.NETWORK,
            (max(until, client.last_syn_ns), client.syn_frame or 0),
            facts={
                "syn_count": client.syn_count,
                "span_s": seconds(client.last_syn_ns - client.syn_ns),
                "waited_s": seconds(max(until, client.last_syn_ns) - client.syn_ns),
            },
            evidence=(of_syn(session, Side.CLIENT, N_("SYN, sent {syn_count} times over {span_s} s, never answered")),),
            alternatives=("capture-one-sided",),
            stage=Stage.TCP_CONNECT,
            waiting_on=WaitingOn.SERVER,
        )


class TcpHandshakeIncomplete(Rule):
    """The SYN/ACK was repeated and never acknowledged.

    One SYN/ACK alone is no evidence: a server repeats it after a second unless the ACK reached it. A client that
    resets it is a half-open probe.
    """

    causes = ("tcp-handshake-incomplete",)
    from_absence = True

    def check(self, session: Session, context: Context) -> Finding | None:
        tcp = session.tcp
        server, client = tcp.server, tcp.client
        if server.syn_count < 2 or server.syn_ns is None or server.last_syn_ns is None or server.syn_frame is None:
            return None
        if tcp.handshake_ack_ns is not None or session.payload_bytes != (0, 0):
            return None
        if any(close.side is Side.CLIENT for close in tcp.closes):
            return None
        if not _is_proof(server, session.quality.watched_until_ns):
            return None
        return failure(
            "tcp-handshake-incomplete",
            Confidence.LIKELY,
            Blame.NETWORK,
            (server.last_syn_ns, server.syn_frame),
            facts={
                "syn_count": client.syn_count,
                "synack_count": server.syn_count,
                "span_s": seconds(server.last_syn_ns - server.syn_ns),
            },
            evidence=(
                of_syn(session, Side.CLIENT, N_("SYN")),
                Evidence(
                    server.syn_frame,
                    server.syn_ns,
                    Side.SERVER,
                    N_("SYN, ACK, sent {synack_count} times over {span_s} s, never acknowledged"),
                ),
            ),
            stage=Stage.TCP_CONNECT,
            waiting_on=WaitingOn.CLIENT,
        )
