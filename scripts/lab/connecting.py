"""TCP does not come to be: nobody answers, somebody refuses, the answer is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from lab import clients, servers
from lab.case import UNLABELLED, Expected, case, idle, ok, unreached
from lab.net import Lab
from lab.session import play, session

V4_CODES = (
    "icmp-net-unreachable",
    "icmp-host-unreachable",
    "icmp-port-unreachable",
    "icmp-proto-unreachable",
    "icmp-net-prohibited",
    "icmp-host-prohibited",
    "icmp-admin-prohibited",
)
V6_CODES = (
    "icmp6-no-route",
    "icmp6-adm-prohibited",
    "icmp6-addr-unreachable",
    "icmp6-port-unreachable",
    "icmp6-policy-fail",
    "icmp6-reject-route",
)


@case(
    "tcp-connect-refused",
    "Nothing listens, or the router refuses in the server's name: a reset answers the SYN",
    "openssl s_client, Go, Java and Node to closed ports, IPv4 and IPv6; and to a port for which the router has "
    "REJECT --reject-with tcp-reset.",
    "openssl",
    "go",
    "java",
    "node",
)
def refused(lab: Lab) -> list[Expected]:
    reject = ("-p", "tcp", "--dport", str(lab.plan.port(8443)))
    lab.firewall("REJECT --reject-with tcp-reset", *reject)
    lab.firewall("REJECT --reject-with tcp-reset", *reject, v6=True)
    label = unreached("tcp-connect-refused", "server")
    rows = []
    for client in ("openssl", "go", "java", "node"):
        rows.append(session(client, "", label, host=lab.plan.server))
        rows.append(session(client, "", label, host=lab.plan.server6))
    # Whose reset it is cannot be seen: the owner of the server or of the firewall has to act.
    anybody = label.but(blame=UNLABELLED)
    rows += [session("openssl", "", anybody, host=host, port=8443) for host in (lab.plan.server, lab.plan.server6)]
    with lab.capture():
        return play(lab, rows)


@case(
    "tcp-connect-timeout",
    "SYNs that nobody answers, IPv4 and IPv6, and a server that answers others",
    "curl, openssl, Go and Node with limits of 8 to 10 s, all at once; the router drops everything to the port.",
    "curl",
    "openssl",
    "go",
    "node",
    "nginx",
)
def timeout(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf(), 8443)
    match = ("-p", "tcp", "--dport", str(lab.plan.port(443)))
    lab.firewall("DROP", *match)
    lab.firewall("DROP", *match, v6=True)
    label = unreached("tcp-connect-timeout", "network", "server")
    limit = ("--max-time", lab.seconds(8))

    def late(host: str, client: str) -> None:
        clients.ask(lab, client, "", host=host, extra=limit if client == "curl" else ())

    with lab.capture():
        labels = play(lab, [session("curl", "", ok(), port=8443)])
        hosts = (lab.plan.server, lab.plan.server6)
        tasks = [(host, client) for client in ("curl", "go", "node") for host in hosts]
        with ThreadPoolExecutor(len(tasks)) as together:
            list(together.map(lambda one: late(*one), tasks))
    return labels + [label] * len(tasks)


@case(
    "tcp-connect-unreachable",
    "Routers answer the SYN with ICMP: seven codes of IPv4, six of IPv6",
    "curl; the router has iptables REJECT rules with one code for each port.",
    "curl",
)
def unreachable(lab: Lab) -> list[Expected]:
    rows = []
    label = unreached("tcp-connect-unreachable", "network")
    for codes, v6, host in ((V4_CODES, False, lab.plan.server), (V6_CODES, True, lab.plan.server6)):
        for number, code in enumerate(codes):
            lab.firewall(f"REJECT --reject-with {code}", "-p", "tcp", "--dport", str(9000 + number), v6=v6)
            extra = ("--max-time", lab.seconds(2.5))
            rows.append(session("curl", "", label, port=9000 + number, host=host, extra=extra))
    with lab.capture():
        return play(lab, rows)


@case(
    "tcp-connect-unreachable-host",
    "An address that nobody has: the last router says so when its ARP gets no answer",
    "curl and Go to an address of the server's network that does not exist.",
    "curl",
    "go",
)
def nobody(lab: Lab) -> list[Expected]:
    label = unreached("tcp-connect-unreachable", "network")
    absent = lab.plan.server.rsplit(".", 1)[0] + ".99"
    rows = [session("curl", "", label, host=absent), session("go", "", label, host=absent)]
    with lab.capture():
        return play(lab, rows)


@case(
    "tcp-handshake-incomplete",
    "A server whose SYN/ACK is never acknowledged, IPv4 and IPv6",
    "curl to nginx, captured at the server; the router drops what the server sends back.",
    "curl",
    "nginx",
)
def syn_ack_lost(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    match = ("-i", "up0", "-p", "tcp", "--tcp-flags", "SYN,ACK", "SYN,ACK")
    lab.firewall("DROP", *match)
    lab.firewall("DROP", *match, v6=True)
    label = unreached("tcp-handshake-incomplete", "network")
    rows = [
        session("curl", "", label, host=host, extra=("--max-time", lab.seconds(7)))
        for host in (lab.plan.server, lab.plan.server6)
    ]
    with lab.capture("server"):
        return play(lab, rows)


@case(
    "happy-eyeballs",
    "A name with an IPv6 and an IPv4 address: the slow, refused or lost one loses, nothing has failed for the user",
    "curl to a name with both addresses: both are well; the router refuses IPv6; it loses IPv6; the server's IPv6 "
    "address comes late, and its SYN/ACK meets a client that has left.",
    "curl",
    "nginx",
)
def happy(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    lab.hosts(lab.plan.server6, lab.plan.server)
    match = ("-p", "tcp", "--dport", str(lab.plan.port(443)))
    address = (f"{lab.plan.server6}/64", "dev", "eth0")
    with lab.capture():
        clients.curl(lab, "https://www/")
        lab.firewall("REJECT --reject-with tcp-reset", *match, v6=True)
        clients.curl(lab, "https://www/")
        lab.run("router", "ip6tables", "-F", "FORWARD")
        lab.firewall("DROP", *match, v6=True)
        clients.curl(lab, "https://www/")
        lab.run("router", "ip6tables", "-F", "FORWARD")
        lab.ip("server", "-6", "addr", "del", *address)
        lab.ip("router", "-6", "neigh", "flush", "dev", "up0")
        clients.curl(lab, "https://www/")
        lab.ip("server", "-6", "addr", "add", *address, "nodad")
        lab.pause(2)
    refused_first = unreached("tcp-connect-refused", UNLABELLED)
    # One SYN, and then the other address served: whatever that is called, it is no failure.
    lost = Expected(UNLABELLED, UNLABELLED, UNLABELLED, UNLABELLED, UNLABELLED, client=None, server=None, sni=None)
    return [ok(), refused_first, ok(), lost, ok(), idle(), ok()]
