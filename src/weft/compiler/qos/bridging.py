"""How frames between networks and the links that they stand on are told apart: chains and maps of the host's bridges.

Rules: in a bridge's forwarding, where both its ports are known. A frame is a port's by the pair of links that joins its
network and the port's MAC, which the network's guard lets no other port have; so neither another network nor whatever
else is on the bridge is taken for it. A MAC that the file lets several ports of a network have is none's. The default
comes first, for what the host itself sends by the bridge too. The priority stays with a frame through a VLAN's link and
is found at the root of the link below. What comes in is led through the ifb by the pair's own egress chain, as by a
router's transit link. Behind 0 of a hook, where br_netfilter goes on with what it took. Source: nft(8),
net/bridge/br_forward.c, net/bridge/br_netfilter_hooks.c br_nf_hook_thresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from weft.compiler.draft import Draft
from weft.compiler.joint import outer_end
from weft.compiler.network import NetworkPlace
from weft.compiler.place import PortPlace
from weft.compiler.qos.demand import Direction
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.nftset import NftSet
from weft.kinds.nft.table import NftTable
from weft.model.intent import Path
from weft.records import dataclass
from weft.state import HOST

FAMILY = "bridge"
PRIORITY = 90
_END = {"egress": "iifname", "ingress": "oifname"}
_MAC = {"egress": "ether saddr", "ingress": "ether daddr"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridged:
    """One direction of a link that networks stand on. `outlets`: the ports of bridges that lead there; `rest`:
    (network, class) of what is a network's and no port's own; `ports`: with the class of each and its path; `macs`:
    whose each is. `routes`: whether the host routes by the bridge, which then has `mac`, "" where that may change."""

    link: str
    way: Direction
    default: str
    outlets: Sequence[str]
    rest: Sequence[tuple[NetworkPlace, str]]
    ports: Sequence[tuple[PortPlace, str, Path]]
    macs: Macs
    path: Path
    routes: bool = False
    mac: str = ""

    @property
    def _word(self) -> str:
        return "up" if self.way == "egress" else "down"

    @property
    def outlet_set(self) -> str:
        return f"{self._word}by-{self.link}"

    @property
    def rest_map(self) -> str:
        return f"{self._word}-{self.link}"

    @property
    def mac_map(self) -> str:
        return f"{self._word}mac-{self.link}"

    @property
    def outlet(self) -> str:
        """The condition that a frame goes out, or comes in, by the link."""
        return f"{'oifname' if self.way == 'egress' else 'iifname'} @{self.outlet_set}"


def tell_apart(draft: Draft, bridged: Sequence[Bridged]) -> None:
    """Put the classifying chains of the host's bridges, their sets, maps and elements."""
    path, table = bridged[0].path, draft.names.table
    draft.need("nft_bridge", path, "`ceil:` limits a port by itself")
    draft.share(NftTable(netns=HOST, family=FAMILY, name=table), path)
    for one in bridged:
        for obj, owner in _sets(table, one):
            draft.put(obj, owner)
    draft.put(_chain(table, "qos", "forward", [rule for one in bridged for rule in _rules(one)]), path)
    if own := [rule for one in bridged if one.way == "egress" for rule in _of_bridge(one)]:
        draft.put(_chain(table, "qos-sent", "output", own), path)


class Macs:
    """Which ports may send under which MAC, of the networks that `places` are on."""

    __slots__ = ("_having", "_places")

    def __init__(self, places: Iterable[PortPlace]) -> None:
        self._places: dict[int, list[PortPlace]] = {}
        self._having: dict[tuple[int, str], list[PortPlace]] = {}
        for place in places:
            self._places.setdefault(id(place.network), []).append(place)
            for mac in _macs(place):
                self._having.setdefault((id(place.network), mac), []).append(place)

    def on(self, network: NetworkPlace) -> Sequence[PortPlace]:
        return self._places.get(id(network), ())

    def others(self, place: PortPlace, mac: str) -> list[PortPlace]:
        """The other ports that may have a MAC of this one's."""
        return [one for one in self._having[id(place.network), mac] if one is not place]

    def of(self, place: PortPlace) -> Iterator[str]:
        """What the port alone may have."""
        return (mac for mac in _macs(place) if not self.others(place, mac))


