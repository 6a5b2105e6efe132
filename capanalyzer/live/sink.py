"""Where lines of a run go: when they cannot be written, because a disk is full, the run goes on without them."""

from __future__ import annotations

from collections.abc import Callable

from capanalyzer.i18n import plural, translator
from capanalyzer.live.complaint import Complaint

__all__ = ["Sink"]


class Sink:
    """Takes whole lines."""

    def __init__(self, write: Callable[[bytes], None], name: str, *, lang: str, tell: Callable[[str], None]) -> None:
        """:param write: takes whole lines, all of them or none; may raise OSError.
        :param name: of the file.
        :param tell: called with one line.
        """
        self._write, self._name, self._lang, self._tell = write, name, lang, tell
        self._complaint = Complaint(tell)
        self.lost = 0
        """Lines that could not be written."""

    def __call__(self, data: bytes) -> None:
        """Write it.

        :raises BrokenPipeError: whoever read it has left: that is no trouble, but the end.
        """
        try:
            self._write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            self.lost += data.count(b"\n")
            reason = error.strerror or str(error)
            _ = translator(self._lang)
            text = _("-o: {file}: {reason}; lines are lost until this ends, the run goes on")
            self._complaint.make(reason, text.format(file=self._name, reason=reason))

    def end(self) -> None:
        """Say what was lost in all."""
        if self.lost:
            counted = plural(self._lang)
            text = counted(
                "-o: {file}: {n} line in all was not written",
                "-o: {file}: {n} lines in all were not written",
                self.lost,
            )
            self._tell(text.format(file=self._name, n=f"{self.lost:,}"))
