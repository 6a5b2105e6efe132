"""Which side's cause is the cause of both: only where one side failed by what the BIG-IP did after the other failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import capanalyzer
from capanalyzer.report import model
from tests.f5_captures import Record, f5, frame_v4, write
from tests.handshake.messages import alert, client_hello_body, handshake

NS, MS = 10**18, 10**6
HELLO = handshake(1, client_hello_body())
CLIENT, VIP = bytes([192, 0, 2, 7]), bytes([198, 51, 100, 9])
SNAT, MEMBER = bytes([10, 0, 0, 9]), bytes([10, 0, 0, 5])
OUTSIDE = f5.Saying(ingress=True, virtual_server="/Common/vs", flow=7, peer=8)
INSIDE = f5.Saying(ingress=False, virtual_server="/Common/vs", flow=8, peer=7)


def side(
    say: object,
    hosts: tuple[bytes, bytes],
    port: int,
    begin_ms: int,
    end: tuple[int, bool, int, bytes],
    cause: bytes = b"",
    hello: bytes = HELLO,
    to_port: int = 443,
) -> list[Record]:
    """Connect, ClientHello, and how it ends: (ms after the beginning, by the client, flags, payload)."""
    steps = [
        (0, True, 0x02, b"", 100, 0),
        (1, False, 0x12, b"", 500, 101),
        (2, True, 0x10, b"", 101, 501),
        (3, True, 0x18, hello, 101, 501),
    ]
    at, by_client, flags, payload = end
    steps.append(
        (at, by_client, flags, payload, 101 + len(hello) if by_client else 501, 501 if by_client else 101 + len(hello))
    )
    from_client: bool = say.ingress  # type: ignore[attr-defined]
    return [
        (
            NS + (begin_ms + ms) * MS,
            frame_v4(
                f5.dpt(replace(say, ingress=from_client == client, cause=cause if bits & 4 else b"")),  # type: ignore[type-var]
                hosts=hosts,
                ports=(port, to_port),
                from_client=client,
                flags=bits,
                payload=data,
                seq=seq,
                ack=ack,
            ),
        )
        for ms, client, bits, data, seq, ack in steps
    ]


OWN_HELLO = HELLO.replace(bytes(range(32)), bytes(range(100, 132)))
"""Of the BIG-IP, where it ends the client's TLS."""


def both(
    client_end: tuple[int, bool, int, bytes],
    server_end: tuple[int, bool, int, bytes],
    cause: bytes,
    path: Path,
    hello: bytes = OWN_HELLO,
) -> tuple[model.Session, model.Session]:
    """:param hello: the one that the pool member gets."""
    records = side(OUTSIDE, (CLIENT, VIP), 40000, 0, client_end, cause) + side(
        INSIDE, (SNAT, MEMBER), 50000, 5, server_end, cause, hello
    )
    records.sort(key=lambda record: record[0])
    outside, inside = sorted(
        capanalyzer.build_report(write(path / "a.pcap", records)).sessions,
        key=lambda one: (one.f5 and one.f5.side) or "",
    )
    return outside, inside


RELAYED = f5.cause_block("TCP RST from remote system", peer=True)
REFUSAL = (20, False, 0x18, alert(40))
"""The pool member's fatal alert."""


@pytest.mark.parametrize(
    ("cause", "confidence"), [(RELAYED, "likely"), (b"", "likely"), (f5.cause_block("Closing"), "likely")]
)
def test_the_members_alert_is_the_cause_of_the_clients_reset(cause: bytes, confidence: str, tmp_path: Path) -> None:
    outside, inside = both((40, False, 0x14, b""), REFUSAL, cause, tmp_path)
    assert inside.cause == "handshake-failure-unspecified"
    assert outside.cause == inside.cause
    assert outside.f5 is not None
    assert outside.f5.cause_side == "server"
    assert [finding.severity for finding in outside.findings] == ["failure", "note"]
    assert outside.findings[1].cause == "server-reset"


def test_a_reset_for_a_reason_of_its_own_is_no_consequence(tmp_path: Path) -> None:
    outside, inside = both((40, False, 0x14, b""), REFUSAL, f5.cause_block("Policy action"), tmp_path)
    assert inside.cause == "handshake-failure-unspecified"
    assert outside.cause == "server-reset"
    assert outside.f5 is not None
    assert outside.f5.cause_side == "client"


def test_what_happened_later_on_the_other_side_is_no_cause(tmp_path: Path) -> None:
    late = (90, False, 0x18, alert(40))
    outside, _ = both((40, False, 0x14, b""), late, b"", tmp_path)
    assert outside.cause == "server-reset"


