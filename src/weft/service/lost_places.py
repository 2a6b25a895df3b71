"""Namespaces that went while an apply was cut short or on trial, as a container's does: no end that is led to can have
anything in them, and neither end is withheld from all the rest for it.

Rules: pure, but for the question whether a namespace is there. What a state makes is never lost to it. With a
namespace falls all that lives on it, the other end of a pair too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from weft.diff import standing
from weft.state import HOST, State, netns_key


def lost_places(wanted: State, is_there: Callable[[str], bool]) -> frozenset[str]:
    """The namespaces of a state that are gone and that it does not make."""
    grounds = {on.name for obj in wanted.values() for on in obj.lives_on if on.table == "netns"}
    named = grounds | {key.netns for key in wanted if key.table != "netns"}
    return frozenset(name for name in named - {HOST} if netns_key(name) not in wanted and not is_there(name))


def without(wanted: State, places: Collection[str]) -> State:
    """The state but for what is in these namespaces, and what lives on that."""
    if not places:
        return wanted
    return standing(wanted, {netns_key(name) for name in places} | {key for key in wanted if key.netns in places})
