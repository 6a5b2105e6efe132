"""Targets as a browser shows them, and what is refused before anything is sent."""

from __future__ import annotations

import pytest

from capanalyzer.errors import UsageError
from capanalyzer.ticket.systems.github import api_of
from capanalyzer.ticket.target import EXAMPLES, parse_target


@pytest.mark.parametrize(
    ("text", "base", "place", "ticket"),
    [
        ("redmine+https://h.example/issues/123", "https://h.example", "", "123"),
        ("redmine+https://h.example/redmine/issues/123#note-4", "https://h.example/redmine", "", "123"),
        ("redmine+https://h.example/projects/ops/issues/new", "https://h.example", "ops", None),
        ("redmine+https://h.example:8443/sub/projects/ops", "https://h.example:8443/sub", "ops", None),
        ("redmine+http://localhost:3000/issues/1", "http://localhost:3000", "", "1"),
        ("redmine+http://[::1]:3000/issues/1", "http://[::1]:3000", "", "1"),
        ("jira+https://x.atlassian.net/browse/OPS-1", "https://x.atlassian.net", "OPS", "OPS-1"),
        ("jira+https://h.example/jira/browse/OPS-1", "https://h.example/jira", "OPS", "OPS-1"),
        ("jira+https://h.example/projects/OPS", "https://h.example", "OPS", None),
        ("servicenow+https://i.example/incident/INC0012345", "https://i.example", "incident", "INC0012345"),
        ("servicenow+https://i.example/sc_task", "https://i.example", "sc_task", None),
        ("github+https://github.com/o/r.x/issues/5", "https://github.com", "o/r.x", "5"),
        ("github+https://github.com/o/r/issues/new", "https://github.com", "o/r", None),
        ("github+https://github.com/o/r/", "https://github.com", "o/r", None),
        ("gitlab+https://g.example/a/b/c/-/issues/5", "https://g.example", "a/b/c", "5"),
        ("gitlab+https://g.example/a/b/issues/5", "https://g.example", "a/b", "5"),
        ("gitlab+https://g.example/a/b/-/work_items/5", "https://g.example", "a/b", "5"),
        ("gitlab+https://g.example/a/b/-/issues", "https://g.example", "a/b", None),
        ("gitlab+https://g.example/a/b", "https://g.example", "a/b", None),
        ("backlog+https://x.backlog.jp/view/OPS_2-1", "https://x.backlog.jp", "OPS_2", "OPS_2-1"),
        ("backlog+https://x.backlog.jp/projects/OPS", "https://x.backlog.jp", "OPS", None),
        ("mailto:a+b@example.com,c@example.com", "a+b@example.com,c@example.com", "", None),
        ("REDMINE+HTTPS://H.example/issues/1", "https://h.example", "", "1"),
    ],
)
def test_what_is_one(text: str, base: str, place: str, ticket: str | None) -> None:
    target = parse_target(text)
    assert (target.base, target.place, target.ticket) == (base, place, ticket)


def test_options() -> None:
    assert parse_target("redmine+https://h.example/issues/1?markup=markdown").options == {"markup": "markdown"}
    assert parse_target("jira+https://h.example/projects/OPS?type=Sub%20task").options == {"type": "Sub task"}
    mail = parse_target("mailto:a@example.com?Subject=a+b%20%5B%231%5D&cc=b@example.com,c@example.com")
    assert mail.options == {"subject": "a+b [#1]", "cc": "b@example.com,c@example.com"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://h.example/issues/1", "does not say which system it is: put redmine+"),
        ("bugzilla+https://h.example/1", "no such target"),
        ("redmine+ftp://h.example/issues/1", "no such target"),
        ("/issues/1", "no such target"),
        ("", "no such target"),
        ("redmine+https://h.example/wiki/1", "names neither ticket nor project"),
        ("redmine+https://h.example/issues/1/../../2", "names neither"),
        ("redmine+https://h.example/projects/a%2f..%2fb", "names neither"),
        ("jira+https://h.example/browse/ops-1", "names neither"),
        ("servicenow+https://h.example/incident/INC1^ORnumber=INC2", "names neither"),
        ("gitlab+https://h.example/only-a-group", "names neither"),
        ("redmine+http://h.example/issues/1", "would send credentials in clear text"),
        ("redmine+http://127.0.0.1.evil.example/issues/1", "would send credentials in clear text"),
        ("redmine+https:///issues/1", "has no host name"),
        ("redmine+https://h.example:port/issues/1", "is no URL"),
        ("redmine+https://[::1/issues/1", "is no URL"),
        ("redmine+https://h.example/issues/1?key=x", "takes no 'key'"),
        ("github+https://github.com/o/r?type=x", "takes no 'type'"),
        ("redmine+https://h.example/issues/1?markup=html", "textile or markdown"),
        ("mailto:", "has no address"),
        ("mailto:nobody", "is no mail address"),
        ("mailto:a..b@example.com", "is no mail address"),
        ("mailto:a@example..com", "is no mail address"),
        ("mailto:a@example.com%0d%0aBcc:b@example.com", "is no mail address"),
        ("mailto:a@example.com?bcc=b@example.com", "takes no 'bcc'"),
        ("mailto:a@example.com?cc=b", "is no mail address"),
        ("mailto:%3Cscript%3E@example.com", "is no mail address"),
    ],
)
def test_what_is_none(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("+", r"\+")) as error:
        parse_target(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("user", ["agent:s3cret@", "s3cret@", ":s3cret@", "agent:s3cret%40@"])
def test_user_and_password_in_it_are_refused_and_not_repeated(user: str) -> None:
    with pytest.raises(UsageError, match="holds a user name or password") as error:
        parse_target(f"jira+https://{user}h.example/browse/OPS-1")
    assert "s3cret" not in str(error.value)


def test_examples_are_targets() -> None:
    for system, text in EXAMPLES.items():
        for example in text.split(" or "):
            concrete = example.replace("HOST", "h.example").replace("SPACE", "space")
            assert parse_target(concrete).system == system


@pytest.mark.parametrize(
    ("host", "api"),
    [
        ("github.com", "https://api.github.com"),
        ("octo.ghe.com", "https://api.octo.ghe.com"),
        ("github.example.com:8443", "https://github.example.com:8443/api/v3"),
    ],
)
def test_where_github_s_api_is(host: str, api: str) -> None:
    assert api_of(parse_target(f"github+https://{host}/o/r")) == api