def test_a_client_that_refuses_is_the_cause_of_what_the_member_saw(tmp_path: Path) -> None:
    """The client's alert, and then the BIG-IP leaves the pool member."""
    outside, inside = both((10, True, 0x18, alert(48)), (30, True, 0x14, b""), b"", tmp_path)
    assert outside.f5 is not None
    assert inside.f5 is not None
    assert outside.cause == inside.cause == "certificate-unknown-ca"
    assert (outside.f5.cause_side, inside.f5.cause_side) == ("client", "client")
    assert (outside.blame, inside.blame) == ("server", "client")  # the BIG-IP's certificate, seen from either side


def test_both_failed_by_themselves(tmp_path: Path) -> None:
    """Each side has an alert of its own: none is the consequence of the other."""
    outside, inside = both((10, False, 0x18, alert(70)), REFUSAL, b"", tmp_path)
    assert (outside.cause, inside.cause) == ("protocol-version-mismatch", "handshake-failure-unspecified")


# -- TLS that is passed on ---------------------------------------------------------------------------------------------


def test_what_a_member_refused_is_passed_on_to_the_client(tmp_path: Path) -> None:
    outside, inside = both((26, False, 0x18, alert(70)), (20, False, 0x18, alert(70)), b"", tmp_path, HELLO)
    assert outside.cause == inside.cause == "protocol-version-mismatch"
    assert outside.f5 is not None
    assert inside.f5 is not None
    assert (outside.f5.cause_side, inside.f5.cause_side) == ("server", "server")
    assert (outside.blame, outside.findings[1].severity) == (inside.blame, "note")
    assert outside.f5.story == inside.f5.story


def test_what_a_client_refused_is_passed_on_to_the_member(tmp_path: Path) -> None:
    outside, inside = both((10, True, 0x18, alert(48)), (7, True, 0x18, alert(48)), b"", tmp_path, HELLO)
    assert outside.cause == inside.cause == "certificate-unknown-ca"
    assert outside.f5 is not None
    assert inside.f5 is not None
    assert (outside.f5.cause_side, inside.f5.cause_side) == ("client", "client")
    assert inside.blame == outside.blame


def test_the_same_alert_where_each_side_has_its_own_tls_is_two_matters(tmp_path: Path) -> None:
    outside, inside = both((26, False, 0x18, alert(70)), (20, False, 0x18, alert(70)), b"", tmp_path)
    assert outside.f5 is not None
    assert inside.f5 is not None
    assert (outside.f5.cause_side, inside.f5.cause_side) == ("client", "server")


@pytest.mark.parametrize("is_passed_on", [True, False])
def test_what_to_do_about_a_member_in_plaintext_depends_on_whose_tls_it_got(is_passed_on: bool, tmp_path: Path) -> None:
    page = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    outside = (26, False, 0x18, page) if is_passed_on else (40, False, 0x14, b"")
    hello = HELLO if is_passed_on else OWN_HELLO
    for session in both(outside, (20, False, 0x18, page), b"", tmp_path, hello):
        assert session.cause == "tls-to-http-port"
        assert session.f5 is not None
        assert session.f5.cause_side == "server"
        first = session.findings[0].remedies[0]
        assert "10.0.0.5:443" in first
        assert ("server-ssl" in first, "client-ssl" in first) == (not is_passed_on, is_passed_on)


def sides_of(records: list[Record], path: Path) -> tuple[model.Session, model.Session]:
    found = capanalyzer.build_report(write(path / "a.pcap", sorted(records))).sessions
    outside, inside = sorted(found, key=lambda one: (one.f5 and one.f5.side) or "")
    return outside, inside


@pytest.mark.parametrize(("port", "cause_side", "blame"), [(443, "client", "client"), (80, "server", "server")])
def test_a_request_in_plaintext_is_wrong_where_tls_is_expected(
    port: int, cause_side: str, blame: str, tmp_path: Path
) -> None:
    """The client asked a port of TLS; or it asked one of HTTP, and the BIG-IP led that to one of TLS."""
    request = b"GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n"
    outside, inside = sides_of(
        side(OUTSIDE, (CLIENT, VIP), 40000, 0, (26, False, 0x18, alert(40)), hello=request, to_port=port)
        + side(INSIDE, (SNAT, MEMBER), 50000, 5, (20, False, 0x18, alert(40)), hello=request),
        tmp_path,
    )
    for session in (outside, inside):
        assert session.cause == "http-to-tls-port"
        assert session.f5 is not None
        assert session.f5.cause_side == cause_side
    first = inside.findings[0].remedies[0]
    assert ("server-ssl" in first, "Pool member 10.0.0.5:443" in first) == (cause_side == "server",) * 2
    assert (outside.blame, inside.blame) == (blame, "client")  # towards the member the BIG-IP is the client


