"""The text report: the answer first, nothing hidden, nothing wider than the terminal, nothing obeyed from the wire."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import pytest
from rich.cells import cell_len

from capanalyzer.i18n import LANGUAGES, translator
from capanalyzer.report import digest as digest_module
from capanalyzer.report import model
from capanalyzer.report.detail import COLUMN
from capanalyzer.report.terminal import Look, fit, table, wrap
from capanalyzer.report.to_terminal import to_terminal

from .samples import TIMELINE, Told, at, capture, failed, finding, log, log_line, session, tls, unmatched_line

LOOKS = [
    Look(width=width, lang=lang, verbose=verbose, unicode=unicode)
    for width in (80, 100, 200)
    for lang in ("en", "ja")
    for verbose in (False, True)
    for unicode in (False, True)
]


def shown(sessions: Sequence[model.Session], look: Look | None = None, **told: object) -> str:
    whole = Told(list(sessions), **told)  # type: ignore[arg-type]  # fields of Told
    return "".join(to_terminal(sessions, whole.trailer, look or Look()))


def various() -> list[model.Session]:
    """Every kind of session, with long addresses and names."""
    long_name = "a-very-long-label-of-a-host-name." * 7 + "example.com"
    return [
        session(0),
        session(1, findings=(finding("weak-cipher", severity="warning", title="RC4 was agreed on"),)),
        session(2, outcome="idle", tls=None, protocol=model.SideTexts(None, None)),
        failed(37),
        failed(38, client=model.Endpoint("2001:db8:1111:2222:3333:4444:5555:6666", 65535), tls=tls(long_name)),
        failed(39, server=model.Endpoint("2001:db8:1111:2222:3333:4444:5555:7777", 65535)),
        failed(
            40,
            outcome="incomplete",
            cause="capture-ends-mid-handshake",
            findings=(finding("capture-ends-mid-handshake", confidence="likely", alternatives=("server-silent",)),),
        ),
    ]


def with_logs() -> tuple[list[model.Session], dict[str, object]]:
    """The same with lines of logs, long and in another script, with sessions and without."""
    long_path = "/var/log/" + "a-very-long-name-of-a-folder/" * 8 + "エラー.log"
    line = log_line("プロトコル" * 100 + "\n" + "second line " * 30, source=long_path, line=123_456_789)
    sessions = [
        msgspec.structs.replace(one, log_lines=(line,) * 5, named_by_log="http-to-tls-port") for one in various()
    ]
    unmatched = tuple(unmatched_line("x" * 500, source=long_path, line=number) for number in range(30))
    return sessions, {"logs": (log(long_path, warnings=("w" * 200,)),) * 12, "unmatched": unmatched}


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_no_line_is_wider_than_the_terminal(look: Look) -> None:
    text = shown(various(), look)
    assert max(cell_len(line) for line in text.splitlines()) <= look.width
    sessions, told = with_logs()
    text = shown(sessions, look, **told)
    assert max(cell_len(line) for line in text.splitlines()) <= look.width


@pytest.mark.parametrize("look", [look for look in LOOKS if not look.unicode], ids=str)
def test_ascii_where_the_terminal_has_no_utf8(look: Look) -> None:
    if look.lang == "en":
        assert shown(various(), look).isascii()


def test_counts_of_millions_fit() -> None:
    outcomes = dict.fromkeys(("established", "failed", "incomplete", "plaintext", "idle"), 1_234_567)
    trailer = msgspec.structs.replace(
        Told([]).trailer(), summary=model.Summary(sum(outcomes.values()), outcomes, {}, ("A limit was reached.",))
    )
    text = "".join(to_terminal([], lambda: trailer, Look()))
    assert max(map(cell_len, text.splitlines())) <= 80
    assert all(f"1,234,567 {outcome}" in text for outcome in outcomes)
    assert "A limit was reached." in text


def test_the_answer_comes_first() -> None:
    """Capture, counts, incidents, then single sessions: the first ten lines hold the verdict."""
    head = shown(various()).splitlines()[:10]
    text = "\n".join(head)
    assert head[0].startswith("edge.pcap   12,408 packets   9.1 MB   2026-11-24 10:01:02 - 10:06:10 UTC")
    assert "7 sessions    2 established    3 failed    1 incomplete    1 idle" in text
    assert "http-to-tls-port   198.51.100.9:443" in text
    assert "Who acts: the client's side." in text


def test_one_session_in_detail() -> None:
    """Frames, times from the session's start, the stall, why, what to do, and where to look in Wireshark."""
    text = shown([failed(37)])
    detail = text[text.index("SESSION 37") :]
    assert "192.0.2.7:51037 → 198.51.100.9:443" in detail
    assert "http-to-tls-port, stalled at first-bytes, certain, 2026-11-24 10:01:02.000 UTC" in detail
    rungs = [line for line in detail.splitlines() if re.match(r"\s+\d+\s+[\d.]+ ms", line)]
    assert [rung.split()[0] for rung in rungs] == ["112", "113", "115", "116", "117"]
    assert re.search(r"112      0\.0 ms   SYN ─+▶$", rungs[0])
    assert re.search(r"113     21\.0 ms   ◀─+ SYN, ACK$", rungs[1])
    assert "115     43.1 ms   HTTP request  GET / HTTP/1.1 ─" in rungs[2]
    for part in (
        "Why         The first bytes",
        "Evidence    frame 115:",
        "Do          1  Use https",
        "Wireshark   tcp.stream eq 37",
    ):
        assert part in detail


