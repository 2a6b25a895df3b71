"""In which class a packet queues where it passes a link, by what the policies of the file became.

Rules: a packet that bears no mark, no DSCP and comes from no cgroup, as one that is only thought of has none. Of a tree
that several share it has the class of its port, else of the port's network, else of the tenant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from weft.compiler.qos.branches import asked_in_order
from weft.compiler.qos.flow import Classes, Flow
from weft.compiler.qos.numbers import UNLIMITED_BPS
from weft.compiler.qos.planted import Planted
from weft.compiler.qos.shaping import Shaping
from weft.compiler.qos.site import Way
from weft.compiler.qos.tree import REST, Node, Tree
from weft.model.intent import Path
from weft.model.qos_words import rate_text
from weft.reach import Talk
from weft.records import dataclass
from weft.state import HOST, Key, link_key
from weft.trace.names import spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A link that a packet passes: out by it (`sends`), or in. `came_by`: the link by which its namespace got it;
    `before`, `after`: other links of the host's that it passes on the way, in bridges.
    `inside`: paths of the ports that it comes from and goes to, each with that of its network behind it; () for
    none."""

    link: Key
    sends: bool
    source: str
    target: str
    came_by: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    inside: tuple[Path, Path]
    talk: Talk
    answer: bool


class Queues:
    """All that queues for one intent."""

    def __init__(self, planted: Sequence[Planted] = ()) -> None:
        self._own: dict[tuple[Key, bool], Shaping] = {}
        self._out: dict[Key, Tree] = {}
        self._in: dict[str, Tree] = {}
        for one in planted:
            self._add(one)

    def met(self, passage: Passage) -> Iterator[tuple[str, Path]]:
        """What the packet queues in, and who asks for that."""
        shaping = self._own.get((passage.link, passage.sends))
        if shaping is not None:
            yield from _in_own(shaping, passage)
        if not passage.sends or passage.link.netns != HOST:
            return
        out = self._out.get(passage.link) if not passage.after else None  # else it comes in by it, and goes on
        for tree, port in ((out, passage.inside[0]), (self._into(passage), passage.inside[1])):
            if tree is not None:
                node = _share(tree, port)
                yield _words(node, tree, _shared_name(node)), node.branch.origin

    def _add(self, one: Planted) -> None:
        if one.shaping is not None:
            site = one.shaping.site
            self._own[link_key(site.netns, site.ifname), one.shaping.way is Way.OUT] = one.shaping
        elif one.tree is not None and one.direction == "egress":
            self._out[one.link] = one.tree
        elif one.tree is not None:
            self._in[one.path[-1]] = one.tree

    def _into(self, passage: Passage) -> Tree | None:
        """Of what came in from outside and is now about to go on: the last that it passes on the host."""
        by = (passage.came_by, *passage.before) if not passage.after else ()
        return next((self._in[name] for name in by if name in self._in), None)


def _in_own(shaping: Shaping, passage: Passage) -> Iterator[tuple[str, Path]]:
    policy = shaping.asked.policy
    direction = policy.egress if shaping.direction == "egress" else policy.ingress
    carrier = f"{shaping.direction} of {spoken(shaping.site.path)}"
    if shaping.tree is not None and direction is not None:
        classes = Classes(asked=asked_in_order(direction, shaping.tree), default=shaping.tree.default)
        classid = classes.of(_flow(passage))
        node = next(node for node in shaping.tree.nodes if node.classid == classid)
        yield f"{carrier}: {_words(node, shaping.tree, _class_name(node))}", node.branch.origin
    elif shaping.root is not None:
        yield f"{carrier}: waits in {type(shaping.root).__name__.lower()}", shaping.path


def _flow(passage: Passage) -> Flow:
    talk = passage.talk
    port, from_port = (talk.from_port, talk.port) if passage.answer else (talk.port, None)
    return Flow(protocol=talk.protocol, source=passage.source, target=passage.target, port=port, source_port=from_port)


def _share(tree: Tree, port: Path) -> Node:
    """The leaf of who is inside."""
    by_id = {node.classid: node for node in tree.nodes}
    found = [
        node for origin in _wider(port) for node in tree.nodes if node.branch.path and node.branch.origin == origin
    ]
    for node in found:
        leaf = tree.leaves.get(node.branch.path) or tree.leaves.get((*node.branch.path, REST))
        if leaf is not None:
            return by_id[leaf]
    return by_id[tree.default]


def _wider(port: Path) -> Iterable[Path]:
    """The port, its network and its tenant."""
    return (port[:4], port[4:], port[:2]) if port else ()


def _shared_name(node: Node) -> str:
    return f"the class of {spoken(node.branch.origin)}" if node.branch.path != (REST,) else "the class of all others"


def _class_name(node: Node) -> str:
    path = node.branch.path
    if not path:
        return "all of it"
    return "the default class" if path == (REST,) else f"class {'/'.join(name or 'rest' for name in path)}"


def _words(node: Node, tree: Tree, name: str) -> str:
    """`class voice, 2mbit for sure, 8mbit at most`."""
    sure = f", {rate_text(node.figures.rate.value)} for sure" if node.branch.rate_bps else ""
    most = f", {rate_text(node.figures.limit_bps)} at most" if node.figures.limit_bps < UNLIMITED_BPS else ""
    return f"{name}{sure}{most} ({node.classid} of {tree.ground.ifname})"
