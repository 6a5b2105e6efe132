"""What ``capanalyzer live`` does beside telling: records, metrics, notifications. Their options and listeners."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from capanalyzer.cli.arguments import at_least, port
from capanalyzer.errors import UsageError
from capanalyzer.i18n import N_
from capanalyzer.remark import Remark

if TYPE_CHECKING:
    from capanalyzer.capture.records import CaptureInfo
    from capanalyzer.live.listener import Listener

__all__ = ["Beside", "add_beside", "open_beside"]

_MEGABYTE: Final = 1_000_000
_DAY_S: Final = 86_400
LOOPBACK: Final = "127.0.0.1"
_NEEDS: Final = {
    "record_size": "record",
    "record_count": "record",
    "record_age": "record",
    "record_memory": "record",
    "record_all_size": "record_all",
    "record_all_files": "record_all",
    "metrics_address": "metrics_port",
}
"""Options that say nothing without another one."""


def add_beside(parser: argparse.ArgumentParser) -> None:
    """The options."""
    records = parser.add_argument_group(N_("records of failed sessions"))
    records.add_argument(
        "--record",
        metavar="DIR",
        help=N_(
            "write the packets of each failed session into this folder, from its SYN on, with a report beside them"
        ),
    )
    for name, meta, least, text in (
        ("size", "MB", 10, N_("remove the oldest records beyond this size in all (default: 1000)")),
        ("count", "N", 1, N_("... and beyond this number (default: 1000)")),
        ("age", "DAYS", 1, N_("... and those that are older (default: 30)")),
        ("memory", "MB", 8, N_("memory for recent packets, of which records are made (default: 64)")),
    ):
        records.add_argument(f"--record-{name}", type=at_least(least), metavar=meta, help=text)
    records.add_argument(
        "--record-all", metavar="DIR", help=N_("write all packets into this folder, to files that are used in turn")
    )
    records.add_argument(
        "--record-all-size", type=at_least(1), metavar="MB", help=N_("size of each of them (default: 100)")
    )
    records.add_argument(
        "--record-all-files", type=at_least(2), metavar="N", help=N_("how many are kept (default: 10)")
    )
    metrics = parser.add_argument_group(N_("metrics for Prometheus"))
    metrics.add_argument("--metrics-port", type=port, metavar="PORT", help=N_("serve http://ADDRESS:PORT/metrics"))
    metrics.add_argument(
        "--metrics-address",
        metavar="ADDRESS",
        help=N_("listen on this address (default: 127.0.0.1, this machine only)"),
    )
    hooks = parser.add_argument_group(N_("notifications of new incidents"))
    hooks.add_argument(
        "--webhook", metavar="URL", help=N_("post each new incident there as JSON, at most ten times a minute")
    )
    hooks.add_argument(
        "--exec",
        metavar="COMMAND",
        help=N_(
            "run this for each new incident, without a shell: JSON on standard input, CAPANALYZER_CAUSE, "
            "CAPANALYZER_SERVER_IP ... in the environment; at most ten times a minute"
        ),
    )


@dataclass(slots=True)
class Beside:
    """What was opened."""

    listeners: list[Listener] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    """In which is written as long as the run goes on."""
    runs_programs: bool = False
    starts: list[Callable[[], None]] = field(default_factory=list)

    def start(self) -> None:
        """Begin with what is done as the user whom the run became, and with what takes threads.

        :raises OSError: a folder cannot be read or written to.
        """
        for start in self.starts:
            start()


def open_beside(
    options: argparse.Namespace,
    info: CaptureInfo,
    source: str,
    lang: str,
    tell: Callable[[str], None],
    lines: dict[str, int] | None,
) -> Beside:
    """Open all that the options ask for.

    :param info: of the live source.
    :param source: what it is called.
    :param tell: takes one line, from any thread.
    :param lines: counts of the lines that are written; None: there are none.
    :raises UsageError: an option is of no use so.
    :raises OSError: a folder cannot be made.
    """
    for name, other in _NEEDS.items():
        if getattr(options, name) is not None and getattr(options, other) is None:
            raise UsageError(
                Remark("--{option} needs --{other}", option=name.replace("_", "-"), other=other.replace("_", "-"))
            )
    if "" in (options.record, options.record_all):
        raise UsageError(
            Remark("{option} needs the name of a folder", option="--record" if options.record == "" else "--record-all")
        )
    beside, counts = Beside(), dict[str, dict[str, int]]()
    if lines is not None:
        counts["lines"] = lines
    if options.record is not None:
        from capanalyzer.live.recorder.folder import Limits, RecordFolder
        from capanalyzer.live.recorder.recorder import MEMORY_BYTES, Recorder

        default = Limits()
        limits = Limits(
            options.record_size * _MEGABYTE if options.record_size else default.bytes,
            options.record_count or default.records,
            options.record_age * _DAY_S if options.record_age else default.age_s,
        )
        memory = options.record_memory << 20 if options.record_memory else MEMORY_BYTES
        folder = RecordFolder(options.record, limits)
        recorder = Recorder(folder, info, source=source, lang=lang, memory_bytes=memory, tell=tell)
        beside.listeners.append(recorder)
        beside.folders.append(options.record)
        beside.starts.append(folder.look)
        counts["records"] = recorder.counts
    if options.record_all is not None:
        from capanalyzer.live.recorder.everything import FileRing, FullCapture

        size = (options.record_all_size or 100) * _MEGABYTE
        files = FileRing(options.record_all, file_bytes=size, files=options.record_all_files or 10)
        full = FullCapture(files, info, lang=lang, tell=tell)
        beside.listeners.append(full)
        beside.folders.append(options.record_all)
        beside.starts.append(files.look)
        counts["packets"] = full.counts
    _open_hooks(options, source, lang, tell, beside, counts)
    if options.metrics_port is not None:
        if find_spec("prometheus_client") is None:
            raise UsageError(Remark("--metrics-port needs prometheus-client: pip install 'capanalyzer[live]'"))
        from capanalyzer.live.metrics.server import Metrics

        metrics = Metrics(options.metrics_address or LOOPBACK, options.metrics_port, counts)
        beside.listeners.append(metrics)
        beside.starts.append(metrics.start)
    return beside


def _open_hooks(
    options: argparse.Namespace,
    source: str,
    lang: str,
    tell: Callable[[str], None],
    beside: Beside,
    counts: dict[str, dict[str, int]],
) -> None:
    if options.webhook is not None:
        from capanalyzer.live.hooks.outbox import Outbox
        from capanalyzer.live.hooks.webhook import Webhook

        outbox = Outbox(Webhook(options.webhook), source=source, lang=lang, tell=tell)
        beside.listeners.append(outbox)
        counts["webhook"] = outbox.counts
    if options.exec is not None:
        from capanalyzer.live.hooks.outbox import Outbox
        from capanalyzer.live.hooks.program import Program

        outbox = Outbox(Program(options.exec), source=source, lang=lang, tell=tell)
        beside.listeners.append(outbox)
        beside.runs_programs = True
        counts["exec"] = outbox.counts
