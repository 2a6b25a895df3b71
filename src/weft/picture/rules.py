"""A rule of a security group, and what a packet is, in a few words of the file's."""

from __future__ import annotations

from collections.abc import Iterator

from weft.model.security import ICMP, ICMP_TYPE_NAMES, ICMPV6, PROTOCOL_NAMES, WITH_PORTS, SecurityRule

_ETHERTYPES = {0x0800: "ipv4", 0x0806: "arp", 0x86DD: "ipv6", 0x8100: "vlan", 0x88CC: "lldp"}
_FROM = {"ingress": "from", "egress": "to"}


def rule_words(rule: SecurityRule, direction: str) -> str:
    """`tcp 80, 8000-8100 from group base`."""
    return " ".join(_words(rule, direction))


def _words(rule: SecurityRule, direction: str) -> Iterator[str]:
    if rule.family:
        yield rule.family
    yield "any protocol" if rule.protocol is None else protocol_name(rule.protocol)
    if rule.ports:
        yield ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in rule.ports)
    if rule.type is not None:
        yield f"type {rule.type}"
    if rule.code is not None:
        yield f"code {rule.code}"
    remote = rule.remote
    if remote is not None:
        named = remote.cidr or (f"group {remote.group}" if remote.group else f"address group {remote.address_group}")
        yield f"{_FROM[direction]} {named}"


def protocol_name(number: int) -> str:
    return PROTOCOL_NAMES.get(number, str(number))


def packet_words(ethertype: int, protocol: int, sport: int, dport: int) -> str:
    """`tcp/80`, `icmp echo-request`, `arp`, `ethertype 0x88cc`."""
    if ethertype not in (0x0800, 0x86DD):
        return _ETHERTYPES.get(ethertype, f"ethertype {ethertype:#06x}")
    name = protocol_name(protocol)
    if protocol in WITH_PORTS:
        return f"{name}/{dport}"
    if protocol in (ICMP, ICMPV6):
        return f"{name} {ICMP_TYPE_NAMES[protocol].get(sport, f'type {sport}')}"
    return name
