"""The page says what the terminal says, and works without script where it can."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import msgspec
import pytest

from capanalyzer.report import model
from capanalyzer.report.html import incidents, rows, sessions, shortlist
from capanalyzer.report.html.page import to_html
from tests.report.samples import TIMELINE, Told, at, capture, failed, finding, session, tls

from .pages import Reading, page


def various() -> list[model.Session]:
    return [
        session(0),
        session(1, findings=(finding("weak-cipher", severity="warning", title="RC4 was agreed on"),)),
        session(2, outcome="idle", tls=None, protocol=model.SideTexts(None, None)),
        failed(37),
        failed(38, client=model.Endpoint("2001:db8::6", 65535), tls=tls("other.example.com")),
        failed(
            40,
            outcome="incomplete",
            cause="capture-ends-mid-handshake",
            findings=(finding("capture-ends-mid-handshake", confidence="likely", alternatives=("server-silent",)),),
        ),
    ]


def test_the_answer_comes_first() -> None:
    words = Reading(page(various())).words
    order = [
        "2 of 6 sessions failed.",
        "http-to-tls-port",
        "the client's side",
        "Use https://",
        "frame.number in {115}",
    ]
    places = [words.index(part) for part in order]
    assert places == sorted(places)
    assert "edge.pcap" in words[: places[0]]
    assert "12,408 packets" in words[: places[0]]


def test_one_session_has_all_its_parts() -> None:
    words = Reading(page([failed(37)])).words
    for part in (
        "192.0.2.7:51037 → 198.51.100.9:443",
        "stalled at first-bytes",
        "✗ stalled here: waiting for a ClientHello",
        "The first bytes are an HTTP request line",
        "HTTP request  GET / HTTP/1.1",
        "16 03 ·· ·· ·· 01",
        "curl -v https://198.51.100.9/",
        "tcp.stream eq 37",
        "frame.number in {115}",
        "ip.addr == 192.0.2.7 && tcp.port == 51037 && ip.addr == 198.51.100.9 && tcp.port == 443",
        "tshark -r edge.pcap -Y 'tcp.stream eq 37'",
        "1:abc=",
    ):
        assert part in words, part


def test_bytes_that_were_not_expected_are_marked() -> None:
    text = page([failed(37, first_bytes=model.SideTexts("16034745", "1503030002"))])
    marked = re.findall(r"<mark>(..)</mark>", text)
    # The client's first two bytes are right and of the next any will do; the server's 15 is an alert.
    assert marked == ["15"]


def test_offered_and_chosen_have_names() -> None:
    one = failed(
        37,
        cause="certificate-rejected",
        tls=msgspec.structs.replace(tls(), server_hello=model.ServerHello(6, "TLS 1.3", 4865, "h2", None, True)),
    )
    words = Reading(page([one])).words
    assert "TLS_AES_128_GCM_SHA256 ✓ chosen" in words
    assert "x25519" in words
    assert "h2 ✓ chosen" in words
    assert "HelloRetryRequest" in words


@pytest.mark.parametrize(
    ("not_before", "not_after", "words"),
    [
        ("2026-01-01T00:00:00Z", "2026-11-22T00:00:00Z", "✗ expired 2 days before this session"),
        ("2026-11-26T00:00:00Z", "2027-01-01T00:00:00Z", "✗ not yet valid: begins 2 days after this session"),
        ("2026-01-01T00:00:00Z", "2026-11-26T00:00:00Z", "✓ valid at this session, for 1 more day"),
        (None, "2026-11-26T00:00:00Z", "Its dates cannot be read."),
    ],
    ids=["expired", "early", "valid", "unreadable"],
)
def test_validity_is_told_against_the_session(not_before: str | None, not_after: str | None, words: str) -> None:
    """The session is of 2026-11-24."""
    one = model.Certificate("CN=a", "CN=b", "01", not_before, not_after, ("a.example",))
    with_chain = msgspec.structs.replace(tls(), certificates=(one,))
    assert words in Reading(page([failed(37, tls=with_chain)])).words


def test_a_chain_says_how_it_hangs_together() -> None:
    def certificate(subject: str, issuer: str) -> model.Certificate:
        return model.Certificate(subject, issuer, "01", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", ())

    chain = (certificate("CN=leaf", "CN=ca"), certificate("CN=ca", "CN=root"), certificate("CN=x", "CN=x"))
    words = Reading(page([failed(37, tls=msgspec.structs.replace(tls(), certificates=chain))])).words
    assert "issued by the next one: CN=ca" in words
    assert "issued by the following, and not by the next one: CN=root" in words
    assert "issued by itself" in words


def test_without_script_failed_sessions_are_there() -> None:
    """The table without script, and the first session of each incident, are in the document itself."""
    text = page(various())
    static = text[: text.index('<script type="application/json"')]
    reading = Reading(static)
    assert reading.count("article") == 1
    for number in ("37", "38", "40"):
        assert f'<td class="number">{number}</td>' in static
    assert "needs JavaScript" in reading.words
    assert static.index('class="no-script"') < static.index("<body")


def test_nothing_else_may_load_or_run() -> None:
    """The policy names this style and this script by their hashes, and forbids the rest."""
    text = page(various())
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    policy = policy.replace("&#x27;", "'")
    reading = Reading(text)
    for kind, (source,) in (("script", reading.scripts), ("style", reading.styles)):
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "base-uri 'none'" in policy
    assert "form-action 'none'" in policy
    assert "unsafe" not in policy


def test_a_capture_without_failures_says_so_and_what_it_cannot_see() -> None:
    words = Reading(page([session(0), session(1)])).words
    assert "No session failed." in words
    assert "2 TLS 1.3 sessions: their certificates are encrypted" in words
    assert "Incidents" not in words


def test_an_empty_capture() -> None:
    words = Reading(page([])).words
    assert "No TCP connection in this capture." in words


def test_what_is_left_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortlist, "MAX_ALIKE", 2)
    monkeypatch.setattr(rows, "MAX_ROWS", 50)
    monkeypatch.setattr(sessions, "MAX_LISTED", 10)
    many = [*(failed(number) for number in range(30)), *(session(100 + number) for number in range(30))]
    reading = Reading(page(many))
    assert "2 of 30 failed or incomplete sessions are here in detail" in reading.words
    assert "10 sessions more have no line" in reading.words
    assert "and 20 more" in reading.words
    table = reading.data["rows"]
    assert isinstance(table, dict)
    assert table["rows"] == 50


def test_every_kind_of_failure_keeps_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many sessions fail alike before it, the first one of another incident is shown."""
    monkeypatch.setattr(shortlist, "MAX_DETAILS", 5)
    flood = [failed(number, server=model.Endpoint("198.51.100.9", 1 + number)) for number in range(5)]
    late = failed(900, cause="server-silent", findings=(finding("server-silent", explanation="Seen late."),))
    assert "Seen late." in Reading(page([*flood, late])).words


