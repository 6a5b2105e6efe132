"""The path loses packets: by their size, by their direction, by their content, or by chance."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab import clients, raw, servers
from lab.case import UNLABELLED, Expected, case, failed, ok
from lab.kernel import reset_on_close
from lab.net import Lab
from lab.session import play, session


def together(lab: Lab, tasks: list[dict[str, Any]], client: str = "curl") -> None:
    with ThreadPoolExecutor(len(tasks)) as pool:
        list(pool.map(lambda one: clients.ask(lab, client, **one), tasks))


@case(
    "client-hello-lost",
    "ClientHellos sent again and again, never acknowledged, by four clients over IPv4 and IPv6",
    "curl, Go, Node and Python to nginx; the router drops every packet of the client that carries data.",
    "curl",
    "go",
    "node",
    "python",
    "nginx",
)
def hello_lost(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    for v6, small in ((False, 120), (True, 140)):
        lab.firewall("DROP", "-i", "down0", "-p", "tcp", "-m", "length", "--length", f"{small}:65535", v6=v6)
    label = failed("client-hello-lost", "server-hello", "network", "network", server=None)
    limit = ("--max-time", lab.seconds(8))
    tasks: list[tuple[str, str, tuple[str, ...]]] = [
        ("curl", lab.plan.server, limit),
        ("curl", lab.plan.server6, limit),
    ]
    tasks += [(one, lab.plan.server, ()) for one in ("go", "node", "python")]
    with lab.capture(), ThreadPoolExecutor(len(tasks)) as pool:
        list(pool.map(lambda one: clients.ask(lab, one[0], host=one[1], extra=one[2]), tasks))
    return [label] * len(tasks)


@case(
    "client-hello-lost-seen-by-server",
    "The same, captured at the server: a client that seems never to speak",
    "curl to HAProxy, which gives up first; captured at the server.",
    "curl",
    "haproxy",
)
def hello_lost_server(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.haproxy(lab, ((443, f"ssl crt {identity.both}"),), lines="timeout client 4s")
    lab.firewall("DROP", "-i", "down0", "-p", "tcp", "-m", "length", "--length", "120:65535")
    with lab.capture("server"):
        clients.ask(lab, "curl", extra=("--max-time", lab.seconds(9)))
    label = failed("no-client-hello", "first-bytes", UNLABELLED, "client", client=None, server=UNLABELLED, sni=None)
    return [label]


def black_hole(lab: Lab, device: str) -> None:
    """The link behind ``device`` takes 1300 bytes, and nobody is told."""
    lab.ip("router", "link", "set", device, "mtu", "1300")
    lab.firewall("DROP", "-p", "icmp", chain="OUTPUT")
    lab.firewall("DROP", "-p", "icmpv6", "--icmpv6-type", "packet-too-big", chain="OUTPUT", v6=True)


@case(
    "mtu-black-hole",
    "A link with a smaller MTU behind a router whose ICMP is filtered, captured at the server: its full segments go "
    "again and again",
    "curl (TLS 1.2 and 1.3, IPv4 and IPv6) to nginx and HAProxy; MTU 1300 on the router's link to the client.",
    "curl",
    "nginx",
    "haproxy",
)
def mtu_black_hole(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.start(lab, "nginx", identity)
    servers.start(lab, "haproxy", identity, 8443)
    black_hole(lab, "down0")
    limit = ("--max-time", lab.seconds(8))
    tasks: list[dict[str, Any]] = [
        {"version": version, "port": port, "host": host, "extra": limit}
        for version, port, host in (("1.2", 443, ""), ("1.2", 8443, lab.plan.server6), ("1.2", 8443, ""))
    ]
    tasks13: list[dict[str, Any]] = [
        {"version": "1.3", "port": port, "host": host, "extra": limit}
        for port, host in ((443, ""), (8443, ""), (443, lab.plan.server6))
    ]
    with lab.capture("server"):
        together(lab, tasks)
        together(lab, tasks13)
    return [
        failed("mtu-black-hole", UNLABELLED, "network", "network", version=one) for one in ["1.2"] * 3 + ["1.3"] * 3
    ]


@case(
    "mtu-black-hole-seen-by-client",
    "The same, captured at the client: a hole of one segment, and only the small tail arrives",
    "curl and Go (TLS 1.2 and 1.3) to nginx; MTU 1300 on the router's link to the client.",
    "curl",
    "nginx",
)
def mtu_client_side(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    black_hole(lab, "down0")
    limit = ("--max-time", lab.seconds(8))
    with lab.capture():
        clients.ask(lab, "curl", "1.2", extra=limit)
        clients.ask(lab, "curl", "1.3", extra=limit)
    # The ServerHello is in the segment that is lost.
    label = failed("mtu-black-hole", UNLABELLED, "network", "network", version=UNLABELLED, server=UNLABELLED)
    return [label, label]


@case(
    "mtu-black-hole-of-client",
    "The other way: the client's full segments vanish, those of a certificate and of a large request",
    "curl with a client certificate of a long chain, TLS 1.2 and 1.3, to HAProxy that wants one; the router drops the "
    "client's packets of more than 1300 bytes; captured at the client.",
    "curl",
    "haproxy",
)
def mtu_of_client(lab: Lab) -> list[Expected]:
    servers.start(lab, "haproxy", lab.pki.leaf(elliptic=True, issuer=lab.pki.root), client_ca=lab.pki.trust)
    above = lab.pki.authority("Sample Users CA", lab.pki.authority("Sample Offices CA", lab.pki.issuing))
    mine = lab.pki.leaf("client", client=True, issuer=above)
    lab.firewall("DROP", "-i", "down0", "-p", "tcp", "-m", "length", "--length", "1301:65535")
    labels = []
    with lab.capture():
        for version in ("1.2", "1.3"):
            clients.ask(lab, "curl", version, cert=mine, extra=("--max-time", lab.seconds(9)))
            labels.append(failed("mtu-black-hole", UNLABELLED, "network", "network", version=version))
    return labels


@case(
    "mtu-icmp",
    "The same small link, but the router says so: the server makes its segments smaller and all is well",
    "curl to nginx (TLS 1.2 and 1.3, IPv4 and IPv6), captured at the server.",
    "curl",
    "nginx",
)
def mtu_icmp(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    lab.ip("router", "link", "set", "down0", "mtu", "1300")
    rows = [
        session("curl", version, ok(version), host=host)
        for version in ("1.2", "1.3")
        for host in ("", lab.plan.server6)
    ]
    with lab.capture("server"):
        return play(lab, rows)


@case(
    "large-client-hello-dropped",
    "ClientHellos of two segments of which the second is lost, and small ones that work",
    "Python's and openssl's clients with long ALPN lists, to nginx; the router drops segments that hold the last "
    "entry.",
    "nginx",
    "python",
    "openssl",
)
def large_hello(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    lab.firewall("DROP", "-i", "down0", "-p", "tcp", "-m", "string", "--algo", "bm", "--string", "last-entry")
    entries = (*(f"protocol-number-{one:04d}" for one in range(100)), "http/1.1", "last-entry")
    label = failed("large-client-hello-dropped", "server-hello", "network", server=None)
    with lab.capture():
        labels = play(lab, [session(one, "", ok()) for one in ("python", "openssl", "curl")])
        tasks = [("python", ()), ("node", ())]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: clients.ask(lab, one[0], alpn=entries), tasks))
    return labels + [label] * 2


@case(
    "large-client-hello-refused",
    "A server that resets when a ClientHello does not come in one segment; small ones work",
    "clients with long ALPN lists, and others with short ones, to a relay in Python before nginx that reads once and "
    "resets what is not whole.",
    "nginx",
    "python",
    "openssl",
    "node",
)
def large_refused(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf(), 8080)
    behind = raw.relay(("127.0.0.1", lab.plan.port(8080)))

    def impatient(peer: socket.socket) -> None:
        time.sleep(0.1)
        if len(peer.recv(1448, socket.MSG_PEEK)) == 1448:
            reset_on_close(peer)
        else:
            behind(peer)

    lab.serve("server", 443, impatient)
    entries = (*(f"protocol-number-{one:04d}" for one in range(100)), "http/1.1")
    label = failed("large-client-hello-dropped", "server-hello", UNLABELLED, server=None)
    rows = [session(one, "", label, alpn=entries) for one in ("python", "openssl", "node")]
    rows += [session(one, "", ok()) for one in ("python", "openssl", "curl")]
    with lab.capture():
        return play(lab, rows)


@case(
    "server-flight-lost",
    "The server's flight stops part-way, and size is not the reason: small segments are lost like large ones",
    "curl to nginx, TLS 1.2 and 1.3; the router lets the first packet of the server's data pass and drops all the "
    "rest.",
    "curl",
    "nginx",
)
def flight_lost(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf(), extra=("ssl_buffer_size 1k;",))
    # SYN/ACK, the acknowledgement of the hello, one segment with data.
    limit = ("--connbytes", "4:", "--connbytes-dir", "reply", "--connbytes-mode", "packets")
    lab.firewall("DROP", "-i", "up0", "-p", "tcp", "-m", "connbytes", *limit)
    tasks: list[dict[str, Any]] = [{"version": one, "extra": ("--max-time", lab.seconds(8))} for one in ("1.2", "1.3")]
    with lab.capture():
        for one in tasks:
            clients.ask(lab, "curl", **one)
    # That nothing was sent, or that it was lost: the client cannot tell them apart.
    return [failed("server-flight-lost", "server-flight", version=one) for one in ("1.2", "1.3")]


@case(
    "lossy-path",
    "Packets lost and sent again, both ways; the sessions work",
    "four clients to nginx, TLS 1.2 and 1.3; the router drops every seventh packet.",
    "curl",
    "openssl",
    "go",
    "python",
    "nginx",
)
def lossy(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    lab.firewall("DROP", "-p", "tcp", "-m", "statistic", "--mode", "nth", "--every", "7", "--packet", "3")
    rows = [
        session(one, version, ok(version)) for one in ("curl", "openssl", "go", "python") for version in ("1.2", "1.3")
    ]
    with lab.capture():
        return play(lab, rows)
