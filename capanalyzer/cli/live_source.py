"""What ``capanalyzer live`` watches: interfaces, a pipe, or a file in the place of one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final, NamedTuple

from capanalyzer.errors import UsageError
from capanalyzer.i18n import N_
from capanalyzer.remark import Remark

if TYPE_CHECKING:
    from capanalyzer.capture.live_source import LiveSource

__all__ = ["BACKENDS", "Watched", "add_source", "open_source"]

BACKENDS: Final = ("ring", "scapy")
"""Written out here: the help is shown without importing what knows them; a test holds both together."""


class Watched(NamedTuple):
    """A source, open."""

    source: LiveSource
    is_interface: bool
    """Its clock is that of this machine."""


def add_source(parser: argparse.ArgumentParser) -> None:
    """The options."""
    group = parser.add_argument_group(N_("what is watched"))
    group.add_argument(
        "-i",
        "--interface",
        action="append",
        default=[],
        metavar="IFACE",
        help=N_("an interface (repeatable), or any for all of them"),
    )
    group.add_argument(
        "-r",
        "--read",
        metavar="FILE",
        help=N_(
            "a pipe, a FIFO, a file, or - for standard input: "
            "ssh HOST tcpdump -U -w - not port 22 | capanalyzer live -r -"
        ),
    )
    group.add_argument(
        "-f",
        "--capture-filter",
        metavar="BPF",
        help=N_(
            "let in only packets for which this holds, as in tcpdump, e.g. 'tcp port 443'; '' lets in everything "
            "(default: all but what holds no TCP)"
        ),
    )
    group.add_argument(
        "--backend",
        choices=BACKENDS,
        help=N_("how packets are taken from interfaces (default: ring on Linux, scapy elsewhere)"),
    )
    group.add_argument(
        "-p",
        "--no-promiscuous-mode",
        action="store_true",
        help=N_("do not take packets that are addressed to other hosts"),
    )


def open_source(options: argparse.Namespace) -> Watched:
    """Open what is to be watched.

    :raises UsageError: nothing, or two things, or an option that needs an interface.
    :raises CaptureError: it cannot be opened.
    """
    if options.interface and options.read is not None:
        raise UsageError(Remark("either -i or -r: an interface, or a file or pipe"))
    if options.read is not None:
        for given, flag in (
            (options.capture_filter is not None, "-f"),
            (options.no_promiscuous_mode, "-p"),
            (options.backend is not None, "--backend"),
        ):
            if given:
                raise UsageError(
                    Remark(
                        "{flag} needs an interface (-i): of a pipe, whoever writes it chooses the packets", flag=flag
                    )
                )
        from capanalyzer.capture.live_pipe import open_pipe

        return Watched(open_pipe(options.read), is_interface=False)
    if not options.interface:
        from capanalyzer.capture.interfaces import ANY, describe_interfaces, list_interfaces

        raise UsageError(
            Remark(
                "say what to watch: -r FILE, or -i IFACE: {known}, or {any}",
                known=describe_interfaces(list_interfaces()),
                any=ANY,
            )
        )
    if "" in options.interface:
        raise UsageError(Remark("-i needs the name of an interface"))
    from capanalyzer.capture.live_open import open_interfaces

    source = open_interfaces(
        options.interface,
        expression=options.capture_filter,
        promiscuous=not options.no_promiscuous_mode,
        backend=options.backend,
    )
    return Watched(source, is_interface=True)
