"""Whatever a peer sends, the page holds the report's own elements and nothing else."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.report.escape import printable
from capanalyzer.report.html.markup import data_block, element, text
from capanalyzer.report.html.page import to_html, to_paper
from capanalyzer.report.html.parts import part

from .attacks import PAYLOADS, healthy, hostile, hostile_trailer
from .pages import Reading


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload[:40])
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_field_is_text(payload: str, lang: str) -> None:
    sessions = [hostile(0, payload), hostile(1, payload), healthy(2, payload)]
    page = "".join(to_html(sessions, lambda: hostile_trailer(sessions, payload), lang=lang))
    reading = Reading(page)
    assert reading.scripts == [part("script.js")]
    assert reading.styles == [part("style.css") + part("drawing.css")]
    shown = printable(payload[:200])
    assert shown in reading.words
    rows = reading.data["rows"]
    assert isinstance(rows, dict)
    assert any(shown in name for name in rows["names"])


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload[:40])
def test_paper_is_as_safe(payload: str) -> None:
    sessions = [hostile(0, payload)]
    paper = to_paper(sessions, lambda: hostile_trailer(sessions, payload), lang="en", drawing_style="svg{}")
    reading = Reading(paper)
    assert set(reading.styles) == {part("paper.css"), "svg{}"}
    assert reading.data == {}
    assert "".join(reading.scripts) == ""


@given(st.text())
@settings(max_examples=300)
def test_text_is_given_back_by_a_parser(value: str) -> None:
    reading = Reading(element("p", value, title=value))
    assert reading.words == printable(value)
    assert reading.elements == [("p", {"title": printable(value)})]


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6))
@settings(max_examples=300)
def test_a_data_block_is_given_back_by_a_parser(value: object) -> None:
    try:
        msgspec.json.encode(value)
    except UnicodeEncodeError:
        return  # lone surrogates never come so far: see escape.encodable
    block = data_block("rows", {"value": value})
    assert Reading(block).data == {"rows": {"value": value}}
    # HTML, 13.2.5.4: neither the end of the element nor a state in which that end is not seen.
    inside = block[block.index(">") + 1 : block.rindex("<")].lower()
    assert not any(mark in inside for mark in ("</", "<!--", "<script"))


def test_what_is_markup_is_not_escaped_again() -> None:
    assert element("p", element("b", "<"), " & ", text(">")) == "<p><b>&lt;</b> &amp; &gt;</p>"
