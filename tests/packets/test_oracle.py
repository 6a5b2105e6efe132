"""Differential test: every TCP header field that tshark shows for a frame is in our row for it, and no frame more."""

from __future__ import annotations

import ipaddress
import subprocess
from pathlib import Path
from typing import Any

from tests.packets.tables import Plain, decode
from tests.packets.tiny_capture import read_records, write_pcap, write_pcapng

FIELDS = [
    "frame.number",
    "frame.protocols",
    "_ws.col.Source",
    "_ws.col.Destination",
    "tcp.stream",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.flags",
    "tcp.window_size_value",
    "tcp.hdr_len",
    "tcp.len",
    "ip.ttl",
    "ipv6.hlim",
    "tcp.payload",
]

CAPTURES = [
    "arkime-adb.pcap",
    "arkime-gtp-iphone.pcap",
    "arkime-mpls-basic.pcap",
    "arkime-nflog.pcap",
    "arkime-pppoe.pcap",
    "arkime-ssl-selfsign.pcap",
    "arkime-tls13.pcap",
    "dpkt-nb6-http.pcap",
    "ja4-gre-erspan-vxlan.pcap",
    "ja4-http1-with-cookies.pcapng",
    "ja4-ipv6.pcapng",
    "mercury-tls_sgt.pcap",
    "ndpi-4in6tunnel.pcap",
    "ndpi-6in4tunnel.pcap",
    "ndpi-BGP_Cisco_hdlc_slarp.pcap",
    "ndpi-KakaoTalk_chat.pcap",
    "ndpi-codm.pcap",
    "ndpi-custom_categories.pcapng",
    "ndpi-false_positives.pcapng",
    "ndpi-ja3_lots_of_cipher_suites.pcap",
    "ndpi-openwire.pcapng",
    "ndpi-pgsql2.pcapng",
    "ndpi-tls_heur__vmess-tcp.pcapng",
    "ndpi-vxlan.pcap",
    "pcapplusplus-CiscoHDLC.pcap",
    "pcapplusplus-GrePackets.pcap",
    "pcapplusplus-MplsPackets.pcap",
    "pcapplusplus-gtp.pcap",
    "pcapplusplus-ldap.pcapng",
    "pcapplusplus-sll2.pcap",
    "suricata-bug-5758.pcap",
    "suricata-bug-6402-01.pcap",
    "suricata-http-urldecode-body.pcap",
    "suricata-bug-6887-defrag-ipv6-tcp-frag-ip-tcp.pcap",
    "suricata-bug-6887-defrag-ppp-ipv4-tcp-syn-frag-ppp-ip-tcp-syn.pcap",
    "suricata-bug-6887-defrag-ppp-ipv6-tcp-frag-ppp-ipv6-tcp.pcap",
    "suricata-vxlan-decoder-03-vxlan.pcap",
    "suricata-vxlan-non-zero-reserved-fields.pcap",
    "tcpdump-bgp_vpn_attrset.pcap",
    "tcpdump-gso-ipv4-geneve-ipv4.pcap",
    "tcpdump-gso-ipv4-geneve-ipv6.pcap",
    "tcpdump-gso-ipv6-geneve-ipv4.pcap",
    "tcpdump-ipoib.pcap",
    "tcpdump-lspping-fec-ldp.pcap",
    "tcpdump-rpki-rtr-oobr.pcap",
    "tcpdump-wccp_redirect_gre.pcap",
    "wireshark-many_interfaces-3.pcapng",
    "zeek-chksums-ip6-hoa-tcp-good-chksum.pcap",
    "zeek-chksums-ip6-route0-tcp-bad-chksum.pcap",
    "zeek-gtp6_gtp_0x32.pcap",
    "zeek-ipv6-http-atomic-frag.pcap",
    "zeek-llc.pcap",
    "zeek-mixed-vlan-mpls.pcap",
    "zeek-mpls-in-vlan.pcap",
    "zeek-nflog-http.pcap",
    "zeek-tunnels-geneve-47101.pcap",
    "zeek-tunnels-gre-over-udp-4754.pcap",
]


def tshark_rows(tshark: str, capture: Path) -> dict[int, dict[str, str]]:
    """Fields of the innermost TCP header of each frame that tshark numbers to a stream."""
    command = [tshark, "-n", "-r", str(capture), "-Y", "tcp.stream", "-T", "fields", "-E", "occurrence=l"]
    for field in FIELDS:
        command += ["-e", field]
    out = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60).stdout
    lines = [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in out.splitlines()]
    return {int(line["frame.number"]): line for line in lines if ":icmp" not in line["frame.protocols"]}


