"""TLS that begins after something else: STARTTLS, CONNECT, PROXY headers; and the ways that goes wrong."""

from __future__ import annotations

import socket
import ssl
from datetime import timedelta
from typing import ClassVar

from lab import clients, raw, servers
from lab.case import UNLABELLED, Expected, case, failed, ok, plain
from lab.databases import postgres
from lab.net import Lab
from lab.pki import Identity
from lab.raw import lines, read_line
from lab.session import play, session

DAY = timedelta(days=1)
MAIL_PORTS = {"smtp": 25, "imap": 143, "pop3": 110}


class MailServer:
    """Just enough of a mail server to upgrade: SMTP, IMAP or POP3, with real TLS after it."""

    WORDS: ClassVar[dict[str, tuple[str, ...]]] = {
        "smtp": (
            "220 mail.example.test ESMTP",
            "EHLO",
            "250-mail.example.test\r\n250 STARTTLS",
            "STARTTLS",
            "220 go ahead",
        ),
        "imap": (
            "* OK IMAP4rev1 ready",
            "CAPABILITY",
            "* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK",
            "STARTTLS",
            "{tag} OK begin",
        ),
        "pop3": ("+OK POP3 ready", "CAPA", "+OK\r\nSTLS\r\n.", "STLS", "+OK begin"),
    }
    """Greeting, question, answer to it, request to upgrade, consent."""

    def __init__(self, protocol: str, identity: Identity, *, refuse: str = "") -> None:
        self.protocol, self.refuse = protocol, refuse
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(identity.chain, identity.key)

    def __call__(self, peer: socket.socket) -> None:
        greeting, ask, answer, upgrade, agreed = self.WORDS[self.protocol]
        peer.settimeout(10)
        peer.sendall(greeting.encode() + b"\r\n")
        while line := read_line(peer):
            tag = line.split()[0] if self.protocol == "imap" else ""
            word = line.split()[1 if tag else 0].upper() if line.split()[bool(tag) :] else ""
            if word == ask or (word == "HELO" and ask == "EHLO"):
                text = answer.replace("{tag}", tag)
                hidden = text.replace("\r\n250 STARTTLS", "\r\n250 HELP") if self.refuse else text
                peer.sendall(hidden.encode() + b"\r\n")
            elif word == upgrade:
                peer.sendall((self.refuse or agreed).replace("{tag}", tag).encode() + b"\r\n")
                if not self.refuse:
                    break
            elif word == "QUIT":
                peer.sendall(b"221 bye\r\n")
                return
        else:
            return
        with self.context.wrap_socket(peer, server_side=True) as tls:
            if tls.recv(1000):
                tls.sendall(b"250 fine\r\n")


def upgrade(lab: Lab, protocol: str, *extra: str, port: int = 0) -> None:
    """openssl s_client -starttls."""
    address = f"{lab.plan.server}:{lab.plan.port(port or MAIL_PORTS[protocol])}"
    checks = ("-verify_return_error", "-verify_hostname", lab.www, "-CAfile", str(lab.pki.trust))
    words = ("-connect", address, "-servername", lab.www, "-starttls", protocol, "-quiet", *checks, *extra)
    lab.run("client", "openssl", "s_client", *words, stdin=b"NOOP\r\n", limit_s=15)
    lab.pause(0.1)


@case(
    "starttls",
    "TLS after SMTP STARTTLS, IMAP STARTTLS and POP3 STLS, TLS 1.2 and 1.3",
    "openssl s_client -starttls against small mail servers written with Python's ssl.",
    "openssl",
    "python",
)
def starttls(lab: Lab) -> list[Expected]:
    identity, labels = lab.pki.leaf(), []
    for protocol, port in MAIL_PORTS.items():
        lab.serve("server", port, MailServer(protocol, identity))
    with lab.capture():
        for protocol in lab.plan.order(lab.case, MAIL_PORTS):
            for version in ("1.2", "1.3"):
                upgrade(lab, protocol, f"-tls{version.replace('.', '_')}")
                labels.append(ok(version, client=protocol, server=protocol))
    return labels


