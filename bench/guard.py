"""The filter of a tenant without security groups, as an expert would write it for `nft -f`: who may speak as whom.

Rules: docs/topology.md and docs/security-groups.md are the only source. One command for each set and chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address

Guarded = tuple[str, str, str]
"""A port: its link on the bridge, the MAC of its other end, its IPv4 address."""

_DROPS, _STRANGER = "drop", "stranger"
"""Told of in a set and a log, counted and dropped."""
_FORGED = "iifname . ether saddr != @macs goto guard.mac"
_NO_SERVER4, _NO_SERVER6 = "udp dport 68 goto guard.server", "udp dport 546 goto guard.server"
_ROUTERS = "nd-router-solicit : jump guard.card.router, nd-router-advert : goto guard.router"
_OWN4 = "iifname . ether saddr . ip saddr @pairs4 accept"
_OWN6 = "iifname . ether saddr . ip6 saddr @pairs6 accept"


def _card(option: int, at_bits: int) -> tuple[str, ...]:
    """No link-layer address in neighbour discovery, or the port's own."""
    bare, alone = at_bits // 8, "ip6 nexthdr ipv6-icmp"
    named = f"@th,{at_bits},16 {option << 8 | 1:#x} iifname . @th,{at_bits + 16},48 @cards return"
    return f"ip6 length {bare} {alone} return", f"ip6 length {bare + 8} {alone} {named}", _DROPS


_CHAINS = {
    "own4": ("", (f"meta l4proto tcp {_OWN4}", f"udp dport != 68 {_OWN4}")),
    "own6": ("", (f"meta l4proto tcp {_OWN6}", f"udp dport != 546 {_OWN6}")),
    "prerouting": (
        "type filter hook prerouting priority -300; policy drop;",
        ("ether type ip jump own4", "ether type ip6 jump own6", "iifname vmap @entry", _STRANGER),
    ),
    "receiving": ("type filter hook forward priority 11; policy drop;", ("oifname vmap @receivers", _STRANGER)),
    "guard.mac": ("", (_DROPS,)),
    "guard.server": ("", (_DROPS,)),
    "guard.router": ("", (_DROPS,)),
    "guard.mute": ("", (_NO_SERVER4, "accept")),
    "guard.mute.arp": ("", ("iifname . arp saddr ether @macs accept", _DROPS)),
    "guard.mute6": (
        "",
        (
            f"icmpv6 type vmap {{ {_ROUTERS}, nd-neighbor-solicit : jump guard.card.source, "
            "nd-neighbor-advert : jump guard.card.target, nd-redirect : goto guard.router }",
            _NO_SERVER6,
            "meta l4proto 0-255 accept",
            _DROPS,
        ),
    ),
    "guard.source6": (
        "",
        (
            _OWN6,
            "iifname . ether saddr . ip6 saddr @prefixes6 accept",
            "ip6 saddr :: icmpv6 type { mld-listener-report, mld2-listener-report } accept",
            _DROPS,
        ),
    ),
    "guard.card.router": ("", _card(1, 64)),
    "guard.card.source": ("", ("ip6 saddr :: return", *_card(1, 192))),
    "guard.card.target": ("", _card(2, 192)),
    "guard.detection": (
        "",
        ("iifname . @th,64,128 @targets accept", "iifname . @th,64,128 @proxies accept", _DROPS),
    ),
    "guard.solicitation": (
        "",
        ("ip6 saddr :: goto guard.detection", "jump guard.card.source", "goto guard.source6"),
    ),
    "guard.announcement": (
        "",
        (
            "jump guard.card.target",
            "iifname . @th,64,128 @targets goto guard.source6",
            "iifname . @th,64,128 @proxies goto guard.source6",
            _DROPS,
        ),
    ),
    "guard.probe": (
        "",
        (
            "iifname . arp saddr ether . arp daddr ip @pairs4 accept",
            "iifname . arp saddr ether . arp daddr ip @prefixes4 accept",
            _DROPS,
        ),
    ),
    "guard.arp": (
        "",
        (
            "iifname . arp saddr ether . arp saddr ip @pairs4 accept",
            "iifname . arp saddr ether . arp saddr ip @prefixes4 accept",
            "arp saddr ip 0.0.0.0 goto guard.probe",
            _DROPS,
        ),
    ),
    "guard.ip": (
        "",
        (
            _NO_SERVER4,
            _OWN4,
            "iifname . ether saddr . ip saddr @prefixes4 accept",
            "ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept",
            _DROPS,
        ),
    ),
    "guard.ip6": (
        "",
        (
            f"icmpv6 type vmap {{ {_ROUTERS}, nd-neighbor-solicit : goto guard.solicitation, "
            "nd-neighbor-advert : goto guard.announcement, nd-redirect : goto guard.router }",
            _NO_SERVER6,
            "meta l4proto 0-255 goto guard.source6",
            _DROPS,
        ),
    ),
    "guard.gateway6": (
        "",
        (
            "icmpv6 type vmap { nd-neighbor-solicit : goto guard.solicitation, "
            "nd-neighbor-advert : goto guard.announcement }",
            "accept",
        ),
    ),
    "guard": (
        "",
        (_FORGED, "ether type vmap { ip : goto guard.ip, arp : goto guard.arp, ip6 : goto guard.ip6 }", _DROPS),
    ),
    "guard.gateway": (
        "",
        (_FORGED, "ether type vmap { ip : accept, arp : goto guard.arp, ip6 : goto guard.gateway6 }", _DROPS),
    ),
    "guard.unaddressed": (
        "",
        (
            _FORGED,
            "ether type vmap { ip : goto guard.mute, arp : goto guard.mute.arp, ip6 : goto guard.mute6 }",
            _DROPS,
        ),
    ),
}
"""Each chain's hook and rules, those before that others go to."""


