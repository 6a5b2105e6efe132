"""Captures as a BIG-IP makes them: a proxy with both of its sides, and behind each packet what a BIG-IP writes there.

The sessions are real, the proxy is HAProxy, and the trailers are crafted (:mod:`lab.f5_trailers`): no BIG-IP took part.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab import f5_trailers as f5
from lab import servers
from lab.case import Expected, case, failed, ok, unreached
from lab.net import Lab
from lab.session import play, session

if TYPE_CHECKING:
    from scapy.packet import Packet

__all__ = ["Dress", "dress"]

CLIENT_VLAN, SERVER_VLAN = 4094, 4093
FIRST_FLOW = 0x5601B5850000
COMMAND = "tcpdump -nni 0.0:{noise} -s0 -w /var/tmp/case.pcap host {address}"
KEYS = bytes(range(0xA0, 0xD0))
"""In the place of secrets: no session's."""
CRAFTED = (
    "each packet was put into an Ethernet frame with the tag of its side, and got a crafted {form} trailer behind it "
    "({noise}); the first frame is a crafted record about the capture.{more}"
)
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16


@dataclass(frozen=True, slots=True)
class Dress:
    """How a capture is to look."""

    noise: str = "nnnp"
    virtual_server: str = "/Common/vs_www"
    legacy: bool = False
    closed: str = "No local listener"
    """Why a SYN is answered by a RST."""
    relayed: str = "TCP RST from remote system"
    """Why a connection of a client is reset, where its other side was."""
    in_payload: bool = False
    """Reasons stand in the RST as well."""
    keys: bool = False


@dataclass(slots=True)
class Flow:
    """A connection on its way through the file."""

    number: int
    is_client_side: bool
    ends: tuple[str, int, str, int]
    """Its client's and its server's address and port."""
    virtual_server: str
    answered: bool = False
    other: Flow | None = None
    other_was_reset: bool = False
    is_over: bool = False

    @property
    def flow_id(self) -> int:
        return FIRST_FLOW + 0x1000 * self.number

    def peer(self) -> f5.Peer | None:
        """The other side, as the BIG-IP sees it there."""
        if self.other is None:
            return None
        opener, opener_port, listener, listener_port = self.other.ends
        if self.is_client_side:
            return f5.Peer(listener, listener_port, opener, opener_port, SERVER_VLAN)
        return f5.Peer(opener, opener_port, listener, listener_port, CLIENT_VLAN)


def dress(look: Dress) -> Callable[[Lab], None]:
    """An edit for a case whose capture was made on all interfaces of the router."""

    def apply(lab: Lab) -> None:
        from scapy.layers import inet, l2  # noqa: F401 - what the packets are made of
        from scapy.utils import rdpcap

        plan = lab.plan
        packets = list(rdpcap(str(lab.raw)))
        made = _Dresser(look, plan.proxy, plan.router_inside).frames(packets)
        first = f5.pseudo_packet(COMMAND.format(noise=look.noise, address=plan.client))
        records = [(made[0][0], first), *made]
        parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)]
        for time_ns, frame in records:
            seconds, rest = divmod(time_ns, 10**9)
            parts.append(struct.pack("<IIII", seconds, rest, len(frame), len(frame)) + frame)
        lab.raw.write_bytes(b"".join(parts))

    return apply