@case(
    "starttls-inner-failure",
    "Upgrades that are agreed to, and TLS that fails on an expired certificate or an old version",
    "openssl s_client -starttls against small mail servers written with Python's ssl.",
    "openssl",
    "python",
)
def starttls_inner(lab: Lab) -> list[Expected]:
    identity, labels = lab.pki.leaf(ends=-DAY), []
    for protocol, port in MAIL_PORTS.items():
        lab.serve("server", port, MailServer(protocol, identity))
    with lab.capture():
        for protocol in MAIL_PORTS:
            more = {"client": protocol, "server": protocol}
            upgrade(lab, protocol, "-tls1_2")
            labels.append(failed("certificate-expired", "client-flight", "server", version="1.2", **more))
            upgrade(lab, protocol, "-tls1_3")
            labels.append(failed("certificate-expired", "client-flight", "server", version="1.3", **more))
            upgrade(lab, protocol, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
            labels.append(failed("protocol-version-mismatch", "server-hello", "client", **more))
    return labels


@case(
    "starttls-refused",
    "Servers that do not upgrade: SMTP 454 and 502, IMAP NO, POP3 -ERR, PostgreSQL",
    "the words of mail clients by this script against small servers in Python; psql with sslmode=require against "
    "postgres without TLS.",
    "python",
    "postgresql",
)
def starttls_refused(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    rows = (
        (587, "smtp", "454 TLS not available due to temporary reason", ("EHLO client", "STARTTLS", "QUIT")),
        (25, "smtp", "502 command not implemented", ("EHLO client", "STARTTLS", "QUIT")),
        (143, "imap", "{tag} NO not now", ("a CAPABILITY", "b STARTTLS", "c LOGOUT")),
        (110, "pop3", "-ERR no", ("CAPA", "STLS", "QUIT")),
    )
    for port, protocol, refusal, _ in rows:
        lab.serve("server", port, MailServer(protocol, identity, refuse=refusal))
    postgres(lab)
    labels = []
    with lab.capture():
        for port, protocol, _, words in rows:
            # Nothing first: the server greets.
            raw.client(lab, b"", *(lines(word) for word in words), port=port, wait_s=0.5)
            labels.append(
                failed("starttls-refused", "first-bytes", "server", client=protocol, server=protocol, sni=None)
            )
        psql(lab, "require")
        labels.append(
            failed("starttls-refused", "first-bytes", "server", client="postgres", server="postgres", sni=None)
        )
        psql(lab, "disable")
        labels.append(plain("postgres", "postgres"))
    return labels


def psql(lab: Lab, mode: str) -> None:
    where = f"host={lab.plan.server} port={lab.plan.port(5432)} user=postgres dbname=postgres connect_timeout=5"
    settings = f"{where} gssencmode=disable sslmode={mode} sslrootcert={lab.pki.trust}"
    lab.run("client", "psql", settings, "-c", "select 1")
    lab.pause(0.1)


@case(
    "postgresql",
    "PostgreSQL with TLS: agreed to, and then refused for its certificate's issuer",
    "psql with sslmode=prefer (which then goes on without TLS) and verify-ca to postgres with a certificate of "
    "another root.",
    "postgresql",
)
def postgresql(lab: Lab) -> list[Expected]:
    postgres(lab, identity=lab.pki.leaf(issuer=lab.pki.elsewhere()))
    more = {"client": "postgres", "server": "postgres"}
    with lab.capture():
        psql(lab, "prefer")
        psql(lab, "verify-ca")
    # With prefer, psql checks against the root it is given all the same, and comes again without TLS.
    label = failed("certificate-unknown-ca", "client-flight", sni=None, version="1.3", **more)
    return [label, plain("postgres", "postgres"), label]


def forward_proxy(lab: Lab, refuse: bytes = b"") -> raw.Handler:
    """CONNECT and then bytes both ways, or a refusal."""

    def handle(peer: socket.socket) -> None:
        peer.settimeout(10)
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            if not (piece := peer.recv(4096)):
                return
            request += piece
        if refuse:
            peer.sendall(refuse)
            return
        port = int(request.split()[1].rsplit(b":", 1)[1])
        with socket.create_connection((lab.plan.server, port), timeout=10) as upstream:
            peer.sendall(lines("HTTP/1.1 200 Connection established", ""))
            raw.pump(peer, upstream)

    return handle


def through_proxy(lab: Lab, client: str, port: int, *, name: str = "www") -> None:
    """One client through the forward proxy at ``port``."""
    proxy, target = f"{lab.plan.proxy}:{lab.plan.port(port)}", f"{lab.plan.fqdn(name)}:{lab.plan.port(443)}"
    if client == "openssl":
        checks = ("-verify_return_error", "-CAfile", str(lab.pki.trust), "-servername", lab.plan.fqdn(name), "-quiet")
        words = ("-proxy", proxy, "-connect", target, *checks)
        lab.run("client", "openssl", "s_client", *words, stdin=lines("GET / HTTP/1.0", f"Host: {lab.www}", ""))
    elif client == "wget":
        settings = ("-e", f"https_proxy=http://{proxy}", f"--ca-certificate={lab.pki.trust}", "--tries=1", "-O", "-")
        lab.run("client", "wget", *settings, f"https://{target}/")
    else:
        extra = ("--tls-max", "1.2") if client == "curl 1.2" else ()
        clients.curl(lab, f"https://{name}:443/", "-x", f"http://{proxy}", *extra)
    lab.pause(0.1)


@case(
    "connect",
    "TLS through an HTTP proxy: CONNECT agreed to",
    "curl -x, openssl s_client -proxy and wget against a small CONNECT proxy in Python, behind it nginx; captured "
    "between client and proxy.",
    "curl",
    "openssl",
    "wget",
    "nginx",
    "python",
)
def connect(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    lab.serve("router", 3128, forward_proxy(lab))
    more = {"client": "http", "server": "http-response"}
    with lab.capture():
        for one in ("curl", "curl 1.2", "openssl", "wget"):
            through_proxy(lab, one, 3128)
    return [ok(**more), ok("1.2", **more), ok(**more), ok(**more)]


@case(
    "proxy-connect-refused",
    "HTTP proxies that refuse CONNECT: 403, 407, 502, 503, 504",
    "curl -x, openssl s_client -proxy and wget against small proxies in Python.",
    "curl",
    "openssl",
    "wget",
    "python",
)
def connect_refused(lab: Lab) -> list[Expected]:
    answers = (
        "403 Forbidden",
        "407 Proxy Authentication Required",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway Timeout",
    )
    for number, status in enumerate(answers):
        head = lines(f"HTTP/1.1 {status}", "Content-Length: 7", "Connection: close", "") + b"denied\n"
        lab.serve("router", 3128 + number, forward_proxy(lab, head))
    label = failed("proxy-connect-refused", "first-bytes", UNLABELLED, client="http", server="http-response", sni=None)
    with lab.capture():
        for number in range(len(answers)):
            through_proxy(lab, "curl", 3128 + number)
            through_proxy(lab, ("openssl", "wget")[number % 2], 3128 + number)
    login = label.but(blame="client")
    return [login if status.startswith("407") else label for status in answers for _ in range(2)]


@case(
    "connect-inner-failure",
    "CONNECT agreed to, and the TLS inside it fails: an expired certificate, an old version",
    "curl -x with TLS 1.2 and openssl s_client with 1.3 through the small proxy to nginx.",
    "curl",
    "openssl",
    "nginx",
    "python",
)
def connect_inner_failure(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf(ends=-DAY))
    lab.serve("router", 3128, forward_proxy(lab))
    more = {"client": "http", "server": "http-response"}
    with lab.capture():
        through_proxy(lab, "curl 1.2", 3128)
        through_proxy(lab, "openssl", 3128)
    label = failed("certificate-expired", "client-flight", "server", **more)
    return [label.but(version=f"TLS {version}") for version in ("1.2", "1.3")]


@case(
    "proxy-header",
    "PROXY protocol headers where they are expected: v1 and v2, to nginx and HAProxy",
    "curl --haproxy-protocol, and curl through HAProxy with send-proxy-v2 (captured behind it).",
    "curl",
    "nginx",
    "haproxy",
)
def proxy_header(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.nginx(lab, (identity,), flags="ssl proxy_protocol")
    servers.haproxy(lab, ((8443, f"ssl crt {identity.both} accept-proxy"),))
    for port in (443, 8443):
        behind = f"server one {lab.plan.server}:{lab.plan.port(port)} send-proxy-v2"
        servers.haproxy(lab, ((port, ""),), role="router", backend=behind, mode="tcp")
    with lab.capture("server"):
        for port in (443, 8443):
            clients.curl(lab, f"https://www:{port}/", "--haproxy-protocol")
            clients.curl(lab, f"https://www:{port}/", "--connect-to", f"::{lab.plan.proxy}:{lab.plan.port(port)}")
    return [ok(client="proxy-v1"), ok(client="proxy-v2")] * 2


@case(
    "proxy-header-unexpected",
    "PROXY headers sent to listeners that do not expect them",
    "curl --haproxy-protocol (v1) and HAProxy with send-proxy-v2, to six servers.",
    "curl",
    "nginx",
    "haproxy",
    "apache",
    "go",
    "node",
    "java",
)
def proxy_header_unexpected(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    ports = {"nginx": 443, "haproxy": 8443, "apache": 9443, "go": 5061, "node": 993, "java": 8883}
    labels = []
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port)
        behind = f"server one {lab.plan.server}:{lab.plan.port(port)} send-proxy-v2"
        servers.haproxy(lab, ((port, ""),), role="router", backend=behind, mode="tcp")
    with lab.capture("server"):
        for port in ports.values():
            clients.curl(lab, f"https://www:{port}/", "--haproxy-protocol")
            clients.curl(lab, f"https://www:{port}/", "--connect-to", f"::{lab.plan.proxy}:{lab.plan.port(port)}")
            for header in ("proxy-v1", "proxy-v2"):
                label = failed("proxy-header-unexpected", "first-bytes", UNLABELLED, client=header, server=UNLABELLED)
                labels.append(label.but(sni=UNLABELLED))
    return labels


@case(
    "proxy-header-missing",
    "Listeners that want a PROXY header, and clients that send none; beside them clients that do",
    "nginx and HAProxy with the PROXY protocol: curl with --haproxy-protocol works, other clients are reset.",
    "curl",
    "nginx",
    "haproxy",
    "openssl",
    "go",
)
def proxy_header_missing(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.nginx(lab, (identity,), flags="ssl proxy_protocol")
    servers.haproxy(lab, ((8443, f"ssl crt {identity.both} accept-proxy"),))
    label = failed("proxy-header-missing", "first-bytes", UNLABELLED, server=None)
    with lab.capture():
        labels = []
        for port in (443, 8443):
            clients.curl(lab, f"https://www:{port}/", "--haproxy-protocol")
            labels.append(ok(client="proxy-v1"))
        rows = [session(one, "", label, port=port) for one in ("curl", "openssl", "go", "java") for port in (443, 8443)]
        return labels + play(lab, rows)
