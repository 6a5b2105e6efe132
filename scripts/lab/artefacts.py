"""What a capture can do to healthy sessions: they must not be called failures."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time

from lab import programs as run
from lab.case import UNLABELLED, Expected, case, failed, incomplete, ok
from lab.net import CLIENT, SERVER, Lab
from lab.packets import Packet, tcp_fields


@case(
    "one-sided",
    "Only one direction was captured: the client's, of TLS 1.3 and 1.2",
    "curl to nginx, tcpdump with a filter on the source address.",
    "curl",
    "nginx",
)
def one_sided(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    with lab.capture(only=f"src host {CLIENT} and tcp"):
        run.curl(lab, "https://www.example.test/")
        run.curl(lab, "https://www.example.test/", "--tls-max", "1.2")
    return [incomplete("capture-one-sided", server=None)] * 2


@case(
    "one-sided-server",
    "Only the server's direction was captured",
    "curl to nginx, tcpdump with a filter on the source address.",
    "curl",
    "nginx",
)
def one_sided_server(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    with lab.capture(only=f"src host {SERVER} and tcp"):
        run.curl(lab, "https://www.example.test/", "--tls-max", "1.2")
    # In TLS 1.2 the server sends its Finished only after it has checked the client's: this half proves the whole.
    return [ok("TLS 1.2", client=None, sni=None)]


@case(
    "snap-length",
    "96 bytes of each packet",
    "curl to nginx, TLS 1.2 and 1.3, tcpdump -s 96.",
    "curl",
    "nginx",
    form="pcap",
)
def snap_length(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    with lab.capture(snap=96):
        run.curl(lab, "https://www.example.test/", "--tls-max", "1.2")
        run.curl(lab, "https://www.example.test/")
    # Record headers at the start of segments show data both ways, the hellos are cut: either reading is right.
    cut = Expected(UNLABELLED, UNLABELLED, UNLABELLED, UNLABELLED, UNLABELLED, sni=None, version=None)
    return [cut, cut]


@case(
    "starts-mid-session",
    "The capture began when the session was already under way",
    "Python's ssl to openssl s_server -rev, tcpdump started after the first exchange.",
    "openssl",
    "python",
)
def starts_mid_session(lab: Lab) -> list[Expected]:
    run.s_server(lab, lab.pki.leaf(), "-rev", www=False)
    started, again = threading.Event(), threading.Event()

    def talk() -> None:
        context = ssl.create_default_context(cafile=str(lab.pki.trust))
        with (
            socket.create_connection((SERVER, 443)) as plain,
            context.wrap_socket(plain, server_hostname=run.NAME) as tls,
        ):
            for line in (b"first\n", b"second\n", b"third\n"):
                if line == b"second\n":
                    started.set()
                    again.wait(10)
                tls.sendall(line)
                tls.recv(1000)

    thread = threading.Thread(target=lab.inside, args=("client", talk))
    thread.start()
    started.wait(10)
    time.sleep(0.2)
    with lab.capture():
        again.set()
        thread.join()
    return [incomplete("capture-starts-mid-session", sni=None)]


def cut_after_server_hello(packets: list[Packet]) -> list[Packet]:
    """All up to the second segment of the server's first flight."""
    seen = 0
    for number, packet in enumerate(packets):
        fields = tcp_fields(packet.data)
        if fields and fields.source == 443 and fields.payload:
            seen += 1
            if seen == 2:
                return packets[: number + 1]
    return packets


@case(
    "ends-mid-handshake",
    "The capture stops in the middle of the server's flight",
    "curl to nginx, TLS 1.2.",
    "curl",
    "nginx",
    edit=cut_after_server_hello,
    edited="everything after the second segment of the server's flight was taken away.",
)
def ends_mid_handshake(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(), tls="ssl_protocols TLSv1.2;")
    with lab.capture():
        run.curl(lab, "https://www.example.test/")
    return [incomplete("capture-ends-mid-handshake", version="TLS 1.2")]


def without_second_flight_segment(packets: list[Packet]) -> list[Packet]:
    """Less the second data segment of the server."""
    from_server = [
        number for number, one in enumerate(packets) if (f := tcp_fields(one.data)) and f.source == 443 and f.payload
    ]
    return [one for number, one in enumerate(packets) if number != from_server[1]]


@case(
    "capture-lost-packet",
    "The capturing host lost a segment of the server's flight that the client did get",
    "openssl s_client that refuses the chain with TLS 1.2, to nginx.",
    "openssl",
    "nginx",
    edit=without_second_flight_segment,
    edited="the second data segment of the server was taken away.",
)
def lost_packet(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(), tls="ssl_protocols TLSv1.2;")
    with lab.capture():
        run.raw_client(lab, run.hello_bytes(), wait_s=0.3)
    return [incomplete("capture-lost-packets", version="TLS 1.2")]


