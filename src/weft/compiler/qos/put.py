"""Shapings into the State in the making.

Rules: what is of one class belongs to that class of the port or link, whoever wrote the policy, so that a plan and
status name it; all else belongs to the whole.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from weft.compiler.draft import Draft
from weft.compiler.qos.planted import Planted
from weft.compiler.qos.shaping import Shaping, matches_of
from weft.compiler.qos.tree import Node
from weft.kinds.link.common import Link
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
        for obj in shaping.ground():
            if isinstance(obj, Link):
                draft.link(obj, path)
            else:
                draft.put(obj, path)
        for obj, place in _placed(shaping):
            draft.put(obj, place)


def _needed_at(shaping: Shaping, feature: str) -> tuple[Path, str]:
    """Where, and what would do without."""
    if feature == "nft_cgroup":
        for path, match in matches_of(shaping):
            if match.cgroup is not None:
                return (*path, "cgroup"), "a DSCP or a mark that the sender sets"
    return shaping.asked.asked_at, _INSTEAD


def of_classes(shaping: Shaping, names: Container[str]) -> Iterator[KernelObject]:
    """The classes of some names, and their queues."""
    if shaping.tree is None:
        return
    for node, objects in shaping.tree.by_node():
        if _is_of_class(shaping, node) and node.branch.origin[-1] in names:
            yield from objects


def _placed(shaping: Shaping) -> Iterator[tuple[KernelObject, Path]]:
    """What stands on its ground but the table, which others may share; each with the place that it belongs to."""
    whole, start = shaping.site.qos_path, len(shaping.path) - 1
    places: dict[str, Path] = {}
    if shaping.tree is not None:
        own = (node for node in shaping.tree.nodes if _is_of_class(shaping, node))
        places = {node.classid: (*whole, *node.branch.origin[start:]) for node in own}
    if shaping.tree is not None and shaping.is_tree:
        yield shaping.tree.root, whole
        for node, objects in shaping.tree.by_node():
            place = places.get(node.classid, whole)
            yield from [(obj, place) for obj in objects]
    if shaping.root is not None:
        yield shaping.root, whole
    yield from ((held, whole) for held in shaping.classifier.sets)
    yield from ((element, places.get(element.value, whole)) for element in shaping.classifier.elements)
    yield from ((chain, whole) for chain in shaping.chains)


def _is_of_class(shaping: Shaping, node: Node) -> bool:
    """Whether it is a class of the file's, and not the whole, or its default."""
    return len(node.branch.origin) > len(shaping.path)


def _planted(shaping: Shaping) -> Planted:
    site = shaping.site
    link = link_key(site.netns, site.queue_ifname(shaping.way) if shaping.has_queue else site.ifname)
    tree = shaping.tree if shaping.is_tree else None
    return Planted(path=site.path, direction=shaping.direction, link=link, tree=tree, shaping=shaping)
