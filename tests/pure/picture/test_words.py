"""The tree, dot and Mermaid say the same of a topology, each in its own syntax."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from tests.pure.picture.topologies import SMALL, link
from weft.picture.dot import dot
from weft.picture.mermaid import mermaid
from weft.picture.tree import tree
from weft.picture.view import Condition, Flow, SpaceView, TenantView, Topology
from weft.picture.words import flow, link_kind, network_kind, quantity

ODD = Topology(
    scope='a"b\\c',
    tenants=(TenantView(name='end "x" #1 <b>', condition=Condition.UP, netns="", networks=()),),
    host=SpaceView(netns="", links=()),
)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999.7, "1.00 kB"),
        (1000, "1.00 kB"),
        (12345, "12.3 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (123_456_789, "123 MB"),
        (5e18, "5000 PB"),
    ],
)
def test_quantities_have_three_digits(number: float, told: str) -> None:
    assert quantity(number, "B") == told


def test_a_rate_goes_before_a_sum() -> None:
    assert flow(Flow(bytes=5, packets=1, lost=0, rate_bps=9_560_000.0, rate_pps=1.0)) == "9.56 Mbit/s"
    assert flow(Flow(bytes=5, packets=1, lost=2)) == "5 B (2 lost)"


def test_the_columns_of_the_tree_stand_below_each_other() -> None:
    lines = tree(SMALL)[1:]
    states = {line.index(found.group()) for line in lines if (found := re.search(r"  (up|no carrier|missing)\b", line))}
    assert len(states) == 1
    macs = {line.index("02:00") for line in lines if "port" in line}
    assert len(macs) == 1


def test_the_tree_is_drawn_to_its_last_branch() -> None:
    lines = tree(SMALL)
    assert lines[0] == "lab"
    assert [line[:3] for line in lines[1:] if not line.startswith(("│", " "))] == ["├─ ", "├─ ", "├─ ", "└─ "]


def test_paint_does_not_move_anything() -> None:
    painted = tree(SMALL, lambda text, condition: f"\033[1m{text}\033[0m")
    assert [re.sub(r"\033\[.m", "", line) for line in painted] == tree(SMALL)


@pytest.mark.parametrize(
    ("links", "whole"),
    [
        ((Condition.UP, Condition.NO_CARRIER), "up"),
        ((Condition.UP, Condition.DOWN), "changed"),
        ((Condition.UP, Condition.MISSING), "changed"),
        ((Condition.MISSING, Condition.MISSING), "missing"),
    ],
)
def test_a_place_is_changed_where_a_link_of_it_is_not_as_asked(links: tuple[Condition, ...], whole: str) -> None:
    host = SpaceView(netns="", links=tuple(link(f"l{n}", condition) for n, condition in enumerate(links)))
    assert tree(Topology(scope="lab", tenants=(), host=host))[1].split() == ["└─", "host", whole]


def test_links_and_networks_say_which_one_they_are() -> None:
    assert link_kind(replace(link("v5", kind="vlan", below="bond0"), about="5")) == "vlan 5 on bond0"
    assert link_kind(replace(link("b", kind="bond"), about="802.3ad", master="br")) == "bond 802.3ad, in br"
    assert network_kind(replace(SMALL.tenants[0].networks[1], segment="on vlan 5 of e1")) == "on vlan 5 of e1  mtu 1500"


@pytest.mark.parametrize("name", ["web", "vm0", "db", "me", "eth0", "bond0", "v5", "b"])
def test_dot_and_mermaid_have_everything(name: str) -> None:
    assert re.search(rf'label="{name}\\n', dot(SMALL)) and re.search(rf'"{name}<br>', mermaid(SMALL))


def test_every_node_that_mermaid_joins_is_there() -> None:
    lines = mermaid(SMALL).splitlines()
    made = {found[1] for line in lines if (found := re.match(r"\s+(?:subgraph )?(n\d+)[\[({]", line))}
    joined = [
        found.groups() for line in lines if (found := re.match(r"\s+(n\d+) --.*--- (n\d+)|\s+(n\d+) --- (n\d+)", line))
    ]
    ends = {end for pair in joined for end in pair if end}
    assert ends and ends <= made


def test_quotes_and_markup_in_names() -> None:
    assert r'graph "a\"b\\c" {' in dot(ODD)
    assert 'n0["tenant end #quot;x#quot; #35;1 #lt;b#gt;"]' in mermaid(ODD)


@pytest.mark.skipif(not shutil.which("dot"), reason="graphviz is not installed")
@pytest.mark.parametrize("topology", [SMALL, ODD])
def test_graphviz_draws_it(topology: Topology) -> None:
    drawn = subprocess.run(["dot", "-Tplain"], input=dot(topology), capture_output=True, text=True, check=False)
    assert drawn.returncode == 0 and drawn.stderr == ""
