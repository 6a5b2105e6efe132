"""Logs as they lie on disks: packed, rotated, cut off, in other encodings, with junk between the lines."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from capanalyzer.errors import LogError
from capanalyzer.logs.lines import MAX_LINE_BYTES, LogFile, log_files
from capanalyzer.logs.read import read_log
from tests.small_captures import ONE_FAILED

LINE = "SSL Handshake failed for TCP 192.0.2.7:{port} -> 198.51.100.9:443"


def log(*ports: int, end: str = "\n") -> bytes:
    return "".join(LINE.format(port=port) + end for port in ports).encode()


def ports_in(path: Path) -> list[int | None]:
    return [line.client.port for line in read_log(str(path))]


@pytest.mark.parametrize(
    "pack",
    [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress, lz4.frame.compress],
    ids=["plain", "gzip", "bzip2", "xz", "zstd", "lz4"],
)
def test_packed(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "ltm"
    path.write_bytes(pack(b"nothing of interest\n" * 50_000 + log(1001, 1002)))
    found = list(read_log(str(path)))
    assert [(line.client.port, line.number, line.source) for line in found] == [
        (1001, 50_001, str(path)),
        (1002, 50_002, str(path)),
    ]


def test_two_packed_files_behind_each_other_are_one(tmp_path: Path) -> None:
    path = tmp_path / "ltm.gz"
    path.write_bytes(gzip.compress(log(1)) + gzip.compress(log(2)))
    assert ports_in(path) == [1, 2]


def test_a_packed_file_that_is_cut_short_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ltm.gz"
    path.write_bytes(gzip.compress(log(*range(1, 5000)))[:-2000])
    told: list[str] = []
    found = list(read_log(str(path), warn=told.append))
    assert found
    assert told == [f"{path}: The gzip data is cut short."]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(f"{LINE.format(port=7)}\r\nほか\r\n{LINE.format(port=8)}\r\n".encode(encoding))
    assert ports_in(path) == [7, 8]


def test_what_is_no_text_does_no_harm(tmp_path: Path) -> None:
    """A hole of NUL bytes, Latin-1, control characters, a line without an end."""
    path = tmp_path / "log"
    path.write_bytes(
        b"\0" * 300_000
        + log(1)
        + b"\xff\xfe\x80caf\xe9 \x1b[2J\r"
        + log(2)
        + b"\x00\x01\x02" * 999
        + b"\n"
        + log(3)[:-1]
    )
    assert ports_in(path) == [1, 3]
    path.write_bytes(log(1, end="\r\n") + bytes(range(256)) * 4000 + b"\n" + log(2))
    assert ports_in(path) == [1, 2]


def test_a_line_is_cut_where_it_grows_too_long(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(log(1) + b"x" * (20 * MAX_LINE_BYTES) + b" " + log(9) + log(2) + b"y" * (MAX_LINE_BYTES + 1))
    told: list[str] = []
    assert [line.number for line in read_log(str(path), warn=told.append)] == [1, 3]
    assert told == [f"{path}: 2 lines are longer than 64 KiB; only their beginning was read."]
    assert max(len(text) for _, text in LogFile(str(path))) == MAX_LINE_BYTES


def test_an_empty_log_is_a_log(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"")
    assert ports_in(path) == []


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    capture = tmp_path / "x.pcap"
    capture.write_bytes(ONE_FAILED)
    packed = tmp_path / "x.pcap.gz"
    packed.write_bytes(gzip.compress(ONE_FAILED))
    for path, why in (
        (capture, "is a packet capture, not a log"),
        (packed, "is a packet capture, not a log"),
        (tmp_path / "absent", "there is no such file"),
        (tmp_path, "is a directory"),
    ):
        with pytest.raises(LogError, match=why):
            list(read_log(str(path)))


def test_a_line_without_a_time_takes_that_of_the_line_above(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(
        "2026-11-23 02:36:31,414 ERROR [main] c.e.Client - request failed\n"
        "javax.net.ssl.SSLHandshakeException: PKIX path building failed: unable to find valid certification path\n"
        "\tat java.base/sun.security.ssl.Alert.createSSLException(Alert.java:131)\n"
        "Caused by: sun.security.validator.ValidatorException: PKIX path building failed\n"
        "2026-11-23 02:37:00,000 ERROR [main] c.e.Client - request failed\n"
        "javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure\n"
    )
    first, second = read_log(str(path))
    assert (first.meaning, second.meaning) == ("verify-unknown-issuer", "alert-handshake-failure-either")
    assert first.time_ns is not None
    assert second.time_ns is not None
    assert second.time_ns - first.time_ns == 28_586_000_000


def test_rotated_logs_come_oldest_first(tmp_path: Path) -> None:
    names = ["error.log", "error.log.1", "error.log.10.gz", "error.log.2.gz", "ltm-20261122.gz", "ltm-20261123", "ltm"]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    found = [Path(path).name for path in log_files([str(tmp_path / "error*"), str(tmp_path / "ltm*")])]
    assert found == [
        "error.log.10.gz",
        "error.log.2.gz",
        "error.log.1",
        "error.log",
        "ltm-20261122.gz",
        "ltm-20261123",
        "ltm",
    ]


def test_a_file_is_read_once_and_an_empty_pattern_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "[odd].log"
    path.write_bytes(b"")
    assert log_files([str(path), str(path)]) == [str(path)]
    with pytest.raises(LogError, match="nothing matches"):
        log_files([str(tmp_path / "*.nothing")])
