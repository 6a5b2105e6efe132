"""``capanalyzer explain --line`` as a user meets it."""

from __future__ import annotations

import io
import re
import sys

import pytest
from rich.cells import cell_len

from capanalyzer import cli
from capanalyzer.logs.ends import endpoint
from capanalyzer.logs.line import Peer
from capanalyzer.logs.meanings import MEANINGS
from capanalyzer.logs.recognise import recognise
from capanalyzer.report.log_line import explained_line, unknown_line
from capanalyzer.report.terminal import Look

from .stored import STORED

ARTICLE = "SSL Handshake failed for TCP 192.0.2.7:80 -> 198.51.100.9:443"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        status = cli.main(["explain", *arguments, *([] if "--lang" in arguments else ["--lang", "en"])])
    except SystemExit as leaving:
        status = int(leaving.code or 0)
    return status, *capsys.readouterr()


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_article_s_line(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "--line", ARTICLE)
    assert (status, err) == (0, "")
    text = flat(out)
    assert "first to be checked is plaintext HTTP on a TLS port" in text.split("What it means")[0]
    assert "A source port of 80 alone proves nothing" in text
    assert "The first bytes decide" in text
    assert "virtual server, its port and its client-ssl profile" in text
    assert "http or https in the client" in text
    assert text.index("http-to-tls-port") < text.index("not-tls ")
    assert "tcpdump -nni 0.0:nnnp -s0 -w /var/tmp/x.pcap host 192.0.2.7 and host 198.51.100.9 " in text
    assert "capanalyzer analyze x.pcap --log FILE" in text


