"""What happens to a packet on its way, one after the other: each step with the object that decided it.

Rules: a step says what was decided, never why it was the user's wish; whoever knows the file says that. They are made
for every pair of a check, so they are tuples.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from weft.kinds.ip.route import NextHop, Route
from weft.reach.crossing import Crossing
from weft.state import Key


class Forwarded(NamedTuple):
    """A namespace was asked to send on what is not for itself. `allowed` None: the State does not say."""

    netns: str
    key: Key
    allowed: bool | None


class Routed(NamedTuple):
    """Where a namespace sends it, None where nowhere. `target`: as it was looked up."""

    netns: str
    target: str
    route: Route | None
    way: NextHop | None = None


class Translated(NamedTuple):
    """An address that became another in a namespace, and with it the port, unless that is 0. `keys`: what says so, ()
    where it undoes what the question met."""

    netns: str
    keys: tuple[Key, ...]
    before: str
    after: str
    port: int = 0
    is_target: bool = False


class Carried(NamedTuple):
    """Over wires and bridges from a link to whoever has the next hop's address. `at` None: nobody there; `passed`: the
    links and what else it needed; `down`: links on the way that are down. `source`, `target`: as they are here;
    `came_by`: the link by which its namespace got it."""

    source: str
    target: str
    came_by: str
    out: Key
    next_hop: str
    at: Key | None
    passed: tuple[Key, ...]
    crossings: tuple[Crossing, ...] = ()
    mtu: int | None = None
    down: tuple[Key, ...] = ()


class Delivered(NamedTuple):
    """A namespace has the address it is for. `key`: the link that has it; `source`, `came_by`: as of `Carried`."""

    netns: str
    target: str
    key: Key | None
    source: str = ""
    came_by: str = ""


Step: TypeAlias = Forwarded | Routed | Translated | Carried | Delivered
