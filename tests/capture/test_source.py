"""From inputs to captures: files, directories, globs, standard input, FIFOs, streams, compressed ones."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
import zstandard

from capanalyzer.capture import compression
from capanalyzer.capture.records import Capture
from capanalyzer.capture.source import open_captures
from capanalyzer.errors import CaptureError
from tests.capture.builders import Packet, many, only_error, pcap, pcapng, read, read_bytes, snoop

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
}


def one(*inputs: Any, **options: int) -> Capture:
    (capture,) = open_captures(inputs, **options)
    if isinstance(capture, CaptureError):
        raise capture
    return capture


@pytest.mark.parametrize("name", list(COMPRESSIONS))
@pytest.mark.parametrize("make", [pcap, pcapng, snoop], ids=lambda make: make.__name__)
def test_compressed(name: str, make: Callable[[list[Packet]], bytes], tmp_path: Path) -> None:
    """Known by magic, whatever the file's name, and read in pieces."""
    packets = many(400)
    path = tmp_path / "capture.bin"
    path.write_bytes(COMPRESSIONS[name](make(packets)))
    result = read(one(str(path), batch_bytes=5000))
    assert result.packets == packets
    assert result.info.warnings == []


@pytest.mark.parametrize("name", list(COMPRESSIONS))
def test_several_members(name: str) -> None:
    """Members or frames that follow each other are one stream."""
    data = pcap(many(100))
    packed = b"".join(COMPRESSIONS[name](data[at : at + 5000]) for at in range(0, len(data), 5000))
    assert read_bytes(packed, 3000).packets == many(100)


