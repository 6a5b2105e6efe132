"""Sessions with real chains: which refusals a fault explains, and what the rest of the capture adds."""

from __future__ import annotations

import pickle
from typing import Any

import certifi
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from capanalyzer.diagnosis.judge import Judge
from capanalyzer.diagnosis.page import read_page
from capanalyzer.diagnosis.render import render_finding
from capanalyzer.diagnosis.running import GENERATION_NS, RunningJudge
from capanalyzer.diagnosis.trust import issuers
from capanalyzer.diagnosis.trust.roots import Roots, read_pem
from capanalyzer.diagnosis.verdict import Confidence, Finding, Outcome, Severity, Verdict
from capanalyzer.handshake.session import Endpoint, Session, Side
from capanalyzer.i18n import LANGUAGES

from .pki import Issued, issue, key
from .sessions import (
    NAME,
    C,
    S,
    alert,
    at,
    client_flight_12,
    data,
    established_12,
    fin,
    flight_12,
    handshake,
    hello,
    record,
    server_finished_12,
    server_hello,
    session,
    vector,
)

ROOT = issue("Example Root", is_ca=True, days=(-3000, 3000))
MIDDLE = issue("Example CA A1", ROOT, is_ca=True, days=(-1000, 1000))
LEAF = issue(NAME, MIDDLE)
GOOD = (LEAF, MIDDLE)
LOGGED = issue(NAME, MIDDLE, logged=True)
WEAK = issue(NAME, MIDDLE, own_key=key("w", "rsa", 1024))
FOR_CLIENTS = issue(NAME, MIDDLE, usages=[ExtendedKeyUsageOID.CLIENT_AUTH])
PROXY = issue("Zscaler Intermediate Root CA (zscaler.net)", organisation="Zscaler Inc.", is_ca=True)
INTERCEPTED = issue(NAME, PROXY)


def refused(code: int | None, *chain: Issued, name: str | None = NAME, at_s: float = 0.06, **options: Any) -> Session:
    """The client leaves after the server's flight, with an alert or without."""
    last = [alert(C, at_s, code)] if code is not None else []
    flight = flight_12(0.04, [one.der for one in chain])
    return session(hello(versions=(), name=name), *flight, *last, **{"closes": [fin(C, at_s + 0.01)], **options})


def hidden(*chain: Issued) -> Session:
    """As NSS does: the client's flight, then an alert that cannot be read."""
    unreadable = record(C, 0.061, 21, 26, offset=500)
    flight = flight_12(0.04, [one.der for one in chain])
    return session(hello(versions=()), *flight, *client_flight_12(), unreadable, closes=[fin(C, 0.07)])


def left(*chain: Issued, name: str = NAME) -> Session:
    """The handshake completes, and the client closes without a request."""
    flight = flight_12(0.04, [one.der for one in chain])
    return session(
        hello(versions=(), name=name), *flight, *client_flight_12(), *server_finished_12(), closes=[fin(C, 0.2)]
    )


def works(*chain: Issued, **options: Any) -> Session:
    return established_12(*(one.der for one in chain), **options)


def of(judged: Session, client: str) -> Session:
    judged.client = Endpoint(client, 40000)
    return judged


def verdict(judged: Session, *others: Session, roots: tuple[Issued, ...] = ()) -> Verdict:
    judge = Judge(roots=Roots(one.der for one in roots))
    for other in others:
        judge.see(other)
    seen = judge.see(judged)
    return seen if seen is not None else {id(s): v for s, v in judge.finish()}[id(judged)]


def told(judged: Session, *others: Session, roots: tuple[Issued, ...] = ()) -> Finding:
    found = verdict(judged, *others, roots=roots)
    assert found.outcome is Outcome.FAILED
    return found.findings[0]


def warned(judged: Session, **options: Any) -> list[tuple[str, str]]:
    found = verdict(judged, **options)
    assert found.outcome is Outcome.ESTABLISHED
    return [(f.cause, f.severity.value) for f in found.findings]


