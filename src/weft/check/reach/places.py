"""Where forwardings lead: two of them may share one port of one address, and so one listener.

Rules: whoever comes first opens it; what arrives there is told by its number, whichever it was sent to.
"""

from __future__ import annotations

from weft.reach import Endpoint


class Places:
    """Of one protocol in one family: those where somebody listens."""

    def __init__(self, family: int) -> None:
        self._family = family
        self._open: set[tuple[str, str, int]] = set()

    def add(self, end: Endpoint) -> None:
        self._open.add(end.ends_at(self._family))

    def __contains__(self, end: Endpoint) -> bool:
        return end.talk is not None and end.ends_at(self._family) in self._open
