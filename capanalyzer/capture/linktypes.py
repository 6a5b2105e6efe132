"""Link-layer types: the LINKTYPE_ numbers of capture files and their names.

Source: the registry at tcpdump.org/linktypes.html. Old files hold the DLT_ number of the system that
wrote them where that differs from the registry's; what those meant is in libpcap's pcap-common.c.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ETHERNET", "LINUX_SLL2", "NOT_A_PACKET", "RAW", "UNKNOWN", "biggest_packet", "link_name", "link_type"]

ETHERNET: Final = 1
RAW: Final = 101
"""An IPv4 or IPv6 packet without a link-layer header."""
LINUX_SLL2: Final = 276
"""Linux cooked capture v2: a header of 20 bytes in place of the link layer's."""

NOT_A_PACKET: Final = 0xFFFF
"""A frame that Wireshark numbers but that is no packet: a system call, a journal entry, a custom block."""

UNKNOWN: Final = 0xFFFE
"""A packet of a link type that has no LINKTYPE_ number (some of snoop's)."""

_DLT_TO_LINKTYPE: Final = {11: 100, 12: 101, 13: 109, 14: 101, 16: 106, 18: 106, 19: 106}
"""DLT_ numbers of old files: LLC-encapsulated ATM, raw IP (two), OpenBSD enc, Linux classical IP over ATM."""

_BIGGEST_STANDARD: Final = 256 << 10
_BIGGEST: Final = {231: 128 << 20, 249: 128 << 20, 279: 32 << 20}
"""D-Bus messages and USB transfers may be huge, as may Elektrobit's; nothing else that is captured is."""

