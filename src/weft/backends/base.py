"""The contract of every backend: read what is there, commit what shall change. Real ones and the fake pass one suite.

Rules: a backend is the sole owner of its kernel interface. It reports everything it sees in the selection, weft's or
not, save what the kernel makes by itself (local routes, link-local addresses, connected routes). Deleting what is
already gone is no error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from weft.records import dataclass
from weft.state import Change, Key, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to look at: whole namespaces, and single objects elsewhere. A namespace that does not exist is simply empty.
    Sysctls and link settings are read only where `keys` names them: they cost a question each. What bridges that are
    not weft's have in their tables (forwarding entries, VLANs) is read only of whole namespaces, and if `bridging`.
    `further`: it goes on with the look before it, and what was learned then still serves."""

    namespaces: tuple[str, ...] = ()
    keys: frozenset[Key] = frozenset()
    bridging: bool = False
    further: bool = False


class Backend(Protocol):
    def observe(self, selection: Selection) -> State:
        """Everything of this backend's kinds in the selection.

        Raises: DumpInterrupted, ReceiveOverrun (both after its own retries), NotPermitted.
        """

    def commit(self, changes: Sequence[Change]) -> None:
        """Do the changes in their order, in as few messages as the kernel takes. All may be tried when one fails.

        Raises: KernelRefused for the first change that the kernel refused.
        """
