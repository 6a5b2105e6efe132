"""Somebody ends the session without a word, or says nothing: servers, clients, and boxes between them."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import clients, raw, servers
from lab.case import UNLABELLED, Expected, case, failed, ok
from lab.net import Lab
from lab.session import Session, play, session

CLIENTS = ("curl", "openssl", "gnutls", "go", "java", "node", "python", "nss")


@case(
    "server-silent",
    "Servers that accept and never answer; clients that wait for 6 s and more",
    "curl with limits of 6 and 8 s, Go, Node and Python with their own of 10 s, all at once, to a server in Python "
    "that reads and says nothing.",
    "curl",
    "go",
    "node",
    "python",
)
def server_silent(lab: Lab) -> list[Expected]:
    lab.serve("server", 443, raw.silent(40))
    label = failed("server-silent", "server-hello", "server", "server", server=None)
    limits: list[tuple[str, tuple[str, ...]]] = [
        ("curl", ("--max-time", lab.seconds(6))),
        ("curl", ("--max-time", lab.seconds(8))),
        ("go", ()),
        ("node", ()),
        ("python", ()),
    ]

    def late(one: tuple[str, tuple[str, ...]]) -> None:
        clients.ask(lab, one[0], "", extra=one[1])

    with lab.capture(), ThreadPoolExecutor(len(limits)) as together:
        list(together.map(late, limits))
    return [label] * len(limits)


@case(
    "client-abandoned",
    "Clients that leave after one to three seconds without an answer, by FIN and by RST",
    "curl with limits of 1 to 3 s and a real ClientHello by Python's ssl whose sender closes or resets, to a server "
    "in Python that says nothing.",
    "curl",
    "python",
)
def client_abandoned(lab: Lab) -> list[Expected]:
    lab.serve("server", 443, raw.silent(8))
    label = failed("client-abandoned", "server-hello", UNLABELLED, "server", server=None)
    with lab.capture():
        for limit in (1, 2, 3):
            clients.ask(lab, "curl", "", extra=("--max-time", lab.seconds(limit)))
        raw.client(lab, raw.hello(lab.www), wait_s=1.5)
        raw.client(lab, raw.hello(lab.www, highest="1.2"), wait_s=2, reset=True)
    return [label] * 5


@case(
    "server-ends-it",
    "Servers that reset, and servers that close, after the ClientHello, without an alert",
    "eight clients to two small servers in Python.",
    "python",
    *CLIENTS,
)
def server_ends(lab: Lab) -> list[Expected]:
    lab.serve("server", 443, raw.close_after_hello(reset=True))
    lab.serve("server", 8443, raw.close_after_hello())
    lab.serve("server", 9443, raw.close_after_hello(reset=True, wait_s=1))
    rows: list[Session] = []
    for number, client in enumerate(CLIENTS):
        version = ("1.2", "1.3")[number % 2]
        for port, cause in ((443, "server-reset"), (8443, "server-closed"), (9443, "server-reset")):
            if port != 9443 or number < 3:
                label = failed(cause, "server-hello", UNLABELLED, "server", server=None)
                rows.append(session(client, version, label, port=port))
    with lab.capture():
        return play(lab, rows)


@case(
    "client-aborted",
    "Clients that have the server's flight and leave without a word: by FIN, by RST",
    "a real ClientHello by Python's ssl, sent over a socket that is then closed, to nginx, Go and Java; TLS 1.3 and "
    "1.2.",
    "nginx",
    "go",
    "java",
    "python",
)
def client_aborted(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    ports = {"nginx": 443, "go": 8443, "java": 9443}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port)
    labels = []
    with lab.capture():
        for port in ports.values():
            for version in ("1.3", "1.2"):
                for reset in (False, True):
                    data = raw.hello(lab.www, highest=version)
                    raw.client(lab, data, port=port, wait_s=0.4, reset=reset)
                    labels.append(failed("client-aborted", "client-flight", version=version))
    return labels


@case(
    "client-silent",
    "Clients that have the server's flight and never go on, until the server closes",
    "a real ClientHello by Python's ssl, to nginx with client_header_timeout 4s, HAProxy with timeout client 4s and "
    "Node with handshakeTimeout 5000; TLS 1.2 and 1.3.",
    "nginx",
    "haproxy",
    "node",
    "python",
)
def client_silent(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.start(lab, "nginx", identity, extra=("client_header_timeout 4s;",))
    servers.haproxy(lab, ((8443, f"ssl crt {identity.both}"),), lines="timeout client 4s")
    servers.start(lab, "node", identity, 9443, extra=('{"handshakeTimeout": 5000}',))
    tasks = [(port, version) for port in (443, 8443, 9443) for version in ("1.2", "1.3")]
    labels = []
    with lab.capture():
        for port, version in tasks:
            raw.client(lab, raw.hello(lab.www, highest=version), port=port, wait_s=9)
            labels.append(failed("client-silent", "client-flight", "client", "client", version=version))
    return labels


@case(
    "middlebox-reset-by-name",
    "A router resets connections with a certain server name, towards the client, the server or both",
    "six clients to nginx and Go, allowed and blocked names; the router has iptables string match with REJECT "
    "--reject-with tcp-reset, whose packets have another TTL than the server's.",
    "nginx",
    "go",
    *CLIENTS[:6],
)
def middlebox_reset(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf(hosts=("blocked",))
    servers.start(lab, "nginx", identity)
    servers.start(lab, "go", identity, 8443)
    match = ("-p", "tcp", "-m", "string", "--algo", "bm", "--string", lab.plan.fqdn("blocked"))
    lab.firewall("REJECT --reject-with tcp-reset", "-i", "down0", *match)
    label = failed("middlebox-reset", "server-hello", "network", sni="blocked", server=None)
    rows = [session(one, "", ok(), port=port) for one in CLIENTS[:6] for port in (443,)]
    rows += [session(one, "", label, port=port, name="blocked") for one in CLIENTS[:6] for port in (443, 8443)]
    with lab.capture():
        return play(lab, rows)


@case(
    "middlebox-reset",
    "A router resets connections with a certain server name, on the server's behalf",
    "openssl s_client to nginx, an allowed and a blocked name; the router has iptables string match with REJECT "
    "--reject-with tcp-reset, whose packets have another TTL than the server's.",
    "nginx",
    "openssl",
)
def middlebox_two(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf(hosts=("blocked",)))
    match = ("-p", "tcp", "-m", "string", "--algo", "bm", "--string", lab.plan.fqdn("blocked"))
    lab.firewall("REJECT --reject-with tcp-reset", "-i", "down0", *match)
    blocked = failed("middlebox-reset", "server-hello", "network", sni="blocked", server=None)
    with lab.capture():
        return play(lab, [session("openssl", "", ok()), session("openssl", "", blocked, name="blocked")])


@case(
    "middlebox-reset-both",
    "A box beside the path forges resets towards both ends",
    "four clients to a relay before nginx that takes its time, TLS 1.2 and 1.3; a program with scapy on the router "
    "reads the ClientHello and sends a RST to either end with a TTL of its own.",
    "nginx",
    "scapy",
    *CLIENTS[:4],
)
def middlebox_both(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf(hosts=("blocked",)), 8080)

    def slowly() -> raw.Change:
        def change(data: bytes) -> bytes:
            time.sleep(1.5)  # or the answer would be there before the forged reset
            return data

        return change

    lab.serve("server", 443, raw.relay(("127.0.0.1", lab.plan.port(8080)), there=slowly))
    script = str(Path(__file__).parent / "programs" / "inject.py")
    lab.start("router", sys.executable, script, "down0", lab.plan.fqdn("blocked"), "128", until="ready")
    label = failed("middlebox-reset", "server-hello", "network", sni="blocked", server=None)
    rows = [session(one, version, label, name="blocked") for one in CLIENTS[:4] for version in ("1.2", "1.3")]
    rows += [session(one, "", ok()) for one in CLIENTS[:4]]
    with lab.capture():
        return play(lab, rows)


@case(
    "middlebox-reset-late",
    "A router that resets when it sees the server's certificate (TLS 1.2), seen at the server and at the client",
    "openssl s_client and Go to HAProxy; the router matches the name in what the server sends and resets towards it; "
    "captured at the server.",
    "haproxy",
    "openssl",
    "go",
)
def middlebox_late(lab: Lab) -> list[Expected]:
    servers.start(lab, "haproxy", lab.pki.leaf("blocked", hosts=("www",)))
    match = ("-p", "tcp", "-m", "string", "--algo", "bm", "--string", lab.plan.fqdn("blocked"))
    lab.firewall("REJECT --reject-with tcp-reset", "-i", "up0", *match)
    label = failed("middlebox-reset", UNLABELLED, "network", version="1.2")
    limit = ("--max-time", lab.seconds(4))
    with lab.capture("server"):
        return play(lab, [session("curl", "1.2", label, extra=limit) for _ in (1, 2)])


@case(
    "abandoned-connections",
    "Clients that speak part of a hello and leave: not a failure of the server, nor a hello that can be judged",
    "half a ClientHello of Python's ssl to nginx, then FIN after a while.",
    "nginx",
    "python",
)
def partial(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    data = raw.hello(lab.www)
    with lab.capture():
        raw.client(lab, data[:200], wait_s=1)
        raw.client(lab, data[:200], wait_s=1, reset=True)
    label = failed("client-abandoned", UNLABELLED, client=UNLABELLED, sni=UNLABELLED, server=None)
    return [label.but(cause=UNLABELLED)] * 2
