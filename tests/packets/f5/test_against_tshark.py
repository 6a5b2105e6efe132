"""Every documented form, field by field against tshark's f5ethtrailer dissector."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from socket import AF_INET6, inet_ntop

import pytest

from capanalyzer.packets.f5.find import read_trailer
from capanalyzer.packets.f5.trailer import F5Address, Trailer
from tests.f5_captures import f5, frame_v4, frame_v6, write

Peer, Saying = f5.Peer, f5.Saying

VECTOR = bytes.fromhex(
    "f5deb0f500920001"
    "00010001001900020100030d2f436f6d6d6f6e2f76735f6162"
    "000100020042000400005601b585cf4000005601b585d00000000001800000a4400100000000031a"
    "0000000123abcd08db4e6f206c6f63616c206c697374656e6572"
    "00010003002f0001060ffd00000000000000000000ffff0a00000500000000000000000000ffff0a00000920fbc351"
)
LOW4 = bytes.fromhex("00010001002800040000031c000d2f436f6d6d6f6e2f76735f61620103312e3102067472756e6b31")
LEGACY = bytes.fromhex(
    "01050100000200"
    "023b0300005601b585cf400000000000000000000000000000002046010000000000" + "1a"
    "0000000287fa3308db4e6f206c6f63616c206c697374656e6572"
    "032800" + "00" * 39
)

SAY = Saying(
    ingress=True,
    slot=2,
    tmm=5,
    virtual_server="/Common/vs_web",
    flow=0x5601B585CF40,
    peer=0x5601B585D000,
    flags_high=3,
    flags_low=0x800000A4,
    cause=f5.cause_block("TCP RST from remote system", peer=True),
    other=Peer("10.0.0.5", 8443, "10.0.0.9", 50001),
)
OUT = Saying(ingress=False, flow=7, virtual_server="vs", cause=f5.cause_block("No local listener"))
DOMAIN = Saying(ingress=True, flow=1, peer=2, other=Peer("10.0.0.5", 8443, "10.0.0.9", 50001, route_domain=12))
V6 = Saying(ingress=True, flow=1, peer=2, other=Peer("2001:db8::5", 8443, "2001:db8::9", 50001))
NOISY = Saying(
    ingress=False, hardware=2, virtual_server="/Common/vs_ab", flow=9, ports=("1.1", "1.2"), trunks=("trunk1",)
)
SECRETS = tuple(bytes([number]) * 48 for number in range(1, 6))

TRAILERS = {
    "vector": bytes(6) + VECTOR,
    "vector, low 4 alone": f5.MAGIC + (len(LOW4) + 8).to_bytes(2, "big") + b"\0\1" + LOW4,
    "vector, legacy": LEGACY,
    "legacy low v1": f5.low(SAY, "v1"),
    "legacy low v1, no name": f5.low(Saying(ingress=True, tmm=1), "v1"),
    "legacy low v1, as long as a low of 9.4": f5.low(replace(SAY, virtual_server="/Common/vs_of_28_letters.net"), "v1"),
    "legacy low 10.x": f5.low(SAY, "10"),
    "legacy low 9.4": f5.low(SAY, "9.4"),
    "legacy medium 9.4": f5.low(SAY, "9.4") + f5.medium(SAY, "9.4"),
    "legacy medium 10.x": f5.low(SAY, "10") + f5.medium(SAY, "10"),
    "legacy medium 11.x": f5.low(SAY, "v1") + f5.medium(SAY, "11"),
    "legacy medium v1": f5.low(SAY, "v1") + f5.medium(SAY, "v1"),
    "legacy medium v1, no cause": f5.low(DOMAIN, "v1") + f5.medium(DOMAIN, "v1"),
    "legacy medium v2": f5.low(SAY, "v1") + f5.medium(SAY, "v2") + f5.high(SAY),
    "legacy medium v3": f5.low(SAY, "v1") + f5.medium(SAY, "v3") + f5.high(SAY),
    "legacy, no peer": f5.legacy(OUT),
    "legacy, route domain": f5.legacy(DOMAIN),
    "legacy, IPv6": f5.legacy(V6),
    "dpt low v2": f5.dpt(SAY, low_version=2),
    "dpt low v3": f5.dpt(NOISY, low_version=3),
    "dpt low v4": f5.dpt(NOISY, low_version=4),
    "dpt, RST": f5.dpt(OUT),
    "dpt, route domain": f5.dpt(DOMAIN),
    "dpt, IPv6": f5.dpt(V6),
    "dpt, TLS 1.2": f5.dpt(SAY, f5.dpt_tls12(b"M" * 48, b"C" * 32, b"S" * 32)),
    "dpt, TLS 1.3 v0": f5.dpt(SAY, f5.dpt_tls13(SECRETS[:4], b"C" * 32, b"S" * 32)),
    "dpt, TLS 1.3 v1": f5.dpt(SAY, f5.dpt_tls13(SECRETS, b"C" * 32, b"S" * 32)),
    "dpt, unknown provider": f5.dpt(SAY, f5.dpt_item(5, 1, 1, b"?" * 20)),
    "dpt behind 18 zeros": bytes(18) + f5.dpt(SAY),
    "dpt behind a checksum": b"\xde\xad\xbe\xef" + f5.dpt(SAY),
}
FIELDS = [
    "ingress",
    "slot",
    "tmm",
    "vip",
    "phys_port",
    "trunk",
    "flags.hwaction",
    "flowid",
    "peerid",
    "cfflags",
    "cfflags2",
    "flowtype",
    "haunit",
    "reserved",
    "priority",
    "rstcausever",
    "rstcausepeer",
    "rstcauseval",
    "rstcauseline",
    "rstcausetxt",
    "peeripproto",
    "peervlan",
    "peerremoteaddr",
    "peerremoteaddr6",
    "peerlocaladdr",
    "peerlocaladdr6",
    "peerremotertdom",
    "peerlocalrtdom",
    "peerremoteport",
    "peerlocalport",
]


@pytest.fixture(scope="module")
def theirs(tshark: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """By name of the trailer, tshark's fields; IPv6 packets carry the same under another name."""
    frames = [frame_v4(trailer) for trailer in TRAILERS.values()] + [frame_v6(trailer) for trailer in TRAILERS.values()]
    first = f5.pseudo_packet("tcpdump -nni 0.0:nnnp -s0")
    records = [(10**18 + at, frame) for at, frame in enumerate([first, *frames])]
    path = write(tmp_path_factory.mktemp("f5") / "trailers.pcap", records)
    command = [
        tshark,
        "-r",
        str(path),
        "-T",
        "fields",
        "-E",
        "separator=/t",
        "-E",
        "occurrence=a",
        "-E",
        "aggregator=|",
    ]
    for field in FIELDS:
        command += ["-e", f"f5ethtrailer.{field}"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in out]
    assert len(rows) == 2 * len(TRAILERS) + 1
    names = [*TRAILERS, *(f"{name} (IPv6 packet)" for name in TRAILERS)]
    return dict(zip(names, rows[1:], strict=True))


