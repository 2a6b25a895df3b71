"""What went while an apply was cut short or on trial: namespaces, as a container's does, and tables that somebody took
away. No end that is led to can have anything in them, and neither end is withheld from all the rest for it.

Rules: pure, but for the question what is there. What a state makes is never lost to it, unless somebody else has made
one of the name meanwhile: one of the scope's own (a tenant's) is lost then, any other is used as it is. With a
namespace falls all that lives on it, the other end of a pair too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from weft.diff import standing
from weft.kinds.netns import Namespace
from weft.state import HOST, Key, Mark, State, netns_key

_TABLES = ("nft-table", "nft-set")
"""Of what stands in a namespace, that which others may take away and something else then cannot stand on."""


def lost_places(wanted: State, is_there: Callable[[str], bool], taken: Collection[str] = ()) -> frozenset[str]:
    """The namespaces of a state that are gone and that it does not make, and those that others have `taken`."""
    grounds = {on.name for obj in wanted.values() for on in obj.lives_on if on.table == "netns"}
    named = grounds | {key.netns for key in wanted if key.table != "netns"}
    return frozenset(
        name for name in named - {HOST} if name in taken or (netns_key(name) not in wanted and not is_there(name))
    )


def without_others(wanted: State, others: Collection[str]) -> State:
    """The state but for namespaces to be marked whose names are those of somebody else's now."""
    made = (key for key, obj in wanted.items() if isinstance(obj, Namespace) and Mark.parse(obj.alias))
    theirs = {key for key in made if key.name in others}
    return State((key, obj) for key, obj in wanted.items() if key not in theirs) if theirs else wanted


def unmarked(state: State) -> frozenset[str]:
    """The namespaces without a mark of weft's in a state: one that is taken over or given up may have none half-way."""
    spaces = (obj for obj in state.values() if isinstance(obj, Namespace))
    return frozenset(space.name for space in spaces if not Mark.parse(space.alias))


def without(wanted: State, places: Collection[str]) -> State:
    """The state but for what is in these namespaces, and what lives on that."""
    if not places:
        return wanted
    return standing(wanted, {netns_key(name) for name in places} | {key for key in wanted if key.netns in places})


def tables_below(wanted: State) -> frozenset[Key]:
    """The tables of nftables, and sets, that a state stands on and does not make."""
    grounds = {on for obj in wanted.values() for on in obj.lives_on if on.table in _TABLES}
    return frozenset(grounds - wanted.keys())
