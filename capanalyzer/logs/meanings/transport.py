"""Meanings of lines about connections that were closed, reset, refused or silent: the reason is elsewhere."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.logs.meanings.model import Acts, Meaning

__all__ = ["TRANSPORT"]

TRANSPORT: Final[dict[str, Meaning]] = {
    "peer-closed": Meaning(
        N_("The other end closed during the handshake"),
        N_(
            "The client closed the connection before the handshake was complete. Health checks, scanners and "
            "browsers that connect on suspicion do so all day; a client that refuses the certificate without "
            "an alert looks the same."
        ),
        misleads=N_(
            "This is an echo: the decision was made at the other end, and its reason is in the other end's "
            "log. A connection on which nothing was sent is no failure at all."
        ),
        checks=(
            N_("Does it come at regular intervals from one address? Then it is a health check."),
            N_("In a capture: was a ClientHello sent, and did the server's flight arrive before the close?"),
        ),
        causes=(
            "client-abandoned",
            "client-aborted",
        ),
        acts=Acts.CLIENT,
    ),
    "peer-reset": Meaning(
        N_("The connection was reset during the handshake"),
        N_(
            "A RST arrived from the client's side before the handshake was complete: the client, or a device "
            "on the way that speaks in its name."
        ),
        misleads=N_("The line cannot tell who sent the reset; its TTL in a capture can."),
        checks=(N_("Compare the TTL of the RST with that of the client's other packets."),),
        causes=(
            "client-aborted",
            "client-abandoned",
            "middlebox-reset",
        ),
        acts=Acts.CLIENT,
    ),
    "handshake-timeout": Meaning(
        N_("The handshake was not finished in time"),
        N_(
            "The program waited for the client until its timeout: the client sent nothing, or stopped "
            "half-way, or its packets do not arrive."
        ),
        misleads=N_(
            "The time of the line is the timeout's end. Look for the connection's beginning earlier by that much."
        ),
        checks=(
            N_(
                "Nothing sent: a check or a browser that only connects. Half-way: large packets that are lost "
                "(MTU), or a client that waits itself."
            ),
        ),
        causes=(
            "no-client-hello",
            "client-hello-lost",
            "client-silent",
            "mtu-black-hole",
        ),
        acts=Acts.UNKNOWN,
    ),
    "server-closed": Meaning(
        N_("The server closed during the handshake"),
        N_("The server closed the connection without an alert before the handshake was complete."),
        misleads=N_("This is an echo: the reason is in the server's log, or in that of a balancer before it."),
        checks=(
            N_(
                "Is the server name sent? Does the port expect a PROXY header? Is there a member behind the "
                "balancer at all?"
            ),
        ),
        causes=(
            "server-closed",
            "sni-missing",
            "protocol-version-mismatch",
            "client-certificate-missing",
        ),
        acts=Acts.SERVER,
    ),
    "server-reset": Meaning(
        N_("The connection was reset by the server's side"),
        N_(
            "A RST arrived from the server's side before the handshake was complete: the server, a load "
            "balancer without a member, or a firewall that dislikes the name."
        ),
        misleads=N_("The line cannot tell who sent the reset; its TTL in a capture can."),
        checks=(N_("Compare the TTL of the RST with that of the SYN, ACK."),),
        causes=(
            "server-reset",
            "middlebox-reset",
        ),
        acts=Acts.SERVER,
    ),
    "server-timeout": Meaning(
        N_("The server did not answer in time"),
        N_("TCP was connected and the handshake got no answer, or not all of it, until the timeout."),
        checks=(
            N_(
                "In a capture: is the ClientHello acknowledged (then the server hangs), or sent again and again "
                "(then it is lost)?"
            ),
        ),
        causes=(
            "server-silent",
            "client-hello-lost",
            "mtu-black-hole",
            "large-client-hello-dropped",
            "server-flight-lost",
        ),
        acts=Acts.UNKNOWN,
    ),
    "connect-refused": Meaning(
        N_("The server refused the connection"),
        N_("Nothing listens on that port, or a firewall answers in its place. TLS never began."),
        checks=(N_("ss -ltnp on the server; the port in the client's configuration."),),
        causes=("tcp-connect-refused",),
        acts=Acts.SERVER,
    ),
    "connect-timeout": Meaning(
        N_("No answer to the attempt to connect"),
        N_("The TCP connection did not come to be within the timeout. TLS never began."),
        checks=(N_("Firewalls and routes on the way; the same from another network."),),
        causes=(
            "tcp-connect-timeout",
            "tcp-handshake-incomplete",
        ),
        acts=Acts.NETWORK,
    ),
    "connect-unreachable": Meaning(
        N_("The server cannot be reached"),
        N_("A router or the own system reports that no way leads to the server. TLS never began."),
        checks=(N_("ip route get ADDRESS, and who sends the ICMP message."),),
        causes=("tcp-connect-unreachable",),
        acts=Acts.NETWORK,
    ),
    "backend-unreachable": Meaning(
        N_("The load balancer cannot connect to its backend"),
        N_(
            "The connection to the backend did not come to be, or ended before anything was sent: TCP was refused or "
            "got no answer, or, where the proxy speaks TLS to the backend, that handshake failed. The line does not "
            "tell which. What the user has with the proxy is not what failed."
        ),
        misleads=N_(
            "The status (502, 503) that the user sees comes from the load balancer; capture on the backend's side."
        ),
        checks=(
            N_("Health of the backend, its firewall, and the port."),
            N_("From the proxy's host: openssl s_client -connect BACKEND:PORT -servername NAME."),
        ),
        causes=(
            "tcp-connect-timeout",
            "tcp-connect-refused",
            "tcp-connect-unreachable",
            "tls-to-http-port",
            "certificate-rejected",
            "protocol-version-mismatch",
            "handshake-failure-unspecified",
            "server-closed",
        ),
        acts=Acts.SERVER,
    ),
    "backend-tls-failed": Meaning(
        N_("TLS between the proxy and its backend failed"),
        N_(
            "The proxy is the TLS client here and did not complete the handshake with the backend. The line "
            "does not say why."
        ),
        misleads=N_(
            "The user's handshake was complete: a capture on the client's side shows an established session "
            "and an HTTP error."
        ),
        checks=(N_("From the proxy's host: openssl s_client -connect BACKEND:PORT -servername NAME."),),
        causes=(
            "tls-to-http-port",
            "certificate-rejected",
            "certificate-hostname-mismatch",
            "protocol-version-mismatch",
            "handshake-failure-unspecified",
            "server-closed",
        ),
        acts=Acts.SERVER,
    ),
    "backend-check-failed": Meaning(
        N_("A health check over TLS failed"),
        N_("The balancer's own check could not complete TLS with the member, which is now taken out of service."),
        checks=(
            N_(
                "From the balancer: openssl s_client -connect MEMBER:PORT; then the check's own settings "
                "(check-ssl, check-sni, verify)."
            ),
        ),
        causes=(
            "tls-to-http-port",
            "certificate-rejected",
            "protocol-version-mismatch",
            "handshake-failure-unspecified",
            "server-closed",
            "server-silent",
        ),
        acts=Acts.SERVER,
    ),
    "tls-required-by-rule": Meaning(
        N_("The server's rules do not let this connection in, with or without TLS"),
        N_(
            "No rule of the database matches this client with the encryption that it used; the line says "
            "whether TLS was on."
        ),
        misleads=N_(
            'The handshake itself is not what failed: where the line says "SSL on" or "SSL encryption" it was complete.'
        ),
        checks=(N_("hostssl and hostnossl lines of pg_hba.conf; sslmode of the client."),),
        causes=("starttls-refused",),
        acts=Acts.CLIENT,
    ),
    "handshake-ok": Meaning(
        N_("The handshake completed"),
        N_("The line tells of a TLS session that came to be."),
        acts=Acts.UNKNOWN,
        is_failure=False,
    ),
    "browser-protocol-error": Meaning(
        N_("The browser could not make sense of the answer"),
        N_(
            "ERR_SSL_PROTOCOL_ERROR is the browser's word for anything that is no proper TLS: a plaintext "
            "answer, garbage, an alert of a general kind."
        ),
        misleads=N_("It names no reason. The first bytes of the server's answer do."),
        checks=(N_("curl -v to the same URL, and the first bytes of the answer in a capture."),),
        causes=(
            "tls-to-http-port",
            "tls-to-plaintext-port",
            "handshake-failure-unspecified",
            "server-internal-error",
            "record-corrupted",
        ),
        acts=Acts.BOTH,
    ),
    "browser-version-or-cipher": Meaning(
        N_("The server answered alert 40 or 70 to the browser"),
        N_(
            "Browser and server have no version or cipher suite in common, or the server refuses the name "
            "(many services answer so where no certificate is set up for it)."
        ),
        checks=(N_("Which alert came (a capture shows it), and whether other names of the same server work."),),
        causes=(
            "protocol-version-mismatch",
            "no-shared-cipher",
            "handshake-failure-unspecified",
        ),
        acts=Acts.BOTH,
    ),
    "connect-failed": Meaning(
        N_("The connection to the server did not come to be"),
        N_(
            "TCP did not connect; the words do not tell whether the server refused or nothing answered. TLS "
            "never began."
        ),
        checks=(N_("In a capture: a RST answers the SYN (refused), or nothing does (lost or filtered)."),),
        causes=(
            "tcp-connect-refused",
            "tcp-connect-timeout",
            "tcp-connect-unreachable",
        ),
        acts=Acts.UNKNOWN,
    ),
    "closed-without-notify": Meaning(
        N_("A session ended without close_notify"),
        N_(
            "The handshake had completed; the other end closed or reset the connection without saying "
            "goodbye in TLS. Browsers and proxies do so all day."
        ),
        misleads=N_(
            '"Unexpected eof" sounds like a broken handshake; here it is an established session that ended, '
            "and data may be cut off only if the application relies on the end of the connection."
        ),
        checks=(N_("Nothing, unless answers arrive incomplete."),),
        acts=Acts.UNKNOWN,
        is_failure=False,
    ),
    "closed-somewhere": Meaning(
        N_("The other end closed or reset the connection"),
        N_(
            "The other end ended the connection without close_notify, during the handshake or in the middle "
            "of a session: the line does not tell which."
        ),
        misleads=N_(
            "This is an echo: the decision was made at the other end or on the way, and its reason is in the "
            "other end's log."
        ),
        checks=(N_("In a capture: was the handshake complete before the end, and who sent the FIN or RST?"),),
        causes=(
            "server-closed",
            "server-reset",
            "client-abandoned",
            "client-aborted",
            "middlebox-reset",
        ),
        acts=Acts.UNKNOWN,
    ),
}
