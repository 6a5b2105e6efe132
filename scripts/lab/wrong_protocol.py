"""Somebody speaks the wrong protocol, or none; and other protocols that are right where they are."""

from __future__ import annotations

import time

from lab import clients, raw, servers
from lab.case import UNLABELLED, Expected, case, failed, idle, ok, plain
from lab.databases import postgres, redis
from lab.net import Lab
from lab.raw import lines
from lab.session import play, session

PORTS = {
    "nginx": 443,
    "apache": 8443,
    "haproxy": 9443,
    "go": 5061,
    "node": 993,
    "java": 636,
    "gnutls": 465,
    "openssl": 563,
    "stunnel": 995,
    "python": 8883,
    "nss": 6697,
}
PAGE, TLS = "http-response", "tls"
SPOKEN = {"nginx": PAGE, "apache": PAGE, "go": PAGE, "java": TLS, "gnutls": TLS}
"""What a server of TLS says to HTTP; the others end without a word."""
SSH_BANNER = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"


def ssh(lab: Lab, port: int) -> None:
    """OpenSSH's client, which gives up soon."""
    options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=4")
    words = [word for one in options for word in ("-o", one)]
    target = f"nobody@{lab.plan.server}"
    lab.run("client", "ssh", *words, "-b", lab.plan.client, "-p", str(lab.plan.port(port)), target, "true")
    time.sleep(0.1)


def start_tls(lab: Lab) -> None:
    identity = lab.pki.leaf()
    for stack, port in PORTS.items():
        servers.start(lab, stack, identity, port)


@case(
    "http-to-tls-every-server",
    "Plain HTTP to the TLS ports of eleven servers: pages, alerts, silent closes, resets, silence; and HTTP where it "
    "belongs",
    "curl http:// (and wget for some) to one server of each stack; beside them plain HTTP on 8080 and a TLS session.",
    *PORTS,
    "curl",
    "wget",
)
def http_to_tls(lab: Lab) -> list[Expected]:
    start_tls(lab)
    servers.nginx(lab, (), port=8080, flags="")
    labels = []
    with lab.capture():
        for stack, port in lab.plan.order(lab.case, PORTS.items()):
            # NSS's server waits for more, so the client gives up.
            clients.curl(lab, f"http://www:{port}/", "--max-time", lab.seconds(6))
            labels.append(http_refused(SPOKEN.get(stack)))
        for stack in ("nginx", "haproxy", "java"):
            url = f"http://{lab.www}:{lab.plan.port(PORTS[stack])}/"
            lab.run("client", "wget", "-S", "-O", "-", "--tries=1", "--no-proxy", "--timeout=6", url)
            labels.append(http_refused(SPOKEN.get(stack)))
        clients.curl(lab, "http://www:8080/")
        labels.append(plain("http", "http-response"))
        clients.curl(lab, "http://www:8080/absent")
        labels.append(plain("http", "http-response"))
        return labels + play(lab, [session("curl", "", ok("1.3"))])


def http_refused(spoken: str | None) -> Expected:
    return failed("http-to-tls-port", "first-bytes", "client", client="http", server=spoken, sni=None)


@case(
    "http-to-tls-port",
    "Plain HTTP to TLS ports: a 400 page, a silent close, a reset, an alert",
    "curl http:// to nginx (443), HAProxy (8443), stunnel (993) and gnutls-serv (9443).",
    "curl",
    "nginx",
    "haproxy",
    "stunnel",
    "gnutls",
)
def http_to_four(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    ports = {"nginx": 443, "haproxy": 8443, "stunnel": 993, "gnutls": 9443}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port)
    with lab.capture():
        for port in ports.values():
            clients.curl(lab, f"http://www:{port}/")
    return [http_refused(SPOKEN.get(stack)) for stack in ports]


