"""Who speaks, and which end is which, is said only where the line tells."""

from __future__ import annotations

import re

import pytest

from capanalyzer.logs.either import open_meaning, with_role
from capanalyzer.logs.line import Role, Said
from capanalyzer.logs.meanings import MEANINGS
from capanalyzer.logs.recognise import recognise
from capanalyzer.report.log_line import explained_line
from capanalyzer.report.terminal import Look

from .stored import STORED

CLAIM = re.compile(r"\b[Tt]he (?:server|client) (?:sent|closed|refused|finds|found|does not|answered)\b")


def shown(text: str, lang: str = "en") -> str:
    line = recognise(text)
    assert line is not None
    return " ".join("".join(explained_line(line, Look(lang=lang))).split())


@pytest.mark.parametrize("alert", [40, 42, 43, 44, 45, 46, 48])
def test_an_alert_to_a_program_without_a_role_names_no_end(alert: int) -> None:
    line = recognise(f"error:0A{1000 + alert:06X}:SSL routines::an alert:SSL alert number {alert}")
    assert line is not None
    assert (line.role, line.said, line.alert) == (None, Said.PEER, alert)
    known = MEANINGS[line.meaning]
    for text in (known.title, known.text, known.misleads, *known.checks):
        assert not CLAIM.search(text), text
    if alert != 40:
        assert "client-certificate-rejected" in line.causes
        assert line.causes.index("client-certificate-rejected") > 0


def test_lines_without_a_role_claim_nothing_of_the_other_end() -> None:
    lines = [line for one in STORED for line in [recognise(one.text)] if line is not None and line.role is None]
    assert len(lines) > 20
    for line in lines:
        assert line.meaning == open_meaning(line.meaning)
        # A BIG-IP names both ends; who passes bytes on is neither end, and tells which of them ended it.
        is_between = line.format == "f5-ltm" or line.meaning.startswith("passed-on")
        if line.said in (Said.PEER, Said.TRANSPORT) and not is_between:
            assert not CLAIM.search(MEANINGS[line.meaning].text), line.text


def test_who_acts_is_as_open_as_the_role() -> None:
    f5 = next(one.text for one in STORED if one.name == "certificate-refused-on-either-side")
    assert "Who acts the side that showed the certificate" in shown(f5)
    assert "client-certificate-rejected" in shown(f5)
    assert "証明書を提示した側" in shown(f5, "ja")
    assert "the server does not send" not in shown(f5)
    assert "Who acts the server's side" in shown("curl: (60) SSL certificate problem: certificate has expired")
    assert "Who acts the side that showed" in shown("remote error: tls: bad certificate")


def test_the_role_that_another_line_tells_settles_it() -> None:
    line = recognise("remote error: tls: unknown certificate authority")
    assert line is not None
    server, client = with_role(line, Role.SERVER), with_role(line, Role.CLIENT)
    assert (server.meaning, client.meaning) == ("alert-unknown-ca", "alert-client-certificate-rejected")
    assert server.causes == MEANINGS["alert-unknown-ca"].causes
    assert client.causes == MEANINGS["alert-client-certificate-rejected"].causes
    assert with_role(server, Role.CLIENT) == server


def test_trouble_of_the_other_end_is_for_that_end_to_mend() -> None:
    assert "Who acts the other end's side" in shown("javax.net.ssl.SSLException: Received fatal alert: internal_error")
    server = "http: TLS handshake error from 192.0.2.7:51022: remote error: tls: internal error"
    assert "Who acts the client's side" in shown(server)
    assert "Who acts the server's side" in shown("* TLSv1.3 (IN), TLS alert, internal error (592):")


def test_causes_of_an_unknown_reason_are_those_of_its_alert() -> None:
    line = recognise(next(one.text for one in STORED if one.name == "alert-before-the-reason"))
    assert line is not None
    assert line.causes[0] == "handshake-failure-unspecified"
    assert "record-corrupted" not in line.causes


def test_a_reset_that_the_big_ip_decided_is_its_own() -> None:
    own = next(one.text for one in STORED if one.name == "reset-of-its-own")
    assert "Who speaks the program that wrote the line: it decided by itself" in shown(own)
    passed = next(one.text for one in STORED if one.name == "reset-passed-on")
    assert "Who speaks nobody" in shown(passed)


def test_a_backend_that_is_not_reached_may_have_refused_tls() -> None:
    line = recognise(next(one.text for one in STORED if one.name == "httplog-backend"))
    assert line is not None
    assert {"tls-to-http-port", "certificate-rejected", "tcp-connect-refused"} <= set(line.causes)
    assert "that handshake failed. The line does not tell which" in MEANINGS[line.meaning].text


def test_tls_to_an_ssh_port_has_one_cause() -> None:
    line = recognise(r"Bad protocol version identification '\026\003\001\002' from 192.0.2.7 port 51022")
    assert line is not None
    assert line.causes == ("tls-to-server-first",)


def test_words_of_one_cloud_service_in_other_text_are_not_its_line() -> None:
    for text in ("INFO worker: job Failed:TcpError while it ran", "Failed:ClientCertExpired"):
        assert recognise(text) is None
