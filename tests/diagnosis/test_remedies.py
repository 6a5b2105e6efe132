"""The texts of real sessions: every field filled, every command one that a shell can read."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import capanalyzer
from capanalyzer.i18n import LANGUAGES

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
CAPTURES = sorted(PCAPS.glob("*/capture.*"))
LEFT_OVER = re.compile(r"\{[a-z_]+\}")
CURLS_OWN = re.compile(r"%\{time_(?:app)?connect\}|\{peer\}")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.parent.name)
def test_texts_are_whole(capture: Path, lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    missing: list[str] = []

    def note(_: object, key: str) -> str:
        missing.append(key)
        return "?"

    monkeypatch.setattr("capanalyzer.diagnosis.render._Fields.__missing__", note)
    document: dict[str, Any] = json.loads(capanalyzer.build_report(capture, lang=lang).to_json())
    for session in document["sessions"]:
        for finding in session["findings"]:
            texts = [finding["title"], finding["explanation"], *finding["remedies"]]
            assert all(text.strip() for text in texts)
            assert not [text for text in texts if LEFT_OVER.search(CURLS_OWN.sub("", text))]
            commands = [text[1:].partition("`: ")[0] for text in finding["remedies"] if text.startswith("`")]
            assert all(shlex.split(command) for command in commands)
            if session["outcome"] == "failed":
                assert commands
                assert finding["remedies"][0][0] != "`"
    assert not missing
