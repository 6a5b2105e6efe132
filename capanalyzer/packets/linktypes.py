"""Link types by LINKTYPE_ number (tcpdump.org/linktypes.html), and the names used in reports."""

from __future__ import annotations

from typing import Final

__all__ = ["LINK_NAMES", "link_name"]

LINK_NAMES: Final[dict[int, str]] = {
    0: "null",
    1: "ethernet",
    3: "ax25",
    6: "token-ring",
    7: "arcnet",
    8: "slip",
    9: "ppp",
    10: "fddi",
    12: "raw",
    14: "raw",
    50: "ppp-hdlc",
    51: "pppoe",
    100: "atm-rfc1483",
    101: "raw",
    104: "cisco-hdlc",
    105: "ieee802.11",
    107: "frame-relay",
    108: "loop",
    109: "enc",
    113: "linux-sll",
    117: "pflog",
    119: "ieee802.11-prism",
    122: "ip-over-fc",
    123: "sunatm",
    127: "ieee802.11-radiotap",
    129: "arcnet-linux",
    138: "apple-ip-over-ieee1394",
    141: "mtp2-with-phdr",
    143: "docsis",
    147: "user0",
    148: "user1",
    149: "user2",
    158: "user11",
    160: "user13",
    163: "ieee802.11-avs",
    166: "ppp-pppd",
    178: "juniper-ethernet",
    187: "bluetooth-hci-h4",
    189: "usb-linux",
    192: "ppi",
    195: "ieee802.15.4",
    197: "erf",
    201: "bluetooth-hci-h4-with-phdr",
    204: "ppp-with-direction",
    205: "cisco-hdlc-with-direction",
    206: "frame-relay-with-direction",
    220: "usb-linux-mmapped",
    226: "ipnet",
    227: "can",
    228: "ipv4",
    229: "ipv6",
    239: "nflog",
    242: "ipoib",
    248: "sctp",
    249: "usbpcap",
    253: "netlink",
    258: "pktap",
    271: "vsock",
    274: "ethernet-mpacket",
    276: "linux-sll2",
}
"""Names of the usual ones; the others are shown by number."""


def link_name(number: int) -> str:
    """The name of a link type, or its number where it has none here."""
    return LINK_NAMES.get(number, str(number))
