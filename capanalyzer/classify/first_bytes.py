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
from capanalyzer.classify.signs import MAX_RECORD, MORE, NO, UNDECIDED, YES, Check, Sign, likely, yes
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
    return _sign(data, ended).name or None


def _sign(data: bytes, ended: bool) -> Sign:
    """The first row that does not say no; when ended, the first that could still be meant."""
    if (
        data[:3] in _HELLOS
        and len(data) > 8
        and 0 < data[5] < 3
        and not data[6]
        and 3 < data[3] << 8 | data[4] <= MAX_RECORD
    ):
        return _TLS  # a ClientHello or ServerHello, the common case: as binary.tls() would decide
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
    asked = _sign(client, client_ended)
    told = _short_answer(asked.name, server, server_ended) or _sign(server, server_ended)
    return (
        _settle(asked, told, server_ended and not server, server_port, True) if client else None,
        _settle(told, asked, client_ended and not client, server_port, False) if server else None,
    )


def _short_answer(asked: str, server: bytes, ended: bool) -> Sign | None:
    """Answers of one or two bytes that only the question explains: PostgreSQL's S, N or G, and SOCKS 4's."""
    if asked == "postgres" and server[:1] in (b"S", b"N", b"G"):
        if len(server) == 1:
            return yes("postgres") if ended else UNDECIDED
        return yes("postgres") if server[1] in _AFTER_POSTGRES[server[:1]] else None
    if asked == "socks4" and server[:1] == b"\0":
        if len(server) == 1:
            return likely("socks4") if ended else UNDECIDED
        return yes("socks4") if 90 <= server[1] <= 93 else None
    return None


_AFTER_POSTGRES: Final = {b"S": b"\x14\x15\x16", b"N": b"RESNG", b"G": b"\0"}
"""What the server sends next: TLS; an authentication request, an error or another answer; a GSSAPI token's length."""


def _settle(mine: Sign, other: Sign, other_is_mute: bool, port: int | None, is_client: bool) -> str | None:
    """One side's name, with the other side's answer at hand."""
    if not mine.name:
        return None
    if not mine.among:
        return mine.name
    if not other.name and not other_is_mute:
        return None  # what the other side says may decide
    common = mine.among & (other.among or {other.name}) or mine.among
    if len(common) == 1:
        return next(iter(common))
    by_port = _PORTS.get(port or 0)
    if by_port in common:
        return by_port
    if is_client and other.name in common:
        return other.name  # a greeting says more than QUIT does
    return mine.name if mine.name in common else min(common)
