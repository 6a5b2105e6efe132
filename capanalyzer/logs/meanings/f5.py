"""Meanings of messages of F5 BIG-IP that no other program has."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.logs.meanings.model import Acts, Meaning

__all__ = ["F5"]

F5: Final[dict[str, Meaning]] = {
    "f5-handshake-failed": Meaning(
        N_("BIG-IP: a TLS handshake failed between these two addresses"),
        N_(
            "The arrow runs from the TCP client to the TCP server of that side. The same message is written "
            "for the client side (client-ssl) and for the server side (server-ssl: from the BIG-IP to a pool "
            "member); which one it is shows by looking up the addresses. The reason stands in 01260009 just "
            "before, from the same tmm."
        ),
        of_side={
            "client": N_(
                "The arrow runs from the TCP client to the TCP server. The capture's trailers tell which side of the "
                "BIG-IP this is: the client side (client-ssl), from the client to the virtual server. The reason "
                "stands in 01260009 just before, from the same tmm."
            ),
            "server": N_(
                "The arrow runs from the TCP client to the TCP server. The capture's trailers tell which side of the "
                "BIG-IP this is: the server side (server-ssl), from the BIG-IP to a pool member. The reason stands in "
                "01260009 just before, from the same tmm."
            ),
        },
        misleads=N_(
            "A source port says nothing about the protocol: the client may use any port. What was spoken is "
            "decided by the first bytes alone."
        ),
        checks=(
            N_(
                'The line 01260009 of the same tmm in the same second: "not SSL" is plaintext, others name what '
                "did not fit."
            ),
            N_("Virtual server, port and client-ssl profile: tmsh list ltm virtual NAME destination profiles."),
        ),
        causes=(
            "http-to-tls-port",
            "handshake-failure-unspecified",
            "protocol-version-mismatch",
            "no-shared-cipher",
            "client-abandoned",
            "client-aborted",
            "certificate-rejected",
        ),
        acts=Acts.UNKNOWN,
    ),
    "f5-plaintext-suspected": Meaning(
        N_("BIG-IP: the handshake failed; first to be checked is plaintext HTTP on a TLS port"),
        N_(
            "TLS between these two addresses did not come about. The first thing to check is whether "
            "plaintext HTTP reaches the TLS port right of the arrow: http:// in place of https://, a health "
            "check or an inner proxy without TLS. Then the client's side has to act."
        ),
        misleads=N_(
            "A source port of 80 alone proves nothing: it is the client's own port (a NAT that keeps ports, "
            'a scanner, a proxy, a masked example). The first bytes decide: 47 45 54 is "GET" in plaintext, '
            "16 03 is TLS, and then the reason is another one."
        ),
        checks=(
            N_(
                "The virtual server, its port and its client-ssl profile: is TLS meant to be spoken there at "
                "all? tmsh list ltm virtual NAME destination profiles"
            ),
            N_("http or https in the client: its URL, proxy setting, monitor, application configuration."),
            N_(
                'The first bytes that the client sends, in a capture; and 01260009 of the same second: "not SSL" '
                "says plaintext."
            ),
        ),
        causes=(
            "http-to-tls-port",
            "not-tls",
            "proxy-header-unexpected",
            "handshake-failure-unspecified",
            "protocol-version-mismatch",
            "no-shared-cipher",
            "client-abandoned",
        ),
        acts=Acts.UNKNOWN,
    ),
    "f5-connection-error": Meaning(
        N_("BIG-IP: TLS ended with an error"),
        N_(
            "The number in brackets is the TLS alert that goes with the error; the function before it names "
            "the step. Where the line itself has no addresses, they stand in 01260013, which the same tmm writes "
            "next."
        ),
        checks=(N_("The next 01260013 of the same tmm within a second."),),
        causes=(
            "handshake-failure-unspecified",
            "record-corrupted",
            "message-rejected",
        ),
        acts=Acts.UNKNOWN,
    ),
    "f5-no-local-listener": Meaning(
        N_("BIG-IP: nothing listens on that address and port"),
        N_(
            "The BIG-IP answered with a reset because no virtual server matches: disabled, wrong port, wrong "
            "VLAN, or a mistyped destination."
        ),
        checks=(N_("tmsh list ltm virtual destination, and tmsh show ltm virtual for its state."),),
        causes=(
            "tcp-connect-refused",
            "server-reset",
        ),
        acts=Acts.SERVER,
    ),
    "f5-port-denied": Meaning(
        N_("BIG-IP: a self IP does not allow this port"),
        N_("The destination is an address of the BIG-IP itself, and its port lockdown does not let this port through."),
        checks=(N_("tmsh list net self allow-service; or was a virtual server meant?"),),
        causes=(
            "tcp-connect-refused",
            "server-reset",
        ),
        acts=Acts.SERVER,
    ),
    "f5-no-member": Meaning(
        N_("BIG-IP: no pool member could be used"),
        N_("All members are down or disabled, or no pool was chosen, so the BIG-IP reset the connection."),
        misleads=N_("To the client this looks like a TLS problem of the virtual server; the fault is behind it."),
        checks=(N_("tmsh show ltm pool NAME members, then the monitor that marked them down."),),
        causes=(
            "server-reset",
            "server-closed",
        ),
        acts=Acts.SERVER,
    ),
    "f5-reset-by-peer": Meaning(
        N_("BIG-IP: the reset came from the other side"),
        N_("The BIG-IP passes on a reset that it received on the other side of the proxied connection."),
        misleads=N_("The BIG-IP sent this reset, but did not decide it: look at the flow of the other side."),
        checks=(N_("The flow between the BIG-IP and the pool member at the same moment."),),
        causes=(
            "server-reset",
            "client-aborted",
        ),
        acts=Acts.SERVER,
    ),
    "f5-reset-timeout": Meaning(
        N_("BIG-IP: the connection was reset after a timeout"),
        N_("The handshake, or the connection, did not go on for as long as a profile allows."),
        checks=(N_("In a capture: who was to send next, and are large packets lost?"),),
        causes=(
            "no-client-hello",
            "server-silent",
            "mtu-black-hole",
        ),
        acts=Acts.UNKNOWN,
    ),
    "f5-reset": Meaning(
        N_("BIG-IP: it reset the connection"),
        N_("The BIG-IP sent a reset for the reason that the line names."),
        checks=(N_("tmsh show net rst-cause, twice, to see which counter grows."),),
        causes=(
            "server-reset",
            "middlebox-reset",
        ),
        acts=Acts.UNKNOWN,
    ),
    "f5-renegotiation": Meaning(
        N_("BIG-IP: the peer lacks secure renegotiation (RFC 5746)"),
        N_("The profile demands secure renegotiation, and the peer does not offer it, so the handshake was ended."),
        checks=(N_('The setting "secure renegotiation" of the profile, and the age of the peer.'),),
        causes=("handshake-failure-unspecified",),
        acts=Acts.BOTH,
    ),
    "f5-certificate-expires": Meaning(
        N_("BIG-IP: a certificate in its store expires or has expired"),
        N_("The BIG-IP warns about a certificate file, whether a virtual server uses it or not."),
        misleads=N_("No handshake failed by this line; it matters only if a profile in use holds this certificate."),
        checks=(N_("tmsh list ltm profile client-ssl all cert-key-chain, to see who uses it."),),
        causes=(
            "certificate-expires-soon",
            "certificate-expired",
        ),
        acts=Acts.SERVER,
        is_failure=False,
    ),
    "f5-configuration": Meaning(
        N_("BIG-IP: a TLS profile is not set up rightly"),
        N_(
            "The configuration was refused or is incomplete: certificate and key do not match, or no profile "
            "of the virtual server is the default for clients without a server name."
        ),
        checks=(N_("The profile named in the line."),),
        causes=(
            "handshake-failure-unspecified",
            "server-internal-error",
        ),
        acts=Acts.SERVER,
        is_failure=False,
    ),
    "f5-members-down": Meaning(
        N_("BIG-IP: a pool or its members are not available"),
        N_(
            "Members are down, or a connection limit was reached. New connections to the virtual server are "
            "reset or closed while this lasts."
        ),
        misleads=N_("The line names no connection: whether one failed by it shows in the same minutes of a capture."),
        checks=(N_("tmsh show ltm pool NAME members, then the monitor that marked them down."),),
        causes=(
            "server-reset",
            "server-closed",
        ),
        acts=Acts.SERVER,
        is_failure=False,
    ),
}
