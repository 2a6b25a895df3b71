"""Connections that a namespace follows: listed, and ended by being forgotten, or barred as well.

Rules: an entry is ended by the very tuple and zone that it was listed with. One that has ended meanwhile is no error.
What is forgotten of TCP or UDP begins anew with whichever end speaks next, so also as one that the served end began;
barred, it does not. Forgetting and barring are one message, so that a kill does not come between. A kernel without
ctnetlink, or a namespace that is gone, has none. Source: linux/netfilter/nfnetlink_conntrack.h,
net/netfilter/nf_conntrack_netlink.c.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from errno import EEXIST, ENOENT, EPERM, ESTALE

from weft.backends.visit import visiting
from weft.errors import KernelRefused, NotPermitted
from weft.netlink import doors
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.reach.connection import Connection
from weft.wire.codec import NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLMSG_DONE, NLMSG_ERROR, messages
from weft.wire.conntrack import read_entry
from weft.wire.netfilter import CTNETLINK, GENERATION_SIZE, NETLINK_NETFILTER, request
from weft.wire.reply import read_reply

_NEW, _GET, _DELETE = 0, 1, 2
"""Source: linux/netfilter/nfnetlink_conntrack.h cntl_msg_types."""
_RECEIVE_BYTES = 1 << 17
_CHUNK = 48
"""Entries ended at once: their acknowledgements must fit the socket's buffer."""
_TRIES = 10
"""How often a bar is tried where the other end spoke between."""


class Conntrack:
    """The connections of any namespace."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces

    def connections(self, netns: str) -> list[Connection]:
        """All that the namespace follows. Raises: NotPermitted."""
        try:
            with visiting(self._namespaces, netns), _opened() as sock:
                return list(_dump(sock))
        except NamespaceGone:
            return []

    def end(self, netns: str, connections: Iterable[Connection], *, bar: bool = False) -> int:
        """Forget them, and say how many were still there; with `bar` those of TCP and UDP do not begin anew.
        Raises: KernelRefused, NotPermitted."""
        waiting, ended = list(connections), 0
        try:
            with visiting(self._namespaces, netns), _opened() as sock:
                for at in range(0, len(waiting), _CHUNK):
                    ended += _end(sock, waiting[at : at + _CHUNK], bar=bar)
        except NamespaceGone:
            pass
        return ended


def _opened() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)


def _dump(sock: socket.socket) -> Iterator[Connection]:
    sock.send(request(CTNETLINK, _GET, NLM_F_DUMP, sequence=1))
    while True:
        data = sock.recv(_RECEIVE_BYTES)
        for kind, flags, _, at, end in messages(data):
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                if read_reply(data, at, end, flags).errno_ == EPERM:
                    raise NotPermitted("listing connections needs CAP_NET_ADMIN")
                return  # this kernel has none to list
            found = read_entry(data[at + GENERATION_SIZE : end])
            if found is not None:
                yield Connection(**found._asdict())


def _end(sock: socket.socket, connections: list[Connection], *, bar: bool) -> int:
    barring = [one for one in connections if bar and one.bar and not one.barred]
    asked = [(_DELETE, one.family, one.raw) for one in connections] + [_bar(one) for one in barring]
    errors = _ask(sock, asked)
    refused = next((error for error in errors[: len(connections)] if error not in (0, ENOENT, ESTALE)), 0)
    if refused:
        raise KernelRefused("ending a connection", refused, "")
    made = errors[len(connections) :]
    for _ in range(_TRIES):
        barring = [one for one, error in zip(barring, made, strict=True) if error == EEXIST]
        if not barring:
            break
        turned = [(_DELETE, one.family, one.turned) for one in barring]
        made = _ask(sock, turned + [_bar(one) for one in barring])[len(turned) :]
    return errors[: len(connections)].count(0)


def _bar(one: Connection) -> tuple[int, int, bytes]:
    """A kernel that makes none (it has no room) has forgotten the connection all the same."""
    return _NEW, one.family, one.bar


def _ask(sock: socket.socket, asked: list[tuple[int, int, bytes]]) -> list[int]:
    """What the kernel answers to each, in order: 0, or an errno. `asked`: kind, family, attributes."""
    flags = {_DELETE: NLM_F_ACK, _NEW: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL}
    said = (
        request(CTNETLINK, kind, flags[kind], body, family=family, sequence=number)
        for number, (kind, family, body) in enumerate(asked)
    )
    doors.send(sock, b"".join(said))
    errors: dict[int, int] = {}
    while len(errors) < len(asked):
        data = sock.recv(_RECEIVE_BYTES)
        for kind, answered, number, at, end in messages(data):
            if kind == NLMSG_ERROR:
                errors[number] = read_reply(data, at, end, answered).errno_
    return [errors[number] for number in range(len(asked))]
