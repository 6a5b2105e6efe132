"""Every reason of the vocabulary is found, whole or cut, and has its texts in both languages."""

from __future__ import annotations

import pytest

from capanalyzer.diagnosis.f5.reasons import REASONS, find_reason
from capanalyzer.diagnosis.f5.resets import same_distance
from capanalyzer.i18n import translator

DOCUMENTED = (
    "No local listener", "Port denied", "No pool member available", "No server selected", "No route to host",
    "Connection limit exceeded", "TCP RST from remote system", "No flow found for ACK", "Flow expired (sweeper)",
    "TCP retransmit timeout", "TCP 3WHS rejected", "handshake timeout", "SSL handshake timeout exceeded",
    "Policy action", "RST from BIG-IP internal Linux host", "HA disconnect", "VIP down", "VIP disabled by monitor",
    "Closing", "Unable to select local port", "iRule execution (reject command)", "iRule /Common/r error",
    "DOS attack signature", "TCP zero window timeout", "TCP keep-alive timeout", "Out of memory",
    "License limit exceeded", "Internal error (0x1)",
)  # fmt: skip


@pytest.mark.parametrize("text", DOCUMENTED)
def test_every_documented_reason_is_known(text: str) -> None:
    reason = find_reason(text)
    assert reason is not None
    assert text.lower().startswith(reason.text.lower())


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.text)
def test_every_reason_has_its_texts_in_both_languages(reason: object) -> None:
    japanese = translator("ja")
    for text in (reason.meaning, reason.action):  # type: ignore[attr-defined]
        assert japanese(text) != text
        assert text.count("`") % 2 == 0


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("Flow e", "Flow expired"),
        ("No local li", "No local listener"),
        ("Unable to sel", "Unable to select local port"),
    ],
)
def test_a_cut_text_is_known_by_its_beginning(cut: str, whole: str) -> None:
    reason = find_reason(cut)
    assert reason is not None
    assert reason.text == whole


@pytest.mark.parametrize("text", ["", "No", "No ", "TCP ", "VIP d", "Something of a later release"])
def test_what_could_be_several_or_is_none_is_not_guessed(text: str) -> None:
    assert find_reason(text) is None


def test_distance_counts_from_the_nearest_initial_ttl() -> None:
    assert same_distance(253, (62,))
    assert not same_distance(253, (60,))
    assert same_distance(64, (64, 120))