def test_the_stall_stands_where_progress_ended() -> None:
    """After the answer that was no answer, before the close."""
    lines = shown([failed(37)]).splitlines()
    (stall,) = [index for index, line in enumerate(lines) if "✗ stalled here: waiting for a ClientHello" in line]
    assert "HTTP response" in lines[stall - 1]
    assert "FIN, ACK" in lines[stall + 1]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_labels_keep_their_distance(lang: str) -> None:
    """Two spaces at least between a label and its text, in both languages."""
    text = translator(lang)
    for label in (
        "Why",
        "Both sides",
        "Evidence",
        "Log",
        "Or else",
        "Beside it",
        "Who acts",
        "Do",
        "Also",
        "Wireshark",
    ):
        assert cell_len(text(label)) + 2 + 2 <= COLUMN, label


def test_commands_stay_in_one_piece() -> None:
    """A command is copied from one line, even where it is wider than the terminal; what it shows stands below."""
    command = (
        "openssl s_client -connect [2001:db8:1111:2222:3333:4444:5555:7777]:443 -servername www.example.com </dev/null"
    )
    one = failed(37, findings=(finding(remedies=("Install the chain.", f"`{command}`: what the server sends")),))
    text = shown([one])
    assert re.search(
        r"Do +1  Install the chain\.\n +2  " + re.escape(command) + r"\n {17}what the server sends\n", text
    )


def test_a_long_pause_is_seen() -> None:
    late = msgspec.structs.replace(TIMELINE[-1], time=at(30_064.2))
    text = shown([failed(37, timeline=(*TIMELINE[:-1], late))])
    assert re.search(r"⋮ 30\.0 s\n\s+117      30\.1 s", text)


def test_a_capture_without_failures_says_so_and_what_it_cannot_see() -> None:
    text = shown([session(0), session(1)])
    assert "No session failed." in text
    assert "2 TLS 1.3 sessions: their certificates are encrypted" in text
    assert "INCIDENTS" not in text


def test_healthy_sessions_take_one_line_at_most() -> None:
    sessions = [session(stream) for stream in range(30)]
    assert shown(sessions).count("192.0.2.7") == 0
    assert shown(sessions, Look(verbose=True)).count("192.0.2.7:") == 30


def test_wire_text_is_not_obeyed() -> None:
    """A server name, an event or a path with control sequences changes neither colours nor lines."""
    evil = "\x1b[2J\u202eevil\nSESSION 99"
    entry = msgspec.structs.replace(TIMELINE[0], event=evil, detail=evil)
    one = failed(37, timeline=(entry,), tls=tls(evil), findings=(finding(title=evil, explanation="fine"),))
    text = shown([one], captures=(capture(evil, comments=(evil,), warnings=(evil,)),))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not any(line.startswith("SESSION 99") for line in text.splitlines())
    assert "\\x1b[2J\\u202eevil\\x0aSESSION 99" in text


