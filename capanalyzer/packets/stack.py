"""Which layer reads which number: the one table of the slow path."""

from __future__ import annotations

from typing import Final

from capanalyzer.packets import internet, link, media, tunnels
from capanalyzer.packets.layer import (
    CHDLC_TYPE,
    ETHERTYPE,
    GRE_TYPE,
    INNER,
    IP_PROTOCOL,
    LINKTYPE,
    PPP_PROTOCOL,
    UDP_PORT,
    Layer,
)

__all__ = ["LAYERS"]

_LINK_LAYERS: Final[dict[int, Layer]] = {
    0: link.loopback,
    1: link.ethernet,
    6: media.token_ring,
    7: media.arcnet,
    9: link.ppp,
    10: media.fddi,
    12: link.raw_ip,
    14: link.raw_ip,
    50: link.ppp,
    51: link.pppoe,
    100: link.llc,
    101: link.raw_ip,
    104: link.chdlc,
    105: media.wlan,
    107: media.frame_relay,
    108: link.loopback,
    109: media.enc,
    113: link.sll,
    117: media.pflog,
    119: media.prism,
    122: media.fibre_channel,
    127: media.radiotap,
    129: media.arcnet_linux,
    138: media.apple_ieee1394,
    163: media.avs,
    166: media.ppp_pppd,
    178: media.juniper_ethernet,
    192: media.ppi,
    197: media.erf,
    204: media.skip_direction(LINKTYPE + 9),
    205: media.skip_direction(LINKTYPE + 104),
    206: media.skip_direction(LINKTYPE + 107),
    219: link.mpls,
    226: media.ipnet,
    228: internet.ipv4,
    229: internet.ipv6,
    239: media.nflog,
    242: media.ipoib,
    258: media.pktap,
    274: media.ethernet_after_preamble,
    276: link.sll2,
}
"""By LINKTYPE_ number (tcpdump.org/linktypes.html)."""

_ETHERTYPE_LAYERS: Final[dict[int, Layer]] = {
    0x0800: internet.ipv4,
    0x22EB: tunnels.erspan3,
    0x22F3: link.trill,
    0x6558: link.ethernet,
    0x8100: link.vlan,
    0x8847: link.mpls,
    0x8848: link.mpls,
    0x8864: link.pppoe,
    0x8870: link.llc,
    0x8874: link.brcm_tag,
    0x86DD: internet.ipv6,
    0x880B: link.ppp,
    0x8881: link.ppp,
    0x88A8: link.vlan,
    0x88D2: link.ppp,
    0x88E5: link.macsec,
    0x88E7: link.provider_backbone,
    0x8903: link.fabric_path,
    0x8909: link.cisco_metadata,
    0x8926: link.vntag,
    0x892F: link.hsr,
    0x893F: link.etag,
    0x894F: tunnels.nsh,
    0x9100: link.vlan,
    0xF1C1: link.rtag,
}
"""By EtherType (IANA ieee-802-numbers, and vendors' own)."""

_IP_LAYERS: Final[dict[int, Layer]] = {
    0: internet.extension,
    1: internet.icmp,
    4: internet.ipv4,
    17: internet.udp,
    41: internet.ipv6,
    43: internet.routing,
    44: internet.ipv6_fragment,
    47: tunnels.gre,
    51: internet.authentication,
    58: internet.icmp6,
    60: internet.destination_options,
    97: tunnels.etherip,
    135: internet.extension,
    136: internet.udp,
    137: link.mpls,
    139: internet.extension,
    140: internet.extension,
    143: link.ethernet,
}
"""By IP protocol number (IANA protocol-numbers). TCP (6) is where the walk ends."""

_UDP_LAYERS: Final[dict[int, Layer]] = {
    1701: tunnels.l2tp,
    2152: tunnels.gtp_u,
    3544: tunnels.teredo,
    4341: tunnels.lisp,
    4754: tunnels.gre,
    4789: tunnels.vxlan,
    4790: tunnels.vxlan_gpe,
    5247: tunnels.capwap,
    6081: tunnels.geneve,
    6635: link.mpls,
    8472: tunnels.vxlan_linux,
    37008: tunnels.tzsp,
}

_PPP_LAYERS: Final[dict[int, Layer]] = {
    0x0021: internet.ipv4,
    0x0031: link.ppp_bridged,
    0x0057: internet.ipv6,
    0x0281: link.mpls,
    0x0283: link.mpls,
    0x0800: internet.ipv4,
    0x86DD: internet.ipv6,
}

LAYERS: Final[dict[int, Layer]] = {
    space + number: layer
    for space, layers in (
        (LINKTYPE, _LINK_LAYERS),
        (ETHERTYPE, _ETHERTYPE_LAYERS),
        (IP_PROTOCOL, _IP_LAYERS),
        (UDP_PORT, _UDP_LAYERS),
        (PPP_PROTOCOL, _PPP_LAYERS),
        (GRE_TYPE, {0x883E: tunnels.gre_cisco_wccp}),
        (CHDLC_TYPE, {0x6558: link.chdlc_bridged}),
        (INNER, {0: tunnels.erspan2, 2: media.wlan_swapped}),
    )
    for number, layer in layers.items()
}
"""Every layer by its number in its space (see capanalyzer.packets.layer)."""
