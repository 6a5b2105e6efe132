"""The evidence of one run: what is remembered while captures are analysed, and the folder it goes to."""

from __future__ import annotations

import os
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Self

from capanalyzer.evidence.collect import Collector
from capanalyzer.i18n import translator
from capanalyzer.report.escape import printable

if TYPE_CHECKING:
    from capanalyzer.evidence.write import Written
    from capanalyzer.redact.redactor import Redactor
    from capanalyzer.report.document import AnyRun, Document

__all__ = ["EvidenceFolder"]


class EvidenceFolder:
    """A context manager: inside it captures are analysed, with ``spool`` for streams, then :meth:`write` is called."""

    spool: str
    """A folder for copies of streams, gone when the context ends."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._runs: list[AnyRun] = []
        self.collector = Collector()

    def __enter__(self) -> Self:
        """:raises OSError: the folder cannot be made, or written to."""
        os.makedirs(self._folder, exist_ok=True)
        self._spools = TemporaryDirectory(prefix=".spool-", dir=self._folder)
        self.spool = self._spools.name
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spools.cleanup()

    def began(self, run: AnyRun) -> None:
        """A capture is about to be analysed."""
        self._runs.append(run)

    def write(self, document: Document, *, lang: str, redactor: Redactor | None) -> Written:
        """Write the evidence of a document whose sessions have all been read.

        :raises OSError: a file cannot be written.
        """
        from capanalyzer.evidence.write import MAX_FILES, Original, write_evidence

        _ = translator(lang)
        incidents = document.trailer().incidents
        cases = self.collector.cases(incidents, MAX_FILES)
        originals = {}
        for place, run in enumerate(self._runs):
            path = document.captures[place].path if place < len(document.captures) else run.info.path
            name = _("standard input") if path == "-" else printable(os.path.basename(path) or path)
            originals[run.index] = Original(name, run.copies)
        written = write_evidence(cases, originals, self._folder, lang=lang, redactor=redactor)
        if len(cases) < len(incidents):
            text = _("Evidence of {shown} of {n} incidents is written: those with the most sessions.")
            written.notes.append(text.format(shown=len(cases), n=len(incidents)))
        return written
