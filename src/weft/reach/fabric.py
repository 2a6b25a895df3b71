"""Who hears a frame that leaves by a link, and what it passes to get there.

Rules: a frame out of a veth comes in at its peer; in at a bridge's port, it goes to the bridge and out of all its other
ports, in its VLAN where the bridge keeps them apart; out of a VLAN it goes on by the parent with a tag, which only a
VLAN of that number takes off again; out of a macvlan or ipvlan by the parent and to its fellows; out of a tunnel to the
tunnels of its kind where the underlay leads. In at a link that is no port of another, without a tag, it is heard there.
A link that is down passes nothing. Links of other kinds lead out of the machine: nobody here hears.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias, TypeVar

from weft.kinds.link.bonding import Bond
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import ChildLink, Link, OtherLink
from weft.kinds.link.fdb import Fdb
from weft.kinds.link.ipvlan import Ipvlan
from weft.kinds.link.macvlan import Macvlan
from weft.kinds.link.tunnel import Tunnel
from weft.kinds.link.veth import Veth
from weft.kinds.link.vlan import Vlan
from weft.kinds.link.vxlan import Vxlan
from weft.reach.filtering import Filtering, Tags
from weft.state import Key, State, link_key

Item = TypeVar("Item")

Passed: TypeAlias = tuple[Key, ...]

Underlay: TypeAlias = Callable[[str, str, str], "tuple[str, Passed] | None"]
"""Where a packet from a namespace, with a source and a target, ends, and what it passes; None where it does not."""

_TAKES_FRAMES = (Bridge, Bond)
"""Masters to which what comes in at their ports is handed; of any other the port itself hears it."""


_LEAD_OUT = (Link, OtherLink)


class _At(NamedTuple):
    """A frame at a link: about to leave by it, or just come in. `tags`: numbers of VLANs, the outermost last."""

    key: Key
    leaves: bool
    tags: Tags = ()


_Step: TypeAlias = tuple[_At, Passed]
"""Where the frame is next, and what else it needed to get there."""


class Fabric:
    """The links of a State, as one net of wires, bridges and tunnels."""

    def __init__(self, state: State, underlay: Underlay) -> None:
        self._links = {key: obj for key, obj in state.items() if isinstance(obj, Link)}
        self._underlay = underlay
        self._filtering = Filtering(state.values())
        links = self._links.values()
        self._ports = _grouped((link_key(link.netns, link.master), link.key) for link in links if link.master)
        self._children = _grouped((link.parent, link.key) for link in links if isinstance(link, ChildLink))
        self._tunnels = [link for link in links if isinstance(link, Tunnel)]
        entries = (obj for obj in state.values() if isinstance(obj, Fdb) and obj.dst)
        self._remotes = _grouped((link_key(entry.netns, entry.ifname), entry) for entry in entries)
        self._heard: dict[Key, Mapping[Key, Passed]] = {}
        self._exits: dict[Key, Mapping[Key, Passed]] = {}
        self._tags: dict[tuple[Key, Key], Tags] = {}
        self._down: dict[Key, tuple[Key, ...]] = {}

    def link(self, key: Key) -> Link | None:
        return self._links.get(key)

    def heard(self, start: Key) -> Mapping[Key, Passed]:
        """The links at which a frame sent by `start` is heard, each with all that it passed, both ends included."""
        if start not in self._heard:
            self._heard[start] = {}  # a tunnel whose underlay leads through itself leads nowhere
            self._heard[start] = self._flood(_At(start, True))
        return self._heard[start]

    def heard_from_beyond(self, start: Key, tags: Tags = ()) -> Mapping[Key, Passed]:
        """The same of a frame that comes in by `start` from whatever it leads to. `tags`: as `tags_at` tells them."""
        return self._flood(_At(start, False, tags))

    def exits(self, start: Key) -> Mapping[Key, Passed]:
        """The links by which a frame sent by `start` leaves what the State knows, each with all that it passed."""
        self.heard(start)
        return self._exits.get(start, {})

    def tags_at(self, start: Key, way_out: Key) -> Tags:
        """The numbers of the VLANs of a frame that was sent by `start` and leaves by one of its exits."""
        self.heard(start)
        return self._tags.get((start, way_out), ())

    def down(self, start: Key) -> tuple[Key, ...]:
        """The links that keep a frame sent by `start` from going on, for they are down."""
        self.heard(start)
        return self._down.get(start, ())

    def is_up(self, key: Key) -> bool:
        """Whether nothing says that the link is down."""
        link = self._links.get(key)
        return link is None or link.up is not False

    def _flood(self, first: _At) -> dict[Key, Passed]:
        passed: dict[_At, Passed] = {first: (first.key,)}
        heard: dict[Key, Passed] = {}
        exits: dict[Key, Passed] = {}
        down: dict[Key, None] = {}
        waiting = deque([first])
        while waiting:
            at = waiting.popleft()
            if not self.is_up(at.key):
                down[at.key] = None
                continue
            if self._is_heard(at):
                heard.setdefault(at.key, passed[at])
            if self._is_exit(at):
                known = tuple(key for key in passed[at] if key in self._links) or passed[at]
                exits.setdefault(known[-1], known)
                if first.leaves:
                    self._tags.setdefault((first.key, known[-1]), at.tags)
            for step, needed in self._steps(at):
                if step not in passed:
                    passed[step] = (*passed[at], *needed, *(() if step.key == at.key else (step.key,)))
                    waiting.append(step)
        if first.leaves:
            self._exits[first.key], self._down[first.key] = exits, tuple(down)
        return heard

    def _is_exit(self, at: _At) -> bool:
        """Hardware, and what leads to a namespace that nothing is known of."""
        link = self._links.get(at.key)
        return link is None or (at.leaves and type(link) in _LEAD_OUT)

    def _is_heard(self, at: _At) -> bool:
        return not at.leaves and not at.tags and at.key in self._links and self._master(self._links[at.key]) is None

    def _steps(self, at: _At) -> Iterator[_Step]:
        link = self._links.get(at.key)
        if link is None:
            return
        if isinstance(link, Tunnel) and at.leaves:
            yield from ((_At(key, False, at.tags), needed) for key, needed in self._other_ends(link))
        else:
            yield from ((step, ()) for step in (self._out_of(link, at) if at.leaves else self._in_at(link, at)))

    def _out_of(self, link: Link, at: _At) -> Iterator[_At]:
        match link:
            case Veth():
                yield _At(link.peer, False, at.tags)
            case Bridge():
                yield from self._by_ports(link, at.key, at.tags)
            case Bond():
                yield from (_At(port, True, at.tags) for port in self._ports.get(at.key, ()))
            case Vlan():
                yield _At(link.parent, True, (*at.tags, link.vid))
            case Macvlan():
                yield _At(link.parent, True, at.tags)
                if link.mode == "bridge":
                    yield from (_At(key, False, at.tags) for key in self._fellows(link))
            case Ipvlan():
                yield _At(link.parent, True, at.tags)
                if link.flag in (None, "bridge"):
                    yield from (_At(key, False, at.tags) for key in self._fellows(link))

    def _in_at(self, link: Link, at: _At) -> Iterator[_At]:
        master = self._master(link)
        if isinstance(master, Bridge):
            own = self._filtering.through(master, at.key, master.key, at.tags)
            if own is not None:
                yield _At(master.key, False, own)
            yield from self._by_ports(master, at.key, at.tags)
        elif master is not None:
            yield _At(master.key, False, at.tags)
        for key in self._children.get(at.key, ()):
            child = self._links[key]
            if isinstance(child, Macvlan | Ipvlan):
                yield _At(key, False, at.tags)
            elif isinstance(child, Vlan) and at.tags[-1:] == (child.vid,):
                yield _At(key, False, at.tags[:-1])

    def _by_ports(self, bridge: Bridge, came_by: Key, tags: tuple[int, ...]) -> Iterator[_At]:
        """Out of all ports but the one that it came by."""
        for port in self._ports.get(bridge.key, ()):
            told = self._filtering.through(bridge, came_by, port, tags) if port != came_by else None
            if told is not None:
                yield _At(port, True, told)

    def _other_ends(self, tunnel: Tunnel) -> Iterator[tuple[Key, Passed]]:
        """The tunnels that a frame comes out of again, each with what leads there."""
        entries = self._remotes.get(tunnel.key, ())
        for remote in dict.fromkeys(filter(None, (tunnel.remote, *(entry.dst for entry in entries)))):
            carried = self._underlay(tunnel.underlay, tunnel.local or remote, remote)
            if carried is None:
                continue
            netns, passed = carried
            needed = (*(entry.key for entry in entries if entry.dst == remote), *passed)
            for other in self._tunnels:
                if other.underlay == netns and other.local in (None, "", remote) and _understands(other, tunnel):
                    yield other.key, needed

    def _fellows(self, link: Macvlan | Ipvlan) -> Iterator[Key]:
        siblings = (self._links[key] for key in self._children[link.parent] if key != link.key)
        sort = Macvlan if isinstance(link, Macvlan) else Ipvlan
        return (other.key for other in siblings if isinstance(other, sort) and other.mode == link.mode)

    def _master(self, link: Link) -> Link | None:
        """What the frames that come in at the link are handed to, where that is not the link itself."""
        master = self._links.get(link_key(link.netns, link.master)) if link.master else None
        return master if isinstance(master, _TAKES_FRAMES) else None


def _understands(other: Tunnel, tunnel: Tunnel) -> bool:
    if type(other) is not type(tunnel) or other.key == tunnel.key:
        return False
    return not (isinstance(other, Vxlan) and isinstance(tunnel, Vxlan)) or other.vni == tunnel.vni


def _grouped(pairs: Iterable[tuple[Key, Item]]) -> dict[Key, list[Item]]:
    found: dict[Key, list[Item]] = {}
    for key, item in pairs:
        found.setdefault(key, []).append(item)
    return found
