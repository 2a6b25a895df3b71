"""Routes, rules and neighbours as the intent gives them, in the words of the kernel.

Rules: the kernel fills in what is left out, and reads back filled: so the same is filled in here (IPv6's metric 1024,
the family of "default", the link of a next hop), or a second apply would find differences that are none.
"""

from __future__ import annotations

from collections.abc import Callable

from weft.compiler.draft import Draft
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import NextHop, Route
from weft.kinds.ip.rule import Rule
from weft.model.intent import NeighbourSpec, NextHopSpec, Path, RouteSpec, RuleSpec

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
    via = spec.via or next((hop.via for hop in spec.nexthops if hop.via), "")
    return DEFAULTS[6 if is_ipv6(via) else 4]


def default_route(netns: str, ifname: str, gateway: str, family: int) -> Route:
    """The default route of `family` by `gateway`, which may be of the other family."""
    return Route(
        netns=netns, dst=DEFAULTS[family], ifname=ifname, via=gateway, metric=IPV6_METRIC if family == 6 else 0
    )


Towards = Callable[[str | None], str | None]
"""The link by which a next hop is reached, None where that is not known."""


def compile_route(draft: Draft, netns: str, spec: RouteSpec, path: Path, link_towards: Towards) -> None:
    """Put a route. A list of one next hop makes a plain route, as the kernel has it."""
    if spec.type != "unicast" and (spec.dev or spec.via or spec.nexthops):
        draft.error(path, f"a route of type {spec.type} leads nowhere", "leave out `dev`, `via` and `nexthops`")
    hops = _hops(draft, netns, spec, path, link_towards) if spec.type == "unicast" else []
    if hops is None:
        return
    dst = destination(spec)
    only = hops[0] if len(hops) == 1 else NextHop(ifname="")
    draft.put(
        Route(
            netns=netns,
            dst=dst,
            ifname=only.ifname,
            via=only.via,
            nexthops=tuple(sorted(hops)) if len(hops) > 1 else (),
            table=spec.table,
            metric=spec.metric or (IPV6_METRIC if is_ipv6(dst) else 0),
            type=spec.type,
            onlink=True if only.onlink else None,
            src=spec.src,
            mtu=spec.mtu,
            advmss=spec.advmss,
            initcwnd=spec.initcwnd,
            initrwnd=spec.initrwnd,
        ),
        path,
    )


def _hops(draft: Draft, netns: str, spec: RouteSpec, path: Path, link_towards: Towards) -> list[NextHop] | None:
    """Where the route leads, each way once; None, and findings, where that is not known."""
    said = spec.nexthops or (NextHopSpec(via=spec.via, dev=spec.dev, onlink=spec.onlink),)
    hops: dict[tuple[str, str], NextHop] = {}
    for at, hop in enumerate(said):
        where = (*path, "nexthops", str(at)) if spec.nexthops else path
        ifname = hop.dev or link_towards(hop.via)
        if ifname is None:
            draft.lack_way(where, netns, hop.via or destination(spec))
        elif (ifname, hop.via or "") in hops:
            draft.error(where, "the same next hop is given twice", "one, with a larger `weight`")
        elif len(said) > 1 and not hop.via and is_ipv6(destination(spec)):
            draft.error(where, "of several next hops, IPv6 wants the address of each", "`via: ADDRESS`")
        else:
            hops[ifname, hop.via or ""] = NextHop(
                ifname=ifname, via=hop.via or "", weight=hop.weight, onlink=hop.onlink
            )
    return list(hops.values()) if len(hops) == len(said) else None


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
