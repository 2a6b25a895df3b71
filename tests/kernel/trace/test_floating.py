"""Traces to floating IPs and forwards, from inside and outside: packets agree, and what somebody broke is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.external import give_external
from tests.kernel.floating.shop import FORWARD4, FORWARD6, FORWARDS, WEB, WEB4, WEB6, shop
from tests.kernel.trace.lab import Lab
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

ROUTER = "weft.lab.shop.edge"


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[Lab]:
    give_external(world)
    made = Lab(world, tmp_path / "weft.yaml")
    made.put(shop(WEB, FORWARDS))
    yield made


def translated(found: dict[str, Any]) -> list[str]:
    return [hop["said"] for hop in found["question"]["hops"] if hop["sort"] == "nat"]


@pytest.mark.parametrize(
    ("source", "target", "asked"),
    [
        ("api", WEB4, "tcp/80"),
        ("api", WEB6, "icmpv6"),
        ("db", WEB4, "icmp"),
        ("web", WEB4, "tcp/80"),
        ("ci", WEB6, "tcp/80"),
        ("ci", FORWARD4, "tcp/2222"),
        ("api", FORWARD6, "tcp/2203"),
    ],
)
def test_from_inside(lab: Lab, source: str, target: str, asked: str) -> None:
    found = lab.trace(source, target, asked, "--live")
    assert found["verdict"] == "passes" and found["live"]["differs"] == "" and found["live"]["answer"]
    assert set(found["live"]["confirmed"]) == {True}
    assert any(said.startswith(f"target {target} becomes ") for said in translated(found))


def test_from_outside_and_out(lab: Lab) -> None:
    assert lab.trace("external", WEB4, "icmp")["verdict"] == "passes" and lab.world.ping(WEB4, netns="world")
    found = lab.trace("external", FORWARD4, "tcp/2222")
    assert translated(found) == [f"target {FORWARD4} becomes 10.20.0.10, port 22"]
    assert "out" not in found["answer"]["hops"][-1]["place"] and found["answer"]["hops"][-1]["said"].startswith(
        "leaves by ext0"
    )
    lost = lab.trace("external", FORWARD4, "tcp/2223", code=3)
    assert lost["hints"][0]["said"].startswith(f"floating IP {FORWARD4} leads no tcp/2223 to any port: add ")
    out = lab.trace("web", "external", "icmp", "--live")
    assert translated(out) == [f"source 10.10.0.10 becomes {WEB4}"] and out["live"]["answer"] == "answered"
    assert set(out["live"]["confirmed"]) == {True}
    assert lab.trace("ci", FORWARD4, "tcp/2223", "--live", code=3)["live"]["differs"] == ""


def test_an_element_of_the_map_that_somebody_deleted(lab: Lab) -> None:
    lab.world.run("nft", f"delete element inet weft-lab floating4 {{ {WEB4} }}", netns=ROUTER)
    found = lab.trace("ci", WEB4, "icmp", "--live", code=3)
    assert found["verdict"] == "stops" and found["live"]["differs"] == "" and found["wanted"]["verdict"] == "passes"
    assert ("missing", "nft-element", ROUTER) in [(one["drift"], one["table"], one["netns"]) for one in found["drift"]]
    wanted = lab.trace("ci", WEB4, "icmp", "--live", "--state", "desired", code=3)
    told = "the question came to router shop/edge and is not sent on by front: no rule of nftables dropped it there"
    assert wanted["live"]["differs"] == told
    lab.world.run("weft", "apply", "-y", "-f", lab.file)
    lab.trace("ci", WEB4, "icmp", "--live")


LOSE_RULES = "ip rule | sed -n 's/^\\([0-9]*\\):.*iif wu.*/\\1/p' | while read n; do ip rule del pref $n; done"


def test_a_rule_that_led_out_and_is_gone(lab: Lab) -> None:
    """Without it the host sends by its own way out, where the tenant is not known."""
    lab.world.run("sh", "-ec", LOSE_RULES)
    assert "iif wu" not in lab.world.run("ip", "rule").stdout
    found = lab.trace("web", "external", "icmp")
    leaves = [hop["said"] for hop in found["question"]["hops"] if hop["said"].startswith("leaves by")]
    assert leaves == ["leaves by up0: what is beyond is not weft's"]
    assert ("missing", "rule") in [(one["drift"], one["table"]) for one in found["drift"]]
    wanted = lab.trace("web", "external", "icmp", "--live", "--state", "desired", code=3)
    told = "the question came to the host and is not sent on by ext0: no rule of nftables dropped it there"
    assert wanted["live"]["differs"] == told
