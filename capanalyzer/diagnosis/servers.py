"""What completed handshakes showed of one server: some of them are looked into, all are counted."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from capanalyzer.handshake.session import Session

if TYPE_CHECKING:
    from capanalyzer.tls.hello import ClientHello

__all__ = ["Sample", "ServerKnowledge", "newest_offer", "sample_of"]

SAMPLED: Final = 16
"""Sessions of a server that are looked into, those with the lowest stream numbers; later ones repeat what these
taught."""
TLS13: Final = 0x0304


class Sample(NamedTuple):
    """What one completed handshake showed."""

    stream: int
    version: int | None
    suite: int
    """0: unknown."""
    group: int | None
    """Key exchange group used: the key share's in TLS 1.3, the named curve's before."""
    has_hello: bool
    """The ClientHello could be read."""
    name: str | None
    has_proxy_header: bool
    hello_length: int
    offered: int
    """Highest version in the client's offer; 0: unknown."""


class ServerKnowledge:
    """What one address and port accepted in sessions that completed."""

    __slots__ = ("_largest_hello", "established", "lessons", "samples")

    def __init__(self) -> None:
        self.established = 0
        self.lessons = 0
        """Sessions that taught something of it."""
        self.samples: list[Sample] = []
        """By stream number."""
        self._largest_hello = 0

    @property
    def sampled(self) -> int:
        """Sessions that were looked into."""
        return len(self.samples)

    @property
    def versions(self) -> set[int]:
        return {sample.version for sample in self.samples if sample.version is not None}

    def suites(self, *, is_13: bool) -> set[int]:
        """Those chosen in TLS 1.3, or before: one says nothing of the other."""
        return {s.suite for s in self.samples if s.suite and (s.version == TLS13) is is_13}

    def groups(self, *, is_13: bool) -> set[int]:
        """Key exchange groups used in TLS 1.3, or before."""
        return {s.group for s in self.samples if s.suite and s.group is not None and (s.version == TLS13) is is_13}

    def lacks(self, version: int) -> bool:
        """Every client that offered this version or a later one was given an older one."""
        given = [s.version for s in self.samples if s.offered >= version and s.version is not None]
        return bool(given) and max(given) < version

    @property
    def names(self) -> set[str]:
        return {sample.name for sample in self.samples if sample.name is not None}

    @property
    def without_name(self) -> int:
        """Sessions that completed without a server name."""
        return sum(sample.has_hello and sample.name is None for sample in self.samples)

    @property
    def proxy_headers(self) -> int:
        """Sessions that completed behind a PROXY protocol header."""
        return sum(sample.has_proxy_header for sample in self.samples)

    @property
    def largest_hello(self) -> int:
        """Bytes of the largest ClientHello that was answered with a ServerHello."""
        return max(self._largest_hello, max((sample.hello_length for sample in self.samples), default=0))

    def answered(self, length: int) -> None:
        """A ClientHello of so many bytes was answered with a ServerHello."""
        self._largest_hello = max(self._largest_hello, length)

    def __getstate__(self) -> tuple[object, ...]:
        """For pickling: plain tuples, which take a third of the time of named ones."""
        return self.established, self.lessons, [tuple(sample) for sample in self.samples], self._largest_hello

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.established, self.lessons, samples, self._largest_hello = state
        self.samples = [Sample._make(sample) for sample in samples]

    def learn(self, session: Session) -> None:
        """Learn from a completed handshake."""
        self.established += 1
        if len(self.samples) < SAMPLED or session.stream <= self.samples[-1].stream:
            self.look(sample_of(session))

    def learn_all(self, places: Sequence[int], streams: Sequence[int], sample: Callable[[int], Sample | None]) -> None:
        """The same for several.

        :param places: theirs among all, ascending.
        :param streams: stream numbers of all, ascending.
        :param sample: looks into one of all, by its place.
        """
        self.established += len(places)
        samples = self.samples
        for at in places:
            if len(samples) >= SAMPLED and streams[at] > samples[-1].stream:
                break  # nor is any of the later ones needed
            self.look(sample(at))

    def look(self, sample: Sample | None) -> None:
        """Keep what one session showed, in the place of the latest one when there are enough."""
        if sample is not None:
            samples = self.samples
            if len(samples) >= SAMPLED:
                del samples[-1]
            if not samples or sample.stream >= samples[-1].stream:
                samples.append(sample)
            else:
                insort(samples, sample, key=_stream_of)

    def merge(self, other: ServerKnowledge) -> None:
        """Add what was learned of the same server elsewhere."""
        self.established += other.established
        self.lessons += other.lessons
        self.samples = sorted(self.samples + other.samples, key=_stream_of)[:SAMPLED]
        self.answered(other._largest_hello)


def sample_of(session: Session) -> Sample | None:
    """What a completed handshake shows."""
    tls = session.tls
    if tls is None:
        return None
    hello, message, upgrade = tls.client_hello, tls.client_hello_message, session.upgrade
    return Sample(
        session.stream,
        tls.version,
        tls.handshake.suite or 0,
        tls.key_exchange_group,
        hello is not None,
        None if hello is None else hello.sni,
        upgrade is not None and upgrade.kind.startswith("proxy-"),
        0 if message is None else message.length,
        0 if hello is None else newest_offer(hello),
    )


def newest_offer(hello: ClientHello) -> int:
    """The newest version offered, drafts and GREASE apart; 0 where there is none."""
    return max((version for version in hello.offered_versions if version <= TLS13), default=0)


def _stream_of(sample: Sample) -> int:
    return sample.stream
