"""The same ClientHello on two connections: the two legs of one session, before and behind a device between the ends.

A client draws a fresh random for every hello (RFC 8446 section 4.1.2), so the same random twice at the same time is one
hello that was passed on: unchanged by a balancer, NAT or forward proxy, changed by a device that rewrites. Only hellos
of sessions that did not complete are remembered: a hello that was changed on its way cannot complete, for both ends'
Finished covers what each of them saw (RFC 8446 section 4.4.4), and a session that works needs no explanation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeVar
from zlib import crc32

from capanalyzer.diagnosis.bounded import Bounded, Latest
from capanalyzer.handshake.session import Endpoint, Session
from capanalyzer.tls.codepoints import (
    cipher_suite_name,
    extension_name,
    group_name,
    signature_scheme_name,
    version_name,
)

__all__ = ["Leg", "Legs", "differences", "hello_random"]

MAX_RANDOMS: Final = 8_192
"""Hellos remembered, about 1 kB each at most."""
MAX_LATEST: Final = 4_096
"""... in a run that goes on, the latest: as many as there are sessions that are thought of again."""
MAX_LEGS: Final = 4
"""Of one random. A client that uses the same one again and again (some embedded ones do) shows more, and proves
nothing."""
TOGETHER_NS: Final = 2_000_000_000
"""A device passes a hello on at once, or after its own connect."""
SHOWN: Final = 3
_NO_RANDOM: Final = bytes(28)
"""Of a random's 32 bytes the first four may be a clock; a client that fills the rest with zeros draws none."""

T = TypeVar("T")


class Leg(NamedTuple):
    """A ClientHello as one connection carried it."""

    stream: int
    time_ns: int
    frame: int
    client: Endpoint
    server: Endpoint
    versions: tuple[int, ...]
    suites: tuple[int, ...]
    extensions: tuple[int, ...]
    groups: tuple[int, ...]
    sni: str | None
    alpn: tuple[str, ...]
    signature_algorithms: tuple[int, ...]
    size: int
    checksum: int
    """CRC-32 of the whole message."""

    def is_same_hello(self, other: Leg) -> bool:
        """To the byte: passed on by a device that leaves it alone."""
        return self.size == other.size and self.checksum == other.checksum


class Legs:
    """Hellos of sessions that did not complete, by their random; the content does not depend on the order."""

    __slots__ = ("_known",)

    def __init__(self, *, goes_on: bool = False) -> None:
        """:param goes_on: of a run without end: the latest hellos are remembered."""
        self._known: Bounded[tuple[bytes], list[Leg]] = Latest(MAX_LATEST) if goes_on else Bounded(MAX_RANDOMS)

    def add(self, session: Session) -> None:
        """Remember the hello of a session, if it has one."""
        leg, random = _leg(session), hello_random(session)
        if leg is None or random is None:
            return
        known = self._known.get((random,))
        if known is None:
            self._known.add((random,), [leg])
        else:
            known.append(leg)
            known.sort()
            del known[MAX_LEGS:]

    def merge(self, other: Legs) -> None:
        """Add what was remembered elsewhere."""
        self._known.merge(other._known, _join)

    def other(self, session: Session) -> Leg | None:
        """The other leg: exactly one other connection carried this hello, at the same time."""
        random = hello_random(session)
        known = self._known.get((random,)) if random is not None else None
        if known is None or len(known) != 2:
            return None
        one, two = known
        if session.stream not in (one.stream, two.stream) or abs(one.time_ns - two.time_ns) > TOGETHER_NS:
            return None
        return two if one.stream == session.stream else one

    def own(self, session: Session) -> Leg | None:
        """The hello of a session in the same form."""
        return _leg(session)


def differences(left: Leg, right: Leg) -> list[str]:
    """What the right one has not that the left one has, and the other way round, in the words of the registries."""
    found: list[str] = []
    for name, one, two in (
        ("supported_versions", _names(left.versions, version_name), _names(right.versions, version_name)),
        ("cipher_suites", _names(left.suites, cipher_suite_name), _names(right.suites, cipher_suite_name)),
        ("extensions", _names(left.extensions, extension_name), _names(right.extensions, extension_name)),
        ("supported_groups", _names(left.groups, group_name), _names(right.groups, group_name)),
        ("server_name", _names((left.sni,), str), _names((right.sni,), str)),
        ("ALPN", _names(left.alpn, str), _names(right.alpn, str)),
        (
            "signature_algorithms",
            _names(left.signature_algorithms, signature_scheme_name),
            _names(right.signature_algorithms, signature_scheme_name),
        ),
    ):
        gone = [value for value in one if value not in two]
        come = [value for value in two if value not in one]
        parts = [f"-{value}" for value in gone[:SHOWN]] + [f"+{value}" for value in come[:SHOWN]]
        more = len(gone) + len(come) - len(parts)
        if parts:
            found.append(f"{name}: {', '.join(parts)}" + (f", {more} more" if more > 0 else ""))
        elif one != two:
            found.append(f"{name}: order")
    return found


def _names(values: Iterable[T | None], name: Callable[[T], str]) -> list[str]:
    return [name(value) for value in values if value is not None]


def hello_random(session: Session) -> bytes | None:
    """Of its first ClientHello; None where there is none, or nothing was drawn for it."""
    tls = session.tls
    hello = tls.client_hello if tls is not None else None
    if hello is None or hello.is_sslv2_format or hello.random[4:] == _NO_RANDOM:
        return None
    return hello.random


def _leg(session: Session) -> Leg | None:
    tls = session.tls
    hello = tls.client_hello if tls is not None else None
    message = tls.client_hello_message if tls is not None else None
    if hello is None or message is None:
        return None
    return Leg(
        session.stream,
        message.time_ns,
        message.frame,
        session.client,
        session.server,
        hello.offered_versions,
        hello.cipher_suites,
        hello.extension_types,
        hello.groups,
        hello.sni,
        hello.alpn,
        hello.signature_algorithms,
        message.length,
        crc32(message.body),
    )


def _join(known: list[Leg], other: list[Leg]) -> None:
    known += other
    known.sort()
    del known[MAX_LEGS:]
