"""The network, or a silent end, is the trouble."""

from __future__ import annotations

import socket
import ssl
import time

from lab import programs as run
from lab.case import Expected, case, failed, ok
from lab.net import CLIENT, SERVER, Lab
from lab.programs import UNLABELLED


@case(
    "connect-refused-tcp", "Nothing listens: a reset answers the SYN", "curl to a closed port, IPv4 and IPv6.", "curl"
)
def refused(lab: Lab) -> list[Expected]:
    with lab.capture():
        run.curl(lab, "https://www.example.test/")
        run.curl(lab, "https://www.example.test/", ipv6=True)
    return [failed("tcp-connect-refused", "tcp-connect", "server", client=None, server=None, sni=None)] * 2


@case(
    "connect-timeout",
    "SYNs that nobody answers",
    "curl with a limit of 9 s; the router between drops everything to the port (iptables DROP).",
    "curl",
)
def timeout(lab: Lab) -> list[Expected]:
    lab.drop("-d", SERVER, "-p", "tcp", "--dport", "443")
    with lab.capture():
        run.curl(lab, "https://www.example.test/", "--connect-timeout", "9")
    return [failed("tcp-connect-timeout", "tcp-connect", "network", "server", client=None, server=None, sni=None)]


@case(
    "connect-unreachable",
    "The router answers the SYN with ICMP: administratively prohibited, host unreachable",
    "curl; the router has iptables REJECT rules with icmp-admin-prohibited (IPv4) and adm-prohibited (IPv6), and "
    "icmp-host-unreachable for a third connection.",
    "curl",
)
def unreachable(lab: Lab) -> list[Expected]:
    for port, kind in ((443, "icmp-admin-prohibited"), (8443, "icmp-host-unreachable")):
        lab.run(
            "router",
            "iptables",
            "-A",
            "FORWARD",
            "-p",
            "tcp",
            "--dport",
            str(port),
            "-j",
            "REJECT",
            "--reject-with",
            kind,
        )
    rule = ("-p", "tcp", "--dport", "443", "-j", "REJECT", "--reject-with", "icmp6-adm-prohibited")
    lab.run("router", "ip6tables", "-A", "FORWARD", *rule)
    with lab.capture():
        run.curl(lab, "https://www.example.test/", "--max-time", "3")
        run.curl(lab, "https://www.example.test/", "--max-time", "3", ipv6=True)
        run.curl(lab, "https://www.example.test:8443/", "--max-time", "3")
    return [failed("tcp-connect-unreachable", "tcp-connect", "network", client=None, server=None, sni=None)] * 3


