"""Clients and language runtimes: what they print when a server is not as it should be, and what their servers log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from lab import stacks
from lab.databases import postgres as start_postgres
from lab.logged import Act, Log, Sample, hello, openssl, ports, raw
from lab.logged_servers import GET, version
from lab.net import Lab, LabError
from lab.nss import database
from lab.servers import nginx
from lab.stacks import program

__all__ = ["chromium", "curl", "gnutls", "go", "java", "node", "openssl_client", "postgresql", "python", "sshd"]

EXPIRED, OTHER, PLAIN, SERVED, CLOSED = 8443, 9443, 80, 443, 4711
DAY = timedelta(days=1)


def servers(lab: Lab) -> None:
    """A good server, one with an expired certificate, one of another name, one without TLS."""
    leaf = lab.pki.leaf()
    nginx(lab, (leaf,), port=SERVED)
    nginx(lab, (lab.pki.leaf(begins=-90 * DAY, ends=-1 * DAY),), port=EXPIRED)
    nginx(lab, (lab.pki.leaf("other"),), port=OTHER)
    nginx(lab, (), port=PLAIN, flags="")


def asked(lab: Lab, format_name: str, origin: str, **facts: Any) -> Callable[..., Sample]:
    """The function that runs a client and takes the lines that ``pick`` finds from what it printed."""

    def ask(name: str, words: list[str], pick: str, *, lines: int = 1, stdin: bytes = b"", **expect: Any) -> Sample:
        done = lab.run("client", *words, stdin=stdin, limit_s=30)
        said = (done.stdout + done.stderr).decode("utf-8", "backslashreplace").split("\n")
        for place, line in enumerate(said):
            if re.search(pick, line):
                known = {key: value for key, value in {**facts, **expect}.items() if value is not None}
                return Sample(format_name, name, "\n".join(without_frames(said[place : place + lines])), origin, known)
        raise LabError(f"{format_name} {name}: {pick!r} is not in {said!r}")

    return ask


def without_frames(lines: list[str]) -> Iterator[str]:
    """Of a stack trace the first frame after each exception: the others say nothing of TLS."""
    was_frame = False
    for line in lines:
        is_frame = line.lstrip().startswith("at ")
        if not (is_frame and was_frame):
            yield line
        was_frame = is_frame


def curl(lab: Lab) -> Iterator[Sample]:
    servers(lab)
    ask = asked(lab, "curl", "curl " + version("curl", "--version").split()[1], role="client", said="local")
    words = ["curl", "-sS", "--max-time", "5", "--cacert", str(lab.pki.trust)]
    www = lab.www
    yield ask("expired", [*words, f"https://{www}:{EXPIRED}/"], "curl: ", meaning="verify-expired")
    yield ask("other-name", [*words, f"https://{www}:{OTHER}/"], "curl: ", meaning="verify-hostname", sni=www)
    yield ask("plaintext-answer", [*words, f"https://{www}:{PLAIN}/"], "curl: ", meaning="plaintext-answer")
    yield ask(
        "refused",
        [*words, f"https://{www}:{CLOSED}/"],
        "curl: ",
        meaning="connect-failed",
        said="transport",
        server=f"*:{CLOSED}",
    )
    yield ask("unknown-issuer", ["curl", "-sS", f"https://{www}:{SERVED}/"], "curl: ", meaning="verify-unknown-issuer")
    tls12_only(lab, 4712)
    yield ask(
        "old-version",
        [*words, "--tlsv1.3", f"https://{www}:4712/"],
        "curl: ",
        meaning="alert-protocol-version",
        said="peer",
        alert=70,
    )


def tls12_only(lab: Lab, port: int) -> None:
    """A server that is behind its time."""
    nginx(lab, (lab.pki.leaf(),), "ssl_protocols TLSv1.2;", port=port)


def openssl_client(lab: Lab) -> Iterator[Sample]:
    servers(lab)
    tls12_only(lab, 4712)
    ask = asked(lab, "openssl", "OpenSSL " + version("openssl", "version").split()[1], said="local")
    words = [
        "openssl",
        "s_client",
        "-servername",
        lab.www,
        "-CAfile",
        str(lab.pki.trust),
        "-verify_return_error",
        "-connect",
    ]
    server = lab.plan.server
    yield ask("plaintext-answer", [*words, f"{server}:{PLAIN}"], ":error:", meaning="first-record-not-tls")
    yield ask(
        "old-version",
        [*words, f"{server}:4712", "-tls1_3"],
        ":error:",
        meaning="alert-protocol-version",
        said="peer",
        alert=70,
    )
    yield ask("expired", [*words, f"{server}:{EXPIRED}"], ":error:", meaning="verify-failed", role="client")


def gnutls(lab: Lab) -> Iterator[Sample]:
    servers(lab)
    tls12_only(lab, 4712)
    origin = "GnuTLS " + version("gnutls-cli", "--version").split()[-1]
    ask = asked(lab, "gnutls", origin, role="client", said="local")
    words = ["gnutls-cli", "--x509cafile", str(lab.pki.trust)]
    yield ask(
        "plaintext-answer", [*words, "-p", str(PLAIN), lab.www], r"Fatal error|\*\*\*", meaning="plaintext-answer"
    )
    yield ask("expired", [*words, "-p", str(EXPIRED), lab.www], r"Status: ", meaning="verify-expired")
    yield ask("other-name", [*words, "-p", str(OTHER), lab.www], r"Status: ", meaning="verify-hostname")
    yield ask(
        "alert",
        [*words, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3", "-p", "4712", lab.www],
        r"alert \[",
        meaning="alert-protocol-version",
        said="peer",
        alert=70,
        role=None,
    )
    wget = asked(lab, "gnutls", "Wget with " + origin, role="client", said="local")
    yield wget(
        "wget-not-trusted",
        ["wget", "-O", "-", "--tries=1", "--no-proxy", f"https://{lab.www}:{SERVED}/"],
        "^ERROR: ",
        meaning="verify-unknown-issuer",
    )


PYTHON_CLIENT = """
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
context.minimum_version = getattr(ssl.TLSVersion, sys.argv[4])
context.wrap_socket(socket.create_connection((sys.argv[2], int(sys.argv[3]))), server_hostname=sys.argv[2])
"""


def python(lab: Lab) -> Iterator[Sample]:
    servers(lab)
    tls12_only(lab, 4712)
    ask = asked(lab, "python", version("/usr/bin/python3", "--version"), said="local")
    words = ["/usr/bin/python3", "-c", PYTHON_CLIENT, str(lab.pki.trust), lab.www]
    yield ask("expired", [*words, str(EXPIRED), "TLSv1_2"], r"^ssl\.", meaning="verify-expired")
    yield ask(
        "other-name", [*words, str(OTHER), "TLSv1_2"], r"^ssl\.", meaning="verify-hostname", role="client", sni=lab.www
    )
    yield ask("plaintext-answer", [*words, str(PLAIN), "TLSv1_2"], r"^ssl\.", meaning="first-record-not-tls")
    yield ask(
        "old-version",
        [*words, "4712", "TLSv1_3"],
        r"^ssl\.",
        meaning="alert-protocol-version",
        said="peer",
        alert=70,
    )


def go(lab: Lab) -> Iterator[Sample]:
    servers(lab)
    leaf = lab.pki.leaf()
    origin = version("go", "version").replace("go version go", "Go ").split(" linux")[0]
    binary = program(stacks.GO)
    for port, extra in ((5061, []), (6697, ["-ca", str(lab.pki.trust)]), (8883, ["-alpn", "h2"])):
        lab.start(
            "server",
            *binary,
            "server",
            "-listen",
            f":{port}",
            "-cert",
            str(leaf.chain),
            "-key",
            str(leaf.key),
            *extra,
            port=port,
        )
    logs = sorted(lab.work.glob("process-*.log"))[-3:]
    stamp = (r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S")
    plain, mutual, protocols = (
        Log(lab, path, "go", origin, stamp, {"role": "server", "said": "local"}) for path in logs
    )

    def one(log: Log, name: str, act: Act, **expect: Any) -> Sample:
        source = next(ports)
        return log.after(act(source), r"handshake error", name, client=f"{lab.plan.client}:{source}", **expect)

    yield one(plain, "not-tls", lambda source: raw(lab, 5061, b"SSH-2.0-x\r\n" * 3, source), meaning="not-tls-received")
    yield one(
        plain,
        "connected-and-closed",
        lambda source: raw(lab, 5061, b"", source, wait_s=0.1),
        meaning="peer-closed",
        said="transport",
    )
    yield one(
        plain,
        "old-version",
        lambda source: openssl(lab, 5061, source, "-tls1_1", "-cipher", "ALL@SECLEVEL=0"),
        meaning="version-refused",
    )
    yield one(
        plain,
        "no-shared-cipher",
        lambda source: openssl(lab, 5061, source, "-tls1_2", "-cipher", "DHE-RSA-AES256-SHA"),
        meaning="no-shared-cipher",
    )
    yield one(
        plain,
        "client-refuses-tls12",
        lambda source: openssl(lab, 5061, source, "-tls1_2", "-verify_return_error"),
        meaning="alert-unknown-ca",
        said="peer",
        alert=48,
    )
    yield one(
        plain,
        "client-refuses-tls13",
        lambda source: openssl(lab, 5061, source, "-verify_return_error"),
        meaning="unreadable-alert",
    )
    yield one(
        mutual, "no-client-certificate", lambda source: openssl(lab, 6697, source), meaning="client-certificate-missing"
    )
    yield one(protocols, "no-alpn", lambda source: openssl(lab, 8883, source, "-alpn", "foo"), meaning="no-alpn")
    ask = asked(lab, "go", origin, role="client", said="local")
    words = [*binary, "client", "-ca", str(lab.pki.trust), "-name", lab.www, "-connect"]
    yield ask("client-expired", [*words, f"{lab.plan.server}:{EXPIRED}"], "x509", meaning="verify-expired")
    yield ask("client-other-name", [*words, f"{lab.plan.server}:{OTHER}"], "x509", meaning="verify-hostname")
    yield ask(
        "client-plaintext-answer",
        [*words, f"{lab.plan.server}:{PLAIN}"],
        "tls: ",
        meaning="first-record-not-tls",
        role=None,
    )


def java(lab: Lab) -> Iterator[Sample]:
    servers(lab)
    leaf = lab.pki.leaf()
    origin = "OpenJDK " + version("java", "-version").split('"')[1]
    words = program(stacks.JAVA)
    ask = asked(lab, "java", origin, role="client", said="local")
    client = [*words, "client", f"host={lab.plan.server}", f"name={lab.www}"]
    trust = f"ca={lab.pki.trust}"
    yield ask(
        "not-trusted", [*client, f"port={SERVED}"], "^Exception", lines=60, meaning="verify-unknown-issuer", role=None
    )
    yield ask("expired", [*client, trust, f"port={EXPIRED}"], "^Exception", lines=80, meaning="date-invalid", role=None)
    yield ask("other-name", [*client, trust, f"port={OTHER}"], "^Exception", lines=20, meaning="verify-hostname")
    yield ask(
        "plaintext-answer",
        [*client, trust, f"port={PLAIN}"],
        "^Exception",
        lines=5,
        meaning="first-record-not-tls",
        role=None,
    )
    yield ask(
        "no-protocol",
        [*client, trust, f"port={SERVED}", "versions=TLSv1"],
        "^Exception",
        lines=5,
        meaning="no-protocols-available",
        role=None,
    )
    lab.start("server", *words, "server", "port=5061", f"cert={leaf.chain}", f"key={leaf.key}", port=5061)
    log = Log(lab, max(lab.work.glob("process-*.log")), "java", origin, None, {"role": "server", "said": "local"})
    yield log.after(
        raw(lab, 5061, GET, next(ports)), "SSL", "server-plaintext", meaning="first-record-not-tls", role=None
    )
    yield log.after(
        openssl(lab, 5061, next(ports), "-tls1_1", "-cipher", "ALL@SECLEVEL=0"),
        "SSL",
        "server-old-version",
        meaning="version-refused",
    )
    yield log.after(
        openssl(lab, 5061, next(ports), "-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256:CAMELLIA256-SHA"),
        "SSL",
        "server-no-cipher",
        meaning="no-shared-cipher",
    )
    yield log.after(
        openssl(lab, 5061, next(ports), "-tls1_2", "-verify_return_error"),
        "SSL",
        "server-alert",
        meaning="alert-unknown-ca",
        said="peer",
        alert=48,
        role=None,
    )
    yield log.after(
        openssl(lab, 5061, next(ports), "-verify_return_error"),
        "SSL",
        "server-unreadable-alert",
        meaning="unreadable-alert",
    )


NODE_SERVER = """
const https = require('https'), fs = require('fs');
const options = {cert: fs.readFileSync(process.argv[1]), key: fs.readFileSync(process.argv[2])};
https.createServer(options, (request, response) => response.end('hello'))
  .on('tlsClientError', (error) => console.error(new Date().toISOString(), 'tlsClientError', error.code, error.message))
  .listen(5061);
