"""The real servers of the cases, each started with one line: ``start(lab, "nginx", identity, port=8443)``."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import stacks
from lab.net import Lab
from lab.nss import database
from lab.pki import Identity
from lab.stacks import program

__all__ = ["ALL", "Serve", "answer_http", "haproxy", "nginx", "start"]


@dataclass(frozen=True, slots=True)
class Serve:
    """What a server is told, for all stacks alike; what one of them alone knows goes into ``extra``."""

    identity: Identity
    port: int = 443
    """As the cases call it."""
    low: str = "1.2"
    high: str = "1.3"
    chain: bool = True
    """The intermediate is sent."""
    client_ca: Path | None = None
    """A client certificate of this authority is wanted."""
    alpn: tuple[str, ...] = ()
    groups: str = ""
    ciphers: str = ""
    """As OpenSSL calls them."""
    extra: tuple[str, ...] = ()

    @property
    def certificates(self) -> str:
        return str(self.identity.chain if self.chain else self.identity.cert)


def spelled(version: str) -> str:
    """As OpenSSL, nginx, Apache, Node and Java call it."""
    return "TLSv" + version.removesuffix(".0")


def versions(asked: Serve) -> list[str]:
    known = ("1.0", "1.1", "1.2", "1.3")
    return list(known[known.index(asked.low) : known.index(asked.high) + 1])


def nginx(
    lab: Lab, identities: tuple[Identity, ...], lines: str = "", *, port: int = 443, flags: str = "ssl",
    beside: str = "", chain: bool = True, role: str = "server", name: str = "www",
) -> None:  # fmt: skip
    """nginx with one server; ``lines`` go into it, ``beside`` into the http block."""
    number, root = lab.plan.port(port), lab.work / "www"
    root.mkdir(exist_ok=True)
    lab.write("www/index.html", "<p>hello</p>\n")
    pairs = "".join(
        f"ssl_certificate {one.chain if chain else one.cert};\nssl_certificate_key {one.key};\n" for one in identities
    )
    temporary = " ".join(
        f"{kind}_temp_path {lab.work}/nginx-{number}-{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    protocols = "" if "ssl_protocols" in lines else "ssl_protocols TLSv1.2 TLSv1.3;"
    config = f"""
user root; daemon off; worker_processes 1; pid {lab.work}/nginx-{number}.pid; error_log {lab.work}/nginx-{number}.err;
events {{}}
http {{
  access_log off; {temporary} types {{}} default_type text/html;
  server {{
    listen {number} {flags}; listen [::]:{number} {flags}; server_name {lab.plan.fqdn(name)}; root {root};
    {pairs} {protocols} {lines}
  }}
  {beside}
}}
"""
    path = lab.write(f"nginx-{number}.conf", config)
    lab.start(role, "nginx", "-c", str(path), "-p", str(lab.work), port=number)


def haproxy(
    lab: Lab, binds: tuple[tuple[int, str], ...], *, role: str = "server", backend: str = "", mode: str = "http",
    lines: str = "",
) -> None:  # fmt: skip
    """HAProxy with one frontend of several ``(port, settings)``. Without a backend it answers by itself."""
    own = 'http-request return status 200 content-type text/plain string "hello"'
    answer = f"default_backend behind\nbackend behind\n  {backend}" if backend else own
    listeners = "\n  ".join(f"bind :::{lab.plan.port(port)} v4v6 {settings}" for port, settings in binds)
    config = f"""
global
  tune.ssl.default-dh-param 2048
defaults
  mode {mode}
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend sample
  {listeners}
  {lines}
  {answer}
