"""Sentences that keep what they are made of, and errors and warnings, which are such, in a run of either language."""

from __future__ import annotations

import gzip
import json
import logging
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import capanalyzer
from capanalyzer.cli import main
from capanalyzer.errors import CaptureError, UsageError
from capanalyzer.i18n import LOCALE_DIR, read_po, told
from capanalyzer.logs.read import read_log
from capanalyzer.remark import Remark

from .capture import builders
from .small_captures import HTTP_TO_TLS, ONE_FAILED, capture

PROJECT = str(Path(capanalyzer.__file__).resolve().parent.parent)
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a capture that is cut short, in a locale without a language."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cut.pcap").write_bytes(ONE_FAILED[:-30])
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], tuple[int, str, str]]:
    """Runs the command, with the capture that is cut short on standard input where it runs in a process of its own:
    exit status, standard output, standard error.
    """

    def run(arguments: list[str]) -> tuple[int, str, str]:
        if arguments[0] == "live":  # which gives up the rights of its process
            command = [sys.executable, "-m", "capanalyzer", *arguments]
            environ = {**os.environ, "PYTHONPATH": PROJECT, "PYTHONIOENCODING": "utf-8"}
            with Path("cut.pcap").open("rb") as given:
                done = subprocess.run(command, stdin=given, capture_output=True, env=environ, timeout=120, check=False)
            return done.returncode, done.stdout.decode(), done.stderr.decode()
        status = main(arguments)
        return status, *capsys.readouterr()

    return run


# -- the sentence itself -----------------------------------------------------------------------------------------------


def test_it_is_the_english_sentence() -> None:
    remark = Remark("{path}: more than {n:,} files", path="a", n=1000)
    assert isinstance(remark, str)
    assert remark == "a: more than 1,000 files"
    assert remark.text == "{path}: more than {n:,} files"
    assert remark.facts == {"path": "a", "n": 1000}


def test_a_counted_one_has_the_form_for_its_number() -> None:
    forms = [Remark.counted("{n:,} file in {path}", "{n:,} files in {path}", n, path="a") for n in (0, 1, 2000)]
    assert forms == ["0 files in a", "1 file in a", "2,000 files in a"]


def test_facts_are_filled_in_after_the_translation_and_never_read_as_texts() -> None:
    name = "there is no such file {n} {0}"
    assert told(Remark("{path}: no such file", path=name), "ja") == f"{name}: ファイルがありません"


def test_remarks_within_remarks_are_told_in_the_same_language() -> None:
    inner = Remark("cannot be read ({reason})", reason="Input/output error")
    down = Remark("{name} (down)", name="eth1")
    assert told(Remark("{path}: {reason}", path="a", reason=inner), "ja") == "a: 読み込めません (Input/output error)"
    assert told(Remark("{names}", names=("eth0", down)), "en") == "eth0, eth1 (down)"
    assert told(Remark("{names}", names=("eth0", down)), "ja") == "eth0, eth1 (ダウン)"


def test_what_is_no_remark_stays_as_it_is() -> None:
    assert told("there is no such file", "ja") == "there is no such file"


