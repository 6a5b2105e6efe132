"""Logs given with a capture: the report tells one story, in every form and in every way of making it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from capanalyzer import cli
from capanalyzer.api import analyze, build_report
from capanalyzer.errors import LogError
from capanalyzer.report import model
from capanalyzer.report.proxy_header import proxy_header

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
CAPTURE = str(PCAPS / "certificate-unknown-ca" / "capture.pcapng")
"""Two sessions of 192.0.2.10, ports 41019 and 50555, with 198.51.100.20:443, on 2026-11-26 at 14:36:34 UTC."""
MIXED = str(PCAPS / "health-checks-tls" / "capture.pcapng")

LOG = """\
Nov 26 23:36:34 bigip1 warning tmm1[1]: 01260013:4: SSL Handshake failed for TCP 192.0.2.10:41019 -> 198.51.100.20:443
Nov 26 23:36:34 bigip1 warning tmm2[2]: 01260013:4: SSL Handshake failed for TCP 192.0.2.10%2:50555 -> 198.51.100.20:443
Nov 26 23:36:35 bigip1 warning tmm2[2]: 01260013:4: SSL Handshake failed for TCP 192.0.2.10:50999 -> 198.51.100.20:443
Nov 26 23:36:36 bigip1 notice mcpd[3]: nothing about TLS
Nov 26 23:59:34 bigip1 warning tmm2[2]: 01260013:4: SSL Handshake failed for TCP 203.0.113.77:80 -> 198.51.100.9:443
"""


@pytest.fixture
def again(tmp_path: Path) -> str:
    """The same capture in another file."""
    return str(shutil.copy(CAPTURE, tmp_path / "again.pcapng"))


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "secret-host-ltm"
    path.write_text(LOG)
    return str(path)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert cli.main(["analyze", *arguments, "--format", "json"]) == 0
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    return value


def test_lines_stand_with_their_sessions(capsys: pytest.CaptureFixture[str], log: str) -> None:
    report = told(capsys, CAPTURE, "--log", log)
    first, second = report["sessions"]
    assert [line["line"] for line in first["log_lines"]] == [1]
    assert [line["line"] for line in second["log_lines"]] == [2]
    (line,) = second["log_lines"]
    assert line["text"] == LOG.splitlines()[1]
    assert (line["format"], line["confidence"], line["found_by"]) == ("f5-ltm", "certain", "addresses-and-ports")
    assert (line["time"], line["offset_seconds"]) == ("2026-11-26T14:36:34.000000000Z", -32400.0)
    assert "arrow" in line["meaning"]
    assert report["incidents"][0]["log_lines"] == 2
    assert report["summary"]["log_lines"] == {
        "joined": 2, "unmatched": 2, "failed_with_line": 2, "failed_without_line": 0,
        "sessions_without_line": [],
    }  # fmt: skip
    assert [(line["line"], line["reason"]) for line in report["unmatched_log_lines"]] == [
        (3, "port-not-seen"),
        (5, "outside-capture"),
    ]
    (state,) = report["logs"]
    assert (state["path"], state["lines"], state["recognised"], state["joined"]) == (log, 5, 4, 2)
    assert state["clocks"] == [
        {"capture": 0, "format": "f5-ltm", "offset_seconds": -32400.0, "zone": "+09:00", "days": 0, "matches": 2,
         "matches_by_address": 0, "is_certain": True,
         "text": "time zone +09:00, clock as the capture's (by 2 lines)"}
    ]  # fmt: skip


def test_failures_without_a_line_are_listed(capsys: pytest.CaptureFixture[str], log: str) -> None:
    Path(log).write_text(LOG.splitlines(keepends=True)[0])
    counts = told(capsys, CAPTURE, "--log", log)["summary"]["log_lines"]
    assert (counts["failed_without_line"], counts["sessions_without_line"]) == (1, [1])
    for form in ("text", "markdown", "html"):
        assert cli.main(["analyze", CAPTURE, "--log", log, "--format", form, "--lang", "en"]) == 0
        assert "Failed sessions without a line: 1" in capsys.readouterr().out


def test_without_logs_nothing_is_said_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    report = told(capsys, CAPTURE)
    assert (report["logs"], report["unmatched_log_lines"], report["summary"]["log_lines"]) == ([], [], None)
    assert all(session["log_lines"] == [] for session in report["sessions"])


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_lines_of_jsonl_are_the_same_sessions(capsys: pytest.CaptureFixture[str], log: str, jobs: str) -> None:
    whole = told(capsys, CAPTURE, MIXED, "--log", log)
    assert cli.main(["analyze", CAPTURE, MIXED, "--log", log, "--format", "jsonl", "--jobs", jobs]) == 0
    *lines, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert sorted(lines, key=lambda session: session["id"]) == whole["sessions"]
    assert last["logs"] == whole["logs"]
    assert last["summary"] == whole["summary"]
    assert last["unmatched_log_lines"] == whole["unmatched_log_lines"]


def test_sessions_that_no_line_can_speak_of_do_not_wait(log: str) -> None:
    """Healthy ones of other clients come as they end; the joined ones at their capture's end."""
    ids = [session.id for session in analyze([MIXED, CAPTURE], logs=log)]
    plain = [session.id for session in analyze([MIXED, CAPTURE])]
    assert sorted(ids) == sorted(plain)
    healthy = [session.id for session in analyze(MIXED) if session.outcome == "established"]
    assert healthy
    assert [identity for identity in ids if identity in healthy] == healthy


