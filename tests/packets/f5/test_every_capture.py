"""Trailers behind every packet of every capture: nothing else that is told of its sessions changes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import capanalyzer
from capanalyzer.capture.source import open_files
from capanalyzer.capture.write import pcapng_interface, pcapng_packet, pcapng_section
from capanalyzer.redact.strip import _records
from capanalyzer.report import model
from tests.f5_captures import PROJECT, f5

CAPTURES = sorted(
    path
    for path in (PROJECT / "pcaps").glob("*/capture.*")
    if not path.parent.name.startswith("big-ip") and path.suffix in (".pcap", ".pcapng")
)
LEAST_BYTES = 60
"""Of an Ethernet frame, which is filled with zeros before the trailer."""


def dressed(path: Path, into: Path) -> Path:
    """The same packets, those that were captured whole with a trailer: of 13.x and of 14.0 and later in turn."""
    parts, interfaces = [pcapng_section(application="", comment="")], dict[tuple[int, int], int]()
    for batch in open_files([str(path)]).batches():
        for record in _records(batch):
            key, data = (record.interface, record.link), record.data
            if key not in interfaces:
                interfaces[key] = len(interfaces)
                parts.append(pcapng_interface(record.link, None))
            if len(data) == record.original:
                say = f5.Saying(
                    ingress=record.frame % 2 > 0,
                    virtual_server="/Common/vs",
                    flow=7 + record.frame % 3,
                    tmm=record.frame % 2,
                )
                data = data.ljust(LEAST_BYTES, b"\0") + (f5.legacy(say) if record.frame % 4 < 2 else f5.dpt(say))
            original = max(record.original, len(data))
            parts.append(pcapng_packet(record._replace(data=data, original=original), interfaces[key]))
    into.write_bytes(b"".join(parts))
    return into


def told(session: model.Session) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(session, f5=None))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.parent.name)
def test_trailers_change_nothing(path: Path, tmp_path: Path) -> None:
    without = capanalyzer.build_report(path).sessions
    sessions = capanalyzer.build_report(dressed(path, tmp_path / "dressed.pcapng")).sessions
    assert list(map(told, sessions)) == list(map(told, without))
    if path.parent.name != "snap-length-too-short":
        assert any(session.f5 is not None for session in sessions)
