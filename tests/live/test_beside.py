"""Records, metrics and notifications together, by the command itself, with the rights that it leaves itself."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from capanalyzer.cli import main
from tests.live.systemd import systemd
from tests.live.test_hooks import Receiver
from tests.ports import held_port
from tests.test_pcaps import PCAPS, capture_of

CAPTURE = capture_of(PCAPS / "certificate-expired-every-client")
COUNTED = 'capanalyzer_incidents_total{cause="certificate-expired"} 1.0'


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that another user can reach, too."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def port() -> Iterator[int]:
    with held_port() as held:
        yield held


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        text: str = answer.read().decode()
    return text


def test_all_of_it(place: Path, port: int) -> None:
    """The incident is told both ways and counted, its session recorded, all packets written, and the end is clean."""
    receiver = Receiver(None)
    out = place / "out"
    out.mkdir(mode=0o777)
    out.chmod(0o777)
    script = place / "hook"
    script.write_text(f'#!/bin/sh\ncat > "{out}/$CAPANALYZER_CAUSE"\nid -un >> {out}/user\n', "utf-8")
    script.chmod(0o755)
    records, everything = place / "records", place / "all"
    command = [
        sys.executable, "-m", "capanalyzer", "live", "-r", "-", "--format", "jsonl", "-o", str(out / "lines"),
        "--record", str(records), "--record-all", str(everything), "--metrics-port", str(port),
        "--webhook", f"{receiver.url}/x", "--exec", str(script),
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        assert process.stdin is not None
        process.stdin.write(CAPTURE.read_bytes())
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not (list(records.glob("*.md")) and receiver.requests and (out / "user").exists()):
            assert process.poll() is None
            assert time.monotonic() < deadline, [list(each.iterdir()) for each in (records, everything, out)]
            time.sleep(0.05)
        while COUNTED not in (metrics := scraped(port)):  # once a second
            assert time.monotonic() < deadline, metrics
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=60)
    receiver.server.shutdown()
    receiver.server.server_close()
    assert (process.returncode, complaints) == (0, b"")
    sessions = [json.loads(line) for line in (out / "lines").read_text("utf-8").splitlines()]
    failed = {session["id"] for session in sessions if session.get("outcome") == "failed"}
    body = json.loads(receiver.requests[0][2])
    assert body["incident"]["cause"] == "certificate-expired"
    assert body["source"] == "standard input"
    assert body["session"] in failed
    assert json.loads((out / "certificate-expired").read_text("utf-8")) == body
    if os.geteuid() == 0:
        assert (out / "user").read_text("utf-8").split()[0] == "nobody"
    recorded = {json.loads(path.read_text("utf-8"))["sessions"][0]["id"] for path in records.glob("*.json")}
    assert recorded == failed
    assert len(list(records.glob("*.pcapng"))) == len(failed)
    assert len(list(everything.glob("*.pcapng"))) == 1
    assert 'capanalyzer_records_total{result="failed"} 0.0' in metrics


CONTAINER = ("net_raw", "setuid", "setgid", "setpcap", "chown")
"""Capabilities that contrib/container gives root: none to read or write what is another's."""


def test_it_is_started_again_in_a_container(place: Path) -> None:
    """The folders of the first run belong to nobody now, and root may not even look into them."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv")
    records, everything = place / "records", place / "all"
    command = [
        "setpriv", "--bounding-set=-all," + ",".join(f"+{one}" for one in CONTAINER),
        sys.executable, "-m", "capanalyzer", "live", "-r", "-",
        "--record", str(records), "--record-count", "2", "--record-all", str(everything), "--record-all-files", "2",
    ]  # fmt: skip

    def run() -> set[str]:
        done = subprocess.run(command, input=CAPTURE.read_bytes(), capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert {folder.stat().st_mode & 0o777 for folder in (records, everything)} == {0o750}
        assert records.stat().st_uid == everything.stat().st_uid == pwd.getpwnam("nobody").pw_uid
        return {path.name for path in everything.iterdir()}

    first = run()
    for path in records.iterdir():
        os.utime(path, (1, 1))
    run()
    third = run()
    assert len(third) == 2, "files of former runs are counted"
    assert not first & third
    assert len(list(records.glob("*.json"))) == 2
    assert not [path for path in records.iterdir() if path.stat().st_mtime == 1], "and old records have left"


def test_a_second_signal_does_not_wait_for_what_hangs(place: Path) -> None:
    """A program that was started for an incident, here; the first signal would give it ten seconds."""
    place.chmod(0o777)
    script = place / "hook"
    script.write_text(f"#!/bin/sh\necho $$ > {place}/number\ntouch {place}/started\nexec sleep 60\n", "utf-8")
    script.chmod(0o755)
    command = [sys.executable, "-m", "capanalyzer", "live", "-r", "-", "--exec", str(script)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with (
        systemd(place) as told,
        subprocess.Popen(command, env=os.environ | {"NOTIFY_SOCKET": str(told.path)}, **pipes) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(CAPTURE.read_bytes())
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not (place / "started").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.terminate()
        told.wait_for("STOPPING=1")  # else the two might arrive as one
        process.terminate()
        _, complaints = process.communicate(timeout=60)
    os.kill(int((place / "number").read_text("ascii")), signal.SIGKILL)  # it was not waited for
    assert (process.returncode, complaints) == (130, b"capanalyzer: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--record-size", "50"], "--record-size needs --record"),
        (["--metrics-address", "::1"], "--metrics-address needs --metrics-port"),
        (["--webhook", "secret"], "--webhook needs a URL like https://HOST/PATH"),
        (["--exec", "/no/such/program"], "--exec: /no/such/program: no such program, or it must not be run"),
        (["--record", "/proc/none"], "/proc/none: No such file or directory"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live", "-r", str(CAPTURE), *arguments]) == 2
    assert capsys.readouterr().err == f"capanalyzer: {line}\n"


def test_a_port_in_use_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["live", "-r", str(CAPTURE), "--metrics-port", str(port)]) == 2
    assert capsys.readouterr().err == f"capanalyzer: --metrics-port {port}: 127.0.0.1: Address already in use\n"