@case(
    "syn-ack-lost",
    "A server whose SYN/ACK is never acknowledged",
    "curl to nginx, captured at the server; the router drops what the server sends back (iptables).",
    "curl",
    "nginx",
)
def syn_ack_lost(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    lab.drop("-s", SERVER, "-p", "tcp", "--tcp-flags", "SYN,ACK", "SYN,ACK")
    with lab.capture("server"):
        run.curl(lab, "https://www.example.test/", "--connect-timeout", "7")
    return [failed("tcp-handshake-incomplete", "tcp-connect", "network", client=None, server=None, sni=None)]


@case(
    "server-silent",
    "A server that accepts and never answers",
    "curl with a limit of 7 s, against a server in Python that reads and says nothing.",
    "curl",
    "python",
)
def server_silent(lab: Lab) -> list[Expected]:
    lab.serve("server", 443, silent_for(12))
    with lab.capture():
        run.curl(lab, "https://www.example.test/", "--max-time", "7")
    return [failed("server-silent", "server-hello", "server", "server", server=None)]


@case(
    "client-abandoned",
    "A client that leaves after two seconds without an answer",
    "curl with a limit of 2 s, against a server in Python that says nothing.",
    "curl",
    "python",
)
def client_abandoned(lab: Lab) -> list[Expected]:
    lab.serve("server", 443, silent_for(5))
    with lab.capture():
        run.curl(lab, "https://www.example.test/", "--max-time", "2")
    return [failed("client-abandoned", "server-hello", UNLABELLED, "server", server=None)]


def silent_for(seconds: float) -> run.Handler:
    """A server that accepts, says nothing and then goes."""

    def handle(_: socket.socket) -> None:
        time.sleep(seconds)

    return handle


def close_after(peer: socket.socket) -> None:
    """Read the hello; the caller closes."""
    peer.recv(65536)


def reset_after(peer: socket.socket) -> None:
    """Read the hello, then close in the way that sends a RST (SO_LINGER with zero)."""
    peer.recv(65536)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


@case(
    "server-reset",
    "A server that resets, and one that closes, after the ClientHello",
    "curl against two servers in Python.",
    "curl",
    "python",
)
def server_reset(lab: Lab) -> list[Expected]:
    lab.serve("server", 443, reset_after)
    lab.serve("server", 8443, close_after)
    with lab.capture():
        run.curl(lab, "https://www.example.test/")
        run.curl(lab, "https://www.example.test:8443/")
    return [
        failed("server-reset", "server-hello", UNLABELLED, "server", server=None),
        failed("server-closed", "server-hello", UNLABELLED, "server", server=None),
    ]


@case(
    "middlebox-reset",
    "A router resets connections with a certain server name, on the server's behalf",
    "openssl "
    "s_client to nginx, allowed and blocked names; the router has iptables string match with REJECT --reject-with "
    "tcp-reset, whose packets have another TTL than the server's.",
    "nginx",
    "openssl",
)
def middlebox_reset(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(extra_names=("blocked.example.test",)))
    match = ("-p", "tcp", "-m", "string", "--algo", "bm", "--string", "blocked.example.test")
    lab.run("router", "iptables", "-A", "FORWARD", "-s", CLIENT, *match, "-j", "REJECT", "--reject-with", "tcp-reset")
    with lab.capture():
        run.s_client(lab)
        run.s_client(lab, name="blocked.example.test")
    blocked = failed("middlebox-reset", "server-hello", "network", sni="blocked.example.test", server=None)
    return [ok(), blocked]


@case(
    "client-aborted",
    "Clients that have the server's flight and leave without a word: by FIN, by RST",
    "a real ClientHello by Python's ssl, sent over a socket that is then closed, to nginx; TLS 1.3 and 1.2.",
    "nginx",
    "python",
)
def client_aborted(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    with lab.capture():
        run.raw_client(lab, run.hello_bytes(), wait_s=0.3)
        run.raw_client(lab, run.hello_bytes(maximum=ssl.TLSVersion.TLSv1_2), wait_s=0.3, reset=True)
    return [failed("client-aborted", "client-flight", UNLABELLED, version=one) for one in ("TLS 1.3", "TLS 1.2")]


@case(
    "client-silent",
    "A client that has the server's flight and never goes on, until the server closes",
    "a real ClientHello by Python's ssl, to nginx with client_header_timeout 4s.",
    "nginx",
    "python",
)
def client_silent(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(), tls="client_header_timeout 4s;")
    with lab.capture():
        run.raw_client(lab, run.hello_bytes(maximum=ssl.TLSVersion.TLSv1_2), wait_s=9)
    return [failed("client-silent", "client-flight", "client", "client", version="TLS 1.2")]


@case(
    "client-hello-lost",
    "A ClientHello sent again and again, never acknowledged",
    "curl to nginx; the router drops every packet of the client that carries data (iptables).",
    "curl",
    "nginx",
)
def hello_lost(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    lab.drop("-s", CLIENT, "-p", "tcp", "-m", "length", "--length", "120:65535")
    with lab.capture():
        run.curl(lab, "https://www.example.test/", "--max-time", "8")
    return [failed("client-hello-lost", "server-hello", "network", "network", server=None)]


@case(
    "mtu-black-hole",
    "A link with a smaller MTU behind a router whose ICMP is filtered",
    "curl to nginx, captured at the "
    "server; the router's link to the client has an MTU of 1300, and iptables drops the ICMP it would send.",
    "curl",
    "nginx",
)
def mtu_black_hole(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(), tls="ssl_protocols TLSv1.2;")
    lab.ip("router", "link", "set", "down0", "mtu", "1300")
    lab.run("router", "iptables", "-A", "OUTPUT", "-p", "icmp", "-j", "DROP")
    with lab.capture("server"):
        run.curl(lab, "https://www.example.test/", "--max-time", "8")
    return [failed("mtu-black-hole", UNLABELLED, "network", "network", version="TLS 1.2")]


@case(
    "mtu-icmp",
    "The same link, but the router says so: the server makes its segments smaller and all is well",
    "curl to nginx, captured at the server; MTU 1300 on the router's link to the client.",
    "curl",
    "nginx",
)
def mtu_icmp(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    lab.ip("router", "link", "set", "down0", "mtu", "1300")
    with lab.capture("server"):
        run.curl(lab, "https://www.example.test/")
    return [ok()]


@case(
    "large-hello-dropped",
    "A ClientHello of two segments of which the second is lost, and a small one that works",
    "Python's ssl with a long ALPN list, to nginx; the router drops segments that hold the list's last entry.",
    "nginx",
    "python",
)
def large_hello(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    match = ("-s", CLIENT, "-p", "tcp", "-m", "string", "--algo", "bm", "--string", "last-entry")
    lab.drop(*match)
    context = ssl.create_default_context(cafile=str(lab.pki.trust))
    context.set_alpn_protocols([*(f"protocol-number-{one:04d}" for one in range(80)), "http/1.1", "last-entry"])
    with lab.capture():
        run.python_client(lab)
        run.python_client(lab, context=context, limit_s=8)
    return [ok(), failed("large-client-hello-dropped", "server-hello", "network", server=None)]


@case(
    "lossy-path",
    "Packets lost and sent again, both ways; the sessions work",
    "curl to nginx, TLS 1.2 and 1.3; the router drops every fifth packet (iptables statistic).",
    "curl",
    "nginx",
)
def lossy(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    lab.drop("-p", "tcp", "-m", "statistic", "--mode", "nth", "--every", "5", "--packet", "3")
    with lab.capture():
        run.curl(lab, "https://www.example.test/", "--tls-max", "1.2")
        run.curl(lab, "https://www.example.test/")
    return [ok("TLS 1.2"), ok()]
