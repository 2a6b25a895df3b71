"""One direction at one site: which mechanisms, which objects, what cannot be.

Rules: rates need a tree; an impairment alone is the root itself, and so is a queue that is asked for by name; marks and
packet rates need a chain alone. A shaping is data: the compiler puts its objects, `weft qos explain` tells its choices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from weft.compiler.findings import Cause, Finding
from weft.compiler.qos import after, numbers, senders
from weft.compiler.qos.branches import asked_in_order, top_of
from weft.compiler.qos.checks import too_much_for_line
from weft.compiler.qos.classify import Classed, Classifier, Where, classify
from weft.compiler.qos.handles import handle
from weft.compiler.qos.mechanisms import LINES, RATES, Choice, choose, lacked_by, lacked_leaf, leaf_for, line_for
from weft.compiler.qos.policy import Asked
from weft.compiler.qos.site import Direction, Site, Way
from weft.compiler.qos.tree import REST, Ground, Tree, build_tree
from weft.facts import FEATURES
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.table import NftTable
from weft.kinds.setting.link import ROOT_QDISC, LinkSetting
from weft.kinds.tc.leaves import Leaf
from weft.model.intent import Path
from weft.model.qos import QosDirection, QosMatch, Shape
from weft.records import dataclass
from weft.state import KernelObject

FAMILY = "netdev"
_NOTHING = Classifier(rules=(), sets=(), elements=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaping:
    """`path`: of the direction in the intent. `limits`, `line`: by what rates and impairments are kept, where there are
    any. `tree`: its numbers, even where nft alone keeps them. `root`: the queue that stands without a tree, and
    `root_choice` why. `sent`: the chain that knows senders, where classes are of cgroups; `within`: the one that the
    device's own then asks for a class. `needs`: features without which it cannot be."""

    site: Site
    asked: Asked
    direction: Direction
    way: Way
    path: Path
    limits: Choice[str] | None = None
    line: Choice[str] | None = None
    tree: Tree | None = None
    root: Leaf | None = None
    root_choice: Choice[object] | None = None
    classifier: Classifier = _NOTHING
    chain: NftChain | None = None
    sent: NftChain | None = None
    within: NftChain | None = None
    needs: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def knows_senders(self) -> bool:
        """Whether what passes has been through this namespace's output."""
        return self.way is Way.OUT and not self.site.is_far_end

    @property
    def has_queue(self) -> bool:
        return self.root is not None or self.is_tree

    @property
    def is_tree(self) -> bool:
        return self.limits is not None and self.limits.mechanism.emit == "tree"

    def ground(self) -> Iterator[KernelObject]:
        """What queues need: the ifb that they stand on, or that somebody else's root gives way."""
        if self.has_queue and self.way is Way.IN:
            yield self.site.ifb
        elif self.has_queue and self.asked.replace and self.site.is_foreign:
            yield LinkSetting(netns=self.site.netns, ifname=self.site.ifname, attribute=ROOT_QDISC, value="")

    @property
    def chains(self) -> tuple[NftChain, ...]:
        """In the order in which a packet meets them."""
        return tuple(chain for chain in (self.sent, self.chain, self.within) if chain is not None)

    @property
    def tables(self) -> Iterator[NftTable]:
        if self.sent is not None:
            yield senders.table(self.site)
        if self.chain is not None:
            yield NftTable(netns=self.site.netns, family=FAMILY, name=self.site.names.table)


def shapings(site: Site, asked: Asked | None) -> tuple[Shaping, ...]:
    """Both directions of a policy at a site, as far as it says anything of them."""
    if asked is None:
        return ()
    said: tuple[tuple[Direction, QosDirection | None], ...]
    said = (("egress", asked.policy.egress), ("ingress", asked.policy.ingress))
    return tuple(_shaping(site, asked, name, direction) for name, direction in said if direction is not None)


def _shaping(site: Site, asked: Asked, name: Direction, direction: QosDirection) -> Shaping:
    way, path = site.way(name), (*asked.path, name)
    bare = Shaping(site=site, asked=asked, direction=name, way=way, path=path)
    ground = _ground(site, way, direction)
    shaping = _with_queue(bare, direction, ground)
    shaping = _with_chain(shaping, direction)
    findings = (*shaping.findings, *_findings(shaping, direction, ground))
    return replace(shaping, needs=tuple(_needs(shaping)), findings=findings)


def _ground(site: Site, way: Way, direction: QosDirection) -> Ground:
    return Ground(
        scope=site.names.scope,
        netns=site.netns,
        ifname=site.queue_ifname(way),
        mtu=site.mtu,
        features=site.features,
        counting=numbers.counting(direction.layer, direction.overhead, numbers.frame_bytes(site.mtu)),
    )


