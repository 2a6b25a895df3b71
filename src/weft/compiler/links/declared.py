"""All links that a file speaks of outside tenants, by key, and the order in which they can be thought about.

Rules: what `members` says is said of the members, so that membership is in one place; a member without an entry of its
own is somebody else's link. A link comes after all that it stands on and all its members. Links of different namespaces
are one graph: a loop may go through several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from weft.compiler.draft import Draft
from weft.model.intent import NamespaceConfig, Path
from weft.model.links import BoundTunnelLink, HostLink, LinkOver, LinkUpon, VxlanLink
from weft.records import dataclass
from weft.state import HOST, Key, link_key

HOST_WORD = "host"
"""What `link_netns` calls the host's own namespace."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A link as the file has it, its master filled in. `path`: where it is spoken of."""

    spec: HostLink
    path: Path


Declared = Mapping[Key, Declaration]


def declare(draft: Draft, configs: Mapping[str, tuple[NamespaceConfig, Path]]) -> Declared:
    """The links of all namespaces. `configs`: by namespace, each with its path."""
    found = {
        link_key(netns, spec.was or ifname): Declaration(spec, (*path, "links", ifname))
        for netns, (config, path) in configs.items()
        for ifname, spec in config.links.items()
    }
    for key, entry in list(found.items()):
        if isinstance(entry.spec, LinkOver):
            for at, member in enumerate(entry.spec.members):
                _enrol(draft, found, key, link_key(key.netns, member), (*entry.path, "members", str(at)))
    draft.made_links = frozenset(key.name for key, entry in found.items() if key.netns == HOST and entry.spec.kind)
    return found


def _enrol(draft: Draft, found: dict[Key, Declaration], master: Key, member: Key, path: Path) -> None:
    entry = found.get(member) or Declaration(HostLink(existing=True), path)
    if entry.spec.master not in (None, master.name):
        what = f"{member.name} is a member of {entry.spec.master} already, and a link is a port of one other"
        draft.error(path, what, "keep one of the two")
        return
    found[member] = Declaration(replace(entry.spec, master=master.name), entry.path)


def stands_on(key: Key, spec: HostLink) -> Key | None:
    """The link that another one is upon."""
    if not isinstance(spec, LinkUpon | BoundTunnelLink) or spec.link is None:
        return None
    return link_key(underlay_of(key, spec), spec.link)


def underlay_of(key: Key, spec: HostLink) -> str:
    """The namespace of what is below a link."""
    said = spec.link_netns if isinstance(spec, LinkUpon | VxlanLink) else None
    return key.netns if said is None else HOST if said == HOST_WORD else said


class Stacking:
    """How declared links stand on each other, in the order of the file."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._upon: dict[Key, list[Key]] = {}
        self._sorted: dict[tuple[Key, Callable[[HostLink], object]], dict[object, list[Key]]] = {}
        self._ports: dict[Key, list[Key]] = {}
        names: dict[str, set[str]] = {}
        for key, entry in declared.items():
            names.setdefault(key.netns, set()).add(key.name)
            if (below := stands_on(key, entry.spec)) is not None:
                self._upon.setdefault(below, []).append(key)
            if entry.spec.master:
                self._ports.setdefault(link_key(key.netns, entry.spec.master), []).append(key)
        self._names = {netns: sorted(there) for netns, there in names.items()}

    def upon(self, link: Key, by: Callable[[HostLink], object]) -> Mapping[object, Sequence[Key]]:
        """The links that are upon one, by what `by` says of each."""
        found = self._sorted.get((link, by))
        if found is None:
            found = self._sorted[link, by] = {}
            for key in self._upon.get(link, ()):
                found.setdefault(by(self._declared[key].spec), []).append(key)
        return found

    def names(self, netns: str) -> Sequence[str]:
        """Those of all links in a namespace, in order."""
        return self._names.get(netns, ())

    def ports(self, master: Key) -> Sequence[Key]:
        """The links that are its ports, or its members."""
        return self._ports.get(master, ())


def in_order(draft: Draft, declared: Declared, below_of: Callable[[Key, HostLink], Key | None]) -> list[Key]:
    """The declared links, each after what is below it. Every loop is found, and cut for the rest to be looked at.
    `below_of`: the one link that another is upon, by its own word or because its packets leave by it."""
    below: dict[Key, list[Key]] = {key: [] for key in declared}
    for lower, upper in _pairs(declared, below_of):
        below[upper].append(lower)
    while True:
        try:
            return list(TopologicalSorter(below).static_order())
        except CycleError as found:
            loop: list[Key] = found.args[1]
            _report(draft, declared, loop[:-1])
            below[loop[1]].remove(loop[0])


def _pairs(declared: Declared, below_of: Callable[[Key, HostLink], Key | None]) -> Iterator[tuple[Key, Key]]:
    """(lower, upper) of every two declared links of which one is right above the other."""
    for key, entry in declared.items():
        lower = below_of(key, entry.spec)
        if lower is not None and lower in declared:
            yield lower, key
        if entry.spec.master is not None and (upper := link_key(key.netns, entry.spec.master)) in declared:
            yield key, upper


def _report(draft: Draft, declared: Declared, loop: list[Key]) -> None:
    """`loop`: each is below the next, the last below the first. Told from the one that the file has first."""
    first = next(key for key in declared if key in loop)
    at = loop.index(first)
    told = [*loop[at:], *loop[:at], first]
    steps = " below ".join(key.name for key in told)
    what = f"{first.name} would stand on itself: {steps}" if len(loop) > 1 else f"{first.name} would stand on itself"
    draft.error(declared[first].path, what, "take one of them out of the loop")
