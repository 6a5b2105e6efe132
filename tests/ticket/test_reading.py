"""Reports read back: JSON and JSONL, of today and of version 1.0, whole and broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from capanalyzer.cli import main
from capanalyzer.errors import TicketError
from capanalyzer.ticket.document import Markup
from capanalyzer.ticket.markup.markdown import Markdown
from capanalyzer.ticket.markup.plain import Plain
from capanalyzer.ticket.parcel import gather
from capanalyzer.ticket.reading import Report, read_report
from capanalyzer.ticket.summary import MAX_INCIDENTS, compose, title
from tests.conftest import PROJECT

CASES = ("http-to-tls-odd-port", "healthy-tls13", "certificate-expired-every-client", "server-silent", "one-sided")


def analysed(tmp_path: Path, form: str, *cases: str) -> Path:
    captures = [str(PROJECT / "pcaps" / case / "capture.pcapng") for case in cases]
    path = tmp_path / f"report.{form}"
    assert main(["analyze", *captures, "--format", form, "--lang", "en", "-o", str(path)]) == 0
    return path


def text_of(report: Report | None, lang: str = "en", max_chars: int = 100_000, markup: Markup | None = None) -> str:
    return compose(report, [], [], "0" * 64, markup=markup or Plain(), lang=lang, max_chars=max_chars)


@pytest.mark.parametrize("case", CASES)
def test_both_forms_say_the_same(case: str, tmp_path: Path) -> None:
    one, other = (read_report(str(analysed(tmp_path, form, case))) for form in ("json", "jsonl"))
    assert one is not None
    assert one == other


def test_several_captures(tmp_path: Path) -> None:
    report = read_report(str(analysed(tmp_path, "json", *CASES)))
    assert report is not None
    text = text_of(report)
    for incident in report.incidents:
        assert incident.cause in text
        assert f"{incident.server.ip}:{incident.server.port}" in text
    assert "further incident" in title(report, "en")
    assert [capture.path for capture in report.captures] == [f"{case}/capture.pcapng" for case in CASES]
    assert str(PROJECT) not in text


def test_a_healthy_capture(tmp_path: Path) -> None:
    report = read_report(str(analysed(tmp_path, "json", "healthy-tls13")))
    assert report is not None
    assert "No session failed" in text_of(report)
    assert title(report, "ja").startswith("TLS: 失敗したセッションなし")


def test_a_report_of_version_1_0(tmp_path: Path) -> None:
    """Before incidents had sentences of their own the finding's explanation says it."""
    path = analysed(tmp_path, "json", "certificate-expired-every-client")
    document = json.loads(path.read_text())
    document["schema_version"] = "1.0"
    for incident in document["incidents"]:
        for key in ("title", "sentence", "confidence", "blame"):
            del incident[key]
    path.write_text(json.dumps(document))
    report = read_report(str(path))
    assert report is not None
    text = text_of(report)
    assert "certificate-expired, certain" in text
    assert document["sessions"][document["incidents"][0]["sessions"][0]]["findings"][0]["explanation"] in text


def test_lines_of_logs_are_told_with_the_incident(tmp_path: Path) -> None:
    """Of both sides of a BIG-IP; where they stand is told without this machine's folders."""
    lines = tmp_path / "ltm"
    start = "Nov 26 17:14:14 bigip1 warning tmm1[17190]: 01260013:4: SSL Handshake failed for TCP "
    ends = ("192.0.2.10:34612 -> 192.0.2.1:443", "198.51.100.1:33322 -> 198.51.100.20:8443")
    lines.write_text("".join(f"{start}{one}\n" for one in ends))
    path = tmp_path / "report.json"
    capture = PROJECT / "pcaps" / "big-ip-plaintext-member" / "capture.pcapng"
    assert (
        main(["analyze", str(capture), "--log", str(lines), "--lang", "en", "--format", "json", "-o", str(path)]) == 0
    )
    text = text_of(read_report(str(path)), markup=Markdown())
    assert "2 sessions, 1 client, 2 log lines" in text
    for number, one in enumerate(ends, 1):
        assert f"`ltm:{number}` `{start}{one}`" in text
    assert str(tmp_path) not in text
    assert "a TLS handshake failed between these two addresses, certain" in text


def test_what_is_no_report(tmp_path: Path) -> None:
    for name, content in (("a.json", "{}"), ("b.json", "[1]"), ("c.json", ""), ("d.txt", "text")):
        (tmp_path / name).write_text(content)
        assert read_report(str(tmp_path / name)) is None


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_broken_report(form: str, tmp_path: Path) -> None:
    path = analysed(tmp_path, form, "http-to-tls-odd-port")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 200])
    with pytest.raises(TicketError, match="is no whole report"):
        read_report(str(path))


def test_a_newer_report(tmp_path: Path) -> None:
    path = analysed(tmp_path, "json", "http-to-tls-odd-port")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": "2.0"}))
    with pytest.raises(TicketError, match=r"version 2\.0"):
        read_report(str(path))


def test_many_incidents_are_cut_to_what_fits(tmp_path: Path) -> None:
    path = analysed(tmp_path, "json", "http-to-tls-odd-port")
    document = json.loads(path.read_text())
    several = [incident | {"cause": f"cause-{n}"} for n in range(30) for incident in document["incidents"]]
    document["incidents"] = several
    path.write_text(json.dumps(document))
    report = read_report(str(path))
    whole = text_of(report, markup=Markdown())
    assert f"### {MAX_INCIDENTS}" in whole
    assert f"{3 * (30 - MAX_INCIDENTS)} further incidents are in the report." in whole
    assert whole.count("Likewise: ") == 2 * MAX_INCIDENTS
    for limit in (8000, 4000, 1500, 200):
        text = text_of(report, max_chars=limit)
        assert len(text) <= limit
        assert "capanalyzer:" in text
    assert len(title(report, "en")) <= 200


def test_texts_from_the_wire_do_not_leave_their_line(tmp_path: Path) -> None:
    path = analysed(tmp_path, "json", "http-to-tls-odd-port")
    document = json.loads(path.read_text())
    evil = "evil\n\n# heading\n- @admin `x` [x](http://evil.example)\u202e"
    document["captures"][0]["path"] = "folder\\" + evil
    document["captures"][0]["warnings"] = [evil]
    document["summary"]["notes"] = [evil]
    for incident in document["incidents"]:
        incident |= {"sni": evil, "title": evil, "sentence": evil, "cause": evil}
    for session in document["sessions"]:
        session["display_filter"] = evil
        for finding in session["findings"]:
            finding["remedies"] = [evil]
    path.write_text(json.dumps(document))
    report = read_report(str(path))
    for markup in (Plain(), Markdown()):
        lines = text_of(report, markup=markup).splitlines()
        assert not [line for line in lines if line.startswith(("# ", "evil", "- @"))]
    assert "\n" not in title(report, "en")


def test_the_files_are_listed_with_their_hashes(tmp_path: Path) -> None:
    path = analysed(tmp_path, "json", "http-to-tls-odd-port")
    items = gather([str(path)], str(tmp_path))
    text = compose(read_report(str(path)), items, [], "0" * 64, markup=Plain(), lang="en", max_chars=100_000)
    assert items[0].name in text
    assert items[0].sha256 in text
