"""Sessions that work."""

from __future__ import annotations

from lab import programs as run
from lab.case import Expected, case, ok
from lab.net import Lab


@case(
    "healthy-tls13",
    "TLS 1.3 as it should be: several clients of one nginx",
    "curl, openssl s_client and Python's ssl against nginx on port 443.",
    "nginx",
    "curl",
    "openssl",
    "python",
)
def healthy_tls13(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    with lab.capture():
        run.curl(lab, "https://www.example.test/")
        run.s_client(lab)
        run.python_client(lab)
    return [ok(), ok(), ok()]


@case(
    "healthy-tls12",
    "TLS 1.2, ECDHE with RSA and with ECDSA certificates, RSA key exchange, CBC and ChaCha20",
    "openssl s_client with one cipher suite each against nginx.",
    "nginx",
    "openssl",
    form="pcap",
)
def healthy_tls12(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(), lab.pki.leaf(elliptic=True), tls="ssl_ciphers ALL;")
    with lab.capture():
        for suite in ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "AES256-GCM-SHA384",
                      "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-CHACHA20-POLY1305"):  # fmt: skip
            run.s_client(lab, "-tls1_2", "-cipher", suite)
    return [ok("TLS 1.2")] * 5


@case(
    "healthy-old-versions",
    "TLS 1.0 and 1.1 where both ends still allow them",
    "openssl s_server and s_client at security level 0.",
    "openssl",
    form="pcap.gz",
)
def healthy_old(lab: Lab) -> list[Expected]:
    old = ("-cipher", "ALL:@SECLEVEL=0")
    run.s_server(lab, lab.pki.leaf(), *old)
    with lab.capture():
        run.s_client(lab, "-tls1", *old)
        run.s_client(lab, "-tls1_1", *old)
    return [ok("TLS 1.0"), ok("TLS 1.1")]


@case(
    "resumption",
    "Full handshakes and the resumed ones that follow: TLS 1.2 by ticket and by session id, TLS 1.3 by PSK",
    "openssl s_client -sess_out, then -sess_in, against two openssl s_server (one with -no_ticket).",
    "openssl",
)
def resumption(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    run.s_server(lab, identity)
    run.s_server(lab, identity, "-no_ticket", port=8443)
    saved = str(lab.work / "session.pem")
    with lab.capture():
        for port, version in ((443, "-tls1_2"), (8443, "-tls1_2"), (443, "-tls1_3")):
            run.s_client(lab, version, "-sess_out", saved, port=port)
            run.s_client(lab, version, "-sess_in", saved, port=port)
    return [ok("TLS 1.2")] * 4 + [ok("TLS 1.3")] * 2


@case(
    "hello-retry",
    "A HelloRetryRequest that is followed",
    "openssl s_client offers a key share of X25519 only, s_server wants P-384.",
    "openssl",
)
def hello_retry(lab: Lab) -> list[Expected]:
    run.s_server(lab, lab.pki.leaf(), "-groups", "P-384")
    with lab.capture():
        run.s_client(lab, "-groups", "X25519:P-384")
    return [ok()]


@case(
    "mtls",
    "Client certificates asked for and given, TLS 1.2 and 1.3",
    "openssl s_server -Verify 1, s_client with -cert.",
    "openssl",
)
def mtls(lab: Lab) -> list[Expected]:
    mine = lab.pki.leaf("client.example.test", client=True)
    run.s_server(lab, lab.pki.leaf(), "-Verify", "2", "-verify_return_error", "-CAfile", str(lab.pki.trust))
    with lab.capture():
        for version in ("-tls1_2", "-tls1_3"):
            run.s_client(lab, version, "-cert", str(mine.cert), "-key", str(mine.key), "-cert_chain", str(mine.chain))
    return [ok("TLS 1.2"), ok("TLS 1.3")]


@case(
    "alpn-h2",
    "ALPN: HTTP/2 chosen, and HTTP/1.1",
    "curl with and without --http2 against nginx.",
    "nginx",
    "curl",
    form="pcapng.zst",
)
def alpn_h2(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(), listen="443 ssl http2")
    with lab.capture():
        run.curl(lab, "https://www.example.test/", "--http2")
        run.curl(lab, "https://www.example.test/", "--http1.1")
    return [ok(), ok()]


@case("ipv6", "The same over IPv6", "curl against nginx on an IPv6 address, TLS 1.2 and 1.3.", "nginx", "curl")
def ipv6(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    with lab.capture():
        run.curl(lab, "https://www.example.test/", "--tls-max", "1.2", ipv6=True)
        run.curl(lab, "https://www.example.test/", ipv6=True)
    return [ok("TLS 1.2"), ok("TLS 1.3")]


@case(
    "odd-port",
    "TLS on ports that are nobody's TLS port, one of them 80",
    "curl against HAProxy on 4711 and 80.",
    "haproxy",
    "curl",
)
def odd_port(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    run.haproxy(lab, f"bind :::4711 v4v6 ssl crt {identity.both}\n  bind :::80 v4v6 ssl crt {identity.both}")
    with lab.capture():
        run.curl(lab, "https://www.example.test:4711/")
        run.curl(lab, "https://www.example.test:80/")
    return [ok(), ok()]


@case(
    "gnutls",
    "Another library at both ends",
    "gnutls-cli against gnutls-serv, TLS 1.2 and 1.3.",
    "gnutls-serv",
    "gnutls-cli",
)
def gnutls(lab: Lab) -> list[Expected]:
    run.gnutls_serv(lab, lab.pki.leaf())
    with lab.capture():
        run.gnutls_cli(lab, "NORMAL:-VERS-TLS1.3")
        run.gnutls_cli(lab)
    return [ok("TLS 1.2"), ok("TLS 1.3")]


@case(
    "large-transfer",
    "A larger answer with segmentation offload: segments larger than any link's MTU",
    "curl fetches 96 kB from nginx; TSO and GRO left on.",
    "nginx",
    "curl",
    offload=True,
    form="pcapng.gz",
)
def large_transfer(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf())
    lab.write("www/large", b"0123456789abcdef" * 6_000)
    with lab.capture(nano=True):
        run.curl(lab, "https://www.example.test/large")
    return [ok()]
