"""The order of things: what is there already, what still has to go, and in which words.

A ticket that has the files already stays as it is. After a failure the same command goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from capanalyzer.i18n import N_
from capanalyzer.ticket.document import Markup
from capanalyzer.ticket.pace import Refused, once
from capanalyzer.ticket.parcel import Item, LeftOut, Parcel, fit
from capanalyzer.ticket.reading import Report
from capanalyzer.ticket.summary import compose, left_out_text, marker

__all__ = ["Desk", "Receipt", "Seen", "TooLarge", "deliver"]

_TOO_LARGE: Final = frozenset({413, 422, 400, 415})
"""Statuses with which systems refuse one file for its size or its kind; the others concern all of them."""


class TooLarge(Exception):  # noqa: N818 - says what the file is
    """A desk has no room for this file."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a ticket holds."""

    files: Mapping[str, int]
    """Sizes of its attachments by name; -1 where the system does not tell."""
    text: str
    """Description and comments."""

    def has(self, item: Item) -> bool:
        return self.files.get(item.name, None) in (item.size, -1)


@dataclass(slots=True)
class Receipt:
    """What happened so far; filled in as it happens, so that it is true after a failure too."""

    url: str = ""
    opened: bool = False
    commented: bool = False
    attached: list[Item] = field(default_factory=list)
    already: list[Item] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


class Desk(Protocol):
    """A ticket system."""

    markup: Markup
    max_bytes: int
    """Of one attachment."""
    max_chars: int
    """Of one text."""
    stages: bool
    """Files are uploaded first and attached by the text that follows; else a ticket has to be there first."""

    client_errors: tuple[type[Exception], ...]
    """What the client library raises at an answer that it does not understand."""

    def prepare(self) -> None:
        """Ask the server for its limits and its markup, where it tells them."""
        ...

    def find(self, digest: str) -> str | None:
        """A ticket that was opened for the same files."""
        ...

    def seen(self, ticket: str) -> Seen: ...

    def upload(self, item: Item, ticket: str | None) -> None:
        """:raises TooLarge: there is no room for it."""
        ...

    def open(self, title: str, text: str, digest: str) -> str:
        """Open a ticket with what was staged, and return its number or key."""
        ...

    def comment(self, ticket: str, text: str) -> None:
        """Add a text, and what was staged, to a ticket."""
        ...

    def url(self, ticket: str) -> str:
        """For a browser."""
        ...


def deliver(
    desk: Desk,
    ticket: str | None,
    parcel: Parcel,
    report: Report | None,
    receipt: Receipt,
    *,
    lang: str,
    scratch: str,
    max_bytes: int | None,
) -> None:
    """Send ``parcel`` to ``ticket``, or to a new one.

    :raises TicketError: it did not get all the way; ``receipt`` says how far.
    """
    desk.prepare()
    limit = desk.max_bytes if max_bytes is None else max_bytes
    fitted = [fit(item, limit, scratch) for item in parcel.items]
    receipt.left_out += [one for one in fitted if isinstance(one, LeftOut)]
    items = [one for one in fitted if isinstance(one, Item)]

    def text(items: Sequence[Item]) -> str:
        return compose(
            report,
            items,
            receipt.left_out,
            parcel.digest,
            markup=desk.markup,
            lang=lang,
            max_chars=desk.max_chars,
        )

    known = ticket if ticket is not None else desk.find(marker(parcel.digest))
    if known is None and not desk.stages:
        # The ticket comes first, its files after it.
        known = once(
            lambda: desk.open(parcel.title, text(items), marker(parcel.digest)),
            lambda: desk.find(marker(parcel.digest)),
        )
        receipt.opened = True
    if known is not None:
        receipt.url = desk.url(known)
    seen = Seen({}, "") if known is None or receipt.opened else desk.seen(known)
    receipt.already += [item for item in items if seen.has(item)]
    missing = [item for item in items if not seen.has(item)]
    is_told = receipt.opened or marker(parcel.digest) in seen.text
    if is_told and not missing:
        return
    sent = _upload(desk, known, missing, receipt)
    if known is None:
        known = once(
            lambda: desk.open(parcel.title, text(sent), marker(parcel.digest)), lambda: desk.find(marker(parcel.digest))
        )
        receipt.opened, receipt.url = True, desk.url(known)
    elif not is_told or (desk.stages and sent):
        _comment(desk, known, text(sorted([*receipt.already, *sent], key=items.index)), marker(parcel.digest), sent)
        receipt.commented = True
    elif refused := [one for one in receipt.left_out if one.item in missing]:
        told = left_out_text(refused, markup=desk.markup, lang=lang)
        _comment(desk, known, told, refused[-1].item.sha256, [])
        receipt.commented = True
    if desk.stages:
        receipt.attached += sent


def _upload(desk: Desk, ticket: str | None, items: Sequence[Item], receipt: Receipt) -> list[Item]:
    sent: list[Item] = []
    for item in items:

        def there(item: Item = item) -> bool | None:
            return True if ticket is not None and not desk.stages and desk.seen(ticket).has(item) else None

        def put(item: Item = item) -> bool:
            desk.upload(item, ticket)
            return True

        try:
            once(put, there)
        except TooLarge:
            receipt.left_out.append(LeftOut(item, N_("there is no room for it in a text of this system")))
            continue
        except Refused as error:
            if error.status not in _TOO_LARGE:
                raise
            receipt.left_out.append(
                LeftOut(item, N_("refused by the server: {detail}"), error.reason or str(error.status))
            )
            continue
        sent.append(item)
        if not desk.stages:
            receipt.attached.append(item)
    return sent


def _comment(desk: Desk, ticket: str, text: str, sign: str, sent: Sequence[Item]) -> None:
    def there() -> bool | None:
        seen = desk.seen(ticket)
        return True if sign in seen.text and all(seen.has(item) for item in sent) else None

    def put() -> bool:
        desk.comment(ticket, text)
        return True

    once(put, there)
