"""What becomes of adopted links and namespaces that are wanted no more: they are given up, not deleted.

Rules: one that is given up has its former alias again, and keeps what a bridge keeps of it and what it keeps itself;
addresses and routes that weft put there go. It falls only with what it stands on. MAC and MTU of a bridge follow its
ports, some of which may leave by the same change.
"""

from __future__ import annotations

from dataclasses import replace

from weft.diff import standing
from weft.kinds import KINDS
from weft.kinds.base import Owner
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import Link
from weft.kinds.netns import Namespace
from weft.observe import Machine
from weft.state import State

_KEPT = frozenset({Owner.GROUND, Owner.MEMBERSHIP})


def given_up(machine: Machine, ours: State, desired: State) -> State:
    """What is wanted, and the adopted of which nothing is wanted any more as they are to be left."""
    entries = machine.ledger.entries()
    left = State()
    for key in machine.noted():
        link = ours.get(key)
        if isinstance(link, Link) and key not in desired:
            left[key] = _unsaid(replace(link, alias=entries[key].former or "", master=None, adopt=True))
        elif isinstance(link, Namespace) and key not in desired:
            left[key] = replace(link, alias=entries[key].former or "", adopt=True)
    if not left:
        return desired
    for key, obj in ours.items():
        if key not in desired and KINDS.of(obj).owner in _KEPT and not left.keys().isdisjoint(obj.lives_on):
            left[key] = obj
    return State(desired | standing(left, ours.keys() - desired.keys() - left.keys()))


def _unsaid(link: Link) -> Link:
    return replace(link, mac=None, mtu=None) if isinstance(link, Bridge) else link
