"""Captures that come through a pipe as they are written."""

from __future__ import annotations

import gzip
import io
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from capanalyzer.capture import live_pipe
from capanalyzer.capture.live_pipe import FileReplay, PipeSource, open_pipe
from capanalyzer.capture.write import PacketRecord, write_pcapng
from capanalyzer.errors import CaptureError
from tests.capture.namespaces import LEFT, RIGHT, Got, collect, missing, namespace, sender

T0 = 1_700_000_000
SECOND = 1_000_000_000


def pcap(count: int, first: int = 0) -> bytes:
    """So many packets, one a second, with a file header when they are the first."""
    made = [] if first else [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)]
    for number in range(first, first + count):
        data = b"packet %06d" % number * 6
        made.append(struct.pack("<4I", T0 + number, 5, len(data), len(data) + 1) + data)
    return b"".join(made)


def pcapng(count: int) -> bytes:
    packets = [PacketRecord(n + 1, (T0 + n) * SECOND, 0, 1, 78, b"packet %06d" % n * 6) for n in range(count)]
    return write_pcapng(packets, application="test", comment="", comments={}, interface_names={0: "eth0"})


@pytest.fixture
def pipe() -> Iterator[tuple[PipeSource, io.FileIO]]:
    """A source, and the end that is written to."""
    reading, writing = os.pipe()
    source = PipeSource("-", os.fdopen(reading, "rb", buffering=0), owned=True)
    out = io.FileIO(writing, "w")
    yield source, out
    out.close()
    source.close()
    if source._thread is not None:
        source._thread.join(10)