def differences(rows: list[Plain], expected: dict[int, dict[str, str]]) -> list[str]:
    """What is not as tshark says, a line each."""
    found = []
    ours = {row["frame"]: row for row in rows}
    if ours.keys() != expected.keys():
        found.append(f"frames: missing {expected.keys() - ours.keys()}, too many {ours.keys() - expected.keys()}")
    for frame, line in expected.items():
        row = ours.get(frame)
        if row is None:
            continue
        source = row["from"]
        assert isinstance(source, bytes)
        family = "ip" if len(source) == 4 else "ipv6"
        pairs = [
            (str(ipaddress.ip_address(source)), line["_ws.col.Source"]),
            (str(ipaddress.ip_address(row["to"])), line["_ws.col.Destination"]),  # type: ignore[arg-type]  # bytes, see plain_rows
            (row["ttl"], int(line["ip.ttl" if family == "ip" else "ipv6.hlim"])),
            (row["source_port"], int(line["tcp.srcport"])),
            (row["destination_port"], int(line["tcp.dstport"])),
            (row["seq"], int(line["tcp.seq_raw"])),
        ]
        if line["tcp.flags"]:  # absent where the header length is impossible
            pairs += [
                (row["ack"], int(line["tcp.ack_raw"])),
                (row["flags"], int(line["tcp.flags"], 16) & 0xFF),
                (row["window"], int(line["tcp.window_size_value"])),
            ]
            if line["tcp.len"]:
                pairs += [(row["length"], int(line["tcp.len"]))]
            if line["tcp.payload"]:
                pairs += [(row["payload"], bytes.fromhex(line["tcp.payload"].replace(":", "")))]
        found += [f"frame {frame}: {got!r}, tshark {want!r}" for got, want in pairs if got != want]
    return found


def test_corpus(corpus: Path, tmp_path: Path, tshark: str) -> None:
    """Captures of every link layer and tunnel the corpus has, put into one file because tshark is slow to start."""
    records = [record for name in CAPTURES for record in read_records(corpus / "captures" / name)]
    path = tmp_path / "all.pcapng"
    write_pcapng(path, records)
    expected = tshark_rows(tshark, path)
    assert len(expected) > 3000
    assert differences(decode(read_records(path))[0], expected) == []


def test_odd_headers(tmp_path: Path, tshark: str) -> None:
    """Lengths that contradict each other and cut headers: rows for the same frames as tshark."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether

    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")

    def v4(port: int, tcp: dict[str, Any] | None = None, payload: int = 30, **fields: Any) -> bytes:
        segment = TCP(sport=port, dport=9999, flags="PA", **(tcp or {})) / (b"\xee" * payload)
        return bytes(ether / IP(src="192.0.2.1", dst="192.0.2.2", **fields) / segment)

    def v6(port: int, **fields: Any) -> bytes:
        return bytes(
            ether / IPv6(src="2001:db8::1", dst="2001:db8::2", **fields) / TCP(sport=port, dport=9999) / b"12345"
        )

    whole = v4(1000)
    cuts = [0, 1, 4, 8, 12, 13, 15, 16, 17, 19, 20, 21]
    packets = [whole[: 34 + cut] for cut in cuts]
    originals = [len(whole)] * len(cuts)
    odd = [v4(1100 + n, payload=0, len=20 + n) for n in (0, 2, 4, 8, 15, 16, 19, 20)]
    odd += [v4(1200 + n, {"dataofs": n}) for n in (0, 1, 4, 5, 6, 12, 13, 15)]
    odd += [v4(1300, len=0), v4(1301, len=500), v4(1302, len=10), v4(1303, ihl=4), v4(1304, version=5)]
    odd += [
        v4(1305, chksum=1),
        v4(1306, flags="MF"),
        v4(1307, frag=8),
        v4(1308) + bytes(9),
        v4(1309, payload=0) + bytes(6),
    ]
    odd += [v6(1400, plen=300), v6(1401, plen=10), v6(1402, version=7), v6(1403)]
    packets += odd
    originals += [len(packet) for packet in odd]
    path = tmp_path / "odd.pcap"
    write_pcap(path, 1, packets, originals)
    rows = decode(read_records(path))[0]
    expected = tshark_rows(tshark, path)
    assert len(expected) > 20
    assert differences(rows, expected) == []
