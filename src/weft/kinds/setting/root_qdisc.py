"""Somebody else's root qdisc of a link, with all that belongs to it. The value of the link setting `qdisc`.

Rules: the text is what backends/foreign_tree.py made of the tree: its kind and handle, for people, and behind "kept:"
all of it, packed; or behind "cannot come back:" why what it holds is not known. "" where there is none.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from zlib import decompress

from weft.kinds import command
from weft.kinds.base import Request
from weft.wire.tc import TC_H_ROOT, delete_qdisc
from weft.wire.tc_tree import Node

KEPT, NOT_KEPT = "kept:", "cannot come back: "
"""Before what a tree of qdiscs holds, and before why that is not known."""


def why_not_kept(value: str) -> str:
    """Why the tree would not come back, "" where it would."""
    return value.partition(NOT_KEPT)[2]


def is_half_made(value: str, whole: str) -> bool:
    """Whether a tree is nothing but the beginning of another one: who was making that was killed."""
    begun, rows = _rows(value), _rows(whole)
    return 0 < len(begun) < len(rows) and all(row in rows for row in begun)


def requests(netns: str, value: str, index: int) -> Iterator[Request]:
    """What takes away the root that is there, and makes the tree again. `index`: the link's."""
    yield Request(netns, delete_qdisc(index, TC_H_ROOT))
    for what, handle, parent, info, kind, body in _rows(value):
        yield Request(netns, Node(what, handle, parent, info, kind, bytes.fromhex(body)).make(index))


def script(netns: str, ifname: str, value: str) -> Iterator[str]:
    """The tree itself is for somebody to put back: it may hold what tc has no words for."""
    yield command.tc(netns, "qdisc", "del", "dev", ifname, "root")
    if value:
        yield f"# put back by hand what {ifname} had: {value.partition(KEPT)[0]}"


def _rows(value: str) -> list[Any]:
    _, kept, packed = value.partition(KEPT)
    found: list[Any] = json.loads(decompress(b64decode(packed))) if kept else []
    return found
