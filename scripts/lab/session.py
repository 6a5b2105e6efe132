"""Tables of sessions: which client asks, how, and what its session must be called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lab import clients
from lab.case import Expected
from lab.net import Lab, LabError

__all__ = ["Session", "play", "session"]


@dataclass(frozen=True, slots=True)
class Session:
    client: str
    version: str
    label: Expected
    settings: dict[str, object] = field(default_factory=dict)
    answered: bool | None = None
    """Whether the client itself must say that it got its answer; None: that proves nothing."""


def session(client: str, version: str, label: Expected, *, answered: bool | None = None, **settings: object) -> Session:
    """A row; a session labelled established is answered, a failed one is not, unless ``answered`` says otherwise."""
    known = {"established": True, "failed": False}.get(label.outcome)
    return Session(client, version, label, settings, known if answered is None else answered)


def play(lab: Lab, rows: Iterable[Session], *, keep_order: bool = False) -> list[Expected]:
    """Play the rows one after another; their labels, in the order in which they were played."""
    ordered = list(rows) if keep_order else lab.plan.order(lab.case, rows)
    for row in ordered:
        told = clients.ask(lab, row.client, row.version, **row.settings)
        if row.answered is not None and told != row.answered:
            raise LabError(f"{row.client} {row.version} {row.settings}: {'answered' if told else 'not answered'}")
    return [row.label for row in ordered]