def guard(scope: str, tenant: str, trusted: Sequence[str], ports: Sequence[Guarded]) -> Iterator[str]:
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
        for rule in rules:
            for words in _told(name, rule, scope, tenant) if rule in (_DROPS, _STRANGER) else (rule,):
                yield f"add rule {table} {name} {words}"


def _told(chain: str, how: str, scope: str, tenant: str) -> tuple[str, ...]:
    """Who it was, in a set; ten in a second, in the log; how many."""
    which, who = (chain, "guard") if how is _DROPS else (_STRANGER, _STRANGER)
    link = "oifname" if chain == "receiving" else "iifname"
    told = f'log prefix "weft {which} drop {scope} {tenant}" group 30565 snaplen 128'
    return f"add @dropped.{who} {{ {link} }}", f"limit rate 10/second burst 20 packets {told}", "counter drop"


def _sets(table: str, ports: Sequence[Guarded]) -> Iterator[str]:
    local = [(link, mac, link_local(mac)) for link, mac, _ in ports]
    held = {
        "macs { type ifname . ether_addr;": [f'"{link}" . {mac}' for link, mac, _ in ports],
        "pairs4 { type ifname . ether_addr . ipv4_addr;": [f'"{link}" . {mac} . {ip}' for link, mac, ip in ports],
        "pairs6 { type ifname . ether_addr . ipv6_addr;": [f'"{link}" . {mac} . {ip}' for link, mac, ip in local],
        "targets { typeof iifname . @th,64,128;": [f'"{link}" . {int(ip):#x}' for link, _, ip in local],
        "cards { typeof iifname . @th,208,48;": [f'"{link}" . 0x{mac.replace(":", "")}' for link, mac, _ in ports],
    }
    for words, elements in held.items():
        yield f"add set {table} {words} elements = {{ {', '.join(elements)} }}; }}"
    for family in (4, 6):
        what = f"ifname . ether_addr . ipv{family}_addr"
        yield f"add set {table} prefixes{family} {{ type {what}; flags interval; counter; }}"
    for who in ("guard", "stranger"):
        yield f"add set {table} dropped.{who} {{ type ifname; size 65535; flags dynamic; counter; }}"
    yield f"add map {table} senders {{ type ifname : verdict; }}"
    yield f"add set {table} proxies {{ typeof iifname . @th,64,128; flags interval; counter; }}"


def link_local(mac: str) -> IPv6Address:
    """The address that the kernel makes of a MAC. Source: RFC 4291 appendix A."""
    head, tail = mac.split(":")[:3], mac.split(":")[3:]
    bits = [int(head[0], 16) ^ 2, *(int(byte, 16) for byte in (*head[1:], "ff", "fe", *tail))]
    return IPv6Address(b"\xfe\x80" + bytes(6) + bytes(bits))
