"""The report as Markdown: the structure that renderers see, in both languages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import capanalyzer
from capanalyzer import cli
from capanalyzer.report import model
from capanalyzer.report.markdown_text import code, code_block, prose
from capanalyzer.report.to_markdown import MAX_DETAILS, MAX_INCIDENTS, MAX_ROWS, to_markdown

from .samples import Told, capture, failed, finding, session, tls

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
MAX_CHARACTERS = 65_536
"""Of a ticket on GitHub."""


def shown(sessions: Sequence[model.Session], lang: str = "en", *, verbose: bool = False, **told: object) -> str:
    whole = Told(list(sessions), **told)  # type: ignore[arg-type]  # fields of Told
    return "".join(to_markdown(sessions, whole.trailer, lang, verbose=verbose))


def parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def headings(text: str) -> list[str]:
    tokens = parsed(text)
    return [
        f"{token.markup} {tokens[index + 1].content}"
        for index, token in enumerate(tokens)
        if token.type == "heading_open"
    ]


def table(text: str, number: int) -> list[list[str]]:
    """The cells of a table, as they are shown."""
    tables: list[list[list[str]]] = []
    for token in parsed(text):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type == "inline" and tables and token.level > 3:
            tables[-1][-1].append("".join(child.content for child in token.children or ()))
    return tables[number]


def test_the_answer_first_then_what_proves_it() -> None:
    chain = {"cause": "certificate-chain-incomplete", "blame": "server", "stage": "client-flight", "tls": tls()}
    text = shown(
        [
            failed(3),
            failed(4),
            failed(
                5, findings=(finding(str(chain["cause"]), confidence="likely", alternatives=("sni-missing",)),), **chain
            ),
            session(6, findings=(finding("weak-cipher", severity="warning", title="RC4 was agreed on"),)),
        ]
    )
    assert headings(text) == [
        "# 3 of 4 sessions failed",
        "## Incidents",
        "### 1. `http-to-tls-port` `198.51.100.9:443`",
        "### 2. `certificate-chain-incomplete` `198.51.100.9:443` `api.example.com`",
        "## Sessions that failed or cannot be judged",
        "## Session 3: `http-to-tls-port`",
        "## Session 5: `certificate-chain-incomplete`",
        "## Also noticed",
    ]
    assert table(text, 0) == [["established", "failed"], ["1", "3"]]
    assert table(text, 1)[1:] == [
        ["3", "failed", "http-to-tls-port", "198.51.100.9:443", "192.0.2.7:51003", ""],
        ["4", "failed", "http-to-tls-port", "198.51.100.9:443", "192.0.2.7:51004", ""],
        ["5", "failed", "certificate-chain-incomplete", "198.51.100.9:443", "192.0.2.7:51005", "api.example.com"],
    ]
    assert table(text, 2)[1] == ["warning", "weak-cipher", "1", "RC4 was agreed on"]
    assert "1 more session like this." in text
    assert "- **Who acts**: the client's side\n- **Do**: Use `https://`, or give plaintext HTTP a port" in text
    assert "**Or else**\n\n- `sni-missing`" in text
    assert "**Wireshark**: `tcp.stream eq 3`" in text


def test_remedies_are_a_list_with_commands_in_blocks() -> None:
    command = "openssl s_client -connect 198.51.100.9:443 </dev/null"
    remedies = ("Install the chain.", f"`{command}`: what the server sends", f"`{command}`")
    tokens = parsed(shown([failed(3, findings=(finding(remedies=remedies),))]))
    begin = next(index for index, token in enumerate(tokens) if token.type == "ordered_list_open")
    end = next(index for index, token in enumerate(tokens) if token.type == "ordered_list_close")
    inside = tokens[begin:end]
    assert sum(token.type == "list_item_open" for token in inside) == 3
    assert [token.content for token in inside if token.type == "inline"] == [
        "Install the chain.",
        "what the server sends",
    ]
    fences = [token for token in inside if token.type == "fence"]
    assert [(fence.info, fence.content) for fence in fences] == [("sh", f"{command}\n")] * 2


def test_a_report_without_failures() -> None:
    text = shown([session(0)])
    assert headings(text) == ["# No session failed"]
    assert "- 1 TLS `1.3` session" not in text
    assert "- 1 TLS 1.3 session: its certificates are encrypted" in text


def test_captures_and_what_could_not_be_read() -> None:
    text = shown(
        [],
        captures=(capture(warnings=("cut short at byte 900",), dropped_packets=7), capture("b.pcap")),
        unreadable=(model.Unreadable("c.bin", "no capture"),),
        notes=("A limit was reached.",),
    )
    for line in (
        "# No TCP connection in these captures",
        "> A limit was reached.",
        "- 0 `edge.pcap`: 12,408 packets, 9.1 MB, 2026-11-24 10:01:02 - 10:06:10 UTC, ethernet",
        "  - cut short at byte 900",
        "  - The capturing host lost 7 packets.",
        "- `c.bin`: no capture",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_it_fits_into_a_ticket(lang: str) -> None:
    """However much failed, with long names everywhere; what is left out is counted."""
    sessions = [
        failed(stream, server=model.Endpoint("2001:db8:1111:2222:3333:4444:5555:7777", 1 + stream), tls=tls("a" * 250))
        for stream in range(400)
    ]
    text = shown(sessions, lang)
    assert len(text) < MAX_CHARACTERS
    assert text.count("```mermaid") == MAX_DETAILS
    assert text.count("\n### ") == MAX_INCIDENTS
    assert len(table(text, 1)) == 1 + MAX_ROWS
    if lang == "en":
        assert f"and {400 - MAX_ROWS} more" in text
        assert f"{400 - MAX_DETAILS} further failed sessions are not shown in detail. `-v` shows all." in text
    everything = shown(sessions, lang, verbose=True)
    assert everything.count("```mermaid") == 400
    assert len(table(everything, 1)) == 401


def test_japanese() -> None:
    text = shown([failed(3), failed(4)], "ja")
    assert headings(text)[:2] == ["# 2 セッション中 2 セッションが失敗", "## インシデント"]
    assert "- **対応者**: クライアント側" in text
    assert "同様のセッションがほかに 1 件。" in text


def test_several_captures_are_told_apart() -> None:
    text = shown([failed(3), failed(3, capture=1)], captures=(capture(), capture("b.pcap")))
    assert [row[0] for row in table(text, 1)[1:]] == ["0:3", "1:3"]
    assert "## Session 0:3: `http-to-tls-port`" in text


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("path", sorted(PCAPS.glob("*/capture.*")), ids=lambda path: path.parent.name)
def test_every_sample(path: Path, lang: str) -> None:
    """Blocks as intended, one diagram for each incident, no markup from our own texts."""
    report = capanalyzer.build_report(path, lang=lang)
    text = "".join(to_markdown(report.sessions, lambda: report, lang))
    tokens = parsed(text)
    assert sum(token.type == "fence" and token.info == "mermaid" for token in tokens) == min(
        MAX_DETAILS, len(report.incidents)
    )
    assert not any(token.type in ("html_block", "code_block") for token in tokens)
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "code_inline", "strong_open", "strong_close", "text_special"}
    for incident in report.incidents:
        assert f"`{incident.cause}`" in text


def test_command_line(tmp_path: Path) -> None:
    target = tmp_path / "report.md"
    assert (
        cli.main(["analyze", str(PCAPS / "many-clients"), "--format", "markdown", "-o", str(target), "--lang", "ja"])
        == 0
    )
    summary = capanalyzer.build_report(PCAPS / "many-clients").summary
    title = f"# {summary.sessions} セッション中 {summary.outcomes['failed']} セッションが失敗\n"
    assert target.read_text("utf-8").startswith(title)


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("A plain sentence, with 12.5 ms (and more).", "A plain sentence, with 12.5 ms (and more)."),
        ("ask @name about #12", "ask `@name` about `#12`"),
        ("see https://a.example/, or www.a.example.", "see `https://a.example/`, or `www.a.example`."),
        ("nginx `ssl_protocols TLSv1.2;` here", "nginx `ssl_protocols TLSv1.2;` here"),
        ("`a``b`", "`a` `b`"),
        ("one ` only", "one \\` only"),
        ("sent CN=A B,O=C D,C=JP, without", "sent `CN=A B,O=C D,C=JP`, without"),
        ("発行者 CN=A B,O=Cが", "発行者 `CN=A B,O=C`が"),
        ("1. not a list", "1\\. not a list"),
        ("- not a list", "\\- not a list"),
        ("a = b + c - d", "a = b + c - d"),
        ("<b>", "`<b>`"),
        ("a & b", "a \\& b"),
        ("", '""'),
    ],
)
def test_prose(text: str, markdown: str) -> None:
    assert prose(text) == markdown


def test_code() -> None:
    assert code("a|b`c") == "`a|b\\x60c`"
    assert code("a|b", in_table=True) == "`a\\x7cb`"
    assert code(" ") == '`" "`'
    assert code_block("echo ```x```", "sh") == ["````sh", "echo ```x```", "````"]


def test_an_incident_of_which_no_session_was_kept() -> None:
    """Its example is not in memory: the incident is told all the same."""
    trailer = Told([failed(3)]).trailer()
    text = "".join(to_markdown([], lambda: trailer, "en"))
    assert "### 1. `http-to-tls-port`" in text
    assert "1 further failed session is not shown in detail." in text
