"""Meanings of lines about what came in the place of TLS, or instead of what was expected."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.logs.meanings.model import Acts, Meaning

__all__ = ["FIRST_BYTES"]

FIRST_BYTES: Final[dict[str, Meaning]] = {
    "plaintext-http": Meaning(
        N_("Plaintext HTTP reached a TLS port"),
        N_(
            "The first bytes from the client were an HTTP request, where a ClientHello was expected. The "
            "program and its certificate are in order."
        ),
        checks=(
            N_(
                "Find what uses http:// with this port: a URL, a proxy setting, a health check, a redirect that "
                "keeps the port."
            ),
            N_(
                "Where a load balancer is the client: does it speak TLS to its members (server-ssl profile, "
                "proxy_pass https://, server ... ssl)?"
            ),
        ),
        causes=("http-to-tls-port",),
        acts=Acts.CLIENT,
    ),
    "connect-received": Meaning(
        N_("A CONNECT request reached a TLS port"),
        N_(
            'The client takes this server for its HTTP proxy: it sent "CONNECT host:port" in plaintext to a '
            "port that speaks TLS."
        ),
        checks=(N_("The client's proxy setting (https_proxy, PAC file): does it name this address and port?"),),
        causes=("http-to-tls-port",),
        acts=Acts.CLIENT,
    ),
    "not-tls-received": Meaning(
        N_("The client's first bytes are not TLS"),
        N_(
            "The first record that the server received is no TLS record. Mostly it is plaintext HTTP, a "
            "PROXY protocol header that this port does not expect, a health check, or a scanner."
        ),
        misleads=N_(
            'Words about a version ("wrong version number", "unknown protocol", "record layer version") lead '
            "astray: plaintext was read as if it were the header of a record, and versions have nothing to do "
            "with it."
        ),
        checks=(
            N_('The first bytes in a capture: 47 45 54 is "GET", 50 52 4f 58 59 is "PROXY", 16 03 is TLS after all.'),
            N_("Who is the client: a user, a health check, a load balancer that adds a PROXY header, a scanner?"),
        ),
        causes=(
            "http-to-tls-port",
            "proxy-header-unexpected",
            "not-tls",
            "obsolete-ssl-hello",
        ),
        acts=Acts.CLIENT,
    ),
    "plaintext-answer": Meaning(
        N_("The server answered in plaintext"),
        N_(
            "The answer to the ClientHello is no TLS record: the port speaks plaintext (HTTP, SMTP, FTP, a "
            "database), or a proxy on the way answered in its own words."
        ),
        misleads=N_(
            '"Wrong version number" = the server answered in plaintext. No TLS version, and no setting of '
            "versions on either side, is the reason."
        ),
        checks=(
            N_(
                "Is the port right? https:// needs the TLS port (443, 8443), mail with STARTTLS needs the "
                "upgrade first (curl --ssl-reqd, openssl s_client -starttls smtp)."
            ),
            N_(
                'Does the server terminate TLS on this port at all: nginx "listen ... ssl", HAProxy "bind ... '
                'ssl", F5 client-ssl profile?'
            ),
            N_("A proxy between: does it answer 403 or 407 in plaintext instead of leading on?"),
        ),
        causes=(
            "tls-to-http-port",
            "tls-to-server-first",
            "tls-to-plaintext-port",
            "starttls-refused",
            "proxy-connect-refused",
        ),
        acts=Acts.SERVER,
    ),
    "http-answer": Meaning(
        N_("The server answered TLS with plaintext HTTP"),
        N_('The bytes that came back begin with "HTTP/": the port speaks HTTP, not HTTPS, or a proxy answered.'),
        checks=(N_("Is the port the one for HTTPS, and does the server terminate TLS on it?"),),
        causes=(
            "tls-to-http-port",
            "proxy-connect-refused",
        ),
        acts=Acts.SERVER,
    ),
    "tls-answer": Meaning(
        N_("TLS came back in answer to plaintext HTTP"),
        N_(
            "The program asked in plaintext, and the bytes that came back begin with 15 03: an alert of TLS. The port "
            "speaks TLS."
        ),
        misleads=N_("The answer is not malformed; it is no HTTP."),
        checks=(N_("Use https:// with this port: look at the URL, a proxy setting, a health check, a redirect."),),
        causes=("http-to-tls-port",),
        acts=Acts.CLIENT,
    ),
    "first-record-not-tls": Meaning(
        N_("The other end's first bytes are not TLS"),
        N_(
            "What the other end sent is no TLS record. Written by a client, it means that the server "
            "answered in plaintext; written by a server, that the client sent plaintext."
        ),
        misleads=N_(
            "Whatever the words say of a version or a length: plaintext was read as if it were the header of "
            "a TLS record. TLS versions are not the reason."
        ),
        checks=(
            N_(
                'The first bytes of both sides in a capture decide: 48 54 54 50 is "HTTP", 47 45 54 "GET", 32 32 '
                '30 "220" (mail or FTP), 16 03 TLS.'
            ),
        ),
        causes=(
            "http-to-tls-port",
            "tls-to-http-port",
            "tls-to-server-first",
            "tls-to-plaintext-port",
            "not-tls",
        ),
        acts=Acts.BOTH,
    ),
    "proxy-header-unexpected": Meaning(
        N_("A PROXY protocol header that is not expected"),
        N_("A load balancer put a PROXY protocol header before the client's bytes, and this port does not read one."),
        misleads=N_(
            "The client did nothing wrong, although its address stands in the line: what came first was "
            "written by the load balancer."
        ),
        checks=(
            N_(
                "Both ends must agree: either expect it here (nginx listen ... proxy_protocol, HAProxy "
                "accept-proxy), or switch it off at the load balancer."
            ),
        ),
        causes=("proxy-header-unexpected",),
        acts=Acts.BOTH,
    ),
    "proxy-header-missing": Meaning(
        N_("The PROXY protocol header is missing or broken"),
        N_(
            "This port expects a PROXY protocol header first, and something else came, or nothing. The "
            "connection is closed before TLS begins."
        ),
        misleads=N_("It is no fault of TLS or of a certificate, and the bytes quoted may well be a good ClientHello."),
        checks=(
            N_("Who connected past the load balancer: a health check, a monitor, a user with the inner address?"),
            N_(
                "Does the load balancer send the header (HAProxy send-proxy, F5 iRule or profile, NLB proxy "
                "protocol v2)?"
            ),
        ),
        causes=("proxy-header-missing",),
        acts=Acts.BOTH,
    ),
    "tls-to-plain-port": Meaning(
        N_("TLS reached a port that speaks plaintext"),
        N_("The client began TLS (bytes 16 03 01 ...) on a port where this program speaks its protocol without TLS."),
        checks=(N_("Either the client has the wrong port, or TLS is not switched on here."),),
        causes=(
            "tls-to-http-port",
            "tls-to-plaintext-port",
            "tls-to-server-first",
        ),
        acts=Acts.CLIENT,
    ),
    "startup-packet-invalid": Meaning(
        N_("The database received bytes that are not its protocol"),
        N_(
            "The first bytes were read as the length of a startup packet and make none: TLS without the "
            "database's own request for it, or HTTP."
        ),
        checks=(
            N_(
                "Does the client, or a load balancer's health check, speak TLS or HTTP directly to the database's port?"
            ),
        ),
        causes=("tls-to-plaintext-port",),
        acts=Acts.CLIENT,
    ),
    "empty-reply": Meaning(
        N_("The server closed without an answer to plaintext HTTP"),
        N_(
            "The connection was accepted and closed without a byte. For a URL with http:// this is how many "
            "TLS ports (HAProxy, Node) treat plaintext."
        ),
        misleads=N_('"Empty reply" sounds like a broken server; for http:// to a TLS port it is the usual answer.'),
        checks=(N_("Repeat the request with https://."),),
        causes=("http-to-tls-port",),
        acts=Acts.CLIENT,
    ),
    "ssh-not-ssh": Meaning(
        N_("Something other than SSH reached an SSH port"),
        N_("The client's first line is not SSH's: TLS, HTTP, or a scanner."),
        checks=(N_("The first bytes from this client in a capture: 16 03 is TLS."),),
        causes=(
            "tls-to-server-first",
            "tls-to-plaintext-port",
        ),
        acts=Acts.CLIENT,
    ),
    "starttls-refused-by-server": Meaning(
        N_("The server does not offer TLS"),
        N_("The client asked for TLS in the protocol's own way, and the server answered that it has none."),
        checks=(
            N_(
                "TLS in the server's configuration (ssl = on, require_secure_transport), and whether this is the "
                "server that was meant."
            ),
        ),
        causes=("starttls-refused",),
        acts=Acts.SERVER,
    ),
}
