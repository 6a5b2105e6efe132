"""The benchmark's generator: what it writes must be what it says, or the figures mean nothing."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import pytest

import capanalyzer

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
VERDICTS = {
    "alert-70": "protocol-version-mismatch",
    "alert-112": "sni-unrecognized",
    "server-reset": "server-reset",
    "server-closed": "server-closed",
    "silence": "server-silent",
    "syn-unanswered": "tcp-connect-timeout",
    "refused": "tcp-connect-refused",
    "client-gone": "client-aborted",
    "hello-resent": None,
    "segment-resent": None,
    "reordered": None,
    "client-reset-late": None,
}


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def test_dense_connections_are_sessions_that_shake_hands() -> None:
    """Every connection is one session, all but some of the awkward ones complete, certificates and names differ."""
    from benchmark.handshakes import real_sessions
    from benchmark.workloads import dense_capture

    file = io.BytesIO()
    dense_capture(file, real_sessions(30), 400)
    file.seek(0)
    document = json.loads(capanalyzer.build_report(file).to_json())
    outcomes = Counter(session["outcome"] for session in document["sessions"])
    assert sum(outcomes.values()) == 400
    assert set(outcomes) <= {"established", "failed"}
    assert 2 <= outcomes["failed"] <= 40
    told = [session["tls"] for session in document["sessions"] if session["tls"] and session["tls"]["client_hello"]]
    assert len({tls["client_hello"]["sni"] for tls in told}) == len(told)
    assert len({tls["certificates"][0]["serial"] for tls in told if tls["certificates"]}) > 20
    versions = Counter(tls["server_hello"]["version"] for tls in told if tls["server_hello"])
    assert set(versions) == {"TLS 1.2", "TLS 1.3"}
    assert {":" in session["client"]["ip"] for session in document["sessions"]} == {True, False}


def test_awkward_kinds_are_what_they_are_called() -> None:
    """One connection of each kind, alone in its capture."""
    import numpy as np
    from benchmark.handshakes import EPOCH_S, real_sessions
    from benchmark.script import awkward
    from benchmark.stamp import Connections, Template, stamp
    from benchmark.workloads import FILE_HEADER, secrets_of

    [(session, _)] = real_sessions(1)
    one = np.array([1])
    who = Connections(
        start_s=one * float(EPOCH_S),
        rtt_s=one * 0.02,
        pause_s=one * 0.5,
        client=np.array([[10, 0, 0, 1]], np.uint8),
        client_port=one + 40_000,
        server=np.array([[198, 18, 0, 1]], np.uint8),
        number=one,
    )
    causes = {}
    for kind, cause in VERDICTS.items():
        template = Template(awkward(session, kind), ipv6=False, server_port=443, secrets=secrets_of(session))
        block = stamp(template, who, np.random.default_rng(1))
        order = np.argsort(block.time_us, kind="stable")
        packets = b"".join(block.data[block.start[at] : block.end[at]] for at in order)
        [found] = capanalyzer.build_report(io.BytesIO(FILE_HEADER + packets)).sessions
        causes[kind] = found.cause
        assert (found.outcome == "established") == (cause is None), kind
    assert causes == VERDICTS
