"""Meanings of a proxy's traffic log: requests and connections that it took and led on, or did not."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.logs.meanings.model import Acts, Meaning

__all__ = ["PROXIED"]

PROXIED: Final[dict[str, Meaning]] = {
    "request-unreadable": Meaning(
        N_("HAProxy could not read the request: mostly TLS on a port without TLS"),
        N_(
            "PR-- with <BADREQ>: what the client sent is no HTTP request, and HAProxy answered 400 in plaintext. This "
            "frontend does not terminate TLS, so a client that uses https:// here is the usual reason; scanners are "
            "the other."
        ),
        misleads=N_("A client that spoke TLS reports the wrong version number, because 400 in plaintext came back."),
        checks=(
            N_("The first bytes from this client in a capture: 16 03 is TLS."),
            N_('The bind line of this frontend: does it lack "ssl crt FILE", or is another port the one with TLS?'),
        ),
        causes=("tls-to-http-port",),
        acts=Acts.CLIENT,
    ),
    "left-without-request": Meaning(
        N_("The handshake completed; the client left without a request"),
        N_(
            "CR-- or cR-- with <BADREQ> on a frontend with TLS: the handshake was complete, and then no request came "
            "before the client closed, or before the timeout."
        ),
        misleads=N_(
            "<BADREQ> sounds like a malformed request, and there was none. Pre-connects of browsers and checks over "
            "TLS look like this; so does a client that dislikes the certificate only after the handshake (curl with a "
            "wrong host name, Node.js)."
        ),
        checks=(N_("Does one client do it every time? Then its own log says why it left."),),
        acts=Acts.UNKNOWN,
        is_failure=False,
    ),
    "no-backend-inside": Meaning(
        N_("The handshake completed; the load balancer has no server for the request"),
        N_(
            "Every server of the backend is down, switched off or full, so the load balancer answered by itself (503) "
            "or closed. TLS with the client is in order."
        ),
        checks=(
            N_(
                "Why the servers are down: the lines of the health checks (Layer6 is a check over TLS), show servers "
                "state."
            ),
        ),
        acts=Acts.SERVER,
        is_failure=False,
    ),
    "no-backend": Meaning(
        N_("The load balancer has no server for the connection"),
        N_(
            "Every server of the backend is down, switched off or full. The connection was taken and closed, before "
            "anything was led on: to the client this looks as if the server closed in the handshake."
        ),
        checks=(
            N_(
                "Why the servers are down: the lines of the health checks (Layer6 is a check over TLS), show servers "
                "state."
            ),
        ),
        causes=(
            "server-closed",
            "server-reset",
        ),
        acts=Acts.SERVER,
    ),
    "rejected-by-rule": Meaning(
        N_("A rule of HAProxy refused the connection"),
        N_(
            'State PR in TCP mode: "tcp-request ... reject", which mostly waits for a ClientHello or for a name in it, '
            "or sorts by address. Nothing was led on to a server."
        ),
        checks=(
            N_("The rules of this frontend (req.ssl_hello_type, req.ssl_sni, inspect-delay, acl)."),
            N_("The first bytes from this client in a capture: a ClientHello, and which name is in it?"),
        ),
        causes=(
            "server-closed",
            "server-reset",
            "not-tls",
            "http-to-tls-port",
            "no-client-hello",
        ),
        acts=Acts.BOTH,
    ),
    "passed-on": Meaning(
        N_("A connection that was led on; the line tells of no failure"),
        N_(
            "The load balancer led the bytes on unread, so the line says nothing of TLS: a handshake through it may "
            "have failed between the two ends all the same."
        ),
        checks=(N_("The number of bytes: a few hundred, and then the end, may be an alert or a refused certificate."),),
        acts=Acts.UNKNOWN,
        is_failure=False,
    ),
    "passed-on-server-closed": Meaning(
        N_("The server behind the load balancer ended the connection without a byte"),
        N_(
            "State SD with no bytes: the load balancer reached the server and led the client's bytes on; the server "
            "closed or reset without an answer."
        ),
        misleads=N_("The load balancer only led on: the reason is in the server's log."),
        checks=(
            N_("Does the server expect a PROXY header that is not sent (send-proxy), or plaintext, or another name?"),
            N_("From the load balancer: openssl s_client -connect SERVER:PORT -servername NAME."),
        ),
        causes=(
            "server-closed",
            "server-reset",
            "proxy-header-missing",
            "proxy-header-unexpected",
        ),
        acts=Acts.SERVER,
    ),
    "passed-on-unanswered": Meaning(
        N_("A connection that was led on ended without a byte from the server"),
        N_(
            "The load balancer reached the server and led on what came; then the connection was closed, and nothing "
            "had come back. The line does not tell which end closed first."
        ),
        misleads=N_("A check that only connects and leaves looks the same, and is no failure."),
        checks=(
            N_("In a capture on either side: was a ClientHello sent, and who closed first?"),
            N_("From the load balancer: openssl s_client -connect SERVER:PORT -servername NAME."),
        ),
        causes=(
            "server-closed",
            "client-abandoned",
            "proxy-header-missing",
            "proxy-header-unexpected",
        ),
        acts=Acts.UNKNOWN,
    ),
    "passed-on-server-silent": Meaning(
        N_("The server behind the load balancer did not answer in time"),
        N_("State sD with no bytes: the server took the connection and sent nothing until the timeout."),
        checks=(
            N_(
                "From the load balancer: openssl s_client -connect SERVER:PORT -servername NAME; is a large hello lost?"
            ),
        ),
        causes=(
            "server-silent",
            "client-hello-lost",
            "large-client-hello-dropped",
            "mtu-black-hole",
        ),
        acts=Acts.SERVER,
    ),
    "passed-on-client-closed": Meaning(
        N_("The client left before the server behind the load balancer had answered"),
        N_(
            "State CD with no bytes: the client closed before a byte came back. A check that only connects does so, "
            "and a client whose patience is at its end."
        ),
        checks=(N_("The time in the line: at once (a check), or after a round number of seconds (a timeout)?"),),
        causes=(
            "client-abandoned",
            "server-silent",
            "no-client-hello",
        ),
        acts=Acts.UNKNOWN,
    ),
}
