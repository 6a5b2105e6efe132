"""One end does not trust the other."""

from __future__ import annotations

from lab import programs as run
from lab.case import Expected, case, failed, ok
from lab.net import Lab
from lab.programs import DAY, UNLABELLED


def rejected(cause: str, version: str = "TLS 1.2", blame: str = "server") -> Expected:
    return failed(cause, "client-flight", blame, version=version)


@case(
    "certificate-expired",
    "An expired certificate, refused in TLS 1.2 and 1.3",
    "openssl s_client, curl, gnutls-cli (TLS 1.2) and Python's ssl against nginx.",
    "nginx",
    "openssl",
    "curl",
    "gnutls-cli",
    "python",
)
def expired(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(ends=-2 * DAY))
    with lab.capture():
        run.s_client(lab, "-tls1_2")
        run.s_client(lab, "-tls1_3")
        run.curl(lab, "https://www.example.test/", "--tls-max", "1.2")
        run.gnutls_cli(lab, "NORMAL:-VERS-TLS1.3")
        run.python_client(lab)
    seen, hidden = rejected("certificate-expired"), rejected("certificate-expired", "TLS 1.3")
    return [seen, hidden, seen, seen, hidden]


@case(
    "certificate-not-yet-valid",
    "A certificate whose time has not come",
    "openssl s_client with TLS 1.2 against nginx: alert 42, which alone would say little.",
    "nginx",
    "openssl",
    form="pcap.gz",
)
def not_yet_valid(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(begins=3 * DAY))
    with lab.capture():
        run.s_client(lab, "-tls1_2")
        run.gnutls_cli(lab, "NORMAL:-VERS-TLS1.3")
    return [rejected("certificate-not-yet-valid")] * 2


@case(
    "certificate-self-signed",
    "A certificate that signs itself",
    "openssl s_client and curl with TLS 1.2, s_client with TLS 1.3, against openssl s_server.",
    "openssl",
    "curl",
)
def self_signed(lab: Lab) -> list[Expected]:
    run.s_server(lab, lab.pki.self_signed())
    with lab.capture():
        run.s_client(lab, "-tls1_2")
        run.curl(lab, "https://www.example.test/", "--tls-max", "1.2")
        run.s_client(lab, "-tls1_3")
    seen = rejected("certificate-self-signed")
    return [seen, seen, rejected(UNLABELLED, "TLS 1.3")]


@case(
    "certificate-unknown-ca",
    "A whole chain, to a root the client does not know",
    "openssl s_client (TLS 1.2) and Python's ssl (TLS 1.3) against HAProxy; the intermediate is sent.",
    "haproxy",
    "openssl",
    "python",
)
def unknown_ca(lab: Lab) -> list[Expected]:
    middle = lab.pki.intermediate(lab.pki.private_root())
    run.haproxy(lab, f"bind :::443 v4v6 ssl crt {lab.pki.leaf(issuer=middle).both}")
    with lab.capture():
        run.s_client(lab, "-tls1_2")
        run.python_client(lab)
    # Who acts is open: the server may take a public CA, the client may install the private root.
    return [rejected("certificate-unknown-ca", version, UNLABELLED) for version in ("TLS 1.2", "TLS 1.3")]


@case(
    "certificate-chain-incomplete",
    "A leaf sent without its intermediate",
    "openssl s_client and curl with TLS 1.2 against nginx with the leaf alone.",
    "nginx",
    "openssl",
    "curl",
)
def chain_incomplete(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(), full_chain=False)
    with lab.capture():
        run.s_client(lab, "-tls1_2")
        run.curl(lab, "https://www.example.test/", "--tls-max", "1.2")
    return [rejected("certificate-chain-incomplete")] * 2


@case(
    "certificate-hostname-mismatch",
    "A certificate for another name",
    "openssl s_client -verify_hostname and curl with "
    "TLS 1.2 (curl completes the handshake and then leaves), against nginx.",
    "nginx",
    "openssl",
    "curl",
)
def mismatch(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf("other.example.test"))
    with lab.capture():
        run.s_client(lab, "-tls1_2")
        run.curl(lab, "https://www.example.test/", "--tls-max", "1.2")
    return [
        rejected("certificate-hostname-mismatch"),
        failed("certificate-hostname-mismatch", UNLABELLED, "server", version="TLS 1.2"),
    ]


@case(
    "certificate-rejected-encrypted",
    "A refusal that TLS 1.3 hides: an alert-sized record where Finished should be",
    "gnutls-cli with TLS 1.3 against gnutls-serv with a self-signed certificate.",
    "gnutls-serv",
    "gnutls-cli",
)
def rejected_encrypted(lab: Lab) -> list[Expected]:
    run.gnutls_serv(lab, lab.pki.self_signed())
    with lab.capture():
        run.gnutls_cli(lab, "NORMAL:-VERS-ALL:+VERS-TLS1.3")
    return [rejected("certificate-rejected-encrypted", "TLS 1.3", UNLABELLED)]


@case(
    "certificate-accepted-all-the-same",
    "Faulty certificates that the client does not check",
    "openssl s_client without "
    "verification, TLS 1.2, against nginx with an expired and s_server with a self-signed one.",
    "nginx",
    "openssl",
)
def accepted(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(ends=-2 * DAY))
    run.s_server(lab, lab.pki.self_signed(), port=8443)
    with lab.capture():
        run.s_client(lab, "-tls1_2", verify=False)
        run.s_client(lab, "-tls1_2", port=8443, verify=False)
    return [ok("TLS 1.2")] * 2


@case(
    "client-certificate-missing",
    "mTLS, and the client has no certificate: TLS 1.2 and 1.3",
    "openssl s_client without -cert against s_server -Verify.",
    "openssl",
)
def client_certificate_missing(lab: Lab) -> list[Expected]:
    run.s_server(lab, lab.pki.leaf(), "-Verify", "2", "-verify_return_error", "-CAfile", str(lab.pki.trust))
    with lab.capture():
        run.s_client(lab, "-tls1_2")
        run.s_client(lab, "-tls1_3")
    return [
        failed("client-certificate-missing", "server-finished", "client", version="TLS 1.2"),
        failed("client-certificate-missing", "server-finished", "client", version="TLS 1.3"),
    ]


@case(
    "client-certificate-rejected",
    "mTLS with a client certificate of an unknown CA: TLS 1.2 and 1.3",
    "openssl s_client with a certificate of another root against HAProxy verify required.",
    "haproxy",
    "openssl",
)
def client_certificate_rejected(lab: Lab) -> list[Expected]:
    mine = lab.pki.leaf("client.example.test", client=True, issuer=lab.pki.private_root())
    run.haproxy(lab, f"bind :::443 v4v6 ssl crt {lab.pki.leaf().both} ca-file {lab.pki.trust} verify required")
    with lab.capture():
        for version in ("-tls1_2", "-tls1_3"):
            run.s_client(lab, version, "-cert", str(mine.cert), "-key", str(mine.key))
    return [
        failed("client-certificate-rejected", "server-finished", "client", version="TLS 1.2"),
        failed("client-certificate-rejected", "server-finished", "client", version="TLS 1.3"),
    ]
