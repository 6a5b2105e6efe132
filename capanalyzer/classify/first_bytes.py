"""Which protocol the first bytes of a direction speak: a pure function of bytes.

Every protocol is a row of a table (``TEXT``, ``BINARY``): the values its first byte may have, a
check, and where its form is specified. Rows are asked in order, and a row is asked only when all before
it have said no. As no row takes back a yes or a no, an answer that was given is never changed by further
bytes, and "not enough bytes yet" (None) is an answer of its own.

Names: see :data:`NAMES`. ``unknown`` is what no row can be. HTML without a status line is ``http-response``
(HTTP/0.9), LMTP is ``smtp``, LDAP, Kerberos and DNS are the TCP forms.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.classify.binary import BINARY
from capanalyzer.classify.signs import MORE, NO, UNDECIDED, YES, Check, Sign
from capanalyzer.classify.text import TEXT

__all__ = ["ENOUGH", "NAMES", "SIGNATURES", "classify", "classify_pair"]

ENOUGH: Final = 2304
"""With this many bytes the answer is never None: no row waits for more (the longest is a line of 2,048)."""

SIGNATURES: Final = TEXT + BINARY
"""All rows, in the order in which they are asked."""

NAMES: Final = frozenset(row.name for row in SIGNATURES) | {"cotp", "xml", "nntp", "ftp", "unknown"}
"""Every name that :func:`classify` can give; stable, lower case, with hyphens."""

_BY_FIRST: Final[tuple[tuple[Check, ...], ...]] = tuple(
    tuple(row.check for row in SIGNATURES if value in row.first) for value in range(256)
)
_UNKNOWN: Final = Sign(YES, "unknown")
_TLS: Final = Sign(YES, "tls")
_HELLOS: Final = frozenset(bytes((22, 3, minor)) for minor in range(5))


def classify(data: bytes, *, ended: bool = False) -> str | None:
    """The protocol that one direction's first bytes speak, in stream order.

    None: not enough bytes yet. With ``ended`` (nothing more will come) never None. More than
    :data:`ENOUGH` bytes are of no use.
    """
    if (
        data[:3] in _HELLOS
        and data[5:6] in b"\1\2"
        and len(data) >= 9
        and data[3] < 0x48
        and data[6] < 4 <= data[3] << 8 | data[4]
    ):
        return "tls"  # the common case, decided as binary.tls() would
    sign = _sign(data, ended)
    return sign.name or None


def _sign(data: bytes, ended: bool) -> Sign:
    """The first row that does not say no; when ended, the first that could still be meant."""
    if not data:
        return _UNKNOWN if ended else UNDECIDED
    for check in _BY_FIRST[data[0]]:
        sign = check(data)
        state = sign.state
        if state == NO:
            continue
        if state == YES:
            return sign
        if not ended:
            return UNDECIDED
        if state != MORE:
            return sign
    return _UNKNOWN


_FAMILIES: Final[tuple[frozenset[str], ...]] = (
    frozenset(("smtp", "ftp", "pop3", "nntp", "imap", "irc", "sieve")),
    frozenset(("pop3", "redis")),
    frozenset(("rtsp", "sip", "http", "http-response")),
    frozenset(("irc", "redis")),
)
"""Protocols whose weak beginnings can be each other's."""

_PORTS: Final[dict[int, str]] = {
    **dict.fromkeys((25, 465, 587, 2525, 24), "smtp"),
    **dict.fromkeys((21, 990, 2121), "ftp"),
    **dict.fromkeys((110, 995), "pop3"),
    **dict.fromkeys((119, 563), "nntp"),
    **dict.fromkeys((6667, 6697), "irc"),
    4190: "sieve",
    6379: "redis",
}


def classify_pair(
    client: bytes, server: bytes, client_ended: bool, server_ended: bool, server_port: int | None = None
) -> tuple[str | None, str | None]:
    """Both directions together: (client's protocol, server's protocol).

    A direction that sent nothing is None even when it has ended. Where one side's bytes could be several
    protocols (``220 ready``, ``USER joe``) the other side's decide, and the port only when they do not;
    so such an answer waits for the other side.
    """
    asked = _TLS if client[:3] in _HELLOS and classify(client) == "tls" else _sign(client, client_ended)
    told = _TLS if server[:3] in _HELLOS and classify(server) == "tls" else _sign(server, server_ended)
    return (
        _settle(asked, told, server, server_ended, server_port, True) if client else None,
        _settle(told, asked, client, client_ended, server_port, False) if server else None,
    )


def _settle(mine: Sign, other: Sign, others: bytes, other_ended: bool, port: int | None, is_client: bool) -> str | None:
    """One side's name, with the other side's answer at hand."""
    if mine.state != YES and not mine.name:
        return None
    if mine.name == "unknown" or mine.weak:
        if other.state == MORE and not (other_ended and not others):
            return None if mine.weak else mine.name
    if not mine.weak:
        return mine.name
    for family in _FAMILIES:
        if mine.name in family and other.name in family and not other.weak:
            return other.name
    by_port = _PORTS.get(port or 0)
    if by_port is not None and any(mine.name in family and by_port in family for family in _FAMILIES):
        return by_port
    if is_client and other.weak and any(mine.name in family and other.name in family for family in _FAMILIES):
        return other.name  # a greeting says more than QUIT does
    return mine.name
