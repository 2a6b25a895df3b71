"""A tree of HTB: what each class is to be, with all its numbers, and the objects that it becomes.

Rules: a tree is built from branches, whoever they come from: one policy's classes, or the ports of many tenants. It
always has a top, which holds its limit, and a default leaf. A class without a limit of its own has none: the top's
counts, so that a changed limit is one changed class. A parent that may itself get packets has a leaf for them, its
rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from weft.compiler.qos import handles, numbers
from weft.compiler.qos.mechanisms import Choice, Spot, leaf_for, line_for
from weft.compiler.qos.numbers import UNLIMITED_BPS, Counting, Derived
from weft.kinds.tc.htb import Htb, HtbClass, burst_held, rate_held
from weft.kinds.tc.leaves import Leaf, Tbf
from weft.kinds.tc.qdisc import ROOT
from weft.model import intent
from weft.model.qos import Impairment
from weft.model.qos_words import rate_text
from weft.records import dataclass, maker
from weft.state import KernelObject

REST = ""
"""The name of the leaf of what belongs to its parent and to no other child of it."""
PRIORITY, LAST_PRIORITY = 4, 7
_APART = ((), (REST,))
"""Paths of the top and of the default, whose numbers nobody says."""
_NO_CEIL = "the rate, for there is no ceil"
MAX_LEVELS = 8
"""Source: net/sched/sch_htb.c TC_HTB_MAXDEPTH."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """What a class is to be. `path`: the names from the top down, () for the top itself. `origin`: who asks for it.
    `ceil_bps` None: no limit of its own. `receives`: whether packets may be given to it, where it has branches."""

    path: handles.Path = ()
    origin: intent.Path = ()
    rate_bps: int | None = None
    ceil_bps: int | None = None
    burst_bytes: int | None = None
    priority: int | None = None
    latency_us: int | None = None
    leaf: str | None = None
    impairment: Impairment | None = None
    is_default: bool = False
    receives: bool = False
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a tree stands on: a link, and what its kernel has."""

    scope: str
    netns: str
    ifname: str
    mtu: int = 1500
    features: frozenset[str] = frozenset()
    counting: Counting = field(default_factory=Counting)

    @property
    def frame(self) -> int:
        return numbers.frame_bytes(self.mtu)

    @property
    def major(self) -> int:
        return handles.major(self.scope, self.netns, self.ifname)

    @property
    def spot(self) -> Spot:
        """Its root, for a queue without a tree."""
        return Spot(netns=self.netns, ifname=self.ifname, handle=handles.handle(self.major), frame=self.frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The numbers of a class. `limit_bps`: the least limit from the top down. `splits`: whether a leaf must take frames
    apart. `held`: rate, ceil and their bursts, as the kernel can hold them."""

    rate: Derived
    ceil: Derived
    burst: Derived
    cburst: Derived
    quantum: Derived
    limit_bps: int
    splits: Derived
    held: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A class with its numbers. `splitter`: the handle of the TBF that takes frames apart below it, if need be,
    `queue`: which one, both of a leaf only."""

    branch: Branch
    classid: str
    parent: str
    figures: Figures
    priority: int
    splitter: str | None = None
    queue: Choice[Callable[[Spot], Leaf]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """`nodes`: each after its parent, the top first. `leaves`: the classes that packets are given to, by path;
    `default`: the one of what nobody classified."""

    ground: Ground
    nodes: tuple[Node, ...]
    leaves: Mapping[handles.Path, str]
    default: str

    def classid(self, path: handles.Path) -> str:
        """The leaf that packets of a class are given to.

        Raises: KeyError where there is no such class.
        """
        return self.leaves[path] if path in self.leaves else self.leaves[*path, REST]

    @property
    def root(self) -> Htb:
        major, minor = self.default.split(":")
        ground = self.ground
        return Htb(netns=ground.netns, ifname=ground.ifname, parent=ROOT, handle=f"{major}:", default=int(minor, 16))

    def by_node(self) -> Iterator[tuple[Node, list[KernelObject]]]:
        """What each node becomes: its class, and a leaf's queue; parents come first."""
        ground, frame = self.ground, self.ground.frame
        for node in self.nodes:
            yield node, [_class(ground, node), *_queues(ground, node, frame)]


def build_tree(top: Branch, ground: Ground) -> Tree:
    """The tree of a top and its branches. They are sound: see checks.py."""
    top = _whole(top)
    nodes = tuple(_Numbering(ground, dict(zip(*_minors(top), strict=True))).nodes(top, "", UNLIMITED_BPS))
    default = next(node.classid for node in nodes if node.branch.is_default)
    leaves = {node.branch.path: node.classid for node in nodes if node.queue is not None}
    return Tree(ground=ground, nodes=nodes, leaves=leaves, default=default)


def walk(branch: Branch) -> Iterator[Branch]:
    """A branch and all that grows on it, each after its parent."""
    yield branch
    for inner in branch.branches:
        if inner.branches:
            yield from walk(inner)
        else:
            yield inner


def _whole(top: Branch) -> Branch:
    """With the leaves that nobody asks for: the rest of each parent that receives, and the default."""
    branches = tuple(map(_with_rest, top.branches))
    if not any(leaf.is_default for branch in branches for leaf in walk(branch)):
        own = Branch(
            path=(REST,), origin=top.origin, priority=LAST_PRIORITY, is_default=True,
            latency_us=top.latency_us, leaf=top.leaf, impairment=top.impairment,
        )  # fmt: skip
        branches = (own, *branches)
    return replace(top, branches=branches)


def _with_rest(branch: Branch) -> Branch:
    if not branch.branches:
        return branch
    branches = tuple(map(_with_rest, branch.branches))
    if branch.receives or branch.is_default:
        rest = replace(
            branch, path=(*branch.path, REST), rate_bps=None, ceil_bps=None, burst_bytes=None,
            priority=LAST_PRIORITY if branch.priority is None else branch.priority, branches=(),
        )  # fmt: skip
        branches = (rest, *branches)
    return replace(branch, branches=branches, is_default=False)


def _minors(top: Branch) -> tuple[list[handles.Path], list[int]]:
    fixed = {(): handles.TOP, (REST,): handles.DEFAULT}
    paths = [branch.path for branch in walk(top)]
    hashed = handles.minors(path for path in paths if path not in fixed)
    return paths, [fixed[path] if path in fixed else hashed[path] for path in paths]


_new_node, _new_class, _new_spot = maker(Node), maker(HtbClass), maker(Spot)


class _Numbering:
    """Gives the classes of a tree their numbers. `minors`: by path."""

    def __init__(self, ground: Ground, minors: Mapping[handles.Path, int]) -> None:
        self.ground, self.minors = ground, minors
        self.frame, self.major, self.features = ground.frame, ground.major, ground.features
        self.taken = {self.major}
        self._figures: dict[tuple[object, ...], Figures] = {}

    def nodes(self, branch: Branch, parent: str, limit_bps: int) -> Iterator[Node]:
        node = self._node(branch, parent, self._figures_of(branch, limit_bps))
        yield node
        for inner in branch.branches:
            yield from self.nodes(inner, node.classid, node.figures.limit_bps)

    def _node(self, branch: Branch, parent: str, figures: Figures) -> Node:
        is_leaf = not branch.branches
        queue = line_for(branch.impairment, self.features) or leaf_for(branch.leaf, self.features)
        return _new_node(
            branch=branch,
            classid=handles.classid(self.major, self.minors[branch.path]),
            parent=parent or handles.handle(self.major),
            figures=figures,
            priority=PRIORITY if branch.priority is None else branch.priority,
            splitter=self._splitter(branch, figures.limit_bps) if is_leaf else None,
            queue=queue if is_leaf else None,
        )

    def _figures_of(self, branch: Branch, limit_bps: int) -> Figures:
        """Of most classes of a tree they are the same."""
        place = branch.path if branch.path in _APART else None
        said = (branch.rate_bps, branch.ceil_bps, branch.burst_bytes, limit_bps, place)
        figures = self._figures.get(said)
        if figures is None:
            figures = self._figures[said] = self._work_out(branch, limit_bps)
        return figures

    def _work_out(self, branch: Branch, limit_bps: int) -> Figures:
        ceil = self._ceil(branch)
        limit_bps = min(limit_bps, ceil.value)
        rate = self._rate(branch, limit_bps, ceil)
        burst = numbers.burst(rate.value, self.frame, branch.burst_bytes)
        cburst = numbers.burst(ceil.value, self.frame, branch.burst_bytes)
        rate_bps, ceil_bps = rate_held(rate.value), rate_held(ceil.value)
        return Figures(
            rate=rate,
            ceil=ceil,
            burst=burst,
            cburst=cburst,
            quantum=numbers.quantum(rate.value, self.frame),
            limit_bps=limit_bps,
            splits=numbers.splits(limit_bps),
            held=(rate_bps, ceil_bps, burst_held(burst.value, rate_bps), burst_held(cburst.value, ceil_bps)),
        )

    def _ceil(self, branch: Branch) -> Derived:
        if branch.ceil_bps is not None:
            return _given(branch.ceil_bps, self.ground.counting)
        if branch.rate_bps is not None:
            return Derived(self.ground.counting.frames(branch.rate_bps), _NO_CEIL)
        return Derived(UNLIMITED_BPS, "the limit above counts" if branch.path else "no limit is known")

    def _rate(self, branch: Branch, limit_bps: int, ceil: Derived) -> Derived:
        if not branch.path:
            return Derived(ceil.value, "the top: its limit")
        if branch.rate_bps is not None:
            return _given(branch.rate_bps, self.ground.counting)
        return numbers.scraps(limit_bps, self.frame, branch.path == (REST,))

    def _splitter(self, branch: Branch, limit_bps: int) -> str | None:
        """The handle of a TBF above a leaf's queue, where frames must be taken apart, or may have to be after a
        change."""
        if limit_bps >= numbers.SPLITTER_BELOW_BPS or "tbf" not in self.features:
            return None
        number = handles.splitter(self.major, branch.path, self.taken)
        self.taken.add(number)
        return handles.handle(number)


def _given(said_bps: int, count: Counting) -> Derived:
    held_bps = count.frames(said_bps)
    return Derived(held_bps, "as given" if held_bps == said_bps else f"{rate_text(said_bps)} as given, in frames")


def _class(ground: Ground, node: Node) -> HtbClass:
    """As the kernel can hold it. Turns and priorities are the leaves' alone."""
    is_leaf = node.queue is not None
    rate_bps, ceil_bps, burst_bytes, cburst_bytes = node.figures.held
    return _new_class(
        netns=ground.netns,
        ifname=ground.ifname,
        classid=node.classid,
        parent=node.parent,
        rate_bps=rate_bps,
        ceil_bps=ceil_bps,
        burst_bytes=burst_bytes,
        cburst_bytes=cburst_bytes,
        quantum_bytes=node.figures.quantum.value if is_leaf else None,
        priority=node.priority if is_leaf else None,
        overhead_bytes=ground.counting.overhead_bytes,
        cells=ground.counting.cells,
    )


def _queues(ground: Ground, node: Node, frame: int) -> Sequence[KernelObject]:
    """What is on a leaf."""
    if node.queue is None:
        return ()
    splitter = node.splitter
    spot = _new_spot(
        netns=ground.netns,
        ifname=ground.ifname,
        parent=node.classid if splitter is None else f"{splitter}1",
        below="" if splitter is None else node.classid,
        limit_bps=node.figures.limit_bps,
        frame=frame,
        latency_us=node.branch.latency_us,
    )
    queue = node.queue.mechanism.emit(spot).held()
    return (queue,) if splitter is None else (_splitter(ground, node, splitter), queue)


def _splitter(ground: Ground, node: Node, handle: str) -> Tbf:
    return Tbf(
        netns=ground.netns,
        ifname=ground.ifname,
        parent=node.classid,
        handle=handle,
        rate_bps=numbers.SPLITTER_BPS,
        burst_bytes=numbers.splitter_burst(node.figures.limit_bps, ground.frame),
        limit_bytes=numbers.GSO_BYTES,
    ).held()