def check(got: list[Got], count: int) -> None:
    assert [each.data for each in got] == [b"packet %06d" % number * 6 for number in range(count)]
    assert [each.time_ns // SECOND for each in got] == [T0 + number for number in range(count)]
    assert [each.frame for each in got] == list(range(1, count + 1))


@pytest.mark.parametrize("make", [pcap, pcapng])
@pytest.mark.parametrize("step", [1, 7, 100, 100_000])
def test_packets_come_as_they_are_written(
    pipe: tuple[PipeSource, io.FileIO], make: Callable[[int], bytes], step: int
) -> None:
    """However the bytes trickle: headers and records cut anywhere."""
    source, out = pipe
    whole = make(20)
    writer = threading.Thread(target=lambda: [out.write(whole[at : at + step]) for at in range(0, len(whole), step)])
    writer.start()
    check(collect(source, 20), 20)
    writer.join()
    assert not source.ended, "the pipe is still open"
    assert source.info.packets == 20
    out.close()
    while not source.ended:
        assert source.read(1) is None
    assert source.info.warnings == []


def test_nothing_waits_for_more(pipe: tuple[PipeSource, io.FileIO]) -> None:
    """A packet is handed on although part of the next one is there."""
    source, out = pipe
    out.write(pcap(3) + pcap(1, 3)[:30])
    check(collect(source, 3), 3)
    assert source.read(0) is None
    out.write(pcap(1, 3)[30:])
    assert collect(source, 1)[0].frame == 4


def test_the_clock_goes_on_while_the_pipe_is_silent(
    pipe: tuple[PipeSource, io.FileIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = pipe
    assert source.now_ns() == 0
    out.write(pcap(3))
    check(collect(source, 3), 3)
    newest = (T0 + 2) * SECOND + 5
    now = time.monotonic()
    monkeypatch.setattr(live_pipe.time, "monotonic", lambda: source._arrived_s)
    assert source.now_ns() == newest
    monkeypatch.setattr(live_pipe.time, "monotonic", lambda: source._arrived_s + 10)
    assert newest + 9 * SECOND <= source.now_ns() <= newest + 10 * SECOND
    # Part of a record: what it tells was before now, whenever the rest of it comes.
    monkeypatch.setattr(live_pipe.time, "monotonic", lambda: now)
    out.write(pcap(1, 3)[:20])
    while not source._waiting_bytes:
        source.read(0)
    monkeypatch.setattr(live_pipe.time, "monotonic", lambda: source._arrived_s + 10)
    assert source.now_ns() == newest


def test_a_full_buffer_may_not_be_all(pipe: tuple[PipeSource, io.FileIO], monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that writes only full buffers has stopped exactly behind a record."""
    source, out = pipe
    start = pcap(10)
    rest = 2 * 4096 - len(start) - 16
    out.write(start + struct.pack("<4I", T0 + 10, 5, rest, rest) + bytes(rest))
    newest = (T0 + 10) * SECOND + 5
    assert collect(source, 11)[-1].time_ns == newest
    monkeypatch.setattr(live_pipe.time, "monotonic", lambda: source._arrived_s + 10)
    assert source.now_ns() == newest
    monkeypatch.undo()
    out.write(pcap(1, 11))
    collect(source, 1)
    monkeypatch.setattr(live_pipe.time, "monotonic", lambda: source._arrived_s + 10)
    assert source.now_ns() > newest + 9 * SECOND


def test_compressed(pipe: tuple[PipeSource, io.FileIO], monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = pipe
    with gzip.GzipFile(fileobj=out, mode="wb") as packed:
        packed.write(pcap(5))
        packed.flush()
        check(collect(source, 5), 5)
        monkeypatch.setattr(live_pipe.time, "monotonic", lambda: source._arrived_s + 100)
        assert source.now_ns() == (T0 + 4) * SECOND + 5, "who knows what is still to come"


def test_a_pipe_that_breaks_off(pipe: tuple[PipeSource, io.FileIO]) -> None:
    source, out = pipe
    out.write(pcap(4)[:-5])
    out.close()
    check(collect(source, 3), 3)
    while not source.ended:
        source.read(1)
    assert source.info.warnings[0].startswith("The file is cut short in the middle of record 4")


def test_damage_ends_it(pipe: tuple[PipeSource, io.FileIO]) -> None:
    source, out = pipe
    out.write(pcap(4) + b"\xff" * 100)
    check(collect(source, 4), 4)
    while not source.ended:
        source.read(1)
    assert source.info.warnings[0].startswith("The file is damaged")


def test_what_is_no_capture(pipe: tuple[PipeSource, io.FileIO]) -> None:
    source, out = pipe
    out.write(b"tcpdump: eth0: You don't have permission to capture on that device")
    out.close()
    with pytest.raises(CaptureError, match="is not a packet capture"):
        collect(source, 1)
    assert source.ended


def test_nothing_at_all(pipe: tuple[PipeSource, io.FileIO]) -> None:
    source, out = pipe
    out.close()
    while not source.ended:
        assert source.read(1) is None
    assert source.info.warnings == ["The pipe gave nothing: not one byte, so not one packet."]


def test_much_at_once(pipe: tuple[PipeSource, io.FileIO]) -> None:
    """More than is taken in one go, and than the pipe holds."""
    source, out = pipe
    whole = pcap(100_000)
    writer = threading.Thread(target=_write_all, args=(out, whole))
    writer.start()
    count = 0
    while count < 100_000:
        batch = source.read(5)
        if batch is not None:
            assert batch.first_frame == count + 1
            count += len(batch)
    writer.join()
    assert source.info.packets == 100_000


def _write_all(out: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) or 0 :]


def test_drops_that_the_writer_tells() -> None:
    """Interface statistics of pcapng count."""
    section = pcapng(2)
    option = struct.pack("<HHQ", 5, 8, 7) + bytes(4)  # isb_ifdrop
    body = struct.pack("<III", 0, 0, 0) + option
    size = 12 + len(body)
    block = struct.pack("<II", 5, size) + body + struct.pack("<I", size)
    reading, writing = os.pipe()
    os.write(writing, section + block)
    os.close(writing)
    with closing(PipeSource("-", os.fdopen(reading, "rb", buffering=0), owned=True)) as source:
        check(collect(source, 2), 2)
        while not source.ended:
            source.read(1)
        assert source.drops().total == 7


def test_a_fifo_is_opened_without_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with closing(open_pipe(str(path))) as source:
        assert source.read(0) is None
        assert not source.ended, "nobody has written yet"
        with path.open("wb", buffering=0) as out:
            out.write(pcap(2))
            check(collect(source, 2), 2)
        while not source.ended:
            assert source.read(1) is None


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_tcpdump_at_the_other_end() -> None:
    """Each packet as it is written, and an end when tcpdump ends."""
    command = ["tcpdump", "-i", LEFT, "-U", "--immediate-mode", "-w", "-"]
    frame = bytes.fromhex("02000000000a 02000000000b 0800")
    with (
        namespace(),
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process,
        sender(RIGHT) as out,
    ):
        assert process.stderr is not None
        while b"listening on" not in (line := process.stderr.readline()):
            assert line, "tcpdump ended"
        stdout = cast("io.FileIO", process.stdout)
        with closing(PipeSource("-", stdout, owned=False)) as source:
            for number in range(5):
                out.send(frame + bytes([number]) * 60)
                [got] = collect(source, 1)
                assert got.data == frame + bytes([number]) * 60
                assert got.frame == number + 1
            process.terminate()
            while not source.ended:
                assert source.read(1) is None
            assert source.info.warnings == []


def test_a_file_is_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.pcap"
    path.write_bytes(pcap(50))
    with closing(open_pipe(str(path))) as source:
        assert isinstance(source, FileReplay)
        check(collect(source, 50), 50)
        assert source.now_ns() == (T0 + 49) * SECOND + 5
        assert source.read(0) is None
        assert source.ended
    with path.open("rb") as handle, io.TextIOWrapper(handle) as text:
        monkeypatch.setattr(sys, "stdin", text)
        with closing(open_pipe("-")) as source:
            check(collect(source, 50), 50)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="there is no such file"):
        open_pipe(str(tmp_path / "absent"))
    with pytest.raises(CaptureError, match="neither a capture file nor a FIFO"):
        open_pipe(str(tmp_path))
    with pytest.raises(CaptureError, match="no possible file name"):
        open_pipe("a\0b")
    (tmp_path / "text").write_text("hello hello hello hello")
    with pytest.raises(CaptureError, match="is not a packet capture"):
        open_pipe(str(tmp_path / "text"))


def test_the_clock_goes_back_with_the_packets(pipe: tuple[PipeSource, io.FileIO]) -> None:
    """A clock that was set back: it is as late as the packets say that come now."""
    source, out = pipe
    _write_all(out, pcap(0) + pcap(3, 100))
    collect(source, 3)
    late_ns = source.now_ns()
    _write_all(out, pcap(2)[24:])
    collect(source, 2)
    assert source.now_ns() < late_ns - 50 * 10**9
    assert source.info.last_ns is not None
    assert source.info.last_ns <= late_ns
