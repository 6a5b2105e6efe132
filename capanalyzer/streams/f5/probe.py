"""Whether a capture is a BIG-IP's, by its first packets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from capanalyzer.capture.source import open_files
from capanalyzer.errors import CaptureError
from capanalyzer.packets.decode import Decoder
from capanalyzer.streams.f5.collect import Collector

__all__ = ["shows_f5"]

_HEAD: Final = 1 << 18
"""Bytes that are read: some hundred packets."""


def shows_f5(paths: Sequence[str]) -> bool:
    """Whether its first packets have what a BIG-IP writes. False also where it cannot be read: others will say so.

    :param paths: see :attr:`capanalyzer.capture.records.Capture.paths`.
    """
    collector = Collector()
    try:
        batch = next(iter(open_files(paths, batch_bytes=_HEAD).batches()), None)
    except CaptureError:
        return False
    if batch is not None:
        collector.look(batch, Decoder().decode(batch))
    return collector.info is not None
