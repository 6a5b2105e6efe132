"""A log line adds to a verdict only what the packets leave open, and only where it is certainly of that session."""

from __future__ import annotations

from typing import Any

import pytest

from capanalyzer.report import model
from capanalyzer.report.log_verdict import with_log

from .samples import failed, finding, log_line, session

REJECTED = finding(
    "certificate-rejected", confidence="likely", alternatives=("certificate-expired", "certificate-hostname-mismatch")
)


def rejected() -> model.Session:
    return failed(1, cause="certificate-rejected", findings=(REJECTED, finding("weak-cipher", severity="warning")))


def decided(*causes: str, **changes: Any) -> model.LogLine:
    """A line of the program that decided."""
    return log_line(causes=causes, **({"confidence": "certain", "said": "local"} | changes))


def test_the_end_that_decided_names_one_of_the_alternatives() -> None:
    found = with_log(rejected(), (decided("certificate-expired"),))
    assert found.named_by_log == "certificate-expired"
    assert found.findings[0].alternatives == ("certificate-expired",)
    assert (found.cause, found.findings[0].confidence) == ("certificate-rejected", "likely")
    assert found.findings[1:] == rejected().findings[1:]


def test_the_same_reason_makes_it_one_step_surer() -> None:
    found = with_log(rejected(), (decided("certificate-rejected"),))
    assert (found.named_by_log, found.findings[0].confidence) == ("certificate-rejected", "certain")
    assert found.findings[0].alternatives == REJECTED.alternatives


@pytest.mark.parametrize(
    "lines",
    [
        (decided("certificate-expired", confidence="likely"),),
        (decided("certificate-expired", said="peer"),),
        (decided("certificate-expired", said=None),),
        (decided("certificate-expired", agreement="contradicts"),),
        (decided("certificate-expired", "certificate-hostname-mismatch"),),
        (decided("server-silent", "certificate-expired"),),
        (decided("server-silent"),),
        (decided(),),
        (decided("certificate-expired"), decided("certificate-hostname-mismatch")),
    ],
    ids=["likely", "echo", "nobody", "against", "two", "second", "another", "none", "disagree"],
)
def test_less_than_that_changes_nothing(lines: tuple[model.LogLine, ...]) -> None:
    found = with_log(rejected(), lines)
    assert found.named_by_log is None
    assert found.findings == rejected().findings
    assert found.log_lines == lines


def test_a_session_that_works_stays_so() -> None:
    found = with_log(session(0), (decided("certificate-expired"),))
    assert (found.outcome, found.findings, found.named_by_log) == ("established", (), None)
