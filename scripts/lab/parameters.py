"""The two ends do not agree on parameters."""

from __future__ import annotations

import json

from lab import raw, servers
from lab.case import UNLABELLED, Expected, case, failed, ok
from lab.net import Lab
from lab.session import Session, play, session

OLD = ("-cipher", "ALL:@SECLEVEL=0")
SERVERS = ("nginx", "apache", "haproxy", "openssl", "stunnel", "node", "java", "go", "gnutls", "nss", "python")


def refused(cause: str, blame: str = UNLABELLED, **more: str | None) -> Expected:
    return failed(cause, "server-hello", blame, **more)  # type: ignore[arg-type]  # sni may be None


def start_each(lab: Lab, stacks: tuple[str, ...], **settings: object) -> dict[str, int]:
    identity = lab.pki.leaf()
    ports = {stack: 4450 + number for number, stack in enumerate(stacks)}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port, **settings)
    return ports


@case(
    "protocol-version-mismatch",
    "Old clients to eleven servers that have TLS 1.2 and 1.3 only, beside one that is new enough",
    "openssl s_client -tls1_1, and in turn GnuTLS with TLS 1.0, Go with 1.1 and NSS with 1.1, to each server.",
    *SERVERS,
    "openssl",
    "curl",
)
def version_mismatch(lab: Lab) -> list[Expected]:
    ports = start_each(lab, SERVERS)
    label = refused("protocol-version-mismatch", "client")
    rows = []
    others = (("gnutls", "1.0"), ("go", "1.1"), ("nss", "1.1"))
    for number, (_, port) in enumerate(ports.items()):
        rows.append(session("openssl", "1.1", label, port=port, extra=OLD))
        client, version = others[number % 3]
        rows.append(session(client, version, label, port=port))
    rows.append(session("curl", "", ok(), port=ports["nginx"]))
    with lab.capture():
        return play(lab, rows)


@case(
    "server-too-old",
    "Servers that end at TLS 1.2, and clients that begin with 1.3; a client without that limit works",
    "clients with TLS 1.3 only to servers limited to 1.2. GnuTLS answers with handshake_failure, the others with "
    "protocol_version.",
    *SERVERS,
    "openssl",
    "go",
    "java",
    "curl",
)
def server_too_old(lab: Lab) -> list[Expected]:
    ports = start_each(lab, SERVERS, high="1.2")
    rows = []
    for number, (stack, port) in enumerate(ports.items()):
        cause = UNLABELLED if stack == "gnutls" else "protocol-version-mismatch"
        client = ("openssl", "go", "java", "gnutls")[number % 4]
        rows.append(session(client, "1.3", refused(cause), port=port))
    rows += [session(one, "", ok("1.2"), port=ports["nginx"]) for one in ("curl", "java")]
    with lab.capture():
        return play(lab, rows)


@case(
    "version-not-offered",
    "Servers that choose an old version, and clients that refuse it when they see it",
    "openssl s_client, gnutls-cli and Go with TLS 1.2 only to openssl s_server with TLS 1.1 at most: a hello before "
    "TLS 1.3 cannot say what its lowest version is.",
    "openssl",
    "gnutls",
    "go",
)
def version_not_offered(lab: Lab) -> list[Expected]:
    servers.start(lab, "openssl", lab.pki.leaf(), low="1.0", high="1.1", extra=OLD)
    label = failed("protocol-version-mismatch", UNLABELLED, UNLABELLED, version="1.1")
    rows = [session(one, "1.2", label) for one in ("openssl", "gnutls")]
    # Go says what it supports in supported_versions, whatever its limit: the server sees it in time.
    rows.append(session("go", "1.2", refused("protocol-version-mismatch")))
    rows.append(session("openssl", "1.1", ok("1.1"), extra=OLD))
    with lab.capture():
        return play(lab, rows)


@case(
    "old-version-internal-error",
    "TLS 1.0 switched on in servers whose OpenSSL does not allow its signatures: alert 80",
    "openssl s_client -tls1 to nginx, HAProxy and s_server with TLS 1.0 enabled at OpenSSL's default security level.",
    "nginx",
    "haproxy",
    "openssl",
)
def old_internal(lab: Lab) -> list[Expected]:
    ports = start_each(lab, ("nginx", "haproxy", "openssl"), low="1.0")
    label = refused("server-internal-error", UNLABELLED)
    with lab.capture():
        return play(lab, [session("openssl", "1.0", label, port=port, extra=OLD) for port in ports.values()])


