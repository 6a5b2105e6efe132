"""The second pass finds the packets of a session, whatever they came in."""

from __future__ import annotations

import gzip
import io
import os
import struct
import threading
from pathlib import Path

import pytest

import capanalyzer
from capanalyzer.capture import spool
from capanalyzer.capture.records import Capture
from capanalyzer.capture.source import open_files
from capanalyzer.evidence import gather as module
from capanalyzer.evidence.gather import Gathered, Want, gather
from tests.capture.builders import read_bytes
from tests.evidence.runs import make_evidence
from tests.small_captures import ACK, HTTP_TO_TLS, NONE_FAILED, ONE_FAILED, PLAIN_HTTP, PSH, capture
from tests.test_pcaps import PCAPS

WITH_PEERS = capture((443, HTTP_TO_TLS), (8080, PLAIN_HTTP), (443, HTTP_TO_TLS), (443, PLAIN_HTTP[:3]))


def save(folder: Path, data: bytes, name: str = "a.pcap") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def gathered(path: Path, wants: dict[int, Want], max_bytes: int = 1 << 20) -> Gathered:
    return gather(lambda: open_files([str(path)]), wants, max_bytes)


def test_a_stream_is_found_by_its_number(tmp_path: Path) -> None:
    path = save(tmp_path, WITH_PEERS)
    per = len(HTTP_TO_TLS)
    found = gathered(path, {0: Want(99, (1,)), 2: Want(99, ())})
    assert found.of_stream[0] == list(range(1, per + 1))
    begin = per + len(PLAIN_HTTP) + 1
    assert found.of_stream[2] == list(range(begin, begin + per))
    packets = read_bytes(path.read_bytes()).packets
    for frame, record in found.packets.items():
        original = packets[frame - 1]
        assert (record.data, record.time_ns, record.original) == (original.data, original.time_ns, original.original)


def test_reused_ports_are_different_streams(tmp_path: Path) -> None:
    path = save(tmp_path, capture((443, HTTP_TO_TLS), (443, HTTP_TO_TLS), client_ports=1))
    per = len(HTTP_TO_TLS)
    found = gathered(path, {1: Want(99, ())})
    assert found.of_stream == {1: list(range(per + 1, 2 * per + 1))}


def test_packets_after_the_end_are_few(tmp_path: Path) -> None:
    bulk = [(False, PSH | ACK, 6000 + 10 * at, 2000, b"0123456789") for at in range(100)]
    path = save(tmp_path, capture((443, [*HTTP_TO_TLS, *bulk])))
    found = gathered(path, {0: Want(5, (1, 2))})
    assert found.of_stream[0] == list(range(1, 5 + module.AFTERMATH + 1))
    assert not found.cut


def test_a_long_session_is_cut_but_for_what_must_be_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PACKETS", 10)
    bulk = [(False, PSH | ACK, 6000 + 10 * at, 2000, b"0123456789") for at in range(100)]
    path = save(tmp_path, capture((443, [*HTTP_TO_TLS, *bulk])))
    found = gathered(path, {0: Want(90, (3, 80, 90))})
    assert found.of_stream[0] == [*range(1, 11), 80, 90]
    assert found.cut == {0}


def test_of_a_session_that_worked_the_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEGINNING_PACKETS", 4)
    found = gathered(save(tmp_path, WITH_PEERS), {1: Want(0, ())})
    assert len(found.of_stream[1]) == 4
    assert not found.cut


def test_no_more_bytes_than_there_is_room_for(tmp_path: Path) -> None:
    found = gathered(save(tmp_path, WITH_PEERS), {0: Want(99, ()), 2: Want(99, ())}, 500)
    assert found.too_much
    assert sum(len(one.data) for one in found.packets.values()) <= 500


