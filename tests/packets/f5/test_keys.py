"""Keys in trailers are found wherever they are taken out."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from capanalyzer.capture.source import open_files
from capanalyzer.packets.decode import Decoder
from capanalyzer.redact.strip import holds_session_keys
from capanalyzer.streams.f5.collect import Collector
from tests.f5_captures import frame_v4, frame_v6, write

MASTER = hashlib.sha384(b"master").digest()
RANDOMS = hashlib.sha256(b"client").digest() + hashlib.sha256(b"server").digest()


def block(*items: bytes) -> bytes:
    body = b"".join(items)
    return struct.pack(">IHH", 0xF5DEB0F5, 8 + len(body), 1) + body


def item(provider: int, kind: int, version: int, body: bytes) -> bytes:
    return struct.pack(">HHHH", provider, kind, 8 + len(body), version) + body


LOW = item(1, 1, 2, bytes([1, 0, 1, 13]) + b"/Common/vs_ab")
KEY = item(4, 0, 0, MASTER + RANDOMS)
NONE_YET = item(4, 0, 0, bytes(112))
PLAIN, WITH_KEY = frame_v4(block(LOW)), frame_v4(block(LOW, KEY))
UDP = struct.pack(">BBHHHBBH", 0x45, 0, 28, 7, 0, 64, 17, 0) + bytes(8) + struct.pack(">HHHH", 53, 53, 8, 0)


def found(path: Path) -> bool:
    """What the collector says of the capture."""
    collector, decoder = Collector(), Decoder()
    capture = open_files([str(path)])
    for batch in capture.batches():
        collector.look(batch, decoder.decode(batch))
    return collector.info is not None and collector.info.has_keys


@pytest.mark.parametrize(
    ("frames", "cut"),
    [
        pytest.param([WITH_KEY], 0, id="plain"),
        pytest.param([frame_v6(block(LOW, KEY))], 0, id="ipv6"),
        pytest.param([frame_v4(block(LOW, NONE_YET))] * 100 + [WITH_KEY], 0, id="zeros until the keys are known"),
        pytest.param([frame_v4(block(LOW, *[item(9, 9, 9, b"x")] * 40, KEY))], 0, id="behind many items"),
        pytest.param([frame_v4(block(LOW) + block(KEY))], 0, id="second block"),
        pytest.param([WITH_KEY + bytes(40)], len(WITH_KEY), id="frame cut behind the keys"),
        pytest.param([WITH_KEY], len(WITH_KEY) - 70, id="frame cut within the keys"),
        pytest.param([PLAIN, frame_v4(block(LOW, KEY), padding=bytes(60))], 0, id="much padding"),
        pytest.param([frame_v4(b"\x11\x22\x33\x44" + block(LOW, KEY))], 0, id="behind a frame check sequence"),
        pytest.param([bytes(12) + b"\x08\x06" + bytes(28) + block(LOW, KEY)], 0, id="arp"),
        pytest.param([bytes(12) + b"\x08\x00" + UDP + block(LOW, KEY)], 0, id="udp"),
        pytest.param([frame_v4(b"")] * 3000 + [WITH_KEY, frame_v4(b"")], 0, id="one frame among many"),
        pytest.param([WITH_KEY.replace(block(LOW, KEY)[:6], b"\xf5\xde\xb0\xf5\xff\xff")], 0, id="wrong length"),
        pytest.param([frame_v4(block(LOW, item(4, 7, 9, MASTER)))], 0, id="unknown kind"),
        pytest.param([frame_v4(block(LOW, KEY), payload=b"GET / HTTP/1.1", total=0)], 0, id="no length in the header"),
    ],
)
def test_keys_are_found_wherever_they_are(tmp_path: Path, frames: Sequence[bytes], cut: int) -> None:
    path = write(tmp_path / "keys.pcap", [(10**18 + at, frame) for at, frame in enumerate(frames)], cut=cut)
    assert holds_session_keys(str(path))
    assert found(path)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(frame_v4(block(LOW, NONE_YET)), id="none yet"),
        pytest.param(frame_v4(block(LOW), payload=block(LOW, KEY)), id="what a segment carries is no trailer"),
        pytest.param(frame_v4(payload=block(LOW, KEY) + b"and more"), id="no more where no trailer is"),
        pytest.param(frame_v4(block(item(5, 0, 0, MASTER))), id="another provider"),
    ],
)
def test_what_is_no_key_is_not_called_one(tmp_path: Path, frame: bytes) -> None:
    path = write(tmp_path / "none.pcap", [(10**18 + at, frame) for at in range(3)])
    assert not found(path)


def test_damaged_trailers_do_no_harm(tmp_path: Path) -> None:
    chance = random.Random(5)
    frames = []
    for _ in range(400):
        tail = bytearray(block(LOW, NONE_YET, item(1, 2, 4, bytes(40))))
        for _ in range(3):
            tail[chance.randrange(4, len(tail))] = chance.randrange(256)
        frames.append(frame_v4(bytes(tail[: chance.randrange(4, len(tail) + 1)])))
    found(write(tmp_path / "damaged.pcap", [(10**18 + at, frame) for at, frame in enumerate(frames)]))
