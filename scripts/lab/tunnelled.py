"""TLS that begins after something else: STARTTLS, CONNECT, PROXY headers; and the ways that goes wrong."""

from __future__ import annotations

import socket
import ssl
from typing import ClassVar

from lab import programs as run
from lab.case import Expected, case, failed, ok
from lab.net import PROXY, SERVER, Lab, lines
from lab.pki import Identity


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
                peer.sendall(
                    (text.replace("\r\n250 STARTTLS", "\r\n250 HELP") if self.refuse else text).encode() + b"\r\n"
                )
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


def read_line(peer: socket.socket) -> str:
    data = b""
    while not data.endswith(b"\n"):
        if not (piece := peer.recv(1)):
            return ""
        data += piece
    return data.decode(errors="replace").strip()


@case(
    "starttls",
    "TLS after SMTP STARTTLS, IMAP STARTTLS and POP3 STLS",
    "openssl s_client -starttls against small mail servers written with Python's ssl.",
    "openssl",
    "python",
)
def starttls(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    labels = []
    for port, protocol in ((25, "smtp"), (143, "imap"), (110, "pop3")):
        lab.serve("server", port, MailServer(protocol, identity))
    with lab.capture():
        for port, protocol in ((25, "smtp"), (143, "imap"), (110, "pop3")):
            run.s_client(lab, "-starttls", protocol, port=port, request=b"NOOP\r\n")
            labels.append(ok(client=protocol, server=protocol))
    return labels


@case(
    "starttls-refused",
    "A mail server that does not upgrade",
    "openssl s_client -starttls smtp (which asks all the same) against a small server in Python that answers 454.",
    "openssl",
    "python",
)
def starttls_refused(lab: Lab) -> list[Expected]:
    lab.serve("server", 587, MailServer("smtp", lab.pki.leaf(), refuse="454 TLS not available due to temporary reason"))

    def talk() -> None:
        with socket.create_connection((SERVER, 587), timeout=5) as peer:
            for line in ("", "EHLO client.example.test", "STARTTLS", "QUIT"):
                if line:
                    peer.sendall(line.encode() + b"\r\n")
                while read_line(peer)[3:4] == "-":
                    pass

    with lab.capture():
        lab.inside("client", talk)
    return [failed("starttls-refused", "first-bytes", "server", client="smtp", server="smtp", sni=None)]


def forward_proxy(refuse: bytes = b"") -> run.Handler:
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
        with socket.create_connection((SERVER, 443), timeout=10) as upstream:
            peer.sendall(lines(["HTTP/1.1 200 Connection established", ""]))
            run.pump(peer, upstream)

    return handle


@case(
    "connect",
    "TLS through an HTTP proxy: CONNECT agreed to",
    "curl -x against a small CONNECT proxy in Python, behind it nginx; captured between client and proxy.",
    "curl",
    "nginx",
    "python",
)
def connect(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    lab.serve("router", 3128, forward_proxy())
    with lab.capture():
        for extra in ((), ("--tls-max", "1.2")):
            run.curl(lab, "https://www.example.test/", "-x", f"http://{PROXY}:3128", *extra)
    return [ok(client="http", server="http-response"), ok("TLS 1.2", client="http", server="http-response")]


@case(
    "connect-refused",
    "An HTTP proxy that refuses CONNECT",
    "curl -x against a small proxy in Python that answers 403, and one that answers 407.",
    "curl",
    "python",
)
def connect_refused(lab: Lab) -> list[Expected]:
    for port, status in ((3128, "403 Forbidden"), (8080, "407 Proxy Authentication Required")):
        answer = lines([f"HTTP/1.1 {status}", "Content-Length: 0", "Connection: close", ""])
        lab.serve("router", port, forward_proxy(answer))
    with lab.capture():
        for port in (3128, 8080):
            run.curl(lab, "https://www.example.test/", "-x", f"http://{PROXY}:{port}")
    refused = failed(
        "proxy-connect-refused", "first-bytes", run.UNLABELLED, client="http", server="http-response", sni=None
    )
    return [refused, refused]


@case(
    "connect-inner-failure",
    "CONNECT agreed to, and the TLS inside it fails on an expired certificate",
    "curl -x with TLS 1.2 through a small proxy in Python to nginx.",
    "curl",
    "nginx",
    "python",
)
def connect_inner(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(ends=-run.DAY))
    lab.serve("router", 3128, forward_proxy())
    with lab.capture():
        run.curl(lab, "https://www.example.test/", "-x", f"http://{PROXY}:3128", "--tls-max", "1.2")
    return [
        failed(
            "certificate-expired", "client-flight", "server", client="http", server="http-response", version="TLS 1.2"
        )
    ]


@case(
    "proxy-header",
    "PROXY protocol headers where they are expected: v1 to nginx, v2 to nginx",
    "curl --haproxy-protocol, and curl through HAProxy with send-proxy-v2 (captured behind it).",
    "curl",
    "nginx",
    "haproxy",
)
def proxy_header(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(), listen="443 ssl proxy_protocol")
    run.haproxy(lab, "bind :::443 v4v6", role="router", backend=f"server one {SERVER}:443 send-proxy-v2", mode="tcp")
    with lab.capture("server"):
        run.curl(lab, "https://www.example.test/", "--haproxy-protocol")
        run.curl(lab, "https://www.example.test/", "--connect-to", f"::{PROXY}:443")
    return [ok(client="proxy-v1"), ok(client="proxy-v2")]


@case(
    "proxy-header-unexpected",
    "PROXY headers sent to listeners that do not expect them",
    "curl --haproxy-protocol to nginx (400 page); HAProxy with send-proxy-v2 to another HAProxy (closes).",
    "curl",
    "nginx",
    "haproxy",
)
def proxy_header_unexpected(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    run.nginx(lab, identity)
    run.haproxy(lab, f"bind :::8443 v4v6 ssl crt {identity.both}")
    run.haproxy(lab, "bind :::443 v4v6", role="router", backend=f"server one {SERVER}:8443 send-proxy-v2", mode="tcp")
    with lab.capture("server"):
        run.curl(lab, "https://www.example.test/", "--haproxy-protocol")
        run.curl(lab, "https://www.example.test/", "--connect-to", f"::{PROXY}:443")
    return [
        failed("proxy-header-unexpected", "first-bytes", "client", client="proxy-v1", server="http-response"),
        failed("proxy-header-unexpected", "first-bytes", "client", client="proxy-v2", server=None),
    ]


@case(
    "proxy-header-missing",
    "A listener that wants a PROXY header, and a client that sends none",
    "nginx with proxy_protocol: curl with --haproxy-protocol works, curl without is reset.",
    "curl",
    "nginx",
)
def proxy_header_missing(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(), listen="443 ssl proxy_protocol")
    with lab.capture():
        run.curl(lab, "https://www.example.test/", "--haproxy-protocol")
        run.curl(lab, "https://www.example.test/")
    return [ok(client="proxy-v1"), failed("proxy-header-missing", "first-bytes", "client", server=None)]
