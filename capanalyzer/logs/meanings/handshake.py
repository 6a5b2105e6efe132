"""Meanings of lines about handshakes that failed by themselves, or for a reason that the line does not give."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.logs.meanings.model import Acts, Meaning

__all__ = ["HANDSHAKE"]

HANDSHAKE: Final[dict[str, Meaning]] = {
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
    "reason-in-words": Meaning(
        N_("The program ended the handshake; the reason is in the line's own words"),
        N_(
            "The TLS library of the program that wrote the line met an error and names it. Its words are not explained "
            "here: they are rare, or of a part of the library that knows nothing of the connection."
        ),
        checks=(
            N_("The library's documentation of these words; the lines of the same connection just before this one."),
            N_("In a capture: the last message before the alert or the close."),
        ),
        causes=(
            "handshake-failure-unspecified",
            "message-rejected",
            "record-corrupted",
            "server-internal-error",
            "no-shared-cipher",
            "protocol-version-mismatch",
            "certificate-rejected",
            "alert-other",
        ),
        acts=Acts.UNKNOWN,
    ),
    "psk-differs": Meaning(
        N_("The client's pre-shared key is not the one that the server has"),
        N_(
            "The server knows the identity that the client named, and what the client proved its key with does not go "
            "with the server's."
        ),
        misleads=N_(
            "After a restart, or behind a balancer, it may also be a ticket that another server gave: then only the "
            "resumption is at fault."
        ),
        checks=(N_("The key of this identity at both ends, letter by letter: hexadecimal or text, spaces, length."),),
        causes=(
            "unknown-psk",
            "record-corrupted",
        ),
        acts=Acts.BOTH,
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
            "Go, Java and GnuTLS expect it encrypted, fail to decrypt it, and log this instead."
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
        acts=Acts.OWN,
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
            "HAProxy answers nothing at all, so the client sees an empty reply. Some versions also write the "
            "line for a client that completes the handshake and leaves without a request."
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
