"""The namespaces that a run works in, each opened once.

Rules: a namespace is the one its name meant when the run began.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from weft.netlink.kept import Kept, Place
from weft.netlink.namespaces import Namespaces, entered


class Rooms:
    """A context manager: lets go of all of them at its end."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._kept = Kept(namespaces)
        self._kept.begin()

    def __enter__(self) -> Rooms:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def at(self, netns: str) -> Place:
        """Raises: NamespaceGone, NotPermitted."""
        return self._kept.at(netns)

    @contextmanager
    def inside(self, netns: str) -> Iterator[None]:
        """The calling thread in there. Raises: NamespaceGone, NotPermitted."""
        with entered(self._kept.at(netns).fd):
            yield