def warn_of_likeness(draft: Draft, bridged: Sequence[Bridged]) -> None:
    """Say who may send under the MAC of one that has a class: its fellows on the network without a guard, and whom the
    file gives the same."""
    known = list({id(place): place for one in bridged for place, _, _ in one.ports}.values())
    macs = bridged[0].macs
    for place in known:
        for mac in _macs(place):
            if others := macs.others(place, mac):
                what = f"{others[0].label} may send under {mac} too, so what is under it has no guarantee"
                draft.warn(place.path, what, "a MAC for each, where its guarantee is to hold")
    for fellow in {id(place.network): place for place in reversed(known)}.values():
        for place in macs.on(fellow.network):
            if not (place is fellow or place.port.port_security or place.port.attach.router):
                what = (
                    f"without port_security {place.label} can send under the MAC of {fellow.label}, in that one's class"
                )
                draft.warn((*place.path, "port_security"), what, "leave it out, or another network for this port")


def known_by(place: PortPlace, macs: Macs) -> Iterator[str]:
    """What frames of a port are known by, in words."""
    network = place.network
    yield from (f"{mac} of network {network.tenant}/{network.name}" for mac in macs.of(place))


def _rules(one: Bridged) -> Iterator[str]:
    end = _END[one.way]
    if one.way == "egress":
        yield f"{one.outlet} meta priority set {one.default}"
    if one.rest:
        yield f"{one.outlet} meta priority set {end} map @{one.rest_map}"
    yield f"{one.outlet} meta priority set {end} . {_MAC[one.way]} map @{one.mac_map}"


def _of_bridge(one: Bridged) -> Iterator[str]:
    """Of what passes a bridge because the host, or what stands on the bridge, sends it: what the host routes has its
    class already."""
    if not one.routes:
        yield f"{one.outlet} meta priority set {one.default}"
    elif one.mac:
        yield f"{one.outlet} ether saddr != {one.mac} meta priority set {one.default}"


def _chain(table: str, name: str, hook: str, rules: Sequence[str]) -> NftChain:
    return NftChain(
        netns=HOST,
        family=FAMILY,
        table=table,
        name=name,
        rules=tuple(rules),
        type="filter",
        hook=hook,
        priority=PRIORITY,
    )


def _sets(table: str, one: Bridged) -> Iterator[tuple[NftSet | NftElement, Path]]:
    """The sets and maps of a direction and their elements, each with whom it is of."""

    def a_set(name: str, kind: str, data: str = "classid") -> NftSet:
        return NftSet(netns=HOST, family=FAMILY, table=table, name=name, type=kind, data=data)

    def element(name: str, key: str, classid: str = "") -> NftElement:
        return NftElement(netns=HOST, family=FAMILY, table=table, set=name, element=key, value=classid)

    yield a_set(one.outlet_set, "ifname", ""), one.path
    yield from ((element(one.outlet_set, f'"{port}"'), one.path) for port in one.outlets)
    if one.rest:
        yield a_set(one.rest_map, "ifname"), one.path
    for network, classid in one.rest:
        yield element(one.rest_map, f'"{outer_end(network).name}"', classid), (*network.path, "segment")
    yield a_set(one.mac_map, "ifname . ether_addr"), one.path
    for place, classid, owner in one.ports:
        pair = outer_end(place.network).name
        yield from ((element(one.mac_map, f'"{pair}" . {mac}', classid), owner) for mac in one.macs.of(place))


def _macs(place: PortPlace) -> dict[str, None]:
    """The port's MAC, and others that it may speak as."""
    return dict.fromkeys([place.mac, *(pair.mac for pair in place.port.allowed_address_pairs if pair.mac)])
