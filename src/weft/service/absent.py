"""Links that what is wanted stands on, that weft does not make, and that are not there: a card that comes late, or that
somebody took away. So are those that somebody uses for something else meanwhile.

Rules: pure. What is said of links in namespaces that the compiler knows nothing of is found here, by what was observed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from weft.compiler import Cause, Compiled, Finding
from weft.compiler.footings import SEGMENTS
from weft.compiler.naming import where_words
from weft.diff import standing
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import Link
from weft.model.intent import Path
from weft.state import HOST, KernelObject, Key, Mark, State, link_key

_NEVER_ABSENT = "lo"
_MANY = ("nft-element", "nft-set")
"""Tables of which nothing stands on a link."""


def absent_links(desired: State, observed: State) -> frozenset[Key]:
    """The links that something wanted stands on, or is to be a port of."""
    below = links_below(desired.values())
    return frozenset(on for on in below if on not in desired and on not in observed and on.name != _NEVER_ABSENT)


def without_links(desired: State, observed: State, gone: Collection[Key]) -> State:
    """What can be made while these links are not there: what would be a port of one of them is nobody's, and no bridge
    is made above one, for it may come as a bridge itself."""
    names = {link.name for link in gone if link.netns == HOST}
    bridges = {key for key, obj in desired.items() if key not in observed and _carried_by(obj) in names}
    fallen = bridges.union(gone)
    left = standing(desired, fallen)
    masters = {
        key: replace(obj, master="")
        for key, obj in left.items()
        if isinstance(obj, Link) and obj.master and link_key(obj.netns, obj.master) in fallen
    }
    return State(left | masters)


def left_as_it_is(compiled: Compiled, ours: State) -> State:
    """What is there of all that is wanted, but left out: some of it outlives what it stood on."""
    left = compiled.paths.keys() - compiled.state.keys()
    return State((key, ours[key]) for key in left if key in ours)


def absences(gone: Collection[Key], compiled: Compiled) -> Iterator[Finding]:
    """What is to be said where the compiler has said nothing: once of each object of the intent."""
    known = {whole_of(finding.path) for finding in compiled.warnings if finding.missing}
    for key, obj in compiled.state.items() if gone else ():
        path, link = compiled.paths[key], min(links_below([obj]).intersection(gone), default=None)
        if link is not None and whole_of(path) not in known:
            known.add(whole_of(path))
            yield Finding(
                path=path,
                what=f"there is no link {link.name} on {where_words(link.netns)} for {key}",
                fix="make it first, or leave this out",
                severity="warning",
                cause=Cause.MACHINE,
                missing=link,
            )


def whole_of(path: Path) -> Path:
    """The object of the intent that a path is within."""
    match path:
        case ("host" | "external_networks", *_):
            return path[: 3 if path[0] == "host" else 2]
    return path[:4]


def _carried_by(obj: KernelObject) -> str:
    """The link of the host's that a bridge of weft's is above; "" for anything else."""
    mark = Mark.parse(obj.alias) if isinstance(obj, Bridge) else None
    return mark.object.removeprefix(SEGMENTS) if mark and mark.object.startswith(SEGMENTS) else ""


def links_below(objects: Iterable[KernelObject]) -> set[Key]:
    """What any of these stands on, or is a port of."""
    standing_on_some = [obj for obj in objects if obj.key.table not in _MANY]
    below = {on for obj in standing_on_some for on in obj.lives_on if on.table == "link"}
    return below | {link_key(obj.netns, obj.master) for obj in standing_on_some if isinstance(obj, Link) and obj.master}
