"""Ids of sessions in a run that may see more of them than one capture's range of ids holds."""

from __future__ import annotations

from capanalyzer.report.build import SESSIONS_PER_CAPTURE, UDP_FROM

__all__ = ["live_id"]


def live_id(transport: str, stream: int) -> int:
    """The id of :func:`capanalyzer.report.build.session_id` for the first 500,000,000 streams; later ones go on in the
    ranges of further captures, of which a run has none.
    """
    block, within = divmod(stream, UDP_FROM)
    return block * SESSIONS_PER_CAPTURE + (UDP_FROM if transport == "udp" else 0) + within
