"""A BIG-IP's capture is known by its first packets."""

from __future__ import annotations

from pathlib import Path

import pytest

from capanalyzer.streams.f5.probe import shows_f5
from tests.f5_captures import PROJECT


@pytest.mark.parametrize(
    ("case", "shows"), [("big-ip-no-listener", True), ("big-ip-tls-keys", True), ("proxy-both-sides", False)]
)
def test_by_its_head(case: str, shows: bool) -> None:
    [path] = (PROJECT / "pcaps" / case).glob("capture.*")
    assert shows_f5([str(path)]) is shows


def test_what_cannot_be_read_is_for_others_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "no.pcap"
    path.write_bytes(b"no capture at all")
    assert shows_f5([str(path)]) is False
