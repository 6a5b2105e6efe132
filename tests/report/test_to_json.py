"""JSON and JSONL: the contract's keys, order, and limits."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator

import msgspec
import pytest

from capanalyzer.report import model
from capanalyzer.report.spool import Spool
from capanalyzer.report.to_json import CHUNK, to_json, to_jsonl

from .samples import Told, capture, failed, log, log_line, session, unmatched_line

KEYS = {
    "": "schema_version tool sessions captures unreadable incidents summary logs unmatched_log_lines",
    "tool": "name version",
    "captures.0": "path format link_types packets bytes first_time last_time warnings files comments "
    "truncated_packets dropped_packets f5 session_keys",
    "sessions.0": "id capture transport stream community_id client server start end packets bytes first_bytes protocol "
    "outcome stage waiting_on blame cause history closed_by tls timing findings timeline display_filter "
    "comparison other_leg proxy_header log_lines named_by_log f5 request_host",
    "sessions.0.proxy_header": "source destination",
    "sessions.0.log_lines.0": "source line text format time offset_seconds is_failure said title meaning misleads "
    "causes confidence found_by agreement failed_side because",
    "sessions.0.client": "ip port",
    "sessions.0.packets": "client server",
    "sessions.0.bytes": "client server",
    "sessions.0.first_bytes": "client server",
    "sessions.0.protocol": "client server",
    "sessions.0.closed_by": "how who",
    "sessions.0.tls": "client_hello server_hello certificates client_certificates alerts resumed",
    "sessions.0.tls.client_hello": "frame legacy_version offered_versions cipher_suites sni alpn groups ja3 ja4",
    "sessions.0.tls.server_hello": "frame version cipher_suite alpn ja3s hello_retry",
    "sessions.0.tls.certificates.0": "subject issuer serial not_before not_after san",
    "sessions.0.tls.alerts.0": "frame from level code description encrypted",
    "sessions.0.timing": "connect_ms client_hello_ms server_hello_ms handshake_ms",
    "sessions.1.findings.0": "cause severity confidence title explanation evidence alternatives remedies",
    "sessions.1.findings.0.evidence.0": "frame time from text",
    "sessions.1.timeline.0": "frame time from event detail",
    "sessions.1.comparison": "server_established server_clients client_established client_servers",
    "incidents.0": "cause server sni sessions clients first last title sentence confidence blame log_lines "
    "sessions_unlisted",
    "logs.0": "path lines recognised failures joined left_out formats clocks warnings",
    "logs.0.clocks.0": "capture format offset_seconds zone days matches matches_by_address is_certain text",
    "unmatched_log_lines.0": "source line text format time title meaning misleads causes reason candidates",
    "summary": "sessions outcomes causes notes filter log_lines",
    "summary.log_lines": "joined unmatched failed_with_line failed_without_line sessions_without_line",
}


def whole_session() -> model.Session:
    one = session(0)
    assert one.tls is not None
    certificate = model.Certificate("CN=a", "CN=b", "0a", "2026-01-01T00:00:00Z", None, ("a",))
    alert = model.Alert(7, "server", "fatal", 70, "protocol_version", False)
    tls = msgspec.structs.replace(one.tls, certificates=(certificate,), alerts=(alert,))
    return msgspec.structs.replace(
        one, tls=tls, proxy_header=model.ProxyHeader(one.client, one.server), log_lines=(log_line(),)
    )


def document(sessions: Iterable[model.Session], told: Told) -> bytes:
    return b"".join(to_json(sessions, told.trailer))


@pytest.mark.parametrize("path", KEYS)
def test_the_contract_s_keys(path: str) -> None:
    """Every key of the contract is there, always, under its name."""
    sessions = [whole_session(), failed(1, comparison=model.Comparison(1, 1, 0, 0))]
    value = json.loads(document(sessions, Told(sessions, logs=(log(),), unmatched=(unmatched_line(),))))
    for step in filter(None, path.split(".")):
        value = value[int(step)] if step.isdigit() else value[step]
    assert sorted(value) == sorted(KEYS[path].split())


def test_sessions_are_ordered_by_capture_and_stream() -> None:
    """However they come, and with ties to nothing but their place."""
    sessions = [session(3, capture=1), session(10), session(2), session(0, capture=1)]
    value = json.loads(document(sessions, Told(sessions)))
    assert [(s["capture"], s["stream"]) for s in value["sessions"]] == [(0, 2), (0, 10), (1, 0), (1, 3)]


def test_an_empty_capture_is_a_document() -> None:
    told = Told([], captures=(capture(packets=0, first_time=None, last_time=None),))
    value = json.loads(document([], told))
    assert value["sessions"] == []
    assert value["summary"]["outcomes"] == dict.fromkeys(
        ("established", "failed", "incomplete", "plaintext", "idle"), 0
    )
    assert value["captures"][0]["first_time"] is None


def test_jsonl_is_the_same_objects_in_the_order_they_come() -> None:
    sessions = [failed(5), session(1)]
    told = Told(sessions)
    *lines, last = b"".join(to_jsonl(sessions, told.trailer)).splitlines()
    ordered = json.loads(document(sessions, told))
    assert [json.loads(line) for line in lines] == ordered["sessions"][::-1]
    end = json.loads(last)
    assert "outcome" not in end
    assert end == {key: value for key, value in ordered.items() if key != "sessions"}


def test_jsonl_streams() -> None:
    """The first lines leave before the last session is asked for."""
    asked: list[int] = []

    def sessions() -> Iterable[model.Session]:
        for stream in range(1000):
            asked.append(stream)
            yield session(stream)

    pieces = to_jsonl(sessions(), Told([]).trailer)
    first = next(iter(pieces))
    assert len(first) >= CHUNK
    assert len(asked) < 200


def test_a_document_larger_than_memory_s_share_waits_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions put aside in a file come back in order."""
    monkeypatch.setattr("capanalyzer.report.spool.IN_MEMORY", 10_000)
    kept: list[Spool] = []

    class Watched(Spool):
        def in_order(self) -> Iterator[bytes]:
            kept.append(self)
            assert not isinstance(self._file, io.BytesIO)
            return super().in_order()

    monkeypatch.setattr("capanalyzer.report.to_json.Spool", Watched)
    sessions = [session((stream * 7919) % 500) for stream in range(500)]
    value = json.loads(document(sessions, Told(sessions)))
    assert [s["stream"] for s in value["sessions"]] == list(range(500))
    assert kept[0]._file.closed


def test_hostile_names_stay_json() -> None:
    """Control characters and quotes in a server name are data."""
    name = 'a"\n\x1b[31m\u202e\\'
    one = session(0)
    assert one.tls is not None
    assert one.tls.client_hello is not None
    hello = msgspec.structs.replace(one.tls.client_hello, sni=name)
    sessions = [msgspec.structs.replace(one, tls=msgspec.structs.replace(one.tls, client_hello=hello))]
    lines = b"".join(to_jsonl(sessions, Told(sessions).trailer)).splitlines()
    assert len(lines) == 2
    assert json.loads(lines[0])["tls"]["client_hello"]["sni"] == name
