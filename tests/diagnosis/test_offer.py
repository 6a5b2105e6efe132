"""handshake_failure told apart: what the server chose with others, and what is odd in the offer itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from capanalyzer.diagnosis.judge import Judge
from capanalyzer.diagnosis.render import render_finding
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.session import Session

from .sessions import (
    TLS12,
    TLS13,
    C,
    S,
    alert,
    certificate,
    client_flight_12,
    data,
    extension,
    fin,
    finished_13,
    flight_12,
    flight_13,
    hello,
    intermediate,
    server_finished_12,
    server_hello,
    session,
    vector,
)

RSA_12, ECDSA_12, RSA_RC4, RSA_3DES = 0xC02F, 0xC02B, 0x0005, 0x000A
X25519, P256, P384, FFDHE2048, MLKEM = 29, 23, 24, 256, 4588
RSA_PSS, RSA_PKCS1, ECDSA, SHA1 = 0x0804, 0x0401, 0x0403, 0x0201
CHAIN = (certificate(), intermediate())


def listed(kind: int, codes: Sequence[int]) -> bytes:
    return extension(kind, vector(2, b"".join(code.to_bytes(2, "big") for code in codes)))


def offer(
    *, suites: Sequence[int] = (0x1301, RSA_12, ECDSA_12), versions: Sequence[int] = (TLS13, TLS12),
    groups: Sequence[int] = (X25519, P256), schemes: Sequence[int] = (RSA_PSS, RSA_PKCS1, ECDSA), **more: Any,
) -> Any:  # fmt: skip
    """A ClientHello as today's clients send it, but for what is asked."""
    return hello(suites=suites, versions=versions, more=listed(10, groups) + listed(13, schemes), **more)


def refused(code: int = 40, **offered: Any) -> Session:
    return session(offer(**offered), alert(S, 0.04, code), closes=[fin(S, 0.05)])


def works_13(**offered: Any) -> Session:
    return session(
        offer(**offered),
        *flight_13(group=X25519),
        *finished_13(),
        data(C, 0.07, offset=600),
        data(S, 0.09, offset=900),
        closes=[fin(C, 0.5)],
    )


def works_12(suite: int = RSA_12, **offered: Any) -> Session:
    _, *rest = flight_12(0.04, CHAIN)
    return session(
        offer(**offered),
        server_hello(0.04, TLS12, suite=suite),
        *rest,
        *client_flight_12(),
        *server_finished_12(),
        data(C, 0.1, offset=600),
        data(S, 0.12, offset=900),
        closes=[fin(C, 0.5)],
    )


def judged(one: Session, *others: Session) -> Verdict:
    judge = Judge()
    for other in others:
        judge.see(other)
    verdict = judge.see(one)
    return verdict or next(verdict for session, verdict in judge.finish() if session is one)


@pytest.mark.parametrize(
    ("offered", "cause"),
    [
        ({"suites": (RSA_RC4,)}, "no-shared-cipher"),
        ({"suites": (0x006B, 0x00FF)}, "no-shared-cipher"),  # one DHE suite, and a signal that is none
        ({"groups": (FFDHE2048,)}, "no-shared-group"),
        ({"groups": (0x0A0A, MLKEM), "versions": (TLS13,), "suites": (0x1301,)}, "no-shared-group"),
        ({"schemes": (ECDSA,)}, "no-shared-signature-algorithm"),
        ({"schemes": (SHA1,)}, "no-shared-signature-algorithm"),
        ({"schemes": (RSA_PKCS1,), "versions": (TLS13,), "suites": (0x1301,)}, "no-shared-signature-algorithm"),
        # Near misses: nothing odd, or several things at once, or an old client that may be refused for its age.
        ({}, "handshake-failure-unspecified"),
        ({"schemes": (RSA_PKCS1,)}, "handshake-failure-unspecified"),
        ({"groups": (P384,)}, "handshake-failure-unspecified"),
        ({"suites": (RSA_RC4,), "groups": (FFDHE2048,)}, "handshake-failure-unspecified"),
        ({"suites": (RSA_RC4,), "versions": (0x0301,)}, "handshake-failure-unspecified"),
    ],
)  # fmt: skip
def test_the_one_odd_part_of_an_offer(offered: dict[str, Any], cause: str) -> None:
    verdict = judged(refused(**offered))
    assert verdict.cause == cause
    if cause != "handshake-failure-unspecified":
        assert verdict.findings[0].confidence == "likely"
        assert verdict.findings[0].variant == "offer"
        assert cause not in verdict.findings[0].alternatives


@pytest.mark.parametrize(
    ("one", "others", "cause", "confidence"),
    [
        (refused(suites=(0x1301, RSA_RC4), versions=(TLS12,)), [works_12()], "no-shared-cipher", "likely"),
        (refused(groups=(P384,)), [works_13()], "no-shared-group", "likely"),
        (refused(schemes=(ECDSA,)), [works_12()], "no-shared-signature-algorithm", "likely"),
        (refused(schemes=(RSA_PSS, RSA_PKCS1)), [works_12(ECDSA_12)], "no-shared-signature-algorithm", "likely"),
        (refused(versions=(TLS13,), suites=(0x1301,)), [works_12()], "protocol-version-mismatch", "likely"),
        # Several parts have nothing in common: the plainest, but only possibly.
        (refused(suites=(0x1302,), groups=(P384,), versions=(TLS13,)), [works_13()], "no-shared-cipher", "possible"),
        # The odd one among them is the likelier.
        (refused(suites=(0x1302,), groups=(FFDHE2048,), versions=(TLS13,)), [works_13()], "no-shared-group", "likely"),
    ],
)  # fmt: skip
def test_what_the_server_chose_elsewhere_tells_what_is_missing(
    one: Session, others: list[Session], cause: str, confidence: str
) -> None:
    verdict = judged(one, *others)
    assert (verdict.cause, verdict.findings[0].confidence) == (cause, confidence)
    assert verdict.findings[0].variant == "compared"


@pytest.mark.parametrize(
    ("one", "others"),
    [
        # What it chose in TLS 1.3 says nothing of its TLS 1.2.
        (refused(versions=(TLS12,), suites=(RSA_12,)), [works_13()]),
        # It meets the offer in every part.
        (refused(), [works_13(), works_12()]),
        # Nobody offered it TLS 1.3 before: that it chose TLS 1.2 proves nothing.
        (refused(versions=(TLS13,), suites=(0x1301,)), [works_12(versions=(TLS12,))]),
    ],
)  # fmt: skip
def test_comparisons_that_prove_nothing(one: Session, others: list[Session]) -> None:
    assert judged(one, *others).cause == "handshake-failure-unspecified"


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize(
    ("one", "others"),
    [
        (refused(schemes=(ECDSA,)), []),
        (refused(schemes=(ECDSA,)), [works_12()]),
        (refused(groups=(FFDHE2048,)), []),
        (refused(suites=(RSA_3DES,)), []),
        (refused(versions=(TLS13,), suites=(0x1301,)), [works_12()]),
    ],
)
def test_the_missing_part_is_named(
    one: Session, others: list[Session], lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every field of the texts is filled."""
    missing: list[str] = []
    monkeypatch.setattr("capanalyzer.diagnosis.render._Fields.__missing__", lambda _, key: missing.append(key) or "?")
    for finding in judged(one, *others).findings:
        assert render_finding(finding, one, lang).explanation
    assert not missing
