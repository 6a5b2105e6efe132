"""The real servers and clients of the cases, each started with one line."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from lab.case import UNLABELLED
from lab.net import CLIENT, SERVER, SERVER6, Lab, lines
from lab.pki import Identity

__all__ = [
    "DAY",
    "UNLABELLED",
    "Handler",
    "curl",
    "gnutls_cli",
    "gnutls_serv",
    "haproxy",
    "hello_bytes",
    "nginx",
    "pump",
    "python_client",
    "raw_client",
    "s_client",
    "s_server",
    "ssh",
    "stunnel",
]

Handler = Callable[[socket.socket], None]
NAME = "www.example.test"
DAY = timedelta(days=1)
REQUEST = lines(["GET / HTTP/1.0", f"Host: {NAME}", ""])


def nginx(lab: Lab, *identities: Identity, listen: str = "443 ssl", tls: str = "", more: str = "", role: str = "server",
          full_chain: bool = True) -> None:  # fmt: skip
    """nginx with one TLS server per ``listen`` line; ``tls`` goes into it, ``more`` beside it."""
    (lab.work / "www").mkdir(exist_ok=True)
    lab.write("www/index.html", "<p>hello</p>\n")
    pairs = "".join(
        f"ssl_certificate {one.chain if full_chain else one.cert};\nssl_certificate_key {one.key};\n"
        for one in identities
    )
    address, _, flags = listen.partition(" ")
    config = f"""
user root; daemon off; worker_processes 1; pid {lab.work}/nginx.pid; error_log {lab.work}/nginx.err;
events {{}}
http {{
  access_log off; client_body_temp_path {lab.work}/t1; proxy_temp_path {lab.work}/t2; fastcgi_temp_path {lab.work}/t3;
  uwsgi_temp_path {lab.work}/t4; scgi_temp_path {lab.work}/t5; types {{}} default_type text/html;
  server {{
    listen {address} {flags}; listen [::]:{address} {flags}; server_name {NAME}; root {lab.work}/www;
    {pairs} {"" if "ssl_protocols" in tls else "ssl_protocols TLSv1.2 TLSv1.3;"} {tls}
  }}
  {more}
}}
"""
    path = lab.write("nginx.conf", config)
    lab.start(role, "nginx", "-c", str(path), "-p", str(lab.work), port=int(address))


def haproxy(
    lab: Lab, binds: str, *, role: str = "server", backend: str = "", mode: str = "http", port: int = 0
) -> None:
    """HAProxy with one frontend. Without a backend it answers by itself."""
    answer = f"default_backend behind\nbackend behind\n  {backend}" if backend else "http-request return status 200"
    config = f"""
global
  tune.ssl.default-dh-param 2048
defaults
  mode {mode}
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend sample
  {binds}
  {answer}
"""
    path = lab.write(f"haproxy-{role}.cfg", config)
    first = port or int(binds.split(":::")[1].split(maxsplit=1)[0])
    lab.start(role, "haproxy", "-db", "-f", str(path), port=first)


def stunnel(lab: Lab, identity: Identity, *, port: int = 443) -> None:
    """stunnel in front of an HTTP server."""
    lab.serve("server", 8080, answer_http)
    config = f"foreground = yes\npid =\n[sample]\naccept = :::{port}\nconnect = 8080\ncert = {identity.both}\n"
    lab.start("server", "stunnel", str(lab.write("stunnel.conf", config)), port=port)


def gnutls_serv(lab: Lab, identity: Identity, *extra: str, port: int = 443) -> None:
    """gnutls-serv in HTTP mode."""
    lab.start(
        "server",
        "gnutls-serv",
        "--http",
        "-p",
        str(port),
        "--x509certfile",
        str(identity.chain),
        "--x509keyfile",
        str(identity.key),
        *(extra or ("--disable-client-cert",)),
        port=port,
    )


def s_server(lab: Lab, identity: Identity, *extra: str, port: int = 443, chain: bool = True, www: bool = True) -> None:
    """openssl s_server that answers HTTP requests."""
    above = ("-cert_chain", str(identity.chain)) if chain and identity.above else ()
    lab.start(
        "server",
        "openssl",
        "s_server",
        "-accept",
        str(port),
        "-cert",
        str(identity.cert),
        "-key",
        str(identity.key),
        *above,
        *(("-www",) if www else ()),
        *extra,
        port=port,
    )


def s_client(lab: Lab, *extra: str, port: int = 443, name: str | None = NAME, verify: bool = True, host: str = SERVER,
             request: bytes = REQUEST, source: str = CLIENT) -> None:  # fmt: skip
    """openssl s_client sends one request and waits for the end."""
    server_name = ("-servername", name) if name else ("-noservername",)
    checks: tuple[str, ...] = ()
    if verify:
        checks = ("-verify_return_error", *(("-verify_hostname", name) if name else ()))
    lab.run(
        "client",
        "openssl",
        "s_client",
        "-connect",
        f"{host}:{port}",
        "-bind",
        source,
        "-quiet",
        *server_name,
        *checks,
        "-CAfile",
        str(lab.pki.trust),
        *extra,
        stdin=request,
    )
    time.sleep(0.1)


def curl(lab: Lab, url: str, *extra: str, ipv6: bool = False, source: str = "", role: str = "client") -> None:
    """curl that trusts the laboratory's root and needs no name service."""
    host = url.split("//")[1].split("/", maxsplit=1)[0]
    name, _, port = host.partition(":")
    port = port or ("443" if url.startswith("https") else "80")
    address = f"[{SERVER6}]" if ipv6 else SERVER
    lab.run(
        role,
        "curl",
        "-sS",
        "--noproxy",
        "" if "-x" in extra else "*",
        "--resolve",
        f"{name}:{port}:{address}",
        "--cacert",
        str(lab.pki.trust),
        *(("--interface", source) if source else ()),
        *extra,
        url,
    )
    time.sleep(0.1)