def test_a_filter_chooses_after_the_join(capsys: pytest.CaptureFixture[str], log: str) -> None:
    report = told(capsys, CAPTURE, "--log", log, "--filter", "client.port=50555")
    assert [session["client"]["port"] for session in report["sessions"]] == [50555]
    assert [len(session["log_lines"]) for session in report["sessions"]] == [1]
    assert report["summary"]["filter"]["left_out"] == 1
    # The line of the session that is left out has its session all the same.
    assert [line["line"] for line in report["unmatched_log_lines"]] == [3, 5]


def test_a_filter_can_ask_for_lines(capsys: pytest.CaptureFixture[str], log: str) -> None:
    assert len(told(capsys, CAPTURE, MIXED, "--log", log, "--filter", "log=f5-ltm")["sessions"]) == 2
    assert not told(capsys, CAPTURE, "--log", log, "--filter", "log=nginx")["sessions"]
    assert not told(capsys, CAPTURE, "--filter", "log=*")["sessions"]


@pytest.mark.parametrize("more", [[], ["--filter", "client.port=50555"], ["--jobs", "2"]], ids=["", "filter", "jobs"])
@pytest.mark.parametrize("form", ["json", "text", "html", "markdown", "csv"])
def test_a_redacted_report_joins_and_names_nobody(
    capsys: pytest.CaptureFixture[str], log: str, again: str, form: str, more: list[str]
) -> None:
    assert cli.main(["analyze", CAPTURE, again, "--log", log, "--redact", "--format", form, *more]) == 0
    text = capsys.readouterr().out
    for secret in ("192.0.2.10", "198.51.100", "203.0.113", "secret-host", "bigip1", "tmm1[", "tmm2["):
        assert secret not in text, secret
    if form == "json":
        report = json.loads(text)
        assert all(session["log_lines"] for session in report["sessions"])
        assert {line["text"] for session in report["sessions"] for line in session["log_lines"]} == {None}
        assert report["logs"][0]["path"] == "log-1"


SECRET = (
    "2026/11/26 14:36:34 [info] 7#7: *1 client sent plain HTTP request to HTTPS port while reading client request "
    'headers, client: 192.0.2.10, server: , request: "GET /login?user=joe&password=hunter2 HTTP/1.1", host: "a"'
)
VALIDITY = (
    '2026-11-26T14:36:34.552239Z 192.0.2.10 41019 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 - "CN=client.example.test" '
    "NotBefore=2023-09-21T22:43:21Z;NotAfter=2024-06-17T22:43:21Z FEF257372D5C14D4 Failed:ClientCertExpired TID_31"
)


