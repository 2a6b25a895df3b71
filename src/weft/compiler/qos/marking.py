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
from weft.compiler.qos.leading import Seen
from weft.compiler.qos.senders import ANYBODY
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
FORWARDS = "f"
_FAMILIES = {4: ("ip", "ipv4_addr"), 6: ("ip6", "ipv6_addr")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """One direction of a link that leads out. `default`: the class of what nobody asked for; `rest`: (router, class)
    of what is a router's and no port's own; `ports`: (demand, class, what the host knows the port by). `is_bridge`:
    whether it is one whose ports' frames have their class already; br_netfilter shows them here once more."""

    link: str
    way: Direction
    default: str
    rest: Sequence[tuple[RouterPlace, str]]
    ports: Sequence[tuple[Demand, str, Sequence[Seen]]]
    is_bridge: bool = False


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


def lead_through(draft: Draft, device: str, ifbs: Mapping[str, str], path: Path, table_path: Path) -> None:
    """Lead what comes in and goes on by `device` through the ifb of its tree. `ifbs`: major to ifname."""
    draft.share(NftTable(netns=HOST, family="netdev", name=draft.names.table), table_path)
    rules = tuple(f'meta priority {major}:0-{major}:ffff fwd to "{ifb}"' for major, ifb in ifbs.items())
    draft.put(egress_chain(draft, device, rules), path)


def egress_chain(draft: Draft, device: str, rules: tuple[str, ...]) -> NftChain:
    """What is asked of all that leaves by a device, before it queues."""
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
    by, transit, end, port = ("oifname", "iifname", "saddr", "sport")
    if one.way == "ingress":
        by, transit, end, port = ("iifname", "oifname", "daddr", "dport")
    at = f'{by} "{one.link}"'
    if one.way == "egress":
        # of a bridge what local sockets send: what is forwarded has no class of anybody's here (net/ipv4/ip_forward.c)
        yield f"{at} {f'{ANYBODY} ' if one.is_bridge else ''}meta priority set {one.default}"
    if one.rest:
        yield f"{at} meta priority set {transit} map @{_name(one)}"
    for family in _forwarding(one):
        key = f"{transit} . {_FAMILIES[family][0]} {end} . meta l4proto . th {port}"
        yield f"{at} meta priority set {key} map @{_name(one, family, FORWARDS)}"
    for _, classid, seen in _ranges(one):
        word, _ = _FAMILIES[_family(seen)]
        fits = f'{transit} "{seen.router.transit}" {word} {end} {seen.address} {seen.word} {port} {_span(seen)}'
        yield f"{at} {fits} meta priority set {classid}"
    for family, (word, _) in _FAMILIES.items():
        yield f"{at} meta priority set {transit} . {word} {end} map @{_name(one, family)}"


def _name(one: Marked, family: int | str = "", of: str = "") -> str:
    """Of a map: of one family's ports or forwarded ports, else of routers."""
    return f"{'up' if one.way == 'egress' else 'down'}{of}{family}-{one.link}"


def _family(seen: Seen) -> int:
    return number_of(seen.address)[0]


def _span(seen: Seen) -> str:
    return f"{seen.ports[0]}-{seen.ports[1]}"


def _forwards(one: Marked) -> Iterator[tuple[Demand, str, Seen]]:
    """Who is known by ports of a floating IP, and by which."""
    return ((demand, classid, seen) for demand, classid, known in one.ports for seen in known if seen.protocol)


def _forwarding(one: Marked) -> list[int]:
    """The families of which any single port is forwarded."""
    return sorted({_family(seen) for _, _, seen in _forwards(one) if seen.ports[0] == seen.ports[1]})


def _ranges(one: Marked) -> Iterator[tuple[Demand, str, Seen]]:
    """As in their router each is a rule: floating/layout.py."""
    return (found for found in _forwards(one) if found[2].ports[0] != found[2].ports[1])


def _maps(table: str, one: Marked, path: Path) -> Iterator[tuple[NftSet | NftElement, Path]]:
    """The maps of a direction and their elements, each with whom it is of."""

    def a_map(key: str, family: int | str = "", of: str = "") -> NftSet:
        return NftSet(netns=HOST, family="inet", table=table, name=_name(one, family, of), type=key, data="classid")

    def element(key: str, classid: str, family: int | str = "", of: str = "") -> NftElement:
        name = _name(one, family, of)
        return NftElement(netns=HOST, family="inet", table=table, set=name, element=key, value=classid)

    if one.rest:
        yield a_map("ifname"), path
    for router, classid in one.rest:
        yield element(f'"{router.transit}"', classid), router.path
    for family, (_, kind) in _FAMILIES.items():
        yield a_map(f"ifname . {kind}", family), path
    for family in _forwarding(one):
        yield a_map(f"ifname . {_FAMILIES[family][1]} . inet_proto . inet_service", family, FORWARDS), path
    for demand, classid, known in one.ports:
        for seen in known:
            key, owner = f'"{seen.router.transit}" . {seen.address}', demand.path[:-1]
            if not seen.protocol:
                yield element(key, classid, _family(seen)), owner
            elif seen.ports[0] == seen.ports[1]:
                key = f"{key} . {seen.protocol} . {seen.ports[0]}"
                yield element(key, classid, _family(seen), FORWARDS), owner
