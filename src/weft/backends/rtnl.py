"""The backend of namespaces, links, addresses, routes, rules and neighbours: rtnetlink, and ethtool for offloads.

Rules: "the host" is the namespace in which this is made, or that of the `Namespaces` given. One thread at a time. Every
write passes through `netlink.doors`. What `lo` is, its Namespace says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from weft.backends.base import Selection
from weft.backends.carriers import Carrier, carriers
from weft.backends.device_files import file_of
from weft.backends.foreign_tree import foreign_tree
from weft.backends.rtnl_commit import Commit
from weft.backends.rtnl_held import read_held, read_port
from weft.backends.rtnl_numbers import Numbers
from weft.backends.rtnl_peers import VETH, End, peers
from weft.backends.rtnl_reading import Reading, learn, read_offloads, read_some, read_whole
from weft.errors import KernelRefused
from weft.kinds import KINDS, netns
from weft.kinds.ip import address, neighbour, own_routes, route, rule
from weft.kinds.ip.route import Route
from weft.kinds.link import bridge_port, bridge_vlan, fdb, other
from weft.kinds.link.common import Link
from weft.kinds.link.reading import Seen, common_fields
from weft.kinds.netns import Namespace
from weft.kinds.setting.belongings import Held
from weft.kinds.tc import reading as tc_reading
from weft.kinds.tc.qdisc import CLASS, QDISC
from weft.netlink.connection import QuestionRefused
from weft.netlink.kept import Kept, NamespaceGone, Place
from weft.netlink.namespaces import Namespaces
from weft.state import HOST, PROTOCOL, Change, KernelObject, Key, State, link_key
from weft.wire.link import (
    IFLA_IFALIAS,
    IFLA_MASTER,
    LOOPBACK_INDEX,
    LinkMessage,
)
from weft.wire.rule import FRA_PROTOCOL
from weft.wire.tc import TcMessage

_TABLES = frozenset(
    {
        "netns",
        "link",
        "address",
        "route",
        "rule",
        "neighbour",
        "fdb",
        bridge_port.TABLE,
        bridge_vlan.TABLE,
        QDISC,
        CLASS,
    }
)

Offloads = Mapping[Key, tuple[str, ...]]


class Rtnl:
    """The backend of the rtnl kinds."""

    def __init__(self, host: Namespaces | None = None) -> None:
        self._kept = Kept(host or Namespaces())
        self._numbers = Numbers(self._kept)

    def close(self) -> None:
        self._kept.close()

    def namespaces(self) -> list[str]:
        """The names under /run/netns."""
        return self._kept.namespaces.names()

    def observe(self, selection: Selection) -> State:
        """As the contract has it. Raises: DumpInterrupted, ReceiveOverrun, NotPermitted, KernelRefused."""
        self._kept.begin()
        if not selection.further:
            self._numbers.clear()
        whole = list(self._read_all(dict.fromkeys(selection.namespaces), bridging=selection.bridging))
        parts = list(self._read_parts(selection))
        readings = [*whole, *(reading for reading, _ in parts)]
        others = peers(self._kept, readings)
        self._pair(readings, others)
        state = State.of(obj for reading in whole for obj in objects(reading, others))
        for reading, keys in parts:
            found = objects(reading, others)
            state.update((obj.key, obj) for obj in found if obj.key in keys)
        state.update(State.of(self._unfinished(selection, {reading.netns for reading in readings})))
        return state

    def links(self, keys: Collection[Key], offloads: Offloads) -> dict[Key, Link]:
        """Some links with the named offloads, `lo` too, without forgetting what the last observe learned.

        Raises: NotPermitted, KernelRefused.
        """
        self._kept.begin()
        readings = [reading for reading, _ in self._read_parts(Selection(keys=frozenset(keys)))]
        self._read_offloads(readings, offloads)
        found = (
            (reading, seen, _link(_told(reading, seen, {}))) for reading in readings for seen in reading.links.values()
        )
        return {
            link.key: replace(link, offloads=_switches(reading, seen, offloads.get(link.key, ())))
            for reading, seen, link in found
            if link.key in keys
        }

    def held(self, link: Key) -> Held:
        """The addresses and routes that a link has. Raises: NotPermitted, KernelRefused, DumpInterrupted."""
        found = dict(self._found({link}))
        return read_held(*found[link]) if link in found else Held()

    def ports(self, links: Collection[Key]) -> dict[Key, str]:
        """What somebody else's bridges keep of links, as the setting has it. Raises: as `held`."""
        return {link: read_port(*where) for link, where in self._found(links)}

    def _found(self, links: Collection[Key]) -> Iterator[tuple[Key, tuple[Reading, int]]]:
        self._kept.begin()
        for reading, _ in self._read_parts(Selection(keys=frozenset(links))):
            for index, seen in list(reading.links.items()):
                if (key := link_key(reading.netns, seen.ifname)) in links:
                    yield key, (reading, index)

    def carriers(self, ifnames: Sequence[str]) -> dict[str, Carrier]:
        """How links of the host's send, by name; those that are not there are left out. Raises: NotPermitted."""
        self._kept.begin()
        return carriers(self._kept.at(HOST), ifnames)

    def foreign_root(self, link: Key, ours: Collection[str]) -> str:
        """The tree of somebody else's that a link has, "" for none. `ours`: roots that are weft's, kind and handle."""
        return foreign_tree(self._kept.at(link.netns).rtnl, self._numbers.ifindex(link), ours)

    def cookie(self, netns: str) -> int:
        """The number of a namespace, never used again until the kernel restarts. Raises: NamespaceGone."""
        return self._kept.at(netns).rtnl.netns_cookie()

    def commit(self, changes: Sequence[Change]) -> None:
        """As the contract has it. Raises: KernelRefused, NotPermitted, ReceiveOverrun."""
        self._kept.begin()
        Commit(self._kept, self._numbers).run(changes)

    def _read_all(self, labels: Iterable[str], *, bridging: bool) -> Iterator[Reading]:
        for place in self._there(labels):
            try:
                reading = read_whole(place, bridging=bridging)
            except QuestionRefused as refused:
                raise _unread(place, refused) from refused
            learn(reading, self._numbers, whole=True)
            yield reading

    def _read_parts(self, selection: Selection) -> Iterator[tuple[Reading, set[Key]]]:
        keys = _by_netns(selection)
        for place in self._there(keys):
            try:
                reading = read_some(place, keys[place.netns])
            except QuestionRefused as refused:
                raise _unread(place, refused) from refused
            learn(reading, self._numbers, whole=False)
            yield reading, keys[place.netns]

    def _unfinished(self, selection: Selection, found: Set[str]) -> Iterator[Namespace]:
        """Names that a kill left without a namespace."""
        names = {*selection.namespaces, *(key.name for key in selection.keys if key.table == "netns")}
        for name in names - found:
            if name != HOST and self._kept.namespaces.is_unfinished(name):
                yield Namespace(name=name, newborn=True)

    def _pair(self, readings: Sequence[Reading], others: Mapping[End, Key]) -> None:
        for reading in readings:
            for index, seen in reading.links.items():
                if seen.kind == VETH and (other := others.get((reading.netns, index))):
                    self._numbers.pair(link_key(reading.netns, seen.ifname), other)

    def _there(self, labels: Iterable[str]) -> Iterator[Place]:
        for label in labels:
            try:
                yield self._kept.at(label)
            except NamespaceGone:
                continue

    def _read_offloads(self, readings: Sequence[Reading], offloads: Offloads) -> None:
        for reading in readings:
            asked = [i for i, seen in reading.links.items() if link_key(reading.netns, seen.ifname) in offloads]
            if asked:
                read_offloads(reading, asked)


