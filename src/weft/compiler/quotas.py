"""How much a tenant may have, against how much the file gives it.

Rules: what is counted is what the file declares, so a quota holds on any machine and before anything is made; one table
says how. A limit of the tenant's goes before the file's of the same key. Bandwidth is what is guaranteed (`rate`), each
direction by itself: an aggregate's counts instead of what is within it, a `ceil` takes nothing from anybody. What a
port is guaranteed counts for its own tenant, on whosever network it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from weft.compiler.draft import Draft
from weft.compiler.qos.demand import DIRECTIONS, Direction, Shares
from weft.compiler.qos.shares import shares_of
from weft.model.intent import Intent, Path, Tenant
from weft.model.qos import QosPolicy
from weft.model.qos_words import rate_text
from weft.model.sharing import network_key

Amounts = Mapping[str, int]
"""What each thing counts for."""

_NAMED = 8


def _each(things: Iterable[str]) -> Amounts:
    return dict.fromkeys(things, 1)


COUNTED: Mapping[str, Callable[[Tenant], Amounts]] = {
    "networks": lambda tenant: _each(tenant.networks),
    "ports": lambda tenant: _each(tenant.ports),
    "security_groups": lambda tenant: _each(tenant.security_groups),
    "security_rules": lambda tenant: {
        name: len(group.ingress) + len(group.egress or ()) for name, group in tenant.security_groups.items()
    },
    "routers": lambda tenant: _each(
        [*tenant.routers, *(name for name, network in tenant.networks.items() if network.uplink)]
    ),
    "floating_ips": lambda tenant: _each(tenant.floating_ips),
}
"""By key of a quota, what counts: a new resource is a line here."""

_WORDS = {
    "networks": ("network", "networks"),
    "ports": ("port", "ports"),
    "security_groups": ("security group", "security groups"),
    "security_rules": ("rule of security groups", "rules of security groups"),
    "routers": ("router", "routers"),
    "floating_ips": ("floating IP", "floating IPs"),
}
"""Of one, of any other number."""


def check_quotas(draft: Draft, intent: Intent) -> None:
    """Find what any tenant has too much of."""
    for name, tenant in intent.tenants.items():
        for key, count in COUNTED.items():
            _check(draft, intent, name, key, count(tenant))
    if any(_limit(intent, name, "bandwidth") for name in intent.tenants):
        shares = shares_of(intent)
        for name in intent.tenants:
            _check_bandwidth(draft, intent, name, shares)


def check_port_quotas(draft: Draft, intent: Intent, tenants: Iterable[str]) -> None:
    """The same where nothing but ports without guarantees has changed."""
    for name in tenants:
        ports = intent.tenants[name].ports
        limit = _limit(intent, name, "ports")
        if limit is not None and len(ports) > limit[1]:
            _check(draft, intent, name, "ports", _each(ports))


def _limit(intent: Intent, tenant: str, key: str) -> tuple[Path, int] | None:
    """Where the limit stands that holds for a tenant, and what it is."""
    for path, quota in ((("tenants", tenant, "quota"), intent.tenants[tenant].quota), (("quota",), intent.quota)):
        if quota is not None and getattr(quota, key) is not None:
            return (*path, key), getattr(quota, key)
    return None


def _check(draft: Draft, intent: Intent, tenant: str, key: str, amounts: Amounts) -> None:
    limit = _limit(intent, tenant, key)
    total = sum(amounts.values())
    if limit is None or total <= limit[1]:
        return
    path, most = limit
    what = f"tenant {tenant} has {total} {_WORDS[key][total != 1]}, its quota is {most}"
    each = set(amounts.values()) == {1}
    who = f"beyond it: {_listed([*amounts][most:])}" if each else f"{_largest(amounts, str)}"
    draft.error(path, f"{what}; {who}", f"fewer, or `{key}: {total}`")


def _check_bandwidth(draft: Draft, intent: Intent, tenant: str, shares: Shares) -> None:
    limit = _limit(intent, tenant, "bandwidth")
    if limit is None:
        return
    path, most = limit
    for way in DIRECTIONS:
        amounts = dict(_guaranteed(intent, tenant, shares, way))
        total = sum(amounts.values())
        if total > most:
            what = f"tenant {tenant} is guaranteed {rate_text(total)} of {way}, its quota is {rate_text(most)}"
            draft.error(path, f"{what}: {_largest(amounts, rate_text)}", "smaller rates, or a larger quota")


def _guaranteed(intent: Intent, tenant: str, shares: Shares, way: Direction) -> Iterable[tuple[str, int]]:
    """Who of a tenant's is guaranteed what, nobody within an aggregate that is."""
    whole = _rate(shares.tenants.get(tenant), way)
    if whole:
        yield f"tenant {tenant}", whole
    held = {network: _rate(shares.networks.get((tenant, network)), way) for network in intent.tenants[tenant].networks}
    if not whole:
        yield from ((f"network {network}", rate) for network, rate in held.items() if rate)
    for name, port in intent.tenants[tenant].ports.items():
        rate, (owner, network) = _rate(shares.ports.get((tenant, name)), way), network_key(tenant, port)
        if rate and not (owner == tenant and (whole or held.get(network))):
            yield f"port {name}", rate


def _rate(policy: QosPolicy | None, way: Direction) -> int:
    held = getattr(policy, way) if policy is not None else None
    return (held.rate or 0) if held is not None else 0


def _largest(amounts: Amounts, text: Callable[[int], str]) -> str:
    ordered = sorted((one for one in amounts.items() if one[1]), key=lambda one: -one[1])
    return _listed([f"{name} {text(amount)}" for name, amount in ordered])


def _listed(names: Sequence[str]) -> str:
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return ", ".join([*names[:_NAMED], *more])
