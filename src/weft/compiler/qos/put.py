"""Shapings into the State in the making.

Rules: what is of one class belongs to that class of the port or link, whoever wrote the policy, so that a plan and
status name it; all else belongs to the whole.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from weft.compiler.draft import Draft
from weft.compiler.qos.planted import Planted
from weft.compiler.qos.shaping import Shaping, matches_of
from weft.kinds.link.common import Link
from weft.kinds.nft.element import NftElement
from weft.kinds.tc.htb import HtbClass
from weft.kinds.tc.qdisc import Qdisc
from weft.model.intent import Path
from weft.state import KernelObject, link_key

_INSTEAD = "load what is missing, or take the policy out"


def put_shapings(draft: Draft, shapings: Iterable[Shaping]) -> None:
    """Put all objects of what shapes something, and find what cannot be. What holds for many is said once."""
    for shaping in shapings:
        path = shaping.site.qos_path
        for feature in shaping.needs:
            draft.need(feature, *_needed_at(shaping, feature))
        draft.findings += (finding for finding in shaping.findings if finding not in draft.findings)
        draft.plant(_planted(shaping))
        for table in shaping.tables:
            draft.share(table, path)
        within = _within(shaping)
        for obj in shaping.objects():
            if isinstance(obj, Link):
                draft.link(obj, path)
            else:
                draft.put(obj, within.get(_classid(obj), path))


def _needed_at(shaping: Shaping, feature: str) -> tuple[Path, str]:
    """Where, and what would do without."""
    if feature == "nft_cgroup":
        for path, match in matches_of(shaping):
            if match.cgroup is not None:
                return (*path, "cgroup"), "a DSCP or a mark that the sender sets"
    return shaping.asked.asked_at, _INSTEAD


def of_classes(shaping: Shaping, names: Container[str]) -> Iterator[KernelObject]:
    """The classes of some names, and their queues."""
    within = _within(shaping)
    for obj in shaping.tree.objects() if shaping.tree is not None else ():
        path = within.get(_classid(obj))
        if path is not None and path[-1] in names:
            yield obj


def _within(shaping: Shaping) -> dict[str, Path]:
    """The place of each class of the port or link, by its number."""
    nodes = shaping.tree.nodes if shaping.tree is not None else ()
    whole, start = shaping.site.qos_path, len(shaping.path) - 1
    own = (node for node in nodes if len(node.branch.origin) > len(shaping.path))
    return {node.classid: (*whole, *node.branch.origin[start:]) for node in own}


def _classid(obj: KernelObject) -> str:
    """Of the class that it is, that it is below, or that it leads to; "" of what is of none."""
    match obj:
        case HtbClass():
            return obj.classid
        case NftElement():
            return obj.value or ""
        case Qdisc():
            return obj.below or obj.parent
    return ""


def _planted(shaping: Shaping) -> Planted:
    site = shaping.site
    link = link_key(site.netns, site.queue_ifname(shaping.way) if shaping.has_queue else site.ifname)
    tree = shaping.tree if shaping.is_tree else None
    return Planted(path=site.path, direction=shaping.direction, link=link, tree=tree, shaping=shaping)
