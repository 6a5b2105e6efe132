"""Every client with every server: what works must be called so, whatever the pair."""

from __future__ import annotations

from lab import clients, servers
from lab.case import Expected, case, ok, plain
from lab.net import Lab
from lab.session import play, session

SERVERS = ("nginx", "apache", "haproxy", "openssl", "stunnel", "gnutls", "nss", "java", "node", "go", "python")
CLIENTS = ("openssl", "curl", "wget", "gnutls", "nss", "go", "java", "node", "python")
WANT_CERTIFICATES = ("openssl", "haproxy", "apache", "stunnel", "gnutls", "nss", "java", "go", "python", "node")
HAVE_CERTIFICATES = ("openssl", "curl", "gnutls", "nss", "go", "java", "node", "python")


def register(version: str) -> None:
    digits = version.replace(".", "")

    @case(
        f"healthy-every-pair-tls{digits}",
        f"Every client with every server, TLS {version}",
        "nine clients to each of eleven servers.",
        *SERVERS,
        *CLIENTS,
        form="pcapng.zst",
    )
    def every_pair(lab: Lab) -> list[Expected]:
        identity = lab.pki.leaf()
        for number, stack in enumerate(SERVERS):
            servers.start(lab, stack, identity, 4450 + number)
        rows = [
            session(client, version, ok(version), port=4450 + number)
            for number in range(len(SERVERS))
            for client in CLIENTS
        ]
        with lab.capture():
            return play(lab, rows)

    @case(
        f"healthy-ecdsa-tls{digits}",
        f"Servers with an ECDSA key and no intermediate, four clients each, TLS {version}",
        "ten servers, the clients in turn.",
        *SERVERS,
        *CLIENTS,
        form="pcap.zst",
    )
    def ecdsa(lab: Lab) -> list[Expected]:
        identity, rows = lab.pki.leaf(elliptic=True, issuer=lab.pki.root), []
        for number, stack in enumerate(one for one in SERVERS if one != "nss"):
            servers.start(lab, stack, identity, 4450 + number)
            picked = (CLIENTS[(number + 2 * other) % len(CLIENTS)] for other in range(4))
            rows += [session(client, version, ok(version), port=4450 + number) for client in picked]
        with lab.capture():
            return play(lab, rows)

    @case(
        f"client-certificate-given-tls{digits}",
        f"Client certificates asked for and given: eight clients with ten servers, TLS {version}",
        "each client with its certificate to each server.",
        *WANT_CERTIFICATES,
        *HAVE_CERTIFICATES,
        form="pcapng.zst",
    )
    def with_certificates(lab: Lab) -> list[Expected]:
        identity, mine, rows = lab.pki.leaf(), lab.pki.leaf("client", client=True), []
        for number, stack in enumerate(WANT_CERTIFICATES):
            servers.start(lab, stack, identity, 4450 + number, client_ca=lab.pki.trust)
            # NSS of this age ends a TLS 1.3 handshake on JSSE's CertificateRequest.
            apart = {"nss"} if (stack, version) == ("java", "1.3") else set()
            rows += [
                session(client, version, ok(version), port=4450 + number, cert=mine)
                for client in HAVE_CERTIFICATES
                if client not in apart
            ]
        with lab.capture():
            return play(lab, rows)


for version in ("1.2", "1.3"):
    register(version)


@case(
    "plaintext-http",
    "HTTP without TLS, where it belongs: pages, pages that are not there, redirects to HTTPS, over IPv4 and IPv6",
    "curl to nginx (80), HAProxy (8080) and Node's http module (8000).",
    "curl",
    "nginx",
    "haproxy",
    "node",
)
def plaintext_http(lab: Lab) -> list[Expected]:
    servers.nginx(lab, (), "location /moved { return 301 https://$host/; }", port=80, flags="")
    servers.haproxy(lab, ((8080, ""),))
    script = f"require('http').createServer((q, r) => r.end('hello')).listen({lab.plan.port(8000)}, '::')"
    lab.start("server", "node", "-e", script, port=lab.plan.port(8000))
    paths = ("/", "/absent", "/moved", "/?long=" + "x" * 2000)
    urls = [f"http://www:{port}{path}" for port in (80, 8080, 8000) for path in paths]
    with lab.capture():
        for address in (lab.plan.server, lab.plan.server6):
            lab.hosts(address)
            for url in urls:
                clients.curl(lab, url)
    return [plain("http", "http-response")] * (2 * len(urls))