def test_details_come_once() -> None:
    """An incident's example is in the document, all others are data."""
    reading = Reading(page([failed(number) for number in range(5)]))
    blocks = {name for name in reading.data if name.startswith("session-")}
    inside = {attributes["data-session"] for _tag, attributes in reading.elements if "data-session" in attributes}
    assert inside == {"0"}
    assert blocks == {f"session-{number}" for number in range(1, 5)}


def test_incidents_are_bounded_and_counted() -> None:
    many = [failed(number, server=model.Endpoint("198.51.100.9", 1 + number)) for number in range(60)]
    end = Told(many).trailer()
    look = incidents.Look("en", end.captures)
    by_id = {one.id: one for one in many}
    reading = Reading(incidents.incident_list(end, by_id, look, incidents.Limits(whole=3, listed=7)))
    assert reading.count("article") == 7
    assert "and 53 more" in reading.words
    assert len([a for _, a in reading.elements if "data-session" in a]) == 3


def test_several_captures_number_sessions_by_capture() -> None:
    text = page([failed(3), failed(3, capture=1)], captures=(capture(), capture("b.pcap")))
    words = Reading(text).words
    assert "Session 0:3" in words
    assert "tcp.stream in" not in words
    assert "tshark -r b.pcap" in words


@pytest.mark.parametrize("path", ["-", "https://example.com/a.pcap", "a\nb.pcap"])
def test_no_command_for_what_cannot_be_named(path: str) -> None:
    assert "tshark -r" not in Reading(page([failed(3)], captures=(capture(path),))).words


def test_a_path_reaches_no_shell() -> None:
    assert "tshark -r '$(reboot).pcap'" in Reading(page([failed(3)], captures=(capture("$(reboot).pcap"),))).words


def test_a_session_may_have_any_length() -> None:
    entries = tuple(
        msgspec.structs.replace(TIMELINE[0], frame=frame, time=at(frame), event=f"event {frame}")
        for frame in range(1, 501)
    )
    text = page([failed(37, timeline=entries)])
    drawing = text[text.index('<svg class="sequence"') :]
    drawing = drawing[: drawing.index("</svg>")]
    assert drawing.count('class="shaft"') == 40
    assert "460 events not shown" in drawing
    assert "and 300 more" in Reading(text).words


def test_japanese_is_complete() -> None:
    """No English sentence of the report's own is left; what the model brings is in the language it was made in."""
    text = page(various(), lang="ja")
    assert '<html lang="ja"' in text
    words = Reading(text).words
    for english in ("sessions failed", "Who acts", "Copy", "First bytes", "expected", "Search", "stalled", "waiting"):
        assert english not in words, english
    assert "セッション中" in words


def test_sessions_pass_through(tmp_path: Path) -> None:
    """Healthy sessions leave their line and nothing else: memory grows by tens of bytes for each."""
    import tracemalloc

    def stream(count: int) -> int:
        counted = Told([session(0)]).trailer()
        made = (session(number) for number in range(count))
        tracemalloc.start()
        pieces = to_html(made, lambda: counted)
        next(pieces)
        used, _peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return used

    stream(10)
    assert (stream(6_000) - stream(1_000)) / 5_000 < 120
