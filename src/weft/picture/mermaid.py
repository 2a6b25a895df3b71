"""The topology as a Mermaid flowchart, for Markdown that draws it. Source: mermaid.js.org/syntax/flowchart.html."""

from __future__ import annotations

from collections.abc import Iterator

from weft.picture import words
from weft.picture.view import Condition, SpaceView, TenantView, Topology

_CLASSES = """\
  classDef no_carrier stroke-dasharray: 4 3
  classDef changed stroke:#8250df,stroke-width:2px
  classDef down stroke:#bf8700,stroke-width:2px
  classDef missing stroke:#cf222e,stroke-width:2px,stroke-dasharray: 2 3"""


def mermaid(topology: Topology) -> str:
    """One flowchart. Node ids are numbers, for names may be words of Mermaid's own."""
    return "\n".join(_Chart().lines(topology)) + "\n"


class _Chart:
    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def lines(self, topology: Topology) -> Iterator[str]:
        yield "flowchart TB"
        for tenant in topology.tenants:
            yield from self._tenant(tenant)
        yield from self._space(topology.host, "host")
        for space in topology.namespaces:
            yield from self._space(space, f"namespace {space.netns}")
        yield from self._ways_out(topology)
        yield _CLASSES

    def _tenant(self, tenant: TenantView) -> Iterator[str]:
        yield f'  subgraph {self._id(f"tenant {tenant.name}")}["tenant {_safe(tenant.name)}"]'
        for network in tenant.networks:
            bus = f"network {tenant.name}/{network.name}"
            yield "    " + self._node(
                bus, "([{}])", network.condition, f"network {network.name}", *words.standing(network)
            )
            for port in network.ports:
                end = f"port {tenant.name}/{port.name}"
                told = (port.name, words.port_place(port), *port.addresses, *words.outside(port))
                yield "    " + self._node(end, "[{}]", port.condition, *told)
                yield f"    {self._id(bus)} --- {self._id(end)}"
        for router in tenant.routers:
            node = f"router {tenant.name}/{router.name}"
            told = (f"router {router.name}", *router.addresses, *words.known_as(router))
            yield "    " + self._node(node, "{{{{{}}}}}", router.condition, *told)
            for name in router.networks:
                yield f"    {self._id(f'network {tenant.name}/{name}')} --- {self._id(node)}"
        yield "  end"

    def _space(self, space: SpaceView, title: str) -> Iterator[str]:
        if not space.links:
            return
        yield f'  subgraph {self._id(f"space {space.netns}")}["{_safe(title)}"]'
        names = {link.name for link in space.links}
        for link in space.links:
            node = f"link {space.netns}/{link.name}"
            yield "    " + self._node(node, "[{}]", link.condition, link.name, words.link_kind(link), *link.addresses)
        for link in space.links:
            for other in (link.master, link.below):
                if other in names:
                    pair = (f"link {space.netns}/{other}", f"link {space.netns}/{link.name}")
                    yield f"    {' --- '.join(map(self._id, pair))}"
        yield "  end"

    def _ways_out(self, topology: Topology) -> Iterator[str]:
        for tenant in topology.tenants:
            for router in tenant.routers:
                for link in topology.ways_out(router):
                    ends = self._id(f"router {tenant.name}/{router.name}"), self._id(f"link /{link.name}")
                    yield f"  {ends[0]} -- {_safe(router.leads)} --- {ends[1]}"

    def _node(self, name: str, shape: str, condition: Condition, *told: str) -> str:
        state = () if condition is Condition.UP else (words.condition(condition),)
        label = '"' + "<br>".join(map(_safe, (*told, *state))) + '"'
        dressed = "" if condition is Condition.UP else f":::{condition.name.lower()}"
        return f"{self._id(name)}{shape.format(label)}{dressed}"

    def _id(self, name: str) -> str:
        return self._ids.setdefault(name, f"n{len(self._ids)}")


def _safe(text: str) -> str:
    """Mermaid's own escapes for what would end a label or be taken for markup."""
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
