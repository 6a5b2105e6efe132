"""A real mail server over STARTTLS and implicit TLS: what arrives is the report, byte for byte."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.ports import held_port
from tests.ticket.attacks import ATTACKS
from tests.ticket.conftest import Attach, Pauses, expected_in

# aiosmtpd does not count implicit TLS as TLS, and so warns of what is no risk here.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")


@dataclass
class Inbox:
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """To the next mails, before they are taken."""
    encrypted: list[bool] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None)
        return "250 taken"

    async def auth_XOAUTH2(self, server: SMTP, arguments: list[str]) -> AuthResult:  # noqa: N802
        from base64 import b64decode

        return AuthResult(success=b64decode(arguments[1]) == b"user=agent\x01auth=Bearer s3cret-token\x01\x01")


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=data == LoginPassword(b"agent", b"s3cret-password"), handled=False)


class ImplicitTls(Controller):
    def __init__(self, handler: Inbox, context: ssl.SSLContext, **keywords: Any) -> None:
        super().__init__(handler, hostname="127.0.0.1", ssl_context=context, **keywords)


class StartTls(Controller):
    def __init__(self, handler: Inbox, context: ssl.SSLContext | None, **keywords: Any) -> None:
        keywords |= {"tls_context": context, "require_starttls": True} if context is not None else {}
        super().__init__(handler, hostname="127.0.0.1", **keywords)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def server_port(request: pytest.FixtureRequest, inbox: Inbox, server_context: ssl.SSLContext) -> Iterator[int]:
    """A server as the parameter says: (class, with TLS, options)."""
    kind, with_tls, options = request.param
    with held_port() as port:
        controller = kind(inbox, server_context if with_tls else None, port=port, ready_timeout=60, **options)
        controller.start()
        try:
            yield port
        finally:
            controller.stop(no_assert=True)


AUTH = {"authenticator": authenticate, "auth_required": True}
STARTTLS = (StartTls, True, AUTH)
IMPLICIT = (ImplicitTls, True, AUTH | {"auth_require_tls": False})
CLEAR = (StartTls, False, {})
both = pytest.mark.parametrize(
    ("server_port", "scheme"),
    [(STARTTLS, "smtp"), (IMPLICIT, "smtps")],
    ids=["starttls", "implicit"],
    indirect=["server_port"],
)
starttls = pytest.mark.parametrize("server_port", [STARTTLS], ids=["starttls"], indirect=True)


@pytest.fixture(autouse=True)
def settings(server_port: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    scheme = request.node.callspec.params.get("scheme", "smtp")
    monkeypatch.setenv("CAPANALYZER_SMTP_URL", f"{scheme}://127.0.0.1:{server_port}")
    monkeypatch.setenv("CAPANALYZER_MAIL_FROM", "ops@example.org")
    monkeypatch.setenv("CAPANALYZER_SMTP_USER", "agent")
    monkeypatch.setenv("CAPANALYZER_SMTP_PASSWORD", "s3cret-password")


def attachments(mail: EmailMessage) -> dict[str, bytes]:
    return {one.get_filename() or "": one.get_payload(decode=True) for one in mail.iter_attachments()}


@both
def test_a_mail_arrives(server_port: int, scheme: str, inbox: Inbox, report: Path, attach: Attach) -> None:
    target = "mailto:desk@example.com,second@example.com?subject=%5B%23123%5D%20Edge&cc=boss@example.com"
    result = attach(target, report / "report.json", report / "report.txt")
    assert result.status == 0, result.err
    (mail,), (envelope,) = inbox.mails, inbox.envelopes
    assert inbox.encrypted == [True]
    assert envelope.rcpt_tos == ["desk@example.com", "second@example.com", "boss@example.com"]
    assert mail["Subject"] == "[#123] Edge"
    assert mail["From"] == "ops@example.org"
    assert sorted(attachments(mail).values()) == sorted(
        [(report / "report.json").read_bytes(), (report / "report.txt").read_bytes()]
    )
    plain, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for piece in expected_in(report):
        assert piece in plain
        assert piece in html
    assert mail.is_multipart()
    assert not mail.defects


@starttls
def test_twice_is_once_and_is_remembered(
    server_port: int, inbox: Inbox, report: Path, attach: Attach, environment: Path
) -> None:
    for _ in range(2):
        result = attach("mailto:desk@example.com", report / "report.json")
    assert "is there already" in result.err
    assert len(inbox.mails) == 1
    state = environment / ".local" / "state" / "capanalyzer" / "sent-mails"
    assert state.read_text().startswith(f"{inbox.mails[0]['Message-ID'].strip()} ")
    assert state.stat().st_mode & 0o077 == 0
    attach("mailto:other@example.com", report / "report.json")
    attach("mailto:desk@example.com", report / "report.txt")
    assert len(inbox.mails) == 3
    assert len({mail["Message-ID"] for mail in inbox.mails}) == 3


@starttls
def test_not_now_is_tried_again_and_no_is_not(
    server_port: int, inbox: Inbox, report: Path, attach: Attach, pauses: Pauses
) -> None:
    inbox.answers = ["451 try again later"]
    assert attach("mailto:desk@example.com", report / "report.json").status == 0
    assert len(pauses.taken) == 1
    inbox.answers = ["554 spam, said s3cret-password"]
    result = attach("mailto:second@example.com", report / "report.json")
    assert result.status == 2
    assert "answers 554 spam" in result.err
    assert len(pauses.taken) == 1
    assert len(inbox.mails) == 1


@starttls
def test_a_wrong_password(
    server_port: int, inbox: Inbox, report: Path, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPANALYZER_SMTP_PASSWORD", "wr0ng-password")
    result = attach("mailto:desk@example.com", report / "report.json")
    assert result.status == 2
    assert "not accepted" in result.err
    assert "wr0ng" not in result.err
    assert inbox.mails == []


@starttls
def test_a_token(server_port: int, inbox: Inbox, report: Path, attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPANALYZER_SMTP_TOKEN", "s3cret-token")
    result = attach("mailto:desk@example.com", report / "report.json")
    assert result.status == 0, result.err
    assert len(inbox.mails) == 1


@starttls
def test_an_unverified_server_gets_neither_password_nor_mail(
    server_port: int, inbox: Inbox, report: Path, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    result = attach("mailto:desk@example.com", report / "report.json")
    assert result.status == 2
    assert "its certificate is not accepted" in result.err
    assert inbox.mails == []


@pytest.mark.parametrize("server_port", [CLEAR], ids=["clear"], indirect=True)
def test_without_tls_no_password_is_sent(
    server_port: int, inbox: Inbox, report: Path, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine's own mail server may be spoken to in clear text, but gets no password so."""
    result = attach("mailto:desk@example.com", report / "report.json")
    assert result.status == 2
    assert "nothing is sent in clear text" in result.err
    monkeypatch.delenv("CAPANALYZER_SMTP_PASSWORD")
    assert attach("mailto:desk@example.com", report / "report.json").status == 0
    assert len(inbox.mails) == 1


