"""What is often taken for a failure and is none: health checks, pre-connects, renegotiation, odd endings."""

from __future__ import annotations

from lab import clients, raw, servers
from lab.case import UNLABELLED, Expected, case, idle, ok
from lab.certificates import MAKE
from lab.net import Lab
from lab.session import play, session
from lab.stacks import PYTHON, program


@case(
    "certificate-accepted-all-the-same",
    "Faulty certificates that clients do not check: established, and worth a warning",
    "openssl, curl -k, Go, Java and Node without verification, TLS 1.2 and 1.3, to servers with an expired, a "
    "self-signed, an incomplete and another name's certificate.",
    "nginx",
    "openssl",
    "haproxy",
    "curl",
    "go",
    "java",
    "node",
)
def accepted(lab: Lab) -> list[Expected]:
    faults = {"expired": 443, "self-signed": 8443, "chain-incomplete": 9443, "hostname-mismatch": 5061}
    for number, (fault, port) in enumerate(faults.items()):
        stack = ("nginx", "openssl", "haproxy", "go")[number]
        servers.start(lab, stack, MAKE[fault](lab.pki), port, chain=fault != "chain-incomplete")
    rows = [
        session(client, version, ok(version), port=port, verify=False)
        for number, client in enumerate(("openssl", "curl", "go", "java", "node"))
        for version in ("1.2", "1.3")
        for port in list(faults.values())[number % 2 :: 2]
    ]
    with lab.capture():
        return play(lab, rows)


@case(
    "renegotiation",
    "A TLS 1.2 session that renegotiates, asked for by the client; and one in TLS 1.3 that updates its keys",
    "openssl s_client -legacy_renegotiation with R, and K, to s_server -client_renegotiation -rev.",
    "openssl",
)
def renegotiation(lab: Lab) -> list[Expected]:
    extra = ("-rev", "-client_renegotiation")
    servers.start(lab, "openssl", lab.pki.leaf(), extra=extra)
    address = f"{lab.plan.server}:{lab.plan.port(443)}"
    with lab.capture():
        for version, word in (("-tls1_2", "R"), ("-tls1_3", "K")):
            words = f"(echo first; sleep 0.4; echo {word}; sleep 0.6; echo second; sleep 0.4; echo Q)"
            client = f"openssl s_client {version} -connect {address} -servername {lab.www} -CAfile {lab.pki.trust}"
            lab.run("client", "sh", "-c", f"{words} | {client}")
            lab.pause(0.2)
    return [ok("1.2"), ok()]


@case(
    "health-checks-tls",
    "Regular health checks: a handshake and its end, connections without a byte; beside a busy sibling",
    "Python's ssl: handshake and close_notify, every half second, from one address; TCP checks from another; curl.",
    "nginx",
    "haproxy",
    "python",
    "curl",
)
def tls_checks(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.start(lab, "nginx", identity)
    servers.start(lab, "haproxy", identity, 8443)
    labels: list[Expected] = []
    with lab.capture():
        for number in range(4):
            for port in (443, 8443):
                clients.ask(lab, "openssl", ("1.2", "1.3")[number % 2], port=port, request=b"")
                labels.append(ok(("1.2", "1.3")[number % 2]))
                raw.client(lab, port=port, wait_s=0.05, source=0)
                labels.append(idle())
            lab.pause(0.4)
        labels += play(lab, [session("curl", "", ok(), port=port) for port in (443, 8443)])
    return labels


@case(
    "pre-connects",
    "Connections opened ahead and not used: without a hello, and with a handshake but without a request",
    "TCP connections by Python and handshakes of openssl s_client that end without a request, beside curl.",
    "nginx",
    "openssl",
    "curl",
    "python",
)
def preconnects(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    with lab.capture():
        labels = play(lab, [session("curl", "", ok())])
        for wait in (1.5, 3, 6):
            raw.client(lab, wait_s=wait)
            labels.append(idle(UNLABELLED))
        for version in ("1.2", "1.3"):
            clients.ask(lab, "openssl", version, request=b"")
            labels.append(ok(version))
    return labels


@case(
    "endings",
    "Sessions that worked and end unlike one another: a reset after close_notify, a reset in the middle of the "
    "answer, no close_notify at all, and silence until the server closes",
    "Python's ssl, which after its request closes properly, resets, or waits; to nginx and Go.",
    "nginx",
    "go",
    "python",
)
def endings(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.start(lab, "nginx", identity, extra=("keepalive_timeout 2s;",))
    servers.start(lab, "go", identity, 8443)
    lab.write("www/large", b"0123456789abcdef" * 1_200)
    labels = []
    with lab.capture():
        for how in ("close", "reset", "wait", "drop"):
            for port, version in ((443, "1.2"), (443, "1.3"), (8443, "1.3")):
                words = [f"host={lab.plan.server}", f"port={lab.plan.port(port)}", f"min={version}", f"max={version}"]
                words += [f"name={lab.www}", f"ca={lab.pki.trust}", f"ending={how}"]
                lab.run("client", *program(PYTHON), "client", *words)
                lab.pause(0.2)
                labels.append(ok(version))
    return labels
