"""Servers that log: nginx, HAProxy, Apache, stunnel, each with what its users meet."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

from lab.kernel import reset_on_close
from lab.logged import WAIT, Act, Log, Sample, hello, openssl, ports, raw
from lab.net import Lab
from lab.raw import lines

__all__ = ["apache", "haproxy", "nginx", "stunnel"]

GET = lines("GET /health HTTP/1.1", "Host: www.example.test", "")
PROXY = b"PROXY TCP4 203.0.113.5 198.51.100.20 50000 443\r\n"


def version(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def nginx(lab: Lab) -> Iterator[Sample]:
    leaf, old = lab.pki.leaf(), lab.pki.leaf("other", self_signed=True)
    path = lab.work / "error.log"
    common = f"ssl_certificate {leaf.chain}; ssl_certificate_key {leaf.key}; ssl_protocols TLSv1.2 TLSv1.3;"
    temporary = " ".join(
        f"{kind}_temp_path {lab.work}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Certificates of its own sort order: the second server refuses every name, the third wants certificates.
    config = f"""
user root; daemon off; worker_processes 1; pid {lab.work}/nginx.pid; error_log {path} info;
events {{}}
http {{
  access_log off; {temporary} client_header_timeout 2s;
  server {{ listen 443 ssl; server_name www.example.test; {common} ssl_ciphers ECDHE-RSA-AES256-GCM-SHA384; }}
  server {{
    listen 8443 ssl; server_name www.example.test; {common}
    ssl_client_certificate {lab.pki.trust}; ssl_verify_client on;
  }}
  server {{ listen 9443 ssl; ssl_reject_handshake on; }}
  server {{ listen 5061 ssl proxy_protocol; {common} }}
  server {{
    listen 80; proxy_ssl_trusted_certificate {old.cert};
    location / {{ proxy_pass https://127.0.0.1:80; }}
    location /v {{ proxy_pass https://127.0.0.1:443; proxy_ssl_verify on; }}
  }}
}}
"""
    lab.start("server", "nginx", "-c", str(lab.write("nginx.conf", config)), "-p", str(lab.work), port=443)
    stamp = (r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S")
    log = Log(
        lab,
        path,
        "nginx",
        "nginx " + version("nginx", "-v").rpartition("/")[2],
        stamp,
        {"role": "server", "said": "local", "client": lab.plan.client, "server": "*:443"},
    )
    trust = ("-CAfile", str(lab.pki.trust))
    yield log.after(
        openssl(lab, 443, next(ports), "-verify_return_error", "-CAfile", str(old.cert)),
        "alert",
        "client-refuses-the-issuer",
        meaning="alert-unknown-ca",
        said="peer",
        alert=48,
    )
    yield log.after(
        openssl(lab, 443, next(ports), "-tls1_1", "-cipher", "ALL@SECLEVEL=0"),
        "unsupported protocol",
        "old-version",
        meaning="version-refused",
    )
    yield log.after(
        openssl(lab, 443, next(ports), "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"),
        "no shared",
        "no-shared-cipher",
        meaning="no-shared-cipher",
    )
    yield log.after(
        raw(lab, 443, GET, next(ports)), "plain HTTP", "plaintext-http", meaning="plaintext-http", server=None
    )
    yield log.after(
        raw(lab, 443, b"", next(ports), wait_s=0.1),
        "closed",
        "connected-and-closed",
        meaning="peer-closed",
        said="transport",
    )
    yield log.after(
        raw(lab, 443, hello(90), next(ports), wait_s=0.1),
        "closed",
        "closed-in-its-hello",
        meaning="peer-closed",
        said="transport",
    )
    yield log.after(
        raw(lab, 443, hello(90), next(ports), wait_s=3.5),
        "timed out",
        "timed-out",
        meaning="handshake-timeout",
        said="transport",
    )
    yield log.after(
        raw(lab, 443, PROXY + hello(), next(ports)),
        "PROXY TCP4",
        "proxy-header-not-expected",
        meaning="proxy-header-unexpected",
        server=None,
    )
    yield log.after(
        raw(lab, 5061, hello(), next(ports)),
        "broken header",
        "proxy-header-missing",
        meaning="proxy-header-missing",
        server="*:5061",
    )
    yield log.after(
        openssl(lab, 9443, next(ports), *trust), "rejected", "name-refused", meaning="sni-refused", server="*:9443"
    )
    yield log.after(
        raw(lab, 80, hello(), next(ports)), "invalid", "tls-to-a-plain-port", meaning="tls-to-plain-port", server=None
    )
    yield log.after(
        openssl(lab, 8443, next(ports), *trust),
        "no required",
        "no-client-certificate",
        is_failure=False,
        meaning="client-certificate-refused-inside",
        server=None,
        sni="www.example.test",
    )
    own = lab.pki.leaf("client", self_signed=True, client=True)
    yield log.after(
        openssl(lab, 8443, next(ports), *trust, "-cert", str(own.cert), "-key", str(own.key)),
        "verify error",
        "client-certificate-refused",
        is_failure=False,
        meaning="client-certificate-refused-inside",
        server=None,
        sni="www.example.test",
    )
    backend: dict[str, Any] = {"role": "client", "client": None}
    yield log.after(
        raw(lab, 80, GET, next(ports)),
        "wrong version",
        "upstream-speaks-plaintext",
        meaning="plaintext-answer",
        server="127.0.0.1:80",
        **backend,
    )
    yield log.after(
        raw(lab, 80, GET.replace(b"/health", b"/v"), next(ports)),
        "certificate verify error",
        "upstream-not-trusted",
        meaning="verify-unknown-issuer",
        server="127.0.0.1:443",
        **backend,
    )


def _close(peer: socket.socket) -> None:
    """The connection ends as soon as the client has spoken."""
    peer.recv(65536)


def _reset(peer: socket.socket) -> None:
    peer.recv(65536)
    reset_on_close(peer)


def _wait(peer: socket.socket) -> None:
    """No word, until the client leaves."""
    while peer.recv(65536):
        pass


def haproxy(lab: Lab) -> Iterator[Sample]:
    leaf = lab.pki.leaf()
    own = lab.pki.leaf("client", self_signed=True, client=True)
    fields = "%ci:%cp [%tr] %ft %ac/%fc %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] "
    fields += "%[ssl_fc_sni]/%sslv/%sslc"
    crt = f"crt {leaf.both} ssl-min-ver TLSv1.2"
    config = f"""
global
  log stdout format rfc3164 local0
  tune.ssl.default-dh-param 2048
defaults
  mode http
  log global
  option httplog
  timeout connect 2s
  timeout client 3s
  timeout server 3s
  timeout http-request 3s
frontend public
  bind :443 name tls ssl {crt}
  default_backend behind
frontend strict
  bind :9443 name sni ssl strict-sni {crt}
  default_backend behind
frontend mutual
  bind :8443 name mtls ssl ca-file {lab.pki.trust} verify required {crt}
  default_backend behind
frontend fields
  bind :5061 name tls ssl {crt}
  error-log-format "{fields}"
  default_backend behind
frontend proxied
  bind :465 name pp accept-proxy ssl {crt}
  default_backend behind
frontend traffic
  bind :6443 name tls ssl {crt}
  option httpslog
  default_backend behind
frontend plain
  bind :8880 name http
  default_backend behind
frontend checked
  bind :7443 name tls ssl {crt}
  default_backend unreached
frontend passing
  mode tcp
  option tcplog
  bind :2443 name tcp
  bind :2444 name refused
  bind :2445 name sorted
  bind :2446 name empty
  bind :2447 name resetting
  bind :2448 name silent
  tcp-request inspect-delay 2s
  tcp-request content reject if {{ dst_port 2445 }} !{{ req.ssl_hello_type 1 }}
  use_backend dead if {{ dst_port 2444 }}
  use_backend empty if {{ dst_port 2446 }}
  use_backend resetting if {{ dst_port 2447 }}
  use_backend silent if {{ dst_port 2448 }}
  default_backend closing
backend closing
  mode tcp
  server one 127.0.0.1:8081
backend dead
  mode tcp
  server one 127.0.0.1:82
backend resetting
  mode tcp
  server one 127.0.0.1:8082
backend silent
  mode tcp
  timeout server 1s
  server one 127.0.0.1:8083
backend empty
  mode tcp
  server one 127.0.0.1:82 disabled
backend unreached
  server plain 127.0.0.1:8080 ssl verify none
backend behind
  http-request return status 200 content-type text/plain string hello
backend members
  option httpchk
  server plain 127.0.0.1:8080 ssl verify none check inter 1s
  server closed 127.0.0.1:82 ssl verify none check inter 1s
"""
    lab.serve("server", 8080, lambda peer: peer.sendall(b"220 hello\r\n"))
    lab.serve("server", 8081, _close)
    lab.serve("server", 8082, _reset)
    lab.serve("server", 8083, _wait)
    path = lab.write("haproxy.cfg", config)
    lab.start("server", "haproxy", "-db", "-f", str(path), port=443)
    written = next(iter(sorted(lab.work.glob("process-*.log"), reverse=True)))
    accept = (r"\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3})\]", "%d/%b/%Y:%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S")
    origin = "HAProxy " + version("haproxy", "-v").split()[2]
    log = Log(lab, written, "haproxy", origin, accept, {"role": "server", "time_of": "accept"})
    checks = Log(
        lab, written, "haproxy", origin, (r"<\d+>(\w{3} +\d+ \d\d:\d\d:\d\d)", "%b %d %H:%M:%S", "%m-%d %H:%M:%S")
    )

    def one(name: str, act: Act, pick: str, **expect: object) -> Sample:
        source = next(ports)
        given: dict[str, Any] = {"said": "local", "client": f"{lab.plan.client}:{source}", **expect}
        return log.after(act(source), pick, name, **given)

    def tls(port: int, *words: str, name: str | None = "www") -> Act:
        return lambda source: openssl(lab, port, source, *words, name=name)

    def plain(port: int, data: bytes, *, reset: bool = False, wait_s: float = 0.5) -> Act:
        return lambda source: raw(lab, port, data, source, reset=reset, wait_s=wait_s)

    def leaves(source: int) -> Callable[[], object]:
        """A handshake, and then an end."""

        def talk() -> None:
            context = ssl.create_default_context(cafile=str(lab.pki.trust))
            where = (lab.plan.client, source)
            with (
                socket.create_connection((lab.plan.server, 443), 10, source_address=where) as plain,
                context.wrap_socket(plain, server_hostname=lab.plan.fqdn("www")),
            ):
                time.sleep(0.3)

        return lambda: lab.inside("client", talk)

    yield checks.after(
        WAIT,
        r"^<.*Server members/plain",
        "health-check-met-plaintext",
        role="client",
        meaning="backend-check-failed",
    )
    yield one("plaintext-http", plain(443, GET), r"public/tls: SSL", meaning="haproxy-handshake-failed", said=None)
    yield one(
        "client-closed", plain(443, b"", wait_s=0.1), r"public/tls: Conn", meaning="peer-closed", said="transport"
    )
    yield one(
        "client-reset",
        plain(443, hello(40), reset=True, wait_s=0.1),
        r"public/tls: ",
        meaning="haproxy-handshake-failed",
        said=None,
    )
    yield one(
        "timeout",
        plain(443, hello(40), wait_s=6),
        r"public/tls: Timeout",
        meaning="handshake-timeout",
        said="transport",
    )
    yield one("unknown-name", tls(9443, name="other"), r"strict/sni: ", meaning="haproxy-handshake-failed", said=None)
    yield one("proxy-header-missing", plain(465, hello()), r"proxied/pp: ", meaning="proxy-header-missing")
    yield one(
        "client-certificate-refused",
        tls(8443, "-cert", str(own.cert), "-key", str(own.key)),
        r"mutual/mtls: ",
        meaning="client-certificate-refused",
    )
    yield one(
        "fields-old-version",
        tls(5061, "-tls1_1", "-cipher", "ALL@SECLEVEL=0"),
        r"fields~? 1/1 ",
        meaning="version-refused",
    )
    yield one(
        "fields-unknown-ca",
        tls(5061, "-verify_return_error", "-CAfile", str(own.cert)),
        r"fields~? 1/1 ",
        meaning="alert-unknown-ca",
        said="peer",
        alert=48,
        sni="www.example.test",
    )
    yield one("fields-plaintext-http", plain(5061, GET), r"fields~? 1/1 ", meaning="plaintext-http")
    yield one(
        "fields-client-closed",
        plain(5061, hello(40), wait_s=0.1),
        r"fields~? 1/1 ",
        meaning="peer-closed",
        said="transport",
    )
    yield one(
        "httpslog-fine",
        tls(6443),
        r"traffic~ ",
        meaning="handshake-ok",
        is_failure=False,
        said=None,
        sni="www.example.test",
    )
    yield one(
        "httpslog-plaintext-http", plain(6443, GET), r"traffic(?:/tls|~)", meaning="haproxy-handshake-failed", said=None
    )
    yield one("httplog-tls-to-http", plain(8880, hello()), r" plain ", role=None, meaning="request-unreadable")
    yield one(
        "httplog-backend-speaks-plaintext", tls(7443), r" checked~ ", meaning="backend-unreachable", said="transport"
    )
    left: dict[str, Any] = {"meaning": "left-without-request", "is_failure": False, "said": "transport"}
    yield one("httplog-left-without-request", leaves, r" public~ ", **left)
    tcp = {"role": None}
    yield one(
        "tcplog-refused", plain(2444, hello()), r" passing ", meaning="backend-unreachable", said="transport", **tcp
    )
    yield one("tcplog-no-server", plain(2446, hello()), r" passing ", meaning="no-backend", **tcp)
    yield one("tcplog-rejected", plain(2445, GET), r" passing ", meaning="rejected-by-rule", **tcp)
    ended: dict[str, Any] = {"said": "transport", **tcp}
    yield one("tcplog-server-closed", plain(2443, hello()), r" passing ", meaning="passed-on-unanswered", **ended)
    yield one("tcplog-server-reset", plain(2447, hello()), r" passing ", meaning="passed-on-server-closed", **ended)
    yield one(
        "tcplog-server-silent",
        plain(2448, hello(), wait_s=4),
        r" passing ",
        meaning="passed-on-server-silent",
        **ended,
    )
    yield one(
        "tcplog-client-left",
        plain(2448, hello(), reset=True, wait_s=0.2),
        r" passing ",
        **ended,
        meaning="passed-on-client-closed",
    )


def apache(lab: Lab) -> Iterator[Sample]:
    leaf, old = lab.pki.leaf(), lab.pki.leaf("other", self_signed=True)
    own = lab.pki.leaf("client", self_signed=True, client=True)
    modules, path = "/usr/lib/apache2/modules", lab.work / "error.log"
    (lab.work / "www").mkdir()
    lab.write("www/index.html", "hello\n")
    names = ("mpm_event", "authz_core", "socache_shmcb", "ssl", "dir", "proxy", "proxy_http")
    loaded = "\n".join(f"LoadModule {one}_module {modules}/mod_{one}.so" for one in names)
    common = "SSLEngine on\nSSLProtocol -all +TLSv1.2 +TLSv1.3\n"
    common += f"SSLCertificateFile {leaf.chain}\nSSLCertificateKeyFile {leaf.key}"
    config = f"""
{loaded}
ServerRoot {lab.work}
PidFile {lab.work}/apache.pid
ErrorLog {path}
LogLevel warn ssl:info
Listen 443 https
Listen 8443 https
Listen 6443 https
ServerName www.example.test
DocumentRoot {lab.work}/www
<VirtualHost *:443>
  {common}
  SSLCipherSuite ECDHE-RSA-AES256-GCM-SHA384
</VirtualHost>
<VirtualHost *:8443>
  {common}
  SSLCACertificateFile {lab.pki.trust}
  SSLVerifyClient require
</VirtualHost>
<VirtualHost *:6443>
  {common}
  SSLProxyEngine on
  SSLProxyCACertificateFile {old.cert}
  ProxyPass / https://127.0.0.1:443/
</VirtualHost>
"""
    lab.start("server", "apache2", "-X", "-f", str(lab.write("apache.conf", config)), port=443)
    stamp = (r"^\[\w{3} (\w{3} \d\d \d\d:\d\d:\d\d\.\d{6} \d{4})\]", "%b %d %H:%M:%S.%f %Y", "%Y-%m-%d %H:%M:%S")
    log = Log(
        lab, path, "apache", "Apache " + version("apache2", "-v").partition("/")[2].split()[0], stamp, {"said": "local"}
    )

    def one(name: str, act: Act, pick: str, *, count: int = 1, **expect: object) -> Sample:
        source = next(ports)
        given: dict[str, Any] = {"role": "server", "client": f"{lab.plan.client}:{source}", **expect}
        return log.after(act(source), pick, name, lines=count, **given)

    def tls(port: int, *words: str) -> Act:
        return lambda source: openssl(lab, port, source, *words)

    yield one(
        "client-refuses-the-issuer",
        tls(443, "-verify_return_error", "-CAfile", str(old.cert)),
        "AH02008",
        count=2,
        meaning="alert-unknown-ca",
        said="peer",
        alert=48,
    )
    yield one(
        "old-version", tls(443, "-tls1_1", "-cipher", "ALL@SECLEVEL=0"), "AH02008", count=2, meaning="version-refused"
    )
    yield one(
        "no-shared-cipher",
        tls(443, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"),
        "AH02008",
        count=2,
        meaning="no-shared-cipher",
    )
    yield one("plaintext-http", lambda source: raw(lab, 443, GET, source), "AH01996", meaning="plaintext-http")
    yield one(
        "not-tls",
        lambda source: raw(lab, 443, b"SSH-2.0-x\r\n" * 4, source),
        "AH02008",
        count=2,
        meaning="not-tls-received",
    )
    yield one("no-client-certificate", tls(8443, "-tls1_2"), "AH02008", count=2, meaning="client-certificate-missing")
    yield one(
        "client-certificate-refused",
        tls(8443, "-tls1_2", "-cert", str(own.cert), "-key", str(own.key)),
        "AH02276|AH02039",
        count=3,
        meaning="client-certificate-refused",
    )
    yield one(
        "closed-in-its-hello",
        lambda source: raw(lab, 443, hello(90), source, wait_s=0.1),
        "AH02(?:006|007|008)|AH01998",
        meaning="peer-closed",
        said="transport",
    )


def stunnel(lab: Lab) -> Iterator[Sample]:
    leaf, old = lab.pki.leaf(), lab.pki.leaf("other", self_signed=True)
    path = lab.work / "stunnel.log"
    lab.serve("server", 8080, lambda peer: peer.sendall(b"220 hello\r\n"))
    config = f"""
foreground = yes
pid =
debug = 5
output = {path}
[web]
accept = 443
connect = 127.0.0.1:8080
cert = {leaf.chain}
key = {leaf.key}
sslVersionMin = TLSv1.2
[outwards]
client = yes
accept = 9000
connect = 127.0.0.1:443
CAfile = {old.cert}
verifyChain = yes
[plain]
client = yes
accept = 9001
connect = 127.0.0.1:8080
"""
    lab.start("server", "stunnel", str(lab.write("stunnel.conf", config)), port=443)
    time.sleep(0.5)
    stamp = (r"(?s)(?:.*\n)?(\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d)", "%Y.%m.%d %H:%M:%S", "%Y-%m-%d %H:%M:%S")
    log = Log(lab, path, "stunnel", "stunnel " + version("stunnel", "-version").split()[1], stamp, {"said": "local"})

    def one(name: str, act: Act, *, count: int = 2, **expect: object) -> Sample:
        source = next(ports)
        given: dict[str, Any] = {"role": "server", "client": f"{lab.plan.client}:{source}", **expect}
        return log.after(act(source), r"accepted connection from", name, lines=count, **given)

    yield one(
        "client-refuses-the-issuer",
        lambda source: openssl(lab, 443, source, "-verify_return_error", "-CAfile", str(old.cert)),
        meaning="alert-unknown-ca",
        said="peer",
        alert=48,
    )
    yield one(
        "old-version",
        lambda source: openssl(lab, 443, source, "-tls1_1", "-cipher", "ALL@SECLEVEL=0"),
        meaning="version-refused",
    )
    yield one("plaintext-http", lambda source: raw(lab, 443, GET, source), meaning="plaintext-http")
    yield one(
        "closed-in-its-hello",
        lambda source: raw(lab, 443, hello(90), source, wait_s=0.1),
        meaning="peer-closed",
        said="transport",
    )
    yield log.after(
        raw(lab, 9001, b"", next(ports)),
        r"SSL_connect: ",
        "as-client-plaintext-answer",
        role="client",
        meaning="plaintext-answer",
    )
    yield log.after(
        raw(lab, 9000, b"", next(ports)),
        r"CERT: |SSL_connect: ",
        "as-client-not-trusted",
        role="client",
        meaning="verify-unknown-issuer",
    )
