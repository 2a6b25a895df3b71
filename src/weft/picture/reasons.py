"""Why quality of service is as it is: from a policy's lines to each kernel object. What `weft qos explain` tells.

Rules: pure, and nothing is reasoned here: figures and choices come with their reasons from the compiler, in the order
in which a packet meets what they made. Places are paths of the intent; whoever knows the file makes lines of them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any

from weft.compiler.naming import where_words
from weft.compiler.qos import numbers
from weft.compiler.qos.mechanisms import Choice
from weft.compiler.qos.numbers import UNLIMITED_BPS, Derived
from weft.compiler.qos.planted import Planted
from weft.compiler.qos.shaping import Shaping
from weft.compiler.qos.site import Way
from weft.compiler.qos.tree import PRIORITY, REST, Node, Tree
from weft.kinds import KINDS
from weft.kinds.link.ifb import Ifb
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement, script_together
from weft.kinds.nft.nftset import NftSet
from weft.kinds.nft.table import NftTable
from weft.model.intent import Path
from weft.model.qos_words import rate_text, time_text
from weft.records import dataclass
from weft.state import Change, KernelObject, Op
from weft.wire.tc_queue import SFQ_DEPTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`said`: as people write it."""

    name: str
    said: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that a packet meets. `where`: who asked for it, () for nobody. `commands`: that make the same."""

    what: str
    why: str
    where: Path = ()
    figures: tuple[Figure, ...] = ()
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One direction of one carrier. `path`: of the policy, `asked_at`: where it is asked for; `policy`: its name, ""
    in place."""

    carrier: str
    direction: str
    policy: str
    path: Path
    asked_at: Path
    steps: tuple[Step, ...]


def explanation(planted: Planted, called: Callable[[Path], str], shown: Container[str] | None = None) -> Explanation:
    """Of all that one carrier asks for in one direction, or of a tree that several share. `called`: what people call a
    carrier at a path; `shown`: the classes by number, None for all."""
    shaping = planted.shaping
    if shaping is not None:
        steps, policy = tuple(_shaping_steps(shaping)), shaping.asked.name
        path, asked_at = shaping.path, shaping.asked.asked_at
    else:
        steps, policy = tuple(_shared_steps(planted, called, shown)), ""
        path, asked_at = planted.path, ()
    return Explanation(
        carrier=called(planted.path),
        direction=planted.direction,
        policy=policy,
        path=path,
        asked_at=asked_at,
        steps=steps,
    )


def _shared_steps(planted: Planted, called: Callable[[Path], str], shown: Container[str] | None) -> Iterator[Step]:
    assert planted.tree is not None
    is_out = planted.direction == "egress"
    yield Step(
        what=f"one tree for all who share {called(planted.path)}",
        why=f"a tree within another would lose guarantees; a packet gets its class {_told_apart(planted)}, and "
        "whatever is not asked for here, the host's own too, the default",
        commands=(*commands(obj for obj in planted.beside if isinstance(obj, Ifb)), *nft_commands(planted.beside)),
    )
    for node in planted.tree.nodes:
        if shown is not None and node.classid not in shown:
            continue
        name, end = _shared_name(node, called), "source" if is_out else "destination"
        if known_by := planted.known_by.get(node.classid, ()):
            yield Step(
                what=f"a packet of {name} is known by its {end}",
                why=f"behind a router the host sees {', '.join(known_by)}",
            )
        if known_by := planted.known_at_bridge.get(node.classid, ()):
            yield Step(
                what=f"a frame of {name} is known by the MAC of its {end}",
                why=f"where it crosses the host's bridge, with the pair of links of its network: {', '.join(known_by)}",
            )
    yield from tree_steps(planted.tree, lambda node: _shared_name(node, called), shown)


def _told_apart(planted: Planted) -> str:
    is_out, how = planted.direction == "egress", []
    if planted.known_by or not planted.known_at_bridge:
        how.append(
            "after routing and before translation, by the link it came from and its source"
            if is_out
            else "by its destination, where it goes on to a router; from there it is sent through an ifb"
        )
    if planted.known_at_bridge:
        how.append(
            "in the bridge, by its network and MAC"
            if is_out
            else "in the bridge, by its network and MAC; from there it is sent through an ifb"
        )
    return ", or ".join(how)


def _shared_name(node: Node, called: Callable[[Path], str]) -> str:
    path = node.branch.path
    return called(node.branch.origin) if path and path[-1] else _name(node)


