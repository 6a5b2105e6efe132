"""Mail, over SMTP: the way into RT, Znuny, OTRS and every desk that has an address.

The server is ``CAPANALYZER_SMTP_URL`` (``smtp://HOST[:587]``, which has to offer STARTTLS, or ``smtps://HOST[:465]``),
the sender ``CAPANALYZER_MAIL_FROM``. A mail cannot be looked up where it went, so what was sent is remembered here:
by its Message-ID, which the same files for the same desk have again, in ``$XDG_STATE_HOME/capanalyzer/sent-mails``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime
from typing import TYPE_CHECKING, Final

from capanalyzer.errors import UsageError
from capanalyzer.remark import Remark
from capanalyzer.report.escape import printable
from capanalyzer.ticket.credentials import find_credentials
from capanalyzer.ticket.markup.html import Html
from capanalyzer.ticket.markup.plain import Plain
from capanalyzer.ticket.pace import once
from capanalyzer.ticket.parcel import Item, LeftOut, Parcel, fit
from capanalyzer.ticket.sent import is_sent, remember
from capanalyzer.ticket.smtp import Server, connected, send, server_of
from capanalyzer.ticket.summary import compose, marker
from capanalyzer.ticket.target import check_addresses

if TYPE_CHECKING:
    from capanalyzer.ticket.attach import Wishes
    from capanalyzer.ticket.deliver import Receipt
    from capanalyzer.ticket.reading import Report
    from capanalyzer.ticket.rehearsal import Write
    from capanalyzer.ticket.target import Target

__all__ = ["check_settings", "message_id", "send_mail"]

MAX_MAIL: Final = 20 * 1000 * 1000
"""Bytes of a mail where the server announces no limit (RFC 1870): what most desks take."""
TEXT_BYTES: Final = 100_000
"""Set aside for headers and texts."""
MAX_CHARS: Final = 30_000
_ENCODED: Final = 78 / 57
"""Base64 with line ends: 57 bytes become a line of 76 characters, CR and LF."""


def check_settings() -> None:
    """:raises UsageError: server or sender are not set, or no such."""
    _sender(os.environ)
    server_of(os.environ)


def send_mail(
    target: Target, parcel: Parcel, report: Report | None, receipt: Receipt, scratch: str, wishes: Wishes
) -> None:
    """Send ``parcel`` as one mail.

    :raises UsageError: server or sender are not set, or no such.
    :raises TicketError: the mail was not taken; where that is not known, it says so.
    """
    sender = _sender(os.environ)
    server = server_of(os.environ)
    identity = message_id(target, parcel, sender)
    receipt.url = f"mailto:{target.base} {identity}"
    if wishes.dry_run is not None:
        message = _message(target, parcel, report, receipt, scratch, wishes, sender, MAX_MAIL)
        _rehearse(message, server, wishes.dry_run)
        return
    if is_sent(identity):
        receipt.already += parcel.items
        return
    credentials = find_credentials("smtp", server.host)

    def hand_over() -> bool:
        with connected(server, credentials) as smtp:
            announced = smtp.esmtp_features.get("size", "")
            limit = int(announced) if announced.isdigit() and int(announced) > 0 else MAX_MAIL
            send(smtp, _message(target, parcel, report, receipt, scratch, wishes, sender, limit), server)
        return True

    once(hand_over, lambda: None)  # what may have arrived is an error of its own, and not repeated
    receipt.opened = True
    left_out = {one.item.name for one in receipt.left_out}
    receipt.attached += [item for item in parcel.items if item.name not in left_out]
    remember(identity)


def message_id(target: Target, parcel: Parcel, sender: str) -> str:
    """The same for the same files, languages and recipients (RFC 5322, section 3.6.4); short enough for one line."""
    to = hashlib.sha256("\n".join([target.base, *sorted(target.options.values())]).encode()).hexdigest()
    return f"<capanalyzer.{parcel.digest[:20]}.{to[:8]}@{sender.rpartition('@')[2]}>"


def _sender(environ: Mapping[str, str]) -> str:
    sender = environ.get("CAPANALYZER_MAIL_FROM", "")
    if not sender:
        raise UsageError(Remark("who sends the mail? Set CAPANALYZER_MAIL_FROM to your address"))
    check_addresses(sender, "CAPANALYZER_MAIL_FROM")
    if "," in sender:
        raise UsageError(Remark("CAPANALYZER_MAIL_FROM holds more than one address"))
    return sender


def _message(
    target: Target,
    parcel: Parcel,
    report: Report | None,
    receipt: Receipt,
    scratch: str,
    wishes: Wishes,
    sender: str,
    max_mail: int,
) -> EmailMessage:
    items, receipt.left_out[:] = _fitted(parcel.items, max_mail, wishes.max_bytes, scratch)
    message = EmailMessage(policy=SMTP)
    message["From"] = _address(sender)
    message["To"] = [_address(one) for one in target.base.split(",")]
    if cc := target.options.get("cc"):
        message["Cc"] = [_address(one) for one in cc.split(",")]
    message["Subject"] = printable(target.options.get("subject") or parcel.title)
    message["Date"] = localtime()
    message["Message-ID"] = message_id(target, parcel, sender)
    if thread := target.options.get("in-reply-to"):
        message["In-Reply-To"] = message["References"] = printable(thread)
    message["X-Capanalyzer"] = marker(parcel.digest)

    def text(markup: Plain | Html) -> str:
        return compose(
            report,
            items,
            receipt.left_out,
            parcel.digest,
            markup=markup,
            lang=wishes.lang,
            max_chars=MAX_CHARS,
        )

    message.set_content(f"{text(Plain())}\n")
    message.add_alternative(text(Html()), subtype="html")
    for item in items:
        main, _, sub = item.media_type.partition("/")
        with item.open() as file:
            message.add_attachment(file.read(), maintype=main, subtype=sub, filename=item.name)
    return message


def _fitted(
    items: Sequence[Item], max_mail: int, max_bytes: int | None, scratch: str
) -> tuple[list[Item], list[LeftOut]]:
    """What goes into one mail, in the order given."""
    room = int((max_mail - TEXT_BYTES) / _ENCODED)
    fitted: list[Item] = []
    left_out: list[LeftOut] = []
    for item in items:
        one = fit(item, max(min(room, room if max_bytes is None else max_bytes), 0), scratch)
        if isinstance(one, LeftOut):
            left_out.append(one)
        else:
            fitted.append(one)
            room -= one.size
    return fitted, left_out


def _address(text: str) -> Address:
    return Address(addr_spec=text.strip())


def _rehearse(message: EmailMessage, server: Server, write: Write) -> None:
    write(f"{'smtps' if server.is_implicit else 'smtp'}://{server.host}:{server.port}")
    for name, value in message.items():
        if name not in ("Date", "Content-Type", "MIME-Version"):
            write(f"  {name}: {value}")
    for part in message.walk():
        if part.is_multipart():
            continue
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        write(Remark("  part: {header}", header=f"{part.get_content_type()} {part.get_filename() or ''}".rstrip()))
        if part.get_filename() is None:
            for line in content.decode("utf-8").splitlines():
                write(f"    {line}")
        else:
            sha256 = hashlib.sha256(content).hexdigest()
            write(Remark("    {size:,} bytes, SHA-256 {sha256}", size=len(content), sha256=sha256))
