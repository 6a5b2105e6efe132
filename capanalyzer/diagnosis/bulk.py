"""Ordinary sessions judged a group at a time: the verdict is that they work, what they teach is remembered.

The conditions are those of :meth:`capanalyzer.diagnosis.judge.Judge.see`; a session that does not meet them is left to
the judge.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from capanalyzer.diagnosis.knowledge import Knowledge, Sample, newest_offer
from capanalyzer.diagnosis.rules.quality.cipher import is_weak_suite
from capanalyzer.diagnosis.rules.quality.warnings import SLOW_NS, TLS12
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.departure import OrdinaryRun
from capanalyzer.handshake.ordinary_group import Group
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.handshake.session import Endpoint, Session, Side
from capanalyzer.handshake.shapes import Shape
from capanalyzer.tls.hello import ClientHello, ServerHello, safe_text

if TYPE_CHECKING:
    from capanalyzer.tls.certificates import CertificateFacts
    from capanalyzer.tls.shapes import ClientHelloShape, ServerHelloShape

__all__ = ["JudgedRun", "judge_run", "verdicts_of"]

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
    is_clean: Callable[[tuple[CertificateFacts, ...], str | None, int, str, Endpoint], bool],
    established: Callable[[tuple[bool, Side] | None], Verdict],
) -> list[Verdict | None]:
    """Verdicts of all sessions of a group, worked out once; None for a session of which there is more to say.

    :param is_clean: does a chain show no fault for this name at this time; learns that this client took it of this
        server.
    :param established: the verdict for a first close.
    """
    known: list[Verdict | None] | None = group.made.get("verdicts")
    if known is None:
        known = group.made["verdicts"] = _judge(group, knowledge, is_clean, established)
    return known


def _judge(
    group: Group,
    knowledge: Knowledge,
    is_clean: Callable[[tuple[CertificateFacts, ...], str | None, int, str, Endpoint], bool],
    established: Callable[[tuple[bool, Side] | None], Verdict],
) -> list[Verdict | None]:
    batch, rows = group.batch, group.rows
    ways = [established(close) for close in _CLOSES]
    verdicts: list[Verdict | None] = [ways[close] for close in batch.close.take(rows).tolist()]
    fit = {shape: _is_fit(shape) for shape in set(group.shapes)}
    slow: list[bool] = (batch.done_ns.take(rows) - batch.hello_ns.take(rows) >= SLOW_NS).tolist()
    starts, (clients, servers) = group.flows.first_ns.tolist(), group.endpoints
    learned = []
    for at, (shape, is_slow, chain, name) in enumerate(zip(group.shapes, slow, group.chains, group.names, strict=True)):
        if (
            is_slow
            or not fit[shape]
            or (
                chain
                and not is_clean(chain, None if name is None else safe_text(name), starts[at], clients[at], servers[at])
            )
        ):
            verdicts[at] = None
        else:
            learned.append(at)
    lessons = list(zip(group.flows.stream.tolist(), clients, servers, starts, strict=True))
    knowledge.learn_all([lessons[at] for at in learned], lambda which: _sample(group, learned[which]))
    return verdicts


def _is_fit(shape: Shape) -> bool:
    """Neither version nor cipher suite give reason to say anything."""
    machine = shape.handshake
    return machine.version is not None and machine.version >= TLS12 and not is_weak_suite(machine.suite)


def _sample(group: Group, at: int) -> Sample:
    """The same as :func:`capanalyzer.diagnosis.knowledge.sample_of`."""
    batch, place = group.batch, group.places[at]
    machine, name, body = group.shapes[at].handshake, group.names[at], batch.hello_body[place]
    share = _share(batch.answer_shape[place], batch.answer_body[place])
    return _new(
        Sample,
        (
            int(group.flows.stream[at]),
            machine.version,
            machine.suite,
            share if share is not None else int(batch.group[place]) or None,
            True,
            None if name is None else safe_text(name),
            False,
            len(body),
            _offer(batch.hello_shape[place], body),
        ),
    )


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
