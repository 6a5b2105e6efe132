"""The second opinion: tshark's reading of our samples, and what is said where readings differ."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from capanalyzer import cli
from capanalyzer.crosscheck import Difference, crosscheck
from capanalyzer.crosscheck.compare import differences
from capanalyzer.crosscheck.facts import facts_of_session
from capanalyzer.crosscheck.second_reading import SecondReading
from capanalyzer.errors import CaptureError, UsageError
from capanalyzer.report import model
from tests.report.samples import failed, session

PCAPS = Path(__file__).resolve().parent.parent.parent / "pcaps"
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

AGREED = (
    "many-clients",
    "certificate-expired",
    "hello-retry",
    "odd-port",
    "starttls",
    "gre",
    "ipv6",
    "middlebox-reset",
)
KNOWN = {
    # tshark reads a port one way only, and on port 443 plaintext is no TLS to it.
    "http-to-tls-port": {(3, "alerts")},
    # An alert that follows bytes which are no TLS.
    "sslv2-hello": {
        *((stream, f"client_hello.{name}") for stream in (0, 1) for name in ("frame", "cipher_suites", "ja3")),
        (1, "alerts"),
    },
}


def capture_of(case: str) -> str:
    [path] = (PCAPS / case).glob("capture.*")
    return str(path)


@needs_tshark
@pytest.mark.parametrize("case", AGREED)
def test_tshark_agrees(case: str) -> None:
    result = crosscheck(capture_of(case))
    assert result.differences == ()
    assert result.facts > 10 * result.streams - 10
    assert not result.problem


@needs_tshark
@pytest.mark.parametrize("case", KNOWN)
def test_where_tshark_sees_less_it_is_told(case: str) -> None:
    assert {(one.stream, one.fact) for one in crosscheck(capture_of(case)).differences} == KNOWN[case]


@needs_tshark
def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    """What both read before the cut is compared, and tshark's complaint is told."""
    whole = Path(capture_of("many-clients")).read_bytes()
    cut = tmp_path / "cut.pcapng"
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    result = crosscheck(str(cut))
    assert result.streams >= 2
    assert result.differences == ()
    assert "cut short" in result.problem


@needs_tshark
def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["crosscheck", capture_of("many-clients"), "--exit-code", "--lang", "en"]) == 0
    printed = capsys.readouterr().out
    assert "4 streams, " in printed
    assert printed.rstrip().endswith("no difference")
    assert cli.main(["crosscheck", capture_of("http-to-tls-port"), "--exit-code", "--lang", "ja"]) == 1
    printed = capsys.readouterr().out
    assert "1 件の相違" in printed
    assert "tcp.stream eq 3" in printed
    assert "tshark      検出なし" in printed


def test_no_such_capture(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["crosscheck", str(tmp_path / "absent.pcap")]) == 2
    assert "absent.pcap: no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("capture", "what"),
    [("-", "standard input"), ("https://files.example.test/a.pcap", "a URL cannot"), ("/", "is a directory")],
)
def test_what_is_no_single_file(capsys: pytest.CaptureFixture[str], capture: str, what: str) -> None:
    assert cli.main(["crosscheck", capture]) == 2
    told = capsys.readouterr().err
    assert f"{capture}: {what}" in told
    assert told.count("\n") == 1


def test_without_tshark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line that says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="needs tshark"):
        crosscheck(capture_of("many-clients"))


@needs_tshark
def test_no_capture_at_all(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no capture\n")
    with pytest.raises(CaptureError):
        crosscheck(str(text))


def reading(*streams: dict[str, str] | model.Session, problem: str = "") -> SecondReading:
    facts = {n: one if isinstance(one, dict) else facts_of_session(one) for n, one in enumerate(streams)}
    return SecondReading("tshark 4", facts, problem)


def test_each_fact_is_compared() -> None:
    """Any fact changed, added or taken away is a difference, and nothing else is."""
    one = session(0)
    facts = facts_of_session(one)
    assert differences([one], reading(one), set()).differences == ()
    for name, value in facts.items():
        changed = {**facts, name: value + "x"}
        assert differences([one], reading(changed), set()).differences == (Difference(0, name, value, value + "x"),)
        absent = {key: other for key, other in facts.items() if key != name}
        assert differences([one], reading(absent), set()).differences == (Difference(0, name, value, None),)
    more = {**facts, "alerts": "7 server internal_error"}
    assert differences([one], reading(more), set()).differences == (
        Difference(0, "alerts", None, "7 server internal_error"),
    )


def test_streams_that_one_of_both_does_not_have() -> None:
    one, other = session(0), session(1)
    found = differences([one], reading(one, other), set()).differences
    assert {difference.stream for difference in found} == {1}
    assert all(difference.ours is None for difference in found)
    assert {difference.stream for difference in differences([one, other], reading(one), set()).differences} == {1}
    stopped = differences([one, other], reading(one, problem="cut short"), set())
    assert stopped.differences == ()
    assert stopped.problem == "cut short"


def test_ports_that_carry_other_protocols_too() -> None:
    """Only the TCP facts count there."""
    one = session(0)
    facts = {**facts_of_session(one), "client_hello.frame": "99", "closed_by": "rst server"}
    result = differences([one], reading(facts), {443})
    assert [difference.fact for difference in result.differences] == ["closed_by"]
    assert result.ports_left_out == (443,)


def test_a_forged_reset_has_the_address_of_another() -> None:
    one = failed(0, closed_by=model.ClosedBy("rst", "middlebox"))
    facts = {**facts_of_session(one), "closed_by": "rst server"}
    assert differences([one], reading(facts), set()).differences == ()
