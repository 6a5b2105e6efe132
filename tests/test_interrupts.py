"""Ctrl-C where no exception can leave."""

from __future__ import annotations

import signal
import sys
import time
import weakref

import pytest

from capanalyzer.cli.interrupts import interrupts_kept


class Thing:
    """Something that a weak reference can be of."""


@pytest.mark.parametrize("platform", [sys.platform, "win32"])
def test_an_interrupt_in_a_callback_comes_again(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    if platform == "win32":
        monkeypatch.delattr(signal, "pthread_kill", raising=False)

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    thing = Thing()
    reference = weakref.ref(thing, interrupted)
    things = [thing]
    del thing
    with pytest.raises(KeyboardInterrupt), interrupts_kept():
        _let_go(things)
    assert reference() is None


def _let_go(things: list[Thing]) -> None:
    things.clear()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        time.sleep(0.01)
