"""How what crosses the host between its link that leads out and the routers is told apart: chains and maps.

Rules: where both links are known, after routing and before translation, so that a port is its address and what the
host itself sends is neither. Each direction's default comes first: nothing inherited or forged picks a class. A port
is an element of a map, so neither the rules nor a packet's cost grow with ports. What comes in is led through the ifb
by the transit link's own egress chain, which knows it by the tree in its priority: what the host itself sends to a port
does not come in by the link, and is not counted there. Source: nft(8), net/netfilter/nft_fwd_netdev.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from weft.compiler.addressing import number_of
from weft.compiler.draft import Draft
from weft.compiler.qos.demand import Demand, Direction
from weft.compiler.router.chains import SRCNAT_PRIORITY
from weft.compiler.router.place import RouterPlace
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.nftset import NftSet
from weft.kinds.nft.table import NftTable
from weft.model.intent import Path
from weft.records import dataclass
from weft.state import HOST

BEFORE_SRCNAT = SRCNAT_PRIORITY - 10
EGRESS_PRIORITY = 0
_FAMILIES = {4: ("ip", "ipv4_addr"), 6: ("ip6", "ipv6_addr")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """One direction of a link that leads out. `default`: the class of what nobody asked for; `rest`: (router, class)
    of what is a router's and no port's own; `ports`: (demand, class, router, addresses as the host sees them)."""

    link: str
    way: Direction
    default: str
    rest: Sequence[tuple[RouterPlace, str]]
    ports: Sequence[tuple[Demand, str, RouterPlace, Sequence[str]]]


def mark(draft: Draft, marked: Sequence[Marked], path: Path) -> None:
    """Put the classifying chain of all trees, their maps and elements."""
    draft.share(NftTable(netns=HOST, family="inet", name=draft.names.table), path)
    rules: list[str] = []
    for one in marked:
        rules += _rules(one)
        for obj, owner in _maps(draft.names.table, one, path):
            draft.put(obj, owner)
    draft.put(
        NftChain(
            netns=HOST,
            family="inet",
            table=draft.names.table,
            name="qos",
            rules=tuple(rules),
            type="filter",
            hook="postrouting",
            priority=BEFORE_SRCNAT,
        ),
        path,
    )


def lead_through(draft: Draft, routers: Sequence[RouterPlace], ifbs: Mapping[str, str], path: Path) -> None:
    """Lead what comes in through the ifb of its tree. `ifbs`: major to ifname."""
    draft.share(NftTable(netns=HOST, family="netdev", name=draft.names.table), path)
    rules = tuple(f'meta priority {major}:0-{major}:ffff fwd to "{ifb}"' for major, ifb in ifbs.items())
    for router in routers:
        draft.put(_egress_chain(draft, router.transit, rules), router.path)


def ward_off(draft: Draft, link: str, mac: str, default: str, path: Path) -> None:
    """Give frames of others that leave by the link, macvlans in somebody's namespace, the default class: they pass no
    chain of the host's but this one, and their priority is what their sender likes."""
    draft.share(NftTable(netns=HOST, family="netdev", name=draft.names.table), path)
    draft.put(_egress_chain(draft, link, (f"ether saddr != {mac} meta priority set {default}",)), path)


def _egress_chain(draft: Draft, device: str, rules: tuple[str, ...]) -> NftChain:
    return NftChain(
        netns=HOST,
        family="netdev",
        table=draft.names.table,
        name=f"out-{device}",
        rules=rules,
        type="filter",
        hook="egress",
        priority=EGRESS_PRIORITY,
        device=device,
    )


def _rules(one: Marked) -> Iterator[str]:
    if one.way == "egress":
        yield f'oifname "{one.link}" meta priority set {one.default}'
        if one.rest:
            yield f'oifname "{one.link}" meta priority set iifname map @{_name(one)}'
        for family, (word, _) in _FAMILIES.items():
            yield f'oifname "{one.link}" meta priority set iifname . {word} saddr map @{_name(one, family)}'
        return
    yield f'iifname "{one.link}" meta priority set oifname map @{_name(one)}'
    for family, (word, _) in _FAMILIES.items():
        yield f'iifname "{one.link}" meta priority set oifname . {word} daddr map @{_name(one, family)}'


def _name(one: Marked, family: int | str = "") -> str:
    """Of a map: of one family's ports, else of routers."""
    return f"{'up' if one.way == 'egress' else 'down'}{family}-{one.link}"


def _maps(table: str, one: Marked, path: Path) -> Iterator[tuple[NftSet | NftElement, Path]]:
    """The maps of a direction and their elements, each with whom it is of."""

    def a_map(family: int | str, key: str) -> NftSet:
        return NftSet(netns=HOST, family="inet", table=table, name=_name(one, family), type=key, data="classid")

    def element(family: int | str, key: str, classid: str) -> NftElement:
        of = _name(one, family)
        return NftElement(netns=HOST, family="inet", table=table, set=of, element=key, value=classid)

    if one.rest:
        yield a_map("", "ifname"), path
    for router, classid in one.rest:
        yield element("", f'"{router.transit}"', classid), router.path
    for family, (_, kind) in _FAMILIES.items():
        yield a_map(family, f"ifname . {kind}"), path
    for demand, classid, router, addresses in one.ports:
        for address in addresses:
            family, _ = number_of(address)
            yield element(family, f'"{router.transit}" . {address}', classid), demand.path[:-1]
