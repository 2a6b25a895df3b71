"""What the keys of security groups mean: a part of meaning.py, by its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.model import security

_ABOUT = "A line about it."

SECURITY: Mapping[type[Any], tuple[str, Mapping[str, str]]] = {
    security.SecurityGroup: (
        "tenants: NAME: security_groups: NAME",
        {
            "stateful": "Whether answers pass unasked. Left out: true.",
            "ingress": "What may come in to its ports. Left out: nothing.",
            "egress": "What its ports may send. Left out: all. []: nothing.",
            "audit": "true: what it would drop (what it denies, what no rule allows its ports) passes, and is told of.",
            "log_drops": "How much is told of what no rule allows its ports: true or {rate, burst}. Left out: as true.",
            "description": _ABOUT,
        },
    ),
    security.SecurityRule: (
        "an entry of ingress or egress",
        {
            "family": "ipv4 or ipv6. Left out: that of the protocol or the remote, else both.",
            "protocol": "By name or number. Left out: all. icmp is of IPv4, icmpv6 of IPv6.",
            "ports": "Of the receiving end: ports and ranges. Left out: all.",
            "type": "Of ICMP, by name or number. Left out: all.",
            "code": "Of ICMP. Left out: all.",
            "remote": "Who is at the other end. A prefix is short for {cidr: PREFIX}. Left out: anybody.",
            "action": "allow or deny. Left out: allow.",
            "priority": "The smaller decides first; at one priority deny beats allow. Left out: 1000.",
            "log": "true or {rate, burst}: what it fits is told of.",
            "description": _ABOUT,
        },
    ),
    security.Remote: (
        "remote",
        {
            "cidr": "A prefix, or an address.",
            "group": "The ports that are in this security group, by their addresses.",
            "address_group": "An address group of the tenant.",
        },
    ),
    security.Logging: (
        "log, log_drops",
        {
            "rate": "Packets told of in a second, minute, hour or day. Left out: 10/second.",
            "burst": "So many at once. Left out: 20.",
        },
    ),
    security.Drops: (
        "drops",
        {
            "recorder": "Whether a small process keeps what filters tell. Left out: where a group has log or audit.",
            "keep": "The newest packets, so many: some 400 bytes each. Left out: 10000.",
        },
    ),
    security.AddressPair: (
        "an entry of allowed_address_pairs",
        {
            "ip": "A prefix, or an address.",
            "mac": "Left out: the port's own.",
        },
    ),
}