class _Dresser:
    def __init__(self, look: Dress, outside: str, inside: str) -> None:
        self._look, self._outside, self._inside = look, outside, inside
        self._flows: dict[frozenset[tuple[str, int]], Flow] = {}
        self._last_client: Flow | None = None

    def frames(self, packets: Sequence[Packet]) -> list[tuple[int, bytes]]:
        from scapy.layers.inet import IP, TCP

        made = []
        for packet in packets:
            if packet.haslayer(TCP) and packet.haslayer(IP):
                ip = packet[IP].copy()
                frame = self._frame(ip) if {ip.src, ip.dst} & {self._outside, self._inside} else b""
                if frame:
                    made.append((int(packet.time * 10**9), frame))
        return made

    def _frame(self, ip: Packet) -> bytes:
        from scapy.layers.inet import IP, TCP
        from scapy.packet import Raw

        tcp = ip[TCP]
        flags, ingress = int(tcp.flags), ip.dst in {self._outside, self._inside}
        flow = self._flow(ip, flags)
        cause, reason, relayed = b"", "", False
        if flow.is_over:
            return b""
        if flow.other_was_reset and not ingress and flags & (_FIN | _RST):
            tcp.flags = flags = _RST | _ACK  # HAProxy closes first
            flow.is_over = True
        if flags & _RST and not ingress:
            relayed = flow.other_was_reset
            reason = "" if flow.answered and not relayed else self._look.relayed if relayed else self._look.closed
        if reason:
            cause = f5.cause_block(reason, peer=relayed)
            if self._look.in_payload:
                tcp.remove_payload()
                ip = ip / Raw(f5.cause_text(reason, peer=relayed))
                del ip[IP].len, ip[IP].chksum, ip[TCP].chksum
        if flags & _RST and ingress and flow.other is not None:
            flow.other.other_was_reset = True
        unknown = (ingress and flags & (_SYN | _ACK) == _SYN) or (not flow.answered and flags & _RST)
        flow.answered = flow.answered or flags & (_SYN | _ACK) == _SYN | _ACK
        say = f5.Saying(
            ingress=ingress,
            slot=1,
            tmm=flow.number % 2,
            virtual_server="" if unknown else flow.virtual_server,
            flow=0 if unknown else flow.flow_id,
            peer=0 if unknown or flow.other is None else flow.other.flow_id,
            flags_low=0x800000A4,
            cause=cause,
            other=None if unknown else flow.peer(),
            ports=("1.1" if flow.is_client_side else "1.2",),
        )
        if flow.other is not None:
            say = replace(say, tmm=min(flow.number, flow.other.number) % 2)
        more = (f5.dpt_tls13((KEYS,) * 4, bytes(32), bytes(32)),) if self._look.keys and not unknown else ()
        trailer = f5.legacy(say) if self._look.legacy else f5.dpt(say, *more)
        vlan = CLIENT_VLAN if flow.is_client_side else SERVER_VLAN
        frame = bytes.fromhex("020000000002 020000000001 8100") + struct.pack(">H", vlan) + b"\x08\x00" + bytes(ip)
        return frame + bytes(max(0, 60 - len(frame))) + trailer

    def _flow(self, ip: Packet, flags: int) -> Flow:
        from scapy.layers.inet import TCP

        tcp = ip[TCP]
        key = frozenset(((ip.src, tcp.sport), (ip.dst, tcp.dport)))
        flow = self._flows.get(key)
        if flow is not None:
            return flow
        outside = self._outside in (ip.src, ip.dst)
        ends = (ip.src, tcp.sport, ip.dst, tcp.dport)
        flow = self._flows[key] = Flow(len(self._flows) + 1, outside, ends, self._look.virtual_server)
        if outside:
            self._last_client = flow
        elif self._last_client is not None:
            flow.other, self._last_client.other = self._last_client, flow
        return flow


def proxied(lab: Lab, settings: str, behind: str) -> None:
    """HAProxy in the BIG-IP's place, byte by byte."""
    servers.haproxy(lab, ((443, settings),), role="router", backend=f"retries 0\n  {behind}", mode="tcp")


@case(
    "big-ip-plaintext-member",
    "A BIG-IP's capture of both sides: clients are served over TLS, the pool member on 8443 answers in plaintext HTTP",
    "HAProxy on the router ends the clients' TLS and speaks TLS to a port of nginx that does not; captured on all of "
    "the router's interfaces; curl and openssl s_client.",
    "haproxy",
    "nginx",
    "curl",
    "openssl",
    edit=dress(Dress()),
    edited=CRAFTED.format(form="DPT (14.0 and later)", noise="noise high, with peer", more=""),
)
def plaintext_member(lab: Lab) -> list[Expected]:
    servers.nginx(lab, (), port=8443, flags="", lines="ssl_protocols TLSv1.2;")
    member = f"server one {lab.plan.server}:{lab.plan.port(8443)} ssl verify none"
    proxied(lab, f"ssl crt {lab.pki.leaf().both}", member)
    refused = failed("tls-to-http-port", "first-bytes", server="http-response", sni=None)
    rows = [
        session("curl", "1.3", ok(), host=lab.plan.proxy, answered=False),
        session("openssl", "1.2", ok("1.2"), host=lab.plan.proxy, answered=False),
    ]
    with lab.capture("router", "any"):
        labels = play(lab, rows)
    return [one for label in labels for one in (label, refused)]


