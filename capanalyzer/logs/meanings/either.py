"""Meanings of lines that do not tell whether the program that wrote them was the server or the client."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.logs.meanings.alerts import OF_HANDSHAKE_FAILURE, SSLV3_WORD
from capanalyzer.logs.meanings.model import Acts, Meaning

__all__ = ["EITHER"]

EITHER: Final[dict[str, Meaning]] = {
    "alert-handshake-failure-either": Meaning(
        N_("The other end refused the handshake without saying why (alert 40)"),
        N_(
            "The other end sent handshake_failure; the line does not tell which end that is. A server sends it where "
            "no cipher suite, group or signature algorithm fits, or where a server name or a client certificate is "
            "missing; a client, where it does not accept what the server chose."
        ),
        misleads=SSLV3_WORD,
        checks=(
            N_("The other end's log at the same second."),
            N_(
                "Try one thing at a time: openssl s_client with -tls1_2, with and without -servername, with "
                "-groups, with -cert."
            ),
        ),
        causes=OF_HANDSHAKE_FAILURE,
        acts=Acts.BOTH,
    ),
    "alert-certificate-rejected-either": Meaning(
        N_("The other end refused the certificate it was shown (alert 42 or 46)"),
        N_(
            "The other end does not accept the certificate that this program showed; the line does not tell whether "
            "that is a server's or a client's. The code is general: Go and GnuTLS send 42 and Java and Chrome send 46 "
            "for almost any fault, and Go servers send 42 also where a client shows no certificate at all."
        ),
        misleads=N_(
            "The alert names who complains, not who is at fault: look at the certificate that this program sends. "
            "The reason itself is only in the other end's log."
        ),
        checks=(
            N_(
                "Is this program the server or the client here? Then the dates, names, chain and use of its "
                "certificate, and the other end's log and trust store."
            ),
        ),
        causes=(
            "certificate-rejected",
            "certificate-chain-incomplete",
            "certificate-unknown-ca",
            "certificate-hostname-mismatch",
            "certificate-expired",
            "client-certificate-rejected",
            "client-certificate-missing",
            "tls-interception",
        ),
        acts=Acts.OWNER,
    ),
    "alert-unsupported-certificate-either": Meaning(
        N_("The other end cannot use this kind of certificate (alert 43)"),
        N_("The certificate's key usage or type does not fit. OpenSSL says so for a wrong Extended Key Usage."),
        checks=(N_("Extended Key Usage in the certificate: serverAuth for servers, clientAuth for clients."),),
        causes=(
            "certificate-unsupported",
            "certificate-rejected",
            "client-certificate-rejected",
        ),
        acts=Acts.OWNER,
    ),
    "alert-certificate-revoked-either": Meaning(
        N_("The other end holds the certificate to be revoked (alert 44)"),
        N_(
            "The other end found the certificate that this program showed in a revocation list, or its OCSP answer "
            "said so. The line does not tell whether that is a server's certificate or a client's."
        ),
        checks=(N_("Ask the issuer, and issue a new certificate."),),
        causes=(
            "certificate-revoked",
            "client-certificate-rejected",
        ),
        acts=Acts.OWNER,
    ),
    "alert-certificate-expired-either": Meaning(
        N_("The other end holds the certificate to be expired (alert 45)"),
        N_(
            "A certificate of the chain that this program showed has expired by the other end's clock. The line does "
            "not tell whether that is a server's certificate or a client's."
        ),
        misleads=N_("If every certificate is still valid, the other end's clock is ahead: then that side has to act."),
        checks=(N_("notAfter of every certificate that this program sends, then the other end's clock."),),
        causes=(
            "certificate-expired",
            "client-clock-skew",
            "client-certificate-rejected",
        ),
        acts=Acts.OWNER,
    ),
    "alert-unknown-ca-either": Meaning(
        N_("The other end does not know the certificate's issuer (alert 48)"),
        N_(
            "The other end finds no path from the certificate that this program showed to a root that it trusts: an "
            "intermediate certificate is not sent, or the authority is private. The line does not tell whether that "
            "is a server's certificate or a client's."
        ),
        misleads=N_(
            "The other end complains, but most often the side that showed the certificate has to act: it must send "
            "the full chain."
        ),
        checks=(
            N_("If this program is the server: how many certificates does it send (openssl s_client -showcerts)?"),
            N_("If it is the client: is the authority of its certificate among those that the server accepts?"),
        ),
        causes=(
            "certificate-chain-incomplete",
            "certificate-unknown-ca",
            "certificate-self-signed",
            "client-certificate-rejected",
            "tls-interception",
        ),
        acts=Acts.OWNER,
    ),
    "closed-in-handshake": Meaning(
        N_("The other end closed during the handshake"),
        N_(
            "The other end closed the connection without an alert before the handshake was complete; the line does "
            "not tell whether that was the client or the server."
        ),
        misleads=N_(
            "This is an echo: the decision was made at the other end or on the way, and its reason is in the "
            "other end's log."
        ),
        checks=(N_("In a capture: who sent the FIN, and which messages came before it?"),),
        causes=(
            "server-closed",
            "client-abandoned",
            "client-aborted",
            "sni-missing",
            "protocol-version-mismatch",
            "client-certificate-missing",
        ),
        acts=Acts.UNKNOWN,
    ),
    "reset-in-handshake": Meaning(
        N_("The connection was reset during the handshake"),
        N_(
            "A RST arrived from the other end, or from a device on the way, before the handshake was complete; the "
            "line does not tell whether the other end was the client or the server."
        ),
        misleads=N_("The line cannot tell who sent the reset; its TTL in a capture can."),
        checks=(N_("Compare the TTL of the RST with that of the other packets from the same address."),),
        causes=(
            "server-reset",
            "client-aborted",
            "client-abandoned",
            "middlebox-reset",
        ),
        acts=Acts.UNKNOWN,
    ),
    "timeout-in-handshake": Meaning(
        N_("The handshake was not finished in time"),
        N_(
            "The program waited for the other end until its timeout: nothing came, or it stopped half-way, or packets "
            "do not arrive. The line does not tell whether it waited for the client or for the server."
        ),
        misleads=N_(
            "The time of the line is the timeout's end. Look for the connection's beginning earlier by that much."
        ),
        checks=(N_("In a capture: who was to send next, and are large packets lost?"),),
        causes=(
            "no-client-hello",
            "client-hello-lost",
            "client-silent",
            "server-silent",
            "server-flight-lost",
            "mtu-black-hole",
        ),
        acts=Acts.UNKNOWN,
    ),
}
