"""Files as they are, folders as one archive, names that are only names, sizes that are kept."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.capture.source import open_files
from capanalyzer.errors import UsageError
from capanalyzer.redact.strip import strip_keys
from capanalyzer.ticket.parcel import MAX_NAME, LeftOut, digest_of, fit, gather, safe_name
from tests.ticket.attacks import ATTACKS


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "edge.pcap.gz").write_bytes(b"content")
    (item,) = gather([str(tmp_path / "edge.pcap.gz")], str(tmp_path))
    digest = hashlib.sha256(b"content").hexdigest()
    assert (item.sha256, item.size, item.name) == (digest, 7, f"edge-{digest[:12]}.pcap.gz")
    assert item.media_type == "application/gzip"


def test_a_folder_is_the_same_archive_each_time(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    (folder / "deep").mkdir(parents=True)
    (folder / "b.pcapng").write_bytes(b"b")
    (folder / "deep" / "a.pcapng").write_bytes(b"a")
    (folder / "link").symlink_to("/etc/hostname")
    (folder / "loop").symlink_to(folder)
    names = []
    for number in range(2):
        scratch = tmp_path / str(number)
        scratch.mkdir()
        os.utime(folder / "b.pcapng", (number, number))
        (item,) = gather([str(folder) + "/"], str(scratch))
        names.append(item.name)
        with zipfile.ZipFile(item.path) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == {
                "b.pcapng": b"b",
                "deep/a.pcapng": b"a",
            }
    assert names[0] == names[1]
    assert re.fullmatch(r"evidence-[0-9a-f]{12}\.zip", names[0])


def test_what_cannot_be_sent(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, message in (("none", "no such file"), ("empty", "no file in this folder"), ("pipe", "neither")):
        with pytest.raises(UsageError, match=message):
            gather([str(tmp_path / name)], str(tmp_path))


def test_the_same_file_twice_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    items = gather([str(tmp_path / "a.txt"), str(tmp_path / "." / "a.txt")], str(tmp_path))
    assert len(items) == 1


def test_the_digest_is_of_contents_and_language(tmp_path: Path) -> None:
    for name, content in (("a.txt", b"1"), ("b.txt", b"2"), ("c.txt", b"1")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (gather([str(tmp_path / name)], str(tmp_path)) for name in ("a.txt", "b.txt", "c.txt"))
    assert digest_of(a, "en") == digest_of(c, "en") != digest_of(b, "en")
    assert digest_of(a, "en") != digest_of(a, "ja")
    assert digest_of(a + b, "en") == digest_of(b + a, "en")


def test_too_large(tmp_path: Path) -> None:
    (tmp_path / "zeros.txt").write_bytes(bytes(100_000))
    (tmp_path / "zeros.zip").write_bytes(bytes(100_000))
    (tmp_path / "empty.txt").write_bytes(b"")
    zeros, packed, empty = (
        gather([str(tmp_path / n)], str(tmp_path))[0] for n in ("zeros.txt", "zeros.zip", "empty.txt")
    )
    assert fit(zeros, 100_000, str(tmp_path)) is zeros
    smaller = fit(zeros, 99_999, str(tmp_path))
    assert not isinstance(smaller, LeftOut)
    assert smaller.name == f"{zeros.name}.gz"
    assert smaller.sha256 == zeros.sha256
    with smaller.open() as file:
        content = file.read()
    assert len(content) == smaller.size < 1000
    assert gzip.decompress(content) == bytes(100_000)
    assert content[4:8] == bytes(4), "a time in the header would give other bytes each time"
    for item, limit in ((zeros, 10), (packed, 99_999), (empty, 10)):
        assert isinstance(fit(item, limit, str(tmp_path)), LeftOut)


@pytest.mark.parametrize("attack", [*ATTACKS, "a/../b", "..", "CON", ".bashrc", "-rf", "x" * 300], ids=ascii)
def test_a_hostile_name(attack: str) -> None:
    assert_is_only_a_name(safe_name(attack))


@given(st.text())
def test_any_name(text: str) -> None:
    assert_is_only_a_name(safe_name(text))


def assert_is_only_a_name(name: str) -> None:
    assert re.fullmatch(r"\w[\w.-]*", name)
    assert not name.startswith(("_", ".", "-"))
    assert len(name) <= MAX_NAME


def test_a_capture_with_session_keys_is_not_attached(tmp_path: Path) -> None:
    """Neither alone, nor compressed, nor in a folder; its copy without keys is."""
    sample = Path(__file__).resolve().parents[2] / "pcaps" / "big-ip-tls-keys" / "capture.pcapng"
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "keys.pcapng").write_bytes(sample.read_bytes())
    (tmp_path / "keys.pcapng.gz").write_bytes(gzip.compress(sample.read_bytes()))
    for path in (sample, folder, tmp_path / "keys.pcapng.gz"):
        with pytest.raises(UsageError, match="contains TLS session keys"):
            gather([str(path)], str(tmp_path))
    copy = tmp_path / "copy.pcapng"
    with copy.open("wb") as file:
        strip_keys(open_files([str(sample)]), file.write, application="test")
    assert len(gather([str(copy)], str(tmp_path))) == 1