@case(
    "http-to-tls-odd-port",
    "Plain HTTP to TLS on ports that are nobody's TLS port",
    "curl http:// to nginx (4711, a page), gnutls-serv (4712, an alert) and HAProxy (4713, a close; a TLS session to "
    "the same port shows that it speaks TLS).",
    "nginx",
    "gnutls",
    "haproxy",
    "curl",
)
def http_to_odd_port(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    for stack, port in (("nginx", 4711), ("gnutls", 4712), ("haproxy", 4713)):
        servers.start(lab, stack, identity, port)
    with lab.capture():
        labels = play(lab, [session("openssl", "", ok(), port=4713)])
        for port, spoken in ((4711, PAGE), (4712, TLS), (4713, None)):
            clients.curl(lab, f"http://www:{port}/")
            labels.append(http_refused(spoken))
    return labels


TLS_CLIENTS = ("openssl", "curl", "gnutls", "go", "java", "node", "python", "nss", "wget")


@case(
    "tls-to-http-port",
    "TLS to plain HTTP ports: nine clients, three servers",
    "clients to nginx (80), HAProxy (8080) and Node's http module (8088), none of which speaks TLS there.",
    "nginx",
    "haproxy",
    "node",
    *TLS_CLIENTS,
    decode_as_tls=(80, 8080, 8000),
)
def tls_to_http(lab: Lab) -> list[Expected]:
    servers.nginx(lab, (), port=80, flags="")
    servers.haproxy(lab, ((8080, ""),))
    script = f"require('http').createServer((q, r) => r.end('hello')).listen({lab.plan.port(8000)}, '::')"
    lab.start("server", "node", "-e", script, port=lab.plan.port(8000))
    label = failed("tls-to-http-port", "first-bytes", "server", server="http-response")
    ports = (80, 8080, 8000)
    rows = [session(one, "", label, port=ports[number % 3]) for number, one in enumerate(TLS_CLIENTS)]
    rows += [session(one, "1.2", label, port=ports[(number + 1) % 3]) for number, one in enumerate(TLS_CLIENTS)]
    with lab.capture():
        return play(lab, rows)


FIRST = {
    "smtp": (587, b"220 mail.example.test ESMTP ready\r\n", b"500 5.5.1 command unrecognized\r\n"),
    "ssh": (22, SSH_BANNER, b""),
    "ftp": (21, b"220 (vsFTPd 3.0.3)\r\n", b"530 Please login with USER and PASS.\r\n"),
    "imap": (143, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready.\r\n", b"* BAD invalid command\r\n"),
    "pop3": (110, b"+OK POP3 ready\r\n", b"-ERR unknown command\r\n"),
    "mysql": (
        3306,
        b"\x4a\0\0\0\x0a8.0.36\0"
        b"\x08\0\0\0"
        b"abcdefgh\0"
        b"\xff\xff\xff\x02\0\xff\xdf\x15" + bytes(10) + b"ijklmnopqrst\0caching_sha2_password\0",
        b"",
    ),
}


@case(
    "tls-to-server-first",
    "TLS to servers that speak first: SMTP, SSH, FTP, IMAP, POP3, MySQL",
    "clients without STARTTLS to small servers in Python that send the greetings of real ones.",
    "python",
    *TLS_CLIENTS,
    decode_as_tls=(22, 21, 587, 143, 110, 3306),
)
def tls_to_banner(lab: Lab) -> list[Expected]:
    for port, greeting, answer in FIRST.values():
        lab.serve("server", port, raw.banner(greeting, answer))
    rows = []
    for number, (protocol, (port, _, _)) in enumerate(FIRST.items()):
        spoken = UNLABELLED if protocol == "ftp" else protocol  # 220 is what SMTP says, too
        label = failed("tls-to-server-first", "first-bytes", UNLABELLED, server=spoken)
        pair = (TLS_CLIENTS[(2 * number + other) % len(TLS_CLIENTS)] for other in (0, 1))
        rows += [session(client, "", label, port=port) for client in pair]
    with lab.capture():
        return play(lab, rows)


@case(
    "tls-to-plaintext-port",
    "TLS to servers of other plain protocols, which answer in them",
    "clients to a small server in Python that answers ERROR as memcached does.",
    "python",
    *TLS_CLIENTS,
    decode_as_tls=(11211,),
)
def tls_to_plaintext(lab: Lab) -> list[Expected]:
    lab.serve("server", 11211, raw.answer_with(b"ERROR\r\n"))
    label = failed("tls-to-plaintext-port", "first-bytes", UNLABELLED, server=UNLABELLED)
    with lab.capture():
        return play(lab, [session(one, "", label, port=11211) for one in TLS_CLIENTS])


@case(
    "tls-to-silent-protocol",
    "TLS to Redis, which reads the hello and waits for more, and to PostgreSQL, which closes",
    "curl, openssl and go (each with a limit of time or until the server ends it) to redis-server and to postgres "
    "without the SSLRequest.",
    "redis",
    "postgresql",
    "curl",
    "go",
    "java",
    decode_as_tls=(6379, 5432),
)
def tls_to_silent(lab: Lab) -> list[Expected]:
    redis(lab)
    postgres(lab)
    waited = failed("server-silent", "server-hello", UNLABELLED, "server", server=None)
    closed = failed("server-closed", "server-hello", UNLABELLED, "server", server=None)
    rows = [
        session("curl", "", waited, port=6379, extra=("--max-time", lab.seconds(6))),
        *(session(one, "", closed, port=5432) for one in ("curl", "go", "java")),
    ]
    with lab.capture():
        return play(lab, rows)


def sslv2_hello() -> bytes:
    """An SSLv2-format ClientHello (RFC 5246, appendix E.2)."""
    suites = bytes.fromhex("0100800300800400800600400700c0")
    body = b"\x01\x00\x02" + len(suites).to_bytes(2, "big") + b"\0\0\0\x10" + suites + bytes(range(16))
    return (0x8000 | len(body)).to_bytes(2, "big") + body


@case(
    "sslv2-hello",
    "An SSLv2-format ClientHello, refused with an alert",
    "the bytes of the hello are made by this script (no library of today sends them), the servers are nginx and "
    "openssl s_server.",
    "nginx",
    "openssl",
    "python",
    form="pcap",
)
def sslv2(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.start(lab, "nginx", identity)
    servers.start(lab, "openssl", identity, 8443)
    with lab.capture():
        for port in (443, 8443):
            raw.client(lab, sslv2_hello(), port=port)
    return [failed("obsolete-ssl-hello", "first-bytes", "client", client="sslv2", sni=None)] * 2


@case(
    "obsolete-ssl-hello",
    "SSLv2-format and SSLv3-only ClientHellos, refused",
    "the bytes of the hellos are made by this script (no library of today sends them), the servers are real.",
    "nginx",
    "openssl",
    "haproxy",
    "node",
    "java",
    "python",
    form="pcap",
)
def obsolete(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    ports = {"nginx": 443, "openssl": 8443, "haproxy": 9443, "node": 993, "java": 5061}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port)
    body = b"\x03\x00" + bytes(range(32)) + b"\0" + b"\0\x06\0\x0a\0\x05\0\x2f" + b"\x01\0"
    sslv3 = raw.record(22, b"\x01" + len(body).to_bytes(3, "big") + body, 0x0300)
    labels = []
    with lab.capture():
        for port in lab.plan.order(lab.case, ports.values()):
            raw.client(lab, sslv2_hello(), port=port)
            labels.append(
                failed("obsolete-ssl-hello", "first-bytes", "client", client="sslv2", sni=None, server=UNLABELLED)
            )
            raw.client(lab, sslv3, port=port)
            labels.append(
                failed("obsolete-ssl-hello", UNLABELLED, "client", client=UNLABELLED, sni=None, server=UNLABELLED)
            )
    return labels


@case(
    "not-tls",
    "Other protocols on TLS ports: SSH, Redis, MQTT, a bare SSLRequest of PostgreSQL, SMTP",
    "ssh to four servers, and the first bytes of a Redis, MQTT, PostgreSQL and SMTP client by this script.",
    "ssh",
    "nginx",
    "haproxy",
    "openssl",
    "java",
    "stunnel",
    "python",
)
def not_tls(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    ports = {"nginx": 443, "haproxy": 8443, "openssl": 993, "java": 5061, "stunnel": 8883}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port)
    others = (
        b"*1\r\n$4\r\nPING\r\n",
        b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"EHLO client.example.test\r\n",
    )
    labels = []
    with lab.capture():
        for stack, port in lab.plan.order(lab.case, ports.items()):
            ssh(lab, port)
            spoken = SPOKEN.get(stack)
            labels.append(failed("not-tls", "first-bytes", "client", client="ssh", server=spoken, sni=None))
        for number, data in enumerate(others):
            for stack in list(ports)[number % 2 :: 2]:
                raw.client(lab, data, port=ports[stack], wait_s=3)
                labels.append(
                    failed("not-tls", "first-bytes", "client", client=UNLABELLED, server=UNLABELLED, sni=None)
                )
    return labels


@case(
    "plaintext",
    "Protocols that are right where they are: HTTP, SSH's first words, SMTP without TLS, Redis",
    "curl http:// to nginx; ssh to a server in Python that only exchanges version lines; smtp spoken by this script; "
    "the first command of a Redis client to redis-server.",
    "curl",
    "nginx",
    "ssh",
    "redis",
    "python",
)
def plaintext(lab: Lab) -> list[Expected]:
    servers.nginx(lab, (), port=80, flags="")
    redis(lab)
    lab.serve("server", 22, raw.banner(SSH_BANNER))
    lab.serve("server", 25, raw.banner(b"220 mail.example.test ESMTP ready\r\n", b"500 what\r\n"))
    with lab.capture():
        clients.curl(lab, "http://www/")
        clients.curl(lab, "http://www/missing")
        ssh(lab, 22)
        raw.client(lab, lines("EHLO client.example.test"), port=25)
        raw.client(lab, b"*1\r\n$4\r\nPING\r\n", port=6379, wait_s=0.3)
    return [
        plain("http", "http-response"),
        plain("http", "http-response"),
        plain("ssh", "ssh"),
        plain("smtp", "smtp"),
        plain(UNLABELLED, UNLABELLED),
    ]


@case(
    "health-checks",
    "Connections that carry nothing: closed, reset, closed after a while; some servers answer the FIN with an alert",
    "TCP connections by Python to one server of each stack.",
    *PORTS,
    "python",
)
def health_checks(lab: Lab) -> list[Expected]:
    start_tls(lab)
    labels = []
    with lab.capture():
        for _, port in lab.plan.order(lab.case, PORTS.items()):
            raw.client(lab, wait_s=0.1, port=port)
            labels.append(idle(UNLABELLED))
        for number, port in enumerate(PORTS.values()):
            raw.client(lab, wait_s=0.05, reset=True, port=port, source=0)
            raw.client(lab, wait_s=(0.6, 1.5)[number % 2], port=port, source=1)
            labels += [idle(UNLABELLED)] * 2
    return labels


@case(
    "no-client-hello",
    "Clients that connect and say nothing until the server gives up",
    "TCP connections by Python to nginx (client_header_timeout 3s), HAProxy (timeout client 3s) and Node "
    "(handshakeTimeout 4000); near it, one where the client leaves first.",
    "nginx",
    "haproxy",
    "node",
    "python",
)
def no_client_hello(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.start(lab, "nginx", identity, extra=("client_header_timeout 3s;",))
    servers.haproxy(lab, ((8443, f"ssl crt {identity.both}"),), lines="timeout client 3s")
    servers.start(lab, "node", identity, 9443, extra=('{"handshakeTimeout": 4000}',))
    label = failed("no-client-hello", "first-bytes", "client", "client", client=None, server=UNLABELLED, sni=None)
    with lab.capture():
        for port in (443, 8443, 9443):
            raw.client(lab, wait_s=9, port=port)
        raw.client(lab, wait_s=1.5)
    return [label, label, label, idle()]
