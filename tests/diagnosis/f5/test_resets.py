"""Who sent a RST: the capturing BIG-IP knows, another one's text gives it away, TTLs are only signs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import capanalyzer
from capanalyzer.report import model
from tests.f5_captures import Record, f5, frame_v4, write
from tests.handshake.messages import client_hello_body, handshake

NS, MS = 10**18, 10**6
CLIENT_SIDE = f5.Saying(ingress=True, virtual_server="/Common/vs", flow=7)
CAUSE = f5.cause_block("Policy action")
IN, OUT = True, False


def story(
    *,
    reset_ttl: int = 64,
    reset: f5.Saying | None = None,
    payload: bytes = b"",
    trailers: bool = True,
    twice: bool = False,
) -> list[Record]:
    """Connect, ClientHello, RST in the server's name; on the client side of a BIG-IP unless told otherwise.

    :param twice: each packet came in and went out again, with the same addresses.
    """
    hello = handshake(1, client_hello_body())
    steps = [
        (True, 0x02, b"", 100, 0, 64),
        (False, 0x12, b"", 500, 101, 64),
        (True, 0x10, b"", 101, 501, 64),
        (True, 0x18, hello, 101, 501, 64),
    ]
    made: list[Record] = []
    for at, (client, flags, data, seq, ack, ttl) in enumerate(steps):
        for number, ingress in enumerate((IN, OUT) if twice else (client,)):
            say = replace(CLIENT_SIDE, ingress=ingress, flow=0 if flags == 0x02 else 7)
            frame = frame_v4(
                f5.dpt(say) if trailers else b"",
                from_client=client,
                flags=flags,
                payload=data,
                seq=seq,
                ack=ack,
                ttl=ttl,
            )
            made.append((NS + at * 20 * MS + number * 1000, frame))
    say = reset if reset is not None else replace(CLIENT_SIDE, ingress=OUT, cause=CAUSE)
    end = frame_v4(
        f5.dpt(say) if trailers else b"",
        from_client=False,
        flags=0x14,
        payload=payload,
        seq=501,
        ack=101 + len(hello),
        ttl=reset_ttl,
    )
    return [*made, (NS + 70 * MS, end)]


def judged(records: list[Record], tmp_path: Path) -> model.Session:
    [session] = capanalyzer.build_report(write(tmp_path / "a.pcap", records)).sessions
    return session


def test_a_rst_of_the_capturing_big_ip_is_its_own_whatever_its_ttl(tmp_path: Path) -> None:
    """Without the trailer, a TTL that none of the sender's packets has is a device in between."""
    assert judged(story(reset_ttl=255, trailers=False), tmp_path).cause == "middlebox-reset"
    session = judged(story(reset_ttl=255), tmp_path)
    assert (session.cause, session.closed_by.who) == ("server-reset", "server")
    assert session.f5 is not None
    assert session.f5.resets[0].made_by == "big-ip"
    assert "Policy action" in session.findings[0].explanation


def test_a_rst_in_its_name_that_it_received_is_somebody_elses(tmp_path: Path) -> None:
    session = judged(story(reset=replace(CLIENT_SIDE, ingress=IN)), tmp_path)
    assert (session.cause, session.findings[0].confidence) == ("middlebox-reset", "certain")
    assert session.closed_by.who == "middlebox"
    assert session.f5 is not None
    assert session.f5.side == "client"
    assert session.f5.resets[0].made_by is None


def test_trailers_of_several_connections_are_no_witnesses(tmp_path: Path) -> None:
    """Mixed up by whatever wrote the file: one of them says that the RST came in, another names another flow."""
    records = story(reset=replace(CLIENT_SIDE, ingress=IN))
    time_ns, frame = records[2]
    records[2] = time_ns, frame.replace(f5.dpt(CLIENT_SIDE), f5.dpt(replace(CLIENT_SIDE, flow=99)))
    session = judged(records, tmp_path)
    assert (session.cause, session.closed_by.who) == ("server-reset", "server")


def test_a_big_ip_that_only_forwards_is_the_device_in_between(tmp_path: Path) -> None:
    session = judged(story(twice=True), tmp_path)
    assert (session.cause, session.findings[0].confidence) == ("middlebox-reset", "certain")
    assert "Policy action" in session.findings[0].explanation
    assert session.f5 is not None
    assert session.f5.side is None


@pytest.mark.parametrize("packet", range(5))
def test_one_damaged_trailer_makes_no_device_in_between(tmp_path: Path, packet: int) -> None:
    """Its flag that the packet came in is turned about; the others of the connection say which side it is."""
    records = story()
    time_ns, frame = records[packet]
    damaged = bytearray(frame)
    flags = frame.index(f5.dpt(CLIENT_SIDE)[:4]) + 16  # behind the headers of the block and of its first item
    damaged[flags] ^= 1
    records[packet] = time_ns, bytes(damaged)
    assert judged(records, tmp_path).cause == "server-reset"


def test_somebody_elses_big_ip_in_the_path_gives_itself_away(tmp_path: Path) -> None:
    text = f5.cause_text("No flow found for ACK")
    session = judged(story(reset_ttl=55, payload=text, trailers=False), tmp_path)
    assert session.cause == "middlebox-reset"
    assert "It was sent by a BIG-IP in the path." in session.findings[0].explanation
    assert session.f5 is not None
    assert session.f5.virtual_server is None
    assert session.f5.resets[0].in_payload
    assert session.bytes.server == 0


def test_another_initial_ttl_at_the_same_distance_is_no_sign(tmp_path: Path) -> None:
    """A BIG-IP's own RSTs begin with 255 where its other packets begin with 64."""
    text = f5.cause_text("No flow found for ACK")
    session = judged(story(reset_ttl=255, payload=text, trailers=False), tmp_path)
    assert session.cause == "server-reset"
    assert "has this address itself or stands in the path" in session.findings[0].explanation


def test_a_cut_reason_is_still_understood(tmp_path: Path) -> None:
    text = f5.cause_text("Flow expired (sweeper)")[:31]
    session = judged(story(payload=text, trailers=False), tmp_path)
    assert session.f5 is not None
    [reset] = session.f5.resets
    assert reset.reason == "Flow e"
    assert "idle timeout" in reset.meaning


def test_an_unknown_reason_is_shown_as_it_is(tmp_path: Path) -> None:
    text = f5.cause_text("Something of a later release")
    session = judged(story(payload=text, trailers=False), tmp_path)
    assert "Something of a later release" in session.findings[0].explanation
    assert session.f5 is not None
    assert session.f5.resets[0].meaning == ""


def test_a_reason_in_a_rst_that_came_in_is_another_big_ips(tmp_path: Path) -> None:
    """On the server side: the pool member is, or stands behind, a BIG-IP of its own."""
    server_side = f5.Saying(ingress=False, virtual_server="/Common/vs", flow=7)
    records = [
        (time_ns, frame_v4(f5.dpt(replace(server_side, ingress=not client)), from_client=client, flags=flags, **more))
        for time_ns, client, flags, more in (
            (NS, True, 0x02, {"seq": 100, "ack": 0}),
            (NS + MS, False, 0x14, {"seq": 0, "ack": 101, "payload": f5.cause_text("Port denied")}),
        )
    ]
    session = judged(records, tmp_path)
    assert session.f5 is not None
    assert session.f5.side == "server"
    [reset] = session.f5.resets
    assert (reset.made_by, reset.reason) == ("server", "Port denied")
    assert "The BIG-IP sent" not in session.findings[0].explanation
    assert "carries a BIG-IP's reason: Port denied." in session.findings[0].explanation
