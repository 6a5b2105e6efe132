"""Whatever happens in a session: a verdict, the same one each time, in the contract's words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.diagnosis.judge import Judge
from capanalyzer.diagnosis.render import render_finding
from capanalyzer.diagnosis.verdict import Outcome, Severity, Verdict
from capanalyzer.handshake.session import Session, Side, Upgrade
from capanalyzer.streams.flow import Ended

from .sessions import at, certificate, handshake, icmp, record, rst, session, vector
from .sessions import fin as closing

SIDES = st.sampled_from(Side)
SECONDS = st.sampled_from((0.02, 0.03, 0.05, 0.5, 3.0, 6.0, 20.0))
BODIES = st.one_of(st.binary(max_size=60), st.just(vector(3, vector(3, certificate()))))
MESSAGES = st.one_of(
    st.builds(handshake, SIDES, SECONDS, st.sampled_from((1, 2, 4, 11, 12, 13, 14, 16, 20, 99)), BODIES),
    st.builds(
        lambda side, seconds, content, size, hidden: record(side, seconds, content, size, encrypted=hidden),
        SIDES,
        SECONDS,
        st.sampled_from((20, 21, 22, 23, 24, 0x80)),
        st.sampled_from((1, 2, 19, 25, 35, 53, 500)),
        st.booleans(),
    ),
    st.builds(
        lambda side, seconds, level, code: record(side, seconds, 21, 2, encrypted=False)._replace(
            body=bytes((level, code))
        ),
        SIDES,
        SECONDS,
        st.sampled_from((1, 2, 7)),
        st.integers(0, 255),
    ),
)
CLOSES = st.builds(lambda make, side, seconds: make(side, seconds), st.sampled_from((closing, rst)), SIDES, SECONDS)
PROTOCOLS = st.sampled_from((None, "tls", "http", "http-response", "proxy-v1", "ssh", "unknown", "sslv2"))
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "acked_bytes": st.sampled_from((0, 100, 1460)),
        "last_transmissions": st.integers(0, 5),
        "last_transmission_span_ns": st.sampled_from((0, 4_000_000_000)),
        "outstanding_length": st.sampled_from((0, 200, 1448, 64_000)),
        "gap": st.booleans(),
        "gap_at": st.sampled_from((None, 0, 1448)),
        "gap_length": st.sampled_from((None, 10, 1448)),
        "mss": st.sampled_from((None, 0, 536, 1460, 65_535)),
        "syn_count": st.integers(0, 4),
        "last_syn_ns": st.sampled_from((None, at(0), at(7))),
        "ttls": st.sampled_from(((), (64,), (57, 56))),
    },
)
UPGRADES = st.one_of(
    st.none(),
    st.builds(
        Upgrade,
        st.sampled_from(("connect", "proxy-v1", "smtp", "postgres")),
        st.booleans(),
        st.sampled_from((None, True, False)),
        st.text(max_size=20),
    ),
)
QUALITY = st.fixed_dictionaries(
    {},
    optional={
        "one_sided": st.sampled_from((None, *Side)),
        "starts_mid_session": st.booleans(),
        "truncated": st.booleans(),
        "lost": st.booleans(),
    },
)


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    messages = sorted(draw(st.lists(MESSAGES, max_size=12)), key=lambda m: m.time_ns)
    closes = sorted(draw(st.lists(CLOSES, max_size=3)), key=lambda c: c.time_ns)
    errors = draw(st.lists(st.builds(icmp, SECONDS, st.sampled_from((1, 2, 3, 11)), st.integers(0, 15)), max_size=1))
    return session(
        *messages,
        closes=closes,
        errors=errors,
        client=draw(FACTS),
        server=draw(FACTS),
        quality=draw(QUALITY),
        upgrade=draw(UPGRADES),
        connected=draw(st.booleans()),
        ended=draw(st.sampled_from(Ended)),
        protocol=(draw(PROTOCOLS), draw(PROTOCOLS)),
        opening=(draw(st.binary(max_size=40)), draw(st.binary(max_size=40))),
        port=draw(st.sampled_from((80, 443, 20001))),
    )


def judged(one: Session) -> Verdict:
    judge = Judge()
    verdict = judge.see(one)
    return verdict if verdict is not None else next(v for s, v in judge.finish() if s is one)


@given(sessions(), st.sampled_from(("en", "ja")))
def test_any_session_has_one_verdict(one: Session, lang: str) -> None:
    verdict = judged(one)
    assert verdict == judged(one)
    assert verdict.closed_how in {"fin", "rst", "timeout", "none"}
    assert verdict.closed_who in {None, "client", "server", "middlebox"}
    assert (verdict.cause is not None) == (verdict.outcome in {Outcome.FAILED, Outcome.INCOMPLETE})
    failed = verdict.outcome is Outcome.FAILED
    assert any(f.severity is Severity.FAILURE for f in verdict.findings) == failed
    assert not failed or (verdict.stage is not None and verdict.blame is not None)
    for finding in verdict.findings:
        texts = render_finding(finding, one, lang)
        assert texts.explanation
        assert all(text.isprintable() for text in (texts.title, texts.explanation, *texts.evidence, *texts.remedies))