_NAMES: Final = {
    0: "null",
    1: "ethernet",
    2: "exp-ethernet",
    3: "ax25",
    4: "pronet",
    5: "chaos",
    6: "ieee802-5",
    7: "arcnet-bsd",
    8: "slip",
    9: "ppp",
    10: "fddi",
    32: "redback-smartedge",
    50: "ppp-hdlc",
    51: "ppp-ether",
    99: "symantec-firewall",
    100: "atm-rfc1483",
    101: "raw",
    102: "slip-bsdos",
    103: "ppp-bsdos",
    104: "c-hdlc",
    105: "ieee802-11",
    106: "atm-clip",
    107: "frelay",
    108: "loop",
    109: "enc",
    110: "lane8023",
    111: "hippi",
    112: "netbsd-hdlc",
    113: "linux-sll",
    114: "ltalk",
    115: "econet",
    116: "ipfilter",
    117: "pflog",
    118: "cisco-ios",
    119: "ieee802-11-prism",
    120: "aironet-header",
    121: "hhdlc",
    122: "ip-over-fc",
    123: "sunatm",
    124: "rio",
    125: "pci-exp",
    126: "aurora",
    127: "ieee802-11-radiotap",
    128: "tzsp",
    129: "arcnet-linux",
    130: "juniper-mlppp",
    131: "juniper-mlfr",
    132: "juniper-es",
    133: "juniper-ggsn",
    134: "juniper-mfr",
    135: "juniper-atm2",
    136: "juniper-services",
    137: "juniper-atm1",
    138: "apple-ip-over-ieee1394",
    139: "mtp2-with-phdr",
    140: "mtp2",
    141: "mtp3",
    142: "sccp",
    143: "docsis",
    144: "linux-irda",
    145: "ibm-sp",
    146: "ibm-sn",
    163: "ieee802-11-avs",
    164: "juniper-monitor",
    165: "bacnet-ms-tp",
    166: "ppp-pppd",
    167: "juniper-pppoe",
    168: "juniper-pppoe-atm",
    169: "gprs-llc",
    170: "gpf-t",
    171: "gpf-f",
    172: "gcom-t1e1",
    173: "gcom-serial",
    174: "juniper-pic-peer",
    175: "erf-eth",
    176: "erf-pos",
    177: "linux-lapd",
    178: "juniper-ether",
    179: "juniper-ppp",
    180: "juniper-frelay",
    181: "juniper-chdlc",
    182: "mfr",
    183: "juniper-vp",
    184: "a429",
    185: "a653-icm",
    186: "usb-freebsd",
    187: "bluetooth-hci-h4",
    188: "ieee802-16-mac-cps",
    189: "usb-linux",
    190: "can20b",
    191: "ieee802-15-4-linux",
    192: "ppi",
    193: "ieee802-16-mac-cps-radio",
    194: "juniper-ism",
    195: "ieee802-15-4-withfcs",
    196: "sita",
    197: "erf",
    198: "raif1",
    199: "ipmb-kontron",
    200: "juniper-st",
    201: "bluetooth-hci-h4-with-phdr",
    202: "ax25-kiss",
    203: "lapd",
    204: "ppp-with-dir",
    205: "c-hdlc-with-dir",
    206: "frelay-with-dir",
    207: "lapb-with-dir",
    209: "ipmb-linux",
    210: "flexray",
    211: "most",
    212: "lin",
    213: "x2e-serial",
    214: "x2e-xoraya",
    215: "ieee802-15-4-nonask-phy",
    216: "linux-evdev",
    217: "gsmtap-um",
    218: "gsmtap-abis",
    219: "mpls",
    220: "usb-linux-mmapped",
    221: "dect",
    222: "aos",
    223: "wihart",
    224: "fc-2",
    225: "fc-2-with-frame-delims",
    226: "ipnet",
    227: "can-socketcan",
    228: "ipv4",
    229: "ipv6",
    230: "ieee802-15-4-nofcs",
    231: "dbus",
    232: "juniper-vs",
    233: "juniper-srx-e2e",
    234: "juniper-fibrechannel",
    235: "dvb-ci",
    236: "mux27010",
    237: "stanag-5066-d-pdu",
    238: "juniper-atm-cemic",
    239: "nflog",
    240: "netanalyzer",
    241: "netanalyzer-transparent",
    242: "ipoib",
    243: "mpeg-2-ts",
    244: "ng40",
    245: "nfc-llcp",
    246: "pfsync",
    247: "infiniband",
    248: "sctp",
    249: "usbpcap",
    250: "rtac-serial",
    251: "bluetooth-le-ll",
    252: "wireshark-upper-pdu",
    253: "netlink",
    254: "bluetooth-linux-monitor",
    255: "bluetooth-bredr-bb",
    256: "bluetooth-le-ll-with-phdr",
    257: "profibus-dl",
    258: "pktap",
    259: "epon",
    260: "ipmi-hpm-2",
    261: "zwave-r1-r2",
    262: "zwave-r3",
    263: "wattstopper-dlm",
    264: "iso-14443",
    265: "rds",
    266: "usb-darwin",
    267: "openflow",
    268: "sdlc",
    269: "ti-lln-sniffer",
    270: "loratap",
    271: "vsock",
    272: "nordic-ble",
    273: "docsis31-xra31",
    274: "ethernet-mpacket",
    275: "displayport-aux",
    276: "linux-sll2",
    277: "sercos-monitor",
    278: "openvizsla",
    279: "ebhscr",
    280: "vpp-dispatch",
    281: "dsa-tag-brcm",
    282: "dsa-tag-brcm-prepend",
    283: "ieee802-15-4-tap",
    284: "dsa-tag-dsa",
    285: "dsa-tag-edsa",
    286: "elee",
    287: "z-wave-serial",
    288: "usb-2-0",
    289: "atsc-alp",
    290: "etw",
    291: "netanalyzer-ng",
    292: "zboss-ncp",
    293: "usb-2-0-low-speed",
    294: "usb-2-0-full-speed",
    295: "usb-2-0-high-speed",
    296: "auerswald-log",
    297: "zwave-tap",
    298: "silabs-debug-channel",
    299: "fira-uci",
    300: "mdb",
    301: "dect-nr",
    NOT_A_PACKET: "not-a-packet",
    UNKNOWN: "unknown",
} | {147 + user: f"user{user}" for user in range(16)}


def link_type(network: int) -> int:
    """The LINKTYPE_ number of a file's 32-bit network field.

    The upper 16 bits tell the length of a frame check sequence and otherwise nothing that is used.
    """
    number = network & 0xFFFF
    return _DLT_TO_LINKTYPE.get(number, number)


def link_name(link: int) -> str:
    """The registry's name in small letters, or ``linktype-N``."""
    return _NAMES.get(link) or f"linktype-{link}"


def biggest_packet(link: int) -> int:
    """Bytes that a packet of this link type can have at most; more is damage, as Wireshark judges it."""
    return _BIGGEST.get(link, _BIGGEST_STANDARD)
