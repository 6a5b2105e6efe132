"""The two ends do not agree on parameters."""

from __future__ import annotations

import ssl

from lab import programs as run
from lab.case import Expected, case, failed, ok
from lab.net import OTHER_CLIENTS, Lab


@case(
    "version-mismatch",
    "No common version: an old client, and an old server",
    "openssl s_client -tls1_1 to nginx (TLS "
    "1.2 and 1.3 only); s_client -tls1_3 to s_server -tls1_2. Alert 70 both times.",
    "openssl",
    "nginx",
)
def version_mismatch(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    run.nginx(lab, identity)
    run.s_server(lab, identity, "-tls1_2", port=8443)
    with lab.capture():
        run.s_client(lab, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        run.s_client(lab, "-tls1_3", port=8443)
    return [
        failed("protocol-version-mismatch", "server-hello", "client"),
        failed("protocol-version-mismatch", "server-hello", "server"),
    ]


@case(
    "no-shared-cipher",
    "No common cipher suite, beside a session that shows what the server accepts",
    "openssl s_client -tls1_2 with AES128-SHA only, to nginx that takes one ECDHE suite. Alert 40.",
    "openssl",
    "nginx",
)
def no_shared_cipher(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(), tls="ssl_protocols TLSv1.2; ssl_ciphers ECDHE-RSA-AES256-GCM-SHA384;")
    with lab.capture():
        run.s_client(lab, "-tls1_2")
        run.s_client(lab, "-tls1_2", "-cipher", "AES128-SHA", source=OTHER_CLIENTS[0])
    return [ok("TLS 1.2"), failed("no-shared-cipher", "server-hello", "client")]


@case(
    "no-shared-group",
    "No common key exchange group, beside a session that shows what the server accepts",
    "openssl s_server -groups P-521; s_client once with P-521, once with X25519 only. Alert 40.",
    "openssl",
)
def no_shared_group(lab: Lab) -> list[Expected]:
    run.s_server(lab, lab.pki.leaf(), "-groups", "P-521")
    with lab.capture():
        run.s_client(lab, "-tls1_3", "-groups", "P-521")
        run.s_client(lab, "-tls1_3", "-groups", "X25519")
    return [ok(), failed("no-shared-group", "server-hello", "client")]


@case(
    "no-shared-alpn",
    "No common application protocol",
    "Python's ssl offers spdy/9 only, to nginx with http2. Alert 120.",
    "nginx",
    "python",
)
def no_shared_alpn(lab: Lab) -> list[Expected]:
    run.nginx(lab, lab.pki.leaf(), listen="443 ssl http2")
    context = ssl.create_default_context(cafile=str(lab.pki.trust))
    context.set_alpn_protocols(["spdy/9"])
    with lab.capture():
        run.python_client(lab, context=context)
    return [failed("no-shared-alpn", "server-hello", run.UNLABELLED)]


@case(
    "sni",
    "Names: a served one, an unknown one, none at all",
    "curl and openssl s_client -noservername to nginx, whose default server has ssl_reject_handshake on. Alert 112.",
    "nginx",
    "openssl",
)
def sni(lab: Lab) -> list[Expected]:
    listen = "listen 443 ssl default_server; listen [::]:443 ssl default_server"
    reject = f"server {{ {listen}; ssl_protocols TLSv1.2 TLSv1.3; ssl_reject_handshake on; }}"
    run.nginx(lab, lab.pki.leaf(), more=reject)
    with lab.capture():
        run.s_client(lab)
        run.s_client(lab, name="unknown.example.test")
        run.s_client(lab, name=None)
    return [
        ok(),
        failed("sni-unrecognized", "server-hello", run.UNLABELLED, sni="unknown.example.test"),
        failed("sni-missing", "server-hello", "client", sni=None),
    ]


@case(
    "many-clients",
    "One server, three clients: one works, one is too old, one trusts nobody",
    "openssl s_client and curl from three addresses to HAProxy with a certificate from a private root.",
    "haproxy",
    "openssl",
)
def many_clients(lab: Lab) -> list[Expected]:
    other = lab.pki.private_root()
    identity = lab.pki.leaf(issuer=other)
    run.haproxy(lab, f"bind :::443 v4v6 ssl crt {identity.both} ssl-min-ver TLSv1.2")
    with lab.capture():
        run.s_client(lab, "-tls1_2", verify=False)
        run.s_client(lab, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", source=OTHER_CLIENTS[0])
        run.s_client(lab, "-tls1_3", source=OTHER_CLIENTS[1])
        run.s_client(lab, "-tls1_3", verify=False)
    return [
        ok("TLS 1.2"),
        failed("protocol-version-mismatch", "server-hello", "client"),
        failed("certificate-unknown-ca", "client-flight", "server", version="TLS 1.3"),
        ok(),
    ]