def commands(objects: Iterable[KernelObject]) -> tuple[str, ...]:
    """What would make the objects by hand."""
    return tuple(line for held in objects for line in KINDS.of(held).script(Change(Op.CREATE, None, held)))


def nft_commands(objects: Iterable[KernelObject]) -> tuple[str, ...]:
    """What would make chains and maps with all that is in them, in an order in which it can be pasted."""
    held = list(objects)
    sets = [obj for obj in held if isinstance(obj, NftSet)]
    chains = [obj for obj in held if isinstance(obj, NftChain)]
    places = dict.fromkeys((obj.netns, obj.family, obj.table) for obj in sets)
    places |= dict.fromkeys((obj.netns, obj.family, obj.table) for obj in chains)
    tables = [NftTable(netns=netns, family=family, name=name) for netns, family, name in places]
    elements = script_together(obj for obj in held if isinstance(obj, NftElement))
    return (*commands(tables), *commands(sets), *elements, *commands(chains))


def _shaping_steps(shaping: Shaping) -> Iterator[Step]:
    yield _place(shaping)
    if shaping.limits is not None:
        yield choice_step("limits by", shaping.limits)
    if shaping.line is not None:
        yield choice_step("the bad line by", shaping.line)
    for chain in shaping.chains:
        yield _chain(shaping, chain)
    if shaping.tree is not None and shaping.is_tree:
        yield from tree_steps(shaping.tree)
    if shaping.root is not None and shaping.root_choice is not None:
        yield choice_step("the queue is", shaping.root_choice, [shaping.root])


def _place(shaping: Shaping) -> Step:
    site, is_out = shaping.site, shaping.way is Way.OUT
    device = f"{site.ifname} in {where_words(site.netns)}"
    whose = "the end on the bridge, out of reach of who owns the port's namespace" if site.is_far_end else "the link"
    if is_out:
        gives_way = commands(shaping.ground())
        why = f"{whose}: what passes here is all that goes this way"
        return Step(what=f"at what {device} sends", why=why, commands=gives_way)
    why = f"{whose}; what comes in has no queue by itself, so it is sent on to an ifb, and comes back behind its queue"
    made = commands([site.ifb]) if shaping.has_queue else ()
    what = f"at {site.queue_ifname(shaping.way)}, for what {device} receives" if made else f"at what {device} receives"
    return Step(what=what, why=why if made else whose, commands=made)


def _chain(shaping: Shaping, chain: NftChain) -> Step:
    why = "the default class first, so that nothing forged or inherited chooses one; the last rule that fits decides"
    if shaping.tree is None:
        why = "nothing queues, so rules are enough"
    elif chain == shaping.sent:
        why = "only here it is known who sends: a cgroup's packets get their class before they reach the link"
    elif chain == shaping.chain and shaping.within is not None:
        why = f"{shaping.within.name} says which class a packet is of"
    names = {node.classid: _name(node) for node in shaping.tree.nodes} if shaping.tree is not None else {}
    figures = [Figure(name="rule", said=rule, why=_of_classes(rule, names)) for rule in chain.rules]
    made: list[KernelObject] = [chain]
    if chain == (shaping.within or shaping.chain):
        made += [*shaping.classifier.sets, *shaping.classifier.elements]
        figures += [
            Figure(name=f"@{one.set}", said=f"{one.element} : {one.value}", why=names.get(one.value, ""))
            for one in shaping.classifier.elements
        ]
    what = f"nft chain {chain.name} in table {chain.family} {chain.table}"
    return Step(what=what, why=why, figures=tuple(figures), commands=nft_commands(made))


def _of_classes(text: str, names: Mapping[str, str]) -> str:
    """The classes that a rule or an element speaks of. `names`: of classes by their numbers."""
    words = set(text.replace(",", " ").split())
    return ", ".join(name for classid, name in names.items() if classid in words)


def choice_step(what: str, choice: Choice[Any], objects: Iterable[KernelObject] = ()) -> Step:
    return Step(what=f"{what}: {choice.mechanism.name}", why=_why(choice), commands=commands(objects))