"""
    first = lab.plan.port(binds[0][0])
    path = lab.write(f"haproxy-{role}-{first}.cfg", config)
    lab.start(role, "haproxy", "-db", "-f", str(path), port=first)


def serve_nginx(lab: Lab, asked: Serve) -> None:
    lines = [f"ssl_protocols {' '.join(map(spelled, versions(asked)))};", *asked.extra]
    lines += [f"ssl_ciphers {asked.ciphers};"] if asked.ciphers else []
    lines += [f"ssl_ecdh_curve {asked.groups};"] if asked.groups else []
    lines += [f"ssl_client_certificate {asked.client_ca}; ssl_verify_client on;"] if asked.client_ca else []
    flags = "ssl http2" if "h2" in asked.alpn else "ssl"
    nginx(lab, (asked.identity,), "\n".join(lines), port=asked.port, flags=flags, chain=asked.chain)


def serve_haproxy(lab: Lab, asked: Serve) -> None:
    pem = asked.identity.both
    if not asked.chain:
        pem = lab.write(f"alone-{asked.port}.pem", asked.identity.cert.read_bytes() + asked.identity.key.read_bytes())
    words = [f"ssl crt {pem} ssl-min-ver TLSv{asked.low} ssl-max-ver TLSv{asked.high}", *asked.extra]
    words += [f"ciphers {asked.ciphers}"] if asked.ciphers else []
    words += [f"curves {asked.groups}"] if asked.groups else []
    words += [f"ca-file {asked.client_ca} verify required"] if asked.client_ca else []
    words += [f"alpn {','.join(asked.alpn)}"] if asked.alpn else []
    haproxy(lab, ((asked.port, " ".join(words)),))


def serve_apache(lab: Lab, asked: Serve) -> None:
    number, modules = lab.plan.port(asked.port), "/usr/lib/apache2/modules"
    lab.write("www/index.html", "<p>hello</p>\n")
    loaded = "\n".join(
        f"LoadModule {one}_module {modules}/mod_{one}.so"
        for one in ("mpm_event", "authz_core", "socache_shmcb", "ssl", "dir")
    )
    names = " ".join("+" + spelled(one) for one in versions(asked))
    lines = list(asked.extra)
    lines += [f"SSLCipherSuite {asked.ciphers}"] if asked.ciphers else []
    lines += (
        [f"SSLCACertificateFile {asked.client_ca}\nSSLVerifyClient require\nSSLVerifyDepth 3"]
        if asked.client_ca
        else []
    )
    config = f"""
{loaded}
ServerRoot {lab.work}
PidFile {lab.work}/apache-{number}.pid
ErrorLog {lab.work}/apache-{number}.err
Listen {number} https
ServerName {lab.www}
DocumentRoot {lab.work}/www
<VirtualHost *:{number}>
  SSLEngine on
  SSLProtocol -all {names}
  SSLCertificateFile {asked.certificates}
  SSLCertificateKeyFile {asked.identity.key}
  {chr(10).join(lines)}
