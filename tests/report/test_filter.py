"""``--filter``: what it chooses, how it refuses, and that neither depends on who writes it."""

from __future__ import annotations

import fnmatch
import io
import ipaddress
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import capanalyzer
from capanalyzer import cli
from capanalyzer.cli.analyze import FILTER_HELP
from capanalyzer.errors import UsageError
from capanalyzer.i18n import translator
from capanalyzer.report import model
from capanalyzer.report.filter import Filter
from capanalyzer.report.filter_fields import FIELDS, OUTCOMES, STAGES
from capanalyzer.report.filter_syntax import MAX_DEPTH, MAX_LENGTH, And, Comparison, Node, Not, Or, Value, parse, render
from tests.small_captures import ONE_FAILED

from .samples import at, failed, finding, session, tls

PROJECT = Path(cli.__file__).resolve().parents[2]
PCAPS = PROJECT / "pcaps"


def chosen(expression: str, *sessions: model.Session) -> list[int]:
    wanted = Filter(expression)
    return [one.stream for one in sessions if wanted.chooses(one)]


def alert(code: int | None, description: str | None) -> model.Alert:
    return model.Alert(7, "client", None if code is None else "fatal", code, description, code is None)


# Streams 0 to 5.
SESSIONS = (
    session(0),
    session(1, tls=tls("www.example.com", "TLS 1.2"), findings=(finding("slow-handshake", severity="warning"),)),
    session(2, outcome="idle", tls=None, client=model.Endpoint("2001:db8::7", 40000), start=at(60_000)),
    failed(3),
    failed(
        4,
        cause="certificate-unknown-ca",
        blame="server",
        stage="client-flight",
        server=model.Endpoint("10.1.2.3", 8443),
        tls=msgspec.structs.replace(tls("API.example.com"), alerts=(alert(48, "unknown_ca"), alert(None, None))),
        findings=(finding("certificate-unknown-ca", confidence="likely"),),
        timing=model.Timing(0.5, None, None, None),
    ),
    session(5, outcome="incomplete", cause="capture-one-sided", tls=None, protocol=model.SideTexts(None, "tls")),
)


@pytest.mark.parametrize(
    ("expression", "streams"),
    [
        ("outcome=failed", [3, 4]),
        ("outcome=failed,idle", [2, 3, 4]),
        ("outcome!=failed,idle", [0, 1, 5]),
        ("OUTCOME=Failed AND NOT blame=client", [4]),
        ("cause=certificate-*", [4]),
        ("cause=*", [3, 4, 5]),
        ("cause!=*", [0, 1, 2]),
        ("blame=server", [4]),
        ("stage=client-flight", [4]),
        ("confidence=likely", [4]),
        ("severity=warning", [1]),
        ("finding=slow-handshake", [1]),
        ("closed_by=fin and server.port=8443", [4]),
        ("transport=udp", []),
        ("client=192.0.2.7 and outcome=idle", []),
        ("client=2001:db8::/32", [2]),
        ("server=10.0.0.0/8", [4]),
        ("server=::ffff:10.1.2.3", []),
        ("host=10.1.2.3,2001:DB8:0::7", [2, 4]),
        ("port=8443,40000", [2, 4]),
        ("client.port>=51001 and client.port<=51003", [1, 3]),
        ("port>=51001 and port<=51003", [1, 3, 4, 5]),  # each comparison looks at both ends
        ("client.port>51003", [4, 5]),
        ("server.port!=443", [4]),
        ("sni=*.example.com", [0, 1, 4]),
        ("sni=api.example.com", [0, 4]),
        ("sni=*a*p*.com", [0, 1, 4]),
        ("not sni=*", [2, 3, 5]),
        ("sni!=api.*", [1, 2, 3, 5]),
        ('version="TLS 1.2"', [1]),
        ("version=*1.3", [0, 4]),
        ("cipher_suite=TLS_AES_128_*", [0, 1, 4]),
        ("protocol=http", [3, 4]),
        ("alert=unknown_ca", [4]),
        ("alert=48", [4]),
        ("alert=encrypted", [4]),
        ("alert=4*", [4]),
        ("fingerprint=t13", [0, 1, 4]),
        ('community_id="1:abc="', [0, 1, 2, 3, 4, 5]),
        ("time=2026-11-24", [0, 1, 2, 3, 4, 5]),
        ("time=2026-11-24T10:01", [0, 1, 3, 4, 5]),
        ("time>2026-11-24T10:01", [2]),
        ("time>=2026-11-24T10:01:02", [0, 1, 2, 3, 4, 5]),
        ("time<2026-11-24T10:01:02", []),
        ("time<=2026-11-24T10:01:02.0", [0, 1, 3, 4, 5]),
        ("time>=2026-11-24T19:02+09:00", [2]),
        ('time>="2026-11-24 10:02Z"', [2]),
        ("connect_ms<1", [4]),
        ("connect_ms>=0.5 and handshake_ms>0", [0, 1, 2, 3, 5]),
        ("stream=3,5", [3, 5]),
        ("capture=0 and stream<1", [0]),
        ("outcome=idle or outcome=failed and blame=server", [2, 4]),
        ("(outcome=idle or outcome=failed) and blame=server", [4]),
        ("not (outcome=idle or outcome=failed)", [0, 1, 5]),
        ("not not outcome=idle", [2]),
    ],
)
def test_chooses(expression: str, streams: list[int]) -> None:
    assert chosen(expression, *SESSIONS) == streams