@pytest.mark.parametrize("form", ["json", "text", "html", "markdown"])
def test_secrets_in_a_line_are_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    log = tmp_path / "error.log"
    log.write_text(f"{SECRET}\n{VALIDITY}\n")
    evidence = tmp_path / "evidence"
    command = ["analyze", CAPTURE, "--log", str(log), "--format", form, "-v", "--evidence", str(evidence)]
    assert cli.main(command) == 0
    text = capsys.readouterr().out
    assert "hunter2" not in text
    assert all(b"hunter2" not in path.read_bytes() for path in evidence.iterdir())
    if form == "json":
        report = json.loads(text)
        lines = [line for session in report["sessions"] for line in session["log_lines"]] + report[
            "unmatched_log_lines"
        ]
        assert {line["text"] for line in lines} == {
            SECRET.replace("joe", "***").replace("hunter2", "*******"), VALIDITY,
        }  # fmt: skip


def test_evidence_is_written_for_joined_sessions(tmp_path: Path, log: str) -> None:
    report = build_report(CAPTURE, logs=[log], evidence=tmp_path / "evidence")
    assert [len(session.log_lines) for session in report.sessions] == [1, 1]
    assert report.logs[0].joined == 2
    assert len(list((tmp_path / "evidence").iterdir())) == len(report.incidents)


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            [
                "2 log lines have their sessions; 2 lines of failures have none.",
                "time zone +09:00",
                "2 log lines, since",
            ],
        ),
        ("ja", ["ログ 2 行がセッションと対応、失敗を示す 2 行は対応なし。", "タイムゾーン +09:00", "ログ 2 行、"]),
    ],
)
def test_the_text_tells_it(capsys: pytest.CaptureFixture[str], log: str, lang: str, words: list[str]) -> None:
    assert cli.main(["analyze", CAPTURE, "--log", log, "--lang", lang]) == 0
    text = capsys.readouterr().out
    for word in words:
        assert word in text
    assert "192.0.2.10:41019 -> 198.51.100.20:443" in " ".join(text.split())


def test_two_captures_have_a_clock_each(capsys: pytest.CaptureFixture[str], log: str, again: str) -> None:
    """The same connections captured twice: the line is both sessions'."""
    report = told(capsys, CAPTURE, again, "--log", log)
    assert [len(session["log_lines"]) for session in report["sessions"]] == [1, 1, 1, 1]
    assert [clock["capture"] for clock in report["logs"][0]["clocks"]] == [0, 1]
    assert report["summary"]["log_lines"]["joined"] == 2


def test_limits_are_told(monkeypatch: pytest.MonkeyPatch, log: str) -> None:
    monkeypatch.setattr("capanalyzer.report.joined.MAX_UNMATCHED", 1)
    report = build_report(CAPTURE, logs=log)
    assert (len(report.unmatched_log_lines), report.summary.log_lines) == (1, model.LogCounts(2, 2, 2, 0))
    assert report.summary.notes == ()
    monkeypatch.setattr("capanalyzer.logs.kept.MAX_FAILURES", 3)
    monkeypatch.setattr("capanalyzer.logs.join.MAX_SESSIONS", 1)
    report = build_report(CAPTURE, logs=log)
    assert [len(session.log_lines) for session in report.sessions] == [0, 0]
    assert report.logs[0].left_out == 1
    assert report.summary.notes == (
        "1 session was not compared with the logs: there were too many.",
        "1 log line was left out: the logs have too many; cut them to the hours of the capture.",
    )


def test_lines_of_one_session_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch, log: str) -> None:
    monkeypatch.setattr("capanalyzer.report.joined.MAX_LINES_OF_SESSION", 1)
    Path(log).write_text(LOG + LOG)
    report = build_report(CAPTURE, logs=log)
    assert [len(session.log_lines) for session in report.sessions] == [1, 1]
    assert report.logs[0].joined == 4
    assert report.summary.notes == ("2 further log lines of sessions with very many are not shown.",)


