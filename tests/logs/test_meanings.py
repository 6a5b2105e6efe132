"""The catalogue: complete, and of the vocabulary that all else uses."""

from __future__ import annotations

import ast
from pathlib import Path

from capanalyzer.diagnosis.explain import causes
from capanalyzer.i18n import LANGUAGES, translator
from capanalyzer.logs import formats
from capanalyzer.logs.alerts import received, sent
from capanalyzer.logs.line import Role
from capanalyzer.logs.meanings import MEANINGS

SOURCES = [*Path(formats.__file__).parent.glob("*.py"), *Path(formats.__file__).parent.parent.glob("*.py")]


def test_causes_are_those_of_the_diagnosis() -> None:
    known = set(causes())
    assert {key: set(one.causes) - known for key, one in MEANINGS.items() if set(one.causes) - known} == {}
    assert all(len(set(one.causes)) == len(one.causes) for one in MEANINGS.values())


def test_failures_have_causes_or_say_that_a_capture_shows_none() -> None:
    assert [key for key, one in MEANINGS.items() if one.is_failure and not one.causes] == ["no-protocols-available"]


def test_every_meaning_can_be_given() -> None:
    """Each key stands in the code; what stands there and looks like one is one."""
    words = {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert MEANINGS.keys() - words == set()


def test_every_alert_has_a_meaning() -> None:
    for number in range(256):
        for role in (Role.SERVER, Role.CLIENT, None):
            assert received(number, role) in MEANINGS
            assert sent(number, role) in MEANINGS


def test_texts_are_whole_in_both_languages() -> None:
    for lang in LANGUAGES:
        _ = translator(lang)
        stop = "。" if lang == "ja" else "."
        for key, one in MEANINGS.items():
            assert len(_(one.title)) <= 90, key
            assert not _(one.title).endswith(stop), key
            for text in (one.text, *([one.misleads] if one.misleads else [])):
                assert _(text).endswith(stop), (key, text)
