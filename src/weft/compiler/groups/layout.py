"""Names of a tenant's filter, and its objects by them.

Rules: a name of the user's stands behind a dot, and has none itself; so no two names meet. Another tenant's group is
TENANT/GROUP. Every rule is written as nft prints it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256

from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement, new_element
from weft.kinds.nft.nftset import DYNAMIC, NftSet
from weft.kinds.nft.table import NftTable
from weft.records import dataclass

BRIDGE, INET = "bridge", "inet"

ENTRY, SENDERS, RECEIVERS = "entry", "senders", "receivers"
"""Maps from links to verdicts: of what comes in by them, what their port sends, and what goes out by them."""

MACS, PAIRS4, PAIRS6, PREFIXES4, PREFIXES6, TARGETS, PROXIES, CARDS = (
    "macs", "pairs4", "pairs6", "prefixes4", "prefixes6", "targets", "proxies", "cards",
)  # fmt: skip
"""What a port may speak as: MACs; MAC and address; MAC and prefix; addresses that it may say are its own by neighbour
discovery; prefixes of which it may; the MACs that it may name there."""

PREFIX_SETS = {
    PREFIXES4: "ifname . ether_addr . ipv4_addr",
    PREFIXES6: "ifname . ether_addr . ipv6_addr",
    PROXIES: "typeof iifname . @th,64,128",
}

TRACKING = "tracking"
"""The chain for the sake of which connections are followed."""
ZONES = "zones"

GUARD_PRIORITY = -300
"""Before connections are followed, so that nobody spoofs a packet of another's. Source: linux/netfilter_bridge.h
NF_BR_PRI_NAT_DST_BRIDGED; net/netfilter/nf_conntrack_bridge.c, at -200 of the same hook."""
TRACKING_PRIORITY = -150
"""After connection tracking. Source: linux/netfilter_ipv4.h NF_IP_PRI_MANGLE."""
SENDING_PRIORITY, RECEIVING_PRIORITY = 10, 11
"""Behind br_netfilter, which goes on with hooks above 0 alone. Source: net/bridge/br_netfilter_hooks.c
br_nf_hook_thresh."""

_LONGEST = 64
"""Characters of a name of the user's, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterTable:
    """The table of a tenant's filter, and what makes its parts."""

    netns: str
    name: str
    family: str = BRIDGE

    @property
    def itself(self) -> NftTable:
        return NftTable(netns=self.netns, family=self.family, name=self.name)

    def chain(self, name: str, rules: Iterable[str]) -> NftChain:
        return NftChain(netns=self.netns, family=self.family, table=self.name, name=name, rules=tuple(rules))

    def base(self, name: str, hook: str, priority: int, policy: str, rules: Iterable[str]) -> NftChain:
        return replace(self.chain(name, rules), type="filter", hook=hook, priority=priority, policy=policy)

    def set(self, name: str, type: str, *, data: str = "") -> NftSet:
        """A set or map whose elements are objects of their own."""
        return NftSet(netns=self.netns, family=self.family, table=self.name, name=name, type=type, data=data)

    def counted(
        self, name: str, type: str, elements: Iterable[str], *, interval: bool = True, data: str = ""
    ) -> NftSet:
        """A set, or a map, with all of its elements, each of which counts."""
        return NftSet(
            netns=self.netns,
            family=self.family,
            table=self.name,
            name=name,
            type=type,
            data=data,
            flags=("interval",) if interval else (),
            counted=True,
            elements=tuple(sorted(elements)),
        )

    def filling(self, name: str) -> NftSet:
        """A set of links that the kernel fills, and counts for each."""
        return NftSet(
            netns=self.netns,
            family=self.family,
            table=self.name,
            name=name,
            type="ifname",
            flags=(DYNAMIC,),
            counted=True,
        )

    def element(self, set_name: str, element: str, value: str = "") -> NftElement:
        return new_element(
            netns=self.netns, family=self.family, table=self.name, set=set_name, element=element, value=value
        )


def of_visitor(tenant: str, group: str) -> str:
    """Another tenant's group, or several, as the owner of a network has them among its own."""
    name = f"{tenant}/{group}"
    return name if len(name) <= _LONGEST else hashed(name)


def hashed(name: str) -> str:
    """What stands for names that are too long together. Source: linux/netfilter/nf_tables.h NFT_NAME_MAXLEN."""
    return f"-{sha256(name.encode()).hexdigest()[:16]}"


def quoted(ifname: str) -> str:
    return f'"{ifname}"'


def member_set(family: int, group: str, domain: str) -> str:
    return f"members{family}.{group}{domain}"


def group_chain(way: str, family: int, group: str, domain: str) -> str:
    """Of what a group lets in or out."""
    return f"{way}{family}.{group}{domain}"
