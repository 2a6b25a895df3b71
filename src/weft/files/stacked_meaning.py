"""What the keys of bonds, VRFs, macvlans, ipvlans, MACsec links, ifbs, taps and tuns mean: a part of the table in
meaning.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.model import stacked

STACKED: Mapping[type[Any], tuple[str, Mapping[str, str]]] = {
    stacked.BondLink: (
        "links: NAME, kind: bond",
        {
            "mode": "How its members share the work.",
            "miimon": "Milliseconds between looks at the members' carriers. Left out: 100, unless ARP is asked.",
            "updelay": "Milliseconds that a carrier must last to count: a multiple of miimon.",
            "downdelay": "Milliseconds that a carrier must be gone to count: a multiple of miimon.",
            "arp_interval": "Milliseconds between questions by ARP, instead of miimon.",
            "arp_ip_target": "The addresses asked for.",
            "arp_validate": "Which members must hear the answers.",
            "primary": "The member that is used while it works.",
            "primary_reselect": "When it is used again: always, if better, or on failure of the other.",
            "fail_over_mac": "Whether the bond has the MAC of the member in use (active, follow). It is for life.",
            "xmit_hash_policy": "What decides which member a packet leaves by.",
            "lacp_rate": "Whether the partner sends every 30 seconds (slow) or every second (fast). It is for life.",
            "ad_select": "Which of several groups of members is used. It is for life.",
            "min_links": "So many members must work for the bond to have a carrier.",
        },
    ),
    stacked.VrfLink: (
        "links: NAME, kind: vrf",
        {"table": "The routing table of what its members receive and send: no other VRF's, and not main."},
    ),
    stacked.MacvlanLink: (
        "links: NAME, kind: macvlan or macvtap",
        {
            "mode": "Whether those upon one link reach each other (bridge), not (private), by the switch (vepa); or "
            "passthru: alone, with the link's MAC; or source: for the frames of some only.",
            "sources": "MACs whose frames it takes, in mode source.",
        },
    ),
    stacked.MacvtapLink: (
        "links: NAME, kind: macvtap",
        {
            "owner": "The user to whom /dev/tapN belongs, by name or number. Left out: root.",
            "group": "The group that may open it as well.",
        },
    ),
    stacked.IpvlanLink: (
        "links: NAME, kind: ipvlan",
        {
            "mode": "l2, l3 (routed, no broadcasts) or l3s (the same, seen by the firewall).",
            "flag": "Whether those upon one link reach each other: bridge, private (not), vepa (by the switch).",
        },
    ),
    stacked.MacsecLink: (
        "links: NAME, kind: macsec",
        {
            "port": "Of its own channel. It is for life.",
            "cipher": "gcm-aes-128 or gcm-aes-256. It is for life.",
            "icv_len": "Bytes of the check value at the end of each frame. It is for life.",
            "encrypt": "false: frames are signed and can be read.",
            "protect": "false: frames are sent as they are.",
            "validate": "What becomes of frames with a wrong or no signature: strict drops them, check counts them.",
            "replay_window": "So many packets may come late. Left out: any, and again.",
            "tx": "The key that it sends by.",
            "rx": "Whom it receives from.",
        },
    ),
    stacked.MacsecPeer: (
        "links: NAME, kind: macsec, rx",
        {
            "mac": "The MAC of the link at the other end.",
            "port": "Its port.",
            "keys": "Those that it may send by: several while they are changed.",
        },
    ),
    stacked.MacsecKey: (
        "links: NAME, kind: macsec, tx and rx: keys",
        {
            "an": "Its number within the channel, the same at both ends.",
            "key": "The key.",
            "pn": "The packet number that it begins with.",
        },
    ),
    stacked.Secret: (
        "a secret",
        {"file": "A file with it in hexadecimal digits. It is read when needed; only its hash is kept."},
    ),
    stacked.IfbLink: ("links: NAME, kind: ifb", {}),
    stacked.TapLink: (
        "links: NAME, kind: tap or tun",
        {
            "owner": "The user that may open it, by name or number. Left out, without a `group`: root alone.",
            "group": "The group that may open it; with an `owner`, that one, if it is in the group.",
            "queues": "More than one makes it multi-queue.",
            "vnet_hdr": "Whether frames carry a virtio header, for offloads.",
        },
    ),
    stacked.TunLink: ("links: NAME, kind: tun", {}),
}