CODES = (42, 43, 44, 45, 46, 48)


@pytest.mark.parametrize("code", [*CODES, 40, 80, None])
def test_a_plain_fault_is_the_cause_whatever_the_code(code: int | None) -> None:
    expired, own = issue(NAME, MIDDLE, days=(-100, -1)), issue(NAME)
    assert told(refused(code, expired, MIDDLE)).cause == "certificate-expired"
    assert told(refused(code, own)).cause == "certificate-self-signed"
    assert told(refused(code, LEAF, MIDDLE, name="other.example")).cause == "certificate-hostname-mismatch"


@pytest.mark.parametrize(
    ("code", "confidence", "alternatives"),
    [
        (42, Confidence.CERTAIN, ()),
        (46, Confidence.CERTAIN, ()),
        (43, Confidence.LIKELY, ("certificate-unsupported",)),
        (44, Confidence.LIKELY, ("certificate-revoked",)),
        (45, Confidence.LIKELY, ("client-clock-skew",)),
        (48, Confidence.LIKELY, ("certificate-unknown-ca",)),
    ],
)
def test_another_name_is_not_certain_when_the_alert_speaks_of_another_matter(
    code: int, confidence: Confidence, alternatives: tuple[str, ...]
) -> None:
    finding = told(refused(code, LEAF, MIDDLE, name="other.example"))
    assert (finding.cause, finding.confidence) == ("certificate-hostname-mismatch", confidence)
    assert finding.alternatives == alternatives


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (42, "certificate-chain-incomplete"),
        (46, "certificate-chain-incomplete"),
        (48, "certificate-chain-incomplete"),
        (43, "certificate-unsupported"),
        (44, "certificate-revoked"),
        (45, "client-clock-skew"),
        (None, "client-aborted"),
    ],
)
def test_a_leaf_alone(code: int | None, cause: str) -> None:
    """43, 44 and 45 are said of certificates whose issuer the client has found; a bare close may have any reason."""
    finding = told(refused(code, LEAF))
    assert finding.cause == cause
    if cause == "certificate-chain-incomplete":
        assert (finding.confidence, finding.alternatives) == (Confidence.LIKELY, ("certificate-unknown-ca",))


def test_a_leaf_alone_and_an_unreadable_alert() -> None:
    assert told(hidden(LEAF)).cause == "certificate-chain-incomplete"
    assert told(hidden(*GOOD)).cause == "client-aborted"


def test_a_leaf_alone_whose_issuer_is_known_is_complete() -> None:
    assert told(refused(48, LEAF), roots=(MIDDLE,)).cause == "certificate-unknown-ca"
    assert told(refused(42, LEAF), roots=(MIDDLE,)).cause == "certificate-rejected"


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (42, "certificate-rejected"),
        (43, "certificate-unsupported"),
        (44, "certificate-revoked"),
        (45, "client-clock-skew"),
        (46, "certificate-rejected"),
        (48, "certificate-unknown-ca"),
        (None, "client-aborted"),
    ],
)
def test_no_fault(code: int | None, cause: str) -> None:
    assert told(refused(code, *GOOD)).cause == told(refused(code, *GOOD), roots=(ROOT,)).cause == cause


def test_a_chain_to_a_known_root_is_the_clients_matter() -> None:
    unknown, known = told(refused(48, *GOOD)), told(refused(48, *GOOD), roots=(ROOT,))
    assert (unknown.blame, unknown.variant) == ("unknown", "")
    assert (known.blame, known.variant, known.facts["root"]) == ("client", "known-root", "CN=Example Root")


@pytest.mark.parametrize(
    ("code", "cause"), [(42, "certificate-weak"), (45, "client-clock-skew"), (None, "certificate-weak")]
)
def test_weak(code: int | None, cause: str) -> None:
    finding = told(refused(code, WEAK, MIDDLE))
    assert finding.cause == cause
    if cause == "certificate-weak":
        assert finding.confidence is (Confidence.LIKELY if code else Confidence.POSSIBLE)
        assert finding.facts["detail"] == "RSA 1024 bit"


