"""Evidence of a capture, made through the same parts as the command line's."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from capanalyzer.analysis import Options
from capanalyzer.evidence.collect import Case
from capanalyzer.evidence.folder import EvidenceFolder
from capanalyzer.evidence.write import Written
from capanalyzer.parallel import analyze_captures
from capanalyzer.redact.redactor import Redactor
from capanalyzer.report.document import Document
from capanalyzer.report.model import Session

KEY = b"a key of sixteen bytes"


@dataclass
class Made:
    sessions: dict[int, Session]
    """By stream."""
    cases: list[Case]
    written: Written


def make_evidence(
    capture: Path | str, folder: Path, *, redactor: Redactor | None = None, lang: str = "en", jobs: int = 1
) -> Made:
    with EvidenceFolder(str(folder)) as evidence:
        document = Document(
            analyze_captures([str(capture)], Options(spool=evidence.spool, jobs=jobs), lang=lang, redactor=redactor),
            lang=lang,
            redactor=redactor,
            began=evidence.began,
            watch=evidence.collector.see,
        )
        sessions = {session.stream: session for session in document.sessions()}
        written = evidence.write(document, lang=lang, redactor=redactor)
        cases = evidence.collector.cases(document.trailer().incidents, 100)
    return Made(sessions, cases, written)


def comments_of(tshark: str, path: str) -> dict[int, str]:
    """By frame of the evidence file; tshark must not complain."""
    command = [tshark, "-r", path, "-T", "fields", "-e", "frame.number", "-e", "frame.comment"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    complaints = [line for line in done.stderr.splitlines() if line and "Running as user" not in line]
    assert complaints == []
    rows = [line.split("\t", 1) for line in done.stdout.splitlines()]
    return {int(number): comment for number, comment in rows}
