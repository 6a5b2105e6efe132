"""A box on the path that resets connections by name: ``inject.py DEVICE NAME TTL``. It forges a RST for either end."""

from __future__ import annotations

import sys

from scapy.all import IP, TCP, conf, send, sniff


def main(device: str, name: bytes, ttl: int) -> None:
    conf.verb = 0

    def seen(packet: object) -> None:
        if not (isinstance(packet, object) and packet.haslayer(TCP) and name in bytes(packet[TCP].payload)):  # type: ignore[attr-defined]
            return
        ip, tcp = packet[IP], packet[TCP]  # type: ignore[index]
        after = tcp.seq + len(tcp.payload)
        to_client = IP(src=ip.dst, dst=ip.src, ttl=ttl) / TCP(
            sport=tcp.dport, dport=tcp.sport, flags="RA", seq=tcp.ack, ack=after
        )
        to_server = IP(src=ip.src, dst=ip.dst, ttl=ttl) / TCP(sport=tcp.sport, dport=tcp.dport, flags="R", seq=after)
        send([to_client, to_server])

    sniff(iface=device, filter="tcp", prn=seen, store=False, started_callback=lambda: print("ready", flush=True))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].encode(), int(sys.argv[3]))