STRICT = "ECDHE-RSA-AES256-GCM-SHA384"
WEAK_CLIENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("openssl", ("-cipher", "AES128-SHA")),
    ("curl", ("--ciphers", "AES256-SHA")),
    ("gnutls", (":-CIPHER-ALL:+AES-128-CBC:-KX-ALL:+RSA",)),
    ("go", ("-suite", "TLS_RSA_WITH_AES_128_CBC_SHA")),
    ("java", ("suite=TLS_RSA_WITH_AES_128_CBC_SHA256",)),
    ("node", (json.dumps({"ciphers": "AES128-SHA256"}),)),
    ("python", ("ciphers=AES256-SHA256",)),
)


@case(
    "no-shared-cipher",
    "No common cipher suite, beside sessions that show what the servers accept",
    "seven clients with one RSA key exchange suite each, TLS 1.2, to servers that take one ECDHE suite.",
    "nginx",
    "apache",
    "haproxy",
    "openssl",
    "stunnel",
    "node",
    "python",
    *(name for name, _ in WEAK_CLIENTS),
)
def no_shared_cipher(lab: Lab) -> list[Expected]:
    stacks = ("nginx", "apache", "haproxy", "openssl", "stunnel", "node", "python")
    ports = start_each(lab, stacks, ciphers=STRICT, high="1.2")
    rows = [session("openssl", "1.2", ok("1.2"), port=port) for port in ports.values()]
    label = refused("no-shared-cipher")
    rows += [
        session(client, "1.2", label, port=ports[stacks[(number + other) % 7]], extra=extra)
        for number, (client, extra) in enumerate(WEAK_CLIENTS)
        for other in (0, 3)
    ]
    with lab.capture():
        return play(lab, rows)


@case(
    "no-shared-cipher-by-offer",
    "Offers of suites that no server of today has: the hello itself tells",
    "openssl s_client -cipher NULL, -cipher aNULL (at security level 0) and gnutls-cli with RSA-PSK suites only, to "
    "nginx, HAProxy, Java and Go.",
    "nginx",
    "haproxy",
    "java",
    "go",
    "openssl",
)
def no_shared_by_offer(lab: Lab) -> list[Expected]:
    ports = start_each(lab, ("nginx", "haproxy", "java", "go"))
    offers = ("eNULL:@SECLEVEL=0", "aNULL:@SECLEVEL=0")
    label = refused("no-shared-cipher")
    rows = [
        session("openssl", "1.2", label, port=port, extra=("-cipher", offer))
        for port in ports.values()
        for offer in offers
    ]
    with lab.capture():
        return play(lab, rows)


@case(
    "no-shared-group",
    "No common key exchange group, beside sessions that show what the servers accept",
    "servers with P-521 only; clients once with P-521, once with X25519 only (TLS 1.3), or with P-256 only.",
    "openssl",
    "nginx",
    "haproxy",
    "stunnel",
    "node",
    "go",
)
def no_shared_group(lab: Lab) -> list[Expected]:
    stacks = ("openssl", "nginx", "haproxy", "stunnel", "node", "go")
    identity = lab.pki.leaf()
    names = {"go": "P-521", "openssl": "P-521", "node": "P-521"}
    ports = {stack: 4450 + number for number, stack in enumerate(stacks)}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port, groups=names.get(stack, "secp521r1"))
    rows = [session("openssl", "1.3", ok(), port=port, extra=("-groups", "P-521")) for port in ports.values()]
    label = refused("no-shared-group")
    for number, port in enumerate(ports.values()):
        rows.append(session("openssl", "1.3", label, port=port, extra=("-groups", "X25519")))
        if number % 2:
            rows.append(session("go", "1.3", label, port=port, extra=("-groups", "P-256")))
        else:
            extra = (":-GROUP-ALL:+GROUP-X25519",)
            rows.append(session("gnutls", "1.3", label, port=port, extra=extra))
    with lab.capture():
        return play(lab, rows)


@case(
    "hello-retry-not-followed",
    "HelloRetryRequests that the client does not follow; one that it does",
    "a real ClientHello by Python's ssl, whose sender leaves when the server asks for another group; servers: openssl "
    "and nginx with P-384 only.",
    "openssl",
    "nginx",
    "python",
)
def retry_not_followed(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.start(lab, "openssl", identity, groups="P-384")
    servers.start(lab, "nginx", identity, 8443, groups="secp384r1")
    label = failed("no-shared-group", UNLABELLED, UNLABELLED, version=UNLABELLED)
    data = raw.hello(lab.www)
    with lab.capture():
        labels = play(lab, [session("openssl", "", ok())])
        for port in (443, 8443):
            raw.client(lab, data, port=port, wait_s=0.5)
            labels.append(label)
    return labels


RSA_ONLY: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("openssl", "1.3", ("-sigalgs", "rsa_pss_rsae_sha256:RSA+SHA256")),
    ("openssl", "1.2", ("-sigalgs", "RSA+SHA256", "-cipher", "ECDHE+AESGCM")),
    ("java", "1.3", ("-Djdk.tls.client.SignatureSchemes=rsa_pss_rsae_sha256",)),
    ("gnutls", "1.3", (":-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256",)),
    ("gnutls", "1.2", (":-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256",)),
)


