"""What a capture can do to sessions: what works must not be called a failure, and what it cannot tell is not told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lab import clients, raw, servers
from lab.case import UNLABELLED, Expected, case, failed, incomplete, ok
from lab.editing import edit, from_server
from lab.net import Lab
from lab.session import play, session

if TYPE_CHECKING:
    from scapy.packet import Packet

OLD = ("-cipher", "ALL:@SECLEVEL=0")
CLIENTS = ("curl", "go", "java", "openssl")


@case(
    "one-sided",
    "Only one direction was captured: the client's, of TLS 1.3 and 1.2",
    "four clients to nginx, tcpdump with a filter on the source address.",
    "nginx",
    *CLIENTS,
)
def one_sided(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    label = incomplete("capture-one-sided", server=None)
    rows = [session(one, version, label, answered=True) for one in CLIENTS for version in ("1.2", "1.3")]
    with lab.capture(only=f"src host {lab.plan.client} and tcp"):
        return play(lab, rows)


@case(
    "one-sided-server",
    "Only the server's direction was captured; in TLS 1.2 its Finished proves the whole",
    "four clients to nginx, TLS 1.2, tcpdump with a filter on the source address.",
    "nginx",
    *CLIENTS,
)
def one_sided_server(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    # In TLS 1.2 the server sends its Finished only after it has checked the client's: this half proves the whole.
    label = ok("1.2", client=None, sni=None)
    with lab.capture(only=f"src host {lab.plan.server} and tcp"):
        return play(lab, [session(one, "1.2", label) for one in CLIENTS])


@case(
    "one-sided-failures",
    "Refusals of which only one direction was captured: what the other end said cannot be known",
    "openssl s_client with TLS 1.1, and with a TLS 1.3 server that ends it, to nginx; only the client's packets.",
    "nginx",
    "openssl",
    decode_as_tls=(80,),
)
def one_sided_failures(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    label = incomplete("capture-one-sided", server=None)
    rows = [
        session("openssl", "1.1", label, answered=False, extra=OLD),
        session("curl", "", label, port=80, answered=False),
    ]
    servers.nginx(lab, (), port=80, flags="")
    with lab.capture(only=f"src host {lab.plan.client} and tcp"):
        return play(lab, rows)


@case(
    "snap-length",
    "96 bytes of each packet",
    "four clients to nginx, TLS 1.2 and 1.3, tcpdump -s 96.",
    "nginx",
    *CLIENTS,
    form="pcap",
)
def snap_length(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    # Record headers at the start of segments show data both ways, the hellos are cut: either reading is right.
    cut = Expected(UNLABELLED, UNLABELLED, UNLABELLED, UNLABELLED, UNLABELLED, sni=None, version=None)
    with lab.capture(snap=96):
        return play(lab, [session(one, version, cut, answered=True) for one in CLIENTS for version in ("1.2", "1.3")])


@case(
    "snap-length-too-short",
    "60 bytes of each packet: not even the TCP header is whole, and what was said cannot be known",
    "openssl s_client with TLS 1.1, refused by nginx, and curl, which is served; tcpdump -s 60.",
    "nginx",
    "openssl",
    "curl",
    form="pcap",
)
def snap_too_short(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    label = incomplete("capture-truncated", sni=None, client=UNLABELLED, server=UNLABELLED)
    with lab.capture(snap=60):
        return play(
            lab,
            [session("openssl", "1.1", label, answered=False, extra=OLD), session("curl", "", label, answered=True)],
        )


@case(
    "starts-mid-session",
    "The capture began when the sessions were already under way",
    "Python's ssl to openssl s_server -rev, TLS 1.2 and 1.3, tcpdump started after the first exchange.",
    "openssl",
    "python",
)
def starts_mid_session(lab: Lab) -> list[Expected]:
    servers.start(lab, "openssl", lab.pki.leaf(), 8443, extra=("-rev",))
    servers.start(lab, "openssl", lab.pki.leaf(), extra=("-rev",))
    words = "(echo first; sleep 1.5; echo second; sleep 0.3; echo third; sleep 0.3)"
    threads = []
    for version, port in (("-tls1_2", 443), ("-tls1_3", 8443)):
        address = f"{lab.plan.server}:{lab.plan.port(port)}"
        client = f"openssl s_client {version} -connect {address} -servername {lab.www} -CAfile {lab.pki.trust}"
        threads.append(threading.Thread(target=lab.run, args=("client", "sh", "-c", f"{words} | {client}")))
    for one in threads:
        one.start()
        lab.pause(0.1)
    lab.pause(0.5)
    with lab.capture():
        for one in threads:
            one.join()
    return [incomplete("capture-starts-mid-session", sni=None)] * 2


def cut_in_flight(packets: list[Packet], port: int) -> list[Packet]:
    """All up to the second segment of the server's first flight."""
    seen = 0
    for number, packet in enumerate(packets):
        seen += from_server(packet, port)
        if seen == 2:
            return packets[: number + 1]
    return packets


