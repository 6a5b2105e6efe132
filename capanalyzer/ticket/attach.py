"""One delivery from beginning to end: files in, a receipt out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from capanalyzer.errors import TicketError
from capanalyzer.remark import Remark
from capanalyzer.report.escape import printable
from capanalyzer.ticket.credentials import find_credentials
from capanalyzer.ticket.deliver import Receipt, deliver
from capanalyzer.ticket.parcel import Parcel, digest_of, gather
from capanalyzer.ticket.reading import Report, read_report
from capanalyzer.ticket.summary import MAX_TITLE, title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capanalyzer.ticket.rehearsal import Write
    from capanalyzer.ticket.target import Target

__all__ = ["Wishes", "attach", "first_report"]


_ODD: Final[tuple[type[Exception], ...]] = (LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user may choose."""

    lang: str
    title: str | None = None
    """Of a new ticket."""
    max_bytes: int | None = None
    """Of one file; None: as the system has it."""
    dry_run: Write | None = None
    """Requests are written here, line by line, and not sent."""


def first_report(paths: Sequence[str]) -> tuple[str, Report] | None:
    """The first JSON or JSONL report among the files."""
    for path in paths:
        if path.lower().endswith((".json", ".jsonl")) and (report := read_report(path)) is not None:
            return path, report
    return None


def attach(
    target: Target, paths: Sequence[str], report: Report | None, receipt: Receipt, scratch: str, wishes: Wishes
) -> None:
    """Send ``paths`` and the summary of ``report`` to ``target``; ``receipt`` is filled in on the way.

    :param scratch: a folder for what is made from the files, which the caller removes.
    :raises UsageError: a file or an argument is not usable.
    :raises TicketError: the system cannot be reached or refuses.
    """
    items = gather(paths, scratch)
    if wishes.dry_run is not None:
        for item in items:
            line = Remark(
                "file {name}: {size:,} bytes, SHA-256 {sha256}", name=item.name, size=item.size, sha256=item.sha256
            )
            if not item.origin.startswith(scratch):
                line = Remark("{file}, from {path}", file=line, path=item.origin)
            wishes.dry_run(line)
        wishes.dry_run("")
    heading = printable(wishes.title)[:MAX_TITLE] if wishes.title else title(report, wishes.lang)
    parcel = Parcel(items, digest_of(items, wishes.lang), heading)
    if target.system == "mail":
        from capanalyzer.ticket.systems.mail import send_mail

        send_mail(target, parcel, report, receipt, scratch, wishes)
        return
    from capanalyzer.ticket.systems import open_desk

    credentials = find_credentials(target.system, target.host)
    if wishes.dry_run is not None and credentials is None:
        wishes.dry_run(Remark("no credentials found for {host}", host=target.host))
        wishes.dry_run("")
    desk = open_desk(target, credentials, wishes.dry_run)
    try:
        deliver(
            desk,
            target.ticket,
            parcel,
            report,
            receipt,
            lang=wishes.lang,
            scratch=scratch,
            max_bytes=wishes.max_bytes,
        )
    except (*_ODD, *desk.client_errors) as error:
        # What a server sends is input: an answer that lacks what it has to hold must not look like a fault of ours.
        raise TicketError(
            Remark(
                "{base}: answers, but not as {system} does ({kind}); is it the right URL?",
                base=target.base,
                system=target.system,
                kind=type(error).__name__,
            )
        ) from None
