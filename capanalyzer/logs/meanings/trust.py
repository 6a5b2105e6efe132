"""Meanings of lines in which a certificate was refused by the program that writes."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.logs.meanings.model import Acts, Meaning

__all__ = ["TRUST"]

TRUST: Final[dict[str, Meaning]] = {
    "verify-expired": Meaning(
        N_("The certificate has expired"),
        N_(
            "The writer refused the other end's certificate, or one above it, because its last day has "
            "passed by the writer's clock."
        ),
        checks=(
            N_(
                "notAfter of every certificate sent (openssl s_client -showcerts), and the clock of the machine "
                "that refused."
            ),
        ),
        causes=(
            "certificate-expired",
            "client-clock-skew",
        ),
        acts=Acts.OWNER,
    ),
    "verify-not-yet-valid": Meaning(
        N_("The certificate is not valid yet"),
        N_(
            "By the writer's clock the certificate's first day has not come. With certificates of public "
            "authorities the clock is nearly always wrong."
        ),
        checks=(N_("The clock of the machine that refused: timedatectl, chronyc tracking."),),
        causes=(
            "client-clock-skew",
            "certificate-not-yet-valid",
        ),
        acts=Acts.BOTH,
    ),
    "date-invalid": Meaning(
        N_("The certificate has expired, or is not valid yet"),
        N_(
            "The certificate's dates do not cover the present by the writer's clock; the line does not say "
            "which end is missed."
        ),
        checks=(
            N_(
                "notBefore and notAfter of every certificate sent; then the clock of the machine that refused "
                '(Go prints it as "current time").'
            ),
        ),
        causes=(
            "certificate-expired",
            "client-clock-skew",
            "certificate-not-yet-valid",
        ),
        acts=Acts.OWNER,
    ),
    "verify-self-signed": Meaning(
        N_("The certificate is self-signed"),
        N_(
            "The other end showed a certificate that no authority issued: a default certificate of an "
            "appliance, a test certificate, or an inspection device."
        ),
        checks=(
            N_(
                "If a server showed it: is the right virtual host answering? Without a server name, many servers show "
                "a default certificate."
            ),
        ),
        causes=(
            "certificate-self-signed",
            "tls-interception",
        ),
        acts=Acts.OWNER,
    ),
    "verify-self-signed-in-chain": Meaning(
        N_("The chain ends in a root that is not trusted here"),
        N_(
            "The other end sent a chain up to a root, and that root is not in the writer's store: a private "
            "authority, or the authority of an inspection device."
        ),
        misleads=N_(
            '"Self-signed certificate in chain" speaks of the root, not of the server\'s own certificate, '
            "which may be perfectly good."
        ),
        checks=(
            N_(
                "The issuer's name in the chain: an inspection product, or your own authority whose root is not "
                "installed on this client?"
            ),
        ),
        causes=(
            "certificate-unknown-ca",
            "tls-interception",
            "certificate-self-signed",
        ),
        acts=Acts.BOTH,
    ),
    "verify-unknown-issuer": Meaning(
        N_("The issuer of the certificate is not known here"),
        N_(
            "No path leads from the certificate to a root that the writer trusts. Mostly the other end does not "
            "send its intermediate certificate; else the root is private, or something on the way replaced "
            "the certificate."
        ),
        misleads=N_("That browsers accept a server proves nothing: they remember or fetch missing intermediates."),
        checks=(
            N_(
                "How many certificates does the other end send (of a server: openssl s_client -showcerts)? One alone: "
                "it needs the full chain."
            ),
            N_("The writer's trust store: which roots does it hold, and is it the one you think?"),
        ),
        causes=(
            "certificate-chain-incomplete",
            "certificate-unknown-ca",
            "tls-interception",
            "certificate-self-signed",
        ),
        acts=Acts.OWNER,
    ),
    "verify-hostname": Meaning(
        N_("The certificate is for another name"),
        N_("The name that was asked for is not among the names of the certificate."),
        misleads=N_(
            "Some clients (curl, Node) complete the handshake before they look at the name: a capture then "
            "shows an established session without a request."
        ),
        checks=(
            N_(
                "The names in the certificate against the name in the URL; is the server name (SNI) sent, and "
                "does the right virtual host answer?"
            ),
        ),
        causes=(
            "certificate-hostname-mismatch",
            "sni-missing",
            "tls-interception",
        ),
        acts=Acts.SERVER,
    ),
    "verify-weak": Meaning(
        N_("A key or signature in the chain is too weak"),
        N_(
            "A certificate of the chain has a short key or a SHA-1 or MD5 signature, which the writer's "
            "settings forbid."
        ),
        checks=(N_("Issue the certificate anew with RSA 2048 or ECDSA P-256 and SHA-256."),),
        causes=("certificate-weak",),
        acts=Acts.OWNER,
    ),
    "verify-purpose": Meaning(
        N_("The certificate is not for this use"),
        N_(
            "The (extended) key usage of the certificate does not allow what it is used for here, for "
            "instance a client certificate on a server."
        ),
        checks=(N_("Extended Key Usage in the certificate: serverAuth for servers, clientAuth for clients."),),
        causes=(
            "certificate-unsupported",
            "certificate-rejected",
        ),
        acts=Acts.OWNER,
    ),
    "verify-revoked": Meaning(
        N_("The certificate is revoked"),
        N_("The issuer has withdrawn the certificate (CRL or OCSP)."),
        checks=(N_("Issue a new certificate; find out why it was revoked."),),
        causes=("certificate-revoked",),
        acts=Acts.OWNER,
    ),
    "verify-revocation-unknown": Meaning(
        N_("Whether the certificate is revoked could not be found out"),
        N_(
            "The writer asks whether the other end's certificate has been revoked, and has no valid answer: the CRL or "
            "the OCSP response is missing, too old, or cannot be fetched. The certificate itself may be good."
        ),
        misleads=N_("The line does not say that the certificate is revoked."),
        checks=(
            N_("Can the writer reach the addresses of CRL and OCSP that the certificate names? Proxies and firewalls."),
            N_(
                "Dates of the CRL files or of the stapled response: openssl crl -noout -nextupdate, openssl s_client "
                "-status."
            ),
        ),
        causes=("certificate-rejected",),
        acts=Acts.OWN,
    ),
    "verify-staple-missing": Meaning(
        N_("The certificate demands a stapled OCSP response, and none came"),
        N_(
            "The server's certificate has the TLS feature extension (must-staple, RFC 7633): the server has to send "
            "an OCSP response with it, and did not."
        ),
        misleads=N_("Only clients that look for it refuse such a certificate; with others the same server works."),
        checks=(
            N_(
                "Is stapling switched on (nginx ssl_stapling, Apache SSLUseStapling), and can the server reach the "
                "responder?"
            ),
            N_("After a restart the first handshakes may come before the response does: openssl s_client -status."),
        ),
        causes=("certificate-rejected",),
        acts=Acts.SERVER,
    ),
    "verify-failed": Meaning(
        N_("The certificate was refused; the line does not say why"),
        N_("The writer did not accept the other end's certificate."),
        checks=(
            N_(
                "Dates, name and chain of what the other end sends (of a server: openssl s_client -showcerts "
                "-servername NAME)."
            ),
        ),
        causes=(
            "certificate-rejected",
            "certificate-chain-incomplete",
            "certificate-unknown-ca",
            "certificate-expired",
            "certificate-hostname-mismatch",
            "tls-interception",
        ),
        acts=Acts.OWNER,
    ),
    "interception": Meaning(
        N_("Something on the way decrypts TLS"),
        N_(
            "The browser recognises the issuer as an inspection product or security software whose root it "
            "does not trust."
        ),
        checks=(
            N_("The issuer of the certificate shown; then either install that product's root or exempt the site."),
        ),
        causes=(
            "tls-interception",
            "certificate-unknown-ca",
        ),
        acts=Acts.CLIENT,
    ),
    "ech-fallback": Meaning(
        N_("Encrypted ClientHello was not accepted"),
        N_("The server could not decrypt the ClientHello and its fallback certificate is for another name."),
        checks=(N_("The HTTPS record in DNS against the ECH keys of the server."),),
        causes=(
            "alert-other",
            "certificate-hostname-mismatch",
        ),
        acts=Acts.SERVER,
    ),
    "client-certificate-missing": Meaning(
        N_("The client showed no certificate"),
        N_("The server asks for a client certificate, and the client sent none."),
        checks=(
            N_(
                "Has the client a certificate from one of the authorities that the server names in its request? "
                "Others are not offered."
            ),
        ),
        causes=("client-certificate-missing",),
        acts=Acts.CLIENT,
    ),
    "client-certificate-refused": Meaning(
        N_("The client's certificate was refused"),
        N_("The server checked the certificate that the client showed and did not accept it."),
        checks=(
            N_(
                "The verification text in the line; the server's list of authorities, its revocation lists and "
                "its clock."
            ),
        ),
        causes=(
            "client-certificate-rejected",
            "client-certificate-missing",
        ),
        acts=Acts.CLIENT,
    ),
    "client-certificate-refused-inside": Meaning(
        N_("The handshake completed; the client's certificate was refused inside it"),
        N_(
            "The server let the handshake complete and answered HTTP 400 or 403 inside the encryption, "
            "because the client's certificate is missing or not accepted."
        ),
        misleads=N_("There is no alert and no failed handshake: a capture shows an established session."),
        checks=(
            N_(
                "The client's certificate against ssl_client_certificate and ssl_verify_depth (or the load "
                "balancer's trust store)."
            ),
        ),
        acts=Acts.CLIENT,
        is_failure=False,
    ),
    "name-disagrees-inside": Meaning(
        N_("The handshake completed; the request names another host"),
        N_(
            "The Host of the request and the server name of the handshake lead to different virtual hosts, "
            "so the server answered 400 or 421 inside the encryption."
        ),
        misleads=N_("TLS is in order; no certificate was refused."),
        checks=(N_("A proxy or client that reuses one connection for several names, or sends no server name."),),
        acts=Acts.CLIENT,
        is_failure=False,
    ),
    "client-certificate-unusable": Meaning(
        N_("The client cannot use its own certificate"),
        N_("The certificate or key that the client was given cannot be read, or they do not belong together."),
        misleads=N_("The server has not refused anything: the client gave up by itself."),
        checks=(N_("The paths, the format (PEM, PKCS #12), the passphrase and the match of certificate and key."),),
        causes=("client-certificate-missing",),
        acts=Acts.CLIENT,
    ),
    "trust-store-unreadable": Meaning(
        N_("The client cannot read its trusted roots"),
        N_(
            "The file with the roots that the client trusts is missing or damaged, so that no certificate "
            "could be accepted."
        ),
        misleads=N_("The server's certificate is not what failed."),
        checks=(N_("The file that --cacert, CURL_CA_BUNDLE or SSL_CERT_FILE names; the package ca-certificates."),),
        causes=("certificate-unknown-ca",),
        acts=Acts.CLIENT,
    ),
}