@pytest.mark.parametrize(
    "server_port", [(StartTls, True, AUTH | {"data_size_limit": 140_000})], ids=["small"], indirect=True
)
def test_the_announced_size_is_kept(
    server_port: int, inbox: Inbox, report: Path, attach: Attach, tmp_path: Path
) -> None:
    (tmp_path / "zeros.txt").write_bytes(bytes(1_000_000))
    (tmp_path / "noise.bin").write_bytes(ssl.RAND_bytes(200_000))
    result = attach("mailto:desk@example.com", report / "report.json", tmp_path / "zeros.txt", tmp_path / "noise.bin")
    assert result.status == 0, result.err
    (mail,) = inbox.mails
    names = list(attachments(mail))
    assert len(names) == 2
    assert names[1].endswith(".txt.gz")
    assert "Not attached" in mail.get_body(("plain",)).get_content()
    assert "noise-" in result.err


@starttls
@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_a_hostile_title_is_one_header(
    server_port: int, inbox: Inbox, report: Path, attach: Attach, attack: str
) -> None:
    title = f"TLS {attack}".replace("\0", "").encode("utf-8", "replace").decode()
    assert attach("mailto:desk@example.com", report / "report.txt", "--title", title).status == 0
    (mail,) = inbox.mails
    assert mail.get_all("Bcc") is None
    assert mail["To"] == "desk@example.com"
    assert len(mail.get_all("Subject")) == 1
    assert "\n" not in mail["Subject"]


@starttls
def test_a_dry_run(server_port: int, inbox: Inbox, report: Path, attach: Attach) -> None:
    result = attach("mailto:desk@example.com", report / "report.json", "--dry-run")
    assert result.status == 0
    assert "To: desk@example.com" in result.out
    assert "s3cret" not in result.out
    assert "http-to-tls-port" in result.out
    assert "  part: application/json report-" in result.out
    japanese = attach("mailto:desk@example.com", report / "report.json", "--dry-run", "--lang", "ja").out
    assert "  パート: application/json report-" in japanese
    assert not re.search(r"^ +part:|[0-9] bytes, SHA-256 ", japanese, re.MULTILINE)
    assert inbox.mails == []


@starttls
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CAPANALYZER_SMTP_URL", "", "Set CAPANALYZER_SMTP_URL"),
        ("CAPANALYZER_SMTP_URL", "smtp://me:s3cret@mail.example.com", "holds a user name"),
        ("CAPANALYZER_SMTP_URL", "https://mail.example.com", "names no mail server"),
        ("CAPANALYZER_SMTP_URL", "smtp://127.0.0.1:99999", "is no URL"),
        ("CAPANALYZER_MAIL_FROM", "", "Set CAPANALYZER_MAIL_FROM"),
        ("CAPANALYZER_MAIL_FROM", "nobody", "is no mail address"),
        ("CAPANALYZER_MAIL_FROM", "a@example.org,b@example.org", "more than one address"),
    ],
)
def test_settings_that_are_no_use(
    server_port: int,
    report: Path,
    attach: Attach,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    message: str,
) -> None:
    monkeypatch.setenv(name, value)
    result = attach("mailto:desk@example.com", report / "report.json")
    assert result.status == 2
    assert message in result.err
    assert "s3cret" not in result.err