def test_a_certificate_that_is_not_for_servers() -> None:
    finding = told(refused(42, FOR_CLIENTS, MIDDLE))
    assert (finding.cause, finding.variant) == ("certificate-unsupported", "usage")
    assert finding.facts["detail"] == "extKeyUsage clientAuth"


def test_a_forged_signature() -> None:
    forged = issue(NAME, MIDDLE, signer=key("forger"))
    for code in (42, 46, 48, None):
        finding = told(refused(code, forged, MIDDLE))
        assert (finding.cause, finding.variant) == ("certificate-rejected", "signature")
    assert told(refused(45, forged, MIDDLE)).cause == "client-clock-skew"
    assert warned(left(forged, MIDDLE)) == [("certificate-rejected", "warning"), ("client-aborted", "note")]


FATAL_WHEN_COMPLETED = {
    "certificate-expired": (issue(NAME, MIDDLE, days=(-100, -1)), MIDDLE),
    "certificate-not-yet-valid": (issue(NAME, MIDDLE, days=(1, 100)), MIDDLE),
    "certificate-self-signed": (issue(NAME),),
    "certificate-chain-incomplete": (LOGGED,),
    "certificate-hostname-mismatch": (issue("other.example", MIDDLE), MIDDLE),
}


@pytest.mark.parametrize("cause", FATAL_WHEN_COMPLETED)
def test_completed_then_closed_is_failed_for_five_faults(cause: str) -> None:
    found = verdict(left(*FATAL_WHEN_COMPLETED[cause]))
    assert (found.outcome, found.cause, found.stage) == ("failed", cause, "application")


@pytest.mark.parametrize("cause", FATAL_WHEN_COMPLETED)
def test_the_same_faults_with_data_both_ways_are_warnings(cause: str) -> None:
    assert warned(works(*FATAL_WHEN_COMPLETED[cause])) == [(cause, "warning")]


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        (GOOD, []),
        ((LEAF,), []),  # its issuer may be a private root
        ((WEAK, MIDDLE), ["certificate-weak"]),
        ((FOR_CLIENTS, MIDDLE), ["certificate-unsupported"]),
        ((INTERCEPTED, PROXY), ["tls-interception"]),
    ],
)
def test_completed_then_closed_is_established_for_all_others(chain: tuple[Issued, ...], expected: list[str]) -> None:
    assert [cause for cause, _ in warned(left(*chain))] == [*expected, "client-aborted"]
    assert [cause for cause, _ in warned(works(*chain))] == expected


def test_the_note_on_a_client_that_left_names_the_suspicion() -> None:
    note = verdict(left(LEAF)).findings[-1]
    assert note.severity is Severity.NOTE
    assert note.alternatives[0] == "certificate-chain-incomplete"


def test_a_client_that_sent_a_heartbeat_did_not_leave_without_a_word() -> None:
    flight = flight_12(0.04, [LOGGED.der])
    beat = record(C, 0.1, 24, 60, offset=700)
    busy = session(hello(versions=()), *flight, *client_flight_12(), *server_finished_12(), beat, closes=[fin(C, 0.2)])
    assert warned(busy) == [("certificate-chain-incomplete", "warning")]