def test_the_last_lines_of_a_log_are_kept(monkeypatch: pytest.MonkeyPatch, log: str) -> None:
    """A log begins long before a capture more often than it goes on long after it."""
    monkeypatch.setattr("capanalyzer.logs.kept.MAX_FAILURES", 3)
    report = build_report(CAPTURE, logs=log)
    assert [len(session.log_lines) for session in report.sessions] == [0, 1]


def test_the_report_does_not_overwrite_a_log(capsys: pytest.CaptureFixture[str], log: str) -> None:
    assert cli.main(["analyze", CAPTURE, "--log", log, "-o", log]) == 2
    assert capsys.readouterr().err == f"capanalyzer: {log}: is the log itself; the report would overwrite it\n"
    assert Path(log).read_text() == LOG


def test_a_log_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["analyze", CAPTURE, "--log", "/nowhere/error.log"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "capanalyzer: /nowhere/error.log: there is no such file\n")
    with pytest.raises(LogError):
        build_report(CAPTURE, logs="/nowhere/error.log")


def test_a_log_about_other_things(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cron.log"
    path.write_text("Nov 26 23:36:34 host CRON[1]: (root) CMD (true)\n")
    assert cli.main(["analyze", CAPTURE, "--log", str(path), "--lang", "en"]) == 0
    assert "No line of it is about TLS" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("lang", "empty", "long"),
    [("en", "The log is empty.", "1 line is longer than 64 KiB"), ("ja", "ログは空である。", "1 行が 64 KiB を超える")],
)
def test_what_is_odd_about_a_log_is_said_in_the_report_s_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lang: str, empty: str, long: str
) -> None:
    nothing, huge = tmp_path / "nothing.log", tmp_path / "huge.log"
    nothing.write_bytes(b"")
    huge.write_text("x" * 70_000 + "\n" + LOG)
    arguments = ["analyze", CAPTURE, "--log", str(nothing), "--log", str(huge), "--lang", lang, "--format"]
    for form in ("text", "json"):
        assert cli.main([*arguments, form]) == 0
        out, err = capsys.readouterr()
        for words in (empty, long):
            assert words in " ".join(out.split())
            assert (words in err) is (form == "json")


