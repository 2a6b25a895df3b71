"""What the kinds of tunnels say of themselves in IFLA_INFO_DATA.

Rules: an underlay's address is 4 or 16 bytes, in an attribute of its own for each family (VXLAN, Geneve) or in the same
one (the rest). Ports, GRE's flags and keys and flow labels are in the byte order of the network.
Source: linux/if_link.h, linux/if_tunnel.h, linux/ip6_tunnel.h.
"""

from __future__ import annotations

from weft.wire.address_text import as_ip
from weft.wire.codec import Table, as_be16, as_be32, as_u8, as_u32

IFLA_VXLAN_ID, IFLA_VXLAN_GROUP, IFLA_VXLAN_LINK, IFLA_VXLAN_LOCAL, IFLA_VXLAN_TTL = 1, 2, 3, 4, 5
IFLA_VXLAN_TOS, IFLA_VXLAN_LEARNING, IFLA_VXLAN_AGEING, IFLA_VXLAN_PORT = 6, 7, 8, 15
IFLA_VXLAN_GROUP6, IFLA_VXLAN_LOCAL6, IFLA_VXLAN_UDP_CSUM = 16, 17, 18
IFLA_VXLAN_UDP_ZERO_CSUM6_TX, IFLA_VXLAN_UDP_ZERO_CSUM6_RX = 19, 20
IFLA_VXLAN_TTL_INHERIT, IFLA_VXLAN_DF = 28, 29

IFLA_GENEVE_ID, IFLA_GENEVE_REMOTE, IFLA_GENEVE_TTL, IFLA_GENEVE_TOS, IFLA_GENEVE_PORT = 1, 2, 3, 4, 5
IFLA_GENEVE_REMOTE6, IFLA_GENEVE_UDP_CSUM = 7, 8
IFLA_GENEVE_TTL_INHERIT, IFLA_GENEVE_DF = 12, 13

IFLA_GRE_LINK, IFLA_GRE_IFLAGS, IFLA_GRE_OFLAGS, IFLA_GRE_IKEY, IFLA_GRE_OKEY = 1, 2, 3, 4, 5
IFLA_GRE_LOCAL, IFLA_GRE_REMOTE, IFLA_GRE_TTL, IFLA_GRE_TOS, IFLA_GRE_PMTUDISC = 6, 7, 8, 9, 10
IFLA_GRE_FLOWINFO, IFLA_GRE_FLAGS = 12, 13
GRE_CSUM, GRE_KEY = 0x8000, 0x2000

IFLA_IPTUN_LINK, IFLA_IPTUN_LOCAL, IFLA_IPTUN_REMOTE, IFLA_IPTUN_TTL, IFLA_IPTUN_TOS = 1, 2, 3, 4, 5
IFLA_IPTUN_FLOWINFO, IFLA_IPTUN_FLAGS = 7, 8
IFLA_IPTUN_PROTO, IFLA_IPTUN_PMTUDISC = 9, 10
IP6_TNL_F_IGN_ENCAP_LIMIT, IP6_TNL_F_USE_ORIG_TCLASS = 0x1, 0x2

VXLAN: Table = {
    IFLA_VXLAN_ID: as_u32,
    IFLA_VXLAN_GROUP: as_ip,
    IFLA_VXLAN_GROUP6: as_ip,
    IFLA_VXLAN_LINK: as_u32,
    IFLA_VXLAN_LOCAL: as_ip,
    IFLA_VXLAN_LOCAL6: as_ip,
    IFLA_VXLAN_TTL: as_u8,
    IFLA_VXLAN_TTL_INHERIT: as_u8,
    IFLA_VXLAN_TOS: as_u8,
    IFLA_VXLAN_LEARNING: as_u8,
    IFLA_VXLAN_AGEING: as_u32,
    IFLA_VXLAN_PORT: as_be16,
    IFLA_VXLAN_UDP_CSUM: as_u8,
    IFLA_VXLAN_UDP_ZERO_CSUM6_TX: as_u8,
    IFLA_VXLAN_UDP_ZERO_CSUM6_RX: as_u8,
    IFLA_VXLAN_DF: as_u8,
}

GENEVE: Table = {
    IFLA_GENEVE_ID: as_u32,
    IFLA_GENEVE_REMOTE: as_ip,
    IFLA_GENEVE_REMOTE6: as_ip,
    IFLA_GENEVE_TTL: as_u8,
    IFLA_GENEVE_TTL_INHERIT: as_u8,
    IFLA_GENEVE_TOS: as_u8,
    IFLA_GENEVE_PORT: as_be16,
    IFLA_GENEVE_UDP_CSUM: as_u8,
    IFLA_GENEVE_DF: as_u8,
}

GRE: Table = {
    IFLA_GRE_LINK: as_u32,
    IFLA_GRE_IFLAGS: as_be16,
    IFLA_GRE_OFLAGS: as_be16,
    IFLA_GRE_IKEY: as_be32,
    IFLA_GRE_OKEY: as_be32,
    IFLA_GRE_LOCAL: as_ip,
    IFLA_GRE_REMOTE: as_ip,
    IFLA_GRE_TTL: as_u8,
    IFLA_GRE_TOS: as_u8,
    IFLA_GRE_PMTUDISC: as_u8,
    IFLA_GRE_FLOWINFO: as_be32,
    IFLA_GRE_FLAGS: as_u32,
}

IPTUN: Table = {
    IFLA_IPTUN_LINK: as_u32,
    IFLA_IPTUN_LOCAL: as_ip,
    IFLA_IPTUN_REMOTE: as_ip,
    IFLA_IPTUN_TTL: as_u8,
    IFLA_IPTUN_TOS: as_u8,
    IFLA_IPTUN_FLOWINFO: as_be32,
    IFLA_IPTUN_PROTO: as_u8,
    IFLA_IPTUN_PMTUDISC: as_u8,
}

IPTUN6: Table = {**IPTUN, IFLA_IPTUN_FLAGS: as_u32}
"""Of ip6tnl; in sit the same attribute has 16 bits."""
