"""Sessions that work, however unlike one another they look; and what is often taken for a failure and is none."""

from __future__ import annotations

from lab import servers
from lab.case import UNLABELLED, Expected, case, failed, ok
from lab.net import Lab
from lab.session import Session, play, session

OLD = ("-cipher", "ALL:@SECLEVEL=0")


@case(
    "healthy-tls12",
    "TLS 1.2 by suite: ECDHE with RSA and with ECDSA certificates, RSA key exchange, DHE, CBC, CCM, ChaCha20, SHA-1 "
    "MAC",
    "openssl s_client with one suite each to nginx.",
    "nginx",
    "openssl",
    form="pcap",
)
def suites(lab: Lab) -> list[Expected]:
    servers.nginx(lab, (lab.pki.leaf(), lab.pki.leaf(elliptic=True)), "ssl_ciphers ALL;")
    names = (
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-CCM8",
        "AES128-SHA",
        "ECDHE-RSA-AES256-SHA384",
    )
    rows = [session("openssl", "1.2", ok("1.2"), extra=("-cipher", one)) for one in names]
    with lab.capture():
        return play(lab, rows)


@case(
    "healthy-tls13",
    "TLS 1.3 by suite, with RSA and with ECDSA certificates",
    "openssl s_client with one suite each, curl and Python's ssl to nginx.",
    "nginx",
    "openssl",
    "curl",
    "python",
)
def suites_of_tls13(lab: Lab) -> list[Expected]:
    servers.nginx(lab, (lab.pki.leaf(), lab.pki.leaf(elliptic=True)))
    names = ("TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384")
    rows = [session("openssl", "1.3", ok(), extra=("-ciphersuites", one)) for one in names]
    rows += [session(one, "1.3", ok()) for one in ("curl", "python")]
    with lab.capture():
        return play(lab, rows)


@case(
    "weak-cipher",
    "Suites that work and should not be used any more: no forward secrecy with CBC, NULL, anonymous",
    "openssl s_client at security level 0 to s_server that allows everything, TLS 1.0 to 1.2.",
    "openssl",
)
def weak(lab: Lab) -> list[Expected]:
    servers.start(lab, "openssl", lab.pki.leaf(), low="1.0", extra=("-cipher", "ALL:eNULL:@SECLEVEL=0"))
    rows = [
        session(
            "openssl",
            version,
            ok(version),
            extra=("-cipher", f"{suite}:@SECLEVEL=0"),
            verify=suite != "AECDH-AES128-SHA",
        )
        for version, suite in (
            ("1.2", "NULL-SHA256"),
            ("1.2", "AECDH-AES128-SHA"),
            ("1.0", "AES128-SHA"),
            ("1.1", "CAMELLIA256-SHA"),
        )
    ]
    with lab.capture():
        return play(lab, rows)


@case(
    "healthy-old-versions",
    "TLS 1.0 and 1.1 where both ends still allow them",
    "openssl s_server at security level 0 with s_client, Go, gnutls-cli and tstclnt.",
    "openssl",
    "go",
    "gnutls",
    form="pcap.gz",
)
def old(lab: Lab) -> list[Expected]:
    servers.start(lab, "openssl", lab.pki.leaf(), low="1.0", extra=OLD)
    rows = [session("openssl", one, ok(one), extra=OLD) for one in ("1.0", "1.1")]
    rows += [session(client, one, ok(one)) for client in ("go", "gnutls") for one in ("1.0", "1.1")]
    with lab.capture():
        return play(lab, rows)