def test_sessions_that_work_check_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their clients have done so; there are 100,000 of them."""

    def fail(*_: object) -> None:
        pytest.fail("a signature was checked, or a root looked up")

    monkeypatch.setattr("capanalyzer.tls.x509.check_signature", fail)
    monkeypatch.setattr(Roots, "named", fail)
    judge = Judge()
    for chain in (GOOD, (LEAF,), (LEAF, MIDDLE, ROOT)):
        seen = judge.see(works(*chain))
        assert seen is not None
        assert seen.findings == ()
    with pytest.raises(pytest.fail.Exception):
        judge.see(works(issue(NAME)))


# --- interception -----------------------------------------------------------------------------------------------------


def test_a_known_product() -> None:
    """Before the chain, after dates and self-signed."""
    finding = told(refused(48, INTERCEPTED))
    assert (finding.cause, finding.variant, finding.facts["detail"]) == ("tls-interception", "product", "Zscaler")
    assert (finding.confidence, finding.blame) == (Confidence.LIKELY, "network")
    assert told(refused(48, issue(NAME, PROXY, days=(-9, -1)))).cause == "certificate-expired"
    assert told(refused(48, INTERCEPTED, PROXY, name="other.example")).cause == "tls-interception"
    assert warned(works(INTERCEPTED, PROXY)) == [("tls-interception", "note")]


def test_a_device_that_shows_its_own_pages_intercepts_nothing() -> None:
    maker = issue("fortinet-subca2001", organisation="Fortinet", is_ca=True)
    device = issue("FG100D3G12345678", maker, organisation="Fortinet")
    assert told(refused(48, device, maker, name=None)).cause == "certificate-unknown-ca"


def test_another_issuer_than_other_clients_see() -> None:
    inspector = issue("Corporate Web Inspection", is_ca=True)
    theirs = of(refused(48, issue(NAME, inspector), inspector), "192.0.2.200")
    genuine = of(works(*GOOD), "192.0.2.7")
    finding = told(theirs, genuine)
    assert (finding.cause, finding.variant) == ("tls-interception", "other-issuer")
    assert finding.confidence is Confidence.POSSIBLE  # two private authorities may be two servers
    assert finding.facts["detail"] == "CN=Example CA A1"
    assert told(theirs).cause == "certificate-unknown-ca"


def test_another_issuer_is_noticed_however_long_a_run_goes_on() -> None:
    """Each generation of knowledge learns who accepted what, of chains that it meets first and of those long known."""
    inspector = issue("Corporate Web Inspection", is_ca=True)
    theirs = of(refused(48, issue(NAME, inspector), inspector), "192.0.2.200")
    genuine, judge = of(works(*GOOD), "192.0.2.7"), RunningJudge()
    for now_ns in range(0, 4 * GENERATION_NS, GENERATION_NS // 8):
        judge.leave(genuine, now_ns, learned=0)
        found = judge.leave(theirs, now_ns, learned=0).verdict.findings[0]
        assert (found.cause, found.variant) == ("tls-interception", "other-issuer")


def test_what_is_known_of_chains_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One certificate at ever more servers, each of which is looked at once and learned from."""
    monkeypatch.setattr(issuers, "MAX_FOUND", 10)
    monkeypatch.setattr(issuers, "MAX_SERVERS", 50)
    judge = Judge()
    for number in range(200):
        judge.see(works(*GOOD, server_ip=f"198.51.100.{number}"))
    assert len(judge.knowledge.trust.issuers._found) <= 10


def test_another_issuer_is_likely_where_the_others_is_a_public_one() -> None:
    """By the name of the root above what was sent: that client has checked the signatures."""
    public = x509.load_der_x509_certificate(read_pem(certifi.contents().encode())[0])
    middle = issue("Some CA", Issued(public, key("nobody has this one's")), is_ca=True)
    genuine = of(works(issue(NAME, middle), middle), "192.0.2.7")
    inspector = issue("Corporate Web Inspection", is_ca=True)
    finding = told(of(refused(48, issue(NAME, inspector), inspector), "192.0.2.200"), genuine)
    assert (finding.cause, finding.variant, finding.confidence) == ("tls-interception", "other-issuer", "likely")


