"""Visiting a namespace by its label, with one error for a label that names none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces, entered

Spaces = Namespaces
"""The namespaces of one machine; "the host" is where the process is when this is made."""


@contextmanager
def visiting(spaces: Namespaces, netns: str) -> Iterator[None]:
    """The calling thread in the namespace. Raises: NamespaceGone, NotPermitted."""
    if spaces.identity(netns) is None:
        raise NamespaceGone(f"there is no namespace {netns}")
    try:
        fd = spaces.open(netns)
    except (FileNotFoundError, ValueError) as error:
        raise NamespaceGone(f"there is no namespace {netns}") from error
    try:
        with entered(fd):
            yield
    finally:
        os.close(fd)
