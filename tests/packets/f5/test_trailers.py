"""Trailers that are damaged, cut, in odd places or no trailers at all."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import capanalyzer
from capanalyzer.packets.f5.cause import read_cause_payload
from capanalyzer.packets.f5.find import read_trailer
from capanalyzer.packets.f5.pseudo import platform_name, read_pseudo
from tests.f5_captures import f5, frame_v4, frame_v6, write
from tests.packets.f5.test_against_tshark import TRAILERS

SAY = f5.Saying(
    ingress=True, virtual_server="/Common/vs", flow=7, peer=9, other=f5.Peer("10.0.0.5", 443, "10.0.0.9", 5)
)
NS = 10**18


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_random_bytes_do_no_harm(tail: bytes) -> None:
    trailer = read_trailer(tail)
    assert trailer is None or trailer.virtual_server.isprintable()


@given(st.sampled_from(sorted(TRAILERS)), st.integers(0, 500), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_a_changed_byte_does_no_harm(name: str, at: int, value: int) -> None:
    tail = bytearray(TRAILERS[name])
    tail[at % len(tail)] = value
    read_trailer(bytes(tail))
    read_trailer(bytes(tail[: at % len(tail)]))


@pytest.mark.parametrize("name", [name for name in TRAILERS if name.startswith(("dpt", "vector"))])
def test_a_block_that_is_cut_is_none(name: str) -> None:
    assert read_trailer(TRAILERS[name][:-1]) is None


def test_a_chain_must_fill_the_frame() -> None:
    """Other bytes behind it: then what looked like a trailer was chance."""
    low = f5.low(SAY, "v1")
    assert read_trailer(low) is not None
    assert read_trailer(low + b"\0" * 9) is not None
    assert read_trailer(low + b"FCS!") is not None
    assert read_trailer(low + b"something else") is None


def test_padding_that_is_not_zero_is_passed_over() -> None:
    for block in (f5.dpt(SAY), f5.legacy(SAY)):
        trailer = read_trailer(b"\xaa\x55" * 9 + block)
        assert trailer is not None
        assert trailer.virtual_server == "/Common/vs"


def test_without_a_peer_its_addresses_mean_nothing() -> None:
    alone = dataclasses.replace(SAY, peer=0)
    for block in (f5.dpt(alone), f5.legacy(alone)):
        trailer = read_trailer(block)
        assert trailer is not None
        assert trailer.peer is None


def test_secrets_are_noticed_and_not_kept() -> None:
    none_yet = f5.dpt(SAY, f5.dpt_tls12(bytes(48), bytes(32), bytes(32)))
    some = f5.dpt(SAY, f5.dpt_tls12(b"M" * 48, bytes(32), bytes(32)))
    without, with_keys = read_trailer(none_yet), read_trailer(some)
    assert without is not None
    assert with_keys is not None
    assert (without.has_keys, with_keys.has_keys) == (False, True)
    assert "MMMM" not in repr(with_keys)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"BIG-IP: [0x11c5672:3045] {peer} TCP RST from remote system", ("TCP RST from remote system", True, 3045)),
        (b"BIG-IP: [0x2409a71:704] Flow e", ("Flow e", False, 704)),
        (b"BIG-IP: [0x2409a71:704] No local listener", ("No local listener", False, 704)),
    ],
)
def test_reasons_in_a_payload(payload: bytes, told: tuple[str, bool, int]) -> None:
    cause = read_cause_payload(payload)
    assert cause is not None
    assert (cause.reason, cause.is_peer, cause.line) == told


@given(st.binary(max_size=120))
@settings(deadline=None)
def test_reasons_of_hostile_payloads_are_safe(rest: bytes) -> None:
    cause = read_cause_payload(b"BIG-IP: [0x" + rest)
    assert cause is None or cause.reason.isprintable()


def test_other_texts_in_a_rst_are_no_reasons() -> None:
    assert read_cause_payload(b"Connection closed by firewall") is None
    assert read_cause_payload(b"BIG-IP: [0xzz") is None


@pytest.mark.parametrize(
    ("command", "noise", "peer", "snap"),
    [
        ("tcpdump -nni 0.0:nnnp -s0 -w /var/tmp/x.pcap host 192.0.2.1", 3, True, 0),
        ("tcpdump -s0 -w/shared/a.pcap -nni 0.0:nnn host 10.1.10.201", 3, False, 0),
        ("tcpdump -ni external:n -s 200", 1, False, 200),
        ("tcpdump --interface=0.0:nn --snapshot-length=96", 2, False, 96),
        ("tcpdump -i 1.1 port 443", 0, False, None),
        ("tcpdump port 443", None, None, None),
    ],
)
def test_the_command_tells_what_was_asked_for(
    command: str, noise: int | None, peer: bool | None, snap: int | None
) -> None:
    found = read_pseudo(f5.pseudo_packet(command))
    assert found is not None
    assert (found.noise, found.with_peer, found.snap_length) == (noise, peer, snap)
    assert (found.host, found.version, found.platform) == ("bigip1.example.test", f5.VERSION, "Z100")


def test_platforms() -> None:
    assert platform_name("Z100") == "Virtual Edition"
    assert platform_name("A112") == "VIPRION blade"
    assert platform_name("X1") == ""


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_hostile_records_are_safe(rest: bytes) -> None:
    found = read_pseudo(bytes(12) + b"\x05\xffF5-Pseudo-pkt\0" + rest)
    assert found is not None
    assert all(text.isprintable() for text in found)


# -- through the whole analysis ----------------------------------------------------------------------------------------


def connection(trailers: list[bytes], *, offloaded: bool = False) -> list[tuple[int, bytes]]:
    """SYN, SYN/ACK, ACK, an HTTP request to a TLS port, RST: with a trailer behind each.

    :param offloaded: the request's IP header gives no length.
    """
    steps = [
        (True, 0x02, b"", 100, 0),
        (False, 0x12, b"", 500, 101),
        (True, 0x10, b"", 101, 501),
        (True, 0x18, b"GET / HTTP/1.1\r\n\r\n", 101, 501),
        (False, 0x14, b"", 501, 119),
    ]
    return [
        (
            NS + at * 10**6,
            frame_v4(
                trailers[at % len(trailers)],
                from_client=who,
                flags=flags,
                payload=data,
                seq=seq,
                ack=ack,
                total=0 if data and offloaded else None,
            ),
        )
        for at, (who, flags, data, seq, ack) in enumerate(steps)
    ]


def report(path: Path) -> dict[str, object]:
    [session] = capanalyzer.build_report(path).sessions
    import msgspec

    facts: dict[str, object] = json.loads(msgspec.json.encode(session))
    return facts


def of_the_packets(told: dict[str, Any]) -> dict[str, Any]:
    """What a trailer may not change."""
    timeline = [{**event, "detail": ""} if event["event"] == "RST" else event for event in told["timeline"]]
    return {key: value for key, value in told.items() if key not in WITHOUT} | {"timeline": timeline}


WITHOUT = ("f5", "findings", "other_leg")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the session is without any trailer."""
    told = report(write(tmp_path_factory.mktemp("bare") / "bare.pcap", connection([b""])))
    return of_the_packets(told)


