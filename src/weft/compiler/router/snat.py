"""What the sources of a declared router's tenant are translated to, where they have no address of their own outside.

Rules: the router's own address, or a pool of it alone: each source keeps to one address of that. Nothing answers by
itself at a pool's address: what comes for it and is no answer is unreachable in the router, or it would go back to the
host in a loop. Source: nft(8) NAT STATEMENTS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, summarize_address_range

from weft.compiler.addressing import number_of
from weft.compiler.draft import Draft
from weft.compiler.router.chains import POSTROUTING, Slot
from weft.compiler.router.external import ExternalPlace, claim, ends, put_address
from weft.compiler.router.place import UPLINK, RouterPlace
from weft.compiler.routing import IPV6_METRIC
from weft.kinds.ip.route import Route
from weft.model.intent import Path
from weft.model.router import RouterGateway

MAX_POOL = 256
"""Addresses of one router: each is an entry and three routes on the host."""


def claim_pool(draft: Draft, external: ExternalPlace, gateway: RouterGateway, owner: str, path: Path) -> None:
    """Take the addresses that a router translates to."""
    count = 0
    for at, text in enumerate(gateway.pool):
        (_, low), (_, high) = ends(text)
        count += high - low + 1
        if count > MAX_POOL:
            what = f"{count:,} addresses to translate to; the host has an entry for each"
            draft.error((*path, "snat"), what, f"at most {MAX_POOL}")
            return
        for address in _addresses(text):
            if address not in gateway.addresses and not claim(
                draft, external, address, owner, (*path, "snat", str(at))
            ):
                return


def compile_snat(
    draft: Draft, router: RouterPlace, gateway: RouterGateway, external: ExternalPlace, path: Path
) -> None:
    """Put the router's translation, and what leads the pool's addresses to it."""
    for feature in ("nft_inet", "nft_nat"):
        draft.need(feature, path, "`snat: false` needs no translation")
    for address in _pool(gateway, external, path):
        if address not in router.pool.values():
            put_address(draft, router, external, address, router.path)
            draft.put(_unreachable(router, address), router.path)
    families = sorted(router.out & {*router.pool})
    rules = [_rule(family, sources_of(router, gateway, external, family)) for family in families]
    router.chains.add(POSTROUTING, Slot.ROUTER, rules)


def sources_of(router: RouterPlace, gateway: RouterGateway, external: ExternalPlace, family: int) -> Sequence[str]:
    """What the sources of a family are translated to."""
    return _of(_pool(gateway, external, (*router.path, "gateway")), family) or [router.pool[family]]


def _pool(gateway: RouterGateway, external: ExternalPlace, path: Path) -> Sequence[str]:
    """The addresses that the router translates to and has got."""
    everyone = (address for text in gateway.pool for address in _addresses(text))
    return [address for address in everyone if external.given.get(address, ())[: len(path)] == path]


def _unreachable(router: RouterPlace, address: str) -> Route:
    dst, metric = (f"{address}/128", IPV6_METRIC) if ":" in address else (f"{address}/32", 0)
    return Route(netns=router.netns, dst=dst, type="unreachable", metric=metric)


def _addresses(text: str) -> Iterator[str]:
    first, _, last = text.partition("-")
    for network in summarize_address_range(ip_address(first), ip_address(last or first)):
        yield from map(str, network)


def _range(first: str, last: str) -> str:
    """As nft prints it: a prefix where it is one."""
    networks = list(summarize_address_range(ip_address(first), ip_address(last)))
    return str(networks[0]) if len(networks) == 1 else f"{first}-{last}"


def _of(addresses: Sequence[str], family: int) -> list[str]:
    return sorted({one for one in addresses if (":" in one) == (family == 6)}, key=lambda one: number_of(one)[1])


def _rule(family: int, to: Sequence[str]) -> str:
    """A source's address is a hash of it; in a range the kernel's own. Source: net/netfilter/nf_nat_core.c."""
    word = "ip6" if family == 6 else "ip"
    begin = f'oifname "{UPLINK}" snat {word} to'
    if len(to) == 1:
        return f"{begin} {to[0]}"
    if number_of(to[-1])[1] - number_of(to[0])[1] == len(to) - 1:
        return f"{begin} {_range(to[0], to[-1])} persistent"
    choices = ", ".join(f"{at} : {address}" for at, address in enumerate(to))
    return f"{begin} jhash {word} saddr mod {len(to)} map {{ {choices} }}"
