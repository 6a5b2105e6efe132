"""Chromium, which opens more connections than it needs: each stream is labelled by what it is found to be."""

from __future__ import annotations

from collections.abc import Callable

from lab import clients, servers
from lab.case import UNLABELLED, Expected, case, failed, idle, ok
from lab.certificates import MAKE
from lab.net import Lab, LabError
from lab.reading import Stream, read

Judge = Callable[[Stream], Expected]


def judged(lab: Lab, judge: Judge, at_least: int) -> list[Expected]:
    """Labels of a finished capture; the number of streams is the browser's choice."""
    streams = read(lab.raw)
    if len(streams) < at_least:
        raise LabError(f"{len(streams)} streams, {at_least} and more were expected")
    return [judge(streams[number]) for number in sorted(streams)]


def unused(stream: Stream) -> bool:
    return not stream.payload["C"] and not stream.payload["S"]


def works(stream: Stream) -> Expected:
    """The page was loaded; other connections of the same browser are not needed any more."""
    if unused(stream):
        return idle()
    version = (stream.version or "").removeprefix("TLS ")
    return ok(version) if version else failed(UNLABELLED, UNLABELLED)


@case(
    "chromium",
    "A browser: post-quantum ClientHellos of two segments, TLS 1.3 and 1.2, and what it opens and does not need",
    "Chromium without a window, which trusts the laboratory's root, to nginx, Go and Apache.",
    "chromium",
    "nginx",
    "go",
    "apache",
)
def chromium(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    ports = {"nginx": 443, "go": 8443, "apache": 9443}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port)
    with lab.capture():
        for port in ports.values():
            clients.ask(lab, "chromium", port=port)
        clients.ask(lab, "chromium", "1.2")
    return judged(lab, works, 4)


def refusing(cause: str) -> Judge:
    """Each connection ends in a refusal, seen in TLS 1.2, an encrypted alert in TLS 1.3."""

    def judge(stream: Stream) -> Expected:
        if unused(stream):
            return idle()
        if stream.version == "TLS 1.2":
            return failed(cause, "client-flight", UNLABELLED, version="1.2")
        return failed("certificate-rejected-encrypted", "client-flight", version="1.3")

    return judge


def register(fault: str, cause: str) -> None:
    @case(
        f"chromium-{fault}",
        f"A browser that refuses a certificate ({fault}): two connections for each page, TLS 1.2 and 1.3",
        "Chromium without a window to nginx.",
        "chromium",
        "nginx",
    )
    def play(lab: Lab) -> list[Expected]:
        servers.start(lab, "nginx", MAKE[fault](lab.pki), chain=fault != "chain-incomplete")
        with lab.capture():
            for version in ("1.2", ""):
                clients.ask(lab, "chromium", version)
        return judged(lab, refusing(cause), 2)


for fault, cause in (
    ("expired", "certificate-expired"),
    ("hostname-mismatch", "certificate-hostname-mismatch"),
    ("self-signed", "certificate-self-signed"),
    ("chain-incomplete", "certificate-chain-incomplete"),
    ("unknown-ca", "certificate-rejected"),
):
    register(fault, cause)


@case(
    "chromium-hello-dropped",
    "A browser's ClientHello of two segments, of which the second is lost on the way; the small hellos of others work",
    "Chromium without a window, and curl and openssl, to nginx; the router marks connections whose hello begins with "
    "a full segment and drops what follows (iptables CONNMARK).",
    "chromium",
    "nginx",
    "curl",
    "openssl",
)
def dropped(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    mark = ("-t", "mangle", "-A", "FORWARD", "-i", "down0", "-p", "tcp")
    size = ("-m", "length", "--length")
    lab.run("router", "iptables", *mark, "-m", "connmark", "--mark", "1", *size, "100:1400", "-j", "DROP")
    lab.run("router", "iptables", *mark, *size, "1401:1500", "-j", "CONNMARK", "--set-mark", "1")
    with lab.capture():
        clients.ask(lab, "curl")
        clients.ask(lab, "openssl", "1.2")
        clients.ask(lab, "chromium", extra=("--timeout=9000",))

    def judge(stream: Stream) -> Expected:
        if unused(stream):
            return idle()
        if stream.version:
            return works(stream)
        return failed("large-client-hello-dropped", "server-hello", "network", server=None)

    return judged(lab, judge, 3)
