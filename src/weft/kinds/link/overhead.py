"""What a tunnel adds to each packet, and so takes from the MTU of the link that its packets leave by.

Rules: the one table; whoever derives or judges an MTU asks here. A link's MTU counts from behind its Ethernet header,
so that of a tunnel of frames is less the inner header, and no outer one counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from weft.records import dataclass

Part: TypeAlias = tuple[str, int]

IPV4: Part = ("IPv4", 20)
"""RFC 791 section 3.1, without options."""
IPV6: Part = ("IPv6", 40)
"""RFC 8200 section 3, without extension headers: weft's tunnels send no encapsulation limit (RFC 2473 section 5.1)."""
UDP: Part = ("UDP", 8)
"""RFC 768."""
ETHERNET: Part = ("Ethernet", 14)
"""IEEE 802.3: the header of the frame that is carried, without a VLAN tag."""
VXLAN: Part = ("VXLAN", 8)
"""RFC 7348 section 5."""
GENEVE: Part = ("Geneve", 8)
"""RFC 8926 section 3.4, without options."""
GRE: Part = ("GRE", 4)
"""RFC 2784 section 2.1."""
GRE_CHECKSUM: Part = ("checksum", 4)
"""RFC 2784 section 2.1: with its reserved field."""
GRE_KEY: Part = ("key", 4)
"""RFC 2890 section 2."""

MACSEC: Part = ("MACsec", 16)
"""IEEE 802.1AE section 9.3: with the SCI, for which the kernel leaves room even where it is not sent."""

_INNER: Mapping[str, tuple[Part, ...]] = MappingProxyType(
    {
        "vxlan": (UDP, VXLAN, ETHERNET),
        "geneve": (UDP, GENEVE, ETHERNET),
        "gre": (GRE,),
        "ip6gre": (GRE,),
        "gretap": (GRE, ETHERNET),
        "ip6gretap": (GRE, ETHERNET),
        "ipip": (),
        "sit": (),
        "ip6tnl": (),
    }
)


@dataclass(frozen=True, slots=True)
class Overhead:
    """The headers, outermost first. As text: "50 bytes (IPv4 20, UDP 8, VXLAN 8, Ethernet 14)"."""

    parts: tuple[Part, ...]

    @property
    def total_bytes(self) -> int:
        return sum(size for _, size in self.parts)

    def __str__(self) -> str:
        return f"{self.total_bytes} bytes ({', '.join(f'{name} {size}' for name, size in self.parts)})"


def overhead(kind: str, family: int, *, keyed: bool = False, csum: bool = False) -> Overhead:
    """Of a kind of tunnel by its word, over IPv4 or IPv6. `keyed`, `csum`: of GRE."""
    options = (*((GRE_CHECKSUM,) if csum else ()), *((GRE_KEY,) if keyed else ()))
    return Overhead((IPV6 if family == 6 else IPV4, *_INNER[kind], *options))


def macsec_overhead(icv_bytes: int) -> Overhead:
    """Of a MACsec link, whose check value (ICV) ends each frame. Source: drivers/net/macsec.c macsec_extra_len."""
    return Overhead((MACSEC, ("ICV", icv_bytes)))
