"""What the SVG picture shows of each thing, and how much room that takes: cards, and grids of cards.

Rules: widths are reckoned for the widest of the usual monospace fonts, so that no text runs into another where the font
is narrower. A network of many ports says less of each: its name and first address; the rest is in the tooltip.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from weft.picture import words
from weft.picture.view import Condition, LinkView, PortView, RouterView
from weft.records import dataclass

FONT_PX = 11
CHAR_PX = 0.62 * FONT_PX
LINE_PX = 15
MANY = 24
"""From so many ports on a network's cards say less."""
MOST_CHARS = 44
"""As long as an IPv6 address with its prefix length; more is cut."""
MOST_ADDRESSES = 4

_INSET_PX = 10
_DOT_PX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """`title`: the name, and what is wrong with it where there is room. `told`: lines below. `hint`: the tooltip."""

    name: str
    title: str
    condition: Condition
    told: tuple[str, ...]
    hint: str

    @property
    def width(self) -> float:
        """px."""
        widest = max(len(self.title) + _DOT_PX / CHAR_PX, *map(len, self.told), 0)
        return widest * CHAR_PX + 2 * _INSET_PX

    @property
    def height(self) -> float:
        """px."""
        return (1 + len(self.told)) * LINE_PX + 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Cards of one size, that of the largest, in columns. px."""

    cards: tuple[Card, ...]
    card_width: float
    card_height: float
    columns: int
    gap: float
    lead: float

    @classmethod
    def of(cls, cards: Iterable[Card], room: float, *, gap: float = 12, lead: float = 14) -> Grid:
        """As many columns as `room` takes. `lead`: left of every card, for the line that it hangs on."""
        held = tuple(cards)
        width = max((card.width for card in held), default=0)
        height = max((card.height for card in held), default=0)
        fit = int((room + gap) // (lead + width + gap)) if held else 1
        columns = max(1, min(fit, len(held)))
        return cls(cards=held, card_width=width, card_height=height, columns=columns, gap=gap, lead=lead)

    @property
    def rows(self) -> int:
        return -(-len(self.cards) // self.columns)

    @property
    def width(self) -> float:
        return self.columns * (self.lead + self.card_width + self.gap) - self.gap if self.cards else 0

    @property
    def height(self) -> float:
        return self.rows * (self.card_height + self.gap) - self.gap if self.cards else 0

    def place(self, number: int) -> tuple[float, float]:
        """Where a card begins, from the grid's own corner."""
        row, column = divmod(number, self.columns)
        x = column * (self.lead + self.card_width + self.gap) + self.lead
        return x, row * (self.card_height + self.gap)

    def last_in(self, column: int) -> int:
        """The row of a column's last card."""
        return (len(self.cards) - 1 - column) // self.columns


def port_card(port: PortView, *, brief: bool) -> Card:
    told = () if brief else (words.port_place(port), *_some(port.addresses), *_some(words.outside(port)))
    hints = words.port_place(port), *port.addresses, words.floating(port), port.mac, _carried(port)
    card = _card(port.name, port.condition, told, *hints)
    return replace(card, title=card.name, told=(_in_brief(port),)) if brief else card


def _in_brief(port: PortView) -> str:
    """What is wrong with it, else its first address."""
    if port.condition is not Condition.UP:
        return words.condition(port.condition)
    return cut(port.addresses[0]) if port.addresses else ""


def router_card(router: RouterView) -> Card:
    how = f"router, {router.leads}" if router.leads else "router"
    told = (how, *_some(router.addresses), *_some(words.known_as(router)))
    return _card(router.name, router.condition, told, router.netns, words.router_place(router), _carried(router))


def router_elsewhere(router: RouterView, network: str) -> Card:
    """Of a router that stands beside another network."""
    return _card(router.name, router.condition, (f"router, at {network}",), router.netns)


def link_card(link: LinkView) -> Card:
    told = (words.link_kind(link), *_some(link.addresses))
    return _card(link.name, link.condition, told, words.mtu(link.mtu), link.mac, _carried(link))


def cut(text: str) -> str:
    return text if len(text) <= MOST_CHARS else text[: MOST_CHARS - 1] + "…"


def _card(name: str, condition: Condition, told: tuple[str, ...], *hints: str) -> Card:
    state = words.condition(condition)
    return Card(
        name=cut(name),
        title=cut(name) if condition is Condition.UP else f"{cut(name)} · {state}",
        condition=condition,
        told=tuple(map(cut, told)),
        hint="\n".join(filter(None, [f"{name}: {state}", *hints])),
    )


def _carried(seen: PortView | RouterView | LinkView) -> str:
    return words.traffic(seen.traffic)


def _some(addresses: tuple[str, ...]) -> tuple[str, ...]:
    if len(addresses) <= MOST_ADDRESSES:
        return addresses
    return (*addresses[: MOST_ADDRESSES - 1], f"and {len(addresses) - MOST_ADDRESSES + 1} more")
