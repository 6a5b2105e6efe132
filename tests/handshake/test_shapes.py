"""Handshakes followed together come to the nodes that the machine comes to with each of them alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.handshake import shapes as module
from capanalyzer.handshake.machine import walk
from capanalyzer.handshake.shapes import CODE_CCS, CODE_DATA_13, CODE_ENCRYPTED, CODE_HANDSHAKE, LENGTH_CLASS, Shapes
from capanalyzer.tls.records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Message
from tests.handshake.messages import server_hello_body

LENGTHS = (5, 19, 25, 53, 69, 300)
KINDS = (
    *((side, HANDSHAKE, kind, 40) for side, kind in ((0, 1), (1, 2), (1, 11), (1, 12), (1, 14), (0, 16), (1, 4))),
    *((side, CHANGE_CIPHER_SPEC, -1, 1) for side in (0, 1)),
    *((side, HANDSHAKE, -1, 40) for side in (0, 1)),
    *((side, APPLICATION_DATA, -1, length) for side in (0, 1) for length in LENGTHS),
)
FULL_12 = [KINDS[at] for at in (0, 1, 2, 3, 4, 5, 7, 9, 8, 10, 16, 22)]
FULL_13 = [(0, HANDSHAKE, 1, 40), (1, HANDSHAKE, 2, 44), (1, APPLICATION_DATA, -1, 300), (0, APPLICATION_DATA, -1, 53),
           (0, APPLICATION_DATA, -1, 300), (1, APPLICATION_DATA, -1, 300)]  # fmt: skip
Kind = tuple[int, int, int, int]


def message(place: int, kind: Kind) -> Message:
    side, content, handshake_type, length = kind
    body = server_hello_body(0x0304 if length == 44 else 0x0303, 0x1301) if handshake_type == 2 else b""
    encrypted = handshake_type < 0 and content != CHANGE_CIPHER_SPEC
    return Message(place, place, place, side, content, handshake_type, length, encrypted, 0x0303, 0, body)


def code(tree: Shapes, kind: Kind) -> int:
    side, content, handshake_type, length = kind
    if handshake_type == 2:
        return tree.code_of_choice(0x0304 if length == 44 else 0x0303, 0x1301)
    if content == APPLICATION_DATA:
        return CODE_DATA_13 | LENGTH_CLASS[min(length, len(LENGTH_CLASS) - 1)] << 1 | side
    if content == CHANGE_CIPHER_SPEC:
        return CODE_CCS | side
    return (CODE_ENCRYPTED if handshake_type < 0 else CODE_HANDSHAKE | handshake_type << 1) | side


sequences = st.lists(st.sampled_from((*KINDS, (1, HANDSHAKE, 2, 44))), max_size=10)
beginnings = st.builds(
    lambda full, cut: full[: len(full) - cut], st.sampled_from((FULL_12, FULL_13)), st.integers(0, 3)
)
handshakes = st.lists(
    st.one_of(sequences, st.builds(lambda begun, more: begun + more, beginnings, sequences)), min_size=1, max_size=6
)


@given(handshakes, st.integers(1, 3))
def test_the_machine_says_the_same(talks: list[list[Kind]], per_row: int) -> None:
    tree = Shapes()
    kinds = [kind for talk in talks for kind in talk]
    end = np.cumsum([len(talk) for talk in talks])
    begin = end - np.array([len(talk) for talk in talks])
    codes = np.array([code(tree, kind) for kind in kinds], np.int64)
    row = np.concatenate([np.arange(len(talk)) // per_row for talk in talks]) if kinds else np.zeros(0, np.int64)
    begins_row = np.diff(row, prepend=-1) != 0
    for _ in range(2):  # the second time nothing is new
        node, stop, _ = tree.follow(codes, begins_row, begin, end, lambda at: message(at, kinds[at]))
        for talk, number, first, last in zip(talks, node.tolist(), begin.tolist(), stop.tolist(), strict=True):
            if number < 0:
                continue
            followed = walk([message(at, kind) for at, kind in enumerate(talk[: last - first])])
            known = tree.nodes[number].handshake
            for name in ("state", "done_ns", "since_ns", "version", "suite", "is_13", "data_from", "alert_size"):
                assert getattr(followed, name) == getattr(known, name), name
            assert followed.alert_sized == known.alert_sized or not tree.nodes[number].is_ordinary
            assert (followed.data_from, followed.done_ns is not None) == ([True, True], True)


def test_full_handshakes_are_ordinary() -> None:
    tree = Shapes()
    for talk in (FULL_12, FULL_13):
        codes = np.array([code(tree, kind) for kind in talk], np.int64)
        everywhere = np.ones(len(talk), np.bool_)
        node, stop, _ = tree.follow(
            codes, everywhere, np.array([0]), np.array([len(talk)]), lambda at, talk=talk: message(at, talk[at])
        )
        assert stop.tolist() == [len(talk)]
        assert tree.nodes[int(node[0])].is_ordinary


def test_a_full_tree_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not known then goes the plain way."""
    tree = Shapes()
    codes = np.array([code(tree, kind) for kind in FULL_12], np.int64)
    everywhere, begin, end = np.ones(len(FULL_12), np.bool_), np.array([0]), np.array([len(FULL_12)])
    monkeypatch.setattr(module, "MAX_SHAPES", 3)
    node, _, _ = tree.follow(codes, everywhere, begin, end, lambda at: message(at, FULL_12[at]))
    assert node.tolist() == [-1]
    assert len(tree.nodes) == 3
