"""Every sample capture of our own, through the public pipeline, against the labels beside it.

The labels were written from what the programs were made to do (``scripts/make_pcaps.py``), not from what the tool
says. A key that is absent there is not compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import capanalyzer

PCAPS = Path(__file__).resolve().parent.parent / "pcaps"
CASES = sorted(path.parent for path in PCAPS.glob("*/expected.json"))
MAX_BYTES = 15_000_000
"""The samples travel with every clone."""


def capture_of(case: Path) -> Path:
    [capture] = case.glob("capture.*")
    return capture


def labels_of(case: Path) -> list[dict[str, Any]]:
    labels: list[dict[str, Any]] = json.loads((case / "expected.json").read_text("utf-8"))["sessions"]
    return labels


def flat(session: dict[str, Any]) -> dict[str, Any]:
    """The labelled keys of a session, ``sni`` and ``version`` brought up from where the report has them."""
    tls = session["tls"] or {}
    hello, answer = tls.get("client_hello") or {}, tls.get("server_hello") or {}
    return {**session, "sni": hello.get("sni"), "version": answer.get("version")}


def compared(session: dict[str, Any], label: dict[str, Any]) -> dict[str, Any]:
    """What of a session is labelled; of the protocols, too, one may be left open."""
    spoken = {side: session["protocol"][side] for side in label.get("protocol", {})}
    return {key: spoken if key == "protocol" else session[key] for key in label}


def sessions_of(capture: Path) -> list[dict[str, Any]]:
    document = json.loads(capanalyzer.build_report(capture).to_json())
    return [flat(session) for session in document["sessions"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_sessions_are_called_what_they_are(case: Path) -> None:
    """Outcome, cause, stage, blame, protocols, name and version of every stream."""
    labels, found = labels_of(case), sessions_of(capture_of(case))
    got = [compared(session, label) for session, label in zip(found, labels, strict=False)]
    assert [session["stream"] for session in found] == [label["stream"] for label in labels]
    assert got == labels
    assert all(
        session["outcome"] != "failed" for session, label in zip(found, labels, strict=True) if "outcome" not in label
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_failure_is_explained_with_frames_of_the_capture(case: Path) -> None:
    """Whoever failed gets an explanation, evidence that exists in the file, and something to do."""
    document = json.loads(capanalyzer.build_report(capture_of(case)).to_json())
    frames = document["captures"][0]["packets"]
    for session in document["sessions"]:
        if session["outcome"] == "failed":
            primary = session["findings"][0]
            assert primary["cause"] == session["cause"]
            assert primary["title"]
            assert primary["explanation"]
            assert primary["remedies"]
            assert primary["evidence"]
            assert session["timeline"]
        for finding in session["findings"]:
            assert all(1 <= one["frame"] <= frames for one in finding["evidence"])


def test_the_set_is_whole() -> None:
    """Failures by the hundred and as many healthy sessions, each case told and labelled, all of it small."""
    folders = [path for path in PCAPS.iterdir() if path.is_dir()]
    outcomes = Counter(str(label.get("outcome")) for case in CASES for label in labels_of(case))
    assert sorted(folders) == CASES
    assert all((case / "README.md").is_file() for case in CASES)
    assert outcomes["failed"] >= 500
    assert outcomes["established"] + outcomes["plaintext"] + outcomes["idle"] >= 400
    assert sum(path.stat().st_size for path in PCAPS.rglob("*") if path.is_file()) < MAX_BYTES


def test_the_whole_folder_in_one_run() -> None:
    """What the README tries first: every file of the folder is a capture of its own, and all can be read."""
    command = [sys.executable, "-m", "capanalyzer", "analyze", str(PCAPS), "--format", "json"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    document = json.loads(done.stdout)
    assert len(document["captures"]) == len(CASES)
    assert len(document["sessions"]) == sum(len(labels_of(case)) for case in CASES)
    assert len({session["id"] for session in document["sessions"]}) == len(document["sessions"])
