"""What the format will have and this version has not: refused by its name, so that nobody believes it is in force."""

from __future__ import annotations

from typing import Any

from weft.model import intent, security
from weft.model.link_kinds import HOST_LINKS
from weft.model.links import HostLink

_NOT_YET = "not in this version of weft"

KEYS: dict[type[Any], dict[str, str]] = {
    intent.Intent: {
        "security_groups": "security groups of all tenants (but `tenants: NAME: security_groups:`)",
    },
    intent.Tenant: {
        "floating_ips": "floating IPs",
        "share": "networks shared between tenants",
        "tunnels": "tunnels",
    },
    intent.Network: {
        "security_groups": "security groups of a network (but `defaults: {port: {security_groups: [...]}}`)",
        "dhcp": "DHCP",
        "dns": "DNS",
        "encryption": "encryption",
    },
    intent.Port: {
        "floating_ip": "floating IPs",
        "mirror": "mirroring",
    },
    security.SecurityRule: {"audit": "audit of a single rule (but `audit: true` on its group)"},
    intent.Attach: {
        "container": "attaching to containers (but `pidfile: PATH`)",
        "unit": "attaching to systemd units (but `pidfile: PATH`)",
    },
    intent.TapAttach: {},
    HostLink: {
        "private_key": "WireGuard",
        "peers": "WireGuard",
    },
    intent.NamespaceConfig: {
        "tunnels": "tunnels",
        "ipsec": "IPsec",
        "nft": "rules of your own",
    },
}
"""By the record they would stand in: key -> what it belongs to."""

LINK_KINDS = frozenset("wireguard ovs xfrm team".split())
"""Values of a link's `kind`."""

SHARED_NETWORK = f"networks of another tenant: {_NOT_YET}"


def refusal(cls: type[Any], key: str) -> str:
    """The sentence that refuses `key` in the record, or "" where no version knows it."""
    belongs_to = next((KEYS[base][key] for base in cls.__mro__ if key in KEYS.get(base, {})), None)
    return f"{key}: {_NOT_YET}: {belongs_to}" if belongs_to else ""


def kind_refusal(kind: str) -> str:
    return f"kind: {_NOT_YET}: links of kind {kind}" if kind in LINK_KINDS - HOST_LINKS.keys() else ""
