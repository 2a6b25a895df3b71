"""Addresses that newly answer on a link of the host's are announced there: who knows them elsewhere learns of it now.

Rules: after the transaction, under its locks, and only what was not answered for before: a floating IP that moves from
one router to another of this machine stays where it is for all others. Routers' addresses alone: what somebody says
under `host: neighbours:` may be for the other end of a wire to say.
"""

from __future__ import annotations

from weft.backends.announcing import Announcing, At
from weft.compiler.naming import TRANSIT_GLOB
from weft.diff import Changes
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import Route
from weft.state import HOST, State


def announce(announcing: Announcing, changes: Changes, desired: State) -> int:
    """Tell of what newly answers, and say of how many addresses. Raises: NotPermitted."""
    newly = [
        At(obj.ifname, obj.address)
        for change in changes.values()
        if isinstance(obj := change.after, Neighbour) and change.before is None and obj.proxy and obj.netns == HOST
    ]
    if not newly:
        return 0
    behind = _behind_routers(desired)
    return announcing.announce(HOST, [at for at in newly if at.address in behind])


def _behind_routers(desired: State) -> set[str]:
    """The single addresses that the host leads to by transit links."""
    prefix = TRANSIT_GLOB.removesuffix("*")
    routes = (obj for key, obj in desired.items() if key.table == "route" and key.netns == HOST)
    return {obj.dst.partition("/")[0] for obj in routes if isinstance(obj, Route) and obj.ifname.startswith(prefix)}
