"""One report in the making: sessions pass through as models, and what concerns all of them is counted on the way.

Renderers read :meth:`Document.sessions` to its end and then :meth:`Document.trailer`; no session is kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeVar, runtime_checkable

from capanalyzer.diagnosis.bulk import JudgedRun
from capanalyzer.diagnosis.verdict import Outcome, Verdict
from capanalyzer.errors import CaptureError
from capanalyzer.handshake.session import Session
from capanalyzer.i18n import plural, told
from capanalyzer.remark import Remark
from capanalyzer.report import model
from capanalyzer.report.build import capture_model, session_id, session_model
from capanalyzer.report.escape import encodable
from capanalyzer.report.incidents import Incidents
from capanalyzer.report.line import Line, Lines
from capanalyzer.report.log_words import has_lines
from capanalyzer.report.made import lines_of, read_line, session_line, short_line

if TYPE_CHECKING:
    from capanalyzer.capture.records import CaptureInfo
    from capanalyzer.logs.kept import Logs
    from capanalyzer.redact.redactor import Redactor
    from capanalyzer.report.filter import Filter
    from capanalyzer.report.joined import LogJoin

__all__ = ["AnyRun", "Document", "MadeRun", "Run"]

MAX_SILENT: Final = 1_000
"""Failed sessions without a log line that are listed."""
T = TypeVar("T")
_UNFINISHED = frozenset((Outcome.FAILED.value, Outcome.INCOMPLETE.value))


class _Capture(Protocol):
    """A capture on its way through the analysis."""

    @property
    def index(self) -> int: ...

    @property
    def copies(self) -> list[str]:
        """Files from which it can be read again; empty where there are none."""
        ...

    @property
    def info(self) -> CaptureInfo:
        """Final once its sessions have been read to their end."""
        ...

    def progress(self) -> tuple[int, int | None]:
        """(bytes read, bytes in all or None)."""
        ...


class Run(_Capture, Protocol):
    """A capture being analysed."""

    def sessions(self) -> Iterable[tuple[Session, Verdict]]: ...

    def judged(self) -> Iterable[tuple[Session, Verdict] | JudgedRun]:
        """The same; sessions that simply work come together where they follow each other."""
        ...


@runtime_checkable
class MadeRun(_Capture, Protocol):
    """A capture whose sessions are made by other processes, and come in their final form."""

    def lines(self) -> Iterable[Line]: ...


AnyRun: TypeAlias = Run | MadeRun


def _as_model(session: model.Session | Line) -> model.Session:
    return read_line(session.data) if isinstance(session, Line) else session


class Document:
    """The sessions of some captures as models, in the order they are finished, and the report's frame around them."""

    def __init__(
        self,
        runs: Iterable[AnyRun | CaptureError],
        *,
        lang: str = "en",
        timeline: bool = False,
        chosen: Filter | None = None,
        unreadable: Callable[[CaptureError], None] | None = None,
        began: Callable[[AnyRun], None] | None = None,
        redactor: Redactor | None = None,
        watch: Callable[[model.Session], None] | None = None,
        logs: Logs | None = None,
    ) -> None:
        """A report on ``runs``.

        :param lang: language of the texts.
        :param timeline: give the timeline of every session.
        :param chosen: only these sessions; all others are counted and otherwise forgotten.
        :param unreadable: told of each input that cannot be read, when it is met.
        :param began: told of each capture before its first session.
        :param redactor: hides whose sessions they are; the runs' own, where other processes make their sessions. Those
            cannot be chosen any more by what they are: with ``chosen``, one process makes them.
        :param watch: told of each session.
        :param logs: lines to be joined with the sessions. Those that a line may speak of come last.
        """
        self._redactor, self._watch = redactor, watch
        self._runs, self._lang, self._timeline = runs, lang, timeline
        self._chosen, self._left_out = chosen, 0
        self._tell_unreadable, self._tell_began = unreadable, began
        self._outcomes = dict.fromkeys((o.value for o in Outcome), 0)
        self._causes: dict[str, int] = {}
        self._incidents = Incidents()
        self._readable = 0
        self._logs: LogJoin | None = None
        if logs is not None:
            from capanalyzer.report.joined import LogJoin

            self._logs = LogJoin(logs, lang=lang, redactor=redactor)
        self._with_line = self._without_line = 0
        """Failed sessions that a line speaks of, and others."""
        self._silent: list[int] = []
        """Ids of the others, as far as they are listed."""
        self.paths: list[str] = []
        """Of the captures, known from their first session on."""
        self.captures: list[model.Capture] = []
        self.unreadable: list[CaptureError] = []

    @property
    def failed(self) -> int:
        """How many sessions failed so far."""
        return self._outcomes[Outcome.FAILED]

    @property
    def nothing_read(self) -> bool:
        """No input could be read so far."""
        return not self._readable and not self._left_out and not any(self._outcomes.values())

    def sessions(self) -> Iterator[model.Session]:
        """Every session once, as it is finished. To be read once, to its end."""
        if self._logs is not None:
            return map(_as_model, self._each(self._joined_of))
        return self._each(self._sessions_of if self._chosen is None else self._chosen_of)

    def lines(self) -> Iterator[model.Session | Line | Lines]:
        """The same for JSON: sessions that need no model come as text, together where they follow each other."""
        if self._redactor is not None or self._watch is not None:
            return self.sessions()
        if self._logs is not None:
            return self._each(self._joined_of)
        return self._each(self._lines_of if self._chosen is None else self._chosen_of)

    def _each(self, sessions_of: Callable[[AnyRun], Iterator[T]]) -> Iterator[T]:
        runs = self._runs
        try:
            for run in runs:
                if isinstance(run, CaptureError):
                    self._unreadable(run)
                    continue
                hidden = f"capture-{len(self.paths) + 1}"
                self.paths.append(encodable(run.info.path) if self._redactor is None else hidden)
                if self._tell_began is not None:
                    self._tell_began(run)
                try:
                    yield from sessions_of(run)
                    self._readable += 1
                except CaptureError as error:
                    self._unreadable(error)
                self._add_capture(run.info)
        finally:
            if isinstance(runs, Generator):
                runs.close()  # ends what it keeps running, also when an error stops the reading
            if self._logs is not None:
                self._logs.close()

    def _sessions_of(self, run: AnyRun) -> Iterator[model.Session]:
        if isinstance(run, MadeRun):
            for line in run.lines():
                session = read_line(line.data)
                self._count(session)
                yield session
        else:
            for facts, verdict in run.sessions():
                session = self._model(facts, verdict, self._redactor)
                self._count(session)
                yield session

    def _lines_of(self, run: AnyRun) -> Iterator[model.Session | Line | Lines]:
        outcomes = self._outcomes
        if isinstance(run, MadeRun):
            for line in run.lines():
                if line.outcome in _UNFINISHED:
                    self._count(read_line(line.data))
                else:
                    outcomes[line.outcome] += 1
                yield line
            return
        for judged in run.judged():
            for part in lines_of(judged, timeline=self._timeline) if isinstance(judged, JudgedRun) else (judged,):
                if isinstance(part, Lines):
                    outcomes[Outcome.ESTABLISHED.value] += len(part)
                    yield part
                else:
                    yield self._line_or_model(*part)

    def _line_or_model(self, facts: Session, verdict: Verdict) -> model.Session | Line:
        """One session, counted."""
        short = short_line(facts, verdict, timeline=self._timeline)
        if short is not None:
            self._outcomes[short.outcome] += 1
            return short
        session = self._model(facts, verdict, self._redactor)
        self._count(session)
        return session

    def _joined_of(self, run: AnyRun) -> Iterator[model.Session | Line]:
        """Those that no line of a log can speak of, and at the end of the capture the others with their lines."""
        logs, chosen = self._logs, self._chosen
        assert logs is not None
        broken = None
        try:
            for line, plain in self._encoded(run):
                if logs.takes(line, plain):
                    continue
                if chosen is not None and not chosen.chooses(read_line(plain or line.data)):
                    self._left_out += 1
                elif line.outcome in _UNFINISHED or self._watch is not None:
                    session = read_line(line.data)
                    self._count(session)
                    yield session
                else:
                    self._outcomes[line.outcome] += 1
                    yield line
        except CaptureError as error:
            broken = error
        first_ns, last_ns = run.info.first_ns, run.info.last_ns
        span_ns = None if first_ns is None or last_ns is None else (first_ns, last_ns)
        for session, whole in logs.release(run.index, span_ns):
            if chosen is not None and not chosen.chooses(whole):
                self._left_out += 1
            else:
                self._count(session)
                yield session
        if broken is not None:
            raise broken

    def _encoded(self, run: AnyRun) -> Iterator[tuple[Line, bytes]]:
        """Every session as its line, and without redaction where it has to be chosen by what it is."""
        if isinstance(run, MadeRun):
            for line in run.lines():
                yield line, b""
            return
        redactor, lang, timeline = self._redactor, self._lang, self._timeline
        for judged in run.judged():
            models = timeline or redactor is not None
            for part in lines_of(judged, timeline=models) if isinstance(judged, JudgedRun) else (judged,):
                if isinstance(part, Lines):
                    for identity, data in zip(part.ids, part.data, strict=True):
                        yield Line(identity, Outcome.ESTABLISHED.value, data), b""
                    continue
                line = session_line(*part, lang=lang, timeline=timeline, redactor=redactor)
                plain = b""
                if redactor is not None and self._chosen is not None:
                    plain = session_line(*part, lang=lang, timeline=timeline).data
                yield line, plain

    def _chosen_of(self, run: AnyRun) -> Iterator[model.Session]:
        """Where the outcome tells that a session is left out, its model is not even made."""
        chosen = self._chosen
        assert chosen is not None
        offers: Iterable[tuple[str, Callable[[], model.Session | None]]]
        if isinstance(run, MadeRun):
            offers = ((line.outcome, partial(self._choosable_line, line)) for line in run.lines())
        else:
            offers = (
                (verdict.outcome.value, partial(self._choosable, facts, verdict)) for facts, verdict in run.sessions()
            )
        for outcome, make in offers:
            known = chosen.by_outcome(outcome)
            if known is not False:
                session = make()
                if session is not None:
                    self._count(session)
                    yield session
                    continue
            self._left_out += 1

    def _choosable_line(self, line: Line) -> model.Session | None:
        assert self._chosen is not None
        session = read_line(line.data)
        return session if self._chosen.chooses(session) else None

    def _choosable(self, facts: Session, verdict: Verdict) -> model.Session | None:
        """Chosen by what it is, shown as it may be shown."""
        assert self._chosen is not None
        session = self._model(facts, verdict, None)
        if not self._chosen.chooses(session):
            return None
        return session if self._redactor is None else self._model(facts, verdict, self._redactor)

    def _model(self, facts: Session, verdict: Verdict, redactor: Redactor | None) -> model.Session:
        return session_model(
            session_id(facts.capture, facts.transport, facts.stream),
            facts,
            verdict,
            lang=self._lang,
            timeline=self._timeline,
            redactor=redactor,
        )

    def _add_capture(self, info: CaptureInfo) -> None:
        capture = capture_model(info, self._lang)
        if self._redactor is not None:
            from capanalyzer.report.redacted import redact_capture

            capture = redact_capture(capture, len(self.captures) + 1)
        self.captures.append(capture)

    def _count(self, session: model.Session) -> None:
        if self._watch is not None:
            self._watch(session)
        self._outcomes[session.outcome] += 1
        if session.outcome == Outcome.FAILED:
            if has_lines(session):
                self._with_line += 1
            else:
                self._without_line += 1
                if self._logs is not None and len(self._silent) < MAX_SILENT:
                    self._silent.append(session.id)
        if session.cause is not None:
            self._count_cause(session)

    def trailer(self) -> model.Trailer:
        """What is known once all sessions have been read."""
        return model.Trailer(
            model.SCHEMA_VERSION,
            model.TOOL,
            tuple(self.captures),
            tuple(
                model.Unreadable(encodable(one.path), encodable(told(one.reason, self._lang)))
                for one in self.unreadable
            ),
            self._incidents.result(self._lang),
            model.Summary(
                sum(self._outcomes.values()),
                dict(self._outcomes),
                dict(sorted(self._causes.items(), key=lambda item: (-item[1], item[0]))),
                (
                    *self._filter_notes(),
                    *self._incidents.notes(self._lang),
                    *(() if self._logs is None else self._logs.notes()),
                ),
                None if self._chosen is None else model.AppliedFilter(self._filter_text(), self._left_out),
                None if self._logs is None else self._log_counts(self._logs),
            ),
            () if self._logs is None else self._logs.logs(),
            () if self._logs is None else self._logs.unmatched(),
        )

    def _log_counts(self, logs: LogJoin) -> model.LogCounts:
        return model.LogCounts(*logs.counts(), self._with_line, self._without_line, tuple(sorted(self._silent)))

    def _filter_text(self) -> str:
        if self._chosen is None or self._redactor is not None:
            return "(redacted)"  # it may name addresses and hosts
        return encodable(self._chosen.text)

    def _filter_notes(self) -> Iterator[str]:
        if self._chosen is not None:
            counted, n = plural(self._lang), self._left_out
            text = counted("Filter: `{filter}` ({n} session left out)", "Filter: `{filter}` ({n} sessions left out)", n)
            yield text.format(filter=self._filter_text(), n=f"{n:,}")

    def _count_cause(self, session: model.Session) -> None:
        cause = session.cause
        assert cause is not None
        self._causes[cause] = self._causes.get(cause, 0) + 1
        if session.outcome == "failed":
            self._incidents.add(session)

    def _unreadable(self, error: CaptureError) -> None:
        is_plain = self._redactor is None
        shown = error if is_plain else CaptureError(f"input-{len(self.unreadable) + 1}", Remark("could not be read"))
        self.unreadable.append(shown)
        if self._tell_unreadable is not None:
            self._tell_unreadable(error)