@pytest.mark.parametrize(
    "other",
    [
        of(works(*GOOD), "192.0.2.200"),  # the same client
        of(works(issue("elsewhere.example", MIDDLE), MIDDLE, port=443), "192.0.2.7"),  # another name
        of(works(*GOOD, server_ip="198.51.100.77"), "192.0.2.7"),  # another server
        of(works(*GOOD, port=8443), "192.0.2.7"),  # another port
        of(refused(48, *GOOD), "192.0.2.7"),  # nobody trusted it
    ],
)
def test_what_is_no_other_issuer(other: Session) -> None:
    inspector = issue("Corporate Web Inspection", is_ca=True)
    theirs = of(refused(48, issue(NAME, inspector), inspector), "192.0.2.200")
    assert told(theirs, other).cause == "certificate-unknown-ca"


def test_two_intermediates_of_one_authority_are_no_other_issuer() -> None:
    second = issue("Example CA A9", ROOT, is_ca=True)
    theirs = of(refused(48, issue(NAME, second), second), "192.0.2.200")
    assert told(theirs, of(works(*GOOD), "192.0.2.7")).cause == "certificate-unknown-ca"
    ours = [issue(f"Corp CA {n}", organisation="Corp", is_ca=True) for n in (1, 2)]
    theirs = of(refused(48, issue(NAME, ours[0])), "192.0.2.200")
    assert told(theirs, of(works(issue(NAME, ours[1])), "192.0.2.7")).cause == "certificate-chain-incomplete"


def many(*places: tuple[str, str], issuer: Issued) -> list[Session]:
    return [works(issue(name, issuer), issuer, server_ip=ip) for name, ip in places]


def test_one_private_issuer_for_unrelated_domains_on_the_internet() -> None:
    box = issue("Head Office Gateway", is_ca=True)
    places = [("www.one.com", "1.1.1.1"), ("www.two.org", "8.8.8.8"), ("mail.three.co.jp", "9.9.9.9")]
    mine = refused(48, issue("www.one.com", box), box, name="www.one.com", server_ip="1.1.1.1")
    finding = told(mine, *many(*places, issuer=box))
    assert (finding.cause, finding.variant, finding.facts["detail"]) == ("tls-interception", "many-names", "3")
    assert told(mine, *many(*places[:2], issuer=box)).cause == "certificate-unknown-ca"
    assert told(mine, *many(*places, issuer=box), roots=(box,)).cause == "certificate-unknown-ca"
    published = issue("www.one.com", box, ocsp="http://ocsp.example.net")
    public = refused(48, published, box, name="www.one.com", server_ip="1.1.1.1")
    assert told(public, *many(*places, issuer=box)).cause == "certificate-unknown-ca"


@pytest.mark.parametrize(
    "places",
    [
        [("a.one.com", "1.1.1.1"), ("b.one.com", "8.8.8.8"), ("c.one.com", "9.9.9.9")],  # one domain
        [("www.one.com", "1.1.1.1"), ("www.two.org", "1.1.1.1"), ("www.three.net", "1.1.1.1")],  # one server
        [("www.one.com", "10.0.0.1"), ("www.two.org", "10.0.0.2"), ("www.three.net", "10.0.0.3")],  # a private network
        [("a.corp", "1.1.1.1"), ("b.test", "8.8.8.8"), ("c.lan", "9.9.9.9")],  # names nobody has registered
    ],
)
def test_a_companys_own_authority_is_no_interception(places: list[tuple[str, str]]) -> None:
    own = issue("Head Office CA", is_ca=True)
    mine = refused(48, issue(places[0][0], own), own, name=places[0][0], server_ip=places[0][1])
    assert told(mine, *many(*places, issuer=own)).cause == "certificate-unknown-ca"


# --- clocks -----------------------------------------------------------------------------------------------------------


def at_time(seconds: float, random: bytes, code: int, *chain: Issued) -> Session:
    """A refusal so many seconds later, by a client that sends this random."""
    offer = hello(seconds + 0.02, versions=())
    offer = offer._replace(body=offer.body[:2] + random + offer.body[34:])
    flight = flight_12(seconds + 0.04, [one.der for one in chain])
    end = fin(C, seconds + 0.07)
    return session(offer, *flight, alert(C, seconds + 0.06, code), closes=[end], start=seconds)