def disordered(packets: list[Packet]) -> list[Packet]:
    """Every pair of neighbouring data segments of the server swapped, every fourth packet there twice."""
    result = list(packets)
    for number in range(len(result) - 1):
        one, other = result[number], result[number + 1]
        first, second = tcp_fields(one.data), tcp_fields(other.data)
        if first and second and first.source == second.source == 443 and first.payload and second.payload:
            result[number] = other._replace(time_ns=one.time_ns)
            result[number + 1] = one._replace(time_ns=other.time_ns)
    return [copy for number, one in enumerate(result) for copy in ([one, one] if number % 4 == 0 else [one])]


@case(
    "reordered-and-doubled",
    "Segments out of order and packets captured twice",
    "curl to nginx, TLS 1.2 and 1.3.",
    "curl",
    "nginx",
    edit=disordered,
    edited="neighbouring data segments of the server were swapped, every fourth packet written twice.",
)
def reordered(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    with lab.capture():
        run.curl(lab, "https://www.example.test/", "--tls-max", "1.2")
        run.curl(lab, "https://www.example.test/")
    return [ok("TLS 1.2"), ok()]


@case(
    "any-interface",
    "A router captured on all interfaces: every packet twice, in Linux cooked headers",
    "curl to nginx, TLS 1.3 and a refused TLS 1.1; tcpdump -i any on the router.",
    "curl",
    "openssl",
    "nginx",
)
def any_interface(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    with lab.capture("router", "any"):
        run.curl(lab, "https://www.example.test/")
        run.s_client(lab, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    return [ok(), failed("protocol-version-mismatch", "server-hello", "client")]


def tagged(packets: list[Packet]) -> list[Packet]:
    """802.1Q tags, another VLAN each way (asymmetric, as some mirrors have it)."""
    result = []
    for one in packets:
        fields = tcp_fields(one.data)
        vlan = 100 if fields and fields.source == 443 else 200
        tag = struct.pack("!HH", 0x8100, vlan)
        result.append(Packet(one.time_ns, one.data[:12] + tag + one.data[12:], one.length + 4))
    return result


@case(
    "vlan",
    "802.1Q tags, different ones each way",
    "curl to nginx.",
    "curl",
    "nginx",
    edit=tagged,
    edited="VLAN tags 100 and 200 were put in (the kernel at hand has no VLAN interfaces).",
)
def vlan(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    with lab.capture():
        run.curl(lab, "https://www.example.test/")
    return [ok()]


def in_gre(packets: list[Packet]) -> list[Packet]:
    """IPv4 in GRE (RFC 2784) between two routers."""
    result = []
    for one in packets:
        inner = one.data[14:]
        total = 20 + 4 + one.length - 14
        outer = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, total, 7, 0x4000, 60, 47, 0, b"\xcb\x00\x71\x01", b"\xcb\x00\x71\x02"
        )
        outer = outer[:10] + struct.pack("!H", checksum(outer)) + outer[12:]
        data = one.data[:14] + outer + struct.pack("!HH", 0, 0x0800) + inner
        result.append(Packet(one.time_ns, data, one.length + 24))
    return result


def checksum(header: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


@case(
    "gre",
    "TLS inside a GRE tunnel, a session that works and one that is refused",
    "curl and openssl s_client to nginx.",
    "curl",
    "openssl",
    "nginx",
    edit=in_gre,
    edited="each packet was put into IPv4 and GRE (the kernel at hand has no GRE).",
)
def gre(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    with lab.capture():
        run.curl(lab, "https://www.example.test/")
        run.s_client(lab, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    return [ok(), failed("protocol-version-mismatch", "server-hello", "client")]


def vxlan_devices(lab: Lab, mtu: int) -> None:
    """A tunnel between client and server, 203.0.113.0/24 inside."""
    for role, local, remote, address in (
        ("client", CLIENT, SERVER, "203.0.113.1/24"),
        ("server", SERVER, CLIENT, "203.0.113.2/24"),
    ):
        ends = ("local", local, "remote", remote, "dstport", "4789")
        lab.ip(role, "link", "add", "vx0", "type", "vxlan", "id", "42", *ends)
        lab.ip(role, "addr", "add", address, "dev", "vx0")
        lab.ip(role, "link", "set", "vx0", "mtu", str(mtu), "up")


@case(
    "vxlan",
    "TLS inside a VXLAN tunnel, a session that works and one that is refused",
    "curl and openssl s_client to nginx over Linux vxlan devices of client and server; captured on the link below.",
    "curl",
    "openssl",
    "nginx",
)
def vxlan(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    vxlan_devices(lab, 1450)
    with lab.capture(only="udp port 4789"):
        run.curl(lab, "https://www.example.test/", "--connect-to", "::203.0.113.2:443")
        run.s_client(lab, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", host="203.0.113.2", source="203.0.113.1")
    return [ok(), failed("protocol-version-mismatch", "server-hello", "client")]


@case(
    "vxlan-fragments",
    "VXLAN on a link too small for it: the outer packets are fragmented, the server's flight with them",
    "as the case vxlan, with an MTU of 1500 on the tunnel.",
    "curl",
    "nginx",
)
def vxlan_fragments(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    vxlan_devices(lab, 1500)
    with lab.capture(only="ip proto 17"):
        run.curl(lab, "https://www.example.test/", "--connect-to", "::203.0.113.2:443")
    return [ok()]
