"""Clients with a wrong clock, proxies that intercept, hellos that are rewritten on the way, and browsers."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

from lab import raw, servers
from lab.case import UNLABELLED, Expected, case, failed, ok
from lab.net import Lab, LabError
from lab.session import Session, play, session

DAY = timedelta(days=1)
SKEWED = ("openssl", "curl", "python", "gnutls", "node", "wget")
"""Programs that ask the C library for the time, which libfaketime can bend."""


def skew_rows(days: int) -> list[Session]:
    """Clients whose clock is wrong by ``days``, in front of a certificate that is valid now."""
    return [
        session(client, version, skewed(client, version, ahead=days > 0), answered=False, faketime=f"{days:+d}d")
        for client in SKEWED
        for version in ("1.2", "1.3")
    ]


def skewed(client: str, version: str, *, ahead: bool) -> Expected:
    openssl = client in ("openssl", "curl", "python")
    if client == "wget" or (client == "node" and version == "1.2"):
        # It completes the handshake, and the certificate is well.
        return ok(version)
    if client == "node":
        return failed("client-aborted", "client-flight", version=version)
    if openssl and ahead:
        cause = "client-clock-skew" if version == "1.2" else "certificate-expired"
        return failed(cause, "client-flight", "client" if version == "1.2" else UNLABELLED, version=version)
    if openssl or version == "1.2":
        return failed("certificate-rejected", "client-flight", version=version)
    return failed("certificate-rejected-encrypted", "client-flight", version=version)


@case(
    "client-clock-skew",
    "Clients whose clock is ahead or behind, in front of a certificate that is valid; beside them clients that know "
    "the time",
    "six clients under libfaketime, a year ahead and a year behind, and two without it, to nginx.",
    "nginx",
    "faketime",
    *SKEWED,
)
def clock_skew(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    rows = [*skew_rows(365), *skew_rows(-365)]
    rows += [session(one, version, ok(version)) for one in ("curl", "go") for version in ("1.2", "1.3")]
    with lab.capture():
        return play(lab, rows)


def mitmdump() -> str:
    program = os.environ.get("CAPA_LAB_MITMDUMP") or shutil.which("mitmdump")
    if not program:
        raise LabError("mitmdump is missing: install mitmproxy from PyPI, or name the program in CAPA_LAB_MITMDUMP")
    return program


def intercept(lab: Lab, port: int) -> Path:
    """mitmproxy on the router, for what comes to ``port`` of the server; the certificate it signs with."""
    folder = lab.work / "mitm"
    lab.redirect(port, 8081)
    words = ["--mode", "transparent", "--listen-port", "8081", "--showhost", "--ssl-insecure"]
    words += ["--set", f"confdir={folder}", "--set", "connection_strategy=lazy"]
    lab.start("router", mitmdump(), *words, port=8081)
    return folder / "mitmproxy-ca-cert.pem"


@case(
    "tls-interception",
    "A proxy that answers in the server's place with certificates of its own: refused by clients that do not know it, "
    "accepted by one that does",
    "mitmproxy in transparent mode on the router (iptables REDIRECT) before nginx; clients with the laboratory's "
    "root, and openssl and Go with mitmproxy's.",
    "mitmproxy",
    "nginx",
    "openssl",
    "curl",
    "gnutls",
    "go",
    "java",
    "python",
    "node",
    "nss",
)
def interception(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    authority = intercept(lab, 443)
    rows = intercepted()
    rows += [
        session(one, version, ok(version), trust=authority) for one in ("openssl", "go") for version in ("1.2", "1.3")
    ]
    with lab.capture():
        return play(lab, rows)


def intercepted(port: int = 443) -> list[Session]:
    """Refusals of a certificate by a proxy: seen in TLS 1.2, guessed at in 1.3."""
    rows = []
    seen = failed("tls-interception", "client-flight", UNLABELLED, version="1.2")
    for client in ("openssl", "curl", "gnutls", "go", "java", "python"):
        rows.append(session(client, "1.2", seen, port=port))
        cause = (
            "certificate-unknown-ca" if client in ("openssl", "curl", "python") else "certificate-rejected-encrypted"
        )
        rows.append(session(client, "1.3", failed(cause, "client-flight", version="1.3"), port=port))
    rows.append(session("node", "1.3", failed("client-aborted", "client-flight", version="1.3"), port=port))
    return rows


PRODUCTS = (
    "Zscaler Intermediate Root CA (zscalerthree.net)",
    "Fortinet_CA_SSL",
    "Cisco Umbrella Primary SubCA",
    "ESET SSL Filter CA",
    "Sophos SSL CA_C01001",
    "Kaspersky Endpoint Security Personal Root Certificate",
)


@case(
    "tls-interception-products",
    "Issuers that are called like interception products; and one that only has a private name",
    "HAProxy with certificates of throw-away authorities named like products; curl, Go, Java and others with TLS 1.2; "
    "beside them a private authority, refused for its root alone.",
    "haproxy",
    "curl",
    "go",
    "java",
    "openssl",
    "python",
    "gnutls",
)
def products(lab: Lab) -> list[Expected]:
    binds, rows = [], []
    seen = failed("tls-interception", "client-flight", UNLABELLED, version="1.2")
    for number, name in enumerate(PRODUCTS):
        root = lab.pki.authority(f"{name.split()[0].split('_')[0]} Root CA")
        identity = lab.pki.leaf(issuer=lab.pki.authority(name, root))
        binds.append((9100 + number, f"ssl crt {identity.both}"))
        pair = ("curl", ("go", "java", "openssl", "python", "gnutls", "curl")[number])
        rows += [session(client, "1.2", seen, port=9100 + number) for client in pair]
    private = lab.pki.leaf(issuer=lab.pki.authority("Works Issuing CA", lab.pki.authority("Works Root CA")))
    binds.append((9200, f"ssl crt {private.both}"))
    unknown = failed("certificate-unknown-ca", "client-flight", version="1.2")
    rows += [session(client, "1.2", unknown, port=9200) for client in ("curl", "openssl")]
    servers.haproxy(lab, tuple(binds))
    with lab.capture():
        return play(lab, rows)


@case(
    "tls-interception-by-comparison",
    "The same server shows one issuer to some clients and another to one of them, whose traffic goes through a proxy "
    "with a private name",
    "HAProxy on the router terminates what comes from one address (iptables REDIRECT) with a certificate of a private "
    "authority; the other clients reach nginx itself. TLS 1.2.",
    "haproxy",
    "nginx",
    "openssl",
    "curl",
)
def by_comparison(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    issuer = lab.pki.authority("Head Office Gateway Issuing CA", lab.pki.authority("Head Office Gateway Root CA"))
    settings = f"ssl crt {lab.pki.leaf(issuer=issuer).both}"
    behind = f"server one {lab.plan.server}:{lab.plan.port(443)} ssl verify none"
    servers.haproxy(lab, ((8081, settings),), role="router", backend=behind)
    lab.redirect(443, 8081, "-s", lab.plan.other_clients[0])
    seen = failed("tls-interception", "client-flight", UNLABELLED, version="1.2")
    rows = [session(one, "1.2", ok("1.2")) for one in ("openssl", "curl", "go")]
    rows += [session(one, "1.2", seen, source=0) for one in ("openssl", "curl")]
    with lab.capture():
        return play(lab, rows)


def without_tls13() -> raw.Change:
    """Takes TLS 1.3 out of the first hello's supported_versions (RFC 8446, 4.2.1) by putting 1.2 in its place."""
    first = True

    def change(data: bytes) -> bytes:
        nonlocal first
        if not first:
            return data
        first = False
        at = data.find(b"\x00\x2b\x00")
        if at < 0:
            return data
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 4 + size].replace(b"\x03\x04", b"\x03\x03")
        return data[: at + 4] + body + data[at + 4 + size :]

    return change


