"""The analysis from Python: sessions as they are finished, or the whole report at once.

Both take a path (also a directory, a glob, a URL, ``-``), a binary stream, or several of them, and the same options:

``tls_ports``
    ports on which TLS is expected beside the well-known ones (it is found on any port);
``lang``
    ``en`` or ``ja``, the language of titles, explanations, evidence and remedies;
``ca_file``
    a PEM file with roots that the clients trust beside the public ones (which come with ``certifi``);
``timeline``
    ``True``: the timeline of every session, not only of those that failed or are incomplete;
``jobs``
    processes to use, for several captures and for one large file. Where processes cannot be forked (Windows, or a
    program with threads), a script must guard its main part with ``if __name__ == "__main__":``;
``redact``
    ``True``: other addresses and names in the place of the real ones, under a new key; or a key of at least 16 bytes,
    which makes the same replacements each time. See ``docs/evidence.md`` for what that hides.
``logs``
    a log of a server, proxy, load balancer or client (a path, packed or not), or several: their lines are shown with
    the sessions they speak of. Sessions that a line may speak of come last.
``filter``
    only sessions for which this expression holds (``docs/filter.md``); the summary and the incidents of a report are
    about these alone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from capanalyzer.ca_file import read_ca_file
from capanalyzer.errors import UsageError
from capanalyzer.i18n import check_language, told
from capanalyzer.remark import Remark
from capanalyzer.report import model
from capanalyzer.report.to_json import to_json

if TYPE_CHECKING:
    from capanalyzer.evidence.folder import EvidenceFolder
    from capanalyzer.logs.kept import Logs
    from capanalyzer.redact.redactor import Redactor
    from capanalyzer.report.document import Document

__all__ = ["Report", "Source", "analyze", "build_report"]

Source: TypeAlias = str | os.PathLike[str] | BinaryIO
"""One input."""
Path: TypeAlias = str | os.PathLike[str]
"""A file."""

_log = logging.getLogger("capanalyzer")


class Report(model.Trailer, frozen=True, gc=False, kw_only=True):
    """A whole report: all sessions in memory, and what concerns all of them."""

    sessions: tuple[model.Session, ...]
    """Ordered by capture and stream."""

    def to_json(self) -> bytes:
        """The same document as ``capanalyzer analyze --format json`` writes."""
        return b"".join(to_json(self.sessions, lambda: self))


def analyze(
    source: Source | Iterable[Source],
    *,
    tls_ports: Iterable[int] = (),
    lang: str = "en",
    timeline: bool = False,
    jobs: int = 1,
    ca_file: str | os.PathLike[str] | None = None,
    filter: str | None = None,  # noqa: A002 - the name of the option everywhere
    redact: bool | bytes = False,
    logs: Path | Iterable[Path] = (),
) -> Iterator[model.Session]:
    """Every session of the captures, each as soon as its verdict is final; memory does not grow with the capture.

    Of several captures those that cannot be read are told to the logger ``capanalyzer``.

    :raises UsageError: an option has a value that does not exist.
    :raises CaptureError: nothing could be read.
    :raises LogError: a log cannot be read.
    """
    options = _Options(
        source,
        tls_ports=tls_ports,
        lang=lang,
        timeline=timeline,
        jobs=jobs,
        ca_file=ca_file,
        chosen=filter,
        redact=redact,
        logs=logs,
    )
    return _sessions(options.document(), lang)


def build_report(
    source: Source | Iterable[Source],
    *,
    tls_ports: Iterable[int] = (),
    lang: str = "en",
    timeline: bool = False,
    jobs: int = 1,
    ca_file: str | os.PathLike[str] | None = None,
    filter: str | None = None,  # noqa: A002 - the name of the option everywhere
    redact: bool | bytes = False,
    logs: Path | Iterable[Path] = (),
    evidence: str | os.PathLike[str] | None = None,
) -> Report:
    """The whole report of the captures. Options and errors as for :func:`analyze`.

    :param evidence: a folder into which a small capture is written for each incident. What could not be shown there,
        and which files were written, is told to the logger ``capanalyzer``.
    :raises OSError: the folder cannot be written to.
    """
    options = _Options(
        source,
        tls_ports=tls_ports,
        lang=lang,
        timeline=timeline,
        jobs=jobs,
        ca_file=ca_file,
        chosen=filter,
        redact=redact,
        logs=logs,
    )
    with ExitStack() as stack:
        folder = None
        if evidence is not None:
            from capanalyzer.evidence.folder import EvidenceFolder

            folder = stack.enter_context(EvidenceFolder(os.fspath(evidence)))
        document = options.document(folder)
        sessions = sorted(_sessions(document, lang), key=lambda session: session.id)
        if folder is not None:
            written = folder.write(document, lang=lang, redactor=options.redactor)
            for note in written.notes:
                _log.warning("%s", note)
            for path in written.paths:
                _log.info("evidence: %s", path)
    end = document.trailer()
    return Report(
        end.schema_version,
        end.tool,
        end.captures,
        end.unreadable,
        end.incidents,
        end.summary,
        end.logs,
        end.unmatched_log_lines,
        sessions=tuple(sessions),
    )


class _Options:
    """The options of a call, checked.

    :raises UsageError: one has a value that does not exist.
    """

    def __init__(
        self,
        source: Source | Iterable[Source],
        *,
        tls_ports: Iterable[int],
        lang: str,
        timeline: bool,
        jobs: int,
        ca_file: str | os.PathLike[str] | None,
        chosen: str | None,
        redact: bool | bytes,
        logs: Path | Iterable[Path],
    ) -> None:
        from capanalyzer.report.filter import Filter

        check_language(lang)
        if jobs < 1:
            raise UsageError(Remark("jobs is {jobs}: at least one process is needed", jobs=jobs))
        self._ports = frozenset(tls_ports)
        if bad := [port for port in self._ports if not 0 < port < 65536]:
            raise UsageError(Remark("no TCP port: {port}", port=bad[0]))
        self._chosen = None if chosen is None else Filter(chosen)
        self._roots = () if ca_file is None else read_ca_file(os.fspath(ca_file))
        self._inputs, self._lang, self._timeline, self._jobs = _inputs(source), lang, timeline, jobs
        self._logs: Logs | None = None
        if paths := [os.fspath(one) for one in ([logs] if isinstance(logs, str | os.PathLike) else logs)]:
            from capanalyzer.logs.keep import keep_logs

            self._logs = keep_logs(paths)
        self.redactor: Redactor | None = None
        if redact is not False:
            from capanalyzer.redact.redactor import Redactor

            self.redactor = Redactor() if redact is True else Redactor(redact)

    def document(self, folder: EvidenceFolder | None = None) -> Document:
        """What is to be read.

        :param folder: takes evidence.
        """
        from capanalyzer.analysis import Options
        from capanalyzer.parallel import analyze_captures
        from capanalyzer.report.document import Document

        options = Options(
            tls_ports=self._ports,
            jobs=1 if self.redactor is not None and self._chosen is not None else self._jobs,
            full_timeline=self._timeline,
            ca_certificates=self._roots,
            spool=None if folder is None else folder.spool,
        )
        return Document(
            analyze_captures(self._inputs, options, lang=self._lang, redactor=self.redactor),
            lang=self._lang,
            timeline=self._timeline,
            chosen=self._chosen,
            redactor=self.redactor,
            began=None if folder is None else folder.began,
            watch=None if folder is None else folder.collector.see,
            logs=self._logs,
        )


def _inputs(source: Source | Iterable[Source]) -> list[str | BinaryIO]:
    if isinstance(source, str | os.PathLike) or hasattr(source, "read"):
        source = [cast("Source", source)]
    return [os.fspath(one) if isinstance(one, str | os.PathLike) else one for one in source]


def _sessions(document: Document, lang: str) -> Iterator[model.Session]:
    yield from document.sessions()
    if document.unreadable and document.nothing_read:
        raise document.unreadable[0]
    for error in document.unreadable:
        _log.warning("%s", told(error.remark, lang))