def clock(seconds: float, ahead_s: float) -> bytes:
    return round(at(seconds) / 1e9 + ahead_s).to_bytes(4, "big") + bytes(28)


def test_a_client_that_refuses_several_servers_as_expired() -> None:
    one = refused(45, *GOOD)
    others = [refused(45, *GOOD, server_ip=f"198.51.100.{n}") for n in (21, 22)]
    assert (told(one).confidence, told(one).variant) == (Confidence.LIKELY, "")
    assert (told(one, others[0]).confidence, told(one, others[0]).variant) == (Confidence.LIKELY, "")
    finding = told(one, *others)
    assert (finding.confidence, finding.variant, finding.facts["servers"]) == (Confidence.CERTAIN, "several", 3)


def test_really_expired_certificates_say_nothing_of_the_clock() -> None:
    expired = issue(NAME, MIDDLE, days=(-100, -1))
    others = [refused(45, expired, MIDDLE, server_ip=f"198.51.100.{n}") for n in (21, 22, 23)]
    assert told(refused(45, *GOOD), *others).confidence is Confidence.LIKELY


def test_hellos_that_run_like_a_clock() -> None:
    ahead, behind = 200 * 86_400, -3 * 86_400
    fresh = issue(NAME, MIDDLE, days=(0, 90)), MIDDLE
    for code, offset, chain, variant in ((45, ahead, GOOD, "ahead"), (42, behind, fresh, "behind")):
        hellos = [at_time(t, clock(t, offset), code, *chain) for t in (0.0, 7.0, 20.0)]
        finding = told(hellos[2], *hellos[:2])
        assert (finding.cause, finding.variant) == ("client-clock-skew", variant)
        assert abs(int(finding.facts["offset_s"]) - abs(offset)) <= 2


@pytest.mark.parametrize(
    "randoms",
    [
        [bytes.fromhex(text) + bytes(28) for text in ("5f000000", "a7654321", "60aabbcc")],  # random
        [bytes(32)] * 3,  # constant
    ],
)
def test_random_bytes_are_no_clock(randoms: list[bytes]) -> None:
    fresh = issue(NAME, MIDDLE, days=(0, 90)), MIDDLE
    hellos = [at_time(t, random, 42, *fresh) for t, random in zip((0.0, 7.0, 20.0), randoms, strict=True)]
    finding = told(hellos[2], *hellos[:2])
    assert (finding.cause, finding.alternatives[0]) == ("certificate-rejected", "client-clock-skew")


def test_two_hellos_or_a_moment_are_too_little() -> None:
    fresh = issue(NAME, MIDDLE, days=(0, 90)), MIDDLE
    for times in ((0.0, 20.0), (0.0, 1.0, 2.0)):
        hellos = [at_time(t, clock(t, -3 * 86_400), 42, *fresh) for t in times]
        assert told(hellos[-1], *hellos[:-1]).cause == "certificate-rejected"


def test_old_certificates_have_no_alternative_of_a_clock_behind() -> None:
    assert "client-clock-skew" not in told(refused(42, *GOOD)).alternatives


def test_a_capture_whose_clock_is_older_than_tls_says_nothing_of_dates() -> None:
    """A recording device that starts in 1970, or in 2000 with TLS 1.2: no certificate is valid, and all work."""
    for year_2000 in (0, 946_684_800):
        start = year_2000 - at(0) / 1e9
        assert verdict(works(*GOOD, start=start)).findings == ()
        odd = told(refused(45, *GOOD, start=start))
        assert (odd.cause, odd.alternatives) == ("certificate-rejected", ("certificate-expired", "client-clock-skew"))
        assert told(refused(48, *GOOD, start=start)).cause == "certificate-unknown-ca"
    assert told(refused(48, *GOOD, start=1_300_000_000 - at(0) / 1e9)).cause == "certificate-not-yet-valid"


# --- knowledge --------------------------------------------------------------------------------------------------------