def test_many_failures_are_bounded_and_counted() -> None:
    """Details of the largest incidents, a table that ends, and the number of what is not shown."""
    sessions = [failed(stream, server=model.Endpoint("198.51.100.9", 1 + stream % 40)) for stream in range(400)]
    text = shown(sessions)
    assert text.count("\nSESSION ") == 5
    assert "395 further failed sessions are not shown in detail. -v shows all." in text
    assert "and 375 more" in text
    assert "and 30 more" in text
    everything = shown(sessions, Look(verbose=True))
    assert everything.count("\nSESSION ") == 400
    assert "more" not in everything


def test_what_memory_does_not_hold_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_module, "MAX_UNFINISHED", 10)
    monkeypatch.setattr(digest_module, "MAX_HEALTHY", 10)
    sessions = [*(failed(stream) for stream in range(30)), *(session(100 + stream) for stream in range(25))]
    text = shown(sessions, Look(verbose=True))
    assert "20 further failed sessions are not shown in detail." in text
    assert "and 15 more" in text


def test_an_excerpt_does_not_pass_for_the_whole() -> None:
    """As a view that was watched has it: the latest failures of a run in which many more failed, and others worked."""
    warned = (finding(), finding("weak-cipher", severity="warning", title="RC4"))
    sessions = [failed(stream, findings=warned) for stream in range(300)]
    sessions += [session(stream, outcome="incomplete") for stream in range(300, 305)]
    whole = Told(sessions)
    latest = sessions[260:300]
    text = "".join(to_terminal(latest, whole.trailer, Look(), is_excerpt=True))
    assert "and 280 more" in text
    assert "299 further failed sessions are not shown in detail.\n" in text
    assert "ALSO NOTICED" not in text
    verbose = "".join(to_terminal(latest, whole.trailer, Look(verbose=True), is_excerpt=True))
    assert "and 265 more" in verbose
    assert "260 further failed sessions are not shown in detail.\n" in verbose


def test_a_long_ladder_shows_its_ends() -> None:
    entries = tuple(
        msgspec.structs.replace(TIMELINE[0], frame=frame, event=f"event {frame}") for frame in range(1, 101)
    )
    text = shown([failed(37, timeline=entries)])
    assert "76 events not shown" in text
    assert "event 1 " in text
    assert "event 100 " in text
    assert "event 50" not in text
    assert "event 50 " in shown([failed(37, timeline=entries)], Look(verbose=True))


def test_warnings_on_sessions_that_work_are_counted() -> None:
    warned = [session(s, findings=(finding("weak-cipher", severity="warning", title="RC4"),)) for s in range(12)]
    assert re.search(r"warning\s+weak-cipher\s+12 sessions\s+RC4", shown(warned))


def test_captures_with_something_to_say() -> None:
    """Warnings, losses and snap length stand under the capture they concern; unreadable inputs are named."""
    text = shown(
        [],
        captures=(
            capture(warnings=("cut short at byte 900",), dropped_packets=7, truncated_packets=1234),
            capture("b.pcap", packets=1, bytes=60),
        ),
        unreadable=(model.Unreadable("c.bin", "no capture"),),
    )
    for part in (
        "cut short at byte 900",
        "The capturing host lost 7 packets.",
        "1,234 packets were not captured whole (snap length).",
        "b.pcap   1 packet   60 bytes",
        "c.bin: no capture",
        "No TCP connection in these captures.",
    ):
        assert part in text


def test_several_captures_number_sessions_by_capture() -> None:
    text = shown([failed(3), failed(3, capture=1)], captures=(capture(), capture("b.pcap")))
    assert re.search(r"^  0:3 ", text, re.MULTILINE)
    assert re.search(r"^  1:3 ", text, re.MULTILINE)
    assert "SESSION 0:3" in text


