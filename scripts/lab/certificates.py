"""Clients that do not trust the server: every fault of a certificate, by every client, in TLS 1.2 and 1.3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from lab import servers
from lab.case import UNLABELLED, Expected, case, failed, ok
from lab.net import Lab
from lab.pki import Authority, Identity
from lab.session import Session, play, session

DAY = timedelta(days=1)
OPENSSL = ("openssl", "python", "curl")
CLIENTS = (*OPENSSL, "wget", "gnutls", "nss", "go", "java", "node")
CLEAR = {
    45: "certificate-expired",
    48: "certificate-unknown-ca",
    43: "certificate-unsupported",
    42: "certificate-rejected",
}
"""What a readable alert says where the certificate is not seen."""


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    cause: str
    """Where the certificate can be seen; empty: it shows no fault, and the alert's code decides."""
    code: int
    """The alert of OpenSSL's clients."""
    proves: bool = True
    """A client that completes the handshake and leaves has failed for it (causes.md, Completed, then closed)."""
    accepted_by: tuple[str, ...] = ()


FAULTS = {
    one.name: one
    for one in (
        Fault("expired", "certificate-expired", 45),
        Fault("not-yet-valid", "certificate-not-yet-valid", 42),
        Fault("hostname-mismatch", "certificate-hostname-mismatch", 42),
        Fault("chain-incomplete", "certificate-chain-incomplete", 48),
        Fault("self-signed", "certificate-self-signed", 48),
        Fault("unknown-ca", "", 48, proves=False),
        Fault("purpose", "certificate-unsupported", 43, False, ("wget",)),
        Fault("weak-key", "certificate-weak", 42, False, ("wget", "gnutls", "nss", "go", "java", "node")),
        Fault("weak-signature", "certificate-weak", 42, False, ("nss", "java")),
    )
}


def verdict(client: str, version: str, fault: Fault) -> Expected:
    """What a refusal looks like by client and version: what the alert says, who can read it, who sends none."""
    if client in fault.accepted_by:
        return ok(version)
    if version == "1.2":
        return seen(client, fault)
    if client == "wget" or (client, fault.name) == ("curl", "hostname-mismatch"):
        return ok(version)
    if client in OPENSSL:
        cause = CLEAR[fault.code]
        blame = "server" if cause == "certificate-expired" else UNLABELLED
        return failed(cause, "client-flight", blame, version=version)
    if client == "node":
        return failed("client-aborted", "client-flight", version=version)
    return failed("certificate-rejected-encrypted", "client-flight", version=version)


def seen(client: str, fault: Fault) -> Expected:
    """TLS 1.2: the certificate lies open, its fault is the cause, whatever the alert."""
    completes = client in ("node", "nss", "wget") or (client, fault.name) == ("curl", "hostname-mismatch")
    if completes:
        return failed(fault.cause, UNLABELLED, "server", version="1.2") if fault.proves else ok("1.2")
    if fault.cause:
        return failed(fault.cause, "client-flight", "server", version="1.2")
    openssl = client in OPENSSL
    cause = CLEAR[fault.code] if openssl else "certificate-rejected"
    return failed(cause, "client-flight", version="1.2")


