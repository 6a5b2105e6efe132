"""The report on paper: the same words, page numbers, and a clear line where the library is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from capanalyzer import cli
from capanalyzer.errors import UsageError
from capanalyzer.report import to_pdf as module
from capanalyzer.report.html.parts import part
from capanalyzer.report.to_pdf import drawing_style, require_weasyprint, to_pdf

from .samples import Told, failed, session

PROJECT = Path(__file__).resolve().parent.parent.parent
PCAP = str(PROJECT / "pcaps" / "http-to-tls-port" / "capture.pcapng")


@pytest.fixture(scope="module")
def pdftotext() -> str:
    path = shutil.which("pdftotext")
    if path is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    try:
        require_weasyprint()
    except UsageError as error:
        pytest.skip(str(error))
    return path


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            ("1 of 2 sessions failed.", "http-to-tls-port", "waiting for a ClientHello", "tcp.stream eq 37"),
        ),
        ("ja", ("2 セッション中 1 件が失敗。", "対応者", "クライアント側", "tcp.stream eq 37")),
    ],
)
def test_the_words_are_on_the_page(lang: str, words: tuple[str, ...], pdftotext: str, tmp_path: Path) -> None:
    sessions = [session(0), failed(37)]
    path = tmp_path / "report.pdf"
    path.write_bytes(to_pdf(sessions, Told(sessions).trailer, lang=lang))
    made = subprocess.run([pdftotext, "-layout", path, "-"], capture_output=True, check=True)
    text = made.stdout.decode()
    for word in words:
        assert word in text, word
    assert "Copy" not in text
    assert re.search(r"\b1 ?/ ?\d\b", text), "a page number"
    assert "{" not in re.sub(r"\{[\d, ]+\}", "", text)


def test_drawings_need_no_variables() -> None:
    for lang in ("en", "ja"):
        style = drawing_style(lang)
        assert "var(" not in style
        assert style.count(";") == part("drawing.css").count(";")
    assert "Noto Sans CJK JP" in drawing_style("ja")


def test_nothing_is_fetched(pdftotext: str) -> None:
    with pytest.raises(ValueError, match="not fetched"):
        module._fetch_nothing("file:///etc/passwd")


def test_without_the_extra_one_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Before the analysis, not after it."""
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    monkeypatch.setattr("capanalyzer.parallel.analyze_captures", lambda *_, **__: pytest.fail("analysed first"))
    target = tmp_path / "report.pdf"
    assert cli.main(["analyze", PCAP, "--format", "pdf", "-o", str(target)]) == 2
    told = capsys.readouterr().err
    assert told == "capanalyzer: --format pdf needs WeasyPrint: pip install 'capanalyzer[pdf]'\n"
    assert not target.exists()


def test_a_pdf_is_not_for_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert cli.main(["analyze", PCAP, "--format", "pdf"]) == 2
    assert "name a file with -o" in capsys.readouterr().err


def test_html_is_written_by_the_command_line(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    assert cli.main(["analyze", PCAP, "--format", "html", "--lang", "ja", "-o", str(target)]) == 0
    text = target.read_text("utf-8")
    assert text.startswith('<!doctype html>\n<html lang="ja"')
    assert text.endswith("</html>\n")
    assert "http-to-tls-port" in text
