"""What is shaped here, by whom it is for: what `weft qos show` looks at and `weft qos explain` explains.

Rules: a name means a port (`TENANT/PORT`, or `PORT` for each that bears it) or a link of the host; one that is neither
is refused. Trees of others are shown where they stand at links of the host, never explained: nobody knows why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from weft.backends.queues import QueueGlance, QueueReader
from weft.compiler import CompileError, planted
from weft.compiler.qos.planted import Planted
from weft.compiler.qos.tree import REST, Node
from weft.errors import IntentInvalid, Problem, Refused, WeftError
from weft.files import Loaded
from weft.model.intent import Path
from weft.model.words import closest
from weft.picture.queues import TreeView
from weft.picture.reasons import Explanation, explanation
from weft.records import dataclass
from weft.service.qos_missing import parted
from weft.service.queues import Queued, tree_of
from weft.service.service import Service
from weft.state import HOST, Key, link_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is planted, and the intent that asks for it. `is_gone`: there is nothing for it to stand on."""

    loaded: Loaded
    planted: Planted
    is_gone: bool = False


def find(service: Service, intents: Sequence[Loaded], missed: list[WeftError]) -> list[Found]:
    """All that is shaped. `missed`: takes the links that are gone, and why one of several cannot be thought through; of
    a single one that is raised. Raises: as Service.prepare."""
    found = []
    for loaded in intents:
        try:
            found += _found(service, loaded, missed)
        except WeftError as error:
            if len(intents) == 1:
                raise
            missed.append(error)
    return found


def _found(service: Service, loaded: Loaded, missed: list[WeftError]) -> list[Found]:
    prepared = service.prepare(loaded, lenient=True)
    assert prepared.facts is not None
    lacking = [one for one in prepared.left_out if one.missing]
    if lacking:
        missed.append(Refused.of([one.at(loaded.origins.at(one.path)) for one in lacking]))
    try:
        told = planted(loaded.intent, prepared.facts, lenient=True)
    except CompileError as error:
        raise error.told(loaded.origins.at) from None
    found = parted(prepared, told)
    return [
        *(Found(loaded=loaded, planted=one) for one in found.standing),
        *(Found(loaded=loaded, planted=one, is_gone=True) for one, _ in found.gone),
    ]


def looks(
    service: Service, intents: Sequence[Loaded], name: str | None, missed: list[WeftError]
) -> Iterator[list[TreeView]]:
    """What queues, again and again, at the pace of whoever asks; from the second on with rates. `missed`: as of `find`.
    Raises: IntentInvalid where the name is nobody's."""
    found = find(service, intents, missed)
    queued = [
        _queued(one, shown)
        for one in found
        if (shown := shown_of(name, one.planted)) != set() and (one.planted.tree or _queues(one.planted))
        if not one.is_gone
    ]
    before: QueueGlance | None = None
    reader = QueueReader(service.namespaces)
    try:
        while True:
            now = reader.read([one.link for one in queued], whole=[HOST])
            others = _others(now, name, {one.planted.link for one in found})
            if name is not None:
                demand_known(name, intents, [key.name for key in now.links if key.netns == HOST])
            yield [view for one in (*queued, *others) if (view := tree_of(one, now, before)) is not None]
            before = now
    finally:
        reader.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """`where`: makes `file:line:column` of a path of the intent."""

    explanation: Explanation
    where: Callable[[Iterable[str]], str]


def explain(service: Service, intents: Sequence[Loaded], name: str) -> list[Explained]:
    """All that shapes the port or link of that name. Raises: IntentInvalid where it is nobody's, and as `find` where
    nothing of that name was found."""
    missed: list[WeftError] = []
    found = find(service, intents, missed)
    told = [
        Explained(explanation=explanation(one.planted, carrier_of, shown), where=one.loaded.origins.at)
        for one in found
        if not one.is_gone and (shown := shown_of(name, one.planted)) != set()
    ]
    if not told and missed:
        raise missed[0]
    if not told:
        demand_known(name, intents, _host_links(service))
    return told