@pytest.mark.parametrize(
    ("expression", "column", "said"),
    [
        ("", 1, "comparison"),
        ("   ", 4, "comparison"),
        ("outcome", 8, "is expected behind 'outcome'"),
        ("outcome=", 9, "a value is expected"),
        ("outcome==failed", 9, "one '='"),
        ("outcome=failed,", 16, "a value is expected behind ','"),
        ("outcome=and", 9, "needs quotes"),
        ("outcome=failed blame=client", 16, "'and', 'or' or the end"),
        ("outcome=failed && blame=client", 16, "'and', 'or' or the end"),
        ("outcome=failed and", 19, "comparison"),
        ("(outcome=failed", 16, "the ')' of column 1"),
        ("outcome=failed)", 15, "the end"),
        ("! outcome=failed", 1, "!="),
        ('sni="a', 5, "not closed"),
        ("outcom=failed", 1, "did you mean outcome"),
        ("zzz=1", 1, "fields: outcome, cause"),
        ("blame=server and outcome=broken", 26, "values: established, failed"),
        ("cause=http-to-tls", 7, "did you mean http-to-tls-port"),
        ("cause=x*", 7, "values: "),
        ("outcome>failed", 8, "no order"),
        ("sni<a", 4, "no order"),
        ("port>1,2", 8, "one value"),
        ("port=https", 6, "a number"),
        ("port=1_000", 6, "a number"),
        ("port=" + "9" * 5000, MAX_LENGTH + 1, "longer than"),
        ("port=" + "9" * 50, 6, "a number"),
        ("port=٣", 6, "a number"),
        ("server=example.com", 8, "an address or network"),
        ("server=10.0.0.0/33", 8, "an address or network"),
        ("server=[::1]:443", 8, "an address or network"),
        ("time=10:00", 6, "no time"),
        ("time=2026-13-01", 6, "no time"),
        ("time=2026-02-29", 6, "no time"),
        ("time=2026-01-01T25:00", 6, "no time"),
        ("time=2026-01-01T10:00+99:00", 6, "no time"),
        ("time=0001-01-01", 6, "no time"),
        ("time=9999-12-31", 6, "no time"),
        ("time=2026-01-01T10:00:00.1234567890", 6, "no time"),
        ("not " * (MAX_DEPTH + 1) + "port=1", 4 * (MAX_DEPTH + 1) + 1, "levels"),
        ("(" * 2000, MAX_DEPTH + 2, "levels"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refuses_in_one_line_that_points_at_the_place(expression: str, column: int, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        Filter(expression)
    message = str(refused.value)
    assert message.startswith(f"filter, column {column}: "), message
    assert said in message
    assert "\n" not in message


def test_depth_that_is_allowed_works() -> None:
    assert chosen("(" * MAX_DEPTH + "outcome=idle" + ")" * MAX_DEPTH, *SESSIONS) == [2]


def test_many_terms_are_no_depth() -> None:
    expression = " or ".join(["stream=9"] * 250 + ["stream=2"])
    assert chosen(expression, *SESSIONS) == [2]


def test_wildcards_take_no_exponential_time() -> None:
    """Where a regular expression would try every way to divide the text."""
    one = session(0, tls=tls("a" * 250 + "b"))
    assert chosen("sni=" + "*a" * 100 + "*c", one) == []
    assert chosen("sni=" + "*a" * 100 + "*b", one) == [0]


# --- properties -------------------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.text("abcdefghijklmnopqrstuvwxyz._", min_size=1).filter(lambda name: name not in ("and", "or", "not"))
comparisons: st.SearchStrategy[Node] = st.builds(
    Comparison,
    names,
    st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
    st.lists(st.builds(Value, texts), min_size=1, max_size=3).map(tuple),
)


def several(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Any]:
    return st.lists(nodes, min_size=2, max_size=4).map(tuple)


def trees(leaves: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.builds(Not, inner), st.builds(And, several(inner)), st.builds(Or, several(inner))),
        max_leaves=12,
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees(comparisons))
def test_what_is_rendered_is_parsed_to_the_same(tree: Node) -> None:
    text = render(tree)
    if len(text) <= MAX_LENGTH:
        assert parse(text) == tree


TERMS = [
    "outcome=failed",
    "outcome!=idle,failed",
    "blame=server",
    "severity=warning",
    "sni=*.example.*",
    "sni!=www*",
    "server=10.0.0.0/8",
    "host=192.0.2.0/24,2001:db8::7",
    "port=8443",
    "client.port<51003",
    "time>=2026-11-24T10:02",
    "handshake_ms>10",
    "alert=unknown_ca",
    "cause=http-*",
]


def naive(term: str, one: dict[str, Any]) -> bool:
    """A comparison, told again over the JSON of a session with other means."""
    name, how, value = re.match(r"([\w.]+)(!?[<>=]+)(.*)", term).groups()  # type: ignore[union-attr]  # terms above
    spoken = one["tls"] or {}
    have = {
        "outcome": [one["outcome"]],
        "blame": [one["blame"]],
        "cause": [one["cause"]],
        "severity": [f["severity"] for f in one["findings"]],
        "sni": [(spoken.get("client_hello") or {}).get("sni")],
        "server": [one["server"]["ip"]],
        "host": [one["client"]["ip"], one["server"]["ip"]],
        "port": [one["client"]["port"], one["server"]["port"]],
        "client.port": [one["client"]["port"]],
        "time": [datetime.fromisoformat(one["start"][:19] + "Z")],
        "handshake_ms": [one["timing"]["handshake_ms"]],
        "alert": [a["description"] for a in spoken.get("alerts", [])],
    }[name]
    have = [item for item in have if item is not None]
    if name == "time":
        return all(item >= datetime.fromisoformat(value).replace(tzinfo=UTC) for item in have)
    if how in "<>":
        return any(item < float(value) if how == "<" else item > float(value) for item in have)
    fits: Callable[[Any, str], bool]
    if name in ("server", "host"):
        fits = lambda item, text: ipaddress.ip_address(item) in ipaddress.ip_network(text)  # noqa: E731
    else:
        fits = lambda item, text: fnmatch.fnmatchcase(str(item).lower(), text)  # noqa: E731
    found = any(fits(item, text) for item in have for text in value.split(","))
    return found != (how == "!=")


def evaluated(tree: Node, one: dict[str, Any]) -> bool:
    match tree:
        case Comparison():
            return naive(render(tree), one)
        case Not(inner):
            return not evaluated(inner, one)
        case And(nodes):
            return all(evaluated(inner, one) for inner in nodes)
        case Or(nodes):
            return any(evaluated(inner, one) for inner in nodes)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees(st.sampled_from(TERMS).map(parse)))
def test_random_expressions_mean_what_they_say(tree: Node) -> None:
    """The same as a naive reading of the JSON; and what the outcome alone tells is never wrong."""
    wanted = Filter(render(tree))
    for one in SESSIONS:
        holds = wanted.chooses(one)
        assert holds == evaluated(tree, json.loads(msgspec.json.encode(one)))
        assert wanted.by_outcome(one.outcome) in (None, holds)


ODD = ["10.0.0.0/8", "2026-11-23T10:00", "failed", "-1", "\x00", "\u202e", "é", "\U0001f600"]
MARKS = ["=", "!=", "<", ">=", "(", ")", ",", '"', "\\", "and", "or", "not", "*", " "]
pieces = st.lists(st.sampled_from([*FIELDS, *MARKS, *ODD]), max_size=30).map("".join)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(max_size=60), pieces, st.builds("{}={}".format, st.sampled_from([*FIELDS]), st.text())))
def test_hostile_input_is_refused_or_works(text: str) -> None:
    try:
        wanted = Filter(text)
    except UsageError:
        return
    for one in SESSIONS:
        assert wanted.chooses(one) in (True, False)


