"""The host's side of all routers that lead out: forwarding, translation to its own addresses, and others' firewalls.

Rules: one table for the scope, whose rules never change: a network adds elements to sets. Nothing of anybody else's
firewall is touched but the chain that its owner invites rules to, and that can be turned off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from weft.compiler.draft import Draft
from weft.compiler.naming import TRANSIT_GLOB
from weft.compiler.router.chains import POSTROUTING, base_chain
from weft.compiler.router.place import RouterPlace
from weft.compiler.settings import compile_sysctl
from weft.facts import ForwardDrop
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.foreign_rule import NftForeignRule
from weft.kinds.nft.nftset import NftSet
from weft.kinds.nft.table import NftTable
from weft.kinds.setting.sysctl import FORWARDING
from weft.model.intent import FirewallIntegration, Intent, Path, Uplink
from weft.state import HOST

POOL_SETS = {4: "pool4", 6: "pool6"}
TRANSIT_SET = "transit"
_SETS = ((POOL_SETS[4], "ipv4_addr"), (POOL_SETS[6], "ipv6_addr"), (TRANSIT_SET, "ifname"))
_RULES = (
    f"ip saddr @{POOL_SETS[4]} oifname != @{TRANSIT_SET} masquerade",
    f"ip6 saddr @{POOL_SETS[6]} oifname != @{TRANSIT_SET} masquerade",
)
_FAMILIES = {"ip": {4}, "ip6": {6}, "inet": {4, 6}}


def compile_host_side(draft: Draft, intent: Intent, routers: Sequence[RouterPlace]) -> None:
    """Put what the host needs for the routers, if there are any."""
    routers = [router for router in routers if router.transit]
    if not routers:
        return
    used = {family for router in routers for family in router.out}
    path = routers[0].path
    _forwarding(draft, used, path)
    uplinks = [router for router in routers if router.uplink is not None]
    nat = [router for router in uplinks if router.uplink is Uplink.NAT]
    if nat:
        _masquerading(draft, uplinks, nat)
    for drop in draft.facts.forward_drops:
        if used & _FAMILIES.get(drop.family, set()):
            _integrate(draft, intent.firewall_integration, drop, path)


def _forwarding(draft: Draft, used: set[int], path: Path) -> None:
    for family in sorted(used):
        compile_sysctl(draft, HOST, FORWARDING[family], "1", path)
    if 6 in used:
        # forwarding makes the kernel ignore router advertisements, and with them the host's own default route
        for ifname in draft.facts.ra_links:
            compile_sysctl(draft, HOST, f"net/ipv6/conf/{ifname}/accept_ra", "2", path)


def _masquerading(draft: Draft, routers: Sequence[RouterPlace], nat: Sequence[RouterPlace]) -> None:
    for feature in ("nft_inet", "nft_nat"):
        draft.need(feature, nat[0].path, "`uplink: routed` needs no translation")
    table, path = draft.names.table, nat[0].path
    draft.put(NftTable(netns=HOST, family="inet", name=table), path)
    for name, kind in _SETS:
        draft.put(NftSet(netns=HOST, family="inet", table=table, name=name, type=kind), path)
    draft.put(base_chain(HOST, table, POSTROUTING, _RULES), path)
    for router in routers:
        for set_name, element in _elements(router):
            draft.put(NftElement(netns=HOST, family="inet", table=table, set=set_name, element=element), router.path)


def _elements(router: RouterPlace) -> Iterator[tuple[str, str]]:
    yield TRANSIT_SET, f'"{router.transit}"'
    for family, address in router.pool.items():
        yield POOL_SETS[family], address


def _integrate(draft: Draft, integration: FirewallIntegration, drop: ForwardDrop, path: Path) -> None:
    """Two accepts in the user chain of a firewall that drops what it does not know.

    No `ct state` in them: iptables, whose table that is, would no longer read it (tried with 1.8.9). Behind the transit
    link of a NAT network there is only the router itself, so nothing is opened by that.
    """
    chain = f"{drop.family} {drop.table} {drop.chain}"
    if integration is FirewallIntegration.NONE:
        return
    if drop.user_chain is None:
        draft.warn(
            path,
            f"the host's chain {chain} drops what is forwarded, and has no chain for others' rules",
            f'uplinks pass once it accepts iifname and oifname "{TRANSIT_GLOB}": `weft doctor` says how',
        )
        return
    rules = {"out": f'iifname "{TRANSIT_GLOB}" accept', "in": f'oifname "{TRANSIT_GLOB}" accept'}
    family, table, user_chain = drop.user_chain
    for way, rule in rules.items():
        mark = draft.names.mark(f"firewall/{way}")
        draft.share(
            NftForeignRule(netns=HOST, family=family, table=table, chain=user_chain, rule=rule, comment=mark),
            path,
        )
