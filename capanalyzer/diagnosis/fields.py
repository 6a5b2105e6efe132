"""What a session gives to the texts of every page: addresses, names, and options of commands, ready to be pasted."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from capanalyzer.diagnosis.evidence import shown
from capanalyzer.diagnosis.f5.resets import side_of, tls_role
from capanalyzer.handshake.session import Session, Side

if TYPE_CHECKING:
    from capanalyzer.tls.hello import ClientHello

__all__ = [
    "FINDING_FIELDS",
    "OF_THIS_SESSION",
    "OPTIONAL_FIELDS",
    "PLACEHOLDERS",
    "SESSION_FIELDS",
    "Hide",
    "session_fields",
]

Hide: TypeAlias = Callable[[str, str | int | float], str | int | float]
"""Gives what is shown of a field, by its name and value."""

SESSION_FIELDS: Final = (
    "client", "client_host", "client_port", "server", "port", "host", "url_host", "name", "filter",
    "since", "until", "nmap", "nmap_sni", "iptables", "ping_size", "ping_headers", "ssl_profile", "tmm_ciphers",
)  # fmt: skip
"""Fields that every page can use, beside the facts of its findings."""
OPTIONAL_FIELDS: Final = (
    "connect",
    "endpoint",
    "https_url",
    "http_url",
    "dns_name",
    "member",
    "passed_member",
    "client_ssl",
)
"""Fields that not every session has; a check or command that names one is left out where it is missing."""
FINDING_FIELDS: Final = ("denied", "login", "unreached")
"""Facts that not every finding of a cause has: likewise."""
OF_THIS_SESSION: Final = frozenset(("member", "passed_member", *FINDING_FIELDS))
"""A check that names one of these fits this session better than those that fit all: it comes first."""

PLACEHOLDERS: Final = {
    "server": "SERVER",
    "host": "SERVER",
    "port": "PORT",
    "name": "NAME",
    "dns_name": "NAME",
    "url_host": "NAME",
    "client": "CLIENT",
    "client_host": "CLIENT",
    "client_port": "CLIENT_PORT",
    "connect": "-connect SERVER:PORT -servername NAME",
    "endpoint": "-connect SERVER:PORT",
    "member": "SERVER:PORT",
    "passed_member": "SERVER:PORT",
    "client_ssl": "client-ssl",
    "ssl_profile": "client-ssl",
    "tmm_ciphers": "clientciphers",
    "denied": "403",
    "login": "407",
    "unreached": "502, 503, 504",
    "https_url": "https://NAME:PORT/",
    "http_url": "http://NAME:PORT/",
    "since": "START",
    "until": "END",
    "nmap": "nmap",
    "nmap_sni": " --script-args tls.servername=NAME",
    "iptables": "iptables",
    "ping_size": "1472",
    "ping_headers": "28",
}
"""What stands for the fields where there is no session."""

_STARTTLS: Final = frozenset(
    ("smtp", "pop3", "imap", "ftp", "xmpp", "mysql", "lmtp", "nntp", "sieve", "ldap", "postgres", "irc")
)
"""Protocols that ``openssl s_client -starttls`` knows (OpenSSL 1.1.1 and later)."""
_NO_S_CLIENT: Final = frozenset(
    ("proxy-v1", "proxy-v2", "rdp", "tds", "socks4", "socks5", "ssh", "vnc", "rsync", "telnet")
)
"""What ``openssl s_client`` cannot speak before TLS."""
_NOT_HTTP_PORTS: Final = frozenset(
    (21, 22, 25, 110, 119, 143, 389, 465, 563, 587, 636, 853, 989, 990, 992, 993, 994, 995, 1433, 1883, 3306, 3389,
     4190, 5061, 5222, 5223, 5432, 5671, 5672, 6379, 6380, 6514, 6697, 8883, 9093, 27017)
)  # fmt: skip
"""TLS is spoken there, HTTP is not."""
_CONNECT: Final = re.compile(rb"CONNECT ([A-Za-z0-9.:\[\]_-]{1,255}) ")
_HOST: Final = re.compile(rb"\r\n[Hh][Oo][Ss][Tt]:[ \t]*([A-Za-z0-9._-]{1,253})(?::\d{1,5})?[ \t]*\r\n")
_ADDRESS: Final = re.compile(r"[0-9.]+|.*:.*")
_MARGIN_S: Final = 60
"""Logs are written when something has ended, and by other clocks."""


def session_fields(session: Session, hide: Hide | None = None) -> dict[str, str | int | float]:
    """What the session itself gives to the texts.

    :param hide: gives what is shown of an address or a name; None shows all.

    ``name``: the server name sent (in a plaintext request: its Host), else the server's address; ``dns_name``: the
    same, only where it is a name. ``host``: the server's address; ``server``, ``client_host``, ``url_host``: addresses
    and name as they stand in a URL (IPv6 in brackets). ``connect``: how ``openssl s_client`` reaches this server as
    this client did, STARTTLS, proxy and server name included; ``endpoint``: the same without a server name.
    ``https_url``, ``http_url``: URL for curl, led to this server's address, where the port may carry HTTP. ``since``,
    ``until``: about the session, UTC. ``member``: the server, where a BIG-IP is its client; ``passed_member``: the
    same, where it passes on what its own client says. ``ssl_profile``, ``tmm_ciphers``: which profiles of a BIG-IP
    this is about, ``client-ssl``, or ``server-ssl`` where it is the client, and the program's option; ``client_ssl``:
    the first only. ``nmap_sni``: the program's option for the name, after a space, or nothing. ``nmap``, ``iptables``,
    ``ping_size``, ``ping_headers``: by IP version.
    """
    ends = _Ends(session, hide)
    server, client, name = ends.server, ends.client, ends.name
    hello = session.tls.client_hello if session.tls is not None else None
    is_v6 = ":" in server
    fields: dict[str, str | int | float] = {
        "client": client,
        "client_host": f"[{client}]" if ":" in client else client,
        "client_port": session.client.port,
        "server": f"[{server}]" if is_v6 else server,
        "port": session.server.port,
        "host": server,
        "url_host": f"[{name}]" if ":" in name else name,
        "name": name,
        "filter": f"{session.transport}.stream eq {session.stream}",
        "since": _time(session.start_ns // 1_000_000_000 - _MARGIN_S),
        "until": _time(session.end_ns // 1_000_000_000 + _MARGIN_S),
        "nmap": "nmap -6" if is_v6 else "nmap",
        "iptables": "ip6tables" if is_v6 else "iptables",
        # Ethernet's 1,500 less 8 bytes of ICMP and the IP header.
        "ping_size": 1452 if is_v6 else 1472,
        "ping_headers": 48 if is_v6 else 28,
    }
    fields |= _s_client(session, hello, ends)
    fields |= _urls(session, hello, str(fields["server"]), str(fields["url_host"]))
    is_big_ip = tls_role(session) == "client"
    fields["ssl_profile"] = "server-ssl" if is_big_ip else "client-ssl"
    fields["tmm_ciphers"] = "serverciphers" if is_big_ip else "clientciphers"
    member = f"{fields['server']}:{session.server.port}"
    if is_big_ip:
        fields["member"] = member
    else:
        fields["client_ssl"] = "client-ssl"
        if session.f5 is not None and session.f5.is_passed_on and side_of(session) == "server":
            fields["passed_member"] = member
    fields["nmap_sni"] = ""
    if not _ADDRESS.fullmatch(name):
        fields["dns_name"] = name
        fields["nmap_sni"] = f" --script-args tls.servername={name}"
    return fields


class _Ends:
    """Addresses and names as they may be shown."""

    def __init__(self, session: Session, hide: Hide | None) -> None:
        def show(field: str, value: str) -> str:
            return value if hide is None else str(hide(field, value))

        hello = session.tls.client_hello if session.tls is not None else None
        self.server = show("host", session.server.ip)
        self.client = show("client", session.client.ip)
        sent = _sent_name(session, hello)
        self.name = show("name", sent) if sent else self.server
        asked = _CONNECT.search(session.opening[Side.CLIENT])
        host, colon, port = (asked[1].decode("ascii") if asked is not None else "").rpartition(":")
        self.target = f"{show('name', host)}:{port}" if colon and port.isdigit() else f"{self.name}:443"
        """What an HTTP proxy was asked for."""


def _s_client(session: Session, hello: ClientHello | None, ends: _Ends) -> dict[str, str]:
    """``connect`` and ``endpoint``; nothing where the program cannot follow."""
    kind, name, port = _spoken_before(session), ends.name, session.server.port
    if kind in _NO_S_CLIENT:
        return {}
    address = f"'[{ends.server}]:{port}'" if ":" in ends.server else f"{ends.server}:{port}"
    endpoint = f"-connect {address}"
    if kind == "connect":
        endpoint = f"-connect {_quoted(ends.target)} -proxy {address}"
    elif kind in _STARTTLS:
        endpoint += f" -starttls {kind}"
    if hello is not None and hello.sni is None and hello.ech is None:
        return {"endpoint": endpoint, "connect": f"{endpoint} -noservername"}
    is_name = not _ADDRESS.fullmatch(name)
    return {"endpoint": endpoint, "connect": f"{endpoint} -servername {name}" if is_name else endpoint}


def _urls(session: Session, hello: ClientHello | None, server: str, host: str) -> dict[str, str]:
    """``https_url`` and ``http_url``; nothing where HTTP is not what the port carries."""
    kind, port = _spoken_before(session), session.server.port
    if kind in ("connect", "socks4", "socks5"):
        return {}  # the server is the proxy
    if kind not in (None, "proxy-v1", "proxy-v2") or port in _NOT_HTTP_PORTS:
        return {}
    if hello is not None and hello.alpn and not {"h2", "http/1.1", "http/1.0"}.intersection(hello.alpn):
        return {}
    options = "--haproxy-protocol " if kind in ("proxy-v1", "proxy-v2") else ""
    if host != server:
        options += f"--connect-to {_quoted(f'::{server}:{port}')} "
    # Without the default port, as browsers and logs write it.
    return {
        f"{scheme}_url": options + _quoted(f"{scheme}://{host}{'' if port == default else f':{port}'}/")
        for scheme, default in (("https", 443), ("http", 80))
    }


def _spoken_before(session: Session) -> str | None:
    """What came before TLS in the stream, or would have had to."""
    if session.upgrade is not None:
        return session.upgrade.kind
    greeting = session.protocol[Side.SERVER]
    return greeting if greeting in _STARTTLS or greeting in _NO_S_CLIENT else None


def _sent_name(session: Session, hello: ClientHello | None) -> str:
    if hello is not None:
        return _host_name(hello.sni or "")
    host = _HOST.search(session.opening[Side.CLIENT])
    return _host_name(host[1].decode("ascii")) if host is not None else ""


def _host_name(name: str) -> str:
    """A server name as a command may carry it: what no host name has is left out, so that nothing of the wire
    reaches a shell, and nothing that a program takes for an option.
    """
    if not name.translate(_PUNCTUATION).isalnum():
        name = "".join(c for c in name if c.isalnum() or c in "-._")
    return shown(name.lstrip("-"))


_PUNCTUATION: Final = str.maketrans("", "", "-._")


def _quoted(word: str) -> str:
    """Brackets are patterns to a shell."""
    return f"'{word}'" if "[" in word else word


@lru_cache(1 << 12)
def _time(second: int) -> str:
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    except OverflowError:
        return "?"
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