def lessons() -> list[Session]:
    box = issue("Head Office Gateway", is_ca=True)
    places = [("www.one.com", "1.1.1.1"), ("www.two.org", "8.8.8.8"), ("mail.three.co.jp", "9.9.9.9")]
    found = many(*places, issuer=box)
    found += [of(works(*GOOD), f"192.0.2.{n}") for n in (9, 7, 8)]
    found += [of(works(issue(NAME, box), box), f"192.0.2.{n}") for n in (11, 12)]
    found += [refused(45, *GOOD, server_ip=f"198.51.100.{n}") for n in (21, 22)]
    found += [at_time(t, clock(t, 500), 42, *GOOD) for t in (0.0, 7.0, 20.0)]
    return found


def state(judge: Judge) -> object:
    trust = judge.knowledge.trust
    (_, servers), (_, domains), (_, clocks) = (
        table.__getstate__() for table in (trust.issuers._servers, trust.issuers._domains, trust.clocks._clients)
    )
    shown = {server: {issuer: one.__getstate__() for issuer, one in known.items()} for server, known in servers.items()}
    return shown, domains, {client: clock.__getstate__() for client, clock in clocks.items()}


def test_what_is_learned_does_not_depend_on_order_or_processes() -> None:
    whole, backwards, first, second = Judge(), Judge(), Judge(), Judge()
    for one in lessons():
        whole.see(one)
    for one in reversed(lessons()):
        backwards.see(one)
    for n, one in enumerate(lessons()):
        (first, second)[n % 2].see(one)
    second.knowledge.merge(pickle.loads(pickle.dumps(first.knowledge)))
    assert state(whole) == state(backwards) == state(second)
    assert whole.knowledge.trust.clocks.offset_s("192.0.2.1") is not None


# --- clients' certificates --------------------------------------------------------------------------------------------


def mutual(client: Issued, *authorities: Issued, code: int = 42) -> Session:
    """The server refuses the client's certificate."""
    names = vector(2, b"".join(vector(2, one.certificate.subject.public_bytes()) for one in authorities))
    request = vector(1, b"\x01\x40") + vector(2, b"\x04\x03") + names
    messages = flight_12(0.04, [one.der for one in GOOD])
    messages.insert(-1, handshake(S, 0.04, 13, request, offset=4))
    mine = vector(3, vector(3, client.der))
    return session(
        hello(versions=()), *messages, *client_flight_12(certificate=mine), alert(S, 0.08, code), closes=[fin(S, 0.09)]
    )


CLIENT_CA = issue("Client CA", is_ca=True)
FOR_CLIENT = [ExtendedKeyUsageOID.CLIENT_AUTH]


@pytest.mark.parametrize(
    ("client", "authorities", "variant"),
    [
        (issue("me", CLIENT_CA, usages=FOR_CLIENT), [CLIENT_CA], ""),
        (issue("me", CLIENT_CA, usages=FOR_CLIENT), [], ""),
        (issue("me", CLIENT_CA, usages=FOR_CLIENT, days=(-9, -1)), [CLIENT_CA], "expired"),
        (issue("me", CLIENT_CA, usages=FOR_CLIENT, days=(1, 9)), [CLIENT_CA], "not-yet-valid"),
        (issue("me", CLIENT_CA, usages=FOR_CLIENT), [ROOT, MIDDLE], "issuer"),
        (issue("me", CLIENT_CA, usages=[ExtendedKeyUsageOID.SERVER_AUTH]), [CLIENT_CA], "usage"),
        (issue("me", CLIENT_CA), [CLIENT_CA], ""),
    ],
)
def test_what_is_wrong_with_the_clients_certificate(client: Issued, authorities: list[Issued], variant: str) -> None:
    finding = told(mutual(client, *authorities))
    assert (finding.cause, finding.variant) == ("client-certificate-rejected", variant)


def test_too_many_authorities_to_read_them_all_prove_nothing() -> None:
    named = [issue(f"CA {n}", is_ca=True) for n in range(20)]
    assert told(mutual(issue("me", CLIENT_CA), *named)).variant == ""