def tree_steps(
    tree: Tree, named: Callable[[Node], str] | None = None, shown: Container[str] | None = None
) -> Iterator[Step]:
    """The root, then each class with its queue. `named`: what a class is called; `shown` as above."""
    named = named or _name
    ground = tree.ground
    yield Step(
        what=f"tree of HTB at the root of {ground.ifname}",
        why=f"its number {ground.major:x}: is a hash of scope and link; what nobody classified goes to {tree.default}; "
        f"rates count {ground.counting.why or 'frames'}",
        commands=commands([tree.root]),
    )
    names = {node.classid: named(node) for node in tree.nodes}
    for node, objects in tree.by_node():
        if shown is None or node.classid in shown:
            yield Step(
                what=f"class {names[node.classid]}, {node.classid}",
                why=_node_why(node, names),
                where=node.branch.origin,
                figures=tuple(_figures(node, tree)),
                commands=commands(objects),
            )


# inside


def _why(choice: Choice[Any]) -> str:
    lacking = ", ".join(sorted(name for name in choice.lacking if name not in choice.why))
    return f"{choice.why} ({lacking})" if lacking else choice.why


def _name(node: Node) -> str:
    path = node.branch.path
    if not path:
        return "the whole"
    if path == (REST,):
        return "of what no class matches"
    return " / ".join(name or "the rest of it" for name in path)


def _node_why(node: Node, names: Mapping[str, str]) -> str:
    if not node.branch.path:
        return "holds the limit of all"
    if node.branch.is_default:
        return "the default: what no class matches, ARP and other frames that are no IP too"
    return f"a part of {names[node.parent]}"


def _figures(node: Node, tree: Tree) -> Iterator[Figure]:
    figures = node.figures
    yield _rate("guarantee", figures.rate)
    yield _rate("limit", figures.ceil)
    yield _bytes("burst", figures.burst)
    if figures.cburst != figures.burst and figures.ceil.value < UNLIMITED_BPS:
        yield _bytes("burst of the limit", figures.cburst)
    if node.queue is None:
        return
    yield _bytes("quantum", figures.quantum)
    yield Figure(name="priority", said=str(node.priority), why=_priority_why(node))
    yield _large_frames(figures.splits, node)
    yield Figure(name="queue", said=node.queue.mechanism.name, why=_why(node.queue))
    yield from _queue_figures(node, tree.ground.frame)


def _large_frames(splits: Derived, node: Node) -> Figure:
    lacks = splits.value and node.splitter is None
    why = splits.why.replace(": a TBF takes it apart", ", and this kernel lacks tbf") if lacks else splits.why
    return Figure(name="large frames", said="apart" if splits.value and node.splitter else "whole", why=why)


def _priority_why(node: Node) -> str:
    if node.branch.path[-1:] == (REST,):
        return "behind all that is named"
    return "as given" if node.branch.priority is not None else f"nothing is said: {PRIORITY}, between first and last"


def _queue_figures(node: Node, frame: int) -> Iterator[Figure]:
    assert node.queue is not None
    limit_bps, latency_us = node.figures.limit_bps, node.branch.latency_us
    match node.queue.mechanism.name:
        case "fq_codel":
            target = numbers.codel_target(limit_bps, frame, latency_us)
            yield Figure(name="target", said=time_text(target.value), why=target.why)
            interval = numbers.codel_interval(target.value)
            yield Figure(name="interval", said=time_text(interval.value), why=interval.why)
            yield _bytes("turn of a flow", numbers.codel_quantum(limit_bps, frame))
            yield _packets(numbers.codel_packets(limit_bps))
        case "sfq":
            length = numbers.fifo_packets(limit_bps, frame, latency_us)
            fits = length.value <= SFQ_DEPTH
            yield _packets(length if fits else Derived(SFQ_DEPTH, "the most that sfq holds"))
        case "pfifo":
            yield _packets(numbers.fifo_packets(limit_bps, frame, latency_us))
        case "netem":
            line = node.branch.impairment
            held_us = (line.delay or 0) + (line.jitter or 0) if line else 0
            yield _packets(numbers.netem_packets(limit_bps, frame, held_us))


def _rate(name: str, derived: Derived) -> Figure:
    said = "none" if derived.value >= UNLIMITED_BPS else rate_text(derived.value)
    return Figure(name=name, said=said, why=derived.why)


def _bytes(name: str, derived: Derived) -> Figure:
    return Figure(name=name, said=f"{derived.value:,} bytes", why=derived.why)


def _packets(derived: Derived) -> Figure:
    return Figure(name="length", said=f"{derived.value:,} packets", why=derived.why)
