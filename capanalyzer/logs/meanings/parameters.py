"""Meanings of lines about versions, cipher suites, groups and the other things both ends must agree on."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.logs.meanings.model import Acts, Meaning

__all__ = ["PARAMETERS"]

PARAMETERS: Final[dict[str, Meaning]] = {
    "version-refused": Meaning(
        N_("No TLS version that both ends accept"),
        N_("The writer refused the version: what the other end offers or chose lies outside what is allowed here."),
        checks=(
            N_(
                "Which side is older? Compare the offered versions in the ClientHello with the server's setting "
                "(ssl_protocols, ssl-min-ver, SSLProtocol, client-ssl options)."
            ),
            N_(
                "A setting of the system may forbid TLS 1.0 and 1.1 as well: OpenSSL security level, crypto "
                "policies, jdk.tls.disabledAlgorithms."
            ),
        ),
        causes=(
            "protocol-version-mismatch",
            "obsolete-ssl-hello",
        ),
        acts=Acts.BOTH,
    ),
    "no-protocols-available": Meaning(
        N_("Nothing is left to offer, by the program's own settings"),
        N_(
            "The program's own limits on versions or cipher suites leave nothing to use. It gave up before "
            "it sent a ClientHello."
        ),
        misleads=N_(
            "The other end is not involved: a capture shows a TCP connection that opens and closes, or none at all."
        ),
        checks=(
            N_(
                "The local settings: jdk.tls.disabledAlgorithms in java.security, MinProtocol and CipherString "
                "in openssl.cnf, command line options."
            ),
        ),
        acts=Acts.CLIENT,
    ),
    "no-shared-cipher": Meaning(
        N_("No cipher suite that both ends accept"),
        N_("The server found no cipher suite in the client's offer that it may use with the certificate it has."),
        misleads=N_(
            "It need not be the cipher list: an ECDSA certificate alone leaves nothing for a client that "
            "knows only RSA, and so does a missing certificate."
        ),
        checks=(
            N_(
                "Compare the suites of the ClientHello with the server's list: openssl ciphers -v, nmap --script "
                "ssl-enum-ciphers, tmm --clientciphers."
            ),
            N_("The type of the server's key: RSA, ECDSA, or both?"),
        ),
        causes=(
            "no-shared-cipher",
            "no-shared-signature-algorithm",
            "handshake-failure-unspecified",
        ),
        acts=Acts.BOTH,
    ),
    "no-shared-group": Meaning(
        N_("No key exchange group that both ends accept"),
        N_("The groups (curves) that the client offers and those that the server allows have none in common."),
        checks=(
            N_(
                "Compare supported_groups of the ClientHello with the server's setting (ssl_ecdh_curve, curves, "
                "SSLOpenSSLConfCmd Groups)."
            ),
        ),
        causes=("no-shared-group",),
        acts=Acts.BOTH,
    ),
    "no-shared-signature-algorithm": Meaning(
        N_("No signature algorithm fits"),
        N_("The client's signature_algorithms hold none that the server's key can make."),
        misleads=N_(
            "With OpenSSL 3 it is also what any TLS 1.0 or 1.1 client meets: those versions sign with SHA-1, "
            "which security level 1 forbids. Then the client's age is the reason, not the certificate."
        ),
        checks=(
            N_(
                "The client's highest version, then the type of the server's key against signature_algorithms in "
                "the ClientHello."
            ),
        ),
        causes=(
            "no-shared-signature-algorithm",
            "protocol-version-mismatch",
        ),
        acts=Acts.BOTH,
    ),
    "wrong-signature-type": Meaning(
        N_("The other end signed with an algorithm that is not allowed"),
        N_(
            "The signature over the key exchange uses an algorithm that was not offered, or that is refused "
            "here (SHA-1, RSA PKCS #1 in TLS 1.3)."
        ),
        checks=(N_("The peer's TLS library and its version: old appliances sign with SHA-1."),),
        causes=(
            "no-shared-signature-algorithm",
            "message-rejected",
        ),
        acts=Acts.SERVER,
    ),
    "no-alpn": Meaning(
        N_("No application protocol in common (ALPN)"),
        N_("The client offers only protocols (h2, http/1.1 ...) that this server does not speak here."),
        checks=(N_("Compare ALPN in the ClientHello with the server's list."),),
        causes=("no-shared-alpn",),
        acts=Acts.BOTH,
    ),
    "backend-alpn": Meaning(
        N_("The load balancer and its backend agree on no protocol (ALPN)"),
        N_(
            "Between the load balancer and the backend, ALPN found nothing in common. The user's own "
            "connection is not what failed."
        ),
        misleads=N_(
            "A capture on the client's side shows a completed handshake and an HTTP error; the failing "
            "handshake is on the backend's side."
        ),
        checks=(
            N_(
                "Does the backend speak the protocol that the backend service is set to (HTTP/2 needs h2 in the "
                "backend's ALPN)?"
            ),
        ),
        causes=("no-shared-alpn",),
        acts=Acts.SERVER,
    ),
    "fallback-refused": Meaning(
        N_("A retry with a lower version was refused"),
        N_(
            "The client marked its ClientHello as a retry with a lower version (TLS_FALLBACK_SCSV), and the "
            "server speaks a higher one."
        ),
        misleads=N_(
            "This is the second attempt. Why the first one failed is the question: find it just before, from "
            "the same client."
        ),
        checks=(N_("The same client's connection just before this one."),),
        causes=("inappropriate-fallback",),
        acts=Acts.CLIENT,
    ),
    "sni-refused": Meaning(
        N_("The server serves no such name"),
        N_("The server refused the handshake for the server name that the client sent, or because it sent none."),
        checks=(
            N_(
                "The server name in the ClientHello against the names that are set up (server_name, crt-list, "
                "strict-sni, ssl_reject_handshake)."
            ),
            N_("Clients that use an address instead of a name send no server name; health checks often do so."),
        ),
        causes=(
            "sni-unrecognized",
            "sni-missing",
        ),
        acts=Acts.BOTH,
    ),
    "no-certificate-configured": Meaning(
        N_("The server has no usable certificate"),
        N_("No certificate is set up, or it cannot be loaded, for the listener or name that was asked for."),
        misleads=N_(
            "On the wire this looks like missing cipher suites (alert 40) or an internal error (80); the "
            "client is not to blame."
        ),
        checks=(
            N_("The paths, the rights and the match of certificate and key, then the default server of this listener."),
        ),
        causes=(
            "handshake-failure-unspecified",
            "server-internal-error",
            "no-shared-cipher",
        ),
        acts=Acts.SERVER,
    ),
    "legacy-renegotiation": Meaning(
        N_("The server lacks secure renegotiation (RFC 5746)"),
        N_(
            "An OpenSSL 3 client ended the handshake right after the ServerHello, because it does not hold "
            "the renegotiation_info extension."
        ),
        misleads=N_(
            "No renegotiation was tried: it is the first handshake, and the old server or appliance is refused as such."
        ),
        checks=(N_("Update the server or appliance, or the inspection device on the way."),),
        causes=("handshake-failure-unspecified",),
        acts=Acts.SERVER,
    ),
    "renegotiation-refused": Meaning(
        N_("Renegotiation, or a certificate asked for later, failed"),
        N_(
            "The first handshake had completed. The failure came when the server wanted a new one, usually "
            "to ask for a client certificate for some path."
        ),
        misleads=N_("A capture shows an established session: what failed is inside the encryption."),
        checks=(
            N_(
                "TLS 1.3 has no renegotiation and browsers refuse post-handshake authentication: ask for the "
                "certificate for the whole host."
            ),
        ),
        causes=("client-certificate-missing",),
        acts=Acts.BOTH,
    ),
    "dh-key-too-small": Meaning(
        N_("The server's Diffie-Hellman parameters are too short"),
        N_(
            "The client ended the handshake because the server's DH group has fewer bits than its security "
            "level allows."
        ),
        checks=(N_("Give the server DH parameters of 2048 bits, or cipher suites with ECDHE."),),
        causes=("handshake-failure-unspecified",),
        acts=Acts.SERVER,
    ),
    "session-context": Meaning(
        N_("Resumption together with client certificates is not set up"),
        N_(
            "The program asks for client certificates and allows resumption without a session id context, so "
            "OpenSSL refuses the resumed session."
        ),
        misleads=N_("It hits only clients that come back: the first connection works, the second fails."),
        checks=(N_("Set a session id context in the server program, or switch resumption off."),),
        causes=("server-internal-error",),
        acts=Acts.SERVER,
    ),
    "handshake-failed": Meaning(
        N_("The handshake failed; the line does not say why"),
        N_(
            "The line says that a TLS handshake failed and no more. The reason is in the lines around it, in "
            "the other end's log, or in a capture."
        ),
        checks=(
            N_("The lines of the same second, process and connection just before and after."),
            N_("The first bytes and the alerts in a capture."),
        ),
        causes=(
            "handshake-failure-unspecified",
            "http-to-tls-port",
            "protocol-version-mismatch",
            "no-shared-cipher",
            "client-certificate-missing",
            "certificate-rejected",
            "client-abandoned",
        ),
        acts=Acts.UNKNOWN,
    ),
    "not-completed": Meaning(
        N_("The handshake was not completed"),
        N_(
            "The load balancer saw the connection end before the handshake was complete, and received no "
            "alert from the client."
        ),
        checks=(N_("Is it one client or many, and is there a health check or scanner that only connects?"),),
        causes=(
            "handshake-failure-unspecified",
            "protocol-version-mismatch",
            "no-shared-cipher",
            "client-abandoned",
            "client-aborted",
            "no-client-hello",
            "http-to-tls-port",
        ),
        acts=Acts.UNKNOWN,
    ),
    "message-malformed": Meaning(
        N_("A handshake message that breaks the rules"),
        N_(
            "The other end's message does not parse, comes at the wrong time, or holds what is not allowed "
            "there. Correct libraries do not do this to each other: look for a middlebox that rewrites, or "
            "an old implementation."
        ),
        checks=(N_("Capture on both sides and compare the ClientHello byte for byte."),),
        causes=(
            "message-rejected",
            "hello-rewritten",
            "record-corrupted",
        ),
        acts=Acts.UNKNOWN,
    ),
    "record-corrupted": Meaning(
        N_("A record did not decrypt"),
        N_(
            "A protected record failed its check: its bytes changed on the way, the keys differ, or what "
            "came is not what it was taken for."
        ),
        checks=(
            N_("Does it hit one path only (a middlebox, a tunnel, a network card's offload), or one implementation?"),
        ),
        causes=("record-corrupted",),
        acts=Acts.NETWORK,
    ),
    "unreadable-alert": Meaning(
        N_("Most likely an alert in plaintext that this library cannot read"),
        N_(
            "Clients built on OpenSSL send their TLS 1.3 alert about the server's certificate in plaintext. "
            "Go and Java expect it encrypted, fail to decrypt it, and log this instead."
        ),
        misleads=N_(
            "Neither corruption nor a key problem: mostly the client refused the server's certificate. The "
            "alert's number can be read in a capture."
        ),
        checks=(N_("The client's own log, which says why it refused; then the chain that the server sends."),),
        causes=(
            "certificate-unknown-ca",
            "certificate-rejected",
            "certificate-chain-incomplete",
            "record-corrupted",
        ),
        acts=Acts.SERVER,
    ),
    "local-internal-error": Meaning(
        N_("The program failed by itself"),
        N_(
            "The writer ended the handshake for a reason of its own: a missing key, a crypto device, a "
            "limit. It sends alert 80, internal_error."
        ),
        checks=(N_("The lines just before this one, at a higher log level."),),
        causes=("server-internal-error",),
        acts=Acts.SERVER,
    ),
    "too-many-connections": Meaning(
        N_("A limit on TLS connections was reached"),
        N_("The program refused to begin another handshake, by its own limit or licence."),
        checks=(N_("The limit (maxsslconn, SSL TPS licence) and who opens so many connections."),),
        causes=(
            "server-closed",
            "server-reset",
        ),
        acts=Acts.SERVER,
    ),
    "secret-missing": Meaning(
        N_("The proxy has no certificate from its control plane yet"),
        N_("Envoy waits for its certificate (SDS) and closes connections until it comes."),
        checks=(N_("The control plane and the name of the secret: istioctl proxy-config secret."),),
        causes=(
            "server-closed",
            "server-reset",
        ),
        acts=Acts.SERVER,
    ),
    "no-filter-chain": Meaning(
        N_("No filter chain matches, usually by server name"),
        N_(
            "Envoy found no filter chain for this connection: the server name is missing or unknown, or the "
            "client did not speak TLS. It closes without an alert."
        ),
        checks=(N_("The server name in the ClientHello against server_names of the listener."),),
        causes=(
            "sni-missing",
            "sni-unrecognized",
            "server-closed",
            "server-reset",
        ),
        acts=Acts.BOTH,
    ),
    "alb-unmapped": Meaning(
        N_("The load balancer could not complete the handshake"),
        N_(
            "UnmappedConnectionError stands for every reason that has no name of its own: mostly a version "
            "or cipher suite that the security policy does not allow, else a client that left."
        ),
        checks=(N_("The security policy of the listener against the ClientHello: aws elbv2 describe-ssl-policies."),),
        causes=(
            "protocol-version-mismatch",
            "no-shared-cipher",
            "no-shared-group",
            "client-abandoned",
            "client-aborted",
            "http-to-tls-port",
        ),
        acts=Acts.BOTH,
    ),
    "haproxy-handshake-failed": Meaning(
        N_("HAProxy: the handshake failed; the line stands for every reason but a few"),
        N_(
            '"SSL handshake failure" is what HAProxy writes for plaintext HTTP, versions, cipher suites, '
            "unknown names, alerts of the client and resets alike. Only a clean close, a timeout and client "
            "certificates have words of their own."
        ),
        misleads=N_(
            "The time in brackets is when the connection was accepted, not when it failed. To plaintext HTTP "
            "HAProxy answers nothing at all, so the client sees an empty reply."
        ),
        checks=(
            N_(
                "Let HAProxy name the reason: error-log-format with %[fc_err] and %[ssl_fc_err,hex], whose last "
                "three digits are OpenSSL's reason."
            ),
            N_("The first bytes of this client in a capture, and an alert, if there is one."),
        ),
        causes=(
            "http-to-tls-port",
            "protocol-version-mismatch",
            "no-shared-cipher",
            "certificate-rejected",
            "certificate-chain-incomplete",
            "sni-unrecognized",
            "client-certificate-missing",
            "client-aborted",
        ),
        acts=Acts.UNKNOWN,
    ),
}
