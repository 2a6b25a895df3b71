"""Visiting a namespace by its label, with one error for a label that names none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from weft.errors import NotPermitted
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces, entered

_OWN = "/proc/thread-self/ns/net"


@contextmanager
def visiting(namespaces: Namespaces, netns: str) -> Iterator[None]:
    """The calling thread in the namespace; where it is there already nothing is done, which needs no right.

    Raises: NamespaceGone, NotPermitted.
    """
    identity = namespaces.identity(netns)
    if identity is None:
        raise NamespaceGone(f"there is no namespace {netns}")
    own = os.stat(_OWN)
    if identity == (own.st_dev, own.st_ino):
        yield
        return
    with ExitStack() as stack:
        _enter(stack, namespaces, netns)
        yield


def _enter(stack: ExitStack, namespaces: Namespaces, netns: str) -> None:
    try:
        fd = namespaces.open(netns)
        stack.callback(os.close, fd)
        stack.enter_context(entered(fd))
    except PermissionError as error:
        raise NotPermitted(f"entering the namespace {netns or 'of the host'} needs root (CAP_SYS_ADMIN)") from error
    except (FileNotFoundError, ValueError) as error:
        raise NamespaceGone(f"there is no namespace {netns}") from error
