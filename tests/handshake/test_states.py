"""The table itself, walked whole."""

from __future__ import annotations

import pytest

from capanalyzer.handshake.side import Side
from capanalyzer.handshake.states import DONE, STALLS, TRANSITIONS, Saw, State

STAGES = {"first-bytes", "server-hello", "server-flight", "client-flight", "server-finished", "application"}
STEPS = [(side, saw) for side in Side for saw in Saw]


def test_every_state_has_a_row_and_a_meaning() -> None:
    assert set(TRANSITIONS) == set(State) == set(STALLS)
    assert all(stall.stage in STAGES for stall in STALLS.values())


def test_every_state_is_reachable() -> None:
    reached = {State.AWAIT_CLIENT_HELLO}
    while True:
        more = {target for state in reached for target in TRANSITIONS[state].values()} - reached
        if not more:
            break
        reached |= more
    assert reached == set(State)


@pytest.mark.parametrize("state", [state for state in State if state not in DONE])
def test_every_state_has_a_way_to_the_end(state: State) -> None:
    """From every state but the last ones a handshake can still be completed."""
    reached, new = {state}, {state}
    while new:
        new = {target for at in new for target in TRANSITIONS[at].values()} - reached
        reached |= new
    assert reached & DONE


@pytest.mark.parametrize("state", sorted(DONE))
def test_the_last_states_are_not_left(state: State) -> None:
    assert set(TRANSITIONS[state].values()) == {state}


@pytest.mark.parametrize("state", list(State))
def test_who_is_awaited_can_move_on(state: State) -> None:
    """Whoever the table says has to act has a message that moves the session on."""
    awaited = STALLS[state].awaited
    assert (awaited is None) == (STALLS[state].stage == "application")
    if awaited is not None:
        assert any(side is awaited and to is not state for (side, _), to in TRANSITIONS[state].items())


def test_every_step_is_used() -> None:
    """No kind of message is named and then never expected (but for those that belong nowhere)."""
    used = {saw for row in TRANSITIONS.values() for _, saw in row}
    assert used == set(Saw) - {Saw.OTHER}


def test_only_servers_send_what_only_servers_send() -> None:
    for row in TRANSITIONS.values():
        for side, saw in row:
            if saw in (Saw.SERVER_HELLO_12, Saw.SERVER_HELLO_13, Saw.SERVER_HELLO_DONE, Saw.NEW_SESSION_TICKET):
                assert side is Side.SERVER
            if saw in (Saw.CLIENT_HELLO, Saw.CLIENT_KEY_EXCHANGE, Saw.CERTIFICATE_VERIFY):
                assert side is Side.CLIENT