@pytest.mark.parametrize("name", list(COMPRESSIONS))
def test_cut_short(name: str) -> None:
    """A truncated stream is analysed as far as it goes, with one warning that names the compression."""
    packed = COMPRESSIONS[name](pcap(many(3000, seed=9)))
    result = read_bytes(packed[: len(packed) * 3 // 4])
    assert result.packets == many(3000, seed=9)[: len(result.packets)]
    (warning,) = result.info.warnings
    assert f"The {name} data is cut short" in warning


@pytest.mark.parametrize("name", list(COMPRESSIONS))
def test_nothing_inside(name: str) -> None:
    """Packed length zero is length zero; of a piece too short to unpack it is not said that it is no capture."""
    nothing = read_bytes(COMPRESSIONS[name](b""))
    assert nothing.info.warnings == ["The file is empty: not one byte, so not one packet."]
    with pytest.raises(CaptureError, match=f"gives nothing when unpacked .The {name} data is cut short"):
        read_bytes(COMPRESSIONS[name](pcap(many(5)))[:14])


@pytest.mark.parametrize("name", list(COMPRESSIONS))
def test_damaged(name: str) -> None:
    """Damage in the middle of compressed data ends it with one warning."""
    packed = bytearray(COMPRESSIONS[name](pcap(many(3000, seed=9))))
    packed[len(packed) // 2 : len(packed) // 2 + 64] = bytes(range(64))
    if name == "bzip2":  # one block of up to 900 kB: nothing of it can be had
        with pytest.raises(CaptureError, match="bzip2 data is damaged"):
            read_bytes(bytes(packed))
        return
    assert len(read_bytes(bytes(packed)).info.warnings) == 1


@pytest.mark.parametrize("name", list(COMPRESSIONS))
def test_every_byte_flipped(name: str) -> None:
    """No damage raises anything but the documented error."""
    packed = COMPRESSIONS[name](pcap(many(6)))
    for at in range(0, len(packed), max(1, len(packed) // 60)):
        broken = bytearray(packed)
        broken[at] ^= 0x41
        try:
            read_bytes(bytes(broken))
        except CaptureError as error:
            only_error(error)


@pytest.mark.parametrize("name", list(COMPRESSIONS))
def test_bomb_is_never_held(name: str) -> None:
    """What is unpacked at once is bounded by what was asked for, however small the input."""

    class Bomb:
        problem = None
        left = COMPRESSIONS[name](bytes(64 << 20))

        def readinto(self, target: memoryview) -> int:
            piece, self.left = self.left[: len(target)], self.left[len(target) :]
            target[: len(piece)] = piece
            return len(piece)

        def ready(self, timeout_s: float | None) -> bool:
            return True

        def close(self) -> None:
            return

    unpacked = compression.Unpacked(Bomb(), name)
    target = bytearray(1 << 20)
    total = 0
    while count := unpacked.readinto(memoryview(target)):
        total += count
    assert (total, unpacked.problem) == (64 << 20, None)


def test_nested_once() -> None:
    assert len(read_bytes(gzip.compress(lzma.compress(pcap(many(5))))).packets) == 5
    with pytest.raises(CaptureError):
        read_bytes(gzip.compress(gzip.compress(gzip.compress(pcap(many(5))))))


def test_gzip_padding() -> None:
    """Zero bytes behind the last member are padding; anything else is told."""
    assert read_bytes(gzip.compress(pcap(many(3))) + bytes(700)).info.warnings == []
    assert len(read_bytes(gzip.compress(pcap(many(3))) + b"garbage!").info.warnings) == 1


@pytest.mark.parametrize("batch_bytes", [1, 37, 4096, 1 << 20])
def test_batch_size_changes_nothing(batch_bytes: int, tmp_path: Path) -> None:
    """A mapped file gives the same in windows of any size."""
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(many(60)))
    result = read(one(str(path), batch_bytes=batch_bytes))
    assert result.packets == many(60)
    assert result.frames == list(range(1, 61))


def test_several_inputs_go_on_after_an_error(tmp_path: Path) -> None:
    """Each unreadable input is an error of its own, in place."""
    (tmp_path / "good.pcap").write_bytes(pcap(many(3)))
    (tmp_path / "text.txt").write_text("nothing of the kind")
    inputs = [str(tmp_path / name) for name in ("none.pcap", "good.pcap", "text.txt")]
    missing, good, text = open_captures(inputs)
    assert "no such file" in str(only_error(missing))
    assert "not a packet capture" in str(only_error(text))
    assert not isinstance(good, CaptureError)
    assert len(read(good).packets) == 3


def test_error_is_one_line(tmp_path: Path) -> None:
    for name, content in {"a.zip": b"PK\x03\x04abc", "b.gz": gzip.compress(b"hello"), "c": b"abc"}.items():
        (tmp_path / name).write_bytes(content)
        (error,) = open_captures([str(tmp_path / name)])
        only_error(error)
    (error,) = open_captures(["nul\0byte"])
    only_error(error)


@contextmanager
def not_root() -> Iterator[None]:
    """Root may read everything: be nobody for a while."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([]))
    path.chmod(0)
    with not_root():
        (error,) = open_captures([str(path)])
    assert "permission denied" in str(only_error(error))


def test_empty_file(tmp_path: Path) -> None:
    """A file of length zero is a capture without packets, and says so."""
    path = tmp_path / "x.pcapng"
    path.touch()
    info = read(one(str(path))).info
    assert (info.packets, info.format, len(info.warnings)) == (0, "pcapng", 1)


@pytest.mark.parametrize("head", [b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a\x1c", b"snoop\0\0\0\0\0"])
def test_magic_alone_is_a_capture(head: bytes) -> None:
    info = read_bytes(head).info
    assert (info.packets, len(info.warnings)) == (0, 1)


def test_directory(tmp_path: Path) -> None:
    """Searched downwards in order of path; what is no capture is passed over, links to nowhere too."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "deep.pcapng").write_bytes(pcapng(many(1)))
    (tmp_path / "a.pcap.gz").write_bytes(gzip.compress(pcap(many(2))))
    (tmp_path / "readme").write_text("hello")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "log.gz").write_bytes(gzip.compress(b"hello"))
    (tmp_path / "gone.pcap").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "fifo.pcap")
    names = [os.path.relpath(c.info.path, tmp_path) for c in open_captures([str(tmp_path)])]  # type: ignore[union-attr]
    assert names == ["a.pcap.gz", os.path.join("b", "deep.pcapng")]


def test_directory_without_captures(tmp_path: Path) -> None:
    (error,) = open_captures([str(tmp_path)])
    assert "holds no packet capture" in str(only_error(error))


def test_glob(tmp_path: Path) -> None:
    for name in ("host-b.pcap", "host-a.pcap", "other.pcap"):
        (tmp_path / name).write_bytes(pcap(many(1)))
    (tmp_path / "host-c.txt").write_text("no")
    names = [os.path.basename(c.info.path) for c in open_captures([str(tmp_path / "host-*")])]  # type: ignore[union-attr]
    assert names == ["host-a.pcap", "host-b.pcap"]
    (error,) = open_captures([str(tmp_path / "zzz*")])
    assert "no file matches" in str(only_error(error))


def test_name_with_brackets_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a[1].pcap"
    path.write_bytes(pcap(many(2)))
    assert len(read(one(str(path))).packets) == 2


def test_named_twice_read_once(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(many(2)))
    assert len(list(open_captures([str(path), str(tmp_path), str(path)]))) == 1


def test_streams(tmp_path: Path) -> None:
    """Open binary streams are read from where they are and left open; text is refused."""
    stream = io.BytesIO(pcap(many(7)))
    assert len(read(one(stream)).packets) == 7
    assert not stream.closed
    (error,) = open_captures([io.StringIO("x")])  # type: ignore[list-item]
    only_error(error)
    path = tmp_path / "t.txt"
    path.write_text("text")
    with path.open() as text:
        (error,) = open_captures([text])  # type: ignore[list-item]
        only_error(error)


def test_stream_that_fails(tmp_path: Path) -> None:
    """An error while reading ends the capture with one warning that says where."""

    class Failing(io.RawIOBase):
        data = io.BytesIO(pcap(many(7))[:150])

        def readable(self) -> bool:
            return True

        def readinto(self, target: Any) -> int:
            count = self.data.readinto(target)
            if not count:
                raise OSError(5, "Input/output error")
            return count

    info = read(one(Failing())).info
    (warning,) = info.warnings
    assert "Reading failed at byte 150 (Input/output error)" in warning


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(gzip.compress(pcap(many(4))))
        closed = False

    monkeypatch.setattr(sys, "stdin", Stdin())
    first, second = open_captures(["-", "-"])
    assert not isinstance(first, CaptureError)
    assert first.info.path == "-"
    assert len(read(first).packets) == 4
    assert "only once" in str(only_error(second))


def test_fifo_hands_on_what_is_there(tmp_path: Path) -> None:
    """A packet that was written comes out before the next one is written."""
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    data = pcap(many(3, seed=5))
    sizes = [24 + 16 + len(many(3, seed=5)[0].data)]
    seen = threading.Event()

    def write() -> None:
        with open(path, "wb", buffering=0) as fifo:
            fifo.write(data[: sizes[0]])
            assert seen.wait(60)
            fifo.write(data[sizes[0] :])

    writer = threading.Thread(target=write)
    writer.start()
    batches = one(path).batches()
    assert len(next(batches)) == 1
    seen.set()
    assert sum(len(batch) for batch in batches) == 2
    writer.join()


def test_progress(tmp_path: Path) -> None:
    """Input bytes as stored: compressed ones for a compressed file."""
    data = pcap(many(2000))
    for name, content in {"a.pcap": data, "b.pcap.gz": gzip.compress(data)}.items():
        (tmp_path / name).write_bytes(content)
        capture = one(str(tmp_path / name), batch_bytes=9000)
        assert capture.progress() == (0, len(content))
        steps = [capture.progress()[0] for _ in capture.batches()]
        assert steps == sorted(steps)
        assert capture.progress() == (len(content), len(content))


def test_url() -> None:
    """fsspec opens what it knows; what it does not know is one line."""
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://captures/x.pcap", "wb") as handle:
        handle.write(pcap(many(5)))
    assert len(read(one("memory://captures/x.pcap")).packets) == 5
    for url in ("memory://captures/none.pcap", "nosuchscheme://user:secret@host/x?sig=secret"):
        (error,) = open_captures([url])
        assert "secret" not in str(only_error(error))


class Answers(BaseHTTPRequestHandler):
    """Says the status that the path names."""

    def do_HEAD(self) -> None:
        self.send_response(int(self.path.split("/")[1].split(".")[0]))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()

    def log_message(self, *_: object) -> None:
        return


def test_url_that_is_not_served() -> None:
    """No such file, refused, out of reach: each is said as it is, without what the URL holds of secrets."""
    pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        urls = [f"http://127.0.0.1:{server.server_port}/{status}.pcap?sig=secret" for status in (404, 403, 500)]
        said = [str(only_error(each)).split(": ")[-1] for each in open_captures(list(urls))]
        server.shutdown()
    assert said == [
        "there is no such file",
        "the server refuses it (403 Forbidden)",
        "the server refuses it (500 Internal Server Error)",
    ]
    (closed,) = open_captures([urls[0]])
    assert "cannot be reached (" in str(only_error(closed))
    assert "secret" not in str(only_error(closed))


def test_url_without_fsspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    (error,) = open_captures(["s3://bucket/x.pcap"])
    assert "capanalyzer[url]" in str(only_error(error))


def test_file_that_shrinks(tmp_path: Path) -> None:
    """A file that is cut while it is read ends there, with a warning, and does not kill the process."""
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(many(500)))
    capture = one(str(path), batch_bytes=4096)
    batches = capture.batches()
    next(batches)
    os.truncate(path, 10_000)
    for _ in batches:
        pass
    (warning,) = capture.info.warnings
    assert "became shorter" in warning
