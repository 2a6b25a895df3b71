"""What one namespace holds, as messages: all of it, or the objects of some keys.

Rules: a reading says nothing of names yet, for a link may name its master and its other end by numbers that only the
whole explains. Source: rtnetlink(7).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from errno import ENOENT, EOPNOTSUPP

from weft.backends.rtnl_numbers import Numbers
from weft.kinds.ip import base_rules, route
from weft.kinds.link import bridge_port, bridge_vlan
from weft.kinds.tc.htb import HTB
from weft.kinds.tc.qdisc import CLASS, QDISC, parent_number
from weft.netlink.connection import Item, QuestionRefused, Take
from weft.netlink.kept import Place
from weft.records import dataclass
from weft.state import Key, Mark
from weft.wire.address_text import family_of, ip_bytes
from weft.wire.bridge import BRIDGE, BRIDGE_KIND, IFLA_BR_VLAN_FILTERING
from weft.wire.bridge_vlan import BridgeVlanMessage, get_bridge_vlans, read_bridge_vlans
from weft.wire.codec import attribute, message
from weft.wire.ethtool import get_features, read_features
from weft.wire.fdb import FdbMessage, get_entries, read_static_entry
from weft.wire.ifaddr import AddressMessage, get_addresses, read_permanent_address
from weft.wire.link import (
    IFLA_IFALIAS,
    IFLA_MASTER,
    IFLA_QDISC,
    LOOPBACK_INDEX,
    LinkMessage,
    get_link,
    get_links,
    read_link,
)
from weft.wire.macsec import FAMILY as MACSEC_FAMILY
from weft.wire.macsec import Secured, get_secured, read_secured
from weft.wire.neighbour import (
    NDA_DST,
    RTM_GETNEIGH,
    NeighbourMessage,
    get_neighbours,
    neighbour_header,
    read_static_neighbour,
)
from weft.wire.reply import Reply
from weft.wire.route import OwnRoute, RouteMessage, get_routes, read_any_route, read_lasting_route
from weft.wire.rule import RuleMessage, get_rules, read_rule
from weft.wire.tc import (
    TC_H_ROOT,
    TcMessage,
    get_class,
    get_classes,
    get_qdisc,
    get_qdiscs,
    major_of,
    number_of,
    read_qdisc,
    read_tc,
)

_ON_LINKS = ("address", "neighbour", "fdb", bridge_port.TABLE, bridge_vlan.TABLE, QDISC, CLASS)
"""Tables of which a key's name begins with that of a link."""

_BY_ITSELF = frozenset({"noqueue", "noop", "pfifo_fast"})
"""Root qdiscs that the kernel gives links. Another may be the kernel's too (fq_codel, mq): only asking tells."""


@dataclass(slots=True)
class Reading:
    """`links` by index. `features`: by index, those that are on; only where they were asked for. `secured`: by
    index, the keys of MACsec links. `own_routes`: None where they were not asked for. `lost_rules`: names of base
    rules. `bridging`: whether the tables of bridges that are not weft's count as well."""

    place: Place
    bridging: bool = False
    links: dict[int, LinkMessage] = field(default_factory=dict)
    addresses: list[AddressMessage] = field(default_factory=list)
    routes: list[RouteMessage] = field(default_factory=list)
    own_routes: frozenset[OwnRoute] | None = None
    rules: list[RuleMessage] = field(default_factory=list)
    lost_rules: tuple[str, ...] = ()
    neighbours: list[NeighbourMessage] = field(default_factory=list)
    fdb: list[FdbMessage] = field(default_factory=list)
    bridge_vlans: list[BridgeVlanMessage] = field(default_factory=list)
    qdiscs: list[TcMessage] = field(default_factory=list)
    classes: list[TcMessage] = field(default_factory=list)
    features: dict[int, frozenset[str]] = field(default_factory=dict)
    secured: dict[int, Secured] = field(default_factory=dict)

    @property
    def netns(self) -> str:
        return self.place.netns

    def ifname(self, index: int) -> str:
        seen = self.links.get(index)
        return seen.ifname if seen else ""

    def dump(self, question: tuple[int, bytes], take: Take[Item | None]) -> list[Item]:
        """One table of its own. Raises: DumpInterrupted, ReceiveOverrun."""
        return _dump(self.place, question, take)

    def filters(self, index: int) -> bool:
        """Whether the link is a bridge that filters VLANs, marked if only such count, or a port of one."""
        bridge = self.links.get(self.links[index].attributes.get(IFLA_MASTER, index))
        if bridge is None or bridge.kind != BRIDGE_KIND:
            return False
        if not self.bridging and not Mark.parse(bridge.attributes.get(IFLA_IFALIAS)):
            return False
        return bool(bridge.info.read(BRIDGE).get(IFLA_BR_VLAN_FILTERING))


