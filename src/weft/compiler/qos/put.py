"""Shapings into the State in the making."""

from __future__ import annotations

from collections.abc import Iterable

from weft.compiler.draft import Draft
from weft.compiler.qos.shaping import Shaping
from weft.kinds.link.common import Link

_INSTEAD = "load what is missing, or take the policy out"


def put_shapings(draft: Draft, shapings: Iterable[Shaping]) -> None:
    """Put all objects of what shapes something, and find what cannot be. What holds for many is said once."""
    for shaping in shapings:
        path = shaping.site.qos_path
        for feature in shaping.needs:
            draft.need(feature, shaping.asked.asked_at, _INSTEAD)
        draft.findings += (finding for finding in shaping.findings if finding not in draft.findings)
        if shaping.chain is not None:
            draft.share(shaping.table, path)
        for obj in shaping.objects():
            if isinstance(obj, Link):
                draft.link(obj, path)
            else:
                draft.put(obj, path)
