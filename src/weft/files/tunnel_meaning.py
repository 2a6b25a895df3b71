"""What the keys of tunnels, forwarding tables and ways among several mean: a part of meaning.py, by its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.model import intent, links

_PMTUDISC = "Whether the outer packets carry the don't-fragment bit. Left out: true."

TUNNELS: Mapping[type[Any], tuple[str, Mapping[str, str]]] = {
    links.FdbSpec: (
        "an entry of fdb",
        {
            "mac": "Where frames to this MAC go. 00:00:00:00:00:00, of a VXLAN: to all that have no entry.",
            "remote": "Of a VXLAN: the machine they are sent to. Left out: the entry is in the bridge's table.",
            "port": "UDP port of that machine. Left out: the link's.",
            "vni": "VNI that it knows them by. Left out: the link's.",
            "vid": "In the bridge's table: only frames of this VLAN.",
            "local": "In the bridge's table, true: the bridge takes them itself.",
        },
    ),
    links.TunnelLink: (
        "links: NAME, a tunnel",
        {
            "remote": "The other machine's address in the underlay.",
            "ttl": "Of the outer packets: 1-255, or inherit. Left out: as the kernel has it; 64 over IPv6.",
            "tos": "TOS or traffic class of the outer packets, or inherit. Left out: 0.",
        },
    ),
    links.BoundTunnelLink: (
        "links: NAME, a tunnel with an end of its own",
        {
            "link": "The link that its packets leave by. Left out: what the routes say.",
            "local": "This machine's address in the underlay.",
        },
    ),
    links.VxlanLink: (
        "links: NAME, kind: vxlan",
        {
            "vni": "0-16777215. Once in an underlay and port.",
            "link_netns": "The namespace that its packets travel in, host for the host's own. Left out: its own.",
            "group": "A multicast group: where frames to unknown addresses go. Needs a link.",
            "remotes": "Machines that all get the frames to unknown addresses: short for fdb entries of the zero MAC.",
            "port": "UDP port. Left out: 4789.",
            "learning": "Whether it learns which MAC is where from what comes in.",
            "ageing": "Seconds until it forgets what it learned. Left out: 300.",
            "df": "The outer don't-fragment bit: unset, set or inherit.",
            "udp_csum": "Checksums in UDP over IPv4. Left out: true.",
            "udp6_zero_csum_tx": "true: no checksums in UDP over IPv6.",
            "udp6_zero_csum_rx": "true: take UDP over IPv6 without checksums.",
        },
    ),
    links.GeneveLink: (
        "links: NAME, kind: geneve",
        {
            "vni": "0-16777215. Once for a remote and port.",
            "port": "UDP port. Left out: 6081.",
            "df": "The outer don't-fragment bit: unset, set or inherit.",
            "udp_csum": "Checksums in UDP over IPv4; over IPv6 there always are. Left out: false.",
        },
    ),
    links.AnyGreLink: (
        "links: NAME, over GRE",
        {
            "key": "Tells tunnels between the same two machines apart.",
            "csum": "Checksums of what is carried.",
        },
    ),
    links.GreLink: ("links: NAME, kind: gre", {"pmtudisc": _PMTUDISC}),
    links.GreTapLink: ("links: NAME, kind: gretap", {"pmtudisc": _PMTUDISC}),
    links.Ip6GreLink: ("links: NAME, kind: ip6gre", {}),
    links.Ip6GreTapLink: ("links: NAME, kind: ip6gretap", {}),
    links.IpipLink: ("links: NAME, kind: ipip", {"pmtudisc": _PMTUDISC}),
    links.SitLink: ("links: NAME, kind: sit", {"pmtudisc": _PMTUDISC}),
    links.Ip6TnlLink: ("links: NAME, kind: ip6tnl", {}),
    intent.NextHopSpec: (
        "an entry of nexthops",
        {
            "via": "The next hop.",
            "dev": "The link.",
            "weight": "1-256: its share of the flows beside the others'. Left out: 1.",
            "onlink": "true: the next hop is on the link though no subnet says so.",
        },
    ),
}
"""Record -> its title and what its keys mean."""