def read_whole(place: Place, *, bridging: bool = False) -> Reading:
    """Everything, `bridging` as a selection has it. Raises: DumpInterrupted, ReceiveOverrun."""
    dump = place.rtnl.dump
    links = {seen.ifindex: seen for seen in dump(get_links(), read_link)}
    reading = Reading(
        place,
        bridging=bridging,
        links=links,
        addresses=dump(get_addresses(), read_permanent_address),
        neighbours=dump(get_neighbours(), read_static_neighbour)
        + dump(get_neighbours(proxy=True), read_static_neighbour),
        fdb=dump(get_entries(), read_static_entry) if bridging or any(map(_may_forward, links.values())) else [],
    )
    _read_all_routes(reading)
    _read_rules(reading)
    if any(seen.kind == BRIDGE_KIND and reading.filters(index) for index, seen in links.items()):
        reading.bridge_vlans = dump(get_bridge_vlans(), read_bridge_vlans)
    _read_keys(reading)
    _read_trees(reading, links)
    return reading


def _may_forward(seen: LinkMessage) -> bool:
    """Whether weft may have put entries into a forwarding table for this link: it is a VXLAN, or a bridge or port
    that a file speaks of as a link (those of tenants' networks have none). Elsewhere the tables are not asked for."""
    if seen.kind == "vxlan":
        return True
    is_forwarding = seen.kind == BRIDGE_KIND or IFLA_MASTER in seen.attributes
    mark = Mark.parse(seen.attributes.get(IFLA_IFALIAS)) if is_forwarding else None
    return mark is not None and "links" in mark.object.split("/")


def read_some(place: Place, keys: Iterable[Key]) -> Reading:
    """At least the objects of the keys, all of the one namespace. Raises: DumpInterrupted, ReceiveOverrun."""
    wanted: dict[str, list[str]] = {}
    for key in keys:
        wanted.setdefault(key.table, []).append(key.name)
    reading = Reading(place)
    on_links = [name.split() for table in _ON_LINKS for name in wanted.get(table, ())]
    ifnames = {*wanted.get("link", ()), *(words[0] for words in on_links)}
    read_links(reading, [get_link(ifname=name) for name in ifnames])
    if "netns" in wanted:
        read_links(reading, [get_link(index=LOOPBACK_INDEX)])
    masters = {seen.attributes[IFLA_MASTER] for seen in reading.links.values() if IFLA_MASTER in seen.attributes}
    read_links(reading, [get_link(index=index) for index in masters - reading.links.keys()])
    indexes = {seen.ifname: index for index, seen in reading.links.items()}
    _read_keys(reading)
    _read_addresses(reading, indexes, [name.split() for name in wanted.get("address", ())])
    _read_neighbours(reading, indexes, [name.split() for name in wanted.get("neighbour", ())])
    _read_routes(reading, wanted.get("route", ()))
    for ifname in {name.split()[0] for name in wanted.get("fdb", ())} & indexes.keys():
        reading.fdb += _dump(place, get_entries(indexes[ifname]), read_static_entry)
    if bridge_vlan.TABLE in wanted:
        asked = {indexes[name] for name in wanted[bridge_vlan.TABLE] if name in indexes}
        found = place.rtnl.dump(get_bridge_vlans(), read_bridge_vlans)
        reading.bridge_vlans += [held for held in found if held.ifindex in asked]
    if QDISC in wanted or CLASS in wanted:
        sites, classes = ([name.split(" ", 1) for name in wanted.get(table, ())] for table in (QDISC, CLASS))
        _read_queues(reading, indexes, sites)
        _read_classes(reading, indexes, classes)
    if "netns" in wanted or "rule" in wanted:
        _read_rules(reading)
    return reading


def read_links(reading: Reading, questions: Sequence[bytes]) -> None:
    """Links that are not there are left out."""
    for answer in reading.place.rtnl.ask(questions, read_link):
        if not isinstance(answer, Reply):
            reading.links[answer.ifindex] = answer


def read_offloads(reading: Reading, indexes: Iterable[int]) -> None:
    connection, family = reading.place.ethtool()
    if family:
        answers = connection.ask([get_features(family, index) for index in indexes], read_features)
        reading.features.update(answer for answer in answers if not isinstance(answer, Reply))


def _read_all_routes(reading: Reading) -> None:
    found = reading.dump(get_routes(), read_any_route)
    reading.own_routes = frozenset(seen for seen in found if isinstance(seen, OwnRoute))
    reading.routes += (seen for seen in found if isinstance(seen, RouteMessage))