def _with_queue(bare: Shaping, direction: QosDirection, ground: Ground) -> Shaping:
    line = choose(LINES, ground.features) if _lines(direction) else None
    if direction.classes or direction.rate is not None or direction.ceil is not None:
        tree = build_tree(top_of(direction, bare.path, _capacity_bps(bare)), ground)
        return replace(bare, limits=choose(RATES, ground.features), line=line, tree=tree)
    netem = line_for(direction.impairment, ground.features)
    wants_leaf = direction.leaf is not None or direction.latency is not None
    choice = netem or (leaf_for(direction.leaf, ground.features) if wants_leaf else None)
    if choice is None:
        return replace(bare, line=line)
    spot = replace(ground.spot, latency_us=direction.latency, handle=handle(ground.major))
    return replace(bare, line=line, root=choice.mechanism.emit(spot).held(), root_choice=choice)  # type: ignore[arg-type]


def _capacity_bps(shaping: Shaping) -> int | None:
    """What the line takes of what is sent; of what comes in nothing is said."""
    return shaping.site.capacity_bps if shaping.way is Way.OUT else None


def _lines(direction: QosDirection) -> list[tuple[Path, Shape]]:
    """Whatever has an impairment, with its path below the direction."""
    whole: list[tuple[Path, Shape]] = [((), direction)] if direction.impairment is not None else []
    return whole + [
        (("classes", name), held) for name, held in direction.classes.items() if held.impairment is not None
    ]


# the chain


def _with_chain(shaping: Shaping, direction: QosDirection) -> Shaping:
    tree, name = shaping.tree, shaping.site.chain_name(shaping.way)
    if tree is not None:
        shown, sent = senders.apart(asked_in_order(direction, tree))
        where = Where(netns=shaping.site.netns, family=FAMILY, table=shaping.site.names.table, prefix=name)
        shaping = replace(shaping, classifier=classify(shown, where))
        shaping = _with_senders(shaping, tree, sent)
    classes = (f"jump {shaping.within.name}",) if shaping.within is not None else tuple(_of_classes(shaping))
    rules = (*classes, *_afterwards(shaping, direction))
    if not rules:
        return shaping
    hook = "egress" if shaping.way is Way.OUT else "ingress"
    return replace(
        shaping,
        chain=replace(_bare_chain(shaping, name), rules=rules, type="filter", hook=hook, device=shaping.site.ifname),
    )


def _with_senders(shaping: Shaping, tree: Tree, sent: Sequence[Classed]) -> Shaping:
    if not sent or not shaping.knows_senders:
        return shaping
    within = _bare_chain(shaping, f"qos-class-{shaping.site.ifname}")
    return replace(
        shaping,
        sent=senders.output_chain(shaping.site, sent, tree.default),
        within=replace(within, rules=(senders.keeping(sent), *_of_classes(shaping))),
    )


def _bare_chain(shaping: Shaping, name: str) -> NftChain:
    site = shaping.site
    return NftChain(netns=site.netns, family=FAMILY, table=site.names.table, name=name)


def _of_classes(shaping: Shaping) -> Iterator[str]:
    """The rules that give packets their class."""
    if shaping.tree is not None:
        yield f"meta priority set {shaping.tree.default}"
    yield from shaping.classifier.rules


def _afterwards(shaping: Shaping, direction: QosDirection) -> Iterator[str]:
    """The rules for packets that have their class."""
    tree = shaping.tree
    yield from after.packet_rates(direction, tree)
    if tree is not None and not shaping.is_tree:
        yield from after.byte_rates(tree, 0 if shaping.way is Way.OUT else numbers.ETHERNET_HEADER)
    if shaping.line is not None and shaping.line.mechanism.emit == "rule":
        yield from after.losses(direction, tree)
    yield from after.dscp_marks(direction, tree)
    if shaping.has_queue and shaping.way is Way.IN:
        yield f'fwd to "{shaping.site.queue_ifname(Way.IN)}"'


def _needs(shaping: Shaping) -> Iterator[str]:
    if shaping.chain is not None:
        yield "nft_netdev"
        if shaping.way is Way.OUT:
            yield "nft_egress"
    if shaping.sent is not None:
        yield "nft_cgroup"
    if shaping.has_queue and shaping.way is Way.IN:
        yield from ("ifb", "nft_fwd")
    if shaping.tree is not None and shaping.limits is None:
        yield lacked_by(RATES, shaping.site.features)


# what cannot be, or not as wished


def _findings(shaping: Shaping, direction: QosDirection, ground: Ground) -> Iterator[Finding]:
    yield from _too_slow(shaping, direction, ground)
    yield from _before_nobody(shaping, direction)
    yield from _beyond_line(shaping, direction)
    yield from _unseen(shaping)
    if shaping.sent is not None:
        yield from senders.findings(shaping.site, shaping.path, direction)
    yield from _lacking(shaping, direction, ground)
    yield from _unmeasured(shaping, direction)


def _before_nobody(shaping: Shaping, direction: QosDirection) -> Iterator[Finding]:
    """Only what several share on the way out has a turn as a whole."""
    if not shaping.site.is_far_end and direction.priority is not None:
        what = f"nobody is beside {shaping.site.label} whom it could go before: its own `priority` has no effect"
        yield _warning((*shaping.path, "priority"), what, "the `priority` of a class")


