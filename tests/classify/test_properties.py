"""What must hold for any bytes: no exception, and no answer that is taken back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.classify.first_bytes import SIGNATURES, classify, classify_pair
from capanalyzer.classify.signs import NO, YES
from capanalyzer.classify.tds import deframe_tds
from capanalyzer.classify.upgrade import read_upgrade
from tests.classify.samples import NEAR_MISSES, SAMPLES
from tests.classify.test_upgrade import DIALOGUES

SEEDS = [data for _, _, data in SAMPLES] + [data for _, data in NEAR_MISSES]


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Random bytes, or a sample with bytes changed, cut, repeated or put together with another."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=80))
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data) + draw(st.sampled_from([b"", *SEEDS]))


@given(streams())
@settings(max_examples=600, deadline=None)
def test_an_answer_is_never_taken_back(data: bytes) -> None:
    """One byte more at a time: None, then one name for ever."""
    answer = None
    for size in range(len(data) + 1):
        now = classify(data[:size])
        assert answer in (None, now)
        answer = now
    assert classify(data, ended=True) == (answer or classify(data, ended=True))
    assert classify(data, ended=True) is not None


@given(streams())
@settings(max_examples=300, deadline=None)
def test_rows_stand_by_their_word(data: bytes) -> None:
    """Each row by itself never leaves YES or NO. The order of the table rests on it."""
    for row in SIGNATURES:
        if not data or data[0] not in row.first:
            continue
        before = row.check(data[:1])
        for size in range(2, len(data) + 1):
            now = row.check(data[:size])
            if before.state in (NO, YES):
                assert now == before, row
            before = now


@given(streams(), streams(), st.booleans(), st.booleans(), st.one_of(st.none(), st.integers(0, 65_535)))
@settings(max_examples=600, deadline=None)
def test_pairs_are_total_and_stay(client: bytes, server: bytes, c_end: bool, s_end: bool, port: int | None) -> None:
    """With both ended each side that spoke has a name; an answer given early is the final one."""
    final = classify_pair(client, server, True, True, port)
    assert (final[0] is None) == (not client)
    assert (final[1] is None) == (not server)
    early = classify_pair(client, server, c_end, s_end, port)
    for now, then in zip(early, final, strict=True):
        assert now in (None, then)
    half = classify_pair(client[: len(client) // 2], server[: len(server) // 2], False, False, port)
    whole = classify_pair(client, server, False, False, port)
    for now, then in zip(half, whole, strict=True):
        assert now is None or now == then


@st.composite
def dialogues(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Both sides of a real upgrade, cut and changed, or of two different ones."""
    client, server = draw(st.sampled_from(DIALOGUES))
    if draw(st.booleans()):
        server = draw(st.sampled_from(DIALOGUES))[1]
    sides = []
    for side in (client, server):
        data = bytearray(side[: draw(st.integers(0, len(side)))])
        for _ in range(draw(st.integers(0, 2)) if data else 0):
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
        sides.append(bytes(data))
    return sides[0], sides[1]


@given(dialogues(), st.lists(st.integers(-5, 500), max_size=4))
@settings(max_examples=800, deadline=None)
def test_upgrades_of_any_bytes_stay_inside_them(pair: tuple[bytes, bytes], cuts: list[int]) -> None:
    """Never an exception; offsets within the streams; answers that can be printed."""
    client, server = pair
    reading = read_upgrade(client, server, cuts)
    if reading is None:
        return
    for at in (reading.request_at, reading.client_tls_at):
        assert at is None or 0 <= at <= len(client)
    for at in (reading.answer_at, reading.server_tls_at):
        assert at is None or 0 <= at <= len(server)
    assert len(reading.answer) <= 200
    assert reading.answer.isprintable()


@given(st.binary(max_size=200), st.integers(0, 50))
@settings(deadline=None)
def test_deframing_loses_nothing_it_does_not_say(data: bytes, offset: int) -> None:
    """Every byte given out stands in the stream where the mapping says."""
    found = deframe_tds(data, offset)
    for at, value in enumerate(found.data):
        assert data[found.stream_offset(at)] == value
