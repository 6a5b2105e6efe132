"""Text from the wire is data in every format: it forges no line, no cell, no formula, no markup, no mention."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable

import cmarkgfm
import msgspec
import pyarrow.parquet as pq
import pytest
from cmarkgfm.cmark import Options
from markdown_it import MarkdownIt
from markdown_it.token import Token

from capanalyzer.report import model
from capanalyzer.report.rows import COLUMNS, rows
from capanalyzer.report.terminal import Look
from capanalyzer.report.to_csv import to_csv
from capanalyzer.report.to_json import to_json, to_jsonl
from capanalyzer.report.to_markdown import to_markdown
from capanalyzer.report.to_parquet import to_parquet
from capanalyzer.report.to_terminal import to_terminal

from .attacks import PAYLOADS, hostile

BENIGN = "word"
FORMULA = tuple("=+-@＝＋－＠\t\r")
attacked = pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: ascii(payload)[:40])


def paths(payload: str) -> Callable[[int], str]:
    return [payload, "b.pcap"].__getitem__


def lines_of(text: str) -> list[str]:
    """Each line in order: what a terminal or editor takes for one, not only ``\\n``."""
    return text.splitlines()


@attacked
@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("colour", [False, True])
def test_terminal(payload: str, lang: str, colour: bool) -> None:
    sessions, told = hostile(payload)
    text = "".join(to_terminal(sessions, told.trailer, Look(lang=lang, verbose=True, colour=colour)))
    ours = re.sub(r"\x1b\[[\d;]*m", "", text) if colour else text
    assert all(line.isprintable() or set(line) & set("\u3000\u00a0") for line in ours.split("\n"))
    # Wrapping makes more lines or fewer; headings are ours alone.
    headings = [line for line in ours.split("\n") if re.match(r"(SESSION|セッション) \d", line)]
    assert len(headings) == 1


def parsed(text: str) -> list[Token]:
    """As GitHub reads it: CommonMark with tables, raw HTML let through to be seen, bare links found."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)


def shape(tokens: list[Token]) -> list[tuple[str, str, int]]:
    """What the document is made of, all inline text left out."""
    return [(token.type, token.tag, token.nesting) for token in tokens]


TAGS = {"blockquote", "h1", "h2", "h3", "hr", "li", "ol", "p", "strong", "ul"}
TAGS |= {"code", "pre", "table", "tbody", "td", "th", "thead", "tr"}
REFERENCES = re.compile(
    r"[@#!~%$&][A-Za-z0-9]|www\.|://|GH-\d|\b[A-Z]+-\d|\br\d+\b|\b[0-9a-f]{7,}\b|(?<!\d):[a-z0-9_+]+:|\[\[|\{\{|commit:|user:"
)


@attacked
@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("verbose", [False, True])
def test_markdown(payload: str, lang: str, verbose: bool) -> None:
    """The same blocks as with a harmless word; inside of them text and code and nothing else, and no reference."""
    sessions, told = hostile(payload)
    text = "".join(to_markdown(sessions, told.trailer, lang, verbose=verbose))
    harmless, told_harmless = hostile(BENIGN)
    model_text = "".join(to_markdown(harmless, told_harmless.trailer, lang, verbose=verbose))
    assert all(line.isprintable() for line in text.replace("\u3000", "").replace("\u00a0", "").split("\n"))
    tokens = parsed(text)
    expected = shape(parsed(model_text))
    if payload.strip() and "`" not in payload:
        assert shape(tokens) == expected
    for token in tokens:
        for child in token.children or ():
            assert child.type in ("text", "code_inline", "strong_open", "strong_close", "text_special"), child
            if child.type == "text":
                assert not REFERENCES.search(child.content), child.content


@attacked
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_markdown_as_github_makes_html_of_it(payload: str, lang: str) -> None:
    """With raw HTML let through and bare links found: no tag but ours, no link, no mention outside of code."""
    sessions, told = hostile(payload)
    text = "".join(to_markdown(sessions, told.trailer, lang, verbose=True))
    page = cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE)
    assert set(re.findall(r"<([a-z0-9]+)", page)) <= TAGS
    shown = re.sub(r"<[^>]*>", "", re.sub(r"<code.*?</code>", "", page, flags=re.DOTALL))
    assert not REFERENCES.search(html.unescape(shown))
    assert page.count("<td") == 2 + 6 + 4


@attacked
def test_markdown_blocks(payload: str) -> None:
    """Headings and tables are those of the report, whatever is inside."""
    sessions, told = hostile(payload)
    tokens = parsed("".join(to_markdown(sessions, told.trailer, "en")))
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", "h2", "h3", *["h2"] * 5]
    assert [token.info for token in tokens if token.type == "fence"][:1] == ["mermaid"]
    assert {token.info for token in tokens if token.type == "fence"} <= {"mermaid", "sh"}
    assert sum(token.type == "table_open" for token in tokens) == 3
    assert sum(token.type == "td_open" for token in tokens) == 2 + 6 + 4
    assert not any(token.type in ("html_block", "code_block", "lheading_open") for token in tokens)


def table(payload: str) -> list[list[str]]:
    sessions, _ = hostile(payload)
    data = b"".join(to_csv(sessions, paths(payload)))
    assert data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8-sig")
    assert all(character.isprintable() or character in "\r\n\u3000\u00a0" for character in text)
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@attacked
def test_csv(payload: str) -> None:
    head, *body = table(payload)
    assert head == [column.name for column in COLUMNS]
    assert [len(row) for row in body] == [len(COLUMNS)] * 2
    for row in body:
        for column, cell in zip(COLUMNS, row, strict=True):
            if column.kind in ("word", "text", "texts", "codes"):
                assert not cell.lstrip(" \"'").startswith(FORMULA) or cell.lstrip(' "').startswith("'"), (
                    column.name,
                    cell,
                )


@attacked
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_csv_in_a_program_set_up_for_another_separator(payload: str, separator: str) -> None:
    sessions, _ = hostile(payload)
    text = b"".join(to_csv(sessions, paths(payload))).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        assert not any(cell.lstrip('"').startswith(FORMULA) for cell in row)


@attacked
def test_parquet(payload: str) -> None:
    """Exact: nothing opens a column of text as formulas."""
    sessions, told = hostile(payload)
    data = b"".join(to_parquet(sessions, paths(payload), told.trailer))
    read = pq.read_table(io.BytesIO(data)).to_pylist()
    for row, cells in zip(read, rows(sessions, paths(payload)), strict=True):
        for column, cell in zip(COLUMNS, cells, strict=True):
            if column.kind not in ("time", "date"):
                assert row[column.name] == (list(cell) if isinstance(cell, tuple) else cell), column.name


@attacked
def test_json(payload: str) -> None:
    """Exact too; a line stays a line."""
    sessions, told = hostile(payload)
    whole = json.loads(b"".join(to_json(sessions, told.trailer)))
    assert {s["id"] for s in whole["sessions"]} == {0, 37}
    assert whole["captures"][0]["path"] == payload
    lines = b"".join(to_jsonl(sessions, told.trailer)).split(b"\n")
    assert len(lines) == len(sessions) + 2
    assert lines[-1] == b""
    assert [msgspec.json.decode(line, type=model.Session) for line in lines[:2]] == sessions
    assert not any(byte < 0x20 for line in lines for byte in line)


def test_there_are_enough() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 60
