"""In every markup hostile text is shown as it stands, and does nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import cmarkgfm
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from capanalyzer.report.escape import printable
from capanalyzer.ticket.document import Block, Bullets, Code, Heading, Paragraph, Strong, Text, write
from capanalyzer.ticket.markup.backlog import BacklogNotation
from capanalyzer.ticket.markup.defuse import JOINER, defuse
from capanalyzer.ticket.markup.html import Html
from capanalyzer.ticket.markup.jira import JiraWiki
from capanalyzer.ticket.markup.markdown import Markdown, fenced
from capanalyzer.ticket.markup.plain import Journal, Plain
from capanalyzer.ticket.markup.textile import Textile
from tests.ticket.attacks import ATTACKS

EVERY_ATTACK = pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
ANY_TEXT = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("*_`~[](){}<>&#@!|\\/:-+=^%$\"' .1ar")))


def document(text: str) -> list[Block]:
    """``text`` wherever a summary has foreign text."""
    return [
        Heading((Text("1. "), Text(text))),
        Paragraph((Text("A: "), Text(text), Text(" "), Strong(text), Text(" "), Code(text))),
        Bullets(((Text(text),), (Text("B: "), Code(text), Text(" z")))),
    ]


def shown(text: str) -> str:
    """What a reader of :func:`document` is to see, with single spaces."""
    safe = printable(text)
    return squeezed(f"1. {safe} A: {safe} {safe} {safe} {safe} B: {safe} z")


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace(JOINER, "")).strip()


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert attrs == [], (tag, attrs)
        self.text += " " if tag in ("li", "p", "h3") else ""

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_commonmark(text: str) -> None:
    renderer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    written = write(document(text), Markdown())
    # GitHub's own parser makes links of addresses, too.
    for html in (renderer.render(written), cmarkgfm.github_flavored_markdown_to_html(written)):
        page = Page(html)
        assert page.tags == ["h3", "p", "strong", "code", "ul", "li", "li", "code"]
        assert squeezed(page.text) == shown(text)


@EVERY_ATTACK
def test_markdown(attack: str) -> None:
    assert_commonmark(attack if attack.strip() else "x")


@given(ANY_TEXT.filter(lambda text: text.strip() != ""))
def test_markdown_of_any_text(text: str) -> None:
    assert_commonmark(text)


@given(st.text())
def test_a_fenced_file_ends_where_it_ends(text: str) -> None:
    (token,) = MarkdownIt("commonmark").parse(fenced(text))
    assert token.type == "fence"


@EVERY_ATTACK
def test_html(attack: str) -> None:
    html = write(document(attack), Html()).partition("<body>")[2]
    page = Page(html)
    strong = ["strong"] if attack.strip() else []
    assert page.tags == ["h3", "p", *strong, "code", "ul", "li", "li", "code"]
    assert squeezed(page.text) == shown(attack)


@EVERY_ATTACK
def test_jira(attack: str) -> None:
    """Whatever could open something is escaped, and taking the escapes away gives the text."""
    for markup in (JiraWiki().text(printable(attack)), JiraWiki().code(printable(attack))[2:-2]):
        bare = re.sub(r"\\[^a-zA-Z0-9\s]|&#92;", "", markup)
        assert not re.search(r"[*_?^~{}\[\]|!@#()<&\\]", bare), bare
        assert not re.search(r"(^|\W)[-+]|[-+](\W|$)", bare.replace(JOINER, "")) or "-" not in bare
        assert not re.search(r"://|www\.|mailto:[^\u2060]|[A-Z]{2,}-\d", bare)
        assert re.sub(r"\\(.)", r"\1", markup).replace("&#92;", "\\").replace(JOINER, "") == printable(attack)


@EVERY_ATTACK
def test_backlog(attack: str) -> None:
    written = write(document(attack), BacklogNotation())
    foreign = written.replace("''" + BacklogNotation().text(printable(attack).strip()) + "''", "")
    assert not re.search(r"''|%%|\[\[|\]\]|\{/?[a-z]|&[a-z]+[;(]|#[a-z]|://", foreign)
    for line in written.splitlines():
        assert re.match(rf"\*\*\* 1\. |{JOINER}A: |- {JOINER}|$", line), line
    assert squeezed(BacklogNotation().text(printable(attack))) == squeezed(printable(attack))


@EVERY_ATTACK
def test_journal(attack: str) -> None:
    written = write(document(attack), Journal())
    assert "[code]" not in written.lower()
    assert not re.search(r"@[\[\w]", written)
    assert squeezed(written.replace("\n- ", "\n")) == shown(attack)


@EVERY_ATTACK
def test_plain(attack: str) -> None:
    written = write(document(attack), Plain())
    assert len(written.splitlines()) == len(write(document("x"), Plain()).splitlines())
    assert written.replace("\n", "").isprintable()


@EVERY_ATTACK
def test_textile_keeps_its_lines(attack: str) -> None:
    """What it means to Redmine is tested on Redmine itself."""
    written = write(document(attack), Textile())
    assert len(written.splitlines()) == 6
    assert "\u202e" not in written
    assert not re.search(r"@(?=\w)|\{\{(?=\w)", re.sub("<code>.*?</code>", "", written))


@pytest.mark.parametrize(
    "text",
    [
        "capanalyzer:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        "report-5891b5b522d5.json",
        "tcp.stream eq 37",
        "198.51.100.9:443",
        "http-to-tls-port",
    ],
)
def test_what_is_copied_stays_as_it_is(text: str) -> None:
    """Marker, names, addresses and filters are found again in every markup as they are."""
    for markup in (Textile(), Markdown(), JiraWiki(), BacklogNotation(), Journal(), Plain(), Html()):
        assert text in markup.code(text), type(markup)


@given(ANY_TEXT)
def test_defused_text_looks_the_same(text: str) -> None:
    assert defuse(text).replace(JOINER, "") == text.replace(JOINER, "")