def _unread(place: Place, refused: QuestionRefused) -> KernelRefused:
    where = place.netns or "the host's namespace"
    return KernelRefused(f"the listing of {where}", refused.reply.errno_, refused.reply.text)


def _by_netns(selection: Selection) -> dict[str, set[Key]]:
    """The keys to be read one by one, by the namespace to ask."""
    found: dict[str, set[Key]] = {}
    whole = frozenset(selection.namespaces)
    for key in selection.keys:
        where = key.name if key.table == "netns" else key.netns
        if key.table in _TABLES and where not in whole:
            found.setdefault(where, set()).add(key)
    return found


def objects(reading: Reading, others: Mapping[End, Key]) -> Iterator[KernelObject]:
    """What was read of a namespace as objects."""
    label = reading.netns
    for index, seen in reading.links.items():
        if index == LOOPBACK_INDEX:
            if label != HOST:
                yield netns.parse(label, seen.attributes.get(IFLA_IFALIAS, ""), reading.lost_rules)
        else:
            yield from _link_and_port(reading, seen, others)
    yield from _on_links(reading)
    yield from _trees(reading)
    yield from _routes(reading)
    # Of several with one key, the kernel tells apart what weft does not: weft's own stands, being the last.
    for rule_seen in sorted(reading.rules, key=lambda seen: seen.attributes.get(FRA_PROTOCOL) == PROTOCOL):
        yield rule.parse(label, rule_seen)