@case(
    "no-shared-signature-algorithm",
    "Servers with an ECDSA certificate, and clients that take RSA signatures only; sessions beside show the "
    "certificate",
    "openssl s_client -sigalgs, gnutls-cli and JSSE with RSA schemes only, to servers with an ECDSA key; each server "
    "also has a session that works, in TLS 1.2, where its certificate is seen.",
    "nginx",
    "haproxy",
    "openssl",
    "apache",
    "stunnel",
    "java",
    "gnutls",
)
def no_shared_signature(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf(elliptic=True)
    ports = {"nginx": 443, "haproxy": 8443, "openssl": 9443, "apache": 5061, "stunnel": 993}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port)
    rows = [
        session(one, "1.2", ok("1.2"), port=port)
        for port, one in zip(ports.values(), ("curl", "go", "java", "node", "openssl"), strict=True)
    ]
    label, suites = refused("no-shared-signature-algorithm"), refused("no-shared-cipher")
    for port in ports.values():
        for client, version, extra in RSA_ONLY:
            # In TLS 1.2 OpenSSL leaves the suites out that it has no signature algorithm for.
            chosen = suites if (client, version) == ("openssl", "1.2") else label
            rows.append(session(client, version, chosen, port=port, extra=extra))
    with lab.capture():
        return play(lab, rows, keep_order=True)


@case(
    "handshake-failure-unspecified",
    "Alert 40, and nothing in the capture tells which parameter is to blame",
    "the same clients to the same servers, and no session that shows the certificate; and clients without a common "
    "group in TLS 1.2.",
    "nginx",
    "haproxy",
    "openssl",
    "java",
    "gnutls",
)
def unspecified(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf(elliptic=True)
    ports = {"nginx": 443, "haproxy": 8443}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port)
    label = refused("handshake-failure-unspecified")
    rows = [
        session(client, version, label, port=port, extra=extra)
        for port in ports.values()
        for client, version, extra in RSA_ONLY
    ]
    with lab.capture():
        return play(lab, rows)


@case(
    "no-shared-alpn",
    "No common application protocol: clear alerts, one hidden behind the ServerHello, and servers that do not mind",
    "clients that offer spdy/9 only to servers with h2 (and http/1.1). Go says so after its ServerHello; HAProxy goes "
    "on without ALPN.",
    "nginx",
    "openssl",
    "node",
    "java",
    "gnutls",
    "go",
    "haproxy",
    "python",
)
def no_shared_alpn(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    ports = {"nginx": 443, "openssl": 8443, "java": 9443, "gnutls": 5061, "go": 993, "haproxy": 8883}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port, alpn=("h2", "http/1.1") if stack == "nginx" else ("h2",))
    rows: list[Session] = []
    for client in ("openssl", "python", "go", "java", "node"):
        for stack, port in ports.items():
            label = refused("no-shared-alpn")
            if stack == "haproxy":
                label = ok()
            elif stack == "go":
                label = failed("alert-other", "server-flight", version="1.3")
            rows.append(session(client, "", label, port=port, alpn=("spdy/9",), answered=stack == "haproxy"))
    with lab.capture():
        return play(lab, rows)


@case(
    "inappropriate-fallback",
    "Clients that come again with a lower version and say so (TLS_FALLBACK_SCSV)",
    "openssl s_client -fallback_scsv -tls1_2, tstclnt -K and gnutls-cli %FALLBACK_SCSV to servers that have TLS 1.3.",
    "nginx",
    "haproxy",
    "openssl",
    "apache",
    "go",
    "gnutls",
    "nss",
)
def fallback(lab: Lab) -> list[Expected]:
    ports = start_each(lab, ("nginx", "haproxy", "openssl", "apache", "go", "gnutls", "nss"))
    label = refused("inappropriate-fallback")
    rows = [session("openssl", "1.2", label, port=port, extra=("-fallback_scsv",)) for port in ports.values()]
    rows += [session("nss", "1.2", label, port=ports[one], extra=("-K",)) for one in ("nginx", "go")]
    rows += [session("gnutls", "1.2", label, port=ports["haproxy"], extra=(":%FALLBACK_SCSV",))]
    with lab.capture():
        return play(lab, rows)
