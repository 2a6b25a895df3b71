"""How declared routers lead out: their addresses in external networks, and what the host and they do with them.

Rules: each router has one address of each family of its external network: the given, else the one it holds, else the
lowest free. By it, or by the addresses of `snat:`, go all sources that have no address of their own outside; with
`snat: false` they keep theirs, and the host leads their subnets back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from weft.compiler.addressing import Span, number_of
from weft.compiler.draft import Draft
from weft.compiler.naming import identity
from weft.compiler.router.external import ExternalPlace, claim, compile_external, put_address, put_routes
from weft.compiler.router.namespace import outside_address
from weft.compiler.router.numbers import FIRST_PRIORITY, NEAR_PRIORITY, PRIORITIES, rule_priority
from weft.compiler.router.place import RouterPlace
from weft.compiler.router.snat import claim_pool, compile_snat
from weft.kinds.ip.route import MAIN_TABLE
from weft.kinds.ip.rule import Rule
from weft.model.intent import Intent, Path
from weft.model.router import Router, RouterGateway
from weft.state import HOST

OutsideKey = tuple[str, str, int]
"""(tenant, router, family), as in Facts.pool_held."""
FAMILIES = (4, 6)


def declared(intent: Intent) -> Iterator[tuple[str, str, Router]]:
    """(tenant, name, router) of all declared routers."""
    for tenant, held in intent.tenants.items():
        for name, router in held.routers.items():
            yield tenant, name, router


def leading_out(
    intent: Intent, externals: Mapping[str, ExternalPlace]
) -> Iterator[tuple[str, str, Router, RouterGateway, ExternalPlace]]:
    """The declared routers whose external network is known."""
    for tenant, name, router in declared(intent):
        gateway = router.gateway
        if gateway is not None and gateway.network in externals:
            yield tenant, name, router, gateway, externals[gateway.network]


def assign_outside(draft: Draft, intent: Intent, externals: Mapping[str, ExternalPlace]) -> dict[OutsideKey, str]:
    """The address of each family of each router that leads out."""
    found: dict[OutsideKey, str] = {}
    routers = list(leading_out(intent, externals))
    for tenant, name, _, gateway, external in routers:
        _take_given(draft, (tenant, name), gateway, external, found)
        claim_pool(draft, external, gateway, owner_words(tenant, name), gateway_path(tenant, name))
    for tenant, name, router, _, external in routers:
        former = (intent.tenants[tenant].was or tenant, router.was or name)
        _take_held(draft, (tenant, name), former, external, found)
    for tenant, name, _, _, external in routers:
        _take_lowest(draft, (tenant, name), external, found)
    return found


def _take_given(
    draft: Draft,
    router: tuple[str, str],
    gateway: RouterGateway,
    external: ExternalPlace,
    found: dict[OutsideKey, str],
) -> None:
    path, owner = gateway_path(*router), owner_words(*router)
    for at, address in enumerate(gateway.addresses):
        where, (family, _) = (*path, "addresses", str(at)), number_of(address)
        if (*router, family) in found:
            draft.error(where, f"a second IPv{family} address of one router", "one of each family")
        elif claim(draft, external, address, owner, where):
            found[*router, family] = address


def _take_held(
    draft: Draft,
    router: tuple[str, str],
    former: tuple[str, str],
    external: ExternalPlace,
    found: dict[OutsideKey, str],
) -> None:
    held = draft.facts.pool_held
    for family in sorted(external.families):
        if (*router, family) in found:
            continue
        address = held.get((*router, family)) or held.get((*former, family))
        pool = external.pool_of(address) if address else None
        if address is None or pool is None:
            continue
        _, number = number_of(address)
        if pool.is_free(number):
            pool.take(number, owner_words(*router))
            found[*router, family] = address
        elif address in external.given:
            what = f"{address} is held by {owner_words(*router)}, which would lose it"
            draft.error(external.given[address], what, f"another address here, or `addresses:` of {router[1]} too")


def _take_lowest(draft: Draft, router: tuple[str, str], external: ExternalPlace, found: dict[OutsideKey, str]) -> None:
    for family in sorted(external.families):
        if (*router, family) in found:
            continue
        address = external.lowest(family, owner_words(*router))
        if address is None:
            what = f"external network {external.name} has no IPv{family} address left for this router"
            draft.error(gateway_path(*router), what, f"a wider subnet or `pools:` of {external.name}, or fewer routers")
        else:
            found[*router, family] = address


def gateway_path(tenant: str, router: str) -> Path:
    return ("tenants", tenant, "routers", router, "gateway")


def owner_words(tenant: str, router: str) -> str:
    return f"router {tenant}/{router}"


def compile_gateways(
    draft: Draft, intent: Intent, routers: Sequence[RouterPlace], externals: Mapping[str, ExternalPlace]
) -> None:
    """Put what leads declared routers out and back, and the external networks that any leads to."""
    leading = [router for router in routers if router.external]
    for name in dict.fromkeys(router.external for router in leading):
        compile_external(draft, externals[name])
    taken = _taken_priorities(draft, intent)
    for router in leading:
        gateway = intent.tenants[router.tenant].routers[router.name].gateway
        assert gateway is not None
        external = externals[router.external]
        for address in router.pool.values():
            draft.put(outside_address(router, address), router.path)
            put_address(draft, router, external, address, router.path)
        _rules(draft, router, external, taken)
        if gateway.translates:
            compile_snat(draft, router, gateway, external, gateway_path(router.tenant, router.name))
        else:
            for span in unhidden(intent, router):
                put_routes(draft, router, external, span.cidr, span.path)


def _rules(draft: Draft, router: RouterPlace, external: ExternalPlace, taken: dict[int, set[int]]) -> None:
    """Lead what comes from the router by the external network's table, of both families; but to a single address of
    the network where the host leads it: the table does not know those of other scopes."""
    for family in FAMILIES:
        held = draft.facts.rules_held.get((router.transit, family))
        priority = rule_priority(router.id, held, taken[family])
        if priority is None:
            last = FIRST_PRIORITY + PRIORITIES - 1
            what = f"the host's IPv{family} rules {FIRST_PRIORITY} to {last} are all taken: each router has one of them"
            draft.error(gateway_path(router.tenant, router.name), what, "fewer routers with a gateway on this machine")
            return
        draft.put(
            Rule(netns=HOST, family=family, priority=priority, iif=router.transit, table=external.table), router.path
        )
    for pool in external.pools:
        rule = Rule(
            netns=HOST,
            family=pool.family,
            priority=NEAR_PRIORITY,
            iif=router.transit,
            dst=pool.cidr,
            table=MAIN_TABLE,
            suppressed=pool.network.max_prefixlen - 1,
        )
        draft.put(rule, router.path)


def _taken_priorities(draft: Draft, intent: Intent) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {family: set() for family in FAMILIES}
    for family, priority in draft.facts.rules_taken:
        found[family].add(priority)
    for rule in intent.host.rules if intent.host else ():
        found[6 if rule.family == "ipv6" else 4].add(rule.priority)
    return found


def unhidden(intent: Intent, router: RouterPlace) -> Iterator[Span]:
    """What a router leads out with its own addresses, each prefix with what asks for it: its subnets, and what its
    routes lead to."""
    spec = intent.tenants[router.tenant].routers[router.name]
    if spec.gateway is None or spec.gateway.translates or not router.external:
        return
    spans = [pool.span._replace(path=leg.path) for leg in router.legs for pool in leg.pools]
    routes = ((at, route.to) for at, route in enumerate(spec.routes) if route.to != "default")
    spans += (Span.of(to, (*router.path, "routes", str(at))) for at, to in routes)
    yield from (span for span in spans if span.family in router.out and not span.is_all)


def router_id(draft: Draft, former_tenant: str, former: str, given: str | None) -> str:
    return identity(draft.names.scope, f"tenants/{former_tenant}/routers/{former}", given)