@case(
    "resumption",
    "Full handshakes and the resumed ones that follow: TLS 1.2 by ticket and by session id, TLS 1.3 by PSK; tickets "
    "that a server does not accept any more; early data, accepted and refused",
    "openssl s_client -sess_out, then -sess_in, to s_server (one with -no_ticket, one with -early_data), nginx, and a "
    "second nginx that has other ticket keys.",
    "openssl",
    "nginx",
)
def resumption(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.start(lab, "openssl", identity)
    servers.start(lab, "openssl", identity, 8443, extra=("-no_ticket",))
    for port in (5061, 993):
        servers.start(lab, "nginx", identity, port, extra=("ssl_early_data on;",))
    saved, early = str(lab.work / "session.pem"), str(lab.write("early.txt", "GET /early HTTP/1.0\r\n\r\n"))
    # Where the second session goes: the last ones go to a server that cannot read the ticket.
    pairs: list[tuple[int, str, int]] = [
        (443, "1.2", 443),
        (8443, "1.2", 8443),
        (443, "1.3", 443),
        (5061, "1.2", 5061),
        (5061, "1.3", 5061),
        (5061, "1.2", 993),
        (5061, "1.3", 993),
    ]
    rows: list[Session] = []
    for port, version, again in pairs:
        rows.append(session("openssl", version, ok(version), port=port, extra=("-sess_out", saved)))
        rows.append(session("openssl", version, ok(version), port=again, extra=("-sess_in", saved)))
    for again in (5061, 993):
        rows.append(session("openssl", "1.3", ok(), port=5061, extra=("-sess_out", saved)))
        # The answer to the early request is a page that is not there: that it was asked for is what counts.
        label = ok().but(version=UNLABELLED)
        extra = ("-sess_in", saved, "-early_data", early)
        rows.append(Session("openssl", "1.3", label, {"port": again, "extra": extra}))
    with lab.capture():
        return play(lab, rows, keep_order=True)


@case(
    "hello-retry",
    "HelloRetryRequests that are followed",
    "openssl s_client, Go, Java and gnutls-cli, which offer shares of X25519 or P-256, to s_server and nginx that "
    "want P-384.",
    "openssl",
    "nginx",
    "go",
    "java",
    "gnutls",
    "curl",
)
def hello_retry(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.start(lab, "openssl", identity, groups="P-384")
    servers.start(lab, "nginx", identity, 8443, groups="secp384r1")
    rows = [
        session(one, "1.3", ok(), port=port)
        for one in ("openssl", "go", "java", "gnutls", "curl")
        for port in (443, 8443)
    ]
    with lab.capture():
        return play(lab, rows)


@case(
    "alpn-h2",
    "ALPN: HTTP/2 chosen, HTTP/1.1 chosen, none offered, and one that the server does not answer to",
    "curl with and without HTTP/2, Go and Node with http/1.1, to nginx, Apache and HAProxy.",
    "nginx",
    "apache",
    "haproxy",
    "curl",
    "go",
    "node",
    form="pcapng.zst",
)
def alpn(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.start(lab, "nginx", identity, alpn=("h2",))
    servers.start(lab, "apache", identity, 8443)
    servers.start(lab, "haproxy", identity, 9443, alpn=("h2", "http/1.1"))
    rows = [session("curl", "", ok(), port=port, alpn=("h2",)) for port in (443, 8443, 9443)]
    rows += [
        session(one, "", ok(), port=port, alpn=("http/1.1",)) for one in ("curl", "go", "node") for port in (443, 9443)
    ]
    with lab.capture():
        return play(lab, rows)


@case(
    "ipv6",
    "The same over IPv6",
    "six clients to nginx on an IPv6 address, TLS 1.2 and 1.3.",
    "nginx",
    "curl",
    "openssl",
    "go",
    "java",
    "node",
    "python",
)
def ipv6(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf())
    rows = [
        session(one, version, ok(version), host=lab.plan.server6)
        for one in ("curl", "openssl", "go", "java", "node", "python")
        for version in ("1.2", "1.3")
    ]
    with lab.capture():
        return play(lab, rows)


@case(
    "odd-port",
    "TLS on ports that are nobody's TLS port, one of them 80",
    "curl, Go and openssl to HAProxy on 4711 and 80.",
    "haproxy",
    "curl",
    "go",
    "openssl",
    decode_as_tls=(80, 4711),
)
def odd_port(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.haproxy(lab, ((4711, f"ssl crt {identity.both}"), (80, f"ssl crt {identity.both}")))
    rows = [session(one, "", ok(), port=port) for one in ("curl", "go", "openssl") for port in (4711, 80)]
    with lab.capture():
        return play(lab, rows)


@case(
    "many-clients",
    "One server, three clients: one works, one is too old, one does not know the root",
    "openssl s_client from three addresses to HAProxy with a certificate from a private root.",
    "haproxy",
    "openssl",
)
def many(lab: Lab) -> list[Expected]:
    servers.start(lab, "haproxy", lab.pki.leaf(issuer=lab.pki.authority("Elsewhere Root CA")))
    old = failed("protocol-version-mismatch", "server-hello", "client")
    rows = [
        session("openssl", "1.2", ok("1.2"), verify=False),
        session("openssl", "1.1", old, extra=OLD, source=0),
        session("openssl", "1.3", failed("certificate-unknown-ca", "client-flight", version="1.3"), source=1),
        session("openssl", "1.3", ok(), verify=False),
    ]
    with lab.capture():
        return play(lab, rows)


@case(
    "large-transfer",
    "Larger answers with segmentation offload: segments larger than any link's MTU",
    "curl, Go and wget fetch 24 kB from nginx; TSO and GRO left on.",
    "nginx",
    "curl",
    "go",
    "wget",
    offload=True,
    form="pcapng.gz",
)
def large(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf(), extra=("index large.html;",))
    lab.write("www/large.html", b"<p>hello</p>\n" + b"0123456789abcdef" * 1_500)
    rows = [session(one, version, ok(version)) for one in ("curl", "go") for version in ("1.2", "1.3")]
    with lab.capture(nano=True):
        return play(lab, rows)