# --- in reports -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_outcome_alone_tells(outcome: str) -> None:
    assert Filter("outcome=failed").by_outcome(outcome) is (outcome == "failed")
    assert Filter("outcome=failed and port=1").by_outcome(outcome) is (None if outcome == "failed" else False)
    assert Filter("outcome=failed or port=1").by_outcome(outcome) is (True if outcome == "failed" else None)
    assert Filter("not outcome!=failed").by_outcome(outcome) is (outcome == "failed")
    assert Filter("port=1").by_outcome(outcome) is None


def test_words_are_those_of_the_verdict() -> None:
    from capanalyzer.diagnosis import verdict

    for name, kind in (
        ("outcome", verdict.Outcome),
        ("stage", verdict.Stage),
        ("blame", verdict.Blame),
        ("waiting_on", verdict.WaitingOn),
        ("severity", verdict.Severity),
        ("confidence", verdict.Confidence),
    ):
        assert FIELDS[name].allowed() == tuple(kind), name
    assert tuple(verdict.Outcome) == OUTCOMES
    assert tuple(verdict.Stage) == STAGES


@pytest.mark.parametrize("page", ["docs/filter.md", "docs/filter.ja.md"])
def test_help_and_pages_name_every_field(page: str) -> None:
    rows = set(re.findall(r"^\| `([a-z_.]+)` \|", (PROJECT / page).read_text("utf-8"), re.MULTILINE))
    assert rows == set(FIELDS)
    for lang in ("en", "ja"):
        shown = translator(lang)(FILTER_HELP)
        assert {word for word in re.findall(r"[a-z_.]+", shown) if word in FIELDS} == set(FIELDS)


