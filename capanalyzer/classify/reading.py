"""What is known of an upgrade, and the step that all of them share: does TLS begin where it should?"""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.classify.signs import looks_like_tls

__all__ = ["ANSWER_LIMIT", "UpgradeReading", "conclude", "printable"]

ANSWER_LIMIT: Final = 200
"""Characters of an answer that are kept: one line of a report."""


class UpgradeReading(NamedTuple):
    """TLS behind something else in the same stream, as far as the bytes show. Offsets count from the stream's start."""

    kind: str
    """``connect`` ``http-upgrade`` ``proxy-v1`` ``proxy-v2`` ``socks4`` ``socks5`` ``smtp`` ``imap`` ``pop3`` ``ftp``
    ``nntp`` ``irc`` ``sieve`` ``xmpp`` ``ldap`` ``postgres`` ``mysql`` ``rdp`` ``tds``, or ``other`` where a
    ClientHello was found in the middle of anything else. Of several, one inside the other, the innermost reached."""
    asked: bool
    """The upgrade was requested. A PROXY header always is; a ClientHello without a request is not."""
    agreed: bool | None
    """The other end agreed; None where no answer was seen or none is due (PROXY header)."""
    answer: str
    """First line of the answer or its code in words, printable, at most 200 characters; empty without one."""
    request_at: int | None
    """Client stream offset of the request."""
    answer_at: int | None
    """Server stream offset of the answer."""
    client_tls_at: int | None
    """Client stream offset where TLS begins: seen there, or agreed on and nothing sent there yet."""
    server_tls_at: int | None
    """Server stream offset, likewise. With ``tds`` both point at a TDS header: see :func:`~.tds.deframe_tds`."""
    done: bool
    """No more bytes can change this."""
    client_after: int | None = None
    """Client stream offset behind the (last) request, whatever comes there."""
    server_after: int | None = None
    """Server stream offset behind its answer, likewise."""

    def shifted(self, client_by: int, server_by: int) -> UpgradeReading:
        """The same, read from streams that have so many more bytes in front."""

        def move(at: int | None, by: int) -> int | None:
            return None if at is None else at + by

        return self._replace(
            request_at=move(self.request_at, client_by),
            answer_at=move(self.answer_at, server_by),
            client_tls_at=move(self.client_tls_at, client_by),
            server_tls_at=move(self.server_tls_at, server_by),
            client_after=move(self.client_after, client_by),
            server_after=move(self.server_after, server_by),
        )


def printable(text: bytes, limit: int = ANSWER_LIMIT) -> str:
    """Bytes of the wire as one safe line: UTF-8 where it is, ``?`` for whatever cannot be printed."""
    line = text[: 4 * limit].decode("utf-8", "replace").strip()
    return "".join(char if char.isprintable() else "?" for char in line[:limit])


def conclude(
    kind: str,
    client: bytes,
    server: bytes,
    client_at: int,
    server_at: int | None,
    *,
    asked: bool = True,
    agreed: bool | None = None,
    answer: str = "",
    request_at: int | None = 0,
    answer_at: int | None = None,
) -> UpgradeReading:
    """A reading whose outer step is read: TLS should begin at ``client_at`` and, once answered, at ``server_at``."""
    by_client = looks_like_tls(client, client_at)
    by_server = None if server_at is None else looks_like_tls(server, server_at)
    expected = agreed is True
    return UpgradeReading(
        kind,
        asked,
        agreed,
        answer,
        request_at,
        answer_at,
        client_at if by_client or (by_client is None and expected) else None,
        server_at if by_server or (by_server is None and expected) else None,
        by_client is not None and by_server is not None,
        client_at,
        server_at,
    )