@pytest.mark.parametrize("name", TRAILERS)
def test_no_trailer_is_taken_for_payload(name: str, bare: dict[str, object], tmp_path: Path) -> None:
    told = report(write(tmp_path / "with.pcap", connection([TRAILERS[name]])))
    assert of_the_packets(told) == bare


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=5), st.integers(0, 300), st.binary(max_size=4))
@settings(max_examples=40, deadline=None)
def test_damaged_trailers_never_change_the_session(
    tmp_path_factory: pytest.TempPathFactory, bare: dict[str, object], junk: list[bytes], at: int, patch: bytes
) -> None:
    block = bytearray(f5.dpt(SAY))
    block[at % len(block) : at % len(block) + len(patch)] = patch
    path = tmp_path_factory.mktemp("damaged") / "damaged.pcap"
    told = report(write(path, connection([bytes(block), *junk, f5.legacy(SAY)[: at % 80]])))
    assert of_the_packets(told) == bare


def test_trailers_cut_by_a_snap_length_are_not_read(tmp_path: Path) -> None:
    records = connection([f5.dpt(SAY)])
    assert report(write(tmp_path / "whole.pcap", records))["f5"] is not None
    assert report(write(tmp_path / "cut.pcap", records, cut=100))["f5"] is None


@pytest.mark.parametrize(
    "trailer",
    [
        pytest.param(f5.dpt(SAY), id="dpt"),
        pytest.param(f5.dpt(SAY) + b"FCS!", id="dpt and a checksum"),
        pytest.param(f5.legacy(SAY), id="13.x"),
        pytest.param(f5.low(SAY, "10"), id="10.x, low"),
    ],
)
def test_a_segment_without_a_length_ends_where_its_trailer_begins(
    trailer: bytes, tmp_path: Path, bare: dict[str, object]
) -> None:
    """Segmentation offload: the IPv4 total length is 0, and the trailer is all that ends the payload."""
    told = report(write(tmp_path / "tso.pcap", connection([trailer], offloaded=True)))
    assert told["bytes"] == bare["bytes"]
    assert told["cause"] == bare["cause"]


