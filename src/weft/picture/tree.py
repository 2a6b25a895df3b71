"""The topology as lines of text: a tree on the left, what is known of each thing in columns beside it.

Rules: a column is as wide as its widest cell, but for cells beyond WIDEST, which push the rest of their own line only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from weft.picture import words
from weft.picture.view import Condition, LinkView, NetworkView, PortView, RouterView, SpaceView, TenantView, Topology
from weft.records import dataclass

WIDEST = 44

Paint = Callable[[str, Condition], str]
"""Dresses the word for a condition, without changing its width as it is seen."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A line, and those below it."""

    name: str
    condition: Condition
    cells: tuple[str, ...]
    below: Sequence[Branch] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    condition: Condition
    cells: tuple[str, ...]


def tree(topology: Topology, paint: Paint = lambda text, condition: text) -> list[str]:
    """The lines. `paint`: colours, where they are wanted."""
    rows = list(_rows([*map(_tenant, topology.tenants), *_spaces(topology)]))
    names = max((len(row.name) for row in rows), default=0)
    states = max((len(words.condition(row.condition)) for row in rows), default=0)
    widths = _widths([row.cells for row in rows])
    lines = [topology.scope]
    for row in rows:
        word = words.condition(row.condition)
        state = paint(word, row.condition) + " " * (states - len(word))
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row.cells, widths, strict=True) if width)
        lines.append(f"{row.name.ljust(names)}  {state}  {cells}".rstrip())
    return lines


def _widths(rows: Iterable[tuple[str, ...]]) -> list[int]:
    """0 for a column with nothing in it."""
    return [
        max((len(cell) for cell in column if len(cell) <= WIDEST), default=WIDEST if any(column) else 0)
        for column in zip(*rows, strict=True)
    ]


def _rows(branches: Sequence[Branch], indent: str = "") -> Iterator[_Row]:
    for number, branch in enumerate(branches, 1):
        is_last = number == len(branches)
        yield _Row(f"{indent}{'└─ ' if is_last else '├─ '}{branch.name}", branch.condition, branch.cells)
        yield from _rows(branch.below, indent + ("   " if is_last else "│  "))


# Cells: where, addresses, kind or MAC, traffic


def _tenant(tenant: TenantView) -> Branch:
    below = [*map(_network, tenant.networks), *map(_router, tenant.routers)]
    where = f"netns {tenant.netns}" if tenant.netns else ""
    return Branch(f"tenant {tenant.name}", tenant.condition, (where, "", "", ""), below)


def _network(network: NetworkView) -> Branch:
    bridge = f"bridge {network.bridge}" if network.bridge else "no bridge"
    cells = (bridge, " ".join(network.subnets), words.network_kind(network), "")
    return Branch(f"network {network.name}", network.condition, cells, [*map(_port, network.ports)])


def _port(port: PortView) -> Branch:
    told = "  ".join(filter(None, [port.mac, words.floating(port)]))
    cells = (words.port_place(port), " ".join(port.addresses), told, words.traffic(port.traffic))
    return Branch(f"port {port.name}", port.condition, cells)


def _router(router: RouterView) -> Branch:
    outside = f"as {' '.join(router.outside)}" if router.outside else ""
    told = "  ".join(filter(None, [words.router_place(router), outside]))
    cells = (f"netns {router.netns}", " ".join(router.addresses), told, words.traffic(router.traffic))
    return Branch(f"router {router.name}", router.condition, cells)


def _spaces(topology: Topology) -> Iterator[Branch]:
    for space in (*topology.namespaces, topology.host):
        if space.links:
            yield _space(space)


def _space(space: SpaceView) -> Branch:
    name = f"namespace {space.netns}" if space.netns else "host"
    return Branch(name, _condition(space), ("", "", "", ""), [*map(_link, space.links)])


def _condition(space: SpaceView) -> Condition:
    """Of a place as a whole, where a link without a carrier is none of its faults."""
    seen = {link.condition for link in space.links}
    if seen == {Condition.MISSING}:
        return Condition.MISSING
    return Condition.UP if seen <= {Condition.UP, Condition.NO_CARRIER} else Condition.CHANGED


def _link(link: LinkView) -> Branch:
    cells = (words.link_kind(link), " ".join(link.addresses), link.mac, words.traffic(link.traffic))
    return Branch(f"link {link.name}", link.condition, cells)
