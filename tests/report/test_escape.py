"""Nothing from the wire is obeyed by a terminal."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.report.escape import encodable, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("www.example.com", "www.example.com"),
        ("例え.テスト", "例え.テスト"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\r\t", "a\\x0ab\\x0d\\x09"),
        ("\x9b31m", "\\x9b31m"),
        ("evil\u202egpj.exe", "evil\\u202egpj.exe"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
    ids=["name", "japanese", "csi", "line-ends", "c1", "bidi", "zero-width", "surrogate", "tag"],
)
def test_what_is_not_printable_is_seen_instead(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_no_control_or_format_character_is_left(text: str) -> None:
    """C0, C1, format (bidirectional among them), surrogates, private use, line and paragraph separators."""
    for character in printable(text):
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def test_file_names_that_are_no_utf8_can_be_written() -> None:
    name = b"caf\xe9.pcap".decode("utf-8", "surrogateescape")
    assert encodable(name) == "caf\\xe9.pcap"
    assert encodable("日本.pcap") == "日本.pcap"
    assert sys.getfilesystemencodeerrors() in ("surrogateescape", "surrogatepass")
