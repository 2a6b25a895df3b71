"""What tunnels over IPv6 say differently: the traffic class, beside flags.

Rules: no encapsulation limit is sent (RFC 2473 4.1.1): the option costs eight bytes a packet, and ip(8)'s default of
four levels guards against loops that the compiler refuses. Source: linux/ip6_tunnel.h, ip-link(8).
"""

from __future__ import annotations

from typing import Any

from weft.kinds.link.fields import Field
from weft.kinds.link.tunnel import INHERIT_TOS
from weft.wire.codec import Attributes, be32, u32
from weft.wire.tunnel import IP6_TNL_F_IGN_ENCAP_LIMIT, IP6_TNL_F_USE_ORIG_TCLASS

_CLASS_SHIFT = 20


def traffic_class(flow_kind: int, flags_kind: int) -> Field:
    """`tos` as the traffic class in a flow label's word, and as a flag where it is inherited."""

    def write(link: Any) -> bytes:
        inherits = link.tos == INHERIT_TOS
        flags = IP6_TNL_F_IGN_ENCAP_LIMIT | (IP6_TNL_F_USE_ORIG_TCLASS if inherits else 0)
        return be32(flow_kind, 0 if inherits else link.tos << _CLASS_SHIFT) + u32(flags_kind, flags)

    def read(data: Attributes) -> int:
        if data.get(flags_kind, 0) & IP6_TNL_F_USE_ORIG_TCLASS:
            return INHERIT_TOS
        return int(data.get(flow_kind, 0) >> _CLASS_SHIFT & 0xFF)

    def words(link: Any) -> tuple[str, ...]:
        return "encaplimit", "none", "tclass", "inherit" if link.tos == INHERIT_TOS else f"0x{link.tos:02x}"

    return Field(write, read, words)
