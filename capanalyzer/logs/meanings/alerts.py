"""Meanings of alerts that the other end sent: it decided, and its log says more."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.logs.meanings.model import Acts, Meaning

__all__ = ["ALERTS", "OF_HANDSHAKE_FAILURE", "SSLV3_WORD"]

SSLV3_WORD: Final = N_(
    'A word "sslv3" in the text would only be how OpenSSL spells old alerts: the connection need not '
    "have anything to do with SSL 3.0."
)
OF_HANDSHAKE_FAILURE: Final = (
    "handshake-failure-unspecified",
    "no-shared-cipher",
    "no-shared-group",
    "no-shared-signature-algorithm",
    "sni-missing",
    "client-certificate-missing",
    "protocol-version-mismatch",
)
"""Causes behind alert 40, which says none."""

ALERTS: Final[dict[str, Meaning]] = {
    "alert-close-notify": Meaning(
        N_("The other end ended the handshake politely"),
        N_("The other end sent close_notify before the handshake was complete: it gave up without a complaint."),
        checks=(
            N_("Why the other end gave up is in its log: a timeout, a user who left, a check that only connects."),
        ),
        causes=(
            "client-abandoned",
            "alert-other",
        ),
        acts=Acts.UNKNOWN,
    ),
    "alert-unexpected-message": Meaning(
        N_("The other end got a message that does not belong there (alert 10)"),
        N_("The other end sent unexpected_message. Java and GnuTLS say so when they get plaintext instead of TLS."),
        checks=(N_("The first bytes of both sides in a capture."),),
        causes=(
            "message-rejected",
            "tls-to-plaintext-port",
            "not-tls",
        ),
        acts=Acts.BOTH,
    ),
    "alert-record-corrupted": Meaning(
        N_("The other end could not decrypt or verify what it got"),
        N_(
            "The other end complains about a record's check, its size or a signature: changed bytes, "
            "mixed-up keys, or a wrong certificate and key pair."
        ),
        checks=(N_("Do certificate and key belong together? Is there a middlebox that changes bytes?"),),
        causes=("record-corrupted",),
        acts=Acts.NETWORK,
    ),
    "alert-handshake-failure": Meaning(
        N_("The server refused the handshake without saying why (alert 40)"),
        N_(
            "The server sent handshake_failure: no cipher suite, group or signature algorithm in common, no "
            "server name, no client certificate, or a version it dislikes."
        ),
        misleads=SSLV3_WORD,
        checks=(
            N_("The server's log at the same second names the reason."),
            N_(
                "Try one thing at a time: openssl s_client with -tls1_2, with and without -servername, with "
                "-groups, with -cert."
            ),
        ),
        causes=OF_HANDSHAKE_FAILURE,
        acts=Acts.BOTH,
    ),
    "alert-handshake-failure-from-client": Meaning(
        N_("The client refused to go on after the server's answer (alert 40)"),
        N_(
            "The client sent handshake_failure: what the server chose is not acceptable to it, such as short "
            "DH parameters, no secure renegotiation, or a version."
        ),
        misleads=SSLV3_WORD,
        checks=(N_("The client's own log; in a capture, what stands between the ServerHello and the alert."),),
        causes=("handshake-failure-unspecified",),
        acts=Acts.BOTH,
    ),
    "alert-certificate-rejected": Meaning(
        N_("The other end refused the certificate it was shown (alert 42 or 46)"),
        N_(
            "The client does not accept the server's certificate. The code is general: Go and GnuTLS send 42 "
            "and Java and Chrome send 46 for almost any fault."
        ),
        misleads=N_(
            "The alert names who complains, not who is at fault: look at the certificate that the server "
            "sends. The reason itself is only in the client's log."
        ),
        checks=(N_("Dates, names and chain of what the server sends; then the client's log and trust store."),),
        causes=(
            "certificate-rejected",
            "certificate-chain-incomplete",
            "certificate-unknown-ca",
            "certificate-hostname-mismatch",
            "certificate-expired",
            "tls-interception",
        ),
        acts=Acts.SERVER,
    ),
    "alert-unsupported-certificate": Meaning(
        N_("The other end cannot use this kind of certificate (alert 43)"),
        N_("The certificate's key usage or type does not fit. OpenSSL says so for a wrong Extended Key Usage."),
        checks=(N_("Extended Key Usage in the server's certificate: serverAuth is needed."),),
        causes=(
            "certificate-unsupported",
            "certificate-rejected",
        ),
        acts=Acts.SERVER,
    ),
    "alert-certificate-revoked": Meaning(
        N_("The other end holds the certificate to be revoked (alert 44)"),
        N_("The client found the server's certificate in a revocation list, or its OCSP answer said so."),
        checks=(N_("Ask the issuer, and issue a new certificate."),),
        causes=("certificate-revoked",),
        acts=Acts.SERVER,
    ),
    "alert-certificate-expired": Meaning(
        N_("The other end holds the certificate to be expired (alert 45)"),
        N_("A certificate of the server's chain has expired by the client's clock."),
        misleads=N_(
            "If every certificate is still valid, the client's clock is ahead: then the client's side has to act."
        ),
        checks=(N_("notAfter of every certificate that the server sends, then the client's clock."),),
        causes=(
            "certificate-expired",
            "client-clock-skew",
        ),
        acts=Acts.SERVER,
    ),
    "alert-unknown-ca": Meaning(
        N_("The other end does not know the certificate's issuer (alert 48)"),
        N_(
            "The client finds no path from the server's certificate to a root that it trusts. Mostly the "
            "server does not send its intermediate certificate; else the authority is private."
        ),
        misleads=N_("The client complains, but most often the server has to act: it must send the full chain."),
        checks=(
            N_("How many certificates does the server send (openssl s_client -showcerts)?"),
            N_("Do all clients fail, or only those without the private root?"),
        ),
        causes=(
            "certificate-chain-incomplete",
            "certificate-unknown-ca",
            "certificate-self-signed",
            "tls-interception",
        ),
        acts=Acts.SERVER,
    ),
    "alert-client-certificate-rejected": Meaning(
        N_("The server refused the client's certificate"),
        N_(
            "The server sent a certificate alert to this client: the certificate that the client showed is "
            "not accepted, by date, issuer, use or policy."
        ),
        misleads=N_(
            "The server's certificate is not meant, although nothing in the text says so: this program is the client."
        ),
        checks=(
            N_("The client's certificate: dates, issuer, clientAuth; then the server's log, which names the reason."),
        ),
        causes=("client-certificate-rejected",),
        acts=Acts.CLIENT,
    ),
    "alert-protocol-version": Meaning(
        N_("The other end refused the TLS version (alert 70)"),
        N_("The other end speaks none of the versions that were offered, or not the one that was chosen."),
        checks=(N_("The versions in the ClientHello against the server's setting; the older side must change."),),
        causes=(
            "protocol-version-mismatch",
            "obsolete-ssl-hello",
        ),
        acts=Acts.BOTH,
    ),
    "alert-insufficient-security": Meaning(
        N_("The other end wants stronger cipher suites (alert 71)"),
        N_("The other end knows some of the cipher suites or keys of this program, but holds them to be too weak."),
        checks=(N_("This program's cipher list, and the size of its key and of its Diffie-Hellman parameters."),),
        causes=("no-shared-cipher",),
        acts=Acts.OWN,
    ),
    "alert-internal-error": Meaning(
        N_("The other end reports trouble of its own (alert 80)"),
        N_("The other end sent internal_error: a missing key, an overload, a crypto device."),
        misleads=N_(
            "OpenSSL 3 servers also answer a TLS 1.0 or 1.1 client in this way. Then nothing is broken, and "
            "the client is too old."
        ),
        checks=(N_("The other end's log at the same second; the client's highest version."),),
        causes=(
            "server-internal-error",
            "protocol-version-mismatch",
        ),
        acts=Acts.OTHER,
    ),
    "alert-inappropriate-fallback": Meaning(
        N_("The server refused a retry with a lower version (alert 86)"),
        N_(
            "The client had failed before and tried again with a lower version, marked as such; the server "
            "speaks a higher one."
        ),
        misleads=N_("Why the first attempt failed is the question; this alert is only its consequence."),
        checks=(N_("The same client's connection just before this one."),),
        causes=("inappropriate-fallback",),
        acts=Acts.CLIENT,
    ),
    "alert-user-canceled": Meaning(
        N_("The other end was cancelled by its user (alert 90)"),
        N_("The user or program at the other end gave up during the handshake."),
        checks=(N_("Nothing, unless it repeats."),),
        causes=("user-canceled",),
        acts=Acts.OTHER,
    ),
    "alert-message-rejected": Meaning(
        N_("The other end rejected a message as malformed"),
        N_(
            "The other end could not parse a handshake message, or it broke a rule: an old or faulty "
            "implementation, or a middlebox that rewrites."
        ),
        checks=(N_("Which versions of the libraries are at both ends, and what is between them?"),),
        causes=(
            "message-rejected",
            "hello-rewritten",
        ),
        acts=Acts.BOTH,
    ),
    "alert-unrecognized-name": Meaning(
        N_("The server does not know the requested name (alert 112)"),
        N_("The server sent unrecognized_name: it serves no such host name."),
        checks=(N_("The name that the client asks for against the names that the server is set up for."),),
        causes=("sni-unrecognized",),
        acts=Acts.BOTH,
    ),
    "alert-no-application-protocol": Meaning(
        N_("The server speaks none of the offered protocols (alert 120)"),
        N_("ALPN found nothing in common."),
        checks=(N_("Compare the client's ALPN list with the server's."),),
        causes=("no-shared-alpn",),
        acts=Acts.BOTH,
    ),
    "alert-certificate-required": Meaning(
        N_("The server wants a client certificate (alert 116)"),
        N_("The client sent no certificate, and the server insists on one."),
        misleads=N_(
            "In TLS 1.3 this comes after the client believes the handshake complete: it may show up as an "
            "error while reading the answer."
        ),
        checks=(N_("Give the client its certificate and key (curl --cert, keyAlias, sslcert)."),),
        causes=("client-certificate-missing",),
        acts=Acts.CLIENT,
    ),
    "alert-access-denied": Meaning(
        N_("The other end denies access (alert 49)"),
        N_(
            "The other end's policy does not let this one in, by its certificate, its address or the name: what was "
            "shown may well be valid."
        ),
        checks=(N_("The other end's access policy; its log at the same second names the rule."),),
        causes=("access-denied",),
        acts=Acts.OTHER,
    ),
    "alert-unknown-psk": Meaning(
        N_("The other end does not know the pre-shared key (alert 115)"),
        N_("The identity of the pre-shared key is not known to the server."),
        checks=(N_("Identity and key at both ends."),),
        causes=("unknown-psk",),
        acts=Acts.BOTH,
    ),
    "alert-stapled-response": Meaning(
        N_("The client refused the stapled OCSP response (alert 113)"),
        N_(
            "The client sent bad_certificate_status_response: the proof of not being revoked that the server sends "
            "with its certificate is invalid, or older than the client accepts."
        ),
        misleads=N_("The certificate itself need not be at fault."),
        checks=(
            N_(
                "openssl s_client -status: the dates of the stapled response, by whom it is signed, the server's clock."
            ),
        ),
        causes=("alert-other",),
        acts=Acts.SERVER,
    ),
    "alert-ech-required": Meaning(
        N_("The client insists on Encrypted ClientHello (alert 121)"),
        N_(
            "The server did not decrypt the ClientHello. The client learnt the server's present keys for that, and "
            "ended this connection with ech_required to try again with them."
        ),
        checks=(N_("The HTTPS record in DNS against the ECH keys of the server, if the second attempt fails too."),),
        causes=("alert-other",),
        acts=Acts.SERVER,
    ),
    "alert-out-of-role": Meaning(
        N_("The other end sent an alert that only the opposite role sends"),
        N_(
            "This program was the server and received an alert that only servers send, or the client and one that only "
            "clients send. Either it had the other role in this connection (a proxy towards its backend), or the other "
            "end is faulty."
        ),
        checks=(N_("In a capture: which end sent the ClientHello, and which sent the alert?"),),
        causes=("alert-other",),
        acts=Acts.UNKNOWN,
    ),
    "alert-other": Meaning(
        N_("The other end sent a fatal alert"),
        N_("The other end ended the handshake with the alert that the line names."),
        checks=(N_("The other end's log at the same second."),),
        causes=("alert-other",),
        acts=Acts.UNKNOWN,
    ),
}