def test_it_goes_from_process_to_process_whole() -> None:
    for remark in (
        Remark("{path}: {reason}", path="a", reason=Remark("is a directory")),
        Remark.counted("{n} IP fragment", "{n} IP fragments", 2),
    ):
        copy = pickle.loads(pickle.dumps(remark))
        assert copy == remark
        assert (copy.text, copy.several, copy.facts) == (remark.text, remark.several, remark.facts)
        assert told(copy, "ja") == told(remark, "ja")


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "english", "japanese"),
    [
        (["analyze", "/nofile"], "/nofile: there is no such file", "/nofile: ファイルがありません"),
        (["analyze", "--log", "/nolog", "cut.pcap"], "/nolog: there is no such file", "/nolog: ファイルがありません"),
        (
            ["analyze", "--filter", "port=x", "cut.pcap"],
            "filter, column 6: port is compared with a number, not with 'x'",
            "フィルタの 6 文字目: port は 'x' ではなく数値と比較します",
        ),
        (["analyze", "-o", "", "cut.pcap"], "-o needs the name of a file", "-o にはファイル名"),
        (
            ["live", "-i", "nosuch0"],
            "nosuch0: there is no such interface; there are: lo",
            "nosuch0: そのようなインタフェースはありません。指定できるもの: lo",
        ),
        (["live", "-r", "/nofifo"], "/nofifo: there is no such file, FIFO or device", "/nofifo: そのような"),
        (["live", "--record-size", "20", "-r", "cut.pcap"], "--record-size needs --record", "--record が必要です"),
        (["explain", "nothing"], "unknown cause 'nothing'", "不明な原因 'nothing' です"),
        (["attach", "https://host/1", "cut.pcap"], "does not say which system it is", "宛先のシステムが不明です"),
        (
            ["crosscheck", "/nofile"],
            "/nofile: no such file; crosscheck reads",
            "/nofile: ファイルがありません。crosscheck は",
        ),
        (["strip-keys", "cut.pcap", "-o", "cut.pcap"], "cut.pcap: exists already", "cut.pcap: すでに存在します"),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, list) else "",
)
def test_errors_are_told_in_the_language_of_the_run(
    arguments: list[str],
    english: str,
    japanese: str,
    run: Callable[[list[str]], tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status, _, error = run([*arguments, "--lang", "en"])
    assert status == 2
    assert error.startswith("capanalyzer: ")
    assert english in error
    assert not JAPANESE.search(error)
    status, _, error = run([*arguments, "--lang", "ja"])
    assert status == 2
    assert error.startswith("capanalyzer: ")
    assert japanese in error
    assert error.count("\n") == 1
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    assert run(arguments) == (2, "", error)


def test_output_for_programs_speaks_english_unless_it_is_told_otherwise(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    assert main(["analyze", "--format", "json", "cut.pcap", "/nofile"]) == 0
    written, error = capsys.readouterr()
    assert not JAPANESE.search(written + error)
    assert main(["analyze", "--format", "json", "--lang", "ja", "cut.pcap", "/nofile"]) == 0
    document, error = json.loads((output := capsys.readouterr()).out), output.err
    assert document["unreadable"] == [{"path": "/nofile", "reason": "ファイルがありません"}]
    assert [capture["warnings"] for capture in document["captures"]] == [
        ["ファイルがレコード 16 (オフセット 1029) の途中で切れています。その手前までを解析しました。"]
    ]
    assert error.splitlines() == [
        "capanalyzer: /nofile: ファイルがありません",
        f"capanalyzer: cut.pcap: {document['captures'][0]['warnings'][0]}",
    ]


def test_the_python_interface_gives_strings_and_tells_errors_in_english(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(CaptureError) as raised:
        list(capanalyzer.analyze("/nofile", lang="ja"))
    assert str(raised.value) == "/nofile: there is no such file"
    assert raised.value.path == "/nofile"
    assert told(raised.value.remark, "ja") == "/nofile: ファイルがありません"
    with pytest.raises(UsageError, match="unknown language 'fr': choose from en, ja"):
        capanalyzer.analyze("cut.pcap", lang="fr")
    with caplog.at_level(logging.WARNING, logger="capanalyzer"):
        report = capanalyzer.build_report(["cut.pcap", "/nofile"], lang="ja")
    assert [type(text) for text in report.captures[0].warnings] == [str]
    assert JAPANESE.search(report.captures[0].warnings[0])
    assert caplog.messages == ["/nofile: ファイルがありません"]


def test_a_redacted_report_names_no_input_in_either_language(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "--redact", "--format", "json", "--lang", "ja", "cut.pcap", "/nofile"]) == 0
    assert json.loads(capsys.readouterr().out)["unreadable"] == [{"path": "input-1", "reason": "読み込めませんでした"}]


def test_warnings_come_from_other_processes_in_the_language_too(capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for jobs in ("1", "2"):
        arguments = ["analyze", "--jobs", jobs, "--format", "json", "--lang", "ja", "cut.pcap", "also.pcap"]
        Path("also.pcap").write_bytes(ONE_FAILED[:-10])
        assert main(arguments) == 0
        outputs.append(json.loads(capsys.readouterr().out))
    assert outputs[0] == outputs[1]
    assert all(JAPANESE.search(capture["warnings"][0]) for capture in outputs[0]["captures"])


@pytest.mark.parametrize(
    ("lang", "warning"),
    [
        ("en", "The file is cut short in the middle of record 16 at byte 1029; analysed up to there."),
        ("ja", "ファイルがレコード 16 (オフセット 1029) の途中で切れています。その手前までを解析しました。"),
    ],
    ids=["en", "ja"],
)
def test_a_live_run_tells_warnings_once_in_its_language(
    lang: str, warning: str, run: Callable[[list[str]], tuple[int, str, str]]
) -> None:
    for form in ("text", "jsonl"):
        status, output, error = run(["live", "-r", "-", "--lang", lang, "--format", form])
        assert status == 0
        lines = output.splitlines()
        told = lines[-1:] if form == "text" else json.loads(lines[-1])["captures"][0]["warnings"]
        assert told == [warning]
        assert error == f"capanalyzer: {warning}\n"


def test_what_is_wrong_with_a_log_is_a_remark(folder: Path) -> None:
    (folder / "a.log.gz").write_bytes(gzip.compress(os.urandom(4000).hex().encode())[:-900])
    warnings: list[Remark] = []
    list(read_log("a.log.gz", warn=warnings.append))
    assert warnings == ["a.log.gz: The gzip data is cut short."]
    assert told(warnings[0], "ja") == "a.log.gz: gzip データが途中で切れています。"


# -- damaged captures --------------------------------------------------------------------------------------------------


def damaged() -> dict[str, bytes]:
    """Captures that are cut, damaged, of unknown kinds, or full of odd packets, by name."""
    frame = bytes(12) + b"\x08\x00" + ONE_FAILED[40:80]
    packets = [(index, frame, len(frame)) for index in range(4)]
    whole = {
        "a.pcap": ONE_FAILED,
        "b.pcapng": builders.pcapng([builders.Packet(*packet) for packet in packets]),
        "c.snoop": builders.snoop([builders.Packet(*packet) for packet in packets]),
    }
    found = {"empty.pcap": b"", "version.pcap": ONE_FAILED[:4] + b"\x09" + ONE_FAILED[5:]}
    for name, data in whole.items():
        for part in (10, 30, len(data) // 2, len(data) - 3):
            found[f"cut-{part}-{name}"] = data[:part]
        for place in range(8, min(len(data), 400), 24):
            found[f"odd-{place}-{name}"] = data[:place] + b"\xff\xff\xff\x7f" + data[place + 4 :]
        packed = gzip.compress(data)
        found[f"cut-{name}.gz"] = packed[:-20]
        found[f"odd-{name}.gz"] = packed[:-9] + b"\0" + packed[-8:]
        found[f"tail-{name}.gz"] = packed + b"something else"
    link = capture((443, HTTP_TO_TLS))
    found["link.pcap"] = link[:20] + b"\x93\0\0\0" + link[24:]
    return found


def test_no_english_sentence_is_left_in_a_japanese_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, data in damaged().items():
        (folder / name).write_bytes(data)
    (folder / "notes.txt").write_text("no capture\n")
    (folder / "report.pdf").write_bytes(b"%PDF-1.7\n")
    inputs = [".", "notes.txt", "report.pdf", "/nofile"]
    assert main(["analyze", "--lang", "en", "--format", "json", *inputs]) == 0
    document = json.loads(capsys.readouterr().out)
    warnings = {re.sub("[0-9]+", "N", warning) for one in document["captures"] for warning in one["warnings"]}
    assert len(warnings) > 12, warnings
    catalog = read_po(Path(LOCALE_DIR, "ja", "LC_MESSAGES", "capanalyzer.po").read_text("utf-8"))
    for form in ("text", "json", "markdown", "html"):
        assert main(["analyze", "--lang", "ja", "--format", form, *inputs]) == 0
        written, error = capsys.readouterr()
        shown = " ".join(f"{written} {error}".split())
        for text, translated in catalog.items():
            for piece in map(str.strip, re.split(r"\{[^}]*\}", text)):
                if piece.count(" ") > 3 and piece not in translated:
                    assert piece not in shown, (form, text)
        assert not [warning for one in document["captures"] for warning in one["warnings"] if warning in shown]