def test_japanese(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--line", ARTICLE, "--lang", "ja")
    assert status == 0
    for words in ("まず TLS ポートへの平文 HTTP を疑う", "誤解しやすい点", "対応者", "TLS ポートに平文の HTTP"):
        assert words in out.replace("\n  ", "")


@pytest.mark.parametrize(
    ("words", "title", "causes"),
    [
        ("wrong version number", "The other end's first bytes are not TLS", "tls-to-http-port"),
        (
            '"tlsv1 alert unknown ca"',
            "does not know the certificate's issuer (alert 48)",
            "certificate-chain-incomplete",
        ),
        ("\u300csslv3 alert handshake failure\u300d", "without saying why (alert 40)", "no-shared-cipher"),
        ("SSL error: certificate has expired.", "The certificate has expired", "certificate-expired"),
        (
            "unable to get local issuer certificate",
            "The issuer of the certificate is not known",
            "certificate-unknown-ca",
        ),
        ("no shared cipher", "No cipher suite that both ends accept", "no-shared-cipher"),
    ],
)
def test_words_alone_are_looked_up(capsys: pytest.CaptureFixture[str], words: str, title: str, causes: str) -> None:
    status, out, err = run(capsys, "--line", words)
    assert (status, err) == (0, "")
    assert title in out.split("\n\n")[0]
    assert causes in out
    assert "Addresses   not in the line" in out
    assert recognise(words) is None  # in a log they would be any text


@pytest.mark.parametrize(
    "words", ["the disk is not trusted", "unexpected", "certificate", "a wrong version number of it"]
)
def test_other_words_are_not_taken_for_errors(capsys: pytest.CaptureFixture[str], words: str) -> None:
    status, out, _ = run(capsys, "--line", words)
    assert (status, "No line about TLS that is known here" in out) == (2, True)


def test_a_big_ip_s_reason_is_explained_and_its_own_check_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--line", "BIG-IP: [0x2409a71:704] Flow e")
    text = flat(out)
    assert "idle for longer than the idle timeout of its profile" in text
    assert text.index("Is the idle timeout shorter") < text.index("who was to send next")
    _, out, _ = run(capsys, "--line", "BIG-IP: [0x2409a71:704] {peer} Policy action", "--lang", "ja")
    assert "ポリシー" in out


@pytest.mark.parametrize(
    ("client", "shown"), [("2001:db8::7%3.51022", "[2001:db8::7%3]:51022"), ("192.0.2.7%3:51022", "192.0.2.7%3:51022")]
)
def test_a_route_domain_stands_with_the_address(client: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As everywhere else in a report."""
    _, out, _ = run(capsys, "--line", f"SSL Handshake failed for TCP {client} -> 198.51.100.9:443")
    assert f"Client {shown} Server" in flat(out)


def test_another_port_is_not_the_article_s_case(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--line", ARTICLE.replace(":80 ", ":51022 "))
    assert "A source port says nothing about the protocol" in flat(out)
    assert "source port of 80" not in out


def test_control_characters_never_reach_the_terminal() -> None:
    hostile = (
        f"\x1b]0;x\x07\x1b[2J {ARTICLE}\u202e \x9b31m curl: (35) error:0A00010B:SSL routines::wrong\x1b[31m version"
    )
    for look in (Look(colour=False), Look(colour=True), Look(lang="ja")):
        line = recognise(hostile)
        assert line is not None
        for text in ("".join(explained_line(line, look)), "".join(unknown_line(hostile, look))):
            plain = re.sub(r"\x1b\[[0-9;]*m", "", text) if look.colour else text
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", plain)
            assert "\\x1b[2J" in plain


def test_an_unknown_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(
        capsys, "--line", "Nov 23 02:36:31 host app: trouble with 192.0.2.7:51022 and 198.51.100.9:8443"
    )
    assert status == 2
    assert "No line about TLS that is known here" in out
    assert "11-23 02:36:31" in out
    assert "'host 192.0.2.7 and host 198.51.100.9 and tcp port 8443'" in out


def test_no_line_and_two_questions_are_usage_errors(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "--line", " ")
    assert (status, out) == (2, "")
    assert "--line is empty" in err
    assert run(capsys, "not-tls", "--line", ARTICLE)[0] == 2
    status, out, err = run(capsys, "--line", __file__)
    assert (status, out) == (2, "")
    assert "is a file" in err


def test_lines_from_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        ARTICLE,
        ARTICLE.replace("0.2.7", "0.2.8"),
        "nothing",
        "curl: (7) Failed to connect to x port 443: Connection refused",
    ]
    piped = io.TextIOWrapper(io.BytesIO("\r\n".join(lines).encode() + b"\xff\0"))
    monkeypatch.setattr(sys, "stdin", piped)
    status, out, err = run(capsys, "--line", "-")
    assert (status, err) == (0, "")
    assert out.count("What it means") == 2
    assert "and 1 more line that says the same" in out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"nothing\n")))
    status, out, err = run(capsys, "--line", "-")
    assert (status, out) == (2, "")
    assert "no line about TLS" in err


def test_several_lines_of_one_entry(capsys: pytest.CaptureFixture[str]) -> None:
    two = next(one.text for one in STORED if one.format == "apache" and "\n" in one.text)
    status, out, _ = run(capsys, "--line", two)
    assert status == 0
    assert out.count("What it means") == 1


@pytest.mark.parametrize("stored", STORED, ids=lambda one: f"{one.format}-{one.name}")
def test_every_line_is_explained(stored: object, capsys: pytest.CaptureFixture[str]) -> None:
    """Both languages, with the addresses of the line in a command that can be pasted."""
    text = str(stored.text)  # type: ignore[attr-defined]
    for lang in ("en", "ja"):
        status, out, err = run(capsys, "--line", text, "--lang", lang)
        assert (status, err) == (0, "")
        assert all(cell_len(line) <= 80 or "tcpdump" in line for line in out.split("\n"))
    expect = stored.expect  # type: ignore[attr-defined]
    command = next(line for line in out.split("\n") if "tcpdump" in line)
    for name in ("client", "server"):
        end = end_of(expect.get(name))
        if end is not None and end.ip is not None:
            assert f"host {end.ip}" in command


def end_of(written: str | None) -> Peer | None:
    if written is None or written.startswith("*"):
        return None
    return endpoint(written if re.search(r"[\]\d]:\d+$", written) else f"{written}:1")


def test_no_session_means_no_cause(capsys: pytest.CaptureFixture[str]) -> None:
    fine = next(one.text for one in STORED if one.expect["meaning"] == "handshake-ok" and one.format == "haproxy")
    _, out, _ = run(capsys, "--line", fine)
    assert MEANINGS["handshake-ok"].title in out
    assert "None: a capture shows no failed session for it." in out
