"""Endpoint values: scalar and columns agree, families never meet, single bits spread."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.packets.flowkey import V6_BIT, EndpointMixer, endpoint_v4

ADDRESSES = st.binary(min_size=16, max_size=16)
PORTS = st.integers(0, 65535)


@given(st.integers(0, 2**64), st.lists(st.tuples(ADDRESSES, PORTS), min_size=1, max_size=20))
def test_columns_equal_scalar(seed: int, endpoints: list[tuple[bytes, int]]) -> None:
    """Both forms give the same values, with bit 63 set."""
    mixer = EndpointMixer(seed)
    words = np.frombuffer(b"".join(address for address, _ in endpoints), ">u8").astype(np.uint64)
    ports = np.array([port for _, port in endpoints], np.uint16)
    values = mixer.columns(words[::2], words[1::2], ports).tolist()
    assert values == [mixer.scalar(address, port) for address, port in endpoints]
    assert all(value & V6_BIT for value in values)


@given(st.integers(0, 2**32 - 1), PORTS)
def test_ipv4_is_exact(address: int, port: int) -> None:
    """An IPv4 endpoint can be read back from its value, and never looks like an IPv6 one."""
    value = endpoint_v4(address, port)
    assert (value >> 16, value & 0xFFFF) == (address, port)
    assert not value & V6_BIT


def test_every_input_bit_changes_half_of_the_output() -> None:
    """Avalanche: over 200 endpoints each of the 144 input bits flips 35 % to 65 % of the 63 bits on average."""
    rng = random.Random(7)
    mixer = EndpointMixer(7)
    endpoints = [(rng.randbytes(16), rng.randrange(65536)) for _ in range(200)]
    for bit in range(144):
        flipped = 0
        for address, port in endpoints:
            other = (int.from_bytes(address, "big") << 16 | port) ^ 1 << bit
            value = mixer.scalar((other >> 16).to_bytes(16, "big"), other & 0xFFFF)
            flipped += (mixer.scalar(address, port) ^ value).bit_count()
        assert 0.35 < flipped / (200 * 63) < 0.65, f"input bit {bit}"


def test_low_bits_of_neighbours_are_spread() -> None:
    """A hash table uses low bits: 4,096 neighbouring endpoints fill a 4,096-slot table as random values would."""
    mixer = EndpointMixer(3)
    prefix = bytes.fromhex("20010db8000000000000000000")
    slots = {mixer.scalar(prefix + n.to_bytes(3, "big"), 443) & 4095 for n in range(4096)}
    assert len(slots) > 4096 * 0.60  # 63.2 % expected


def test_seeds_differ_and_repeat() -> None:
    """The same seed repeats, another one or none does not."""
    address = bytes(range(16))
    assert EndpointMixer(1).scalar(address, 1) == EndpointMixer(1).scalar(address, 1)
    assert EndpointMixer(1).scalar(address, 1) != EndpointMixer(2).scalar(address, 1)
    assert EndpointMixer().scalar(address, 1) != EndpointMixer().scalar(address, 1)