Make = Callable[[Authority], Identity]
MAKE: dict[str, Make] = {
    "expired": lambda pki: pki.leaf(ends=-2 * DAY),
    "not-yet-valid": lambda pki: pki.leaf(begins=3 * DAY),
    "hostname-mismatch": lambda pki: pki.leaf("other"),
    "chain-incomplete": lambda pki: pki.leaf(),
    "self-signed": lambda pki: pki.leaf(self_signed=True),
    "unknown-ca": lambda pki: pki.leaf(issuer=pki.elsewhere()),
    "purpose": lambda pki: pki.leaf(client=True),
    "weak-key": lambda pki: pki.leaf(bits=1024),
    "weak-signature": lambda pki: pki.leaf(sha1=True),
}
SERVERS: dict[str, Sequence[str]] = {
    "expired": ("nginx", "haproxy", "go", "java", "nss"),
    "not-yet-valid": ("haproxy", "nginx", "apache", "node"),
    "hostname-mismatch": ("apache", "nginx", "openssl", "gnutls"),
    "chain-incomplete": ("openssl", "nginx", "haproxy"),
    "self-signed": ("openssl", "python", "stunnel"),
    "unknown-ca": ("node", "haproxy", "go", "nss"),
    "purpose": ("go", "node", "gnutls", "python"),
    "weak-key": ("go", "java", "gnutls"),
    "weak-signature": ("go",),
}
PURPOSES = {
    "expired": "An expired certificate",
    "not-yet-valid": "A certificate whose time has not come",
    "hostname-mismatch": "A certificate for another name",
    "chain-incomplete": "A leaf sent without its intermediate",
    "self-signed": "A certificate that signs itself",
    "unknown-ca": "A whole chain, to a root that the clients do not know",
    "purpose": "A certificate that is not for servers (extended key usage clientAuth)",
    "weak-key": "A certificate with an RSA key of 1024 bits, which OpenSSL refuses and others take",
    "weak-signature": "A certificate signed with SHA-1, which some refuse and others take",
}


def rows(fault: Fault) -> list[Session]:
    result = []
    for client in CLIENTS:
        for version in ("1.2", "1.3"):
            if (client, version) == ("nss", "1.2") and not fault.proves and client not in fault.accepted_by:
                continue  # it leaves before or after the server's Finished, as chance will have it
            label = verdict(client, version, fault)
            taken = client in fault.accepted_by
            result.append(session(client, version, label, answered=taken))
    return result


def register(fault: Fault) -> None:
    preferred = SERVERS[fault.name]

    @case(
        f"certificate-{fault.name}-every-client",
        f"{PURPOSES[fault.name]}: nine clients, TLS 1.2 and 1.3",
        f"each client once with TLS 1.2 and once with 1.3 against {preferred[0]}.",
        preferred[0],
        *CLIENTS,
    )
    def played(lab: Lab) -> list[Expected]:
        stack = lab.plan.choose(lab.case, preferred)
        servers.start(lab, stack, MAKE[fault.name](lab.pki), chain=fault.name != "chain-incomplete")
        with lab.capture():
            return play(lab, rows(fault))


for one in FAULTS.values():
    register(one)


@case(
    "certificate-chain-incomplete",
    "A leaf sent without its intermediate, refused by two clients",
    "openssl s_client and curl with TLS 1.2 against nginx with the leaf alone.",
    "nginx",
    "openssl",
    "curl",
)
def chain_incomplete(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf(), chain=False)
    fault = FAULTS["chain-incomplete"]
    with lab.capture():
        return play(lab, [session(one, "1.2", seen(one, fault)) for one in ("openssl", "curl")])


@case(
    "certificate-unknown-ca",
    "A whole chain, to a root the clients do not know",
    "openssl s_client (TLS 1.2) and Python's ssl (TLS 1.3) against HAProxy; the intermediate is sent.",
    "haproxy",
    "openssl",
    "python",
)
def unknown_ca(lab: Lab) -> list[Expected]:
    servers.start(lab, "haproxy", lab.pki.leaf(issuer=lab.pki.elsewhere()))
    fault = FAULTS["unknown-ca"]
    rows = [
        session(one, version, verdict(one, version, fault)) for one, version in (("openssl", "1.2"), ("python", "1.3"))
    ]
    with lab.capture():
        return play(lab, rows, keep_order=True)


@case(
    "certificate-expired",
    "An expired certificate, refused in TLS 1.2 and 1.3",
    "openssl s_client, curl, gnutls-cli (TLS 1.2) and Python's ssl against nginx.",
    "nginx",
    "openssl",
    "curl",
    "gnutls",
    "python",
)
def expired(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", MAKE["expired"](lab.pki))
    pairs = (("openssl", "1.2"), ("openssl", "1.3"), ("curl", "1.2"), ("gnutls", "1.2"), ("python", "1.3"))
    with lab.capture():
        return play(lab, [session(*pair, verdict(*pair, FAULTS["expired"])) for pair in pairs])