def _too_slow(shaping: Shaping, direction: QosDirection, ground: Ground) -> Iterator[Finding]:
    frame = ground.frame
    for node in shaping.tree.nodes if shaping.tree else ():
        branch = node.branch
        for key, said in (("rate", branch.rate_bps), ("ceil", branch.ceil_bps)):
            wrong = numbers.too_slow(said, frame)
            if wrong is not None and branch.path[-1:] != (REST,):
                where = (*branch.origin, key) if branch.path else (*branch.origin, *_limit_key(direction))
                yield Finding(path=where, what=wrong[0], fix=wrong[1])


def _limit_key(direction: QosDirection) -> Path:
    """What says the limit of the whole; () where the line does."""
    return next(((key,) for key in ("ceil", "rate") if getattr(direction, key) is not None), ())


def _beyond_line(shaping: Shaping, direction: QosDirection) -> Iterator[Finding]:
    """A class within its guarantee asks nobody above: what is guaranteed beyond the line would go out all the same."""
    capacity_bps = _capacity_bps(shaping)
    if capacity_bps is not None and (what := too_much_for_line(direction, capacity_bps)):
        fix = "smaller rates, or a larger `capacity` if that is true"
        yield Finding(path=shaping.path, what=f"{what}, what {shaping.site.label} carries", fix=fix)


def _unseen(shaping: Shaping) -> Iterator[Finding]:
    """Matches of what a packet has lost, or not yet got, where it is classified."""
    site = shaping.site
    if shaping.knows_senders:
        return
    for path, match in matches_of(shaping):
        if match.mark:
            what = f"packets of {site.label} bear no mark where they are classified"
            yield Finding(path=(*path, "mark"), what=what, fix="a DSCP, which they keep; or the egress of a link")
        if match.cgroup:
            what = f"packets of {site.label} do not tell who sent them where they are classified"
            fix = "a DSCP that the sender sets; or the egress of a link"
            yield Finding(path=(*path, "cgroup"), what=what, fix=fix)


def matches_of(shaping: Shaping) -> Iterator[tuple[Path, QosMatch]]:
    """What all classes match, with the place of each in the policy."""
    direction: QosDirection | None = getattr(shaping.asked.policy, shaping.direction)
    for name, held in direction.classes.items() if direction is not None else ():
        for at, match in enumerate(held.match):
            yield (*shaping.path, "classes", name, "match", str(at)), match


def _lacking(shaping: Shaping, direction: QosDirection, ground: Ground) -> Iterator[Finding]:
    if shaping.limits is not None and shaping.limits.lacking:
        what = "this kernel lacks htb: nft drops what exceeds a limit, and keeps no guarantee and no priority"
        yield _warning(shaping.path, what, "load the kernel's sch_htb module", "htb")
    if shaping.line is not None and shaping.line.mechanism.emit == "rule":
        yield from _lines_lacking(shaping, direction)
    for path, leaf in _wanted_leaves(shaping, direction):
        if lacked := lacked_leaf(leaf, ground.features):
            yield _warning(path, *lacked, leaf)


def _lines_lacking(shaping: Shaping, direction: QosDirection) -> Iterator[Finding]:
    for below, held in _lines(direction):
        for key in ("delay", "jitter", "duplicate", "corrupt", "reorder"):
            if getattr(held.impairment, key):
                yield Finding(
                    path=(*shaping.path, *below, "impairment", key),
                    what=f"this kernel lacks netem ({FEATURES['netem']})",
                    fix="load the kernel's sch_netem module; loss alone works without",
                    cause=Cause.FEATURE,
                    feature="netem",
                )


def _wanted_leaves(shaping: Shaping, direction: QosDirection) -> Iterator[tuple[Path, str]]:
    if direction.leaf is not None:
        yield (*shaping.path, "leaf"), direction.leaf
    for name, held in direction.classes.items():
        if held.leaf is not None:
            yield (*shaping.path, "classes", name, "leaf"), held.leaf


def _unmeasured(shaping: Shaping, direction: QosDirection) -> Iterator[Finding]:
    """A guarantee is a share of something."""
    tree = shaping.tree
    if tree is None or tree.nodes[0].figures.limit_bps < numbers.UNLIMITED_BPS:
        return
    shared = [name for name, held in direction.classes.items() if held.rate and (held.ceil or 0) > held.rate]
    if shared:
        what = f"what {', '.join(shared)} are guaranteed is a share of nobody knows what"
        fix = "a `ceil` of the whole" + ("" if shaping.site.is_far_end else ", or the link's `capacity`")
        yield _warning(shaping.path, what, fix)


def _warning(path: Path, what: str, fix: str, feature: str = "") -> Finding:
    cause = Cause.FEATURE if feature else Cause.INTENT
    return Finding(path=path, what=what, fix=fix, severity="warning", cause=cause, feature=feature)