# --- ciphers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suite", "weakness"),
    [
        (0x0005, "RC4"),
        (0x000A, "3DES"),
        (0x0009, "DES"),
        (0x0003, "EXPORT"),
        (0x0002, "NULL"),
        (0x0034, "anon"),
        (0xC02F, None),
        (0x002F, None),
    ],
)
def test_weak_cipher(suite: int, weakness: str | None) -> None:
    messages = [hello(versions=()), *flight_12(0.04, [one.der for one in GOOD])]
    messages[1] = server_hello(0.04, 0x0303, suite=suite)
    judged = session(
        *messages,
        *client_flight_12(),
        *server_finished_12(),
        data(C, 0.09),
        data(S, 0.1),
        closes=[fin(Side.CLIENT, 0.5)],
    )
    findings = verdict(judged).findings
    assert [(f.cause, f.facts["weakness"]) for f in findings] == ([("weak-cipher", weakness)] if weakness else [])


def test_without_a_server_name_no_name_is_compared() -> None:
    other = issue("other.example", MIDDLE), MIDDLE
    assert told(refused(48, *other, name=None)).cause == "certificate-unknown-ca"
    assert told(refused(48, *other)).cause == "certificate-hostname-mismatch"


@pytest.mark.parametrize(
    ("code", "cause", "alternatives"),
    [
        (42, "certificate-hostname-mismatch", ("certificate-chain-incomplete",)),
        (46, "certificate-hostname-mismatch", ("certificate-chain-incomplete",)),
        (48, "certificate-chain-incomplete", ("certificate-unknown-ca",)),
    ],
)
def test_the_leaf_of_a_private_root_for_another_name(code: int, cause: str, alternatives: tuple[str, ...]) -> None:
    """That the name is another one can be seen, that an issuer is missing can not: clients have private roots."""
    finding = told(refused(code, LEAF, name="other.example"))
    assert (finding.cause, finding.confidence, finding.alternatives) == (cause, Confidence.LIKELY, alternatives)


def test_the_leaf_of_a_public_authority_for_another_name_lacks_its_issuer_as_well() -> None:
    assert told(refused(42, LOGGED, name="other.example")).cause == "certificate-chain-incomplete"


def test_every_finding_has_a_summary_of_its_own() -> None:
    """Its variant stands on the page, in each language, and every field has a value."""
    expired_middle = issue("Example CA A1", ROOT, is_ca=True, own_key=MIDDLE.key, days=(-100, -1))
    early_middle = issue("Example CA A1", ROOT, is_ca=True, own_key=MIDDLE.key, days=(1, 100))
    lower = issue("Example CA A2", MIDDLE, is_ca=True)
    chains: list[tuple[Issued, ...]] = [
        *FATAL_WHEN_COMPLETED.values(),
        (LEAF, expired_middle),
        (LEAF, early_middle),
        (issue(NAME, lower), lower, ROOT),
        (LEAF, issue("Example CA A1", ROOT, is_ca=True, own_key=key("new"))),
        (issue(NAME, MIDDLE, signer=key("forger")), MIDDLE),
        (WEAK, MIDDLE),
        (FOR_CLIENTS, MIDDLE),
        (INTERCEPTED, PROXY),
        (issue(NAME, MIDDLE, days=(-80, 5)), MIDDLE),
        (LEAF,),
        GOOD,
    ]
    judged = [refused(code, *chain) for chain in chains for code in (42, 43, 44, 45, 46, 48, None)]
    judged += [make(*chain) for chain in chains for make in (hidden, left, works)]
    seen = set()
    for one in judged:
        for finding in verdict(one).findings:
            seen.add((finding.cause, finding.variant))
            for lang in LANGUAGES:
                assert finding.variant in read_page(finding.cause, lang).summaries, finding
                text = render_finding(finding, one, lang).explanation
                assert "?" not in text, text
                assert "()" not in text, text
    assert len(seen) > 40
