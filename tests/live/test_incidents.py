"""Incidents of a run that goes on: what they list is bounded, what they tell goes on."""

from __future__ import annotations

import msgspec
import pytest

from capanalyzer.live import incidents as incidents_module
from capanalyzer.live.incidents import LiveIncidents
from capanalyzer.report import model
from tests.report.samples import at, failed

SECOND = 10**9


def session(number: int, server: str = "198.51.100.9", client: str = "192.0.2.1", second: int = 0) -> model.Session:
    return msgspec.structs.replace(
        failed(), id=number, server=model.Endpoint(server, 443), client=model.Endpoint(client, 1024 + number % 60_000),
        start=at(second), end=at(second),
    )  # fmt: skip


def test_an_incident_goes_on_when_it_lists_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last session, its clients and how many there are, whether they are listed or not."""
    monkeypatch.setattr(incidents_module, "MAX_SESSIONS", 3)
    found = LiveIncidents("en")
    assert found.add(session(0), 0) is not None
    for number in range(1, 10):
        assert found.add(session(number, client=f"192.0.2.{number}", second=number), number * SECOND) is None
        [grown] = found.changed(number * SECOND)
        assert grown.session_count == number + 1
        assert grown.last == at(number)
    assert grown.sessions == (0, 1, 2)
    assert grown.sessions_unlisted == found.unlisted == 7
    assert grown.clients == 9
    for number in (9, 0, 1):
        found.remove(number)
    [left] = found.all()
    assert (left.sessions, left.sessions_unlisted, left.clients) == ((2,), 6, 7)
    for number in range(2, 9):
        found.remove(number)
    assert len(found) == 0
    assert found.all() == ()


def test_all_of_them_list_no_more_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids and client addresses together; what is over gives back its room, and takes no more than as much again."""
    monkeypatch.setattr(incidents_module, "MAX_LISTED", 20)
    monkeypatch.setattr(incidents_module, "MAX_CLIENTS", 15)
    found = LiveIncidents("en")
    number = 0
    for turn in range(4):
        now_ns = turn * 2 * incidents_module.QUIET_NS
        list(found.changed(now_ns))
        for server in range(10):
            for client in range(5):
                found.add(session(number, f"198.51.100.{server}", f"192.0.2.{client}"), now_ns)
                number += 1
        open_ones = list(found.changed(now_ns))
        assert len(open_ones) == 10
        assert sum(one.session_count for one in open_ones) == 50
        assert sum(len(one.sessions) for one in open_ones) <= 20 + 10, "the first session of each is always listed"
        assert 10 < sum(one.clients for one in open_ones) <= 15
        assert sum(len(one.sessions) for one in found.all()) <= 20 + 20 + 10


def test_what_is_over_is_not_taken_back_from_what_came_after() -> None:
    """A session whose verdict changes when its incident is over leaves the next one alone that is like it."""
    found = LiveIncidents("en")
    found.add(session(0), 0)
    later_ns = 2 * incidents_module.QUIET_NS
    list(found.changed(later_ns))
    found.add(session(1), later_ns)
    found.remove(0)
    assert [one.sessions for one in found.all()] == [(0,), (1,)]
    found.remove(1)
    assert [one.sessions for one in found.all()] == [(0,)]


def test_what_is_taken_back_leaves_its_incident() -> None:
    """Told smaller, and without a session at last; a new one of the same kind is another one."""
    found = LiveIncidents("en")
    for number in range(3):
        found.add(session(number, client=f"192.0.2.{number}"), 0)
    list(found.changed(0))
    found.remove(1)
    [smaller] = found.changed(0)
    assert (smaller.sessions, smaller.clients) == ((0, 2), 2)
    assert list(found.changed(0)) == []
    found.remove(0)
    found.remove(2)
    [none] = found.changed(0)
    assert (none.cause, none.server, none.session_count, none.clients) == (smaller.cause, smaller.server, 0, 0)
    assert list(found.changed(0)) == []
    assert found.add(session(3), 0) is not None
    found.remove(3)
    assert found.add(session(4), 0) is not None  # before it was told that the one before was none
    assert list(found.changed(0)) == []
    assert len(found) == 1