"""
NODE_CLIENT = """
require('https').get({host: process.argv[1], port: +process.argv[2], servername: process.argv[1],
  ca: require('fs').readFileSync(process.argv[3])}, (r) => r.resume());
"""


def node(lab: Lab) -> Iterator[Sample]:
    servers(lab)
    leaf = lab.pki.leaf()
    origin = "Node.js " + version("node", "--version").removeprefix("v")
    ask = asked(lab, "node", origin, role="client", said="local")
    client = ["node", "-e", NODE_CLIENT, lab.www]
    yield ask("expired", [*client, str(EXPIRED), str(lab.pki.trust)], "^Error", lines=14, meaning="verify-expired")
    yield ask(
        "other-name",
        [*client, str(OTHER), str(lab.pki.trust)],
        "^Error",
        lines=14,
        sni=lab.www,
        meaning="verify-hostname",
    )
    yield ask(
        "plaintext-answer",
        [*client, str(PLAIN), str(lab.pki.trust)],
        "^(Error|[0-9A-F]+:error)",
        lines=14,
        meaning="first-record-not-tls",
        role=None,
    )
    lab.start("server", "node", "-e", NODE_SERVER, str(leaf.chain), str(leaf.key), port=5061)
    stamp = (r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%SZ")
    log = Log(lab, max(lab.work.glob("process-*.log")), "node", origin, stamp, {"role": "server", "said": "local"})
    yield log.after(raw(lab, 5061, GET, next(ports)), "ERR_", "server-plaintext-http", meaning="plaintext-http")
    yield log.after(
        openssl(lab, 5061, next(ports), "-tls1_1", "-cipher", "ALL@SECLEVEL=0"),
        "ERR_",
        "server-old-version",
        meaning="version-refused",
    )
    yield log.after(
        openssl(lab, 5061, next(ports), "-verify_return_error"),
        "ERR_",
        "server-alert",
        role=None,
        meaning="alert-unknown-ca",
        said="peer",
        alert=48,
    )
    yield log.after(
        raw(lab, 5061, b"", next(ports), wait_s=0.1),
        "ECONNRESET",
        "server-closed",
        role=None,
        meaning="peer-reset",
        said="transport",
    )


def chromium(lab: Lab) -> Iterator[Sample]:
    servers(lab)
    database(lab, "home/.pki/nssdb", trust=lab.pki.trust)
    origin = "Chromium " + version("chromium", "--version").split()[1]
    stamp = (r"\d:(\d{4}/\d{6}\.\d{6}):ERROR", "%m%d/%H%M%S.%f", "%m-%d %H:%M:%S")
    words = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
    ]
    words += ["--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage"]
    words += ["--dump-dom", "--virtual-time-budget=3000", "--no-proxy-server", "--enable-logging=stderr"]
    runs: tuple[tuple[str, int, dict[str, Any]], ...] = (
        ("expired", EXPIRED, {"meaning": "date-invalid", "said": "local"}),
        ("other-name", OTHER, {"meaning": "verify-hostname", "said": "local"}),
        ("plaintext-answer", PLAIN, {"meaning": "browser-protocol-error", "said": "local"}),
    )
    for name, port, expect in runs:
        path = lab.work / f"{name}.log"
        log = Log(lab, path, "browser", origin, stamp, {"role": "client"})
        command = [*words, f"--user-data-dir={lab.work}/profile-{port}", f"https://{lab.www}:{port}/"]

        def run(path: Path = path, command: list[str] = command) -> None:
            done = lab.run("client", *command, limit_s=40, environment={"HOME": str(lab.work / "home")})
            path.write_bytes(done.stderr)

        yield log.after(run, "handshake failed", name, **expect)


def sshd(lab: Lab) -> Iterator[Sample]:
    key = lab.work / "host_key"
    lab.run("server", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    Path("/run/sshd").mkdir(exist_ok=True)
    lab.start("server", "/usr/sbin/sshd", "-D", "-e", "-p", "2222", "-h", str(key), "-o", "PidFile=none", port=2222)
    log = Log(
        lab,
        max(lab.work.glob("process-*.log")),
        "sshd",
        version("ssh", "-V").split(",")[0].replace("_", " "),
        None,
        {"role": "server", "said": "local"},
    )
    for name, data in (("tls", hello()), ("http", GET), ("other", b"\x00\x01hello\r\n")):
        source = next(ports)
        act = raw(lab, 2222, data, source)
        yield log.after(act, "banner exchange", name, client=f"{lab.plan.client}:{source}", meaning="ssh-not-ssh")


def postgresql(lab: Lab) -> Iterator[Sample]:
    start_postgres(lab, 5432, lab.pki.leaf())
    origin = "PostgreSQL " + version("psql", "--version").split()[2]
    stamp = (r"(?s)(?:.*\n)?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%SZ")
    log = Log(
        lab,
        max(lab.work.glob("process-*.log")),
        "postgresql",
        origin,
        stamp,
        {"role": "server", "said": "local"},
    )
    request = bytes.fromhex("0000000804d2162f")
    yield log.after(
        raw(lab, 5432, hello(), next(ports)),
        "invalid length",
        "tls-without-a-request",
        meaning="startup-packet-invalid",
    )
    yield log.after(
        raw(lab, 5432, request + GET, next(ports)),
        "could not accept|received unencrypted",
        "closed-after-request",
        meaning="peer-closed",
        said="transport",
    )

    def refuse() -> None:
        lab.run(
            "client",
            "openssl",
            "s_client",
            "-starttls",
            "postgres",
            "-connect",
            f"{lab.plan.server}:5432",
            "-verify_return_error",
        )

    yield log.after(refuse, "could not accept", "client-refuses", meaning="alert-unknown-ca", said="peer", alert=48)

    def old() -> None:
        lab.run(
            "client",
            "openssl",
            "s_client",
            "-starttls",
            "postgres",
            "-connect",
            f"{lab.plan.server}:5432",
            "-tls1_1",
            "-cipher",
            "ALL@SECLEVEL=0",
        )

    yield log.after(old, "could not accept", "old-version", meaning="version-refused")
