"""The systemd unit: systemd understands it, holds it to be well confined, and its command line is one of ours."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from capanalyzer.cli import _parser
from capanalyzer.live.hooks import outbox
from capanalyzer.live.recorder import writing
from tests.test_pcaps import PCAPS

UNIT = PCAPS.parent / "contrib/systemd/capanalyzer-live.service"
CONTAINERFILE = PCAPS.parent / "contrib/container/Containerfile"
MOST_EXPOSED = 2.0
"""Of 10; a unit without any option has 9.6. What is left is what it is for: packets, and the network."""


@pytest.fixture(scope="module")
def systemd_analyze() -> str:
    path = shutil.which("systemd-analyze")
    if path is None:
        pytest.skip("systemd is not installed")
    return path


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """With a program that is there."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text("utf-8").replace("/usr/local/bin/capanalyzer", sys.executable), "utf-8")
    return copy


def test_systemd_understands_it(systemd_analyze: str, unit: Path) -> None:
    done = subprocess.run([systemd_analyze, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_it_is_confined(systemd_analyze: str, unit: Path) -> None:
    command = [systemd_analyze, "security", "--offline=yes", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    level = re.search(r"exposure level for .*: (\d+\.\d+)", done.stdout)
    assert level is not None, done.stdout
    assert float(level[1]) <= MOST_EXPOSED


def test_it_is_started_again_without_end() -> None:
    """An interface that was removed ends a run with status 2, and may be back hours later."""
    text = UNIT.read_text("utf-8")
    assert re.search(r"^Restart=on-failure$", text, re.MULTILINE)
    assert re.search(r"^StartLimitIntervalSec=0$", text, re.MULTILINE)


def test_it_has_time_for_its_last_words() -> None:
    """Even if the disk, the webhook and the program that are waited for in turn all hang, it is not killed."""
    longest_s = 2 * writing.CLOSING_S + 2 * outbox.CLOSING_S + 2
    [allowed] = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT.read_text("utf-8"), re.MULTILINE)
    [container] = re.findall(r"--stop-timeout=(\d+) ", CONTAINERFILE.read_text("utf-8"))
    assert longest_s + 20 < int(allowed) == int(container)
    assert f"for {longest_s:.0f} s if" in UNIT.read_text("utf-8")


def options_of(words: list[str]) -> dict[str, object]:
    assert words[0].endswith("capanalyzer")
    return vars(_parser().parse_args(words[1:]))


def test_its_command_line() -> None:
    [line] = re.findall(r"^ExecStart=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)
    line = line.replace("${STATE_DIRECTORY}", "/var/lib/capanalyzer").replace("$CAPANALYZER_OPTIONS", "-i eth0")
    options = options_of(shlex.split(line))
    assert (options["record"], options["metrics_port"]) == ("/var/lib/capanalyzer", 9469)


def test_the_command_line_of_the_container() -> None:
    """As its comment gives it."""
    text = CONTAINERFILE.read_text("utf-8")
    [line] = re.findall(r" capanalyzer (-i eth0 .*)$", text, re.MULTILINE)
    assert options_of(["capanalyzer", "live", *shlex.split(line)])["record"] == "/records"
    assert 'ENTRYPOINT ["capanalyzer", "live"]' in text


def test_the_container_is_built_from_what_is_there() -> None:
    """What the recipe copies is in the project, and holds what the build reads."""
    copied = re.findall(r"^COPY ([^-].*) \S+$", CONTAINERFILE.read_text("utf-8"), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    project = tomllib.loads((PCAPS.parent / "pyproject.toml").read_text("utf-8"))["project"]
    assert names == {"capanalyzer", "pyproject.toml", "setup.py", project["readme"], *project["license-files"]}
    assert all((PCAPS.parent / name).exists() for name in names)