def rewriter(lab: Lab) -> None:
    """A relay on the router that everything to the server's port goes through."""
    lab.redirect(443, 8081)
    lab.serve("router", 8081, raw.relay((lab.plan.server, lab.plan.port(443)), there=without_tls13))


REWRITTEN = ("openssl", "curl", "go", "java", "python", "gnutls", "nss", "node")


@case(
    "hello-rewritten",
    "A box that takes TLS 1.3 out of the ClientHello: the server's answer has the downgrade sentinel, and clients see "
    "it; clients that offer TLS 1.2 pass",
    "eight clients to nginx, through a relay in Python on the router (iptables REDIRECT) that rewrites "
    "supported_versions; captured at the client.",
    "nginx",
    "python",
    *REWRITTEN,
)
def rewritten(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    rewriter(lab)
    label = failed("hello-rewritten", UNLABELLED, "network", version="1.2")
    with lab.capture():
        return play(lab, [session(one, "", label) for one in REWRITTEN])


@case(
    "hello-rewritten-both-sides",
    "The same box with both of its sides in one capture: one ClientHello random, two contents",
    "two clients to nginx through the relay; captured on all interfaces of the router.",
    "nginx",
    "python",
    "openssl",
    "curl",
)
def rewritten_both(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    rewriter(lab)
    label = failed("hello-rewritten", UNLABELLED, "network", version="1.2")
    with lab.capture("router", "any"):
        play(lab, [session(one, "", label) for one in ("openssl", "curl")])
    return [label] * 4


@case(
    "proxy-both-sides",
    "A forwarding proxy with both of its sides in one capture: the same ClientHello twice, and all is well; one of "
    "them refuses the certificate, on both sides alike",
    "HAProxy in TCP mode on the router, captured on all of the router's interfaces; curl and openssl s_client to "
    "nginx.",
    "haproxy",
    "nginx",
    "curl",
    "openssl",
)
def both_sides(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    behind = f"server one {lab.plan.server}:{lab.plan.port(443)}"
    servers.haproxy(lab, ((443, ""),), role="router", backend=behind, mode="tcp")
    unknown = failed("certificate-unknown-ca", "client-flight", version="1.3")
    incomplete = lab.pki.authority("Elsewhere Root CA").cert
    rows = [
        session("curl", "", ok(), host=lab.plan.proxy),
        session("openssl", "1.2", ok("1.2"), host=lab.plan.proxy),
        session("openssl", "1.3", unknown, host=lab.plan.proxy, trust=incomplete),
    ]
    with lab.capture("router", "any"):
        labels = play(lab, rows)
    return [label for label in labels for _ in (1, 2)]
