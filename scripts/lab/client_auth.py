"""Servers that do not trust the client: no certificate, or a wrong one."""

from __future__ import annotations

from datetime import timedelta

from lab import servers
from lab.case import UNLABELLED, Expected, case, failed, ok
from lab.net import Lab
from lab.pki import Identity
from lab.session import play, session

DAY = timedelta(days=1)
SERVERS = ("openssl", "haproxy", "apache", "stunnel", "gnutls", "nss", "java", "go", "python", "node")
CLIENTS = ("openssl", "curl", "go", "java", "node", "gnutls", "python", "nss")
VERSIONS = ("1.2", "1.3")


def start_all(lab: Lab) -> dict[str, int]:
    identity = lab.pki.leaf()
    ports = {stack: 4440 + number for number, stack in enumerate(SERVERS)}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port, client_ca=lab.pki.trust)
    return ports


def rotate(turn: int) -> list[tuple[str, str, str]]:
    """Server, client and version: each server meets two clients, both versions."""
    return [
        (stack, CLIENTS[(2 * number + other + turn) % len(CLIENTS)], version)
        for number, stack in enumerate(SERVERS)
        for other in (0, 1)
        for version in VERSIONS
    ]


@case(
    "client-certificate-missing",
    "mTLS, and the clients have no certificate: ten servers, eight clients, TLS 1.2 and 1.3",
    "each server requires a client certificate and meets two clients without one.",
    *SERVERS,
    *CLIENTS,
)
def missing(lab: Lab) -> list[Expected]:
    ports = start_all(lab)
    rows = []
    for stack, client, version in rotate(0):
        label = failed("client-certificate-missing", "server-finished", "client", version=version)
        rows.append(session(client, version, label, port=ports[stack]))
    with lab.capture():
        return play(lab, rows)


@case(
    "client-certificate-rejected",
    "mTLS with client certificates of an unknown authority and expired ones: ten servers, eight clients",
    "each server meets two clients with a certificate of another root of the same name, and openssl s_client with an "
    "expired one.",
    *SERVERS,
    *CLIENTS,
)
def rejected(lab: Lab) -> list[Expected]:
    ports = start_all(lab)
    # The same name as the root that is asked for: some clients would not offer a certificate of another issuer.
    stranger = lab.pki.leaf("client", client=True, issuer=lab.pki.authority("Sample Root CA"))
    expired = lab.pki.leaf("client", client=True, ends=-2 * DAY)
    rows = []
    for stack, client, version in rotate(1):
        label = refused(stack, version, client=client)
        rows.append(session(client, version, label, answered=False, port=ports[stack], cert=stranger))
    for stack, port in ports.items():
        for version in VERSIONS:
            label = refused(stack, version, client="openssl")
            rows.append(session("openssl", version, label, answered=False, port=port, cert=expired))
    with lab.capture():
        return play(lab, rows)


def refused(stack: str, version: str, *, client: str) -> Expected:
    label = failed("client-certificate-rejected", "server-finished", "client", version=version)
    if stack == "node":
        # It closes without an alert; in TLS 1.3 the handshake is over by then, as far as anyone can see.
        return ok(version) if version == "1.3" else label.but(cause=UNLABELLED, blame=UNLABELLED)
    if version == "1.2" and stack == "gnutls":
        # access_denied and then bad_certificate: either may be taken for the cause.
        return label.but(cause=UNLABELLED, blame=UNLABELLED)
    return label.but(stage=UNLABELLED) if client == "java" else label  # which is slow: the alert is there in its flight


@case(
    "client-certificate-given",
    "mTLS that works, and its near-misses: a certificate asked for and not insisted on, and one refused over HTTP",
    "clients with their certificate to openssl, java, go and nginx; without one to openssl s_server -verify and to "
    "nginx, which answers 400 inside TLS.",
    *SERVERS,
    *CLIENTS,
    "nginx",
)
def given(lab: Lab) -> list[Expected]:
    identity, mine = lab.pki.leaf(), lab.pki.leaf("client", client=True)
    ports = {"openssl": 443, "java": 8443, "go": 9443, "nginx": 5061}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port, client_ca=lab.pki.trust)
    optional = ("-verify", "3", "-CAfile", str(lab.pki.trust))
    servers.start(lab, "openssl", identity, 993, extra=optional)
    pairs: list[tuple[str, str, Identity | None]] = [
        ("openssl", "openssl", mine),
        ("openssl", "go", mine),
        ("java", "java", mine),
        ("java", "curl", mine),
        ("go", "gnutls", mine),
        ("go", "nss", mine),
        ("nginx", "python", mine),
        ("nginx", "node", mine),
    ]
    rows = []
    for version in VERSIONS:
        for stack, client, cert in pairs:
            rows.append(session(client, version, ok(version), port=ports[stack], cert=cert))
        for client in ("curl", "java", "go"):
            rows.append(session(client, version, ok(version), port=993))
            rows.append(session(client, version, ok(version), port=ports["nginx"], answered=False))
    with lab.capture():
        return play(lab, rows)
