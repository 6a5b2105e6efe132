"""What the README and the pages in docs/ show works: Python examples run, commands exist."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import textwrap
from pathlib import Path

import pytest

from capanalyzer import cli
from capanalyzer.report import model

PROJECT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_python_example_runs(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (PROJECT / name).read_text("utf-8"), re.DOTALL)
    monkeypatch.chdir(PROJECT)
    exec(compile(example, name, "exec"), {})
    assert "http-to-tls-port" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["README.md", "README.ja.md", *(f"docs/{path.name}" for path in sorted((PROJECT / "docs").glob("*.md")))]
)
def test_commands_are_understood(name: str) -> None:
    """Every capanalyzer command line shown parses, flags and causes included."""
    text = (PROJECT / name).read_text("utf-8")
    parts = [
        part
        for line in text.splitlines()
        if line.startswith("    ")
        for part in re.split(r" \|(?: |$)", line.split("#")[0])
    ]
    commands = [part[part.index("capanalyzer ") :].strip() for part in parts if "capanalyzer " in part]
    assert len(commands) >= (10 if name.startswith("README") else 1)
    for command in commands:
        with contextlib.redirect_stderr(io.StringIO()):
            options = cli._parser().parse_args(shlex.split(command)[1:])
        assert options.run in [known.run for known in cli.COMMANDS], command


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_report_shown_is_the_one_printed(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sample report is what the command above it prints in a terminal of the usual width."""
    text = (PROJECT / name).read_text("utf-8")
    command, shown = re.findall(r"^ {4}\$ capanalyzer (.*)\n((?: {4}.*\n|\n)+)", text, re.MULTILINE)[0]
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(shlex.split(command)) == 0
    printed = capsys.readouterr().out
    lines = [[line.rstrip() for line in side.strip().splitlines()] for side in (textwrap.dedent(shown), printed)]
    assert lines[0] == lines[1]


@pytest.mark.parametrize("path", sorted((PROJECT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_examples_of_json_have_the_schema_s_version(path: Path) -> None:
    assert set(re.findall(r'"schema_version": "(.*?)"', path.read_text("utf-8"))) <= {model.SCHEMA_VERSION}


def test_both_readmes_show_the_same_commands() -> None:
    """The translation keeps up: the same first words of each command, and the same Python example."""
    shown = []
    for name in ("README.md", "README.ja.md"):
        text = (PROJECT / name).read_text("utf-8")
        commands = [" ".join(c.split()[:2]) for c in re.findall(r"^ {4}(capanalyzer [^#|]*)", text, re.MULTILINE)]
        shown.append((commands, re.findall(r"```python\n(.*?)```", text, re.DOTALL)))
    assert shown[0] == shown[1]
