"""Where credentials come from, in which order, and that nothing shows them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from capanalyzer.errors import TicketError, UsageError
from capanalyzer.ticket.credentials import Credentials, authorization, find_credentials

HOST = "tickets.example.com"


def netrc(environment: Path, text: str) -> None:
    (environment / ".netrc").write_text(text)
    (environment / ".netrc").chmod(0o600)


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """A keyring of this test."""
    held: dict[tuple[str, str], str] = {}
    module, errors = ModuleType("keyring"), ModuleType("keyring.errors")
    module.get_password = lambda service, user: held.get((service, user))  # type: ignore[attr-defined]
    errors.KeyringError = RuntimeError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return held


def test_the_order(environment: Path, keyring: dict[tuple[str, str], str]) -> None:
    netrc(environment, f"machine {HOST} login agent password from-netrc")
    assert find_credentials("redmine", HOST, {}) == Credentials(
        "agent", "from-netrc", str(environment / ".netrc"), is_token=False
    )
    keyring[f"capanalyzer:{HOST}", "token"] = "from-keyring"
    found = find_credentials("redmine", HOST, {})
    assert found is not None
    assert (found.secret, found.user, found.is_token) == ("from-keyring", None, True)
    found = find_credentials("redmine", HOST, {"CAPANALYZER_REDMINE_TOKEN": "from-environment"})
    assert found is not None
    assert (found.secret, found.source) == ("from-environment", "CAPANALYZER_REDMINE_TOKEN")


def test_a_keyring_s_password_of_a_user(keyring: dict[tuple[str, str], str]) -> None:
    keyring[f"capanalyzer:{HOST}", "agent"] = "word"
    found = find_credentials("servicenow", HOST, {"CAPANALYZER_SERVICENOW_USER": "agent"})
    assert found is not None
    assert (found.user, found.secret, found.is_token) == ("agent", "word", False)


def test_nothing_for_other_hosts_and_systems(environment: Path) -> None:
    netrc(environment, f"machine {HOST} login agent password from-netrc\ndefault login anonymous password guest")
    assert find_credentials("redmine", "other.example.com", {"CAPANALYZER_JIRA_TOKEN": "x"}) is None


@pytest.mark.parametrize(
    ("system", "credentials", "headers", "query"),
    [
        ("redmine", Credentials(None, "k", "", is_token=True), {"X-Redmine-API-Key": "k"}, {}),
        ("redmine", Credentials("u", "p", "", is_token=False), {"Authorization": "Basic dTpw"}, {}),
        ("jira", Credentials("u", "p", "", is_token=True), {"Authorization": "Basic dTpw"}, {}),
        ("jira", Credentials(None, "k", "", is_token=True), {"Authorization": "Bearer k"}, {}),
        ("servicenow", Credentials(None, "k", "", is_token=True), {"Authorization": "Bearer k"}, {}),
        ("github", Credentials("u", "k", "", is_token=False), {"Authorization": "Bearer k"}, {}),
        ("gitlab", Credentials("u", "k", "", is_token=False), {"PRIVATE-TOKEN": "k"}, {}),
        ("backlog", Credentials(None, "k", "", is_token=True), {}, {"apiKey": "k"}),
    ],
)
def test_how_they_are_presented(
    system: str, credentials: Credentials, headers: dict[str, str], query: dict[str, str]
) -> None:
    assert authorization(system, credentials) == (headers, query)


def test_nothing_shows_them() -> None:
    credentials = Credentials("agent", "s3cret", "CAPANALYZER_JIRA_TOKEN", is_token=True)
    assert "s3cret" not in repr(credentials)
    echoed = credentials.hide("no user agent:s3cret, sent as YWdlbnQ6czNjcmV0")
    assert echoed == "no user agent:***, sent as ***"


def test_half_a_pair_and_broken_secrets() -> None:
    with pytest.raises(UsageError, match="CAPANALYZER_JIRA_USER is not"):
        find_credentials("jira", HOST, {"CAPANALYZER_JIRA_PASSWORD": "s3cret"})
    for secret in ("s3cret\r\nX-Evil: 1", "s3cret\u200b"):
        with pytest.raises(UsageError, match="line end or characters beyond ASCII") as error:
            find_credentials("jira", HOST, {"CAPANALYZER_JIRA_TOKEN": secret})
        assert "s3cret" not in str(error.value)


def test_a_netrc_that_is_none(environment: Path) -> None:
    netrc(environment, "machine h login a password s3cret\nnonsense s3cret\n")
    with pytest.raises(TicketError, match="is no netrc") as error:
        find_credentials("jira", HOST, {})
    assert "s3cret" not in str(error.value)


def test_another_netrc(tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text(f"machine {HOST} login agent password other")
    (tmp_path / "netrc").chmod(0o600)
    found = find_credentials("jira", HOST, {"NETRC": str(tmp_path / "netrc")})
    assert found is not None
    assert found.secret == "other"
