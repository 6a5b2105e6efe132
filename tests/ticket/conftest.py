"""Certificates, reports and an environment without anybody's credentials."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from capanalyzer.cli import main
from capanalyzer.ticket import pace
from tests.conftest import PROJECT


@dataclass
class Outcome:
    status: int
    out: str
    err: str


@dataclass
class Pauses:
    """What would have been waited, in seconds."""

    taken: list[float] = field(default_factory=list)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture(autouse=True)
def environment(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A home of its own; the tests' authority is trusted; the machine's settings do not count."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith("CAPANALYZER_") or name.lower().endswith("_proxy") or name in ("NETRC", "XDG_STATE_HOME"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    authority.cert_pem.write_to_path(str(home / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(home / "authority.pem"))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    return home


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    taken = Pauses()
    monkeypatch.setattr(pace, "sleep", taken.taken.append)
    return taken


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``report.json``, ``report.txt`` and a folder ``evidence`` of one capture."""
    folder = tmp_path_factory.mktemp("report")
    capture = PROJECT / "pcaps" / "http-to-tls-odd-port" / "capture.pcapng"
    for name, form in (("report.json", "json"), ("report.txt", "text")):
        arguments = ["analyze", str(capture), "--format", form, "--lang", "en", "-o", str(folder / name)]
        assert main(arguments) == 0
    (folder / "evidence").mkdir()
    (folder / "evidence" / "session-0.pcapng").write_bytes(capture.read_bytes())
    return folder


def expected_in(report: Path) -> list[str]:
    """What a ticket's text has to hold, in every markup as it stands: of each incident its server and its session."""
    document = json.loads((report / "report.json").read_text())
    pieces = [document["incidents"][0]["title"]]
    for incident in document["incidents"]:
        session = next(one for one in document["sessions"] if one["id"] == incident["sessions"][0])
        server = incident["server"]
        pieces += [incident["cause"], f"{server['ip']}:{server['port']}", session["display_filter"]]
    return pieces


Attach = Callable[..., Outcome]


@pytest.fixture
def attach(capsys: pytest.CaptureFixture[str]) -> Attach:
    """The command, run in this process."""

    def run(*arguments: str | Path) -> Outcome:
        status = main(["attach", *map(str, arguments)])
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run