@case(
    "ends-mid-handshake",
    "The capture stops in the middle of the server's flight",
    "curl to nginx, TLS 1.2.",
    "curl",
    "nginx",
    edit=edit(cut_in_flight),
    edited="everything after the second segment of the server's flight was taken away.",
)
def ends_mid_handshake(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    with lab.capture():
        clients.ask(lab, "curl", "1.2")
    return [incomplete("capture-ends-mid-handshake", version="1.2")]


@case(
    "ends-while-waiting",
    "The capture stops one to three seconds after ClientHellos, while everybody still waits",
    "three clients to a server in Python that says nothing; tcpdump is stopped before they give up.",
    "curl",
    "go",
    "python",
)
def ends_waiting(lab: Lab) -> list[Expected]:
    lab.serve("server", 443, raw.silent(20))
    threads = [
        threading.Thread(
            target=clients.ask, args=(lab, one), kwargs={"extra": ("--max-time", "8") if one == "curl" else ()}
        )
        for one in ("curl", "go", "python")
    ]
    with lab.capture():
        for one in threads:
            one.start()
            lab.pause(0.7)
        lab.pause(0.7)
    for one in threads:
        one.join()
    return [incomplete("capture-ends-mid-handshake", server=None)] * 3


@case(
    "still-open",
    "Sessions that are well and still open when the capture stops",
    "openssl s_client to s_server -rev, TLS 1.2 and 1.3; tcpdump is stopped while they talk.",
    "openssl",
)
def still_open(lab: Lab) -> list[Expected]:
    servers.start(lab, "openssl", lab.pki.leaf(), extra=("-rev",))
    servers.start(lab, "openssl", lab.pki.leaf(), 8443, extra=("-rev",))
    threads = []
    for version, port in (("-tls1_2", 443), ("-tls1_3", 8443)):
        client = f"openssl s_client {version} -connect {lab.plan.server}:{lab.plan.port(port)} -servername {lab.www}"
        words = f"(echo first; sleep 3; echo second; sleep 0.3) | {client} -CAfile {lab.pki.trust}"
        threads.append(threading.Thread(target=lab.run, args=("client", "sh", "-c", words)))
    with lab.capture():
        for one in threads:
            one.start()
            lab.pause(0.5)
    for one in threads:
        one.join()
    return [ok("1.2"), ok()]


def without_a_segment(packets: list[Packet], port: int) -> list[Packet]:
    """Less the second data segment of the server."""
    places = [number for number, one in enumerate(packets) if from_server(one, port)]
    return [one for number, one in enumerate(packets) if number != places[1]]


@case(
    "capture-lost-packet",
    "The capturing host lost a segment of the server's flight that the client did get",
    "a real ClientHello by Python's ssl, TLS 1.2, whose sender leaves after the flight, to nginx.",
    "python",
    "nginx",
    edit=edit(without_a_segment),
    edited="the second data segment of the server was taken away.",
)
def lost_packet(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    with lab.capture():
        raw.client(lab, raw.hello(lab.www, highest="1.2"), wait_s=0.3)
    return [incomplete("capture-lost-packets", version="1.2")]


@case(
    "capture-lost-packet-healthy",
    "The capturing host lost a segment of the server's flight, and the session goes on and works",
    "curl to nginx, TLS 1.3; data both ways shows that it works.",
    "curl",
    "nginx",
    edit=edit(without_a_segment),
    edited="the second data segment of the server was taken away.",
)
def lost_packet_healthy(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    with lab.capture():
        clients.ask(lab, "curl", "1.3")
    return [ok()]


def disordered(packets: list[Packet], port: int) -> list[Packet]:
    """Every pair of neighbouring data segments of the server swapped, every fourth packet there twice."""
    result = list(packets)
    for number in range(len(result) - 1):
        one, other = result[number], result[number + 1]
        if from_server(one, port) and from_server(other, port):
            one.time, other.time = other.time, one.time
            result[number], result[number + 1] = other, one
    return [copy for number, one in enumerate(result) for copy in ([one, one] if number % 4 == 0 else [one])]


@case(
    "reordered-and-doubled",
    "Segments out of order and packets captured twice",
    "four clients to nginx, TLS 1.2 and 1.3.",
    "nginx",
    *CLIENTS,
    edit=edit(disordered),
    edited="neighbouring data segments of the server were swapped, every fourth packet written twice.",
)
def reordered(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    with lab.capture():
        return play(lab, [session(one, version, ok(version)) for one in CLIENTS for version in ("1.2", "1.3")])


def merged(packets: list[Packet], port: int) -> list[Packet]:
    """Two captures, one of each direction, written by turns of eight packets: time goes backwards in the file."""
    from scapy.layers.inet import TCP

    there = [one for one in packets if one.haslayer(TCP) and one[TCP].dport == port]
    back = [one for one in packets if one.haslayer(TCP) and one[TCP].sport == port]
    result = []
    for start in range(0, max(len(there), len(back)), 8):
        result += there[start : start + 8] + back[start : start + 8]
    return result


@case(
    "merged-out-of-order",
    "Two captures of one direction each, merged without regard to time",
    "four clients to nginx, TLS 1.2 and 1.3, and one that is refused.",
    "nginx",
    *CLIENTS,
    edit=edit(merged),
    edited="the packets of either direction are written in blocks of eight, so that time goes backwards in the file.",
)
def merged_case(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    rows = [session(one, version, ok(version)) for one in CLIENTS for version in ("1.2", "1.3")]
    rows.append(session("openssl", "1.1", failed("protocol-version-mismatch", "server-hello", "client"), extra=OLD))
    with lab.capture():
        return play(lab, rows, keep_order=True)
