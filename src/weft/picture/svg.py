"""The topology as an SVG that needs nothing but a browser: tenants as boxes, networks as buses that ports hang from.

Rules: routers stand right of a network's bus, and beside their other networks a small card says where. What leaves
them runs down the right-hand side to the host, which stands at the bottom: no two lines cross. Colours follow the
viewer's light or dark mode; a condition is told in words too. Sizes in px. Source: www.w3.org/TR/SVG2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from itertools import chain, cycle
from xml.sax.saxutils import escape

from weft.picture import words
from weft.picture.cards import CHAR_PX, LINE_PX, MANY, Card, Grid, link_card, port_card, router_card, router_elsewhere
from weft.picture.style import HUES, STYLE
from weft.picture.view import Condition, NetworkView, RouterView, SpaceView, TenantView, Topology
from weft.records import dataclass

ROOM = 1040.0
"""How wide the cards of a network may stand, before they begin a new row."""
MARGIN, PAD, GAP = 24.0, 16.0, 24.0
TITLE, HEADER, BUS = 46.0, 34.0, 26.0
"""Heights: of the picture's title; of a box's own; from a section's top to its bus."""
DROP = 16.0
"""From the bus to the first row of cards."""
BETWEEN = 8.0
"""From one router to the next below it."""
TRUNK = 22.0
"""From the boxes' right edge to the line that runs down to the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A bus with its name, the cards that hang from it, and the routers at its right end, below each other. `exits`:
    which of them lead out; `leads_out`: the bus itself. `hue` of the bus, None for cards without a bus."""

    title: str
    notes: str
    grid: Grid
    routers: tuple[Card, ...] = ()
    exits: tuple[bool, ...] = ()
    leads_out: bool = False
    hue: int | None = None

    @property
    def head(self) -> float:
        """Above the cards."""
        return BUS + DROP if self.hue is not None else (LINE_PX + 6 if self.title else 0)

    @property
    def width(self) -> float:
        return max(self.grid.width, (len(self.title) + len(self.notes) + 4) * CHAR_PX)

    @property
    def height(self) -> float:
        routers = sum(router.height + BETWEEN for router in self.routers)
        return max(self.head + self.grid.height, routers, BUS + 8 if self.hue is not None else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    title: str
    notes: str
    sections: tuple[Section, ...]
    condition: Condition = Condition.UP

    @property
    def height(self) -> float:
        return HEADER + sum(section.height + GAP for section in self.sections) - GAP + 2 * PAD


@dataclass(slots=True)
class Canvas:
    """Collects elements. `inner`: the width of what stands in a box; `routers`: the room right of that; `exits`: the
    heights at which something leaves the boxes."""

    inner: float
    routers: float
    elements: list[str] = field(default_factory=list)
    exits: list[float] = field(default_factory=list)

    @property
    def box_width(self) -> float:
        return self.inner + self.routers + 2 * PAD

    @property
    def trunk(self) -> float:
        return MARGIN + self.box_width + TRUNK

    def add(self, *elements: str) -> None:
        self.elements += elements


def svg(topology: Topology) -> str:
    """A whole document."""
    hues = cycle(range(HUES))
    boxes = [*(_tenant_box(tenant, hues) for tenant in topology.tenants), *_space_boxes(topology)]
    sections = list(chain.from_iterable(box.sections for box in boxes))
    routers = max((router.width for section in sections for router in section.routers), default=0)
    titles = ((len(box.title) + len(box.notes) + 6) * CHAR_PX * 1.2 for box in boxes)
    inner = max([*(section.width for section in sections), *titles, 320])
    canvas = Canvas(inner=inner, routers=routers + GAP if routers else 0)
    y = MARGIN + TITLE
    for box in boxes:
        _draw_box(canvas, box, y)
        y += box.height + GAP
    _draw_trunk(canvas)
    y = _draw_legend(canvas, topology, y)
    width = canvas.trunk + MARGIN if canvas.exits else 2 * MARGIN + canvas.box_width
    return _document(topology, canvas, width, y + MARGIN)


# What is in the boxes


def _tenant_box(tenant: TenantView, hues: Iterator[int]) -> Box:
    seats = _seats(tenant)
    sections = tuple(_network(network, tenant.routers, seats, next(hues)) for network in tenant.networks)
    notes = f"netns {tenant.netns}" if tenant.netns else "no network"
    return Box(title=f"tenant {tenant.name}", notes=notes, sections=sections, condition=tenant.condition)


def _seats(tenant: TenantView) -> dict[str, str]:
    """Beside which network each router stands: the first of its own where none stands yet, else the first."""
    seats: dict[str, str] = {}
    for router in tenant.routers:
        free = next((name for name in router.networks if name not in seats.values()), None)
        if router.networks:
            seats[router.name] = free or router.networks[0]
    return seats


def _network(network: NetworkView, routers: Sequence[RouterView], seats: Mapping[str, str], hue: int) -> Section:
    brief = len(network.ports) > MANY
    state = () if network.condition is Condition.UP else (words.condition(network.condition),)
    here = [router for router in routers if network.name in router.networks]
    here.sort(key=lambda router: seats[router.name] != network.name)
    seated = [seats[router.name] == network.name for router in here]
    return Section(
        title=network.name,
        notes="  ".join(filter(None, [*state, *words.standing(network), words.mtu(network.mtu)])),
        grid=Grid.of((port_card(port, brief=brief) for port in network.ports), ROOM),
        routers=tuple(
            router_card(router) if is_seat else router_elsewhere(router, seats[router.name])
            for router, is_seat in zip(here, seated, strict=True)
        ),
        exits=tuple(is_seat and bool(router.leads) for router, is_seat in zip(here, seated, strict=True)),
        hue=hue,
    )


def _space_boxes(topology: Topology) -> Iterator[Box]:
    for space in topology.namespaces:
        if space.links:
            yield Box(title=f"namespace {space.netns}", notes="", sections=(_links(space, egress=False),))
    is_left = any(router.leads for tenant in topology.tenants for router in tenant.routers)
    ways_out, others = _links(topology.host, egress=True), _links(topology.host, egress=False)
    sections = [_roads(ways_out)] if ways_out.grid.cards or is_left else []
    sections += [others] if others.grid.cards else []
    if sections:
        yield Box(title="host", notes="", sections=tuple(sections))


def _links(space: SpaceView, *, egress: bool) -> Section:
    cards = (link_card(link) for link in space.links if link.leads_out is egress)
    return Section(title="", notes="", grid=Grid.of(cards, ROOM, lead=14 if egress else 0))


def _roads(section: Section) -> Section:
    """The host's routing, as a bus to its ways out."""
    return Section(title="routes", notes="", grid=section.grid, leads_out=True, hue=HUES)


# Drawing


def _draw_box(canvas: Canvas, box: Box, y: float) -> None:
    state = "" if box.condition is Condition.UP else f" · {words.condition(box.condition)}"
    canvas.add(
        f'<rect class="box {box.condition.value}" x="{MARGIN:g}" y="{y:g}" width="{canvas.box_width:g}" '
        f'height="{box.height:g}" rx="10"/>',
        _text(MARGIN + PAD, y + PAD + 10, box.title + state, "title", box.notes),
    )
    at = y + PAD + HEADER
    for section in box.sections:
        _draw_section(canvas, section, MARGIN + PAD, at)
        at += section.height + GAP


def _draw_section(canvas: Canvas, section: Section, x: float, y: float) -> None:
    if section.title:
        canvas.add(_text(x, y + LINE_PX - 3, section.title, "name", section.notes))
    if section.hue is not None:
        _draw_bus(canvas, section, x, y + BUS)
    for number, card in enumerate(section.grid.cards):
        left, top = section.grid.place(number)
        _draw_card(canvas, card, x + left, y + section.head + top, section.grid.card_width, section.grid.card_height)


def _draw_bus(canvas: Canvas, section: Section, x: float, y: float) -> None:
    """The bus, the drops to its cards, and its routers."""
    right = MARGIN + PAD + canvas.inner + canvas.routers
    end = right - canvas.routers + GAP if section.routers else x + section.width
    end = right if section.leads_out else end
    canvas.add(f'<path class="bus h{section.hue}" d="M{x:g} {y:g}H{end:g}"/>')
    canvas.add(*(_drop(section, column, x, y) for column in range(section.grid.columns if section.grid.cards else 0)))
    _draw_routers(canvas, section, end, y)
    if section.leads_out:
        _draw_exit(canvas, right, y)


def _draw_routers(canvas: Canvas, section: Section, x: float, y: float) -> None:
    """The first at the end of its bus, the others on a line that goes down from there; and the ways out of them."""
    top, width = y - BUS + 6, canvas.routers - GAP
    for at, (router, leads_out) in enumerate(zip(section.routers, section.exits, strict=True)):
        joint = top + BUS - 6
        if at:
            canvas.add(f'<path class="drop h{section.hue}" d="M{x - BETWEEN:g} {y:g}V{joint:g}h{BETWEEN:g}"/>')
        _draw_card(canvas, router, x, top, width, router.height)
        if leads_out:
            _draw_exit(canvas, x + width, joint)
        top += router.height + BETWEEN


def _draw_exit(canvas: Canvas, x: float, y: float) -> None:
    canvas.exits.append(y)
    canvas.add(f'<path class="wire" d="M{x:g} {y:g}H{canvas.trunk:g}"/>')


def _drop(section: Section, column: int, x: float, y: float) -> str:
    """From the bus down along a column, with a stub to each of its cards."""
    grid = section.grid
    line = x + column * (grid.lead + grid.card_width + grid.gap) + grid.lead / 2
    last = grid.last_in(column)
    middles = [DROP + row * (grid.card_height + grid.gap) + grid.card_height / 2 for row in range(last + 1)]
    stubs = "".join(f"M{line:g} {y + middle:g}h{grid.lead / 2:g}" for middle in middles)
    return f'<path class="drop h{section.hue}" d="M{line:g} {y:g}v{middles[-1]:g}{stubs}"/>'


def _draw_card(canvas: Canvas, card: Card, x: float, y: float, width: float, height: float) -> None:
    lines = (_text(x + 10, y + 17 + (number + 1) * LINE_PX, line, "told") for number, line in enumerate(card.told))
    canvas.add(
        f'<g><title>{escape(card.hint)}</title><rect class="card {card.condition.value}" x="{x:g}" y="{y:g}" '
        f'width="{width:g}" height="{height:g}" rx="6"/>',
        f'<circle class="dot {card.condition.value}" cx="{x + 14:g}" cy="{y + 13:g}" r="4"/>',
        _text(x + 26, y + 17, card.title, "name"),
        *lines,
        "</g>",
    )


def _draw_trunk(canvas: Canvas) -> None:
    if canvas.exits:
        top, bottom = min(canvas.exits), max(canvas.exits)
        canvas.add(f'<path class="wire" d="M{canvas.trunk:g} {top:g}V{bottom:g}"/>')


def _draw_legend(canvas: Canvas, topology: Topology, y: float) -> float:
    """What the colours of the dots mean, of those that are there; the y below."""
    seen = set(topology.conditions())
    x = MARGIN + 6
    for condition in (condition for condition in Condition if condition in seen):
        word = words.condition(condition)
        canvas.add(
            f'<circle class="dot {condition.value}" cx="{x:g}" cy="{y + 4:g}" r="4"/>',
            _text(x + 10, y + 8, word, "told"),
        )
        x += 10 + (len(word) + 3) * CHAR_PX
    return y + 8


def _text(x: float, y: float, text: str, style: str, notes: str = "") -> str:
    """`notes`: more on the same line, less loud."""
    more = f'<tspan class="told" dx="12">{escape(notes)}</tspan>' if notes else ""
    return f'<text class="{style}" x="{x:g}" y="{y:g}">{escape(text)}{more}</text>'


def _document(topology: Topology, canvas: Canvas, width: float, height: float) -> str:
    networks = [network for tenant in topology.tenants for network in tenant.networks]
    ports = sum(len(network.ports) for network in networks)
    counts = ", ".join(
        _counted(number, noun)
        for number, noun in ((len(topology.tenants), "tenant"), (len(networks), "network"), (ports, "port"))
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" xml:space="preserve">',
            f"<title>{escape(topology.scope)}: {counts}</title>",
            f"<style>{STYLE}</style>",
            '<rect class="ground" width="100%" height="100%"/>',
            _text(MARGIN, MARGIN + 18, topology.scope, "scope", counts),
            *canvas.elements,
            "</svg>",
            "",
        ]
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
