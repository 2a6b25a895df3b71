"""What happens to packets once their class is known: DSCP, packet rates, byte rates without HTB, loss without netem.

Rules: a class says it for its parts too, unless they say otherwise; packets of a class and its parts count together
against its packet rate. A rule without a condition is for the whole direction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weft.compiler.qos import nft_text
from weft.compiler.qos.checks import lineage
from weft.compiler.qos.classify import marking, only
from weft.compiler.qos.numbers import GSO_BYTES, UNLIMITED_BPS
from weft.compiler.qos.tree import Node, Tree
from weft.model.qos import QosDirection, Shape

PPM = 1_000_000
_POLICED_US = 50_000


def packet_rates(direction: QosDirection, tree: Tree | None) -> Iterator[str]:
    """More packets than that are dropped."""
    for shape, condition in _shapes(direction, tree):
        if shape.packets_per_second is not None:
            yield f"{condition}{nft_text.packets_over(shape.packets_per_second)} drop"


def dscp_marks(direction: QosDirection, tree: Tree | None) -> Iterator[str]:
    """The rewrite of the DSCP: one rule for all classes with the same, for each family."""
    if tree is None:
        marks: dict[int, list[str]] = {} if direction.dscp_mark is None else {direction.dscp_mark: []}
    else:
        marks = _marks(direction, tree)
    for number, classids in marks.items():
        condition = f"{only(classids)} " if classids and tree and len(classids) < len(list(_leaves(tree))) else ""
        yield from (f"{condition}{rewrite}" for rewrite in marking(number))


def _marks(direction: QosDirection, tree: Tree) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    if all(shape.dscp_mark is None for shape in (direction, *direction.classes.values())):
        return found
    for node in _leaves(tree):
        said = [direction.classes[name].dscp_mark for name in node.branch.path if name in direction.classes]
        mark = next((number for number in reversed(said) if number is not None), direction.dscp_mark)
        if mark is not None:
            found.setdefault(mark, []).append(node.classid)
    return found


def byte_rates(tree: Tree, header_bytes: int) -> Iterator[str]:
    """Limits without HTB: what exceeds is dropped. `header_bytes`: what nft does not see of a frame at this hook."""
    for node in tree.nodes:
        if node.figures.ceil.value >= UNLIMITED_BPS:
            continue
        frame = tree.ground.frame
        per_second = node.figures.ceil.value * (frame - header_bytes) // (8 * frame)
        burst = max(per_second * _POLICED_US // 1_000_000, 2 * GSO_BYTES)
        classids = [leaf.classid for leaf in _leaves(tree) if _is_under(leaf, node)]
        condition = f"{only(classids)} " if node.branch.path else ""
        yield f"{condition}{nft_text.bytes_over(max(per_second, 1), burst)} drop"


def losses(direction: QosDirection, tree: Tree | None) -> Iterator[str]:
    """Lost packets without netem."""
    whole = direction.impairment
    if tree is None:
        if whole is not None and whole.loss:
            yield _lost(whole.loss)
        return
    for node in _leaves(tree):
        line = node.branch.impairment
        if line is not None and line.loss:
            yield f"{only([node.classid])} {_lost(line.loss)}"


def _lost(loss_ppm: int) -> str:
    """Of all there is no number below: nft takes none above the modulus."""
    return f"numgen random mod {PPM} < {loss_ppm} drop" if loss_ppm < PPM else "drop"


def _shapes(direction: QosDirection, tree: Tree | None) -> Iterator[tuple[Shape, str]]:
    """Whatever says something, with the condition of its packets: parts first, the whole last."""
    if tree is not None:
        leaves = list(_leaves(tree))
        for name, held in reversed(list(direction.classes.items())):
            if held.packets_per_second is not None:
                path = lineage(direction.classes, name)
                under = (leaf.classid for leaf in leaves if leaf.branch.path[: len(path)] == path)
                yield held, f"{only(under)} "
    yield direction, ""


def _leaves(tree: Tree) -> Iterable[Node]:
    return (node for node in tree.nodes if node.queue is not None)


def _is_under(leaf: Node, node: Node) -> bool:
    return leaf.branch.path[: len(node.branch.path)] == node.branch.path
