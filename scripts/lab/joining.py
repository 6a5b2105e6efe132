"""Many real sessions with several real servers, their logs, and who spoke with whom: what the join is measured on."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab import stacks
from lab.joining_clients import KINDS, PLAIN_PORT, WRITERS, Writers
from lab.net import Lab
from lab.pki import Identity

__all__ = ["PORTS", "SERVERS", "Client", "Spoken", "clients", "play", "serve"]

SERVERS = {"nginx": 443, "haproxy": 8443, "apache": 9443, "stunnel": 10443, "go": 11443}
"""Programs and their ports."""
PORTS = SERVERS | {"plain": PLAIN_PORT}
"""With one that speaks plaintext and writes nothing."""
ADDRESSES = 60
PATIENCE_S = 3
"""How long each server waits for a handshake."""
CIPHERS = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A connection as the client knows it."""

    server: str
    kind: str
    client: tuple[str, int]
    start: float
    """Seconds since the Unix epoch, just before its SYN."""
    end: float
    """Just after it was closed."""
    writer: str = ""
    """The client's program, where that writes a log."""


def clients(lab: Lab) -> list[str]:
    """More addresses of the client's namespace."""
    base = lab.plan.client.rsplit(".", 1)[0]
    addresses = [f"{base}.{number}" for number in range(100, 100 + ADDRESSES)]
    for address in addresses:
        lab.ip("client", "addr", "add", f"{address}/24", "dev", "eth0")
    return addresses


def serve(lab: Lab, identity: Identity, *, zone: str = "UTC") -> dict[str, Path]:
    """Start the servers; the log of each. nginx writes a second one, ``nginx-debug.log``, with its clients' ports.

    :param zone: the time zone of nginx's stamps.
    """
    work = lab.work
    logs = {name: work / f"{name}.log" for name in SERVERS}
    nginx = f"""
user root; daemon off; worker_processes 1; pid {work}/nginx.pid;
error_log {logs["nginx"]} info; error_log {work}/nginx-debug.log debug;
events {{}}
http {{
  access_log off; client_header_timeout {PATIENCE_S}s; types {{}} default_type text/html;
  {" ".join(f"{k}_temp_path {work}/nginx-{k};" for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))}
  server {{
    listen {SERVERS["nginx"]} ssl; ssl_certificate {identity.chain}; ssl_certificate_key {identity.key};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers {CIPHERS}; location / {{ return 200 "hello"; }}
  }}
}}
"""
    command = ("env", f"TZ={zone}", "nginx", "-c", str(lab.write("nginx.conf", nginx)), "-p", str(work))
    lab.start("server", *command, port=SERVERS["nginx"])
    haproxy = f"""
global
  log {work}/haproxy.socket local0
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client {PATIENCE_S}s
  timeout server 5s
  timeout http-request {PATIENCE_S}s
frontend sample
  bind :{SERVERS["haproxy"]} ssl crt {identity.both} ssl-min-ver TLSv1.2 ciphers {CIPHERS}
  http-request return status 200 content-type text/plain string "hello"
"""
    _syslog(work / "haproxy.socket", logs["haproxy"])
    lab.start("server", "haproxy", "-db", "-f", str(lab.write("haproxy.cfg", haproxy)), port=SERVERS["haproxy"])
    modules = "/usr/lib/apache2/modules"
    loaded = "\n".join(
        f"LoadModule {one}_module {modules}/mod_{one}.so"
        for one in ("mpm_event", "authz_core", "socache_shmcb", "ssl", "dir", "reqtimeout")
    )
    lab.write("www/index.html", "hello\n")
    apache = f"""
{loaded}
ServerRoot {work}
PidFile {work}/apache.pid
ErrorLog {logs["apache"]}
LogLevel warn ssl:info
Listen {SERVERS["apache"]} https
ServerName {lab.www}
DocumentRoot {work}/www
Timeout {PATIENCE_S}
RequestReadTimeout handshake={PATIENCE_S} header={PATIENCE_S}
<VirtualHost *:{SERVERS["apache"]}>
  SSLEngine on
  SSLProtocol -all +TLSv1.2 +TLSv1.3
  SSLCipherSuite {CIPHERS}
  SSLCertificateFile {identity.chain}
  SSLCertificateKeyFile {identity.key}
</VirtualHost>
"""
    lab.start("server", "apache2", "-X", "-f", str(lab.write("apache.conf", apache)), port=SERVERS["apache"])
    stunnel = f"""
foreground = yes
pid =
debug = 6
output = {logs["stunnel"]}
sslVersionMin = TLSv1.2
[sample]
accept = {SERVERS["stunnel"]}
connect = {PLAIN_PORT}
cert = {identity.chain}
key = {identity.key}
ciphers = {CIPHERS}
TIMEOUTbusy = {PATIENCE_S}
"""
    lab.serve("server", PLAIN_PORT, _hello)
    lab.start("server", "stunnel", str(lab.write("stunnel.conf", stunnel)), port=SERVERS["stunnel"])
    go = [*stacks.program(stacks.GO), "server", "-listen", f":{SERVERS['go']}"]
    words = [*go, "-cert", str(identity.chain), "-key", str(identity.key), "-min", "1.2", "-max", "1.3"]
    lab.start("server", "sh", "-c", f'exec "$@" 2>{logs["go"]}', "sh", *words, port=SERVERS["go"])
    return logs


