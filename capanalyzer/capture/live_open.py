"""From what the user names to a live source: interfaces by the way of capture that this system has."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from capanalyzer.capture.live_source import LiveSource
from capanalyzer.errors import CaptureError, UsageError
from capanalyzer.remark import Remark

__all__ = ["BACKENDS", "open_interfaces"]

BACKENDS: Final = ("ring", "scapy")
"""Packet rings of Linux; scapy's sockets over libpcap."""


def open_interfaces(
    names: Sequence[str], *, expression: str | None = None, promiscuous: bool = True, backend: str | None = None
) -> LiveSource:
    """Interfaces, opened: packets come in from here on. Needs the right to capture; reading does not.

    :param names: at least one; ``any`` alone is all of them.
    :param expression: a capture filter in the language of pcap-filter(7). None lets in what verdicts can rest on, an
        empty one everything.
    :param promiscuous: take frames too that are addressed to other hosts.
    :param backend: one of BACKENDS; None takes the ring where there are rings.
    :raises CaptureError: one line that says what is wrong and what to do.
    :raises UsageError: there is no such backend.
    """
    if backend not in (None, *BACKENDS):
        raise UsageError(
            Remark("unknown backend {backend!r}: choose from {known}", backend=backend, known=", ".join(BACKENDS))
        )
    is_linux = sys.platform == "linux"
    if backend == "scapy" or (backend is None and not is_linux):
        from capanalyzer.capture.scapy_source import ScapySource

        return ScapySource(names, expression=expression, promiscuous=promiscuous)
    if not is_linux:
        raise CaptureError(names[0], Remark("packet rings are Linux's; use --backend scapy here"))
    from capanalyzer.capture.live_interface import InterfaceSource

    return InterfaceSource(names, expression=expression, promiscuous=promiscuous)