</VirtualHost>
"""
    path = lab.write(f"apache-{number}.conf", config)
    lab.start("server", "apache2", "-X", "-f", str(path), port=number)


def serve_stunnel(lab: Lab, asked: Serve) -> None:
    number = lab.plan.port(asked.port)
    lab.serve("server", 20_000 + asked.port, answer_http)
    lines = [
        "foreground = yes",
        "pid =",
        f"sslVersionMin = TLSv{asked.low}",
        f"sslVersionMax = TLSv{asked.high}",
        "[sample]",
        f"accept = :::{number}",
        f"connect = {20_000 + asked.port}",
        f"cert = {asked.certificates}",
        f"key = {asked.identity.key}",
        *asked.extra,
    ]
    lines += [f"CAfile = {asked.client_ca}", "verifyChain = yes"] if asked.client_ca else []
    lines += [f"ciphers = {asked.ciphers}"] if asked.ciphers else []
    lines += [f"curves = {asked.groups}"] if asked.groups else []
    path = lab.write(f"stunnel-{number}.conf", "\n".join(lines) + "\n")
    lab.start("server", "stunnel", str(path), port=number)


def serve_openssl(lab: Lab, asked: Serve) -> None:
    number = lab.plan.port(asked.port)
    words = ["-accept", str(number), "-cert", str(asked.identity.cert), "-key", str(asked.identity.key)]
    words += ["-cert_chain", str(asked.identity.chain)] if asked.chain and asked.identity.above else []
    words += ["-min_protocol", spelled(asked.low), "-max_protocol", spelled(asked.high)]
    words += ["-cipher", asked.ciphers] if asked.ciphers else []
    words += ["-groups", asked.groups] if asked.groups else []
    words += ["-alpn", ",".join(asked.alpn)] if asked.alpn else []
    words += ["-CAfile", str(asked.client_ca), "-Verify", "3", "-verify_return_error"] if asked.client_ca else []
    words += [] if "-rev" in asked.extra else ["-www"]
    lab.start("server", "openssl", "s_server", *words, *asked.extra, port=number)


def serve_gnutls(lab: Lab, asked: Serve) -> None:
    number = lab.plan.port(asked.port)
    priority = "NORMAL:-VERS-ALL" + "".join(f":+VERS-TLS{one}" for one in versions(asked)) + "".join(asked.extra)
    words = ["--http", "-p", str(number), "--priority", priority]
    words += ["--x509certfile", asked.certificates, "--x509keyfile", str(asked.identity.key)]
    words += [f"--alpn={one}" for one in asked.alpn] + (["--alpn-fatal"] if asked.alpn else [])
    mine = ["--x509cafile", str(asked.client_ca), "--require-client-cert", "--verify-client-cert"]
    words += mine if asked.client_ca else ["--disable-client-cert"]
    lab.start("server", "gnutls-serv", *words, port=number)


def serve_nss(lab: Lab, asked: Serve) -> None:
    number = lab.plan.port(asked.port)
    folder = database(lab, f"nss-{number}", trust=asked.client_ca, own=asked.identity, chain=asked.chain)
    words = ["-d", folder, "-n", "own", "-p", str(number), "-V", f"tls{asked.low}:tls{asked.high}"]
    words += ["-r", "-r"] if asked.client_ca else []
    lab.start("server", "selfserv", *words, *asked.extra, port=number)


def serve_java(lab: Lab, asked: Serve) -> None:
    number = lab.plan.port(asked.port)
    words = [f"port={number}", f"cert={asked.certificates}", f"key={asked.identity.key}"]
    words += [f"versions={','.join(map(spelled, versions(asked)))}"]
    words += [f"ca={asked.client_ca}"] if asked.client_ca else []
    words += [f"alpn={','.join(asked.alpn)}"] if asked.alpn else []
    java = program(stacks.JAVA)
    settings = [f"-Djdk.tls.namedGroups={asked.groups}"] if asked.groups else []
    lab.start("server", java[0], *settings, *java[1:], "server", *words, *asked.extra, port=number)


def serve_node(lab: Lab, asked: Serve) -> None:
    number = lab.plan.port(asked.port)
    options: dict[str, object] = {"port": number, "certFile": asked.certificates, "keyFile": str(asked.identity.key)}
    options |= {"minVersion": spelled(asked.low), "maxVersion": spelled(asked.high)}
    options |= {"ciphers": asked.ciphers} if asked.ciphers else {}
    options |= {"ecdhCurve": asked.groups} if asked.groups else {}
    options |= {"ALPNProtocols": list(asked.alpn)} if asked.alpn else {}
    options |= {"caFile": str(asked.client_ca), "requestCert": True} if asked.client_ca else {}
    options |= json.loads(asked.extra[0]) if asked.extra else {}
    lab.start("server", *program(stacks.NODE), "server", json.dumps(options), port=number)


def serve_go(lab: Lab, asked: Serve) -> None:
    number = lab.plan.port(asked.port)
    words = ["-listen", f":{number}", "-cert", asked.certificates, "-key", str(asked.identity.key)]
    words += ["-min", asked.low, "-max", asked.high]
    words += ["-ca", str(asked.client_ca)] if asked.client_ca else []
    words += ["-alpn", ",".join(asked.alpn)] if asked.alpn else []
    words += ["-groups", asked.groups] if asked.groups else []
    lab.start("server", *program(stacks.GO), "server", *words, *asked.extra, port=number)


def serve_python(lab: Lab, asked: Serve) -> None:
    number = lab.plan.port(asked.port)
    words = [f"port={number}", f"cert={asked.certificates}", f"key={asked.identity.key}"]
    words += [f"min={asked.low}", f"max={asked.high}"]
    words += [f"ca={asked.client_ca}"] if asked.client_ca else []
    words += [f"alpn={','.join(asked.alpn)}"] if asked.alpn else []
    words += [f"ciphers={asked.ciphers}"] if asked.ciphers else []
    lab.start("server", *program(stacks.PYTHON), "server", *words, *asked.extra, port=number)


ALL: dict[str, Callable[[Lab, Serve], None]] = {
    "nginx": serve_nginx,
    "apache": serve_apache,
    "haproxy": serve_haproxy,
    "openssl": serve_openssl,
    "stunnel": serve_stunnel,
    "gnutls": serve_gnutls,
    "nss": serve_nss,
    "java": serve_java,
    "node": serve_node,
    "go": serve_go,
    "python": serve_python,
}


def start(lab: Lab, stack: str, identity: Identity, port: int = 443, **settings: object) -> None:
    """A server of ``stack`` on ``port``; ``settings`` are those of :class:`Serve`."""
    ALL[stack](lab, Serve(identity, port, **settings))  # type: ignore[arg-type]  # names are those of Serve


def answer_http(peer: socket.socket) -> None:
    """A complete HTTP answer to whatever is asked."""
    peer.settimeout(10)
    if peer.recv(65536):
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\n"
        peer.sendall(head.encode() + b"hello\n")