def is_meant(name: str, path: Path) -> bool:
    """Whether the port or link at a path is called so."""
    match path:
        case ("tenants", tenant, "ports", port):
            return name in (port, f"{tenant}/{port}")
        case ("host", "links", ifname):
            return name == ifname
        case ("namespaces", netns, "links", ifname):
            return name in (ifname, f"{netns}/{ifname}")
    return False


def carrier_of(path: Path) -> str:
    """For people: `port shop/web`, `link eth0`."""
    match path:
        case ("tenants", tenant, ("ports" | "networks") as kind, name):
            return f"{kind[:-1]} {tenant}/{name}"
        case ("tenants", tenant):
            return f"tenant {tenant}"
        case ("host", "links", ifname):
            return f"link {ifname}"
        case ("namespaces", netns, "links", ifname):
            return f"link {netns}/{ifname}"
    return " ".join(path)


def class_name(node: Node, is_shared: bool) -> str:
    """As the file has it; in a tree that several share, whose it is."""
    path = node.branch.path
    if not path:
        return "(all)"
    if path == (REST,):
        return "(default)"
    if path[-1] == REST:
        return "(rest)"
    return carrier_of(node.branch.origin) if is_shared else path[-1]


def shown_of(name: str | None, one: Planted) -> set[str] | None:
    """The numbers of the classes that are the port's or link's of that name, and of what they are part of; None for
    all."""
    if name is None or is_meant(name, one.path):
        return None
    if one.tree is None or one.shaping is not None:
        return set()
    meant = [node.branch.path for node in one.tree.nodes if node.branch.path and is_meant(name, node.branch.origin)]
    within = {path[:depth] for path in meant for depth in range(len(path) + 1)}
    return {node.classid for node in one.tree.nodes if node.branch.path in within}


def demand_known(name: str, intents: Sequence[Loaded], links: Sequence[str]) -> None:
    """Raises: IntentInvalid where neither a port nor a link is called so."""
    carriers = [path for loaded in intents for path in _carriers(loaded)]
    if name in links or any(is_meant(name, path) for path in carriers):
        return
    known = [carrier_of(path).partition(" ")[2] for path in carriers]
    meant = closest(name, [*known, *links])
    fix = f"did you mean {meant}?" if meant else f"the links of the host: {', '.join(links)}"
    raise IntentInvalid([Problem(where=name, what="is neither a port nor a link", fix=fix)])


# inside


def _host_links(service: Service) -> list[str]:
    reader = QueueReader(service.namespaces)
    try:
        return [key.name for key in reader.read((), whole=[HOST]).links]
    finally:
        reader.close()


def _carriers(loaded: Loaded) -> Iterator[Path]:
    intent = loaded.intent
    for tenant, held in intent.tenants.items():
        yield from (("tenants", tenant, "ports", port) for port in held.ports)
    yield from (("host", "links", ifname) for ifname in (intent.host.links if intent.host else ()))
    for netns, config in intent.namespaces.items():
        yield from (("namespaces", netns, "links", ifname) for ifname in config.links)


def _queues(one: Planted) -> bool:
    return one.shaping is not None and one.shaping.has_queue


def _queued(found: Found, shown: set[str] | None) -> Queued:
    one = found.planted
    path = one.shaping.path if one.shaping else one.path
    return Queued(
        link=one.link,
        carrier=carrier_of(one.path),
        direction=one.direction,
        where=found.loaded.origins.at(path),
        handle=_handle(one),
        names={node.classid: class_name(node, one.shaping is None) for node in one.tree.nodes} if one.tree else {},
        shown=shown,
    )


def _handle(one: Planted) -> str:
    if one.tree is not None:
        return f"{one.tree.ground.major:x}:"
    return (one.shaping.root.handle or "") if one.shaping and one.shaping.root else ""


def _others(now: QueueGlance, name: str | None, ours: set[Key]) -> list[Queued]:
    """What stands at links of the host and is nobody's here."""
    return [
        Queued(link=key, carrier=f"link {key.name}", direction="", where="", handle="", names={})
        for key in now.links
        if key not in ours and name in (None, key.name) and key == link_key(HOST, key.name)
    ]
