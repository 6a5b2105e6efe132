"""pcapng written by columns: the same bytes as written packet by packet, and read back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from capanalyzer.capture.records import RecordBatch
from capanalyzer.capture.source import open_files
from capanalyzer.capture.write import PacketRecord, write_pcapng
from capanalyzer.capture.write_columns import ColumnWriter


def random_batch(seed: int, *, gaps: bool) -> RecordBatch:
    """Packets of all sizes about the pieces' borders, on several interfaces and link types."""
    random = np.random.default_rng(seed)
    captured = np.concatenate([np.arange(0, 100), random.integers(0, 3000, 50)])
    random.shuffle(captured)
    count = len(captured)
    steps = captured + (random.integers(0, 50, count) if gaps else 0)
    offset = np.cumsum(steps) - captured
    return RecordBatch(
        random.integers(0, 256, int(offset[-1] + captured[-1]), dtype=np.uint8),
        offset,
        captured,
        captured + random.integers(0, 10, count),
        1_795_514_462_000_000_001 + random.integers(0, 10**12, count),
        random.choice(np.array([1, 113, 276], np.uint16), count),
        1,
        random.integers(0, 3, count),
    )


def records(batch: RecordBatch) -> list[PacketRecord]:
    assert batch.interface is not None
    return [
        PacketRecord(
            batch.first_frame + at,
            int(batch.time_ns[at]),
            int(batch.interface[at]),
            int(batch.link[at]),
            int(batch.original[at]),
            batch.data[batch.offset[at] : batch.offset[at] + batch.captured[at]].tobytes(),
        )
        for at in range(len(batch))
    ]


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_read_back(seed: int, gaps: bool, tmp_path: Path) -> None:
    """Order, bytes, lengths, nanoseconds, interfaces, link types; also of a second batch in the same file."""
    batches = [random_batch(seed, gaps=gaps), random_batch(seed + 100, gaps=gaps)]
    batches[1].first_frame = len(batches[0]) + 1
    writer = ColumnWriter(application="test", comment="a comment", interface_names=["eth0", "", "eth2"])
    path = tmp_path / "all.pcapng"
    path.write_bytes(b"".join([writer.head(), *(bytes(each) for batch in batches for each in writer.blocks(batch))]))
    opened = open_files([str(path)])
    again = [record for batch in opened.batches() for record in records(batch)]
    given = [record for batch in batches for record in records(batch)]
    assert [(one.link, one.time_ns, one.original, one.data) for one in again] == [
        (one.link, one.time_ns, one.original, one.data) for one in given
    ]
    names = ["eth0", "", "eth2"]
    assert [opened.info.interfaces[one.interface] for one in again] == [names[one.interface] for one in given]
    assert opened.info.comments == ["a comment"]
    assert opened.info.warnings == []


def test_the_same_bytes_as_packet_by_packet() -> None:
    batch = random_batch(1, gaps=True)
    batch.interface = np.zeros(len(batch), np.int64)
    batch.link[:] = 1
    writer = ColumnWriter(application="test", comment="", interface_names=["eth0"])
    whole = writer.head() + b"".join(map(bytes, writer.blocks(batch)))
    assert whole == write_pcapng(
        records(batch), application="test", comment="", comments={}, interface_names={0: "eth0"}
    )


def test_nothing_to_write() -> None:
    empty = np.empty(0, np.int64)
    batch = RecordBatch(np.empty(0, np.uint8), empty, empty, empty, empty, empty.astype(np.uint16), 1)
    assert ColumnWriter(application="", comment="", interface_names=[]).blocks(batch) == []