def test_reading_ends_with_the_last_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large file not all is read again."""
    fed: list[int] = []
    take = module._Gathering.take
    monkeypatch.setattr(module._Gathering, "take", lambda self, batch: (fed.append(len(batch)), take(self, batch))[1])
    path = save(tmp_path, capture(*[(443, HTTP_TO_TLS)] * 20_000))
    gather(lambda: _small_batches(path), {3: Want(40, ())}, 1 << 20)
    assert sum(fed) < 20_000 * len(HTTP_TO_TLS) / 2


def _small_batches(path: Path) -> Capture:
    from capanalyzer.capture.files import FileCapture
    from capanalyzer.capture.opening import examine_file

    return FileCapture(examine_file(str(path)), 1 << 16)


def test_fragments_in_an_earlier_batch(tmp_path: Path) -> None:
    """The file is read once more for them."""
    path = next((PCAPS / "vxlan-fragments").glob("capture.*"))

    def reopen() -> Capture:
        from capanalyzer.capture.files import FileCapture
        from capanalyzer.capture.opening import examine_file

        return FileCapture(examine_file(str(path)), 256)

    whole = gathered(path, {0: Want(999, ())})
    pieces = gather(reopen, {0: Want(999, ())}, 1 << 20)
    assert pieces.of_stream == whole.of_stream
    assert pieces.packets.keys() == whole.packets.keys()
    carried = {record.frame for record in whole.packets.values()}
    segments = capanalyzer.build_report(path).sessions[0].packets
    assert len(carried) > segments.client + segments.server, "frames of all fragments, not of the last ones alone"


@pytest.mark.parametrize("name", ["a.pcap.gz", "a.snoop", "ring"])
def test_whatever_it_came_in(name: str, tmp_path: Path) -> None:
    plain = make_evidence(save(tmp_path, ONE_FAILED), tmp_path / "plain")
    if name == "a.pcap.gz":
        other: Path = save(tmp_path, gzip.compress(ONE_FAILED), name)
    elif name == "a.snoop":
        records = read_bytes(ONE_FAILED).packets
        ether = b"\0" * 12 + b"\x08\0"
        body = b"".join(
            struct.pack(
                ">6I", len(p.data) + 14, len(p.data) + 14, len(p.data) + 38, 0, *divmod(p.time_ns // 1000, 10**6)
            )
            + ether
            + p.data
            for p in records
        )
        other = save(tmp_path, b"snoop\0\0\0" + struct.pack(">II", 2, 4) + body, name)
    else:
        folder = tmp_path / "ring"
        folder.mkdir()
        head, records_at = ONE_FAILED[:24], _record_starts(ONE_FAILED)
        middle = records_at[4]
        save(folder, head + ONE_FAILED[24:middle], "r_00001_20261123100000.pcap")
        save(folder, head + ONE_FAILED[middle:], "r_00002_20261123100100.pcap")
        other = folder
    made = make_evidence(other, tmp_path / "other")
    [first], [second] = plain.written.paths, made.written.paths
    one, two = (read_bytes(Path(path).read_bytes()) for path in (first, second))
    assert [p.time_ns for p in one.packets] == [p.time_ns for p in two.packets]
    assert [p.data[-40:] for p in one.packets] == [p.data[-40:] for p in two.packets]


def _record_starts(pcap: bytes) -> list[int]:
    places, at = [], 24
    while at < len(pcap):
        places.append(at)
        at += 16 + struct.unpack_from("<I", pcap, at + 8)[0]
    return places


def test_a_fifo_is_copied_while_it_is_read(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(ONE_FAILED))
    writer.start()
    made = make_evidence(fifo, tmp_path / "out")
    writer.join()
    assert len(made.written.paths) == 1
    assert os.listdir(tmp_path / "out") == [os.path.basename(made.written.paths[0])], "no copy is left behind"


def test_a_copy_that_is_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MAX_SPOOL_BYTES", 200)
    report = capanalyzer.build_report(io.BytesIO(ONE_FAILED), evidence=tmp_path)
    assert report.summary.outcomes["failed"] == 1, "the analysis itself goes on"
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(ONE_FAILED))
    writer.start()
    made = make_evidence(fifo, tmp_path / "out")
    writer.join()
    assert "not complete" in made.written.notes[0]


def test_without_failures_nothing_is_written(tmp_path: Path) -> None:
    made = make_evidence(save(tmp_path, NONE_FAILED), tmp_path / "out")
    assert made.written.paths == []
    assert os.listdir(tmp_path / "out") == []


def test_several_processes_write_the_same(tmp_path: Path) -> None:
    from tests.test_pcaps import CASES, capture_of

    paths = [capture_of(case) for case in CASES if case.name in ("sni", "mtls", "connect")]
    for path in paths:
        one = make_evidence(path, tmp_path / "one")
        several = make_evidence(path, tmp_path / "several", jobs=2)
        assert [Path(a).read_bytes() for a in one.written.paths] == [
            Path(b).read_bytes() for b in several.written.paths
        ]


def test_what_is_copied_stays_right_when_the_batch_is_gone(tmp_path: Path) -> None:
    path = save(tmp_path, capture(*[(443, HTTP_TO_TLS)] * 300))
    wants = {250: Want(9999, ())}
    assert gather(lambda: _small_batches(path), wants, 1 << 20).packets == gathered(path, wants).packets
