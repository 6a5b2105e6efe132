"""Ordinary sessions judged a group at a time: the verdict is that they work, what they teach is remembered.

The conditions are those of :meth:`capanalyzer.diagnosis.judge.Judge.see`; a session that does not meet them is left to
the judge.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import numpy as np

from capanalyzer.diagnosis.knowledge import Knowledge
from capanalyzer.diagnosis.rules.quality.cipher import is_weak_suite
from capanalyzer.diagnosis.rules.quality.warnings import SLOW_NS, TLS12
from capanalyzer.diagnosis.servers import Sample, newest_offer
from capanalyzer.diagnosis.trust.glance import Glances
from capanalyzer.diagnosis.trust.issuers import Issuers
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.departure import OrdinaryRun
from capanalyzer.handshake.ordinary_group import Group
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.handshake.session import Session, Side
from capanalyzer.handshake.shapes import Shape
from capanalyzer.tls.hello import ClientHello, ServerHello, safe_text

if TYPE_CHECKING:
    from capanalyzer.tls.shapes import ClientHelloShape, ServerHelloShape

__all__ = ["JudgedRun", "judge_run", "teach", "verdicts_of"]

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
    run: OrdinaryRun, verdicts_of_group: Callable[[Group], list[Verdict | None]]
) -> Iterator[JudgedRun | OrdinarySession]:
    """The sessions of a run in their order; alone those of which there is more to say."""
    departure = run.departure
    known: _Verdicts | None = departure.made.get("verdicts")
    if known is None:
        verdicts = departure.in_order(verdicts_of_group)
        odd = [number for number, verdict in enumerate(verdicts) if verdict is None]
        known = departure.made["verdicts"] = _Verdicts(cast("list[Verdict]", verdicts), odd)
    at = run.start
    for number in known.odd[bisect_left(known.odd, run.start) : bisect_left(known.odd, run.stop)]:
        if at < number:
            yield JudgedRun(departure.run(at, number), known.all[at:number])
        yield departure.session(number)
        at = number + 1
    if at < run.stop:
        yield JudgedRun(run if at == run.start else departure.run(at, run.stop), known.all[at : run.stop])


class _Verdicts(NamedTuple):
    """Of a departure."""

    all: list[Verdict]
    odd: list[int]
    """Numbers of those that have none."""


def verdicts_of(
    group: Group,
    knowledge: Knowledge,
    glances: Glances,
    established: Callable[[tuple[bool, Side] | None], Verdict],
) -> list[Verdict | None]:
    """Verdicts of all sessions of a group, worked out once; None for a session of which there is more to say.

    :param knowledge: learns from those that have a verdict, and from the chains that their clients took.
    :param established: the verdict for a first close.
    """
    known: list[Verdict | None] | None = group.made.get("verdicts")
    if known is None:
        ways = [established(close) for close in _CLOSES]
        known = [ways[close] for close in group.batch.close.take(group.rows).tolist()]
        group.made["verdicts"] = known
        odd = _odd(group, knowledge.trust.issuers, glances)
        for at in odd:
            known[at] = None
        teach(group, odd, knowledge)
    return known


def _odd(group: Group, issuers: Issuers, glances: Glances) -> set[int]:
    """Numbers of the sessions that were slow, settled on something dated, or showed a chain that gives reason to say
    something.
    """
    batch, rows = group.batch, group.rows
    unfit = {shape for shape in set(group.shapes) if not _is_fit(shape)}
    odd = set(np.flatnonzero(batch.done_ns.take(rows) - batch.hello_ns.take(rows) >= SLOW_NS).tolist())
    if unfit:
        odd.update(at for at, shape in enumerate(group.shapes) if shape in unfit)
    clients, servers, starts, chains = group.clients, group.servers, group.starts_ns, group.chains
    names = _texts(group.names)
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


def teach(group: Group, odd: set[int], knowledge: Knowledge) -> None:
    """All but the odd ones teach what sessions teach that simply work."""
    clients, servers, starts, streams = group.clients, group.servers, group.starts_ns, group.streams
    sample = _sampler(group)
    if odd:
        plain = [at for at in range(len(group)) if at not in odd]
        clients, servers = [clients[at] for at in plain], [servers[at] for at in plain]
        starts, streams = [starts[at] for at in plain], [streams[at] for at in plain]
        knowledge.learn_all(streams, clients, servers, starts, lambda which: sample(plain[which]))
    else:
        knowledge.learn_all(streams, clients, servers, starts, sample)


def _is_fit(shape: Shape) -> bool:
    """Neither version nor cipher suite give reason to say anything."""
    machine = shape.handshake
    return machine.version is not None and machine.version >= TLS12 and not is_weak_suite(machine.suite)


def _sampler(group: Group) -> Callable[[int], Sample]:
    """Makes of a session's number the same as :func:`capanalyzer.diagnosis.servers.sample_of`."""
    batch, places, shapes, names, streams = group.batch, group.places, group.shapes, group.names, group.streams
    bodies, hellos, answers, answer_bodies = batch.hello_body, batch.hello_shape, batch.answer_shape, batch.answer_body
    groups = batch.group.take(group.rows).tolist()

    def sample(at: int) -> Sample:
        place, name = places[at], names[at]
        machine, body, answer = shapes[at].handshake, bodies[place], answers[place]
        share = _share(answer, answer_bodies[place])
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
                _offer(hellos[place], body),
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
