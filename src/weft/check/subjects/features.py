"""What the kernel has of what weft can use: what is missing, what that costs, what stands in, which line needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from weft.check.finding import Finding, ok
from weft.check.symptoms import Symptoms
from weft.facts import FEATURES

NECESSARY = frozenset({"veth", "bridge"})

MODULES: Mapping[str, str] = MappingProxyType(
    {
        "vlan": "8021q",
        "bond": "bonding",
        "tap": "tun",
        "tun": "tun",
        "ipv6": "ipv6",
        "gre": "ip_gre",
        "gretap": "ip_gre",
        "ip6gre": "ip6_gre",
        "ip6gretap": "ip6_gre",
        "ip6tnl": "ip6_tunnel",
        "bridge_vlan": "bridge",
        "nft_inet": "nf_tables_inet",
        "nft_nat": "nft_chain_nat",
        "nft_netdev": "nf_tables_netdev",
        "nft_fwd": "nft_fwd_netdev",
        "nft_bridge": "nf_tables",
        "nft_cgroup": "nft_socket",
        "nft_bridge_ct": "nf_conntrack_bridge",
        "nft_log": "nfnetlink_log",
        "nft_egress": "nf_tables_netdev",
        **{name: f"sch_{name}" for name in ("htb", "tbf", "fq_codel", "sfq", "fq", "cake", "netem")},
    }
)
"""The kernel module of a feature, where that has another name."""

INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "nft_bridge_ct": "br_netfilter, in the namespaces of tenants with groups alone",
        "nft_log": "counters alone: who spoke to whom is not told",
        "dummy": "a bridge without members holds addresses as well",
        "vxlan": "VLANs on a common wire",
        "geneve": "vxlan with its `remote`",
        "gre": "vxlan with its `remote`",
        "gretap": "vxlan with its `remote`",
        "ip6gre": "vxlan with its `remote`",
        "ip6gretap": "vxlan with its `remote`",
        "ipip": "vxlan with its `remote`",
        "sit": "vxlan with its `remote`",
        "ip6tnl": "vxlan with its `remote`",
        "ipvlan": "macvlan, where the switch takes more than one MAC",
        "tap": "ports in namespaces",
        "nft_nat": "`uplink: routed`, where the world knows the way back",
        "nft_fwd": "ports in namespaces",
        "nft_netdev": "ports in namespaces",
        "htb": "nftables' limits of rates, which drop instead of letting wait",
        "fq_codel": "sfq, else a queue whose length is derived from the latency",
        "sfq": "fq_codel, else a queue whose length is derived from the latency",
        "cake": "fq_codel",
        "fq": "fq_codel, for those who do not pace themselves",
        "tbf": "large frames whole, which others wait for at low rates",
        "netem": "nftables' `numgen` for loss; nothing for delay",
        "nft_cgroup": "a DSCP or a mark that the sender sets",
        "br_netfilter": "nothing has to: what is not there does not call iptables either",
    }
)
"""What does nearly the same; a feature that is not named here has no substitute."""


def find(symptoms: Symptoms) -> Iterator[Finding]:
    for name, use in FEATURES.items():
        yield ok(f"kernel feature {name}", use) if name in symptoms.features else _missing(name, use, symptoms)
    algorithms = sorted(name.removeprefix("tcp_") for name in symptoms.features if name.startswith("tcp_"))
    paced = "bbr paces itself on every kernel that weft runs on, with fq or without" if "bbr" in algorithms else ""
    yield ok(f"TCP congestion control: {', '.join(algorithms) or 'none found'}", paced)


def _missing(name: str, use: str, symptoms: Symptoms) -> Finding:
    needs = [need for need in symptoms.needs if need.feature == name]
    strict = name in NECESSARY or any(need.strict for need in needs)
    instead = dict.fromkeys(need.instead for need in needs if need.strict or not strict)
    mend = "load its module or a kernel that has it"
    return Finding(
        level="error" if strict else "warning" if needs else "note",
        what=f"kernel feature {name} is missing",
        why=f"no {use}; stands in: {', '.join(instead) or INSTEAD.get(name, 'nothing')}",
        mend=mend if needs and not strict else f"{mend}; what needs it is refused by name until then",
        command=f"modprobe {MODULES.get(name, name)}",
        where=tuple(dict.fromkeys(need.where for need in needs)),
    )
