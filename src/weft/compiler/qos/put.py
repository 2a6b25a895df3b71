"""Shapings into the State in the making."""

from __future__ import annotations

from collections.abc import Iterable

from weft.compiler.draft import Draft
from weft.compiler.qos.planted import Planted
from weft.compiler.qos.shaping import Shaping
from weft.kinds.link.common import Link
from weft.state import link_key

_INSTEAD = "load what is missing, or take the policy out"


def put_shapings(draft: Draft, shapings: Iterable[Shaping]) -> None:
    """Put all objects of what shapes something, and find what cannot be. What holds for many is said once."""
    for shaping in shapings:
        path = shaping.site.qos_path
        for feature in shaping.needs:
            draft.need(feature, shaping.asked.asked_at, _INSTEAD)
        draft.findings += (finding for finding in shaping.findings if finding not in draft.findings)
        draft.plant(_planted(shaping))
        if shaping.chain is not None:
            draft.share(shaping.table, path)
        for obj in shaping.objects():
            if isinstance(obj, Link):
                draft.link(obj, path)
            else:
                draft.put(obj, path)


def _planted(shaping: Shaping) -> Planted:
    site = shaping.site
    link = link_key(site.netns, site.queue_ifname(shaping.way) if shaping.has_queue else site.ifname)
    tree = shaping.tree if shaping.is_tree else None
    return Planted(path=site.path, direction=shaping.direction, link=link, tree=tree, shaping=shaping)
