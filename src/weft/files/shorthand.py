"""The short ways of writing a record: `attach: host` for `attach: {host: true}`, a bare cidr for a subnet, one match
for a list of one.

Rules: a shorthand is spelled out before anything else looks at it. What is no shorthand but was surely meant as one is
named with what would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from weft.files.nodes import Entries, Entry, Items, Node, Report, Scalar, is_null
from weft.files.outline import Listing, Record, outline
from weft.model.floating import Forward
from weft.model.intent import Attach, Port, Subnet
from weft.model.qos import QosClass, QosMatch, QosUse
from weft.model.router import ExternalSubnet, RouterGateway, RouterInterface
from weft.model.security import AddressPair, Logging, Remote, SecurityGroup, SecurityRule

_WORDS = ("host", "router")
_DEVICES = ("tap", "macvtap")
_LOGS = ("log", "log_drops")
_YES, _NO = ("true", "yes", "on"), ("false", "no", "off")


def _under(key: str) -> Callable[[Node, Report], Node]:
    """What stands alone is the value of `key`."""

    def spell_out(node: Node, report: Report) -> Node:
        if isinstance(node, Scalar) and not node.is_null:
            return Entries(node.place, {key: Entry(node.place, node)})
        return node

    return spell_out


def _attach(node: Node, report: Report) -> Node:
    if isinstance(node, Entries):
        return _with_devices(node)
    if not isinstance(node, Scalar) or node.is_null:
        return node
    if node.text in (*_WORDS, *_DEVICES):
        inner: Node = Scalar(node.place, "true") if node.text in _WORDS else Entries(node.place)
        return Entries(node.place, {node.text: Entry(node.place, inner)})
    report(node.place, f"attach: {node.text} is not known", _meant(node.text))
    return Entries(node.place, {"host": Entry(node.place, Scalar(node.place, "true"))})


def _meant(written: str) -> str:
    if written in ("netns", "pidfile"):
        return f"write attach: {{{written}: {'NAME' if written == 'netns' else 'PATH'}}}"
    return f"write attach: {{netns: {written}}}, or attach: host"


def _with_devices(node: Entries) -> Entries:
    """`tap:` with nothing behind it is a tap with nothing said about it."""
    bare = {word: node.entries[word] for word in _DEVICES if word in node.entries and is_null(node.entries[word].value)}
    said = {word: Entry(entry.place, Entries(entry.value.place)) for word, entry in bare.items()}
    return Entries(node.place, {**node.entries, **said}, node.weight) if said else node


def _logging(node: Node, report: Report) -> Node:
    """`log: true` is a log with nothing said about it."""
    if not isinstance(node, Scalar):
        return node
    if node.text.lower() not in _YES:
        report(node.place, f"{node.text!r} does not say how much is logged", "true, or {rate: 10/second, burst: 20}")
    return Entries(node.place)


def _without_refusals(node: Node, report: Report) -> Node:
    """`log: false` is no log."""
    if not isinstance(node, Entries):
        return node
    entries = {key: e for key, e in node.entries.items() if key not in _LOGS or not _says_no(e.value)}
    return Entries(node.place, entries, node.weight)


def _says_no(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text.lower() in _NO


def _with_lists(cls: Hashable) -> Callable[[Node, Report], Node]:
    """What stands alone where the record has a list is a list of one."""

    def spell_out(node: Node, report: Report) -> Node:
        wanted = outline(cls)
        assert isinstance(wanted, Record)
        if not isinstance(node, Entries):
            return node
        entries = {
            key: Entry(entry.place, _listed(entry.value)) if isinstance(wanted.fields.get(key), Listing) else entry
            for key, entry in node.entries.items()
        }
        return Entries(node.place, entries, node.weight)

    return spell_out


def _in_turn(*steps: Callable[[Node, Report], Node]) -> Callable[[Node, Report], Node]:
    def spell_out(node: Node, report: Report) -> Node:
        for step in steps:
            node = step(node, report)
        return node

    return spell_out


def _listed(value: Node) -> Node:
    return value if isinstance(value, Items) or is_null(value) else Items(value.place, [value])


SHORTHANDS: Mapping[type[Any], Callable[[Node, Report], Node]] = {
    Subnet: _under("cidr"),
    ExternalSubnet: _under("cidr"),
    Attach: _attach,
    QosUse: _under("policy"),
    Remote: _under("cidr"),
    AddressPair: _under("ip"),
    Logging: _logging,
    **dict.fromkeys((SecurityGroup, Port), _without_refusals),
    **{cls: _with_lists(cls) for cls in (QosClass, QosMatch, Forward)},
    **{cls: _in_turn(_under("network"), _with_lists(cls)) for cls in (RouterInterface, RouterGateway)},
    SecurityRule: _in_turn(_without_refusals, _with_lists(SecurityRule)),
}
LISTS_OF_ONE = frozenset({QosClass, QosMatch, Forward, RouterInterface, RouterGateway, SecurityRule})
"""The records in which a single value may stand for a list."""
