"""What the keys of floating IPs mean: a part of meaning.py, by its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.model import floating

_FIXED = "Which of the port's addresses, where it has several of the family."
_ABOUT = "A line about it."

FLOATING: Mapping[type[Any], tuple[str, Mapping[str, str]]] = {
    floating.FloatingIp: (
        "tenants: NAME: floating_ips: ADDRESS",
        {
            "network": "The external network that the address is of.",
            "port": "A port of the tenant: it gets all that comes to the address, and speaks as it.",
            "fixed_address": _FIXED,
            "forward": "Instead of port: which protocols and ports of the address lead to which port.",
            "description": _ABOUT,
        },
    ),
    floating.Forward: (
        "an entry of forward",
        {
            "protocol": "One that has ports, by name or number.",
            "ports": "Of the floating IP: a port or a range, or a list of them.",
            "port": "A port of the tenant.",
            "to": "Its own port, or a range as long as `ports`. Left out: the same as `ports`.",
            "fixed_address": _FIXED,
            "description": _ABOUT,
        },
    ),
}
