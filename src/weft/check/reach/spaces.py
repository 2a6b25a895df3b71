"""The namespaces that a run works in, each opened once.

Rules: a namespace is the one its name meant when the run began.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from weft.netlink.kept import Kept, Place
from weft.netlink.namespaces import Namespaces, entered, identity_of


class Spaces:
    """A context manager: lets go of all of them at its end."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._kept = Kept(namespaces)
        self._kept.begin()
        self._lent: dict[str, Place] = {}

    def __enter__(self) -> Spaces:
        return self

    def __exit__(self, *_: object) -> None:
        for place in self._lent.values():
            place.close()
        self._kept.close()

    def at(self, netns: str) -> Place:
        """Raises: NamespaceGone, NotPermitted."""
        return self._lent.get(netns) or self._kept.at(netns)

    def lend(self, netns: str, fd: int) -> None:
        """Work in a namespace that has no name, under this one. It is let go of with the others."""
        own = os.dup(fd)
        self._lent[netns] = Place(netns, own, identity_of(own), lambda: False)

    @contextmanager
    def inside(self, netns: str) -> Iterator[None]:
        """The calling thread in there. Raises: NamespaceGone, NotPermitted."""
        with entered(self.at(netns).fd):
            yield
