"""What a kernel would hold of links that a file made, said again as a file: that one wants nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.compiler import compile
from weft.decompile import decompile
from weft.diff import differing_fields
from weft.facts import FEATURES, Facts
from weft.files import load_text
from weft.kinds.link.common import Link
from weft.state import HOST, State

FACTS = Facts(host_id="h0", features=frozenset(FEATURES))
MTUS = st.sampled_from([1280, 1400, 1500, 9000])


def links(**kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A link of a kind, each of whose words is said or not."""
    return st.fixed_dictionaries({}, optional=kinds)


KINDS = {
    "d": links(mtu=MTUS, up=st.booleans()).map(lambda said: {"kind": "dummy", **said}),
    "br": links(
        mtu=MTUS,
        stp=st.booleans(),
        priority=st.integers(0, 65535),
        ageing_time=st.integers(10, 600),
        mcast_snooping=st.booleans(),
    ).map(lambda said: {"kind": "bridge", **said}),
    "v": links(mtu=MTUS).map(lambda said: {"kind": "veth", "peer": "w", **said}),
    "bond": links(
        miimon=st.sampled_from([50, 100]), primary_reselect=st.sampled_from(["always", "better", "failure"])
    ).map(lambda said: {"kind": "bond", "mode": "active-backup", "members": ["m"], **said}),
    "m": st.just({"kind": "dummy"}),
    "vl": links(protocol=st.sampled_from(["802.1q", "802.1ad"]), gvrp=st.booleans()).map(
        lambda said: {"kind": "vlan", "link": "d", "vid": 5, **said}
    ),
    "vx": links(learning=st.booleans(), ttl=st.integers(1, 255), remotes=st.just(["192.0.2.2", "192.0.2.3"])).map(
        lambda said: {"kind": "vxlan", "vni": 7, "local": "192.0.2.1", **said}
    ),
    "g": links(ttl=st.integers(1, 255)).map(
        lambda said: {"kind": "gre", "local": "192.0.2.1", "remote": "192.0.2.9", **said}
    ),
    "red": st.integers(10, 99).map(lambda table: {"kind": "vrf", "table": table}),
    "mv": st.sampled_from(["bridge", "private", "vepa"]).map(
        lambda mode: {"kind": "macvlan", "link": "d", "mode": mode}
    ),
    "t": links(queues=st.sampled_from([1]), vnet_hdr=st.booleans()).map(lambda said: {"kind": "tap", **said}),
}
ADDRESSES = st.lists(st.sampled_from(["10.1.0.1/24", "10.2.0.1/16", "fd00::1/64"]), unique=True, max_size=2)


@st.composite
def hosts(draw: st.DrawFn) -> dict[str, Any]:
    found = {name: draw(kind) for name, kind in KINDS.items()}
    found["d"]["addresses"] = draw(ADDRESSES)
    if not found["d"].get("up", True):
        found["vl"]["up"] = False  # nor could it come up
    if draw(st.booleans()):
        found["v"]["master"] = "br"
    routes = draw(st.lists(st.sampled_from(["10.30.0.0/16", "fd30::/48"]), unique=True, max_size=2))
    return {"links": found, "routes": [{"to": to, "dev": "d", "metric": draw(st.integers(1, 99))} for to in routes]}


def made(host: dict[str, Any]) -> State:
    document = {"weft": 1, "name": "lab", "host": host}
    return compile(load_text("f", yaml.safe_dump(document)).intent, FACTS).state


@settings(max_examples=60, deadline=None)
@given(hosts())
def test_a_file_made_of_what_a_file_made_wants_nothing_else(host: dict[str, Any]) -> None:
    there = State((key, _unmarked(obj)) for key, obj in made(host).items())
    said = decompile(there, [HOST])[HOST]
    assert said.unsaid == []
    wanted = made(said.config)
    assert wanted.keys() == there.keys()
    for key, want in wanted.items():
        differing = [name for name in differing_fields(there[key], want) if name != "alias"]
        assert differing == [], (key, differing, said.config)


def _unmarked(obj: Any) -> Any:
    """As somebody else would have made it."""
    return replace(obj, alias="") if isinstance(obj, Link) else obj
