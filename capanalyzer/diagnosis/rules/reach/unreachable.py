"""tcp-connect-unreachable."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import of_syn
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side
from capanalyzer.i18n import N_
from capanalyzer.packets.table import IcmpError

_UNREACHABLE_V4: Final = {
    0: "network unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    5: "source route failed",
    6: "destination network unknown",
    7: "destination host unknown",
    8: "source host isolated",
    9: "network administratively prohibited",
    10: "host administratively prohibited",
    11: "network unreachable for this service",
    12: "host unreachable for this service",
    13: "communication administratively prohibited",
    14: "host precedence violation",
    15: "precedence cutoff in effect",
}
"""Codes of ICMP type 3 (RFC 792, RFC 1122, RFC 1812) but 4, fragmentation needed."""
_UNREACHABLE_V6: Final = {
    0: "no route to destination",
    1: "administratively prohibited",
    2: "beyond scope of source address",
    3: "address unreachable",
    4: "port unreachable",
    5: "source address failed policy",
    6: "reject route to destination",
    7: "error in source routing header",
}
"""Codes of ICMPv6 type 1 (RFC 4443, RFC 7112)."""


def unreachable_name(error: IcmpError) -> str | None:
    """What an ICMP error says when it says that the destination cannot be reached; else None."""
    if error.version == 4:
        return _UNREACHABLE_V4.get(error.code) if error.type == 3 else None
    return _UNREACHABLE_V6.get(error.code) if error.type == 1 else None


class TcpConnectUnreachable(Rule):
    """ICMP destination unreachable quotes the SYN, and no SYN/ACK came.

    Time exceeded (type 11, ICMPv6 3) is left out: it is how traceroute with SYNs works.
    """

    causes = ("tcp-connect-unreachable",)

    def check(self, session: Session, context: Context) -> Finding | None:
        client, server = session.tcp.client, session.tcp.server
        if not session.tcp.icmp or not client.syn_count or server.syn_count or session.payload_bytes[Side.SERVER]:
            return None
        for error in session.tcp.icmp:
            name = unreachable_name(error)
            if name is None or (
                error.quoted_seq is not None and client.isn is not None and error.quoted_seq != client.isn
            ):
                continue
            from ipaddress import ip_address

            return failure(
                "tcp-connect-unreachable",
                Confidence.CERTAIN,
                Blame.NETWORK,
                (error.time_ns, error.frame),
                facts={"icmp": name, "reporter": str(ip_address(error.reporter))},
                evidence=(
                    of_syn(session, Side.CLIENT, N_("SYN")),
                    Evidence(error.frame, error.time_ns, None, N_("ICMP from {reporter}: {icmp}")),
                ),
                stage=Stage.TCP_CONNECT,
                waiting_on=WaitingOn.SERVER,
            )
        return None
