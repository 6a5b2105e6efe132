"""Why did this TLS session fail? Reads packet captures and says who has to act, with the frames that prove it.

>>> import capanalyzer
>>> for session in capanalyzer.analyze("edge.pcap"):  # doctest: +SKIP
...     if session.outcome == "failed":
...         print(session.stream, session.cause, session.blame)

Sessions, incidents and reports are frozen and typed (:mod:`capanalyzer.report.model`) and have the keys of the JSON
output. Nothing heavy is imported before one of the names below is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capanalyzer.api import Report, analyze, build_report
    from capanalyzer.errors import CapanalyzerError, CaptureError, LogError, UsageError, WorkerError
    from capanalyzer.report.model import Capture, Incident, Session, Summary
    from capanalyzer.report.schema import report_schema

__version__ = "0.1.0"

__all__ = [
    "CapanalyzerError",
    "Capture",
    "CaptureError",
    "Incident",
    "LogError",
    "Report",
    "Session",
    "Summary",
    "UsageError",
    "WorkerError",
    "__version__",
    "analyze",
    "build_report",
    "report_schema",
]

_HOME = {
    "CapanalyzerError": "capanalyzer.errors",
    "Capture": "capanalyzer.report.model",
    "CaptureError": "capanalyzer.errors",
    "Incident": "capanalyzer.report.model",
    "LogError": "capanalyzer.errors",
    "Report": "capanalyzer.api",
    "Session": "capanalyzer.report.model",
    "Summary": "capanalyzer.report.model",
    "UsageError": "capanalyzer.errors",
    "WorkerError": "capanalyzer.errors",
    "analyze": "capanalyzer.api",
    "build_report": "capanalyzer.api",
    "report_schema": "capanalyzer.report.schema",
}
"""Where each public name lives; imported when first asked for, so that ``import capanalyzer`` stays light."""


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