def _routes(reading: Reading) -> Iterable[KernelObject]:
    """Of several with one key weft's own stands, else the one that the kernel uses: the first."""
    there: dict[Key, Route] = {}
    for found in reading.routes:
        seen = route.parse(reading.netns, reading.ifname, found)
        key = seen.key
        if key not in there:
            there[key] = seen
        elif seen.protocol == PROTOCOL:
            there[key] = replace(seen, behind=True)
    return there.values()


def _on_links(reading: Reading) -> Iterator[KernelObject]:
    for found in reading.addresses:
        link = reading.links.get(found.ifindex)
        if link is None:
            continue
        routed = reading.own_routes is None or own_routes.are_there(found, link.flags, reading.own_routes)
        if there := address.parse(reading.netns, link.ifname, link.mac, found, routed=routed):
            yield there
    for seen in reading.neighbours:
        if ifname := reading.ifname(seen.ifindex):
            yield neighbour.parse(reading.netns, ifname, seen)
    for entry in fdb.said(reading.fdb, reading.links):
        yield fdb.parse(reading.netns, reading.ifname, entry)
    for held in reading.bridge_vlans:
        if held.ifindex in reading.links and reading.filters(held.ifindex):
            master = reading.ifname(reading.links[held.ifindex].attributes.get(IFLA_MASTER, 0))
            yield bridge_vlan.parse(reading.netns, reading.ifname(held.ifindex), master, held.ranges)


def _trees(reading: Reading) -> Iterator[KernelObject]:
    qdiscs, classes = _by_link(reading.qdiscs), _by_link(reading.classes)
    for index, seen in qdiscs.items():
        yield from tc_reading.parse_tree(reading.netns, reading.ifname(index), seen, classes.get(index, ()))


def _by_link(messages: Iterable[TcMessage]) -> Mapping[int, list[TcMessage]]:
    found: dict[int, list[TcMessage]] = {}
    for seen in messages:
        found.setdefault(seen.ifindex, []).append(seen)
    return found


def _link_and_port(reading: Reading, seen: LinkMessage, others: Mapping[End, Key]) -> Iterator[KernelObject]:
    """A link, and what its master keeps of it."""
    told = _told(reading, seen, others)
    yield _link(told)
    for row in KINDS.of_ports(told.info.slave_kind):
        if (port := row.parse(told)) is not None:
            yield port


def _told(reading: Reading, seen: LinkMessage, others: Mapping[End, Key]) -> Seen:
    fields = common_fields(reading.netns, seen, reading.ifname(seen.attributes.get(IFLA_MASTER, 0)))
    secured = reading.secured.get(seen.ifindex)
    device = file_of(seen.ifindex) if seen.kind == "macvtap" else None
    return Seen(fields, seen.info, others.get((reading.netns, seen.ifindex)), secured, device)


def _link(told: Seen) -> Link:
    """A link as the kind that weft knows it by."""
    for row in KINDS.of_links(told.info.kind):
        if (found := row.parse(told)) is not None:
            assert isinstance(found, Link)
            return found
    return other.parse(told)


def _switches(reading: Reading, seen: LinkMessage, asked: Iterable[str]) -> tuple[tuple[str, bool], ...] | None:
    on = reading.features.get(seen.ifindex)
    return None if on is None else tuple(sorted((name, name in on) for name in asked))