def test_a_member_that_wants_tls_behind_a_big_ip_that_ends_it(tmp_path: Path) -> None:
    request = b"GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n"
    outside, inside = both((40, False, 0x14, b""), (20, False, 0x18, alert(40)), RELAYED, tmp_path, request)
    for session in (outside, inside):
        assert session.cause == "http-to-tls-port"
        assert (
            session.findings[0]
            .remedies[0]
            .startswith("Pool member 10.0.0.5:443 behind a BIG-IP: the BIG-IP speaks plaintext")
        )
        assert "no server-ssl profile" in session.findings[0].remedies[0]
        assert session.f5 is not None
        assert session.f5.cause_side == "server"


def test_a_connect_that_is_passed_on_hangs_at_the_server(tmp_path: Path) -> None:
    """The client's SYN is answered only when the server has answered."""
    records = []
    for ms in (0, 1_000, 3_000, 7_000, 15_000):
        for say, hosts, port in ((OUTSIDE, (CLIENT, VIP), 40000), (INSIDE, (SNAT, MEMBER), 50000)):
            frame = frame_v4(f5.dpt(say), hosts=hosts, ports=(port, 443), flags=2, seq=100, ack=0)
            records.append((NS + ms * MS + (say is INSIDE), frame))
    for session in sides_of(records, tmp_path):
        assert session.cause == "tcp-connect-timeout"
        assert session.f5 is not None
        assert session.f5.cause_side == "server"


def test_a_rst_that_was_forged_towards_the_big_ip_is_the_cause_of_both(tmp_path: Path) -> None:
    inside = side(INSIDE, (SNAT, MEMBER), 50000, 5, (20, False, 0x14, b""), hello=OWN_HELLO)
    time_ns, frame = inside[-1]
    time_to_live = 14 + 4 + 8
    inside[-1] = time_ns, frame[:time_to_live] + bytes([frame[time_to_live] - 20]) + frame[time_to_live + 1 :]
    outside = side(OUTSIDE, (CLIENT, VIP), 40000, 0, (26, False, 0x14, b""), RELAYED)
    for session in sides_of(outside + inside, tmp_path):
        assert session.cause == "middlebox-reset"
        assert session.f5 is not None
        assert session.f5.cause_side == "server"


# -- what to do, on either side ----------------------------------------------------------------------------------------

TLS_CLIENT, TLS_SERVER = "The BIG-IP is the TLS client", "The BIG-IP is the TLS server"
PROFILES = "`tmsh list ltm virtual /Common/vs profiles`"


def test_towards_a_member_it_is_the_server_ssl_profile(tmp_path: Path) -> None:
    """Also at the client's end of the story."""
    for session in both((40, False, 0x14, b""), (20, False, 0x18, alert(70)), RELAYED, tmp_path):
        assert session.cause == "protocol-version-mismatch"
        remedies = session.findings[0].remedies
        [first] = [one for one in remedies if one.startswith(TLS_CLIENT)]
        assert "server-ssl" in first
        assert first.endswith(PROFILES)
        assert any("`tmsh list ltm profile server-ssl options" in one for one in remedies)
        assert not any("`tmsh list ltm profile client-ssl" in one for one in remedies)


def test_towards_a_client_it_is_the_client_ssl_profile(tmp_path: Path) -> None:
    alone = replace(OUTSIDE, peer=0)
    path = write(tmp_path / "a.pcap", side(alone, (CLIENT, VIP), 40000, 0, (10, False, 0x18, alert(70))))
    [session] = capanalyzer.build_report(path).sessions
    first = session.findings[0].remedies[0]
    assert first.startswith(TLS_SERVER)
    assert first.endswith(PROFILES)
    assert any("`tmsh list ltm profile client-ssl options" in one for one in session.findings[0].remedies)


@pytest.mark.parametrize("is_pair", [True, False])
def test_where_it_may_pass_tls_on_no_profile_is_named_for_it(is_pair: bool, tmp_path: Path) -> None:
    """It has a connection to a server; whose TLS it was that got the alert, only both sides would tell."""
    if is_pair:
        sessions: tuple[model.Session, ...] = both(
            (26, False, 0x18, alert(70)), (20, False, 0x18, alert(70)), b"", tmp_path, HELLO
        )
    else:
        records = side(OUTSIDE, (CLIENT, VIP), 40000, 0, (26, False, 0x18, alert(70)))
        sessions = capanalyzer.build_report(write(tmp_path / "a.pcap", records)).sessions
    for session in sessions:
        assert session.cause == "protocol-version-mismatch"
        assert not any(one.startswith((TLS_CLIENT, TLS_SERVER)) for one in session.findings[0].remedies)
