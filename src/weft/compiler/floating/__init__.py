"""Floating IPs: addresses of an external network that a router leads to ports behind it, whole or by protocol and port.

Rules: an address is claimed before routers are given theirs, and led to its port when ports have their addresses. The
router of a port is the one that holds its subnet's gateway, for by that the answers come. One address more is elements
of maps, a proxy entry and routes: nothing that is there is rewritten (docs/adr/0015-floating-ips.md).
"""

from weft.compiler.floating.claims import claim_floating, is_floating
from weft.compiler.floating.leads import Behind
from weft.compiler.floating.put import compile_floating

__all__ = ["Behind", "claim_floating", "compile_floating", "is_floating"]
