"""The course of a session in both languages: the same events, and what came from the wire untouched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import capanalyzer
from capanalyzer.i18n import translator
from capanalyzer.report import model
from capanalyzer.report.course import told_detail, told_event
from capanalyzer.report.html.page import to_html
from capanalyzer.report.ladder import ladder
from capanalyzer.report.mermaid import sequence_diagram
from capanalyzer.report.terminal import Look

from .samples import Told, failed

PCAPS = Path(__file__).resolve().parent.parent.parent / "pcaps"
ENGLISH = re.compile(r"\bbytes\b|begins in frame|no SNI|encrypted|by its size|retransmission|application data")
"""Words of the timeline that are no name of a message."""


def entry(event: str, detail: str) -> model.TimelineEntry:
    return model.TimelineEntry(
        frame=1, time="2026-11-24T10:01:02.000000000Z", sender="client", event=event, detail=detail
    )


@pytest.mark.parametrize(
    ("event", "detail", "japanese"),
    [
        ("SYN", "retransmission", "SYN 再送"),
        ("SYN", "retransmission 12 bytes of data", "SYN 再送 データ 12 バイト"),
        ("FIN", "12 bytes of data", "FIN データ 12 バイト"),
        ("Certificate", "1523 bytes, begins in frame 95", "Certificate 1523 バイト、フレーム 95 から"),
        ("ServerHelloDone", "begins in frame 6", "ServerHelloDone フレーム 6 から"),
        ("Finished", "36 bytes, by its size, begins in frame 6", "Finished 36 バイト、大きさから推定、フレーム 6 から"),
        ("Finished", "40 bytes, encrypted", "Finished 40 バイト、暗号化"),
        ("Alert", "encrypted, 26 bytes", "Alert 暗号化、26 バイト"),
        ("Alert", "fatal unknown_ca", "Alert fatal unknown_ca"),
        ("encrypted record", "19 bytes, the size of an alert", "暗号化レコード 19 バイト、アラートの大きさ"),
        ("ClientHello", "TLS 1.3/TLS 1.2, no SNI", "ClientHello TLS 1.3/TLS 1.2、SNI なし"),
        (
            "ClientHello",
            "TLS 1.2, SNI a.example, begins in frame 4",
            "ClientHello TLS 1.2, SNI a.example、フレーム 4 から",
        ),
        ("data", '7 bytes, "9 bytes, encrypted..."', 'データ 7 バイト, "9 bytes, encrypted..."'),
        ("RST", "12 bytes", "RST 12 bytes"),
        ("...", "17 more", "... ほか 17 件"),
    ],
)
def test_words_are_told_and_what_is_quoted_is_not(event: str, detail: str, japanese: str) -> None:
    one = entry(event, detail)
    told = [f"{told_event(one, translator(lang))} {told_detail(one, translator(lang))}" for lang in ("en", "ja")]
    assert told == [f"{event} {detail}", japanese]


@pytest.mark.parametrize(
    "case", ["client-aborted", "big-ip-plaintext-member", "tcp-connect-timeout", "record-corrupted"]
)
def test_no_english_is_left_in_a_japanese_course(case: str) -> None:
    sessions = capanalyzer.build_report(str(PCAPS / case), lang="ja").sessions
    failures = [session for session in sessions if session.outcome == "failed"]
    assert failures
    for session in failures:
        drawn = "\n".join("".join(part for part, _ in line) for line in ladder(session, Look(width=120, lang="ja")))
        assert not ENGLISH.search(drawn), drawn
        assert not ENGLISH.search("\n".join(sequence_diagram(session, "ja")))


def test_the_page_tells_it_too() -> None:
    sessions = [failed(37, timeline=(entry("ServerHelloDone", "12 bytes, begins in frame 6"),))]
    page = "".join(to_html(sessions, Told(sessions).trailer, lang="ja"))
    assert page.count("12 バイト、フレーム 6 から") == 2  # drawn, and as a table
