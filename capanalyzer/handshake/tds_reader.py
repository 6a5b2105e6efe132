"""TLS inside TDS packets (MS-TDS section 2.2.1.2): SQL Server wraps the handshake, not the records after it."""

from __future__ import annotations

from capanalyzer.classify.tds import deframe_tds
from capanalyzer.tls.records import TlsReader

__all__ = ["TdsReader"]


class TdsReader(TlsReader):
    """Takes one direction's stream from the first TDS header on. Offsets of messages count unwrapped bytes.

    :param offset: stream offset of the first byte fed.
    """

    __slots__ = ("_read", "_wrapped")

    def __init__(self, side: int, *, offset: int = 0) -> None:
        super().__init__(side, offset=offset)
        self._wrapped = b""
        self._read = 0  # unwrapped bytes read so far

    def feed(self, data: bytes, frame: int, time_ns: int) -> bool:
        """As TlsReader; bytes of an unfinished packet are read as they come."""
        # From the start again each time: a handshake has a handful of packets, and no more than a window is ever fed.
        self._wrapped += data
        inner = deframe_tds(self._wrapped, 0).data
        if len(inner) > self._read:
            super().feed(inner[self._read :], frame, time_ns)
            self._read = len(inner)
        return True