def _read_rules(reading: Reading) -> None:
    found = reading.place.rtnl.dump(get_rules(), read_rule)
    reading.rules += (seen for seen in found if not seen.is_kernels)
    reading.lost_rules = base_rules.lost(found)


def _read_keys(reading: Reading) -> None:
    if any(seen.kind == MACSEC_FAMILY for seen in reading.links.values()):
        connection, family = reading.place.generic(MACSEC_FAMILY)
        reading.secured.update((seen.ifindex, seen) for seen in connection.dump(get_secured(family), read_secured))


def _read_trees(reading: Reading, indexes: Iterable[int]) -> None:
    """The qdiscs and classes of some links, if these may have any that the kernel does not give them by itself."""
    asked = {index for index in indexes if reading.links[index].attributes.get(IFLA_QDISC) not in _BY_ITSELF}
    if not asked:
        return
    found = reading.place.rtnl.dump(get_qdiscs(), read_qdisc)
    reading.qdiscs += [seen for seen in found if seen.ifindex in asked]
    for seen in reading.qdiscs:
        if seen.kind == HTB:
            reading.classes += _dump(reading.place, get_classes(seen.ifindex, seen.handle), read_tc)


def _read_queues(reading: Reading, indexes: dict[str, int], sites: Iterable[list[str]]) -> None:
    """The qdiscs at some sites. What is below another qdisc is known by that one: all are read where it is not among
    them, for one that is asked for by its handle does not say where it sits."""
    asked = [(indexes[ifname], parent_number(parent)) for ifname, parent in sites if ifname in indexes]
    answers = reading.place.rtnl.ask([get_qdisc(*site) for site in asked], read_qdisc)
    found = [seen for seen in answers if isinstance(seen, TcMessage)]
    handles = {(seen.ifindex, seen.handle) for seen in found}
    if any(seen.parent != TC_H_ROOT and (seen.ifindex, major_of(seen.parent)) not in handles for seen in found):
        links = {index for index, _ in asked}
        found = [seen for seen in reading.place.rtnl.dump(get_qdiscs(), read_qdisc) if seen.ifindex in links]
    reading.qdiscs += found


def _read_classes(reading: Reading, indexes: dict[str, int], names: Iterable[list[str]]) -> None:
    asked = [(indexes[ifname], number_of(classid)) for ifname, classid in names if ifname in indexes]
    answers = reading.place.rtnl.ask([get_class(index, classid) for index, classid in asked], read_tc)
    reading.classes += (answer for answer in answers if isinstance(answer, TcMessage))


def _read_addresses(reading: Reading, indexes: dict[str, int], names: Iterable[list[str]]) -> None:
    asked = {(family_of(cidr), indexes[ifname]) for ifname, cidr in names if ifname in indexes}
    for family, index in asked:
        reading.addresses += _dump(reading.place, get_addresses(family, index), read_permanent_address)


def _read_neighbours(reading: Reading, indexes: dict[str, int], names: Iterable[list[str]]) -> None:
    questions = [
        message(
            RTM_GETNEIGH,
            0,
            neighbour_header(family_of(address), indexes[ifname], proxy="proxy" in middle),
            attribute(NDA_DST, ip_bytes(address)),
        )
        for ifname, *middle, address in names
        if ifname in indexes
    ]
    answers = reading.place.rtnl.ask(questions, read_static_neighbour)
    reading.neighbours += [answer for answer in answers if isinstance(answer, NeighbourMessage)]


def _read_routes(reading: Reading, names: Sequence[str]) -> None:
    """The routes of the keys ("DST table TABLE metric METRIC"), from their tables, and the links they lead to."""
    words = [name.split() for name in names]
    found: list[RouteMessage] = []
    for family, table in {(family_of(dst), int(table)) for dst, _, table, *_ in words}:
        found += _dump(reading.place, get_routes(family, table=table), read_lasting_route)
    wanted = set(names)
    reading.routes += [seen for seen in found if route.name_of(seen) in wanted]
    links = {index for seen in reading.routes for index in seen.links}
    read_links(reading, [get_link(index=index) for index in links - reading.links.keys()])


def _dump(place: Place, question: tuple[int, bytes], take: Take[Item | None]) -> list[Item]:
    """Empty where the kernel knows no such table or link, or not the family."""
    try:
        return place.rtnl.dump(question, take)
    except QuestionRefused as refused:
        if refused.reply.errno_ in (ENOENT, EOPNOTSUPP):
            return []
        raise


def learn(reading: Reading, numbers: Numbers, *, whole: bool) -> None:
    numbers.learn_from(reading.place, reading.links.values())
    if whole:
        numbers.seen_whole(reading.netns, max(reading.links, default=1))