@case(
    "big-ip-no-listener",
    "A BIG-IP's capture of 13.1: nothing listens on the port that three clients ask, and TLS on 443 works",
    "HAProxy on the router; curl to 443 and to a port where nothing listens; captured on the router.",
    "haproxy",
    "curl",
    edit=dress(Dress(noise="nnn", legacy=True, in_payload=True)),
    edited=CRAFTED.format(
        form="legacy (13.1)", noise="noise high", more=" RSTs carry their reason in their payload as well."
    ),
)
def no_listener(lab: Lab) -> list[Expected]:
    servers.haproxy(lab, ((443, f"ssl crt {lab.pki.leaf().both}"),), role="router")
    closed = unreached("tcp-connect-refused", "server", "server")
    rows = [
        session("curl", "1.3", ok(), host=lab.plan.proxy),
        *(session("curl", "1.3", closed, host=lab.plan.proxy, port=8443) for _ in range(3)),
        session("curl", "1.2", ok("1.2"), host=lab.plan.proxy),
    ]
    with lab.capture("router", "any"):
        return play(lab, rows)


def resets(peer: socket.socket) -> None:
    """Read the ClientHello and reset."""
    peer.recv(4096)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@case(
    "big-ip-reset-relayed",
    "A BIG-IP's capture of both sides: it passes TLS through, the pool member resets, and the BIG-IP resets the client",
    "HAProxy in TCP mode on the router to a server that resets after the ClientHello; captured on all of the router's "
    "interfaces; curl and openssl s_client.",
    "haproxy",
    "python",
    "curl",
    "openssl",
    edit=dress(Dress(in_payload=True)),
    edited=CRAFTED.format(
        form="DPT (14.0 and later)",
        noise="noise high, with peer",
        more=" A RST stands in the place of the proxy's FIN and RST, and carries its reason in its payload as well.",
    ),
)
def reset_relayed(lab: Lab) -> list[Expected]:
    lab.serve("server", 443, resets)
    behind = f"server one {lab.plan.server}:{lab.plan.port(443)}"
    proxied(lab, "", behind)
    reset = failed("server-reset", "server-hello", "server", server=None)
    rows = [
        session("curl", "1.3", reset, host=lab.plan.proxy),
        session("openssl", "1.2", reset, host=lab.plan.proxy),
    ]
    with lab.capture("router", "any"):
        labels = play(lab, rows)
    return [label for label in labels for _ in (1, 2)]


@case(
    "big-ip-tls-keys",
    "A BIG-IP's capture of both sides whose trailers carry TLS session keys (made up); all is well",
    "HAProxy on the router ends the clients' TLS and speaks TLS to nginx; captured on all of the router's interfaces; "
    "curl and openssl s_client.",
    "haproxy",
    "nginx",
    "curl",
    "openssl",
    edit=dress(Dress(keys=True)),
    edited=CRAFTED.format(
        form="DPT (14.0 and later)",
        noise="noise high, with peer, and the provider of TLS keys",
        more=" The keys are made up: they belong to no session.",
    ),
)
def tls_keys(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    member = f"server one {lab.plan.server}:{lab.plan.port(443)} ssl verify none"
    proxied(lab, f"ssl crt {lab.pki.leaf().both}", member)
    rows = [
        session("curl", "1.3", ok(), host=lab.plan.proxy),
        session("openssl", "1.2", ok("1.2"), host=lab.plan.proxy),
    ]
    behind = ok().but(sni=None)
    with lab.capture("router", "any"):
        labels = play(lab, rows)
    return [one for label in labels for one in (label, behind)]
