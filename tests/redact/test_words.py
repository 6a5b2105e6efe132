"""Tokens: of the same length, the same for the same word, never the same for two, and no word can be seen in them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.redact.redactor import Redactor
from capanalyzer.redact.words import Words

WORDS = Words(bytes(range(32)))
REDACTOR = Redactor(b"a key of sixteen bytes")
LABELS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=40)


def test_words_of_one_length_are_permuted() -> None:
    alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789"
    words = [bytes(pair) for pair in product(alphabet, repeat=2)]
    assert {WORDS.word(word) for word in words} == set(words)


@given(LABELS, LABELS)
def test_two_words_never_become_one(one: str, other: str) -> None:
    assert (WORDS.text(one) == WORDS.text(other)) == (one == other)


@given(st.binary(max_size=200))
def test_length_and_alphabet(data: bytes) -> None:
    made = WORDS.data(data)
    assert len(made) == len(data)
    assert made.isascii()
    assert made.decode().isprintable()


def test_a_wildcard_still_matches() -> None:
    host, wildcard = WORDS.text("www.Example.com"), WORDS.text("*.example.COM")
    assert wildcard.startswith("*.")
    assert host.partition(".")[2] == wildcard[2:]


def test_names_that_differ_little_become_quite_different() -> None:
    one, other = WORDS.text("production-database-1"), WORDS.text("production-database-2")
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 8
    assert one.count("-") == 2


@given(st.binary(min_size=1, max_size=300))
def test_filling_depends_on_the_whole(data: bytes) -> None:
    assert len(WORDS.fill(data)) == len(data)
    assert WORDS.fill(data) == WORDS.fill(data)
    if len(data) > 8:
        assert WORDS.fill(data) != WORDS.fill(data[:-1] + bytes((data[-1] ^ 1,)))


@given(st.ip_addresses())
def test_an_address_in_the_place_of_a_name_stays_one(address: IPv4Address | IPv6Address) -> None:
    text = str(address)
    made = REDACTOR.name(text)
    assert len(made) == len(text)
    assert ip_address(made).version == address.version


@given(st.binary(min_size=6, max_size=6))
def test_mac_addresses(mac: bytes) -> None:
    made = REDACTOR.mac(mac)
    if mac[0] & 1 or not any(mac):
        assert made == mac
    else:
        assert made[0] & 3 == 2, "locally administered, of one station"
        assert made != mac
