"""Crypto-PAn against values that other implementations of it publish, and what special addresses become."""

from __future__ import annotations

from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.redact.crypto_pan import CryptoPan

KEY = bytes((
    21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16,
    216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2,
))  # fmt: skip
"""Of the sample that came with the algorithm."""
PAN = CryptoPan(KEY)


@pytest.mark.parametrize(
    ("address", "other"),
    [
        ("128.11.68.132", "135.242.180.132"),
        ("129.118.74.4", "134.136.186.123"),
        ("130.132.252.244", "133.68.164.234"),
        ("141.223.7.43", "141.167.8.160"),
        ("192.102.249.13", "252.138.62.131"),
        ("::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"),
        ("::2", "78ff:f001:9fc0:20df:8380:b1f1:704:ef"),
        ("::ffff", "78ff:f001:9fc0:20df:8380:b1f1:704:f838"),
        ("2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"),
        ("2001:db8::2", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c"),
    ],
)
def test_published_values(address: str, other: str) -> None:
    assert str(ip_address(PAN.plain(ip_address(address).packed))) == other


SPECIAL = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "224.0.0.0/4",
)  # fmt: skip


def common(one: bytes, other: bytes) -> int:
    """Bits at the beginning in which they agree."""
    differ = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return 8 * len(one) - differ.bit_length()


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4))
def test_prefixes_are_preserved(one: bytes, other: bytes) -> None:
    assert common(PAN.plain(one), PAN.plain(other)) == common(one, other)


@given(st.binary(min_size=16, max_size=16), st.integers(0, 127))
def test_prefixes_are_preserved_in_ipv6(one: bytes, bit: int) -> None:
    other = (int.from_bytes(one, "big") ^ 1 << bit).to_bytes(16, "big")
    assert common(PAN.plain(one), PAN.plain(other)) == common(one, other)


@given(st.binary(min_size=16, max_size=16), st.integers(0, 127))
def test_prefixes_are_preserved_as_used(one: bytes, bit: int) -> None:
    other = (int.from_bytes(one, "big") ^ 1 << bit).to_bytes(16, "big")
    assert common(PAN._enciphered(one, PAN._pads), PAN._enciphered(other, PAN._pads)) == common(one, other)


def test_bits_flip_independently() -> None:
    """The first byte of an address stays under one key in 256, not under one in 15 as with one padding for all."""
    address = ip_address("192.0.2.7").packed
    keys = (sha256(number.to_bytes(4, "big")).digest() for number in range(4096))
    same = sum(CryptoPan(key).address(address)[0] == address[0] for key in keys)
    assert 6 <= same <= 29  # 16 expected, three and a quarter standard deviations either way


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "0.0.0.0", "224.0.0.251", "239.1.2.3", "255.255.255.255", "::", "::1", "ff02::fb"]
)
def test_addresses_that_name_nobody_stay(address: str) -> None:
    packed = ip_address(address).packed
    assert PAN.address(packed) == packed


@pytest.mark.parametrize(
    "block",
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10"],
)
@given(number=st.integers(0, (1 << 128) - 1))
def test_private_addresses_stay_private(block: str, number: int) -> None:
    network = ip_network(block)
    address = network[number % network.num_addresses]
    made = ip_address(PAN.address(address.packed))
    assert made in network


@given(st.integers(0, (1 << 32) - 1))
def test_no_ordinary_address_becomes_a_special_one(number: int) -> None:
    address = IPv4Address(number)
    special = [ip_network(block) for block in SPECIAL]
    if not any(address in network for network in special):
        made = IPv4Address(PAN.address(address.packed))
        assert not any(made in network for network in special)


def test_two_addresses_never_become_one() -> None:
    """A whole block of ordinary addresses, of private ones, and their neighbours."""
    for block in ("198.51.100.0/22", "10.1.0.0/22", "172.16.4.0/22"):
        packed = [address.packed for address in IPv4Network(block, strict=False)]
        assert len({PAN.address(one) for one in packed}) == len(packed)


def test_an_ipv4_address_is_the_same_within_ipv6() -> None:
    inner = bytes((198, 51, 100, 20))
    for prefix in (bytes(10) + b"\xff\xff", bytes.fromhex("0064ff9b") + bytes(8)):
        assert PAN.address(prefix + inner) == prefix + PAN.address(inner)


def test_another_key_gives_others() -> None:
    other = CryptoPan(bytes(32))
    assert other.address(bytes((198, 51, 100, 20))) != PAN.address(bytes((198, 51, 100, 20)))
