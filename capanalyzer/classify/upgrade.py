"""TLS behind something else in the same stream: CONNECT, PROXY headers, SOCKS, STARTTLS and its like.

A pure function of both directions' bytes from their beginning, in stream order; it may be called again with more.
Which reader is asked follows from the first bytes. Steps nest (a PROXY header, then SOCKS, then STARTTLS): the
reading is the innermost one's, with offsets of the whole streams.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from capanalyzer.classify.binary import PROXY_V2
from capanalyzer.classify.first_bytes import classify, classify_pair
from capanalyzer.classify.reading import UpgradeReading, conclude
from capanalyzer.classify.signs import MAX_RECORD, looks_like_tls
from capanalyzer.classify.tds import Deframed, deframe_tds, read_tds
from capanalyzer.classify.upgrade_binary import (
    read_ldap,
    read_mysql,
    read_postgres,
    read_rdp,
    read_socks4,
    read_socks5,
)
from capanalyzer.classify.upgrade_http import head_end, read_connect, read_http_upgrade
from capanalyzer.classify.upgrade_lines import LINE_KINDS, read_line_upgrade, read_xmpp_upgrade

__all__ = ["LIMIT", "Deframed", "UpgradeReading", "deframe_tds", "is_client_hello", "may_upgrade", "read_upgrade"]

LIMIT: Final = 65_536
"""Bytes of a direction that are looked at: what comes before TLS is a dialogue, not a transfer."""
MAX_DEPTH: Final = 4
"""Steps inside each other that are followed (PROXY header, CONNECT, STARTTLS is three)."""
_PROXY_V1_LIMIT: Final = 107
"""Longest PROXY v1 line with its end, PROXY protocol specification section 2.1."""


def read_upgrade(
    client: bytes, server: bytes, client_cuts: Sequence[int] = (), server_port: int | None = None
) -> UpgradeReading | None:
    """What both directions show of an upgrade to TLS; None: nothing like one in sight (yet).

    ``client``, ``server``: their streams' first bytes, up to :data:`LIMIT` of each. ``client_cuts``: client stream
    offsets at which segments began: a ClientHello is found there in the middle of anything (kind ``other``).
    ``server_port`` only tells protocols apart whose words are the same.
    """
    client, server = client[:LIMIT], server[:LIMIT]
    if client and looks_like_tls(client):
        return None  # a ClientHello later in it is TLS's own: after a HelloRetryRequest, or a renegotiation
    found = _read(client, server, server_port, MAX_DEPTH) if client else _server_alone(server)
    if found is not None and (found.client_tls_at is not None or found.server_tls_at is not None or not client_cuts):
        return found
    for cut in client_cuts:
        if 0 < cut < len(client) and is_client_hello(client, cut):
            other = _embedded(server, cut)
            return other if found is None else found._replace(client_tls_at=cut, server_tls_at=other.server_tls_at)
    return found


def may_upgrade(client: bytes, protocols: tuple[str | None, str | None]) -> bool:
    """Whether more bytes can still bring an upgrade where :func:`read_upgrade` says None now.

    ``protocols``: (client's, server's) as :func:`~.first_bytes.classify_pair` names them; None counts as open. Mail,
    LDAP and XMPP may ask for TLS at any time, a database or a proxy at the very beginning only.
    """
    mine, theirs = protocols
    if mine == "tls":
        return False
    if mine == "http":
        return client.startswith(b"CONNECT ") or head_end(client, 0) is None
    if mine is None or mine in _ANY_TIME or theirs in _ANY_TIME:
        return len(client) < LIMIT
    return (mine in _AT_ONCE or theirs in _AT_ONCE) and len(client) < _FIRST_MESSAGES


_ANY_TIME: Final = frozenset((*LINE_KINDS, "xmpp", "xml", "ldap"))
_AT_ONCE: Final = frozenset(("postgres", "mysql", "rdp", "tds", "socks4", "socks5", "proxy-v1", "proxy-v2"))
_FIRST_MESSAGES: Final = 1024
"""Bytes within which these ask: PROXY v2 with all its TLVs is the longest."""


def _read(client: bytes, server: bytes, port: int | None, depth: int) -> UpgradeReading | None:
    header = _proxy_header(client)
    if header is not None:
        return _inside(header[0], header[1], client, server, port, depth)
    mine, theirs = classify_pair(client, server, True, True, port)
    if mine == "tls":
        return None
    if mine == "http":
        reading = read_connect(client, server) if client.startswith(b"CONNECT ") else read_http_upgrade(client, server)
    else:
        reader = _READERS.get(mine or "") or _READERS.get(theirs or "")
        if reader is None:
            return None
        reading = reader(client, server)
    if reading is not None and reading.agreed and reading.kind in _TUNNELS and depth > 1:
        return _behind_tunnel(reading, client, server, depth)
    return reading


_TUNNELS: Final = frozenset(("connect", "socks4", "socks5"))
"""What carries any protocol, not TLS alone."""


def _line_reader(kind: str) -> Callable[[bytes, bytes], UpgradeReading | None]:
    return lambda client, server: read_line_upgrade(kind, client, server)


_READERS: Final[dict[str, Callable[[bytes, bytes], UpgradeReading | None]]] = {
    **{kind: _line_reader(kind) for kind in LINE_KINDS},
    "xmpp": read_xmpp_upgrade,
    "ldap": read_ldap,
    "postgres": read_postgres,
    "mysql": read_mysql,
    "rdp": read_rdp,
    "tds": read_tds,
    "socks4": read_socks4,
    "socks5": read_socks5,
}


def _proxy_header(client: bytes) -> tuple[str, int] | None:
    """(kind, length) of a whole PROXY header at the start (PROXY protocol specification sections 2.1 and 2.2)."""
    if client.startswith(b"PROXY "):
        end = client.find(b"\n", 0, _PROXY_V1_LIMIT)
        return ("proxy-v1", end + 1) if end >= 0 else None
    if client.startswith(PROXY_V2) and len(client) >= 16 and client[12] in (0x20, 0x21):
        end = 16 + (client[14] << 8 | client[15])
        return ("proxy-v2", end) if end <= len(client) else None
    return None


def _inside(kind: str, at: int, client: bytes, server: bytes, port: int | None, depth: int) -> UpgradeReading:
    """Behind a PROXY header, which is not answered: TLS, or another step."""
    outer = conclude(kind, client, server, at, 0)
    if outer.client_tls_at is not None or depth <= 1 or len(client) == at:
        return outer._replace(done=outer.done and outer.client_tls_at is not None)
    inner = _read(client[at:], server, port, depth - 1)
    return inner.shifted(at, 0) if inner is not None else outer._replace(server_tls_at=None, done=False)


def _behind_tunnel(outer: UpgradeReading, client: bytes, server: bytes, depth: int) -> UpgradeReading:
    """What a tunnel carries where it is not TLS from the start: mail with STARTTLS, a database ..."""
    asked, told = outer.client_after, outer.server_after
    if asked is None or told is None or looks_like_tls(client, asked) is not False:
        return outer
    inner = _read(client[asked:], server[told:], None, depth - 1)
    return outer._replace(done=False) if inner is None else inner.shifted(asked, told)


def is_client_hello(data: bytes, at: int) -> bool:
    """A ClientHello at ``at``, strictly: record, message and vectors agree (RFC 8446 section 4.1.2).

    Needs 44 bytes; for bytes in the middle of something else, where a record header alone proves little.
    """
    if len(data) < at + 44 or data[at] != 22 or data[at + 1] != 3 or data[at + 2] > 4 or data[at + 5] != 1:
        return False
    record = data[at + 3] << 8 | data[at + 4]
    message = data[at + 6] << 16 | data[at + 7] << 8 | data[at + 8]
    session = data[at + 43]
    if not 42 <= record <= MAX_RECORD or not 41 <= message < 1 << 17 or data[at + 9] != 3 or session > 32:
        return False
    suites = data[at + 44 + session : at + 46 + session]
    return len(suites) < 2 or not (suites[1] & 1 or suites == b"\0\0" or (suites[0] << 8 | suites[1]) > message)


def _embedded(server: bytes, at: int) -> UpgradeReading:
    """A ClientHello nobody was seen to ask for."""
    server_at = _server_hello_at(server)
    return UpgradeReading("other", False, None, "", None, None, at, server_at, server_at is not None)


def _server_hello_at(server: bytes) -> int | None:
    """Where the first ServerHello begins, by record and message headers that agree (RFC 8446 section 4.1.3)."""
    at = server.find(b"\x16\x03")
    while at >= 0:
        head = server[at : at + 11]
        if len(head) == 11 and looks_like_tls(head) and head[5:7] == b"\2\0" and head[9] == 3 and head[10] <= 4:
            record, message = head[3] << 8 | head[4], head[7] << 8 | head[8]
            if message >= 38 and record >= 42:
                return at
        at = server.find(b"\x16\x03", at + 1)
    return None


_BY_SERVER: Final = {"http-response": "connect", **{kind: kind for kind in _READERS}}
"""What a server's first bytes make of an upgrade whose client side was not captured."""


def _server_alone(server: bytes) -> UpgradeReading | None:
    """Only the server was captured: a ServerHello behind its plaintext shows that it was asked and agreed."""
    kind = _BY_SERVER.get(classify(server, ended=True) or "")
    at = _server_hello_at(server) if kind is not None else None
    if kind is None or not at:
        return None
    return UpgradeReading(kind, True, True, "", None, None, None, at, False)
