"""Somebody speaks the wrong protocol, or none; and other protocols that are right where they are."""

from __future__ import annotations

import socket
import time

from lab import programs as run
from lab.case import Expected, case, failed, idle, plain
from lab.net import Lab, lines


def banner(text: str) -> run.Handler:
    """A server that speaks first and then listens a while."""

    def handle(peer: socket.socket) -> None:
        peer.sendall(text.encode() + b"\r\n")
        peer.settimeout(5)
        if peer.recv(4096) and text.startswith("220"):
            peer.sendall(b"500 5.5.1 command unrecognized\r\n")

    return handle


@case(
    "http-to-tls-port",
    "Plain HTTP to TLS ports: a 400 page, a silent close, a reset, an alert",
    "curl http:// to nginx (443), HAProxy (8443), stunnel (993) and gnutls-serv (9443).",
    "curl",
    "nginx",
    "haproxy",
    "stunnel",
    "gnutls-serv",
)
def http_to_tls(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    run.nginx(lab, identity)
    run.haproxy(lab, f"bind :::8443 v4v6 ssl crt {identity.both}")
    run.stunnel(lab, identity, port=993)
    run.gnutls_serv(lab, identity, port=9443)
    with lab.capture():
        for port in (443, 8443, 993, 9443):
            run.curl(lab, f"http://www.example.test:{port}/")
    answers = ("http-response", None, None, "tls")
    return [failed("http-to-tls-port", "first-bytes", "client", client="http", server=one, sni=None) for one in answers]


@case(
    "tls-to-http-port",
    "TLS to plain HTTP ports",
    "curl and openssl s_client to nginx (80) and HAProxy (8080) without TLS.",
    "curl",
    "openssl",
    "nginx",
    "haproxy",
)
def tls_to_http(lab: Lab) -> list[Expected]:
    run.nginx(lab, listen="80")
    run.haproxy(lab, "bind :::8080 v4v6")
    with lab.capture():
        run.curl(lab, "https://www.example.test:80/")
        run.s_client(lab, port=8080)
    return [failed("tls-to-http-port", "first-bytes", "server", server="http-response")] * 2


@case(
    "tls-to-server-first",
    "TLS to servers that speak first: SMTP and SSH",
    "openssl s_client without -starttls to small banner servers in Python on 587 and 22.",
    "openssl",
    "python",
)
def tls_to_banner(lab: Lab) -> list[Expected]:
    lab.serve("server", 587, banner("220 mail.example.test ESMTP ready"))
    lab.serve("server", 22, banner("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"))
    with lab.capture():
        run.s_client(lab, port=587)
        run.s_client(lab, port=22)
    return [failed("tls-to-server-first", "first-bytes", "client", server=one) for one in ("smtp", "ssh")]


@case(
    "sslv2-hello",
    "An SSLv2-format ClientHello, refused with an alert",
    "the bytes of the hello are made by this script "
    "(no library of today sends them), the servers are nginx and openssl s_server.",
    "nginx",
    "openssl",
    "python",
    form="pcap",
)
def sslv2(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    run.nginx(lab, identity)
    run.s_server(lab, identity, port=8443)
    suites = bytes.fromhex("010080030080040080060040070 0c0".replace(" ", ""))
    body = b"\x01\x00\x02" + len(suites).to_bytes(2, "big") + b"\0\0\0\x10" + suites + bytes(range(16))
    with lab.capture():
        for port in (443, 8443):
            run.raw_client(lab, (0x8000 | len(body)).to_bytes(2, "big") + body, port=port)
    return [failed("obsolete-ssl-hello", "first-bytes", "client", client="sslv2", sni=None)] * 2


@case(
    "not-tls",
    "An SSH client on a TLS port",
    "ssh -p 443 to nginx, which answers with its 400 page, and to HAProxy (8443), which closes.",
    "ssh",
    "nginx",
    "haproxy",
)
def not_tls(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    run.nginx(lab, identity)
    run.haproxy(lab, f"bind :::8443 v4v6 ssl crt {identity.both}")
    with lab.capture():
        for port in (443, 8443):
            run.ssh(lab, port)
    return [
        failed("not-tls", "first-bytes", "client", client="ssh", server=one, sni=None)
        for one in ("http-response", None)
    ]


@case(
    "plaintext",
    "Protocols that are right where they are: HTTP, SSH's first words, SMTP without TLS",
    "curl http:// to nginx; ssh to a server in Python that only exchanges version lines; smtp spoken by this script.",
    "curl",
    "nginx",
    "ssh",
    "python",
)
def plaintext(lab: Lab) -> list[Expected]:
    run.nginx(lab, listen="80")
    lab.serve("server", 22, banner("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"))
    lab.serve("server", 25, banner("220 mail.example.test ESMTP ready"))
    with lab.capture():
        run.curl(lab, "http://www.example.test/")
        run.ssh(lab, 22)
        run.raw_client(lab, lines(["EHLO client.example.test"]), port=25)
    return [plain("http", "http-response"), plain("ssh", "ssh"), plain("smtp", "smtp")]


@case(
    "health-checks",
    "Connections that carry nothing: closed, reset, closed after a while",
    "TCP connections by Python to nginx and openssl s_server (which answers the client's FIN with an alert).",
    "nginx",
    "openssl",
    "python",
)
def health_checks(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    run.nginx(lab, identity)
    run.s_server(lab, identity, port=8443)
    with lab.capture():
        run.raw_client(lab, wait_s=0.05)
        run.raw_client(lab, wait_s=0.05, reset=True)
        run.raw_client(lab, wait_s=1.5)
        run.raw_client(lab, wait_s=0.05, port=8443)
    answered = Expected("idle", client=None, server="tls", sni=None)
    return [idle(), idle(), idle(), answered]


@case(
    "no-client-hello",
    "A client that connects and says nothing until the server gives up",
    "a TCP connection by Python to nginx with client_header_timeout 3s.",
    "nginx",
    "python",
)
def no_client_hello(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(), tls="client_header_timeout 3s;")
    with lab.capture():
        run.raw_client(lab, wait_s=8)
        time.sleep(0.1)
    return [failed("no-client-hello", "first-bytes", "client", "client", client=None, server=None, sni=None)]
