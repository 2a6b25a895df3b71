"""The topology for Graphviz: `weft show --format dot | dot -Tsvg`. Source: graphviz.org/doc/info/lang.html."""

from __future__ import annotations

from collections.abc import Iterator

from weft.picture import words
from weft.picture.view import Condition, LinkView, SpaceView, TenantView, Topology

_STYLE: dict[Condition, str] = {
    Condition.UP: "solid",
    Condition.NO_CARRIER: "dashed",
    Condition.CHANGED: "bold",
    Condition.DOWN: "dotted",
    Condition.MISSING: "dotted",
}


def dot(topology: Topology) -> str:
    """One undirected graph."""
    return "\n".join(_lines(topology)) + "\n"


def _lines(topology: Topology) -> Iterator[str]:
    yield f"graph {_quoted(topology.scope)} {{"
    yield '  graph [rankdir=TB, fontname="sans-serif", compound=true]'
    yield '  node [shape=box, fontname="monospace", fontsize=10]'
    for tenant in topology.tenants:
        yield from _tenant(tenant)
    yield from _host(topology)
    for space in topology.namespaces:
        yield from _space(space, f"namespace {space.netns}")
    yield "}"


def _tenant(tenant: TenantView) -> Iterator[str]:
    yield f"  subgraph {_quoted('cluster tenant ' + tenant.name)} {{"
    yield f"    label={_quoted('tenant ' + tenant.name)}"
    for network in tenant.networks:
        node = f"network {tenant.name}/{network.name}"
        yield "    " + _node(
            node, network.condition, f"network {network.name}", *words.standing(network), shape="ellipse"
        )
        for port in network.ports:
            end = f"port {tenant.name}/{port.name}"
            told = (port.name, words.port_place(port), *port.addresses, *words.outside(port))
            yield "    " + _node(end, port.condition, *told)
            yield f"    {_quoted(node)} -- {_quoted(end)}"
    for router in tenant.routers:
        node = f"router {tenant.name}/{router.name}"
        told = (f"router {router.name}", *router.addresses, *words.known_as(router))
        yield "    " + _node(node, router.condition, *told, shape="diamond")
        for name in router.networks:
            yield f"    {_quoted(f'network {tenant.name}/{name}')} -- {_quoted(node)}"
    yield "  }"


def _host(topology: Topology) -> Iterator[str]:
    yield from _space(topology.host, "host")
    for tenant in topology.tenants:
        for router in tenant.routers:
            for link in topology.ways_out(router):
                ends = (f"router {tenant.name}/{router.name}", f"link /{link.name}")
                yield f"  {' -- '.join(map(_quoted, ends))} [label={_quoted(router.leads)}]"


def _space(space: SpaceView, title: str) -> Iterator[str]:
    if not space.links:
        return
    yield f"  subgraph {_quoted('cluster ' + title)} {{"
    yield f"    label={_quoted(title)}"
    for link in space.links:
        told = (words.link_kind(link), *link.addresses)
        yield "    " + _node(f"link {space.netns}/{link.name}", link.condition, link.name, *told)
    names = {link.name for link in space.links}
    for link in space.links:
        for other in _others(link, names):
            yield f"    {_quoted(f'link {space.netns}/{link.name}')} -- {_quoted(f'link {space.netns}/{other}')}"
    yield "  }"


def _others(link: LinkView, names: set[str]) -> Iterator[str]:
    """The links that this one hangs on, of those that are drawn."""
    return (other for other in (link.master, link.below) if other in names)


def _node(name: str, condition: Condition, *told: str, shape: str = "box") -> str:
    state = () if condition is Condition.UP else (words.condition(condition),)
    label = _quoted("\\n".join(map(_escaped, (*told, *state))), escaped=True)
    return f"{_quoted(name)} [label={label}, shape={shape}, style={_STYLE[condition]}]"


def _quoted(text: str, *, escaped: bool = False) -> str:
    return f'"{text if escaped else _escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
