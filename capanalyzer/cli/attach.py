"""``capanalyzer attach``: a report and its evidence to a ticket."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from capanalyzer import i18n
from capanalyzer.cli.arguments import Value, add_lang
from capanalyzer.cli.exits import OK
from capanalyzer.cli.tell import fail, tell
from capanalyzer.errors import TicketError
from capanalyzer.i18n import N_
from capanalyzer.remark import Remark

if TYPE_CHECKING:
    from capanalyzer.cli.arguments import Commands
    from capanalyzer.ticket.deliver import Receipt

__all__ = ["add", "run"]

TARGETS_HELP: Final = N_("""\
targets:
  The address that the browser shows, with the system's name before it:
    redmine+https://HOST/issues/123
    jira+https://HOST/browse/OPS-1
    servicenow+https://HOST/incident/INC0012345
    github+https://github.com/OWNER/REPO/issues/5
    gitlab+https://HOST/GROUP/PROJECT/-/issues/5
    backlog+https://SPACE.backlog.com/view/OPS-1
    mailto:desk@example.com
  A project instead of a ticket opens a new one. Credentials come from
  CAPANALYZER_<SYSTEM>_TOKEN (or _USER and _PASSWORD), a keyring or netrc.
""")

_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}


def add(commands: Commands) -> None:
    """The command's arguments."""
    parser = commands.add_parser(
        "attach",
        help=N_("send a report and its evidence to a ticket"),
        description=N_(
            "Sends the summary of a report, the report and its evidence to an existing ticket, or opens one."
        ),
        epilog=TARGETS_HELP,
    )
    parser.set_defaults(run=run)
    parser.add_argument("target", metavar="TARGET", help=N_("where to: see below"))
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help=N_(
            "what analyze wrote: reports and evidence (a folder becomes one archive); or captures alone, which are "
            "analysed and whose reports are sent"
        ),
    )
    parser.add_argument("--title", metavar="TEXT", help=N_("subject of a new ticket or mail (default: what failed)"))
    parser.add_argument(
        "--max-size",
        type=Value(N_("size"), _size),
        metavar="SIZE",
        help=N_(
            "largest file to attach, as 5M or 500k (default: what the system takes); larger ones are compressed or "
            "left out"
        ),
    )
    parser.add_argument("--dry-run", action="store_true", help=N_("print what would be sent, and send nothing"))
    add_lang(parser, N_("language of the texts (default: the language of the locale)"))


def run(options: argparse.Namespace) -> int:
    """Send, say what was sent, return the exit status."""
    from capanalyzer.ticket.systems import check_ready
    from capanalyzer.ticket.target import parse_target

    target = parse_target(options.target)
    check_ready(target)  # before minutes of analysis
    import tempfile

    from capanalyzer.cli.made_reports import reports_of
    from capanalyzer.ticket.attach import Wishes, attach, first_report
    from capanalyzer.ticket.deliver import Receipt

    lang = options.lang or i18n.language_of_environment()
    with tempfile.TemporaryDirectory(prefix="capanalyzer-") as scratch:
        paths = reports_of(options.files, target.system, lang, scratch)
        found = first_report(paths)
        if found is None:
            tell(Remark("no JSON report among the files: the ticket gets them without a summary"), lang)
        receipt = Receipt()
        wishes = Wishes(
            lang,
            title=options.title,
            max_bytes=options.max_size,
            dry_run=partial(_write, lang) if options.dry_run else None,
        )
        try:
            attach(target, paths, None if found is None else found[1], receipt, scratch, wishes)
        except TicketError as error:
            status = fail(error.remark, lang)
            _tell_rest(receipt, options, lang)
            return status
        except KeyboardInterrupt:
            _tell_rest(receipt, options, lang)
            raise
    if options.dry_run:
        tell(Remark("nothing was sent"), lang)
    else:
        _tell_done(receipt, lang)
    for one in receipt.left_out:
        why = one.why(i18n.translator(lang))
        tell(Remark("{name}: not attached: {reason}", name=one.item.name, reason=why), lang)
    return OK


def _write(lang: str, line: str) -> None:
    from capanalyzer.report.escape import printable

    sys.stdout.write(f"{printable(i18n.told(line, lang))}\n")


def _tell_done(receipt: Receipt, lang: str) -> None:
    from capanalyzer.ticket.parcel import human_size

    for item in receipt.already:
        tell(Remark("{name}: is there already", name=item.name), lang)
    for item in receipt.attached:
        tell(Remark("{name}: attached, {size}", name=item.name, size=human_size(item.size)), lang)
    if not (receipt.attached or receipt.commented or receipt.opened):
        tell(Remark("nothing had to be sent"), lang)
    print(receipt.url)


def _tell_rest(receipt: Receipt, options: argparse.Namespace, lang: str) -> None:
    """After a failure: how far it got, and how to go on."""
    if options.dry_run:
        return
    if receipt.opened:
        tell(Remark("{url}: was opened", url=receipt.url), lang)
    for item in receipt.attached:
        tell(Remark("{name}: was attached", name=item.name), lang)
    if receipt.opened or receipt.attached or receipt.commented:
        tell(Remark("not all was sent; the same command again sends what is missing"), lang)
    else:
        tell(Remark("nothing was sent; the files stay where they are: {files}", files=tuple(options.files)), lang)


def _size(text: str) -> int:
    """``5M``, ``500k``, ``1000000``."""
    number, unit = (text[:-1], text[-1:].lower()) if text[-1:].isalpha() else (text, "")
    size = float(number) * _UNITS.get(unit, 0)
    if not 1 <= size < 1 << 63:
        raise ValueError(text)
    return int(size)
