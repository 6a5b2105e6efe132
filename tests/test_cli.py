"""The command line as a user meets it: output, exit codes, one clear line for everything that goes wrong."""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capanalyzer import __version__, cli

from .small_captures import EMPTY, HTTP_TO_TLS, NONE_FAILED, ONE_FAILED, capture

COMMAND = [sys.executable, "-m", "capanalyzer"]
PROJECT = str(Path(cli.__file__).resolve().parent.parent.parent)
UNNEEDED = (
    "capanalyzer.capture.compression",
    "capanalyzer.capture.pcapng",
    "capanalyzer.capture.ring_merge",
    "capanalyzer.capture.rings",
    "capanalyzer.capture.snoop",
    "difflib",
    "importlib.resources",
    "numpy.random",
    "random",
    "tempfile",
    "urllib.parse",
)
HEAVY = ("numpy", "scapy", "rich", "cryptography", "certifi", "msgspec", "dpkt", "asyncio")


@pytest.fixture
def captures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a few captures and other things."""
    (tmp_path / "failed.pcap").write_bytes(ONE_FAILED)
    (tmp_path / "fine.pcap").write_bytes(NONE_FAILED)
    (tmp_path / "empty.pcap").write_bytes(EMPTY)
    (tmp_path / "zero.pcap").write_bytes(b"")
    (tmp_path / "cut.pcap").write_bytes(ONE_FAILED[:-30])
    (tmp_path / "notes.txt").write_text("no capture\n")
    monkeypatch.chdir(tmp_path)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", PROJECT)
    return tmp_path


def run(*arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], input=given, capture_output=True, timeout=60, check=False)


def run_here(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The same in this process: (exit status, standard output, standard error)."""
    try:
        status = cli.main(arguments)
    except SystemExit as leaving:
        status = int(leaving.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


# --- start-up ---------------------------------------------------------------------------------------------------------


def test_version_is_light() -> None:
    """Nothing heavy is imported to say the version, to show the help or to refuse a flag."""
    code = (
        # What an editable installation or a .pth file imports at start is not ours.
        "import sys\nbefore = set(sys.modules)\nfrom capanalyzer.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    for arguments in (["--version"], ["analyze", "--help"], ["analyze", "--no-such-flag"]):
        result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
        assert result.stdout.splitlines()[-1] == "[]", arguments


def test_version_is_quick() -> None:
    """Under 0.1 s of CPU, interpreter included; the best of three, as the machine may be busy."""
    used = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = run("--version")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert result.stdout.decode().strip() == f"capanalyzer {__version__}"
    assert min(used) < 0.1


def test_a_plain_capture_imports_only_what_it_needs(captures: Path) -> None:
    """Other formats, compressions, rings, URLs and the like are imported by the runs that meet them."""
    code = (
        # What an editable installation or a .pth file imports at start is not ours.
        "import sys\nbefore = set(sys.modules)\nfrom capanalyzer.cli import main\n"
        "main(['analyze', 'fine.pcap', '--format', 'jsonl', '-o', 'out'])\n"
        f"print([name for name in {UNNEEDED!r} if name in sys.modules and name not in before])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_the_process_is_set_up_for_one_run(
    captures: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector rests while captures are analysed, not longer; numpy starts no threads unless told to."""
    before = gc.get_threshold()
    during: list[int] = []
    analyze = cli.analyze.run

    def watched(options: argparse.Namespace) -> int:
        during.append(gc.get_threshold()[0])
        return analyze(options)

    monkeypatch.setattr(cli.analyze, "run", watched)
    for given in (None, "2"):
        if given is None:
            monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
        else:
            monkeypatch.setenv("OPENBLAS_NUM_THREADS", given)
        assert run_here(capsys, "analyze", "fine.pcap")[0] == 0
        assert os.environ["OPENBLAS_NUM_THREADS"] == (given or "1")
    assert during == [cli.COLLECT_EVERY] * 2
    assert gc.get_threshold() == before


# --- results ----------------------------------------------------------------------------------------------------------


def test_json_goes_to_standard_output_alone(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run_here(capsys, "analyze", "failed.pcap", "--format", "json")
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert [(s["outcome"], s["cause"]) for s in report["sessions"]] == [
        ("failed", "http-to-tls-port"),
        ("plaintext", None),
    ]
    assert report["sessions"][0]["findings"][0]["cause"] == "http-to-tls-port"
    assert report["sessions"][0]["timeline"]
    assert report["sessions"][1]["timeline"] == []
    assert report["incidents"][0]["sessions"] == [0]


def test_jsonl_ends_with_a_line_without_outcome(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run_here(capsys, "analyze", "failed.pcap", "fine.pcap", "--format", "jsonl")
    *sessions, last = [json.loads(line) for line in out.splitlines()]
    assert len({session["id"] for session in sessions}) == len(sessions) == 3
    assert {session["capture"] for session in sessions} == {0, 1}
    assert [c["path"] for c in last["captures"]] == ["failed.pcap", "fine.pcap"]
    assert "outcome" not in last
    assert last["summary"]["sessions"] == 3


def test_timeline_all(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run_here(capsys, "analyze", "fine.pcap", "--format", "json", "--timeline", "all")
    assert [entry["event"] for entry in json.loads(out)["sessions"][0]["timeline"]][:2] == ["SYN", "SYN, ACK"]


def test_tls_port(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes that are no TLS fail a session only where TLS is to be expected."""
    (captures / "odd.pcap").write_bytes(capture((7777, [*HTTP_TO_TLS[:4], (False, 4, 5001, 1028, b"")])))
    outcomes = []
    for flags in ([], ["--tls-port", "7777"]):
        _, out, _ = run_here(capsys, "analyze", "odd.pcap", "--format", "json", *flags)
        outcomes.append(json.loads(out)["sessions"][0]["cause"])
    assert outcomes[0] != "http-to-tls-port"
    assert outcomes[1] == "http-to-tls-port"


def test_text_tells_the_failure(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run_here(capsys, "analyze", "failed.pcap")
    assert (status, err) == (0, "")
    assert "2 sessions    1 failed    1 plaintext" in out
    assert "tcp.stream eq 0" in out
    assert "\x1b" not in out


def test_language(captures: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Text follows the locale, JSON is English until asked; keys stay."""
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    _, out, _ = run_here(capsys, "analyze", "failed.pcap")
    assert "失敗" in out
    _, out, _ = run_here(capsys, "analyze", "failed.pcap", "--lang", "en")
    assert "1 failed" in out
    titles = []
    for flags in ([], ["--lang", "ja"], ["--lang", "en"]):
        _, out, _ = run_here(capsys, "analyze", "failed.pcap", "--format", "json", *flags)
        titles.append(json.loads(out)["sessions"][0]["findings"][0]["title"])
    assert titles[0] == titles[2]
    assert titles[1] != titles[0]
    assert not titles[1].isascii()


def test_explain(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, listed, _ = run_here(capsys, "explain")
    assert status == 0
    assert "http-to-tls-port" in listed
    status, page, _ = run_here(capsys, "explain", "http-to-tls-port")
    assert status == 0
    assert len(page.splitlines()) > 5
    _, japanese, _ = run_here(capsys, "explain", "http-to-tls-port", "--lang", "ja")
    assert not japanese.isascii()
    status, out, err = run_here(capsys, "explain", "no-such-cause")
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1


# --- exit codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["failed.pcap"], 0),
        (["failed.pcap", "--exit-code"], 1),
        (["fine.pcap", "--exit-code"], 0),
        (["empty.pcap"], 0),
        (["zero.pcap"], 0),
        (["cut.pcap"], 0),
        (["notes.txt"], 2),
        (["missing.pcap"], 2),
        (["missing.pcap", "fine.pcap"], 0),
        (["fine.pcap", "notes.txt"], 0),
        (["missing.pcap", "failed.pcap", "--exit-code"], 1),
        (["."], 0),
        ([], 2),
        (["fine.pcap", "--format", "xml"], 2),
        (["fine.pcap", "--tls-port", "0"], 2),
        (["fine.pcap", "--tls-port", "https"], 2),
        (["fine.pcap", "--jobs", "0"], 2),
        (["fine.pcap", "--lang", "fr"], 2),
        (["fine.pcap", "-q", "-v"], 2),
        (["fine.pcap", "--keylog", "x"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_exit_status(
    captures: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, form: str
) -> None:
    given = arguments if "--format" in arguments else [*arguments, "--format", form]
    code, out, err = run_here(capsys, "analyze", *given)
    assert code == status
    assert "Traceback" not in err
    if status == 2:
        assert out == ""
        assert err
    else:
        assert out


def test_an_unreadable_input_is_one_line_and_the_rest_is_analysed(
    captures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run_here(capsys, "analyze", "missing.pcap", "failed.pcap", "notes.txt", "--format", "json")
    assert status == 0
    assert len(err.splitlines()) == 2
    assert err.startswith("capanalyzer: missing.pcap: ")
    report = json.loads(out)
    assert len(report["sessions"]) == 2
    assert [one["path"] for one in report["unreadable"]] == ["missing.pcap", "notes.txt"]


def test_a_damaged_capture_is_told_once(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error beside JSON, in the report itself as text; -q silences the first."""
    _, out, err = run_here(capsys, "analyze", "cut.pcap", "--format", "json")
    (warning,) = json.loads(out)["captures"][0]["warnings"]
    assert err == f"capanalyzer: cut.pcap: {warning}\n"
    _, _, err = run_here(capsys, "analyze", "cut.pcap", "--format", "json", "-q")
    assert err == ""
    _, out, err = run_here(capsys, "analyze", "cut.pcap")
    assert err == ""
    assert warning.split()[0] in out


def test_no_permission(captures: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated, because root may read everything."""

    class Refusing(io.FileIO):
        def __init__(self, path: Any, *arguments: Any) -> None:
            if path == "fine.pcap":
                raise PermissionError(13, os.strerror(13), path)
            super().__init__(path, *arguments)

    monkeypatch.setattr(io, "FileIO", Refusing)
    status, out, err = run_here(capsys, "analyze", "fine.pcap")
    assert (status, out) == (2, "")
    assert err.startswith("capanalyzer: fine.pcap: permission denied")
    assert len(err.splitlines()) == 1


def test_hostile_file_names_are_shown_not_obeyed(captures: Path) -> None:
    """Escape sequences, line ends and bytes that are no UTF-8 in a name; the document stays valid."""
    name = b"a\x1b[31m\nb\xff.pcap"
    (Path(os.fsdecode(name))).write_bytes(ONE_FAILED)
    for form in ("text", "json"):
        result = subprocess.run(
            [*COMMAND, "analyze", name, b"gone\x1b[2J\nfile", "--format", form],
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0
        assert b"\x1b" not in result.stdout + result.stderr
        assert len(result.stderr.splitlines()) == 1
        result.stdout.decode("utf-8")


# --- where results go -------------------------------------------------------------------------------------------------


def test_output_file_appears_whole(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Written beside its target and renamed; nothing else is left, and the mode is the usual one."""
    before = set(captures.iterdir())
    status, out, _ = run_here(capsys, "analyze", "failed.pcap", "--format", "json", "-o", "report.json")
    assert (status, out) == (0, "")
    assert {path.name for path in set(captures.iterdir()) - before} == {"report.json"}
    assert len(json.loads((captures / "report.json").read_bytes())["sessions"]) == 2
    mask = os.umask(0)
    os.umask(mask)
    assert (captures / "report.json").stat().st_mode & 0o777 == 0o666 & ~mask


def test_output_is_not_touched_when_nothing_can_be_analysed(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (captures / "report.json").write_text("the old one")
    status, _, _ = run_here(capsys, "analyze", "missing.pcap", "--format", "json", "-o", "report.json")
    assert status == 2
    assert (captures / "report.json").read_text() == "the old one"
    assert not list(captures.glob(".report*"))


def test_output_keeps_mode_and_link_of_what_it_replaces(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (captures / "real.txt").write_text("old")
    (captures / "real.txt").chmod(0o640)
    (captures / "link.txt").symlink_to("real.txt")
    assert run_here(capsys, "analyze", "failed.pcap", "-o", "link.txt")[0] == 0
    assert (captures / "link.txt").is_symlink()
    assert "1 failed" in (captures / "real.txt").read_text("utf-8")
    assert (captures / "real.txt").stat().st_mode & 0o777 == 0o640


def test_output_never_replaces_a_capture(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where it is found in a folder, or not read at all."""
    target = captures / "failed.pcap"
    before = target.read_bytes()
    for given in (str(captures), str(target)):
        status, out, err = run_here(capsys, "analyze", given, "-o", str(target))
        assert (status, out) == (2, "")
        assert "capture" in err
    assert target.read_bytes() == before


@pytest.mark.parametrize("option", ["-o", "--evidence"])
def test_an_empty_name_is_a_usage_error(option: str, captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run_here(capsys, "analyze", str(captures / "failed.pcap"), option, "")
    assert (status, out) == (2, "")
    assert option in err


def test_a_locale_without_the_characters(captures: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "capanalyzer", "explain", "not-tls", "--lang", "ja"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"\\u" in result.stdout


def test_output_to_a_device_and_to_standard_output(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(capsys, "analyze", "failed.pcap", "-o", "/dev/null") == (0, "", "")
    assert Path("/dev/null").is_char_device()
    assert "1 failed" in run_here(capsys, "analyze", "failed.pcap", "-o", "-")[1]


@pytest.mark.parametrize("target", ["no/such/folder/report.txt", ".", "failed.pcap"])
def test_output_that_cannot_be_written(captures: Path, capsys: pytest.CaptureFixture[str], target: str) -> None:
    """Told in one line, before the work; a capture is never overwritten by its report."""
    status, out, err = run_here(capsys, "analyze", "failed.pcap", "-o", target)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    if "/" in target:
        assert err == f"capanalyzer: {target}: No such file or directory\n"
    assert (captures / "failed.pcap").read_bytes() == ONE_FAILED


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_one_line(unbuffered: str, captures: Path) -> None:
    """Also where the interpreter finds at its exit what could not be written."""
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full on this system")
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [*COMMAND, "analyze", "failed.pcap", "--format", "json"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert b"Traceback" not in result.stderr


def test_standard_input(captures: Path) -> None:
    result = run("analyze", "-", "--format", "json", given=ONE_FAILED)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["captures"][0]["path"] == "-"
    assert report["summary"]["outcomes"]["failed"] == 1


def test_a_reader_that_leaves_early_is_no_error(captures: Path) -> None:
    """``| head -1``: no message, whatever is left unwritten."""
    many = capture(*((443, HTTP_TO_TLS) for _ in range(400)))
    (captures / "many.pcap").write_bytes(many)
    with subprocess.Popen(
        [*COMMAND, "analyze", "many.pcap", "--format", "jsonl"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_control_c_is_clean(captures: Path) -> None:
    """Interrupted while it waits for a pipe: one line, no report, no leftovers."""
    with subprocess.Popen(
        [*COMMAND, "analyze", "-", "-o", "report.txt"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 60
        while not list(captures.glob(".report*")) and time.monotonic() < deadline:
            select.select([], [], [], 0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == b"capanalyzer: interrupted\n"
    assert not list(captures.glob("*report*"))
    assert not list(captures.glob(".report*"))


def assert_is_interrupted(program: str, folder: Path) -> None:
    """A program that is one of ours, interrupted, ends as that."""
    (folder / "interrupted.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"],
        capture_output=True,
        check=False,
        timeout=60,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": PROJECT},
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"capanalyzer: interrupted\n")


def test_control_c_while_modules_are_imported_is_clean(tmp_path: Path) -> None:
    """Dataclasses are made by executing a text: an interrupt that comes just then is one like all others."""
    program = """
import sys
from capanalyzer import cli

def interrupted(options):
    exec("raise KeyboardInterrupt")

cli.analyze.run = interrupted
sys.exit(cli.main(["analyze", "-"]))
"""
    assert_is_interrupted(program, tmp_path)


def test_control_c_within_a_callback_is_not_lost(tmp_path: Path) -> None:
    """Nothing can leave the callback of a weak reference; Python has many of them while it imports."""
    program = """
import select, signal, sys, weakref
from capanalyzer import cli

class Gone:
    pass

def interrupted(options):
    gone = Gone()
    watching = weakref.ref(gone, lambda _: signal.raise_signal(signal.SIGINT))
    del gone
    select.select([], [], [], 30)
    return 0

cli.analyze.run = interrupted
sys.exit(cli.main(["analyze", "-"]))
"""
    assert_is_interrupted(program, tmp_path)


# --- terminals --------------------------------------------------------------------------------------------------------


def in_terminal(*arguments: str, **environment: str) -> bytes:
    """What a terminal of 80 columns gets to see on standard output."""
    master, slave = pty.openpty()
    try:
        subprocess.run(
            [*COMMAND, *arguments],
            stdout=slave,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "80", "PYTHONPATH": PROJECT, **environment},
            check=False,
            timeout=60,
        )
    finally:
        os.close(slave)
    with os.fdopen(master, "rb") as screen:
        return b"".join(read_screen(screen.raw if hasattr(screen, "raw") else screen))


def read_screen(screen: object) -> Iterator[bytes]:
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while piece := screen.read(4096):  # type: ignore[attr-defined]  # a raw file
            yield piece


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
    ids=["terminal", "no-color", "no-color-empty", "dumb"],
)
def test_colour_only_where_it_is_wanted(captures: Path, environment: dict[str, str], coloured: bool) -> None:
    screen = in_terminal("analyze", "failed.pcap", **environment)
    assert b"failed" in screen
    assert (b"\x1b[" in screen) is coloured


def test_a_terminal_without_utf8_gets_ascii(captures: Path) -> None:
    screen = in_terminal("analyze", "failed.pcap", "--lang", "en", PYTHONIOENCODING="ascii", NO_COLOR="1")
    assert screen.isascii()
    assert b"--->" in screen
