"""A BIG-IP's packets that come through a pipe: told as they are of a file, and its keys are warned of."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import capanalyzer
from capanalyzer.live import big_ip
from capanalyzer.report import model
from tests.f5_captures import PROJECT, f5, write
from tests.live.pieces import Pieces, listen
from tests.packets.f5.test_trailers import SAY, connection
from tests.redact.test_strip import with_secrets_block
from tests.report.test_f5_pairs import PAIRS, one_pair

CASES = ["big-ip-no-listener", "big-ip-plaintext-member", "big-ip-reset-relayed", "big-ip-tls-keys"]


def path_of(case: str) -> Path:
    return PROJECT / "pcaps" / case / "capture.pcapng"


def heard(path: Path, *, is_watched: bool = False) -> dict[int, model.Session]:
    """By id, as told last."""
    listening, _ = listen(Pieces(path), is_watched=is_watched)
    return {session.id: session for session in listening.models}


@pytest.mark.parametrize("case", CASES)
def test_it_is_told_as_of_a_file(case: str) -> None:
    live = heard(path_of(case))
    for session in capanalyzer.build_report(path_of(case)).sessions:
        told, meant = live[session.id].f5, session.f5
        assert told is not None
        assert meant is not None
        for name in ("side", "virtual_server", "slot", "tmm", "flow_ids", "resets", "cause_side", "ports"):
            assert getattr(told, name) == getattr(meant, name), name
        assert live[session.id].other_leg == session.other_leg
        if session.outcome == "failed":
            assert live[session.id].findings == session.findings
            both = (told.story, *(live[other.session].f5.story for other in meant.other_sides))  # type: ignore[union-attr]
            assert {story for story in both if story} == (
                {meant.story} if meant.story else set()
            )  # told with the later one


def test_incidents_are_those_of_the_file() -> None:
    listening, engine = listen(Pieces(path_of("big-ip-reset-relayed")))
    [incident] = engine.trailer().incidents
    assert (incident.server.ip, len(incident.sessions)) == ("198.51.100.20", 4)
    assert listening.models[-1].f5 is not None


def test_at_the_end_too_the_side_that_failed_first_is_told_first(tmp_path: Path) -> None:
    """The pool member refuses, the BIG-IP passes that on, and the capture is over."""
    records = [record for number in range(3) for record in one_pair(number, names_peer=True)]
    listening, engine = listen(Pieces(write(tmp_path / "a.pcap", sorted(records))))
    assert [told.changed for told in listening.told] == [False] * 6
    assert {session.f5.cause_side for session in listening.models if session.f5 is not None} == {"server"}
    assert [incident.server.port for incident in engine.trailer().incidents] == [8443]


def test_an_interface_has_no_trailers() -> None:
    """What stands behind packets on the wire may be anybody's."""
    live = heard(path_of("big-ip-plaintext-member"), is_watched=True)
    assert [session.f5 for session in live.values()] == [None] * 4
    assert {session.cause for session in live.values()} == {None, "tls-to-http-port"}


def test_what_is_remembered_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far fewer than there are: sides that come together find each other, and none is lost."""
    monkeypatch.setattr(big_ip, "MAX_FAILED", 50)
    records = sorted(record for number in range(PAIRS) for record in one_pair(number, names_peer=True))
    live = heard(write(tmp_path / "pairs.pcap", records))
    assert len(live) == 2 * PAIRS
    assert {session.outcome for session in live.values()} == {"failed"}
    assert all(session.f5 is not None and len(session.f5.other_sides) == 1 for session in live.values())
    assert {session.f5.cause_side for session in live.values() if session.f5 is not None} <= {"client", "server"}


@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_keys_are_warned_of_and_never_told(form: str, tmp_path: Path) -> None:
    secret, records = hashlib.sha384(b"secret").digest(), tmp_path / "records"
    keys = f5.dpt_tls13((secret,) * 4, bytes(range(32)), bytes(range(32)))
    capture = write(tmp_path / "keys.pcap", connection([f5.dpt(SAY, keys)]))
    command = [sys.executable, "-m", "capanalyzer", "live", "-r", "-", "--format", form]
    command += ["--user", "root"] if os.getuid() == 0 else []
    ran = subprocess.run(
        [*command, "--record", str(records)], input=capture.read_bytes(), capture_output=True, check=True
    )
    warnings = [line for line in ran.stderr.decode().splitlines() if "contains TLS session keys" in line]
    assert len(warnings) == 1
    if form == "jsonl":
        [told] = json.loads(ran.stdout.splitlines()[-1])["captures"]
        assert told["session_keys"]
        assert told["f5"]["trailers"]
    written = {path.suffix: path.read_bytes() for path in records.iterdir()}
    assert set(written) == {".pcapng", ".json", ".md"}
    assert b"/Common/vs" in written[".pcapng"]  # all else of the trailers is there
    for output in (ran.stdout, ran.stderr, *written.values()):
        for form_of in (secret[:16], secret[:16].hex().encode(), base64.b64encode(secret[:15])):
            assert form_of not in output


@pytest.mark.usefixtures("tshark")  # editcap comes with it
def test_keys_in_blocks_of_the_capture_are_warned_of_too(tmp_path: Path) -> None:
    capture = with_secrets_block(write(tmp_path / "plain.pcap", connection([b""])))
    _, engine = listen(Pieces(capture))
    [warning] = engine.news()
    assert warning.startswith(f"{capture}: contains TLS session keys")
    assert engine.news() == []
    assert engine.trailer().captures[0].session_keys
