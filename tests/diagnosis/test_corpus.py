"""Real captures of other projects: no healthy session is called failed, and known failures have their cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from capanalyzer.analysis import Options, analyze_captures
from capanalyzer.diagnosis.pages import render_finding
from capanalyzer.diagnosis.verdict import Outcome, Verdict
from capanalyzer.errors import CaptureError
from capanalyzer.handshake.session import Session

FAILED_THOUGH_THERE_IS_DATA: Final = {
    # What the facts take for application data is something else.
    ("flowtest-tls_invalid_cert.pcap", 0),  # TLS 1.3: an alert-sized record in place of Finished, then FIN
    ("ndpi-dnscrypt-v2-doh.pcap", 0),  # likewise
    ("ndpi-dnscrypt-v2-doh.pcap", 1),
    ("pcapplusplus-tls.pcap", 1),  # false start: the client sends data and FIN, the server's Finished never comes
    ("ndpi-anydesk.pcapng", 3),  # self-signed, and the client resets the server's first data
    ("suricata-base64-decode-5885.pcap", 11),  # the server's FIN is on its flight; it resets what the client then says
}

KNOWN: Final = {
    # Checked by hand against the packets.
    ("arkime-badcurveball.pcap", 0): "certificate-rejected",
    ("flowtest-tls_cipher_error.pcap", 0): "no-shared-cipher",
    ("flowtest-tls_invalid_cert.pcap", 0): "certificate-rejected-encrypted",
    ("flowtest-tls_version_error.pcap", 0): "protocol-version-mismatch",
    ("mercury-top_100_fingerprints.pcap", 0): "client-aborted",
    ("mercury-top_100_fingerprints.pcap", 11): "message-rejected",
    ("ndpi-http_ipv6.pcap", 3): "certificate-hostname-mismatch",
    ("ndpi-pinterest.pcap", 4): "client-abandoned",
    ("ndpi-smtps.pcapng", 0): "tls-to-server-first",
    ("ndpi-tls_certificate_too_long.pcap", 2): "client-aborted",
    ("ndpi-webex.pcap", 24): "server-silent",
    ("suricata-ethernet-eve.pcap", 0): "certificate-self-signed",
    ("zeek-tls-certificate-request-failed.pcap", 0): "client-certificate-missing",
    ("zeek-tls-https-to-http.pcap", 0): "tls-to-http-port",
    ("zeek-tls13draft16-ff52.a01-aborted.pcap", 0): "protocol-version-mismatch",
}


def judged(capture: Path) -> Iterator[tuple[Session, Verdict]]:
    for run in analyze_captures([str(capture)], Options()):
        if not isinstance(run, CaptureError):
            yield from run.sessions()


@pytest.fixture(scope="module")
def hints(corpus: Path) -> dict[tuple[str, int], str]:
    """(file, stream) -> the outcome that the corpus reads from tshark's facts by rule."""
    found = {}
    with (corpus / "facts.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            fact = json.loads(line)
            if fact["kind"] == "session" and fact["transport"] == "tcp" and fact.get("hint"):
                found[fact["file"], fact["stream"]] = fact["hint"]["outcome"]
    return found


def test_corpus(corpus: Path, hints: dict[tuple[str, int], str]) -> None:
    false_alarms, known = [], {}
    for capture in sorted((corpus / "captures").iterdir()):
        for session, verdict in judged(capture):
            place = capture.name, session.stream
            assert (verdict.cause is not None) == (verdict.outcome in (Outcome.FAILED, Outcome.INCOMPLETE)), place
            if verdict.outcome is Outcome.FAILED:
                assert verdict.stage is not None, place
                assert verdict.blame is not None, place
                if hints.get(place) == "complete":
                    false_alarms.append(place)
            if place in KNOWN:
                known[place] = verdict.cause
            for finding in verdict.findings:
                assert render_finding(finding, session, "ja").explanation, place
    assert set(false_alarms) <= FAILED_THOUGH_THERE_IS_DATA
    assert known == KNOWN
