"""Ordinary sessions judged as many at a time as leave together: they work, and what they teach is remembered.

The conditions are those of :meth:`capanalyzer.diagnosis.judge.Judge.see`; a session that does not meet them is left to
the judge.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import numpy as np

from capanalyzer.diagnosis.knowledge import Knowledge
from capanalyzer.diagnosis.rules.quality.cipher import is_weak_suite
from capanalyzer.diagnosis.rules.quality.warnings import SLOW_NS, TLS12
from capanalyzer.diagnosis.servers import Sample, newest_offer
from capanalyzer.diagnosis.trust.glance import Glances
from capanalyzer.diagnosis.trust.issuers import Issuers
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.departure import Departure, OrdinaryRun
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.handshake.session import Session, Side
from capanalyzer.handshake.shapes import Shape
from capanalyzer.streams.chunk import distinct
from capanalyzer.tls.hello import ClientHello, ServerHello, safe_text

if TYPE_CHECKING:
    from capanalyzer.tls.shapes import ClientHelloShape, ServerHelloShape

__all__ = ["JudgedRun", "Verdicts", "judge_run", "teach", "verdicts_of"]

_new: Final = tuple.__new__
_UNREAD: Final[Any] = object()
_CLOSES: Final = (None, (False, Side.CLIENT), (False, Side.SERVER), (True, Side.CLIENT), (True, Side.SERVER))
"""By Batch.close: (is a RST, who sent it)."""


class JudgedRun:
    """Sessions given one after the other that simply work, and their verdicts."""

    __slots__ = ("run", "verdicts")

    def __init__(self, run: OrdinaryRun, verdicts: Sequence[Verdict]) -> None:
        self.run, self.verdicts = run, verdicts

    def __iter__(self) -> Iterator[tuple[Session, Verdict]]:
        return zip(self.run, self.verdicts, strict=True)


def judge_run(
    run: OrdinaryRun, verdicts_of_all: Callable[[Departure], Verdicts]
) -> Iterator[JudgedRun | OrdinarySession]:
    """The sessions of a run in their order; alone those of which there is more to say.

    :param verdicts_of_all: of the departure that the run is a part of.
    """
    departure = run.departure
    verdicts, odd = verdicts_of_all(departure)
    at = run.start
    for number in odd[bisect_left(odd, run.start) : bisect_left(odd, run.stop)]:
        if at < number:
            yield JudgedRun(departure.run(at, number), cast("list[Verdict]", verdicts[at:number]))
        yield departure.session(number)
        at = number + 1
    if at < run.stop:
        rest = run if at == run.start else departure.run(at, run.stop)
        yield JudgedRun(rest, cast("list[Verdict]", verdicts[at : run.stop]))


class Verdicts(NamedTuple):
    """Of a departure."""

    all: list[Verdict | None]
    """None for a session of which there is more to say."""
    odd: list[int]
    """Numbers of those."""


def verdicts_of(
    departure: Departure,
    knowledge: Knowledge,
    glances: Glances,
    established: Callable[[tuple[bool, Side] | None], Verdict],
) -> Verdicts:
    """Verdicts of all sessions of a departure, worked out once.

    :param knowledge: learns from those that have a verdict, and from the chains that their clients took.
    :param established: the verdict for a first close.
    """
    known: Verdicts | None = departure.made.get("verdicts")
    if known is None:
        ways = [established(close) for close in _CLOSES]
        verdicts: list[Verdict | None] = [ways[close] for close in departure.column("close").tolist()]
        odd = _odd(departure, knowledge.trust.issuers, glances)
        for at in odd:
            verdicts[at] = None
        teach(departure, odd, knowledge)
        known = departure.made["verdicts"] = Verdicts(verdicts, sorted(odd))
    return known


def _odd(departure: Departure, issuers: Issuers, glances: Glances) -> set[int]:
    """Numbers of the sessions that were slow, settled on something dated, or showed a chain that gives reason to say
    something.
    """
    node, nodes = departure.node, departure.nodes
    is_odd = departure.column("done_ns") - departure.column("hello_ns") >= SLOW_NS
    unfit = [number for number in distinct(node).tolist() if not _is_fit(nodes[number])]
    if unfit:
        is_odd |= np.isin(node, unfit)
    odd: set[int] = set(np.flatnonzero(is_odd).tolist())
    clients, servers, chains = departure.clients, departure.servers, departure.chains
    starts: list[int] = departure.flows.first_ns.tolist()
    names = _texts(departure.names)
    for at in [at for at, chain in enumerate(chains) if chain and at not in odd]:
        glance = glances.at(chains[at])
        if glance.is_clean(names[at], starts[at]):
            issuers.learn_accepted(glance, clients[at], servers[at])
        else:
            odd.add(at)
    return odd


def _texts(names: Sequence[bytes | None]) -> list[str]:
    """Names as :func:`capanalyzer.tls.hello.safe_text` makes them, all at once where they are what names are; "" for
    None.
    """
    joined = b"\n".join([name or b"" for name in names])
    if joined.isascii() and joined.count(b"\n") == len(names) - 1:
        return joined.decode().split("\n")
    return [safe_text(name or b"") for name in names]


def teach(departure: Departure, odd: Collection[int], knowledge: Knowledge) -> None:
    """All but the odd ones teach what sessions teach that simply work."""
    clients, servers, streams = departure.clients, departure.servers, departure.streams
    starts: list[int] = departure.flows.first_ns.tolist()
    sample = _sampler(departure)
    if odd:
        plain = [at for at in range(len(departure)) if at not in odd]
        clients, servers = [clients[at] for at in plain], [servers[at] for at in plain]
        starts, streams = [starts[at] for at in plain], [streams[at] for at in plain]
        knowledge.learn_all(streams, clients, servers, starts, lambda which: sample(plain[which]))
    else:
        knowledge.learn_all(streams, clients, servers, starts, sample)


def _is_fit(shape: Shape) -> bool:
    """Neither version nor cipher suite give reason to say anything."""
    machine = shape.handshake
    return machine.version is not None and machine.version >= TLS12 and not is_weak_suite(machine.suite)


def _sampler(departure: Departure) -> Callable[[int], Sample]:
    """Makes of a session's number the same as :func:`capanalyzer.diagnosis.servers.sample_of`."""
    nodes, node, names, streams = departure.nodes, departure.node.tolist(), departure.names, departure.streams
    hellos, answers = departure.hello_shapes, departure.answer_shapes
    bodies, answer_bodies = departure.column("hello_body"), departure.column("answer_body")
    groups = departure.column("group").tolist()

    def sample(at: int) -> Sample:
        machine, name, body = nodes[node[at]].handshake, names[at], bodies[at]
        share = _share(answers[at], answer_bodies[at])
        return _new(
            Sample,
            (
                streams[at],
                machine.version,
                machine.suite,
                share if share is not None else groups[at] or None,
                True,
                None if name is None else safe_text(name),
                False,
                len(body),
                _offer(hellos[at], body),
            ),
        )

    return sample


def _share(shape: ServerHelloShape, body: bytes) -> int | None:
    """The group of a ServerHello's key share; the same for all of one shape."""
    known: int | None = shape.scratch.get("share", _UNREAD)
    if known is _UNREAD:
        share = ServerHello(shape, body).key_share
        known = shape.scratch["share"] = None if share is None else share.group
    return known


def _offer(shape: ClientHelloShape, body: bytes) -> int:
    """The newest version that a ClientHello offers; the same for all of one shape."""
    known: int | None = shape.scratch.get("offer")
    if known is None:
        known = shape.scratch["offer"] = newest_offer(ClientHello(shape, body))
    return known