def gnutls_cli(lab: Lab, priority: str = "NORMAL", *extra: str, port: int = 443, request: bytes = REQUEST) -> None:
    """gnutls-cli sends one request."""
    hosts = lab.write("hosts", f"{SERVER} {NAME}\n")
    inner = f"mount --bind {hosts} /etc/hosts && exec gnutls-cli " + " ".join(
        [f"--priority={priority}", f"--x509cafile={lab.pki.trust}", "-p", str(port), *extra, NAME]
    )
    # gnutls-cli checks the name it connects to, so the name has to resolve: a private mount of /etc/hosts.
    lab.run("client", "unshare", "-m", "sh", "-c", inner, stdin=request)
    time.sleep(0.1)


def python_client(lab: Lab, *, context: ssl.SSLContext | None = None, port: int = 443, name: str = NAME,
                  request: bytes = REQUEST, limit_s: float = 10) -> None:  # fmt: skip
    """Python's ssl module, one request; refusals are swallowed, they are what is sampled."""
    chosen = context or ssl.create_default_context(cafile=str(lab.pki.trust))

    def talk() -> None:
        try:
            with (
                socket.create_connection((SERVER, port), timeout=limit_s) as plain,
                chosen.wrap_socket(plain, server_hostname=name) as tls,
            ):
                tls.sendall(request)
                while tls.recv(65536):
                    pass
        except (ssl.SSLError, OSError):
            pass

    lab.inside("client", talk)
    time.sleep(0.1)


def raw_client(
    lab: Lab, data: bytes = b"", *, port: int = 443, wait_s: float = 1.0, source: str = CLIENT, reset: bool = False
) -> bytes:
    """Bytes over TCP, then whatever comes back within ``wait_s`` after the last byte."""

    def talk() -> bytes:
        received = b""
        with socket.create_connection((SERVER, port), timeout=10, source_address=(source, 0)) as plain:
            if reset:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            try:
                if data:
                    plain.sendall(data)
                plain.settimeout(wait_s)
                while piece := plain.recv(65536):
                    received += piece
            except OSError:
                pass
        return received

    try:
        return lab.inside("client", talk)
    except OSError:
        return b""
    finally:
        time.sleep(0.1)


def answer_http(peer: socket.socket) -> None:
    """A complete HTTP answer to whatever is asked."""
    peer.settimeout(10)
    if peer.recv(65536):
        peer.sendall(
            lines(["HTTP/1.1 200 OK", "Content-Type: text/plain", "Content-Length: 6", "Connection: close", ""])
            + b"hello\n"
        )


def hello_bytes(
    name: str = NAME, *, alpn: tuple[str, ...] = (), maximum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> bytes:
    """A real ClientHello record by Python's ssl, without a connection."""
    context = ssl.create_default_context()
    context.maximum_version = maximum
    if alpn:
        context.set_alpn_protocols(list(alpn))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def ssh(lab: Lab, port: int) -> None:
    """OpenSSH's client, which gives up soon."""
    options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=4")
    lab.run(
        "client", "ssh", *(word for one in options for word in ("-o", one)), "-p", str(port), f"nobody@{SERVER}", "true"
    )
    time.sleep(0.1)


def pump(one: socket.socket, other: socket.socket) -> None:
    """Copy bytes both ways until either end closes."""
    while True:
        for source in select.select([one, other], [], [], 10)[0]:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)
