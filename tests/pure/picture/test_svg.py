"""The SVG picture is whole, and nothing in it runs into anything else: reckoned from the document itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, pairwise
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from tests.pure.picture.topologies import SMALL, crowded, link, network, port, router
from weft.picture.svg import svg
from weft.picture.view import Condition, SpaceView, TenantView, Topology

NS = "{http://www.w3.org/2000/svg}"
SIZES = {"scope": 18, "title": 13, "name": 11, "told": 11}
WIDEST = 0.605
"""Of the usual monospace fonts (DejaVu Sans Mono, Menlo), a character's width as a part of its size."""


class Area(NamedTuple):
    what: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area) -> bool:
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.bottom <= other.top or other.bottom <= self.top)

    def holds(self, other: Area) -> bool:
        return self.left <= other.left and other.right <= self.right and self.top <= other.top <= self.bottom


def root(topology: Topology) -> ElementTree.Element:
    return ElementTree.fromstring(svg(topology))


def texts(document: ElementTree.Element) -> Iterator[Area]:
    for found in document.iter(f"{NS}text"):
        size = SIZES[found.attrib["class"]]
        width = len(found.text or "") * size * WIDEST
        width += sum(12 + len(span.text or "") * 11 * WIDEST for span in found)
        x, y = float(found.attrib["x"]), float(found.attrib["y"])
        yield Area("".join(found.itertext()), x, y - 0.8 * size, x + width, y + 0.2 * size)


def rects(document: ElementTree.Element, style: str) -> list[Area]:
    return [
        Area(
            style,
            x := float(r.attrib["x"]),
            y := float(r.attrib["y"]),
            x + float(r.attrib["width"]),
            y + float(r.attrib["height"]),
        )
        for r in document.iter(f"{NS}rect")
        if r.attrib["class"].split()[0] == style
    ]


JOINED = Topology(
    scope="joined",
    tenants=(
        TenantView(
            name="shop",
            condition=Condition.UP,
            netns="weft.joined.shop",
            networks=(network("front", (port("web"),)), network("back", (port("db"),)), network("lone", ())),
            routers=tuple(
                replace(router(name), networks=networks, outside=outside)
                for name, networks, outside in (
                    ("edge", ("front", "back"), ("203.0.113.2/32",)),
                    ("inner", ("back", "lone"), ()),
                    ("more", ("front",), ()),
                )
            ),
        ),
    ),
    host=SpaceView(netns="", links=(link("eth0"),)),
)
"""Routers of several networks, and more than one on a network."""

TOPOLOGIES = {
    "joined": JOINED,
    "small": SMALL,
    "200 ports": crowded(200),
    "200 missing": crowded(200, Condition.MISSING),
    "as many as are told in full": crowded(24, Condition.NO_CARRIER),
    "one": crowded(1),
    "nothing": Topology(scope="nothing", tenants=(), host=SpaceView(netns="", links=())),
}


@pytest.mark.parametrize("topology", TOPOLOGIES.values(), ids=TOPOLOGIES.keys())
def test_nothing_runs_into_anything(topology: Topology) -> None:
    document = root(topology)
    written = list(texts(document))
    assert [(a.what, b.what) for a, b in combinations(written, 2) if a.meets(b)] == []
    cards, boxes = rects(document, "card"), rects(document, "box")
    assert [pair for pair in combinations(cards, 2) if pair[0].meets(pair[1])] == []
    assert all(any(box.holds(card) for box in boxes) for card in cards)
    _, _, width, height = map(float, document.attrib["viewBox"].split())
    page = Area("page", 0, 0, width, height)
    assert [area.what for area in (*written, *boxes) if not page.holds(area)] == []
    on_cards = [(text, card) for text in written for card in cards if text.meets(card)]
    assert [text.what for text, card in on_cards if not card.holds(text)] == []


def test_every_name_and_address_is_told() -> None:
    told = svg(SMALL)
    for word in ("web", "vm0 · no carrier", "db · missing", "netns weft.lab.shop", "as 198.18.0.1/32", "vlan on bond0"):
        assert word in told
    assert "in 1.24 MB  out 12 B (3 lost)" in told


def test_each_router_is_there_once_and_referred_to_at_its_other_networks() -> None:
    told = [area.what for area in texts(root(JOINED))]
    assert [told.count(name) for name in ("edge", "inner", "more")] == [2, 2, 1]
    assert [told.count(f"router, at {name}") for name in ("front", "back", "lone")] == [1, 1, 0]
    assert told.count("as 203.0.113.2/32") == 1


def test_as_many_cards_as_ports() -> None:
    assert len(rects(root(crowded(200)), "card")) == 200 + 2  # and the router, and the way out


def test_names_are_no_markup() -> None:
    text = svg(Topology(scope="<&>\"'", tenants=(), host=SpaceView(netns="", links=())))
    assert ElementTree.fromstring(text).findtext(f"{NS}text") == "<&>\"'"


def test_what_leaves_meets_at_the_host() -> None:
    """The line down the side ends where the lines from the routers and from the host's bus end."""
    wires = [path.attrib["d"] for path in root(SMALL).iter(f"{NS}path") if path.attrib["class"] == "wire"]
    *exits, trunk = ([float(number) for number in re.findall(r"[\d.]+", wire)] for wire in wires)
    assert len(exits) == 2 and all(wire[2] == trunk[0] for wire in exits)
    assert {trunk[1], trunk[2]} == {wire[1] for wire in exits}


def test_a_dark_ground_has_colours_of_its_own() -> None:
    style = root(SMALL).findtext(f"{NS}style") or ""
    light, dark = style.split("@media(prefers-color-scheme:dark)")
    for condition in Condition:
        colours = [re.findall(rf"\.dot\.{condition.value}{{fill:(#\w+)}}", part) for part in (light, dark)]
        assert all(colours) and colours[0] != colours[1]
    assert all(a != b for a, b in pairwise(re.findall(r"\.ground,\.card{fill:(#\w+)}", style)))
