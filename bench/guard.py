"""The filter of a tenant without security groups, as an expert would write it for `nft -f`: who may speak as whom.

Rules: docs/topology.md and docs/security-groups.md are the only source. One command for each set and chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address

Guarded = tuple[str, str, str]
"""A port: its link on the bridge, the MAC of its other end, its IPv4 address."""

_FORGED = "iifname . ether saddr != @macs counter drop"
_CHAINS = {
    "prerouting": ("type filter hook prerouting priority -300; policy drop;", ("iifname vmap @entry",)),
    "sending": ("type filter hook forward priority 10; policy accept;", ("iifname vmap @senders",)),
    "receiving": ("type filter hook forward priority 11; policy drop;", ("oifname vmap @receivers",)),
    "guard.mute": ("", ("udp sport 67 udp dport 68 counter drop", "accept")),
    "guard.mute6": (
        "",
        (
            "icmpv6 type { nd-router-advert, nd-redirect } counter drop",
            "udp sport 547 udp dport 546 counter drop",
            "meta l4proto 0-255 accept",
            "counter drop",
        ),
    ),
    "guard.source6": (
        "",
        (
            "iifname . ether saddr . ip6 saddr @pairs6 accept",
            "iifname . ether saddr . ip6 saddr @prefixes6 accept",
            "ip6 saddr :: icmpv6 type { mld-listener-report, nd-neighbor-solicit, mld2-listener-report } accept",
            "counter drop",
        ),
    ),
    "guard.announcement": (
        "",
        (
            "iifname . @th,64,128 @targets goto guard.source6",
            "iifname @proxies goto guard.source6",
            "counter drop",
        ),
    ),
    "guard.arp": (
        "",
        (
            "iifname . arp saddr ether . arp saddr ip @pairs4 accept",
            "iifname . arp saddr ether . arp saddr ip @prefixes4 accept",
            "iifname . arp saddr ether @macs arp saddr ip 0.0.0.0 accept",
            "counter drop",
        ),
    ),
    "guard.ip": (
        "",
        (
            "udp sport 67 udp dport 68 counter drop",
            "iifname . ether saddr . ip saddr @pairs4 accept",
            "iifname . ether saddr . ip saddr @prefixes4 accept",
            "ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept",
            "counter drop",
        ),
    ),
    "guard.ip6": (
        "",
        (
            "icmpv6 type { nd-router-advert, nd-redirect } counter drop",
            "udp sport 547 udp dport 546 counter drop",
            "icmpv6 type nd-neighbor-advert goto guard.announcement",
            "meta l4proto 0-255 goto guard.source6",
            "counter drop",
        ),
    ),
    "guard.gateway6": ("", ("icmpv6 type nd-neighbor-advert goto guard.announcement", "accept")),
    "guard": (
        "",
        (_FORGED, "ether type vmap { ip : goto guard.ip, arp : goto guard.arp, ip6 : goto guard.ip6 }", "counter drop"),
    ),
    "guard.gateway": (
        "",
        (_FORGED, "ether type vmap { ip : accept, arp : goto guard.arp, ip6 : goto guard.gateway6 }", "counter drop"),
    ),
    "guard.unaddressed": (
        "",
        (_FORGED, "ether type vmap { ip : goto guard.mute, arp : accept, ip6 : goto guard.mute6 }", "counter drop"),
    ),
}
"""Each chain's hook and rules, those before that others go to."""


def guard(scope: str, trusted: Sequence[str], ports: Sequence[Guarded]) -> Iterator[str]:
    """The commands. `trusted`: links of routers, which speak for others."""
    table = f"bridge weft-{scope}"
    yield f"add table {table}"
    for name, (hook, _) in _CHAINS.items():
        yield f"add chain {table} {name}" + (f" {{ {hook} }}" if hook else "")
    yield from _sets(table, ports)
    links = [link for link, _, _ in ports]
    goes_to = {
        "entry": {**dict.fromkeys(trusted, "accept"), **dict.fromkeys(links, "goto guard")},
        "receivers": dict.fromkeys((*trusted, *links), "accept"),
    }
    for name, verdicts in goes_to.items():
        elements = ", ".join(f'"{link}" : {verdict}' for link, verdict in verdicts.items())
        yield f"add map {table} {name} {{ type ifname : verdict; elements = {{ {elements} }}; }}"
    for name, (_, rules) in _CHAINS.items():
        yield from (f"add rule {table} {name} {rule}" for rule in rules)


def _sets(table: str, ports: Sequence[Guarded]) -> Iterator[str]:
    local = [(link, mac, link_local(mac)) for link, mac, _ in ports]
    held = {
        "macs { type ifname . ether_addr;": [f'"{link}" . {mac}' for link, mac, _ in ports],
        "pairs4 { type ifname . ether_addr . ipv4_addr;": [f'"{link}" . {mac} . {ip}' for link, mac, ip in ports],
        "pairs6 { type ifname . ether_addr . ipv6_addr;": [f'"{link}" . {mac} . {ip}' for link, mac, ip in local],
        "targets { typeof iifname . @th,64,128;": [f'"{link}" . {int(ip):#x}' for link, _, ip in local],
    }
    for words, elements in held.items():
        yield f"add set {table} {words} elements = {{ {', '.join(elements)} }}; }}"
    for family in (4, 6):
        what = f"ifname . ether_addr . ipv{family}_addr"
        yield f"add set {table} prefixes{family} {{ type {what}; flags interval; counter; }}"
    yield f"add set {table} proxies {{ type ifname; }}"
    yield f"add map {table} senders {{ type ifname : verdict; }}"


def link_local(mac: str) -> IPv6Address:
    """The address that the kernel makes of a MAC. Source: RFC 4291 appendix A."""
    head, tail = mac.split(":")[:3], mac.split(":")[3:]
    bits = [int(head[0], 16) ^ 2, *(int(byte, 16) for byte in (*head[1:], "ff", "fe", *tail))]
    return IPv6Address(b"\xfe\x80" + bytes(6) + bytes(bits))
