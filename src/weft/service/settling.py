"""What follows from changes that stay: connections that may not go on are cut, others learn where addresses are now.

Rules: in the transaction, before its journal ends; may be repeated, for recovery does it again. Of a way that was cut
short no more is known than what changed, and the rest may speak of the same connections; the intent may have become one
that nobody can think through: so the kernel is asked.
"""

from __future__ import annotations

from weft.backends.announcing import Announcing
from weft.backends.base import Selection
from weft.diff import Changes
from weft.netlink.namespaces import Namespaces
from weft.observe import Machine
from weft.plan.diverted import given_up, moved
from weft.service.announcing import announce
from weft.service.severing import divert, forget, narrowed, sever
from weft.state import HOST, State


def settle(machine: Machine, namespaces: Namespaces, changes: Changes, desired: State, *, is_whole: bool) -> None:
    """`desired`: all that the intent wants where it `is_whole`, else no more than what changed.

    Raises: NotPermitted, KernelRefused, DumpInterrupted.
    """
    narrow, diverted = narrowed(changes), moved(changes)
    places = (HOST, *sorted(narrow | diverted.keys()))
    held = desired if is_whole else machine.read(Selection(namespaces=places))
    if narrow:
        sever(namespaces, held, narrow)
    if diverted:
        divert(namespaces, held, diverted)
    if gone := given_up(changes):
        forget(namespaces, gone)
    announce(Announcing(namespaces), changes, held)
