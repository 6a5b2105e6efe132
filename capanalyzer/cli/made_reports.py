"""From what ``attach`` is given to what it sends: captures alone are analysed first."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Final

from capanalyzer.cli.tell import tell
from capanalyzer.errors import CaptureError, UsageError
from capanalyzer.remark import Remark

__all__ = ["reports_of"]

_FOLDS_TEXT: Final = frozenset({"github"})
"""Show reports in the ticket itself; elsewhere they are opened in a browser."""
_ENDINGS: Final = {"markdown": "md"}
_REPORTS: Final = (".json", ".jsonl", ".html", ".md", ".pdf", ".csv", ".txt", ".parquet")


def reports_of(paths: Sequence[str], system: str, lang: str, scratch: str) -> list[str]:
    """``paths``; or, where all of them are captures, the reports on them, written into ``scratch``.

    Captures hold the traffic of everyone: they are attached only when given beside a report, as evidence is.

    :raises UsageError: a path does not exist, or no capture could be read.
    """
    for path in paths:
        if not os.path.exists(path):
            raise UsageError(Remark("{path}: no such file or folder", path=path))
    if not all(os.path.isfile(path) and _is_capture(path) for path in paths):
        return list(paths)
    from capanalyzer.cli import analyze
    from capanalyzer.cli.exits import OK
    from capanalyzer.cli.formats import FORMATS

    parser = argparse.ArgumentParser()
    analyze.add(parser.add_subparsers())
    for_people = "markdown" if system in _FOLDS_TEXT or "html" not in FORMATS else "html"
    made: list[str] = []
    for form in (for_people, "json"):
        report = os.path.join(scratch, f"report.{_ENDINGS.get(form, form)}")
        arguments = ["analyze", "--format", form, "--lang", lang, "-o", report]
        if made:
            arguments.append("--quiet")  # it was all said the first time
        if analyze.run(parser.parse_args([*arguments, "--", *paths])) != OK:
            raise UsageError(Remark("nothing to send: no capture could be read"))
        made.append(report)
    for path in paths:
        sent = Remark(
            "{path}: analysed; its reports are sent, the capture itself is not (give a report beside it to send both)",
            path=path,
        )
        tell(sent, lang)
    return made


def _is_capture(path: str) -> bool:
    if path.lower().endswith(_REPORTS):
        return False
    from capanalyzer.capture.opening import examine_file

    try:
        examine_file(path)
    except CaptureError:
        return False
    return True