NUMBERS = frozenset(FIELDS) - {"vip", "phys_port", "trunk", "rstcausetxt"}


def comparable(row: dict[str, str]) -> dict[str, str | int | None]:
    """tshark's fields: numbers as such, flags it does not show as none set, IPv6 fields only for what is no IPv4."""
    read: dict[str, str | int | None] = dict(row)
    for name in NUMBERS:
        text = row[name]
        if "addr" not in name:
            read[name] = int(text, 0) if text else None
    read["cfflags2"], read["flags.hwaction"] = read["cfflags2"] or 0, read["flags.hwaction"] or 0
    return read


def field_of(address: F5Address) -> str:
    """The 16-byte field as an IPv6 address."""
    packed = address.packed if len(address.packed) == 16 else f5.address(address.text, address.route_domain)
    return inet_ntop(AF_INET6, packed)


def ours(trailer: Trailer) -> dict[str, str | int | None]:
    """What was read, in tshark's words."""
    flow, cause, peer = trailer.flow, trailer.cause, trailer.peer
    told: dict[str, str | int | None] = dict.fromkeys(FIELDS)
    told |= {name: "" for name in FIELDS if name not in NUMBERS or "addr" in name}
    if trailer.is_ingress is not None:
        told |= {"ingress": int(trailer.is_ingress), "slot": trailer.slot, "tmm": trailer.tmm}
    told |= {"vip": trailer.virtual_server, "phys_port": "|".join(trailer.ports), "trunk": "|".join(trailer.trunks)}
    told["cfflags2"] = 0
    if flow is not None:
        told |= {"flowid": flow.flow_id, "peerid": flow.peer_id, "flowtype": flow.flow_type}
        told |= {"cfflags": flow.flags & 0xFFFFFFFF, "cfflags2": flow.flags >> 32}
    told |= {"haunit": trailer.ha_unit, "reserved": trailer.reserved, "priority": trailer.priority}
    if cause is not None:
        told |= {"rstcausever": 0, "rstcausepeer": int(cause.is_peer), "rstcauseval": cause.value}
        told |= {"rstcauseline": cause.line, "rstcausetxt": cause.reason}
    if peer is not None:
        told |= {"peeripproto": peer.protocol, "peervlan": peer.vlan}
        told |= {"peerremoteport": peer.remote_port, "peerlocalport": peer.local_port}
        for name, address in (("remote", peer.remote), ("local", peer.local)):
            if len(address.packed) == 4:
                told[f"peer{name}addr"] = address.text
            told[f"peer{name}addr6"] = field_of(address)
            told[f"peer{name}rtdom"] = address.route_domain
    told["flags.hwaction"] = trailer.hardware
    return told


@pytest.mark.parametrize("suffix", ["", " (IPv6 packet)"])
@pytest.mark.parametrize("name", TRAILERS)
def test_every_field(name: str, suffix: str, theirs: dict[str, dict[str, str]]) -> None:
    trailer = read_trailer(TRAILERS[name])
    assert trailer is not None
    assert ours(trailer) == comparable(theirs[name + suffix])
