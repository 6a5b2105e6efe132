"""The real clients of the cases: each asks one question, and the answer (or the lack of it) is what is sampled."""

from __future__ import annotations

import json
import shlex
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lab import stacks
from lab.net import Lab
from lab.nss import database
from lab.pki import Identity
from lab.stacks import program

__all__ = ["ALL", "Ask", "ask", "curl"]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client is told, for all stacks alike; what one of them alone knows goes into ``extra``."""

    version: str = ""
    """The only one it speaks; empty: 1.2 and 1.3."""
    port: int = 443
    """As the cases call it."""
    name: str | None = "www"
    """Host, as the cases call it; None: no server_name."""
    verify: bool = True
    trust: Path | None = None
    """Instead of the laboratory's root."""
    cert: Identity | None = None
    alpn: tuple[str, ...] = ()
    host: str = ""
    """Address, where it is not the server's."""
    source: int | None = None
    """One of the other clients' addresses."""
    faketime: str = ""
    """What libfaketime is told."""
    request: bytes | None = None
    """Instead of a GET; empty: a handshake and no more. Only openssl's client heeds it."""
    extra: tuple[str, ...] = ()

    def address(self, lab: Lab) -> str:
        return self.host or lab.plan.server

    def own(self, lab: Lab) -> str:
        return lab.plan.client if self.source is None else lab.plan.other_clients[self.source]

    def spoken(self, lab: Lab) -> str:
        return lab.plan.fqdn(self.name) if self.name else ""

    @property
    def low(self) -> str:
        return self.version or "1.2"

    @property
    def high(self) -> str:
        return self.version or "1.3"


def request(lab: Lab, asked: Ask) -> bytes:
    return f"GET / HTTP/1.0\r\nHost: {asked.spoken(lab) or lab.www}\r\n\r\n".encode()