@pytest.mark.parametrize("page", ["docs/filter.md", "docs/filter.ja.md"])
def test_examples_of_the_pages_are_filters(page: str) -> None:
    examples = re.findall(r"--filter '([^']+)'", (PROJECT / page).read_text("utf-8"))
    assert len(examples) >= 6
    for expression in examples:
        Filter(expression)


EXPRESSIONS = [
    "outcome=failed",
    "outcome!=failed",
    "sni=*.example.test and severity=failure",
    "server.port=1",
    "port>0",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("jobs", [1, 2])
def test_every_part_of_a_report_is_about_the_chosen(expression: str, jobs: int) -> None:
    captures = [str(path) for path in sorted(PCAPS.glob("c*/capture.*"))]
    whole = capanalyzer.build_report(captures)
    report = capanalyzer.build_report(captures, filter=expression, jobs=jobs)
    wanted = Filter(expression)
    expected = [one for one in whole.sessions if wanted.chooses(one)]
    assert list(report.sessions) == expected
    left_out = len(whole.sessions) - len(expected)
    assert report.summary.filter == model.AppliedFilter(expression, left_out)
    assert whole.summary.filter is None
    assert report.summary.notes[0] == f"Filter: `{expression}` ({left_out} sessions left out)"
    assert report.summary.sessions == len(expected)
    for outcome, count in report.summary.outcomes.items():
        assert count == sum(one.outcome == outcome for one in expected)
    ids = {one.id for one in expected if one.outcome == "failed"}
    assert {identity for incident in report.incidents for identity in incident.sessions} == ids
    assert len(report.captures) == len(captures)


@pytest.mark.parametrize("form", ["json", "jsonl", "text", "markdown", "csv"])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_processes_do_not_change_the_output(form: str, expression: str, capsys: pytest.CaptureFixture[str]) -> None:
    captures = [str(PCAPS / name) for name in ("healthy-tls13", "many-clients", "http-to-tls-port")]
    written = []
    for jobs in ("1", "2"):
        arguments = [
            "analyze",
            *captures,
            "--format",
            form,
            "--filter",
            expression,
            "--jobs",
            jobs,
            "--lang",
            "en",
            "-q",
        ]
        assert cli.main(arguments) == 0
        written.append(capsys.readouterr().out)
    assert written[0] == written[1]
    if form != "csv":
        assert f"Filter: `{expression}` (" in written[0]


def test_exit_code_is_about_the_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(ONE_FAILED)
    assert cli.main(["analyze", str(path), "--exit-code"]) == 1
    assert cli.main(["analyze", str(path), "--exit-code", "--filter", "outcome=plaintext"]) == 0
    assert cli.main(["analyze", str(path), "--filter", "outcom=x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_python(tmp_path: Path) -> None:
    assert [one.outcome for one in capanalyzer.analyze(io.BytesIO(ONE_FAILED), filter="outcome=failed")] == ["failed"]
    with pytest.raises(UsageError, match="column 8"):
        capanalyzer.analyze(io.BytesIO(ONE_FAILED), filter="nothing")
