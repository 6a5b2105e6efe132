"""Rings: what is one, and in which order its packets come."""

from __future__ import annotations

import gzip
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.capture import ring_merge, rings
from capanalyzer.capture.source import open_captures
from tests.capture.builders import Packet, many, pcap, pcapng, read

SECOND = 10**9
START = 1_700_000_000 * SECOND


def write(folder: Path, files: dict[str, list[Packet]]) -> None:
    for name, packets in files.items():
        data = pcapng(packets) if ".pcapng" in name else pcap(packets)
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def groups(folder: Path) -> list[list[str]]:
    """Names of the files of each capture below ``folder``."""
    return [[os.path.basename(name) for name in c.info.files] for c in open_captures([str(folder)])]  # type: ignore[union-attr]


def packets_at(start_s: float, duration_s: float = 10) -> list[Packet]:
    return many(50, start_ns=START + int(start_s * SECOND), step_ns=int(duration_s * SECOND / 49) // 1000 * 1000)


@pytest.mark.parametrize(
    "names",
    [
        ["x_00001_20240131120000.pcapng", "x_00002_20240131120010.pcapng", "x_00003_20240131120020.pcapng"],
        ["x.pcap", "x.pcap1", "x.pcap2"],
        ["x.pcap0", "x.pcap1", "x.pcap2"],
        ["x.pcap.2", "x.pcap.1", "x.pcap"],
        ["x-2024-01-31T12.00.00.pcap", "x-2024-01-31T12.00.10.pcap", "x-2024-01-31T12.00.20.pcap"],
        ["x-1700000000.pcap", "x-1700000010.pcap", "x-1700000020.pcap"],
        ["cap-9.pcap", "cap-10.pcap", "cap-11.pcap"],
        ["cap-2.pcap", "cap-0.pcap", "cap-1.pcap"],
        ["x_1.pcap.gz", "x_2.pcap.gz", "x_3.pcap.gz"],
        ["x_1.pcap.gz", "x_2.pcap.gz", "x_3.pcap"],
        ["test1.pcap", "test2.pcap", "test3.pcap"],
    ],
)
def test_rings(names: list[str], tmp_path: Path) -> None:
    """Files that follow each other are one capture, read in order of time."""
    files = {name: packets_at(10.01 * index) for index, name in enumerate(names)}
    write(tmp_path, files)
    assert groups(tmp_path) == [names]
    (capture,) = open_captures([str(tmp_path)])
    result = read(capture)
    assert result.packets == [packet for packets in files.values() for packet in packets]
    assert result.frames == list(range(1, 151))
    assert result.info.packets == 150
    assert result.info.path.endswith(names[0])


@pytest.mark.parametrize(
    ("names", "empty"),
    [
        (["x_00001_20240131120000.pcapng", "x_00003_20240131120020.pcapng"], ["x_00002_20240131120010.pcapng"]),
        (["x_00001_20240131120000.pcap", "x_00002_20240131120010.pcap"], ["x_00003_20240131120020.pcap"]),
        (["x_00002_20240131120010.pcap", "x_00003_20240131120020.pcap"], ["x_00001_20240131120000.pcap"]),
        (["x.pcap", "x.pcap3"], ["x.pcap1", "x.pcap2"]),
        (["x-1.pcap", "x-2.pcap"], ["x-3.pcap", "x-4.pcap"]),
        (["x-3.pcap", "x-4.pcap"], ["x-1.pcap", "x-2.pcap"]),
        (["x-1.pcap.gz", "x-3.pcap.gz"], ["x-2.pcap.gz"]),
    ],
)
def test_empty_files_of_a_ring(names: list[str], empty: list[str], tmp_path: Path) -> None:
    """Files in which nothing was written, as on a quiet network, belong to the ring around them."""
    files = {name: packets_at(10.01 * index) for index, name in enumerate(names)}
    write(tmp_path, files | {name: [] for name in empty})
    (capture,) = open_captures([str(tmp_path)])
    result = read(capture)
    assert sorted(os.path.basename(name) for name in result.info.files) == sorted(names + empty)
    assert result.packets == [packet for packets in files.values() for packet in packets]
    assert result.info.warnings == []


@pytest.mark.parametrize("empty", ["host-4.pcap", "host-2.pcapng", "guest-3.pcap", "host.pcap.3"])
def test_empty_file_of_its_own(empty: str, tmp_path: Path) -> None:
    """An empty file whose name does not follow the ring's, or whose link type differs, is a capture of its own."""
    write(tmp_path, {"host-1.pcap": packets_at(0), "host-2.pcap": packets_at(10.01), empty: []})
    (tmp_path / "host-3.pcap").write_bytes(pcap([], network=113))
    assert sorted(groups(tmp_path)) == sorted([["host-1.pcap", "host-2.pcap"], ["host-3.pcap"], [empty]])


@pytest.mark.parametrize(
    "starts",
    [
        {"host1.pcap": 0, "host2.pcap": 0.001},
        {"host-1.pcap": 0, "host-2.pcap": 5},
        {"host1.pcap.gz": 0, "host2.pcap.gz": 0.001},
        {"test1.pcap": 0, "test2.pcap": 300},
        {"test-1.pcap": 0, "test-2.pcap": 86400},
        {"tls-1.pcap": 10.01, "tls-3.pcap": 20.02},
        {"tls-13.pcap": 0, "tls-12.pcap": 300},
        {"a-1.pcap": 0, "b-1.pcap": 10.01},
        {"a1-1.pcap": 0, "a2-2.pcap": 10.01},
        {"x-1.pcap": 0, "x-2.pcapng": 10.01},
    ],
)
def test_no_rings(starts: dict[str, float], tmp_path: Path) -> None:
    """Taken at the same time, far apart, or not counted: captures of their own."""
    write(tmp_path, {name: packets_at(start) for name, start in starts.items()})
    assert sorted(groups(tmp_path)) == [[name] for name in sorted(starts)]


def test_two_rings_side_by_side(tmp_path: Path) -> None:
    """Rings of several hosts in one folder stay apart."""
    names = [f"host{host}-{part}.pcap" for host in (1, 2) for part in (1, 2)]
    write(tmp_path, {name: packets_at(10.01 * index) for name, index in zip(names, (0, 1, 0.5, 1.5), strict=True)})
    assert groups(tmp_path) == [names[:2], names[2:]]


def test_end_of_a_large_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last packet's time comes from the file's end, without reading what lies between."""
    monkeypatch.setattr(rings, "_PEEK_BYTES", 8192)
    for suffix in "pcap", "pcapng":
        folder = tmp_path / suffix
        folder.mkdir()
        first, second = many(2000, step_ns=10**7), many(2000, start_ns=START + 10 * SECOND, step_ns=10**7)
        write(folder, {f"host-1.{suffix}": first, f"host-2.{suffix}": second})
        assert len(groups(folder)) == 2


times = st.lists(st.integers(0, 60), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(
    files=st.lists(times, min_size=2, max_size=4), batch_bytes=st.integers(50, 2000), worth=st.sampled_from([1, 4, 256])
)
def test_merge_is_mergecaps(
    files: list[list[int]], batch_bytes: int, worth: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Always the file whose next packet is the oldest; the earlier file where two are as old."""
    folder = tmp_path_factory.mktemp("ring")
    files.sort(key=lambda seconds: seconds[0])
    packets = [
        [Packet(START + second * SECOND, f"{number}-{row}".encode(), 9) for row, second in enumerate(seconds)]
        for number, seconds in enumerate(files)
    ]
    from capanalyzer.capture.opening import examine_file

    members = []
    for number, content in enumerate(packets):
        path = folder / f"{number}.pcap"
        path.write_bytes(pcap(content))
        members.append(examine_file(str(path)))
    expected, heads = [], [list(content) for content in packets]
    while any(heads):
        _, number = min((content[0].time_ns, number) for number, content in enumerate(heads) if content)
        expected.append(heads[number].pop(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ring_merge, "_WORTH_A_BATCH", worth)
        patch.setattr(ring_merge, "_MOST_INTERLEAVED", 5)
        result = read(ring_merge.RingCapture(members, batch_bytes))
    assert result.packets == expected
    assert result.frames == list(range(1, len(expected) + 1))


def test_same_order_as_mergecap(tmp_path: Path, tshark: str) -> None:
    """Files that overlap a little come in the order of mergecap's output."""
    mergecap = os.path.join(os.path.dirname(tshark), "mergecap")
    if not os.path.exists(mergecap):
        pytest.skip("mergecap is not installed")
    files = {f"x_{n:05}_2024013112000{n}.pcap": packets_at(9.5 * n, 10) for n in range(3)}
    write(tmp_path, files)
    merged = tmp_path / "out"
    merged.mkdir()
    names = [str(tmp_path / name) for name in files]
    subprocess.run([mergecap, "-F", "pcap", "-w", str(merged / "all.pcap"), *names], check=True, capture_output=True)
    (ours,) = open_captures(names)
    (theirs,) = open_captures([str(merged)])
    assert read(ours).packets == read(theirs).packets


def test_damaged_member(tmp_path: Path) -> None:
    """One file of a ring that is cut costs its own packets, and is named."""
    write(tmp_path, {"x.pcap0": packets_at(0), "x.pcap1": packets_at(10.01)})
    whole = (tmp_path / "x.pcap0").read_bytes()
    (tmp_path / "x.pcap0").write_bytes(whole[:-5])
    (capture,) = open_captures([str(tmp_path)])
    result = read(capture)
    assert len(result.packets) == 99
    assert result.info.warnings[0].startswith("x.pcap0: The file is cut short")
