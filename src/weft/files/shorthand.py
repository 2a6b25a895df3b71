"""The short ways of writing a record: `attach: host` for `attach: {host: true}`, a bare cidr for a subnet.

Rules: a shorthand is spelled out before anything else looks at it. What is no shorthand but was surely meant as one is
named with what would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weft.files.nodes import Entries, Entry, Node, Place, Scalar, is_null
from weft.model.intent import Attach, Subnet
from weft.model.security import AddressPair, Remote

Report = Callable[[Place, str, str], None]


def _subnet(node: Node, report: Report) -> Node:
    if isinstance(node, Scalar) and not node.is_null:
        return Entries(node.place, {"cidr": Entry(node.place, node)})
    return node


def _attach(node: Node, report: Report) -> Node:
    if isinstance(node, Entries):
        return _with_tap(node)
    if not isinstance(node, Scalar) or node.is_null:
        return node
    if node.text in ("host", "tap"):
        inner: Node = Scalar(node.place, "true") if node.text == "host" else Entries(node.place)
        return Entries(node.place, {node.text: Entry(node.place, inner)})
    report(node.place, f"attach: {node.text} is not known", _meant(node.text))
    return Entries(node.place, {"host": Entry(node.place, Scalar(node.place, "true"))})


def _meant(written: str) -> str:
    if written in ("netns", "pidfile"):
        return f"write attach: {{{written}: {'NAME' if written == 'netns' else 'PATH'}}}"
    return f"write attach: {{netns: {written}}}, or attach: host"


def _with_tap(node: Entries) -> Entries:
    """`tap:` with nothing behind it is a tap with nothing said about it."""
    tap = node.entries.get("tap")
    if tap is None or not is_null(tap.value):
        return node
    entries = {**node.entries, "tap": Entry(tap.place, Entries(tap.value.place))}
    return Entries(node.place, entries, node.weight)


def _remote(node: Node, report: Report) -> Node:
    if isinstance(node, Scalar) and not node.is_null:
        return Entries(node.place, {"cidr": Entry(node.place, node)})
    return node


def _pair(node: Node, report: Report) -> Node:
    if isinstance(node, Scalar) and not node.is_null:
        return Entries(node.place, {"ip": Entry(node.place, node)})
    return node


SHORTHANDS: Mapping[type[Any], Callable[[Node, Report], Node]] = {
    Subnet: _subnet,
    Attach: _attach,
    Remote: _remote,
    AddressPair: _pair,
}