def run(lab: Lab, asked: Ask, *words: str, stdin: bytes = b"", environment: dict[str, str] | None = None) -> bytes:
    given = dict(environment or {})
    if asked.faketime:
        library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        given |= {"LD_PRELOAD": str(library), "FAKETIME": asked.faketime, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    done = lab.run("client", *words, stdin=stdin, limit_s=30, environment=given)
    return done.stdout + done.stderr


def ask_openssl(lab: Lab, asked: Ask) -> bytes:
    words = ["-connect", f"{bracketed(asked.address(lab))}:{lab.plan.port(asked.port)}", "-quiet"]
    words += [] if ":" in asked.address(lab) else ["-bind", asked.own(lab)]
    name = asked.spoken(lab)
    words += ["-servername", name] if name else ["-noservername"]
    if asked.verify:
        words += ["-verify_return_error", *(["-verify_hostname", name] if name else [])]
    words += ["-CAfile", str(asked.trust or lab.pki.trust)]
    words += [f"-tls{asked.version.replace('.', '_').removesuffix('_0')}"] if asked.version else []
    words += ["-alpn", ",".join(asked.alpn)] if asked.alpn else []
    if asked.cert:
        words += ["-cert", str(asked.cert.cert), "-key", str(asked.cert.key), "-cert_chain", str(asked.cert.chain)]
    data = request(lab, asked) if asked.request is None else asked.request
    if not data:
        words.remove("-quiet")  # the end of input then ends the session
    return run(lab, asked, "openssl", "s_client", *words, *asked.extra, stdin=data)


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def ask_curl(lab: Lab, asked: Ask) -> bytes:
    port, name = lab.plan.port(asked.port), asked.spoken(lab)
    words = ["--cacert", str(asked.trust or lab.pki.trust)] if asked.verify else ["-k"]
    words += ["--tls-max", asked.version, f"--tlsv{asked.version}"] if asked.version else []
    words += ["--cert", str(asked.cert.chain), "--key", str(asked.cert.key)] if asked.cert else []
    words += ["--http2"] if "h2" in asked.alpn else ["--http1.1"] if "http/1.1" in asked.alpn else ["--no-alpn"]
    words += ["--resolve", f"{name}:{port}:{asked.address(lab)}"] if name else []
    words += [] if ":" in asked.address(lab) else ["--interface", asked.own(lab)]
    host = name or bracketed(asked.address(lab))
    proxied = "-x" in asked.extra
    words += [] if proxied else ["--noproxy", "*"]
    limit = [] if "--max-time" in asked.extra else ["--max-time", "20"]
    return run(lab, asked, "curl", "-siS", *words, *limit, *asked.extra, f"https://{host}:{port}/")


def ask_wget(lab: Lab, asked: Ask) -> bytes:
    words = ["-S", "-O", "-", "--tries=1", "--timeout=10", "--no-proxy", f"--bind-address={asked.own(lab)}"]
    words += [f"--ca-certificate={asked.trust or lab.pki.trust}"] if asked.verify else ["--no-check-certificate"]
    words += [f"--ciphers=NORMAL:-VERS-ALL:+VERS-TLS{asked.version}"] if asked.version else []
    url = f"https://{asked.spoken(lab)}:{lab.plan.port(asked.port)}/"
    return run(lab, asked, "wget", *words, *asked.extra, url)


def ask_gnutls(lab: Lab, asked: Ask) -> bytes:
    low_high = [one for one in ("1.0", "1.1", "1.2", "1.3") if asked.low <= one <= asked.high]
    priority = "NORMAL:-VERS-ALL" + "".join(f":+VERS-TLS{one}" for one in low_high)
    priority += "".join(one for one in asked.extra if one.startswith(":"))
    words = [f"--priority={priority}", f"--x509cafile={asked.trust or lab.pki.trust}"]
    words += ["-p", str(lab.plan.port(asked.port)), *(one for one in asked.extra if not one.startswith(":"))]
    words += [] if asked.verify else ["--no-ca-verification"]
    words += ["--disable-sni"] if asked.name is None else []
    words += [f"--alpn={one}" for one in asked.alpn]
    if asked.cert:
        words += [f"--x509certfile={asked.cert.chain}", f"--x509keyfile={asked.cert.key}"]
    # It leaves when its input ends, answered or not: the input ends a little later.
    path = lab.write("gnutls-request", request(lab, asked))
    command = shlex.join(["gnutls-cli", *words, asked.spoken(lab) or asked.address(lab)])
    return run(lab, asked, "sh", "-c", f"(cat {path}; sleep 0.4) | {command}")


def ask_nss(lab: Lab, asked: Ask) -> bytes:
    label = f"nss-client-{asked.trust.stem if asked.trust else 'root'}-{asked.cert.key.stem if asked.cert else ''}"
    folder = database(lab, label, trust=asked.trust or lab.pki.trust, own=asked.cert)
    words = ["-4", "-h", asked.spoken(lab), "-p", str(lab.plan.port(asked.port)), "-d", folder, "-f"]
    words += ["-V", f"tls{asked.low}:tls{asked.high}"]
    words += [] if asked.verify else ["-o"]
    words += ["-n", "own"] if asked.cert else []
    path = lab.write("nss-request", request(lab, asked))
    return run(lab, asked, "tstclnt", *words, "-A", str(path), *asked.extra)


def ask_go(lab: Lab, asked: Ask) -> bytes:
    words = ["-connect", f"{bracketed(asked.address(lab))}:{lab.plan.port(asked.port)}", "-name", asked.spoken(lab)]
    words += [] if ":" in asked.address(lab) else ["-source", asked.own(lab)]
    words += ["-min", asked.low, "-max", asked.high, "-ca", str(asked.trust or lab.pki.trust)]
    words += [] if asked.verify else ["-insecure"]
    words += ["-alpn", ",".join(asked.alpn)] if asked.alpn else []
    words += ["-cert", str(asked.cert.chain), "-key", str(asked.cert.key)] if asked.cert else []
    return run(lab, asked, *program(stacks.GO), "client", *words, *asked.extra)


def ask_java(lab: Lab, asked: Ask) -> bytes:
    words = [f"host={asked.address(lab)}", f"port={lab.plan.port(asked.port)}", f"name={asked.spoken(lab)}"]
    words += [] if ":" in asked.address(lab) else [f"source={asked.own(lab)}"]
    words += [f"ca={asked.trust or lab.pki.trust}"] if asked.verify else ["insecure=yes"]
    shown = [one for one in ("1.0", "1.1", "1.2", "1.3") if asked.low <= one <= asked.high]
    words += [f"versions={','.join('TLSv' + one.removesuffix('.0') for one in shown)}"]
    words += [f"alpn={','.join(asked.alpn)}"] if asked.alpn else []
    words += [f"cert={asked.cert.chain}", f"key={asked.cert.key}"] if asked.cert else []
    java = program(stacks.JAVA)
    settings = [one for one in asked.extra if one.startswith("-D")]
    return run(lab, asked, java[0], *settings, *java[1:], "client", *words,
               *(one for one in asked.extra if not one.startswith("-D")))  # fmt: skip


def ask_node(lab: Lab, asked: Ask) -> bytes:
    options: dict[str, object] = {"host": asked.address(lab), "port": lab.plan.port(asked.port)}
    options |= {"servername": asked.spoken(lab), "rejectUnauthorized": asked.verify}
    options |= {} if ":" in asked.address(lab) else {"localAddress": asked.own(lab)}
    options |= {"caFile": str(asked.trust or lab.pki.trust)}
    options |= {
        "minVersion": f"TLSv{asked.low.removesuffix('.0')}",
        "maxVersion": f"TLSv{asked.high.removesuffix('.0')}",
    }
    options |= {"ALPNProtocols": list(asked.alpn)} if asked.alpn else {}
    options |= {"certFile": str(asked.cert.chain), "keyFile": str(asked.cert.key)} if asked.cert else {}
    options |= json.loads(asked.extra[0]) if asked.extra else {}
    return run(lab, asked, *program(stacks.NODE), "client", json.dumps(options))


def ask_python(lab: Lab, asked: Ask) -> bytes:
    words = [f"host={asked.address(lab)}", f"port={lab.plan.port(asked.port)}", f"min={asked.low}", f"max={asked.high}"]
    words += [] if ":" in asked.address(lab) else [f"source={asked.own(lab)}"]
    words += [f"name={asked.spoken(lab)}"] if asked.name else []
    words += [f"ca={asked.trust or lab.pki.trust}"] if asked.verify else ["insecure=yes"]
    words += [f"alpn={','.join(asked.alpn)}"] if asked.alpn else []
    words += [f"cert={asked.cert.chain}", f"key={asked.cert.key}"] if asked.cert else []
    return run(lab, asked, *program(stacks.PYTHON), "client", *words, *asked.extra)


def ask_chromium(lab: Lab, asked: Ask) -> bytes:
    home = lab.work / "chromium-home"
    database(lab, "chromium-home/.pki/nssdb", trust=asked.trust or lab.pki.trust)
    profile = lab.work / "chromium-profile"
    shutil.rmtree(profile, ignore_errors=True)
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    words += ["--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage"]
    words += [f"--user-data-dir={profile}", "--dump-dom", "--virtual-time-budget=3000", "--no-proxy-server"]
    words += [] if asked.verify else ["--ignore-certificate-errors"]
    words += [f"--ssl-version-max=tls{asked.version}"] if asked.version else []
    url = f"https://{asked.spoken(lab)}:{lab.plan.port(asked.port)}/"
    return run(lab, asked, "chromium", *words, *asked.extra, url, environment={"HOME": str(home)})


ALL: dict[str, Callable[[Lab, Ask], bytes]] = {
    "openssl": ask_openssl,
    "curl": ask_curl,
    "wget": ask_wget,
    "gnutls": ask_gnutls,
    "nss": ask_nss,
    "go": ask_go,
    "java": ask_java,
    "node": ask_node,
    "python": ask_python,
    "chromium": ask_chromium,
}


def ask(lab: Lab, stack: str, version: str = "", **settings: object) -> bool:
    """One session of ``stack``. Whether the program got its answer, by its own words."""
    said = ALL[stack](lab, Ask(version, **settings))  # type: ignore[arg-type]  # names are those of Ask
    time.sleep(0.1)
    return any(word in said for word in (b" 200 ", b"hello", b"s_server -"))


def curl(lab: Lab, url: str, *extra: str, role: str = "client") -> bytes:
    """curl to ``http://HOST:PORT/`` or ``https://...`` as the cases call hosts and ports."""
    parts = urlsplit(url)
    port = lab.plan.port(parts.port or {"http": 80, "https": 443}[parts.scheme])
    name = lab.plan.fqdn(parts.hostname or "")
    words = ["-siS", "--cacert", str(lab.pki.trust), *([] if "-x" in extra else ["--noproxy", "*"])]
    limit = [] if "--max-time" in extra else ["--max-time", "20"]
    done = lab.run(role, "curl", *words, *limit, *extra, f"{parts.scheme}://{name}:{port}{parts.path}")
    time.sleep(0.1)
    return done.stdout + done.stderr
