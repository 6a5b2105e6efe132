"""Lines within what collectors and people put around them: what is understood stays the same."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from capanalyzer.logs.line import LogLine
from capanalyzer.logs.pasted import unwrapped
from capanalyzer.logs.recognise import recognise

from .stored import STORED

Wrap = Callable[[str], str]
LINES = [
    (stored.name, stored.text, line)
    for stored in STORED
    if "\n" not in stored.text and (line := recognise(stored.text)) is not None
]
STAMP = "2026-11-24T02:36:31"
COLLECTED: dict[str, Wrap] = {
    "syslog, RFC 3164": lambda text: f"<134>Nov 24 02:36:31 host prog[77]: {text}",
    "syslog, RFC 5424": lambda text: f'<134>1 {STAMP}.123456+09:00 host prog 77 ID47 [a@1 b="c"] \ufeff{text}',
    "journalctl -o short-iso": lambda text: f"{STAMP}+0900 host prog[77]: {text}",
    "journalctl -o json": lambda text: json.dumps({"__REALTIME_TIMESTAMP": "1795486591123456", "MESSAGE": text}),
    "docker": lambda text: json.dumps({"log": text + "\n", "stream": "stderr", "time": f"{STAMP}.123456789Z"}),
    "docker compose": lambda text: f"web-1  | {text}",
    "a Kubernetes node": lambda text: f"{STAMP}.123456789Z stderr F {text}",
    "kubectl logs --prefix": lambda text: f"[pod/web-7d4b9/app] {text}",
    "Fluentd": lambda text: "2026-11-24 02:36:31.000000000 +0900 kube.var.log: " + json.dumps({"log": text}),
    "Loki": lambda text: json.dumps({"line": text, "timestamp": f"{STAMP}Z"}),
    "Elastic": lambda text: json.dumps({"@timestamp": f"{STAMP}Z", "event": {"original": text}}),
    "Splunk": lambda text: json.dumps({"result": {"_raw": text, "_time": f"{STAMP}.000+09:00"}}),
    "CloudWatch": lambda text: json.dumps({"timestamp": 1795486591123, "message": text}),
    "grep": lambda text: f"/var/log/remote/ltm.1:{text}",
    "grep -n": lambda text: f"error.log:123:{text}",
    "grep -n of one file": lambda text: f"123:{text}",
    "grep --color": lambda text: f"\x1b[35m\x1b[Kltm\x1b[m\x1b[K:\x1b[1;31m\x1b[K{text}\x1b[m\x1b[K",
    "the other system's line end": lambda text: f"{text}\r",
}
"""In logs: each has a form of its own, so that nothing is taken for the line that stands further back."""
PASTED: dict[str, Wrap] = {
    "double quotes": lambda text: f'"{text}"',
    "single quotes": lambda text: f"'{text}'",
    "backquotes": lambda text: f"`{text}`",
    "mail": lambda text: f"> > {text}",
    "a list": lambda text: f"- {text}",
    "stern": lambda text: f"web-7d4b9 app {text}",
    "a chat": lambda text: f"[10:31 AM] alice: {text}",
    "a sentence": lambda text: f"since this morning we see: {text}",
    "Japanese before": lambda text: f"エラーが出ます: {text}",
    "Japanese behind": lambda text: f"{text} というエラーが出ます。",
    "Japanese around": lambda text: f"ログに「{text}」と出ています",
}
"""Where somebody asks about a line."""


def same(found: LogLine | None, line: LogLine) -> bool:
    return found is not None and (found.format, found.meaning, found.client, found.server, found.alert, found.role) == (
        line.format, line.meaning, line.client, line.server, line.alert, line.role
    )  # fmt: skip


@pytest.mark.parametrize("wrap", COLLECTED.values(), ids=COLLECTED.keys())
def test_what_collectors_put_around_a_line(wrap: Wrap) -> None:
    assert [name for name, text, line in LINES if not same(recognise(wrap(text)), line)] == []


@pytest.mark.parametrize("wrap", PASTED.values(), ids=PASTED.keys())
def test_what_people_put_around_a_line(wrap: Wrap) -> None:
    assert [name for name, text, line in LINES if not same(recognise(unwrapped(wrap(text))), line)] == []


def test_a_line_by_itself_stays_whole() -> None:
    for _, text, line in LINES[::5]:
        assert same(recognise(unwrapped(text)), line)
    assert unwrapped("nothing about it at all") == "nothing about it at all"


def test_in_a_log_words_further_back_are_not_its_line() -> None:
    """They may have been written by whoever connected: a request, a name, a password that failed."""
    inner = "SSL Handshake failed for TCP 192.0.2.7:80 -> 198.51.100.9:443"
    for text in (
        f"app: user said: {inner}",
        f'203.0.113.5 - - [24/Nov/2026:02:36:31 +0000] "GET /?q={inner} HTTP/1.1" 404 0',
    ):
        assert recognise(text) is None


def test_envelopes_within_envelopes_end() -> None:
    text = "SSL Handshake failed for TCP 192.0.2.7:80 -> 198.51.100.9:443"
    assert recognise(json.dumps({"log": json.dumps({"message": text})})) is not None
    for _ in range(8):
        text = json.dumps({"log": text})
    assert recognise(text) is None
    assert recognise('{"log": {"log": {"log": ') is None
