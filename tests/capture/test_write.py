"""pcapng as written here is read back by our reader and by tshark, comments and interfaces included."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.capture.write import PacketRecord, write_pcapng
from tests.capture.builders import read_bytes

RECORDS = st.lists(
    st.builds(
        PacketRecord,
        frame=st.integers(1, 1000),
        time_ns=st.integers(0, (1 << 63) - 1),
        interface=st.integers(0, 3),
        link=st.sampled_from((1, 101, 113)),
        original=st.integers(200, 70_000),
        data=st.binary(max_size=200),
    ),
    max_size=20,
)


@given(RECORDS, st.text(max_size=50))
def test_what_is_written_is_read(records: list[PacketRecord], comment: str) -> None:
    data = write_pcapng(
        records, application="test", comment=comment, comments={1: ["one", "two"]}, interface_names={0: "eth0"}
    )
    read = read_bytes(data)
    assert read.info.warnings == []
    assert [(p.time_ns, p.data, p.original) for p in read.packets] == [
        (one.time_ns, one.data, one.original) for one in records
    ]
    assert read.links == [one.link for one in records]
    assert read.info.comments == [comment.encode("utf-8", "replace").decode()]
    assert len(read.info.interfaces) == len({(one.interface, one.link) for one in records})


def test_wireshark_reads_it(tmp_path: Path, tshark: str) -> None:
    path = tmp_path / "x.pcapng"
    frame = bytes.fromhex("ffffffffffff0011223344550806") + bytes(46)
    records = [
        PacketRecord(7, 1_700_000_000_123_456_789, 0, 1, 60, frame),
        PacketRecord(9, 1_700_000_001_000_000_001, 1, 1, 1500, frame),
    ]
    path.write_bytes(
        write_pcapng(
            records,
            application="test",
            comment="説明",
            comments={9: ["first", "二つ目"]},
            interface_names={0: "eth0", 1: "eth1"},
        )
    )
    fields = "frame.time_epoch", "frame.interface_name", "frame.len", "frame.comment"
    command = [tshark, "-r", str(path), "-T", "fields", "-E", "separator=;"]
    done = subprocess.run(
        [*command, *(w for f in fields for w in ("-e", f))], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "1700000000.123456789;eth0;60;",
        "1700000001.000000001;eth1;1500;first,二つ目",
    ]


def test_a_comment_that_is_too_long_is_cut() -> None:
    data = write_pcapng([], application="", comment="あ" * 40_000, comments={}, interface_names={})
    [comment] = read_bytes(data).info.comments
    assert comment.endswith("あ...")
    assert 65_000 < len(comment.encode()) <= 65_535