def test_colour_only_adds_to_the_words() -> None:
    plain, coloured = shown(various()), shown(various(), Look(colour=True))
    stripped = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert [line.rstrip() for line in stripped.splitlines()] == plain.splitlines()
    assert "\x1b[1;31mfailed" in coloured


def test_japanese_is_complete_and_aligned() -> None:
    """No English sentence is left, identifiers stay, and columns line up in cells."""
    text = shown(various(), Look(lang="ja"))
    for english in ("sessions", "Who acts", "Evidence", "stalled", "since", "certain", "not shown", "ALSO", "frame"):
        assert english not in text, english
    for word in ("失敗", "判定不能", "確実", "根拠", "対処", "対応者", "停止", "クライアント"):
        assert word in text, word
    assert "http-to-tls-port" in text
    rows = [line for line in text.splitlines() if re.match(r"  \d+ +(失敗|判定不能)", line)]
    causes = {cell_len(row[: re.search(r"http-to|capture-", row).start()]) for row in rows}  # type: ignore[union-attr]  # each row has a cause
    assert len(rows) == 4
    assert len(causes) == 1


class TestWrap:
    def test_breaks_at_spaces(self) -> None:
        assert wrap("the quick brown fox", 10) == ["the quick", "brown fox"]

    def test_japanese_breaks_between_characters_but_not_before_a_full_stop(self) -> None:
        assert wrap("証明書の期限切れ。", 16) == ["証明書の期限切", "れ。"]

    def test_brackets_stay_with_what_they_enclose(self) -> None:
        assert wrap("証明書がない (期限)。", 15) == ["証明書がない", "(期限)。"]

    def test_a_word_longer_than_the_line_is_cut(self) -> None:
        assert wrap("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]

    @pytest.mark.parametrize("width", range(1, 30))
    def test_nothing_is_lost_and_nothing_too_wide(self, width: int) -> None:
        text = "A certificate 証明書（チェーン）が、期限切れです。 https://example.com/a/long/path?query end"
        lines = wrap(text, width)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(cell_len(line) <= max(width, 4) for line in lines)


class TestFit:
    @pytest.mark.parametrize("text", ["", "abc", "abcdefghijkl", "証明書の期限", "a証b明c書d"])
    @pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
    def test_exactly_the_width(self, text: str, width: int) -> None:
        for look in (Look(), Look(unicode=False)):
            assert cell_len(fit(text, width, look)) == width

    def test_right(self) -> None:
        assert fit("ab", 4, Look(), right=True) == "  ab"


def test_prose_is_no_wider_than_the_eye_follows() -> None:
    long = "The first bytes are an HTTP request line. " * 20
    text = shown([failed(37, findings=(finding(explanation=long, remedies=(long,)),))], Look(width=300))
    assert max(cell_len(line) for line in text.splitlines() if "HTTP request line" in line) <= 120


def test_what_a_filter_left_out_is_told_beside_the_counts() -> None:
    note = "Filter: `outcome!=failed` (12 sessions left out)"
    told = Told([session(0)], notes=(note,))
    whole = told.trailer()
    applied = msgspec.structs.replace(whole.summary, filter=model.AppliedFilter("outcome!=failed", 12))
    text = "".join(to_terminal([session(0)], lambda: msgspec.structs.replace(whole, summary=applied), Look()))
    counts = text.splitlines().index("  1 session    1 established")
    assert text.splitlines()[counts + 1] == f"  {note}"
    assert "None of the chosen sessions failed." in text
    empty = msgspec.structs.replace(applied, sessions=0, outcomes={})
    text = "".join(to_terminal([], lambda: msgspec.structs.replace(whole, summary=empty), Look()))
    assert "The filter leaves out every session." in text
    assert note in text


def test_a_table_cuts_its_flexible_columns_only() -> None:
    rows = [[("1", ""), ("x" * 50, ""), ("y" * 50, ""), ("end", "")]]
    (line,) = table(rows, Look(width=60), indent=2, flexible=(2, 1))
    text = "".join(part for part, _ in line)
    assert cell_len(text) == 60
    assert text.startswith("  1  xxxx")
    assert text.endswith("  end")
    assert "y" * 9 + "…" in text
