"""Those who ask from outside, each put beside the link that it comes in by.

Rules: where nobody can be put, nothing is asked from there, and why is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack

from weft.backends.outsider import CannotStand, Outsider
from weft.check.reach.spaces import Spaces
from weft.compiler.naming import mac
from weft.errors import FeatureMissing
from weft.netlink.namespaces import Namespaces
from weft.reach import FAMILIES, Endpoint


class Outside:
    """A context manager: all are gone at its end."""

    def __init__(self, namespaces: Namespaces, spaces: Spaces) -> None:
        self._namespaces, self._spaces, self._stack = namespaces, spaces, ExitStack()

    def __enter__(self) -> Outside:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def place(self, sources: Iterable[Endpoint]) -> dict[tuple[str, int], str]:
        """Put there whoever is outside, and say why not, by name and family. Raises: NotPermitted."""
        why: dict[tuple[str, int], str] = {}
        strangers = {source.name: source for source in sources if source.comes_by}
        for number, end in enumerate(strangers.values()):
            addresses = [address for address in (end.ipv4, end.ipv6) if address]
            made = Outsider(self._namespaces, end.comes_by, mac(end.netns, "outside"), addresses, number)
            try:
                self._stack.enter_context(made)
            except (CannotStand, FeatureMissing) as failure:
                why |= {(end.name, family): str(failure) for family in FAMILIES}
            else:
                self._spaces.lend(end.netns, made.netns_fd)
        return why
