"""Server names that are unknown, missing, or only warned about."""

from __future__ import annotations

from lab import servers
from lab.case import Expected, case, failed, ok
from lab.net import Lab
from lab.session import play, session

CLIENTS = ("openssl", "curl", "go", "java", "node", "python", "gnutls")


def unknown() -> Expected:
    return failed("sni-unrecognized", "server-hello", sni="unknown")


def missing() -> Expected:
    return failed("sni-missing", "server-hello", "client", sni=None)


@case(
    "sni-rejected",
    "Names: a served one, an unknown one, none at all; servers that insist on a known one",
    "seven clients to nginx (ssl_reject_handshake in the default server), HAProxy (strict-sni) and openssl s_server "
    "(-servername_fatal). Alert 112.",
    "nginx",
    "haproxy",
    "openssl",
    *CLIENTS,
)
def rejected(lab: Lab) -> list[Expected]:
    identity, number = lab.pki.leaf(hosts=("unknown",)), lab.plan.port(443)
    listen = f"listen {number} ssl default_server; listen [::]:{number} ssl default_server"
    reject = f"server {{ {listen}; ssl_protocols TLSv1.2 TLSv1.3; ssl_reject_handshake on; }}"
    servers.nginx(lab, (identity,), beside=reject)
    served = lab.write("served.txt", f"{identity.both} {lab.www}\n")
    servers.haproxy(lab, ((8443, f"ssl crt-list {served} strict-sni"),))
    pair = ("-cert2", str(identity.cert), "-key2", str(identity.key))
    servers.start(lab, "openssl", identity, 9443, extra=("-servername", lab.www, "-servername_fatal", *pair))
    rows = []
    for number, client in enumerate(CLIENTS):
        ports = (443, 8443, 9443)
        rows.append(session(client, "", ok(), port=ports[number % 2]))
        for other, version in enumerate(("1.2", "1.3")):
            port = ports[(number + other) % 3]
            rows.append(session(client, version, unknown(), port=port, name="unknown"))
    rows += [
        session(client, "", missing(), port=port, name=None, verify=False)
        for client in ("openssl", "python", "gnutls")
        for port in (443, 8443)
    ]
    with lab.capture():
        return play(lab, rows)


@case(
    "sni-default-certificate",
    "No name sent: a default certificate that the client then refuses; clients that send the name are well served",
    "openssl s_client -noservername -verify_hostname, and by name: curl and Go, to nginx and HAProxy with two "
    "certificates, the first for another name, TLS 1.2.",
    "nginx",
    "haproxy",
    "openssl",
)
def default_certificate(lab: Lab) -> list[Expected]:
    other, own, number = lab.pki.leaf("other"), lab.pki.leaf(), lab.plan.port(443)
    pair = f"ssl_certificate {own.chain}; ssl_certificate_key {own.key}"
    beside = (
        f"server {{ listen {number} ssl; listen [::]:{number} ssl; server_name {lab.www}; {pair}; return 200 hello; }}"
    )
    servers.nginx(lab, (other,), beside=beside, name="other")
    servers.haproxy(lab, ((8443, f"ssl crt {other.both} crt {own.both}"),))
    label = failed("sni-missing", "client-flight", "client", sni=None, version="1.2")
    extra = ("-verify_hostname", lab.www)
    rows = [session("openssl", "1.2", label, port=port, name=None, extra=extra) for port in (443, 8443)]
    rows += [session(one, "1.2", ok("1.2"), port=port) for port in (443, 8443) for one in ("curl", "go")]
    with lab.capture():
        return play(lab, rows)


@case(
    "sni-warning",
    "A warning about the name (unrecognized_name, level 1), after which the handshake goes on",
    "clients with an unknown name to openssl s_server -servername, which warns and serves its first certificate.",
    "openssl",
    "curl",
    "python",
)
def warned(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf(hosts=("unknown",))
    pair = ("-cert2", str(identity.cert), "-key2", str(identity.key))
    servers.start(lab, "openssl", identity, extra=("-servername", lab.www, *pair))
    clients = ("openssl", "curl", "python")
    rows = [session(one, "1.2", ok("1.2", sni="unknown"), name="unknown") for one in clients]
    rows += [session(one, "1.3", ok(sni="unknown"), name="unknown") for one in clients]
    with lab.capture():
        return play(lab, rows)


@case(
    "sni-absent-and-fine",
    "No name sent, and none needed",
    "openssl s_client -noservername, gnutls-cli --disable-sni and Python without a name to nginx and Go.",
    "nginx",
    "go",
    "openssl",
    "gnutls",
    "python",
)
def absent(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.start(lab, "nginx", identity)
    servers.start(lab, "go", identity, 8443)
    rows = [
        session(client, version, ok(version, sni=None), port=port, name=None, verify=False)
        for client, port in (("openssl", 443), ("gnutls", 8443), ("python", 443))
        for version in ("1.2", "1.3")
    ]
    with lab.capture():
        return play(lab, rows)


@case(
    "sni",
    "Names: a served one, an unknown one, none at all",
    "openssl s_client to nginx, whose default server has ssl_reject_handshake on. Alert 112.",
    "nginx",
    "openssl",
)
def three_names(lab: Lab) -> list[Expected]:
    number = lab.plan.port(443)
    listen = f"listen {number} ssl default_server; listen [::]:{number} ssl default_server"
    reject = f"server {{ {listen}; ssl_protocols TLSv1.2 TLSv1.3; ssl_reject_handshake on; }}"
    servers.nginx(lab, (lab.pki.leaf(),), beside=reject)
    rows = [
        session("openssl", "", ok()),
        session("openssl", "", unknown(), name="unknown"),
        session("openssl", "", missing(), name=None),
    ]
    with lab.capture():
        return play(lab, rows, keep_order=True)
