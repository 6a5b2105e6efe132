"""A capture as the rest of the program sees it: one file or stream, read batch by batch."""

from __future__ import annotations

import os
from collections.abc import Generator

from capanalyzer.capture.opening import Input
from capanalyzer.capture.probe import make_reader
from capanalyzer.capture.records import BATCH_BYTES, CaptureInfo, RecordBatch
from capanalyzer.remark import Remark

__all__ = ["FileCapture"]


class FileCapture:
    """One file, pipe or stream; see :class:`capanalyzer.capture.records.Capture`."""

    def __init__(self, found: Input, batch_bytes: int = BATCH_BYTES, info: CaptureInfo | None = None) -> None:
        self.info = info or CaptureInfo(found.name, found.format)
        if not info:
            self.info.files.append(found.name)
        self._input = found
        self._batch_bytes = batch_bytes
        self._used = 0

    def batches(self) -> Generator[RecordBatch, None, None]:
        """The packets in order; what is wrong with the file is in ``info.warnings`` afterwards."""
        found, info = self._input, self.info
        if not found.format:
            info.warnings.append(Remark("The file is empty: not one byte, so not one packet."))
            info.format = info.format or _guess(found.name)
            return
        try:
            window = found.open(self._batch_bytes)
        except OSError as error:
            info.warnings.append(
                Remark("The file could not be opened again ({reason}).", reason=error.strerror or error)
            )
            return
        reader = make_reader(found.format, info)
        try:
            while True:
                if window.at_end:
                    reader.ended_by = window.problem
                batch, used = reader.feed(window.data, window.at_end)
                self._used += used
                if batch is not None:
                    yield batch
                if reader.done:
                    break
                window.advance(used, reader.wants)
            reader.ended_early()
        finally:
            window.close()

    @property
    def paths(self) -> list[str] | None:
        """The files it is read from, which another process can open as well; None for a stream."""
        return [self._input.name] if self._input.is_file else None

    @property
    def copies(self) -> list[str]:
        """Files from which the same can be read again: its own, or the copy of a stream; empty without any."""
        copy = self._input.copy
        return [copy] if copy is not None else self.paths or []

    def progress(self) -> tuple[int, int | None]:
        """(input bytes read so far, total input bytes or None where unknown)."""
        source = self._input.source
        return (self._used if source is None else source.read_bytes), self._input.total_bytes


def _guess(name: str) -> str:
    """The format an empty file was meant to have."""
    extension = os.path.splitext(name)[1].lower().lstrip(".")
    return extension if extension in ("pcapng", "snoop") else "pcap"
