"""Names for backends whose requests hold no number of the running kernel."""

from __future__ import annotations

from weft.kinds.base import Names
from weft.state import KernelObject, Key


class _NoNames:
    def ifindex(self, link: Key) -> int:
        raise LookupError(f"a request without numbers asked for the index of {link}")

    def coming(self, link: Key) -> KernelObject | None:
        return None

    def is_watched(self, netns: str) -> bool:
        return False

    def info_kind(self, link: Key) -> str:
        raise LookupError(f"a request without numbers asked for the kind of {link}")

    def keeps_secondaries(self, link: Key) -> bool:
        raise LookupError(f"a request without numbers asked for the settings of {link}")

    def netns_fd(self, netns: str) -> int:
        raise LookupError(f"a request without numbers asked for the namespace {netns!r}")


NO_NAMES: Names = _NoNames()
