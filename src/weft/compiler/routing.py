"""Routes, rules and neighbours as the intent gives them, in the words of the kernel.

Rules: the kernel fills in what is left out, and reads back filled: so the same is filled in here (IPv6's metric 1024,
the family of "default", the link of a next hop), or a second apply would find differences that are none.
"""

from __future__ import annotations

from collections.abc import Callable

from weft.compiler.draft import Draft
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.model.intent import NeighbourSpec, Path, RouteSpec, RuleSpec

IPV6_METRIC = 1024
"""IP6_RT_PRIO_USER, what the kernel makes of metric 0. Source: linux/ipv6_route.h."""

DEFAULTS = {4: "0.0.0.0/0", 6: "::/0"}
ALL_BITS = 0xFFFFFFFF


def is_ipv6(text: str) -> bool:
    return ":" in text


def destination(spec: RouteSpec) -> str:
    """The prefix; "default" is of the next hop's family, IPv4 without one, as ip-route(8) has it."""
    if spec.to != "default":
        return spec.to
    return DEFAULTS[6 if is_ipv6(spec.via or "") else 4]


def default_route(netns: str, ifname: str, gateway: str, family: int) -> Route:
    """The default route of `family` by `gateway`, which may be of the other family."""
    return Route(
        netns=netns, dst=DEFAULTS[family], ifname=ifname, via=gateway, metric=IPV6_METRIC if family == 6 else 0
    )


def compile_route(
    draft: Draft, netns: str, spec: RouteSpec, path: Path, link_towards: Callable[[str | None], str | None]
) -> None:
    """Put a route. `link_towards`: the link by which a next hop is reached, None where that is not known."""
    dst = destination(spec)
    ifname = spec.dev
    if spec.type != "unicast":
        if spec.dev or spec.via:
            draft.error(path, f"a route of type {spec.type} leads nowhere", "leave out `dev` and `via`")
        ifname = ""
    elif ifname is None:
        ifname = link_towards(spec.via)
    if ifname is None:
        draft.error(path, f"no link is known that leads to {spec.via or dst}", "name it: `dev: LINK`")
        return
    draft.put(
        Route(
            netns=netns,
            dst=dst,
            ifname=ifname,
            via=spec.via or "",
            table=spec.table,
            metric=spec.metric or (IPV6_METRIC if is_ipv6(dst) else 0),
            type=spec.type,
            onlink=True if spec.onlink else None,
            src=spec.src,
            mtu=spec.mtu,
            advmss=spec.advmss,
            initcwnd=spec.initcwnd,
            initrwnd=spec.initrwnd,
        ),
        path,
    )


def compile_rule(draft: Draft, netns: str, spec: RuleSpec, path: Path) -> None:
    """Put a policy routing rule; it looks up the main table unless it says which. Source: ip-rule(8)."""
    family = 6 if spec.family == "ipv6" else 4
    for prefix in (spec.src, spec.dst):
        if prefix and is_ipv6(prefix) != (family == 6):
            draft.error(path, f"{prefix} is not of the rule's family, {spec.family}", "change `family`")
    draft.put(
        Rule(
            netns=netns,
            family=family,
            priority=spec.priority,
            src=spec.src or "",
            dst=spec.dst or "",
            iif=spec.iif or "",
            oif=spec.oif or "",
            fwmark=spec.fwmark or 0,
            fwmask=0 if spec.fwmark is None else ALL_BITS if spec.fwmask is None else spec.fwmask,
            table=(spec.table or 254) if spec.action == "lookup" else 0,
            action=spec.action,
        ),
        path,
    )


def compile_neighbour(draft: Draft, netns: str, spec: NeighbourSpec, path: Path) -> None:
    """Put a permanent neighbour, or one that is answered for."""
    if (spec.mac is None) != spec.proxy:
        what = "a proxy entry has no MAC" if spec.proxy else "neither a MAC nor `proxy: true`"
        draft.error(path, what, "`mac:` for a neighbour, `proxy: true` to answer for it")
        return
    draft.put(Neighbour(netns=netns, ifname=spec.dev, address=spec.address, mac=spec.mac, proxy=spec.proxy), path)