def _hello(peer: socket.socket) -> None:
    peer.settimeout(5)
    if peer.recv(65536):
        peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")


def _syslog(path: Path, log: Path) -> None:
    """A collector that writes what it gets with a syslog stamp, as rsyslog does."""
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(str(path))

    def collect() -> None:
        with log.open("ab", buffering=0) as lines:
            while message := receiver.recv(65536):
                # <134>Nov 26 10:00:00 haproxy[1]: ...; the collector puts its own stamp and host before it.
                text = message.split(b" ", 3)[-1].strip()
                lines.write(time.strftime("%b %e %H:%M:%S edge1 ", time.gmtime()).encode() + text + b"\n")

    threading.Thread(target=collect, daemon=True).start()


class Client:
    """One connection of a kind."""

    def __init__(self, lab: Lab, chance: random.Random) -> None:
        self._server, self._trust, self._name = lab.plan.server, lab.pki.trust, lab.www
        self._chance = chance
        self._writers = Writers(lab.work, lab.plan.server, lab.pki.trust, chance)
        self.kinds: dict[str, Callable[[socket.socket], None]] = {
            "healthy": self._healthy,
            "unknown-ca": lambda s: self.tls(s, trust=False),
            "wrong-name": lambda s: self.tls(s, name="elsewhere.example.test"),
            "old-version": self._old,
            "no-cipher": lambda s: self.tls(s, ciphers="AES128-SHA:CAMELLIA128-SHA", high=ssl.TLSVersion.TLSv1_2),
            "http": lambda s: self._say(s, b"GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n"),
            "garbage": lambda s: self._say(s, b"\x03\x00\x00\x0b\x06\xe0\x00\x00\x00\x00\x00 not TLS at all\r\n"),
            "proxy-header": lambda s: self._say(s, b"PROXY TCP4 203.0.113.7 203.0.113.8 1234 443\r\n"),
            "half-hello": self._half,
            "reset": self._reset,
            "touch": lambda _: None,
            "idle": lambda s: self._wait(s, PATIENCE_S + 3),
        }

    def speak(self, server: str, kind: str, source: tuple[str, int]) -> Spoken | None:
        """One connection; None where its port was taken."""
        with socket.socket() as plain:
            plain.settimeout(10)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if source[1]:  # a port to be used again must not linger in TIME_WAIT
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            try:
                plain.bind(source)
                start = time.time()
                plain.connect((self._server, SERVERS[server]))
            except OSError:
                return None
            own = plain.getsockname()
            with suppress(OSError):  # ssl.SSLError too: refusals are what is measured
                self.kinds[kind](plain)
        return Spoken(server, kind, own, start, time.time())

    def write(self, writer: str, server: str, kind: str, source: tuple[str, int]) -> Spoken | None:
        """One connection of a client that writes what failed; None where its port was taken."""
        name, port, start = self._writers.name(), PORTS[server], time.time()
        if writer != "python":
            own = self._writers.of(writer)(kind, source[0], name, port)
            return Spoken(server, kind, own, start, time.time(), writer)
        with socket.socket() as plain:
            plain.settimeout(10)
            try:
                plain.bind((source[0], 0))
                start = time.time()
                plain.connect((self._server, port))
            except OSError:
                return None
            own = plain.getsockname()
            try:
                self._tls_kinds(name)[kind](plain)
            except OSError as error:
                self._writers.python(error, own, name, port)
        return Spoken(server, kind, own, start, time.time(), writer)

    def _tls_kinds(self, name: str) -> dict[str, Callable[[socket.socket], None]]:
        return {
            "unknown-ca": lambda s: self.tls(s, trust=False, name=name),
            "wrong-name": lambda s: self.tls(s, name=name),
            "old-version": lambda s: self._old(s, name),
            "no-cipher": lambda s: self.tls(
                s, name=name, ciphers="AES128-SHA:CAMELLIA128-SHA", high=ssl.TLSVersion.TLSv1_2
            ),
            "to-plaintext": lambda s: self.tls(s, name=name),
        }

    def _context(self, *, trust: bool = True) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if trust:
            context.load_verify_locations(self._trust)
        return context

    def tls(
        self,
        plain: socket.socket,
        *,
        trust: bool = True,
        name: str = "",
        ciphers: str = "",
        high: ssl.TLSVersion | None = None,
    ) -> None:
        """A handshake and a request; half of them with TLS 1.2 at most."""
        context = self._context(trust=trust)
        if ciphers:
            context.set_ciphers(ciphers + ":@SECLEVEL=0")
        if high is not None or self._chance.random() < 0.5:
            context.maximum_version = high or ssl.TLSVersion.TLSv1_2
        # On a copy of the descriptor: the socket itself is closed as the caller wants it.
        with context.wrap_socket(plain.dup(), server_hostname=name or self._name) as session:
            session.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while session.recv(4096):
                pass

    def _healthy(self, plain: socket.socket) -> None:
        self.tls(plain)

    def _old(self, plain: socket.socket, name: str = "") -> None:
        context = self._context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with context.wrap_socket(plain.dup(), server_hostname=name or self._name):
            pass

    def _say(self, plain: socket.socket, words: bytes) -> None:
        plain.sendall(words)
        self._wait(plain, PATIENCE_S + 3)

    def _wait(self, plain: socket.socket, seconds: float) -> None:
        plain.settimeout(seconds)
        while plain.recv(4096):
            pass

    def _hello_bytes(self) -> bytes:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = self._context().wrap_bio(incoming, outgoing, server_hostname=self._name)
        with suppress(ssl.SSLWantReadError):
            session.do_handshake()
        return outgoing.read()

    def _half(self, plain: socket.socket) -> None:
        hello = self._hello_bytes()
        plain.sendall(hello[: len(hello) // 2])
        time.sleep(self._chance.uniform(0, 0.3))

    def _reset(self, plain: socket.socket) -> None:
        plain.sendall(self._hello_bytes())
        plain.recv(1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def play(lab: Lab, addresses: list[str], count: int, rate: float, seed: int, *, at_once: int = 24) -> list[Spoken]:
    """``count`` connections, about ``rate`` a second, every seventh from a port used again.

    A third of them are healthy; of the others a third come from clients that write a log without addresses.
    """
    chance = random.Random(seed)
    client = Client(lab, chance)
    failing = [kind for kind in client.kinds if kind != "healthy"]
    begin, due = time.monotonic(), 0.0
    with ThreadPoolExecutor(at_once) as pool:
        waiting = []
        for number in range(count):
            server = chance.choice(list(SERVERS))
            kind = "healthy" if chance.random() < 0.33 else chance.choice(failing)
            source = (chance.choice(addresses), 0)
            if number % 7 == 0:
                source = (addresses[chance.randrange(6)], 20_000 + chance.randrange(4))
            call = _call(client, server, kind, source)
            if kind != "healthy" and chance.random() < 1 / 3:
                kind = chance.choice(KINDS)
                server = "plain" if kind == "to-plaintext" else server
                call = _written(client, chance.choice(WRITERS), server, kind, source)
            due += chance.expovariate(rate)
            time.sleep(max(0.0, begin + due - time.monotonic()))
            waiting.append(pool.submit(lab.inside, "client", call))
        return [done for one in waiting if (done := one.result()) is not None]


def _call(client: Client, server: str, kind: str, source: tuple[str, int]) -> Callable[[], Spoken | None]:
    return lambda: client.speak(server, kind, source)


def _written(
    client: Client, writer: str, server: str, kind: str, source: tuple[str, int]
) -> Callable[[], Spoken | None]:
    return lambda: client.write(writer, server, kind, source)
