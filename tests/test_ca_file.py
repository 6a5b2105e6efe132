"""``--ca-file``: roots that the user's clients trust, in the command line, the API and several processes."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

import capanalyzer
from capanalyzer import cli
from capanalyzer.analysis import CaptureRun, Options, analyze_captures
from capanalyzer.parallel import runs as runs_module

PCAPS = Path(__file__).resolve().parent.parent / "pcaps"
UNKNOWN_CA = next((PCAPS / "certificate-unknown-ca").glob("capture*"))
LEAF_ALONE = next((PCAPS / "certificate-chain-incomplete").glob("capture*"))
JUNK = b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"


def pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


@pytest.fixture(scope="module")
def issuing() -> bytes:
    """The intermediate that the server of the sample sends, as PEM: whoever trusts it needs no root."""
    (run,) = analyze_captures([str(UNKNOWN_CA)], Options())
    assert isinstance(run, CaptureRun)
    chains = [session.tls.certificates for session, _ in run.sessions() if session.tls is not None]
    return pem(next(chain[1].der for chain in chains if len(chain) > 1))


@pytest.fixture
def roots(tmp_path: Path, issuing: bytes) -> Path:
    path = tmp_path / "roots.pem"
    path.write_bytes(b"subject=/CN=Our roots\n" + issuing + issuing)
    return path


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = cli.main(["analyze", "--format", "jsonl", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def blames(text: str) -> list[str | None]:
    sessions = [json.loads(line) for line in text.splitlines()[:-1]]
    return [one["blame"] for one in sessions if one["tls"]["certificates"]]


def test_a_root_of_ones_own_makes_a_chain_complete(capsys: pytest.CaptureFixture[str], roots: Path) -> None:
    """Then it is the client that lacks it."""
    assert blames(report(capsys, str(UNKNOWN_CA))[1]) == ["unknown"]
    status, text, errors = report(capsys, "--ca-file", str(roots), str(UNKNOWN_CA))
    assert (status, blames(text), errors) == (0, ["client"], "")


def test_the_api_takes_it_too(roots: Path) -> None:
    found = [s for s in capanalyzer.analyze(UNKNOWN_CA, ca_file=roots) if s.tls is not None and s.tls.certificates]
    assert [session.blame for session in found] == ["client"]
    assert capanalyzer.build_report(UNKNOWN_CA, ca_file=str(roots)).sessions


def test_several_processes_know_it_too(
    capsys: pytest.CaptureFixture[str], roots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_module, "SHARED_BYTES", 1)
    arguments = ("--ca-file", str(roots), str(UNKNOWN_CA), str(LEAF_ALONE))
    assert report(capsys, "--jobs", "3", *arguments) == report(capsys, *arguments)
    alone = ("--ca-file", str(roots), str(UNKNOWN_CA))
    assert report(capsys, "--jobs", "2", *alone) == report(capsys, *alone)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no certificate"),
        (b"# nothing here\n", "holds no certificate"),
        (b"\x30\x82\x01\x00" + bytes(60), "openssl x509 -inform DER"),
        (JUNK, "certificate 1 is not Base64"),
        (pem(b"\x30\x03\x02\x01\x01"), "certificate 1 cannot be read"),
        (None, "No such file"),
    ],
    ids=["empty", "text", "der", "junk", "no certificate", "absent"],
)
def test_a_bad_file_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "bad.pem"
    if content is not None:
        path.write_bytes(content)
    status, out, err = report(capsys, "--ca-file", str(path), str(UNKNOWN_CA))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert str(path) in err
    assert message in err
    with pytest.raises(capanalyzer.UsageError, match=r"bad\.pem"):
        capanalyzer.analyze(UNKNOWN_CA, ca_file=path)


def test_too_large_a_file_is_not_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "large.pem"
    with path.open("wb") as file:
        file.truncate((16 << 20) + 1)
    status, _, err = report(capsys, "--ca-file", str(path), str(UNKNOWN_CA))
    assert (status, err.count("\n")) == (2, 1)
    assert "larger than 16 MB" in err


def test_a_folder_is_no_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, _, err = report(capsys, "--ca-file", str(tmp_path), str(UNKNOWN_CA))
    assert (status, "directory" in err, err.count("\n")) == (2, True, 1)
