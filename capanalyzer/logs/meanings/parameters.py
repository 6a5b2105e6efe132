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
        acts=Acts.OTHER,
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
}
