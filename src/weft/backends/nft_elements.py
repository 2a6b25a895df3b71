"""Elements of sets by their keys, asked of nf_tables itself.

Rules: what one element costs does not grow with the set, nor with the table: libnftables would read all of them first.
What this cannot ask for (an interval, a type that wire/nft_element.py does not speak) is told, for the listing to find.
"""

from __future__ import annotations

from collections.abc import Iterable
from errno import ENOENT, EPERM
from typing import NamedTuple

from weft.errors import NotPermitted
from weft.kinds.nft import element
from weft.netlink.connection import Connection
from weft.state import KernelObject, Key
from weft.wire.nft_element import SetForm, get_element, get_set, key_of, read_set, read_value
from weft.wire.reply import Reply


class Asked(NamedTuple):
    """`objects`: those that are there; `left`: the keys that must be looked for in a listing."""

    objects: list[KernelObject]
    left: list[Key]


NOTHING = Asked([], [])


class _Set(NamedTuple):
    family: str
    table: str
    name: str


class _Element(NamedTuple):
    key: Key
    held_by: _Set
    written: str


def ask(connection: Connection, netns: str, keys: Iterable[Key]) -> Asked:
    """Look for elements in the namespace of the connection. Raises: NotPermitted, ReceiveOverrun, OSError."""
    wanted = [_element(key) for key in keys]
    forms = _forms(connection, dict.fromkeys(one.held_by for one in wanted))
    there = [one for one in wanted if one.held_by in forms]
    known = [(one, key_of(forms[one.held_by], one.written)) for one in there]
    left = [one.key for one, packed in known if packed is None]
    asked = [(one, packed) for one, packed in known if packed is not None]
    answers = connection.ask([get_element(*one.held_by, packed) for one, packed in asked], _payload)
    objects: list[KernelObject] = []
    for (one, _), answer in zip(asked, answers, strict=True):
        if isinstance(answer, Reply):
            _demand_absent(answer)
        elif (value := read_value(forms[one.held_by], answer, 0, len(answer))) is None:
            left.append(one.key)
        else:
            objects.append(element.parse(netns, *one.held_by, one.written, value))
    return Asked(objects, left)


def _element(key: Key) -> _Element:
    family, table, name, written = key.name.split(" ", 3)
    return _Element(key, _Set(family, table, name), written)


def _forms(connection: Connection, sets: Iterable[_Set]) -> dict[_Set, SetForm]:
    """What the sets are like, of those that are there."""
    asked = list(sets)
    answers = connection.ask([get_set(*one) for one in asked], read_set)
    for answer in answers:
        if isinstance(answer, Reply):
            _demand_absent(answer)
    return {one: answer for one, answer in zip(asked, answers, strict=True) if not isinstance(answer, Reply)}


def _payload(buffer: bytes, at: int, end: int) -> bytes:
    return buffer[at:end]


def _demand_absent(reply: Reply) -> None:
    """Raises: NotPermitted, OSError where a refusal says more than that something is not there."""
    if reply.errno_ == EPERM:
        raise NotPermitted("listing nf_tables needs CAP_NET_ADMIN")
    if reply.errno_ != ENOENT:
        raise OSError(reply.errno_, "asking nf_tables for elements")
