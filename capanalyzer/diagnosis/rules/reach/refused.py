"""tcp-connect-refused."""

from __future__ import annotations

from capanalyzer.diagnosis.evidence import ms, of_syn
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side
from capanalyzer.i18n import N_
from capanalyzer.streams.flow import ACK


class TcpConnectRefused(Rule):
    """A RST answers the SYN (RFC 9293 section 3.5.2, group 1): no SYN/ACK, nothing else from the server.

    Whether the host or a device in front of it sent the RST is not decided: there is no packet of the host to
    compare its TTL with.
    """

    causes = ("tcp-connect-refused",)

    def check(self, session: Session, context: Context) -> Finding | None:
        client, server = session.tcp.client, session.tcp.server
        if not client.syn_count or server.syn_count or session.payload_bytes[Side.SERVER]:
            return None
        reset = next((c for c in session.tcp.closes if c.is_rst and c.side is Side.SERVER), None)
        if reset is None or client.syn_ns is None or reset.time_ns < client.syn_ns:
            return None
        if not reset.flags & ACK and reset.seq:
            return (
                None  # it answers something that acknowledged (RFC 9293 section 3.5.2, group 3), which was not captured
            )
        if client.isn is not None and reset.ack not in (0, (client.isn + 1) & 0xFFFFFFFF) and not client.data_in_syn:
            return None  # a RST about something else: a half-open connection that was there before
        closes = sum(close.side is Side.CLIENT for close in session.tcp.closes)
        if session.packets[Side.CLIENT] > client.syn_count + client.syn_copies + closes:
            return None  # it acknowledged something: the SYN/ACK was not captured
        return failure(
            "tcp-connect-refused",
            Confidence.CERTAIN,
            Blame.SERVER,
            (reset.time_ns, reset.frame),
            facts={"answered_ms": ms(reset.time_ns - client.syn_ns), "ttl": reset.ttl},
            evidence=(
                of_syn(session, Side.CLIENT, N_("SYN")),
                Evidence(reset.frame, reset.time_ns, Side.SERVER, N_("RST in answer to the SYN (TTL {ttl})")),
            ),
            stage=Stage.TCP_CONNECT,
            waiting_on=WaitingOn.SERVER,
        )
