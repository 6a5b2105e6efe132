"""The sender that the benchmark of live capture uses."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from capanalyzer.capture.live_interface import InterfaceSource
from tests.capture.namespaces import LEFT, RIGHT, collect, missing, namespace

PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_it_sends_what_the_capture_holds(tmp_path: Path) -> None:
    """So many packets, in order; the second time round between other addresses."""
    frame = bytes.fromhex("02000000000a 02000000000b 0800 45000028000100004006 0000 0a000001 c6120001")
    frames = [frame + number.to_bytes(4, "big") * 10 for number in range(100)]
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    records = [struct.pack("<4I", 1, number, len(each), len(each)) + each for number, each in enumerate(frames)]
    path = tmp_path / "load.pcap"
    path.write_bytes(header + b"".join(records))
    with namespace(), closing(InterfaceSource([LEFT], expression="")) as source:
        sent = subprocess.run(
            [sys.executable, "-m", "benchmark.replay", str(path), RIGHT, "20000", "150"],
            cwd=PROJECT / "scripts",
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            input="go\n",
            capture_output=True,
            text=True,
            check=True,
        )
        assert sent.stdout.split()[:2] == ["ready", "150"]
        got = [each.data for each in collect(source, 150)]
        assert source.read(0.3) is None
    assert got[:100] == frames
    assert {each[26:34].hex() for each in got[100:]} == {"0a010001c6130001"}
    assert [each[34:] for each in got[100:]] == [each[34:] for each in frames[:50]]
