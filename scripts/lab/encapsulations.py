"""The same sessions inside other packets: VLAN tags, GRE, VXLAN; and a router's capture of all interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import clients, servers
from lab.case import Expected, case, failed, ok
from lab.editing import edit
from lab.net import Lab
from lab.session import play, session

if TYPE_CHECKING:
    from scapy.packet import Packet

OLD = ("-cipher", "ALL:@SECLEVEL=0")


def in_and_out(lab: Lab) -> list[Expected]:
    """A session that works and one that is refused."""
    rows = [
        session("curl", "", ok()),
        session("openssl", "1.1", failed("protocol-version-mismatch", "server-hello", "client"), extra=OLD),
    ]
    return play(lab, rows)


@case(
    "any-interface",
    "A router captured on all interfaces: every packet twice, in Linux cooked headers; what it forges is there once",
    "curl to nginx, TLS 1.3, a refused TLS 1.1, and a name that the router resets; tcpdump -i any on the router.",
    "curl",
    "openssl",
    "nginx",
)
def any_interface(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf(hosts=("blocked",)))
    match = ("-p", "tcp", "-m", "string", "--algo", "bm", "--string", lab.plan.fqdn("blocked"))
    lab.firewall("REJECT --reject-with tcp-reset", "-i", "down0", *match)
    blocked = failed("middlebox-reset", "server-hello", "network", sni="blocked", server=None)
    with lab.capture("router", "any"):
        return in_and_out(lab) + play(lab, [session("curl", "", blocked, name="blocked")])


def tagged(packets: list[Packet], port: int) -> list[Packet]:
    """802.1Q tags, another VLAN each way (asymmetric, as some mirrors have it)."""
    from scapy.layers.inet import TCP
    from scapy.layers.l2 import Dot1Q, Ether

    result: list[Packet] = []
    for one in packets:
        vlan = 100 if one.haslayer(TCP) and one[TCP].sport == port else 200
        changed = Ether(src=one.src, dst=one.dst) / Dot1Q(vlan=vlan, type=one.type) / one.payload
        changed.time = one.time
        result.append(changed)
    return result


def doubly_tagged(packets: list[Packet], port: int) -> list[Packet]:
    """802.1ad outside, 802.1Q inside."""
    from scapy.layers.l2 import Dot1AD, Dot1Q, Ether

    result: list[Packet] = []
    for one in packets:
        changed = (
            Ether(src=one.src, dst=one.dst) / Dot1AD(vlan=7) / Dot1Q(vlan=port % 4000, type=one.type) / one.payload
        )
        changed.time = one.time
        result.append(changed)
    return result


def in_gre(packets: list[Packet], _: int) -> list[Packet]:
    """IPv4 in GRE (RFC 2784) between two routers."""
    from scapy.layers.inet import IP
    from scapy.layers.l2 import GRE, Ether

    result: list[Packet] = []
    for one in packets:
        outer = IP(src="203.0.113.1", dst="203.0.113.2", id=7, flags="DF")
        changed = Ether(src=one.src, dst=one.dst) / outer / GRE(proto=one.type) / one.payload
        changed.time = one.time
        result.append(changed)
    return result


for name, purpose, change, how in (
    ("vlan", "802.1Q tags, different ones each way", tagged, "VLAN tags 100 and 200 were put in"),
    ("qinq", "Two VLAN tags (802.1ad)", doubly_tagged, "two VLAN tags were put in"),
    ("gre", "TLS inside a GRE tunnel", in_gre, "each packet was put into IPv4 and GRE"),
):

    @case(
        name,
        f"{purpose}: a session that works and one that is refused",
        "curl and openssl s_client to nginx.",
        "curl",
        "openssl",
        "nginx",
        "scapy",
        edit=edit(change),
        edited=f"{how} with scapy (the kernel at hand has no such interfaces).",
    )
    def encapsulated(lab: Lab) -> list[Expected]:
        servers.start(lab, "nginx", lab.pki.leaf())
        with lab.capture():
            return in_and_out(lab)


def vxlan_devices(lab: Lab, mtu: int) -> tuple[str, str]:
    """A tunnel between client and server; the addresses inside."""
    inside = ("10.77.0.1", "10.77.0.2")
    for role, local, remote, address in (
        ("client", lab.plan.client, lab.plan.server, inside[0]),
        ("server", lab.plan.server, lab.plan.client, inside[1]),
    ):
        ends = ("local", local, "remote", remote, "dstport", "4789")
        lab.ip(role, "link", "add", "vx0", "type", "vxlan", "id", "42", *ends)
        lab.ip(role, "addr", "add", f"{address}/24", "dev", "vx0")
        lab.ip(role, "link", "set", "vx0", "mtu", str(mtu), "up")
    return inside


def through_tunnel(lab: Lab, server: str, *, refused: bool) -> list[Expected]:
    clients.curl(lab, "https://www/", "--connect-to", f"::{server}:{lab.plan.port(443)}")
    labels = [ok()]
    if refused:
        words = ("-connect", f"{server}:{lab.plan.port(443)}", "-servername", lab.www, "-tls1_1", *OLD)
        lab.run("client", "openssl", "s_client", *words)
        labels.append(failed("protocol-version-mismatch", "server-hello", "client"))
    return labels


@case(
    "vxlan",
    "TLS inside a VXLAN tunnel, a session that works and one that is refused",
    "curl and openssl s_client to nginx over Linux vxlan devices of client and server; captured on the link below.",
    "curl",
    "openssl",
    "nginx",
)
def vxlan(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    _, server = vxlan_devices(lab, 1450)
    with lab.capture(only="udp port 4789"):
        return through_tunnel(lab, server, refused=True)


@case(
    "vxlan-fragments",
    "VXLAN on a link too small for it: the outer packets are fragmented, the server's flight with them",
    "as the case vxlan, with an MTU of 1500 on the tunnel.",
    "curl",
    "nginx",
)
def vxlan_fragments(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    _, server = vxlan_devices(lab, 1500)
    with lab.capture(only="ip proto 17"):
        return through_tunnel(lab, server, refused=False)
