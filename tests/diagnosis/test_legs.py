"""One hello on two connections: told when a device between the ends changed it, or only passed it on."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from capanalyzer.diagnosis import legs
from capanalyzer.diagnosis.judge import Judge
from capanalyzer.diagnosis.legs import Legs
from capanalyzer.diagnosis.running import GENERATION_NS, RunningJudge
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.session import Endpoint, Session

from .sessions import TLS12, TLS13, S, alert, at, extension, fin, hello, session

RANDOM = bytes(range(32))
PROXY = Endpoint("203.0.113.5", 50000)


def leg(stream: int, *, start: float = 0.0, client: Endpoint | None = None, **offer: Any) -> Session:
    """A session that ends with handshake_failure from the server."""
    made = session(
        hello(start + 0.02, **{"random": RANDOM, **offer}),
        alert(S, start + 0.04, 40),
        closes=[fin(S, start + 0.05)],
        start=start,
    )
    made.stream = stream
    if client is not None:
        made.client = client
    return made


def judged(*sessions: Session) -> dict[int, Verdict]:
    judge = Judge()
    verdicts = {s.stream: judge.see(s) for s in sessions}
    verdicts.update({s.stream: verdict for s, verdict in judge.finish()})
    return {stream: verdict for stream, verdict in verdicts.items() if verdict is not None}


def test_a_hello_that_changed_on_its_way() -> None:
    """Both legs fail for that, and each names the other and what was taken away."""
    verdicts = judged(leg(0), leg(1, start=0.01, client=PROXY, versions=(TLS12,)))
    assert [v.cause for v in verdicts.values()] == ["hello-rewritten"] * 2
    assert [v.other_leg for v in verdicts.values()] == [1, 0]
    for verdict in verdicts.values():
        assert verdict.findings[0].facts["changed"] == "supported_versions: -TLS 1.3"
        assert verdict.findings[0].facts["behind"] == "203.0.113.5:50000"


@pytest.mark.parametrize(
    ("offer", "changed"),
    [
        ({"suites": (0x1301,)}, "cipher_suites: -TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        ({"suites": (0xC02F, 0x1301)}, "cipher_suites: order"),
        ({"name": "other.example"}, "server_name: -www.example.com, +other.example"),
        ({"more": extension(23, b"")}, "extensions: +extended_master_secret"),
    ],
)
def test_what_changed_is_named(offer: dict[str, Any], changed: str) -> None:
    verdicts = judged(leg(0), leg(1, start=0.01, client=PROXY, **offer))
    assert changed in str(verdicts[0].findings[0].facts["changed"])


def test_a_hello_that_was_only_passed_on() -> None:
    """The failure keeps its own cause, and the report can join both legs."""
    verdicts = judged(leg(0), leg(1, start=0.01, client=PROXY))
    assert [v.cause for v in verdicts.values()] == ["handshake-failure-unspecified"] * 2
    assert [v.other_leg for v in verdicts.values()] == [1, 0]


@pytest.mark.parametrize(
    "others",
    [
        [leg(1, start=60.0, client=PROXY, versions=(TLS12,))],  # a minute later: a client that draws badly
        [leg(n, start=0.01 * n, client=PROXY, versions=(TLS12,)) for n in (1, 2)],  # again and again
        [leg(1, start=0.01, client=PROXY, versions=(TLS12,), random=bytes(32))],  # another random
    ],
)
def test_near_misses(others: list[Session]) -> None:
    """Nothing is said of rewriting unless exactly two connections share a random at one time."""
    assert judged(leg(0), *others)[0].cause == "handshake-failure-unspecified"
    assert judged(leg(0), *others)[0].other_leg is None


def test_a_random_of_zeros_is_none() -> None:
    """Test tools send it, on every connection."""
    zeros = {"random": at(0).to_bytes(8, "big")[:4] + bytes(28)}
    assert judged(leg(0, **zeros), leg(1, client=PROXY, versions=(TLS12,), **zeros))[0].other_leg is None


def test_what_two_processes_learned() -> None:
    """Put together it does not matter who saw which leg."""
    one, other = leg(0), leg(1, start=0.01, client=PROXY, versions=(TLS12,))
    known, learned = Legs(), Legs()
    known.add(one)
    learned.add(other)
    known.merge(pickle.loads(pickle.dumps(learned)))
    found, back = known.other(one), known.other(other)
    assert found is not None
    assert back is not None
    assert (found.stream, back.stream) == (1, 0)
    assert found.versions == (TLS12,)
    assert TLS13 in back.versions


def test_a_run_that_goes_on_knows_the_legs_of_the_latest_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many failed before, and whatever generation of knowledge it is."""
    monkeypatch.setattr(legs, "MAX_LATEST", 10)
    judge = RunningJudge()
    for number in range(0, 200, 2):
        now_ns = number * GENERATION_NS // 40
        random = RANDOM[:28] + number.to_bytes(4, "big")
        near = leg(number, start=number, random=random)
        far = leg(number + 1, start=number + 0.01, client=PROXY, random=random, versions=(TLS12,))
        judge.leave(near, now_ns, learned=0)
        assert judge.leave(far, now_ns, learned=0).verdict.cause == "hello-rewritten"
        assert judge.leave(near, now_ns, learned=3).verdict.cause == "hello-rewritten"
    assert len(judge.knowledge.legs._known) == 10
