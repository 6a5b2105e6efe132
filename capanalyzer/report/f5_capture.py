"""A BIG-IP's capture, as the report's header shows it, and how it had better be made the next time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from capanalyzer.capture.records import F5Capture
from capanalyzer.i18n import translator
from capanalyzer.packets.f5.pseudo import platform_name
from capanalyzer.report import model

__all__ = ["f5_capture_model"]

_ALL_NOISE: Final = 3
_COMMAND: Final = "tcpdump -nni 0.0:nnnp -s0 -w /var/tmp/FILE.pcap FILTER"


def f5_capture_model(f5: F5Capture, truncated: int, lang: str) -> model.F5Capture:
    """:param truncated: packets that were not captured whole."""
    platform = f5.platform or None
    if platform is not None and (name := platform_name(platform)):
        platform = f"{platform} ({name})"
    return model.F5Capture(
        f5.host or None,
        f5.version or None,
        platform,
        f5.product or None,
        f5.command or None,
        f5.has_trailers,
        tuple(_advice(f5, truncated, lang)),
    )


def _advice(f5: F5Capture, truncated: int, lang: str) -> Iterator[str]:
    _, wanted = translator(lang), False
    if f5.with_peer is False:
        wanted = True
        yield _(
            "The capture command has no `p`: of proxied connections the server side is there only as far as the "
            "filter matches it."
        )
    if not f5.has_trailers and f5.noise == 0:
        wanted = True
        yield _("The capture command has no noise level (`:nnn`): virtual servers, flows and reasons are not told.")
    elif f5.noise is not None and 0 < f5.noise < _ALL_NOISE:
        wanted = True
        yield _("The noise level is not the highest one (`:nnn`): less is told of flows and of their other side.")
    if truncated and f5.snap_length != 0:
        wanted = True
        yield _("Packets are cut, and their trailers with them: capture with `-s0`.")
    if wanted:
        yield _("Better: `{command}`").format(command=_COMMAND)
