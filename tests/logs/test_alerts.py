"""Every alert, read by who wrote the line and who sent the alert: whom it names, and who has to act."""

from __future__ import annotations

import re

import pytest

from capanalyzer.i18n import LANGUAGES
from capanalyzer.logs.either import with_role
from capanalyzer.logs.line import Role, Said
from capanalyzer.logs.meanings import MEANINGS
from capanalyzer.logs.recognise import recognise
from capanalyzer.report.log_line import explained_line
from capanalyzer.report.terminal import Look
from capanalyzer.tls.codepoints import alert_name

CLIENT, SERVER, BOTH = "the client's side", "the server's side", "both sides: they must agree"
OPEN, NETWORK = "cannot be told from this line", "the network between them"
CALLS = {Role.SERVER: "SSL_accept", Role.CLIENT: "SSL_connect"}
ACTS = {
    # number: (a server received it, a client did, a server sent it, a client did)
    0: (OPEN, OPEN, OPEN, OPEN),
    10: (BOTH, BOTH, CLIENT, SERVER),
    20: (NETWORK, NETWORK, NETWORK, NETWORK),
    21: (NETWORK, NETWORK, NETWORK, NETWORK),
    22: (NETWORK, NETWORK, NETWORK, NETWORK),
    30: (NETWORK, NETWORK, NETWORK, NETWORK),
    40: (BOTH, BOTH, BOTH, BOTH),
    41: (CLIENT, OPEN, OPEN, CLIENT),
    # Who refuses a certificate is not who has to mend it: that is who showed it.
    42: (SERVER, CLIENT, CLIENT, SERVER),
    43: (SERVER, CLIENT, CLIENT, SERVER),
    44: (SERVER, CLIENT, CLIENT, SERVER),
    45: (SERVER, CLIENT, CLIENT, SERVER),
    46: (SERVER, CLIENT, CLIENT, SERVER),
    47: (BOTH, BOTH, OPEN, OPEN),
    48: (SERVER, CLIENT, CLIENT, SERVER),
    # A policy, a user and trouble of its own are the sender's.
    49: (CLIENT, SERVER, SERVER, CLIENT),
    50: (BOTH, BOTH, OPEN, OPEN),
    51: (NETWORK, NETWORK, NETWORK, NETWORK),
    60: (OPEN, OPEN, OPEN, OPEN),
    70: (BOTH, BOTH, BOTH, BOTH),
    # Too weak is what the other end has.
    71: (SERVER, CLIENT, CLIENT, SERVER),
    80: (CLIENT, SERVER, SERVER, CLIENT),
    86: (OPEN, CLIENT, CLIENT, OPEN),
    90: (CLIENT, SERVER, SERVER, CLIENT),
    100: (BOTH, OPEN, OPEN, OPEN),
    109: (BOTH, BOTH, OPEN, OPEN),
    110: (BOTH, BOTH, OPEN, OPEN),
    111: (OPEN, OPEN, OPEN, OPEN),
    112: (OPEN, BOTH, BOTH, OPEN),
    113: (SERVER, OPEN, OPEN, OPEN),
    114: (OPEN, OPEN, OPEN, OPEN),
    115: (OPEN, BOTH, BOTH, OPEN),
    116: (OPEN, CLIENT, CLIENT, OPEN),
    120: (OPEN, BOTH, BOTH, OPEN),
    121: (SERVER, OPEN, OPEN, OPEN),
}
UNNAMED = [number for number in range(122) if number not in ACTS]
SENT = re.compile(r"The (server|client) (?:sent|refused|insists|wants|does not know|speaks none)\b")


def told(line: str, lang: str = "en") -> str:
    found = recognise(line)
    assert found is not None, line
    return " ".join("".join(explained_line(found, Look(lang=lang, width=200))).split())


def given(number: int, role: Role | None, *, is_own: bool) -> str:
    call = CALLS[role] if role is not None else "info"
    if not is_own:
        return f"{call}: error:0A{1000 + number:06X}:SSL routines::an alert:SSL alert number {number}"
    name = alert_name(number).replace("_", " ").replace("canceled", "cancelled")
    return f"{call}: SSL3 alert write:fatal:{name}"


@pytest.mark.parametrize("number", ACTS)
def test_who_acts_follows_from_who_wrote_and_who_sent(number: int) -> None:
    rows = [(role, is_own) for is_own in (False, True) for role in (Role.SERVER, Role.CLIENT)]
    for (role, is_own), acts in zip(rows, ACTS[number], strict=True):
        line = given(number, role, is_own=is_own)
        found, text = recognise(line), told(line)
        assert found is not None
        assert (found.role, found.said, found.alert) == (role, Said.LOCAL if is_own else Said.PEER, number), line
        assert f"Who acts {acts} " in text, (line, text)
        writer = "client" if role is Role.CLIENT else "server"
        other = "server" if role is Role.CLIENT else "client"
        named = SENT.match(MEANINGS[found.meaning].title)
        assert named is None or named[1] == (writer if is_own else other), (line, named)
        assert ("the other end: it sent alert" in text) is not is_own


@pytest.mark.parametrize("number", ACTS)
def test_a_role_that_comes_later_says_the_same(number: int) -> None:
    for is_own in (False, True):
        for role in (Role.SERVER, Role.CLIENT):
            line = recognise(given(number, None, is_own=is_own))
            known = recognise(given(number, role, is_own=is_own))
            assert line is not None
            assert known is not None
            assert line.role is None
            later = with_role(line, role)
            assert (later.meaning, later.causes) == (known.meaning, known.causes)


def test_an_alert_without_a_name_is_told_by_its_number() -> None:
    for number in UNNAMED:
        for role in (Role.SERVER, Role.CLIENT, None):
            text = told(given(number, role, is_own=False))
            assert f"it sent alert {number}" in text
            assert f"Who acts {OPEN}" in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_who_acts_without_a_role_is_said_of_this_program_or_the_other(lang: str) -> None:
    acts = {49: ("the other end's side", "相手側"), 71: ("the side of the program", "この行を書いたプログラムの側")}
    for number, texts in acts.items():
        assert texts[LANGUAGES.index(lang)] in told(given(number, None, is_own=False), lang)