def test_clocks_of_several_programs_in_one_log_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = tmp_path / "mixed.log"
    mixed.write_text(LOG + "2026-11-26T14:36:34Z http: TLS handshake error from 192.0.2.10:41019: EOF\n")
    assert cli.main(["analyze", CAPTURE, "--log", str(mixed), "--lang", "en"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "f5-ltm: time zone +09:00" in out
    assert "go: clock as the capture's" in out


PROXY_V1 = b"PROXY TCP4 203.0.113.7 198.51.100.9 51000 443\r\n\x16\x03\x01"
PROXY_V2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes([203, 0, 113, 7, 198, 51, 100, 9]) + b"\xc7\x38\x01\xbb"
PROXY_V2_IPV6 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24" + bytes(15) + b"\x01" + bytes(15) + b"\x02\xc7\x38\x01\xbb"
ENDS = (model.Endpoint("203.0.113.7", 51000), model.Endpoint("198.51.100.9", 443))


@pytest.mark.parametrize("opening", [PROXY_V1, PROXY_V2])
def test_the_ends_in_a_proxy_header(opening: bytes) -> None:
    assert proxy_header(opening) == model.ProxyHeader(*ENDS)


def test_the_ends_in_a_proxy_header_of_ipv6() -> None:
    found = proxy_header(PROXY_V2_IPV6)
    assert found == model.ProxyHeader(model.Endpoint("::1", 51000), model.Endpoint("::2", 443))
    mapped = b"PROXY TCP6 ::ffff:203.0.113.7 ::ffff:198.51.100.9 51000 443\r\n"
    assert proxy_header(mapped) == model.ProxyHeader(*ENDS)


@pytest.mark.parametrize(
    "opening",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY TCP4 203.0.113.7 198.51.100.9 51000\r\n",
        b"PROXY TCP4 203.0.113.7 198.51.100.9 51000 70000\r\n",
        b"PROXY TCP4 nobody 198.51.100.9 51000 443\r\n",
        b"PROXY TCP4 " + b"\xff" * 200,
        PROXY_V2[:20],
        PROXY_V2[:15] + b"\x04" + PROXY_V2[16:],
        PROXY_V2[:13] + b"\x31" + PROXY_V2[14:],
        b"GET / HTTP/1.1\r\n",
        b"",
    ],
)
def test_headers_without_addresses(opening: bytes) -> None:
    assert proxy_header(opening) is None


def test_a_session_behind_a_proxy_header_shows_it() -> None:
    capture = PCAPS / "proxy-header" / "capture.pcapng"
    found = [session.proxy_header for session in analyze(str(capture)) if session.proxy_header is not None]
    assert found
    hidden = [
        session.proxy_header
        for session in analyze(str(capture), redact=b"a key of sixteen bytes")
        if session.proxy_header
    ]
    assert len(hidden) == len(found)
    assert msgspec.json.encode(found) != msgspec.json.encode(hidden)


# -- one connection through a BIG-IP, with the lines of both its sides -------------------------------------------------

PROXIED = str(PCAPS / "big-ip-plaintext-member" / "capture.pcapng")
"""Clients' sessions 0 and 2 that work; 1 and 3 are the BIG-IP's own to the member, which speaks plaintext."""
CLIENT_LINE = (
    "Nov 26 17:14:14 bigip1 warning tmm1[17190]: "
    "01260013:4: SSL Handshake failed for TCP 192.0.2.10:34612 -> 192.0.2.1:443\n"
)
SERVER_LINE = CLIENT_LINE.replace("192.0.2.10:34612 -> 192.0.2.1:443", "198.51.100.1:33322 -> 198.51.100.20:8443")


@pytest.fixture
def ltm(tmp_path: Path) -> Path:
    return tmp_path / "ltm"


def test_a_line_of_the_side_that_works_is_in_the_story_of_the_side_that_failed(
    capsys: pytest.CaptureFixture[str], ltm: Path
) -> None:
    ltm.write_text(CLIENT_LINE)
    report = told(capsys, PROXIED, "--log", str(ltm))
    works, failed, _, _ = report["sessions"]
    (own,) = works["log_lines"]
    (other,) = failed["f5"]["other_sides"]
    assert (failed["log_lines"], other["session"], other["log_lines"]) == ([], 0, [own])
    assert works["f5"]["other_sides"][0]["log_lines"] == []
    assert "the client side (client-ssl)" in own["meaning"]
    assert [incident["log_lines"] for incident in report["incidents"]] == [1]
    counts = report["summary"]["log_lines"]
    assert (counts["joined"], counts["failed_with_line"], counts["sessions_without_line"]) == (1, 1, [3])


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("text", " 1 tls-to-http-port its server side "),
        ("markdown", "Session 0, established; its server side (1): `tls-to-http-port`, "),
        ("html", 'its server side (<a href="#session-1">1</a>): <code>tls-to-http-port</code>'),
    ],
)
def test_the_table_names_the_other_side_where_that_is_what_failed(
    capsys: pytest.CaptureFixture[str], ltm: Path, form: str, told: str
) -> None:
    ltm.write_text(CLIENT_LINE)
    assert cli.main(["analyze", PROXIED, "--log", str(ltm), "--format", form]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert told in page
    assert "what failed is its server side" in page


def test_the_failed_side_is_named_by_its_session(capsys: pytest.CaptureFixture[str], ltm: Path) -> None:
    ltm.write_text(SERVER_LINE + CLIENT_LINE)
    works, failed, *_ = told(capsys, PROXIED, "--log", str(ltm))["sessions"]
    other = {"session": 1, "side": "server", "cause": "tls-to-http-port"}
    assert works["log_lines"][0]["failed_side"] == other
    assert failed["log_lines"][0]["failed_side"] is None
    assert failed["f5"]["other_sides"][0]["log_lines"] == works["log_lines"]
    both = str(PCAPS / "big-ip-reset-relayed" / "capture.pcapng")
    ends = ("192.0.2.10:34590 -> 192.0.2.1:443", "198.51.100.1:39328 -> 198.51.100.20:443")
    ltm.write_text("".join(CLIENT_LINE.replace("192.0.2.10:34612 -> 192.0.2.1:443", one) for one in ends))
    assert [s["log_lines"][0]["failed_side"] for s in told(capsys, both, "--log", str(ltm))["sessions"][:2]] == [
        None
    ] * 2


def test_lines_of_two_sides_that_both_failed_are_counted_once(capsys: pytest.CaptureFixture[str], ltm: Path) -> None:
    capture = str(PCAPS / "big-ip-reset-relayed" / "capture.pcapng")
    ends = ("192.0.2.10:34590 -> 192.0.2.1:443", "198.51.100.1:39328 -> 198.51.100.20:443")
    ltm.write_text("".join(CLIENT_LINE.replace("192.0.2.10:34612 -> 192.0.2.1:443", one) for one in ends))
    report = told(capsys, capture, "--log", str(ltm))
    for session in report["sessions"][:2]:
        assert (len(session["log_lines"]), len(session["f5"]["other_sides"][0]["log_lines"])) == (1, 1)
    assert sum(incident["log_lines"] for incident in report["incidents"]) == 2


def test_each_side_says_which_it_is(capsys: pytest.CaptureFixture[str], ltm: Path) -> None:
    ltm.write_text(SERVER_LINE)
    works, failed, _, _ = told(capsys, PROXIED, "--log", str(ltm))["sessions"]
    (own,) = failed["log_lines"]
    assert works["f5"]["other_sides"][0]["log_lines"] == [own]  # healthy, and no line names it: it waited all the same
    assert "the server side (server-ssl)" in own["meaning"]
    assert "looking up the addresses" not in own["meaning"]


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
@pytest.mark.parametrize(
    ("lang", "sides"), [("en", ("Client side", "Server side")), ("ja", ("クライアント側", "サーバ側"))]
)
def test_the_lines_of_both_sides_are_told_client_side_first(
    capsys: pytest.CaptureFixture[str], ltm: Path, form: str, lang: str, sides: tuple[str, str]
) -> None:
    ltm.write_text(SERVER_LINE + CLIENT_LINE)
    assert cli.main(["analyze", PROXIED, "--log", str(ltm), "--format", form, "--lang", lang, "--verbose"]) == 0
    page = "".join(capsys.readouterr().out.split())  # a long path is broken where the line ends
    heads = [f"{side}: " for side in sides]
    if form != "html":
        heads = [
            f"{head}{quote}{ltm}" for head, quote in zip(heads, "``" if form == "markdown" else ["", ""], strict=True)
        ]
    else:
        heads = [f"<b>{head}BIG-IP" for head in heads]
    places = [page.find("".join(head.split())) for head in heads]
    assert -1 < places[0] < places[1]


def test_a_redacted_story_has_the_lines_and_no_text(capsys: pytest.CaptureFixture[str], ltm: Path) -> None:
    ltm.write_text(SERVER_LINE + CLIENT_LINE)
    assert cli.main(["analyze", PROXIED, "--log", str(ltm), "--format", "json", "--redact"]) == 0
    out = capsys.readouterr().out
    failed = json.loads(out)["sessions"][1]
    (line,) = failed["f5"]["other_sides"][0]["log_lines"]
    assert (line["text"], "client side" in line["meaning"]) == (None, True)
    assert "192.0.2.10" not in out
    assert "bigip1" not in out


def test_a_member_in_plaintext_is_mended_at_server_ssl_first(capsys: pytest.CaptureFixture[str]) -> None:
    failed = told(capsys, PROXIED)["sessions"][1]
    first = failed["findings"][0]["remedies"][0]
    assert "server-ssl profile" in first
    assert "198.51.100.20:8443" in first
    plain = str(PCAPS / "tls-to-http-port" / "capture.pcapng")
    (remedy, *_) = next(one["findings"][0]["remedies"] for one in told(capsys, plain)["sessions"] if one["findings"])
    assert "server-ssl" not in remedy