def test_a_home_address_is_the_end_that_is_meant(tmp_path: Path) -> None:
    """Mobile IPv6 (RFC 6275 section 6.3): the source stands in an option, and apart from the destination."""
    home = bytes.fromhex("20010db8") + bytes(11) + b"\x77"
    option = b"\x06\x02" + b"\x01\x02\0\0" + b"\xc9\x10" + home
    records = []
    for at in range(2):
        frame = bytearray(frame_v6(f5.dpt(SAY), flags=0x02))
        frame[20] = 60  # destination options come next
        frame[18:20] = (20 + len(option)).to_bytes(2, "big")
        frame[54:54] = option
        records.append((NS + at, bytes(frame)))
    [session] = capanalyzer.build_report(write(tmp_path / "a.pcap", records)).sessions
    assert session.client.ip == "2001:db8::77"
    assert session.f5 is not None
    assert session.f5.side == "client"


@pytest.mark.parametrize("with_record", [True, False])
def test_the_record_about_the_capture_is_frame_1_and_no_packet(tmp_path: Path, with_record: bool) -> None:
    """A capture is known for a BIG-IP's also where that record was cut away."""
    first = [(NS, f5.pseudo_packet("tcpdump -nni 0.0:nnn -s0"))] if with_record else []
    path = write(tmp_path / "a.pcap", [*first, *connection([f5.dpt(SAY)])])
    found = capanalyzer.build_report(path)
    [capture], [session] = found.captures, found.sessions
    assert capture.f5 is not None
    assert capture.f5.trailers
    assert capture.f5.host == ("bigip1.example.test" if with_record else None)
    assert session.timeline[0].frame == 1 + with_record
    assert len(capture.f5.advice) == (2 if with_record else 0)  # no `p`
    assert session.f5 is not None
    assert session.f5.virtual_server == "/Common/vs"


def test_the_record_alone_makes_no_sessions(tmp_path: Path) -> None:
    found = capanalyzer.build_report(write(tmp_path / "a.pcap", [(NS, f5.pseudo_packet("tcpdump -i 0.0"))]))
    assert found.captures[0].f5 is not None
    assert found.captures[0].warnings == ()
    assert not found.sessions


@pytest.mark.parametrize(
    ("say", "is_known", "found"),
    [
        (f5.Saying(ingress=True), False, False),  # seven bytes, five of them small: padding looks like it
        (f5.Saying(ingress=True), True, True),
        (f5.Saying(ingress=True, virtual_server="vs_old"), False, True),
    ],
)
def test_the_shortest_form_is_believed_where_something_else_speaks_for_it(
    say: object, is_known: bool, found: bool, tmp_path: Path
) -> None:
    first = [(NS, f5.pseudo_packet("tcpdump -i 0.0:n"))] if is_known else []
    path = write(tmp_path / "a.pcap", [*first, *connection([f5.low(say, "v1")])])
    [session] = capanalyzer.build_report(path).sessions
    assert (session.f5 is not None) == found


def test_another_capture_may_come_first_in_the_file(tmp_path: Path) -> None:
    """As two that were put together."""
    others = [(NS - at, frame_v4(ports=(50_000 + at, 443))) for at in range(700, 0, -1)]
    told = capanalyzer.build_report(write(tmp_path / "a.pcap", [*others, *connection([f5.dpt(SAY)])]))
    assert [session.f5 is not None for session in told.sessions] == [False] * 700 + [True]


@given(st.binary(min_size=32, max_size=32))
@settings(deadline=None)
def test_the_oldest_form_is_known_by_its_name(rest: bytes) -> None:
    """Type, length and version are three bytes; a name that is text must bear them out."""
    read = read_trailer(b"\x01\x21\x00" + rest)
    assert read is None or (rest[0] < 2 and read.virtual_server == rest[16:].rstrip(b"\0").decode("ascii"))


def test_what_is_no_name_is_no_trailer() -> None:
    good = f5.low(SAY, "9.4")
    assert read_trailer(good) is not None
    assert read_trailer(good[:3] + b"\x5c" + good[4:]) is None  # came in, or went out: 1 or 0
    assert read_trailer(good[:19] + b"o\t\x18\xd8" + good[23:]) is None
    assert read_trailer(good[:-1] + b"\x07") is None
