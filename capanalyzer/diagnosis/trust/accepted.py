"""Certificates under which a client exchanged data: whoever did that does not turn the same certificate down later."""

from __future__ import annotations

from typing import Final
from zlib import crc32

from capanalyzer.diagnosis.bounded import Bounded
from capanalyzer.handshake.session import Session

__all__ = ["Accepted"]

MAX_ACCEPTED: Final = 4_096
"""Of client (its address, and its program by its hello), server, certificate and name; about 400 bytes each. Only
sessions of which there is something to say are learned from, so a certificate without a fault takes no place."""


class Accepted:
    """See the module; the content does not depend on the order."""

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first: Bounded[tuple[str, str, int, int], list[int]] = Bounded(MAX_ACCEPTED)
        """Start of the first session that carried data both ways, in a list so that changing it changes no table."""

    def learn(self, session: Session) -> None:
        """A session that carried data both ways."""
        key = _key(session)
        if key is None:
            return
        known = self._first.get(key)
        if known is None:
            self._first.add(key, [session.start_ns])
        else:
            known[0] = min(known[0], session.start_ns)

    def was_before(self, session: Session) -> bool:
        """The client exchanged data under this certificate, for this name, in a session that began earlier."""
        key = _key(session)
        known = self._first.get(key) if key is not None else None
        return known is not None and known[0] < session.start_ns

    def merge(self, other: Accepted) -> None:
        """Add what was learned elsewhere."""
        self._first.merge(other._first, _earlier)


def _key(session: Session) -> tuple[str, str, int, int] | None:
    tls = session.tls
    if tls is None or not tls.certificates:
        return None
    hello = tls.client_hello
    shown = crc32(tls.certificates[0].der)
    if hello is not None:
        # Another program on the same host may have other roots, or none.
        program = repr((hello.sni, hello.cipher_suites, hello.extension_types, hello.groups))
        shown = crc32(program.encode(), shown)
    return session.client.ip, session.server.ip, session.server.port, shown


def _earlier(known: list[int], other: list[int]) -> None:
    known[0] = min(known[0], other[0])
