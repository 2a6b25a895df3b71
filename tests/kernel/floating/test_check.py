"""`weft check reach` asks floating IPs and forwardings, from ports of both tenants and from the host: clean as asked
for, and each fault shown red and named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.floating.shop import DB4, FORWARDS, WEB, WEB4, WEB6, shop
from tests.kernel.groups.lab import Lab
from weft.check.reach.tcp import NO_ROOM

pytestmark = pytest.mark.kernel

EDGE = "weft.lab.shop.edge"
FILE = shop(WEB, f"{DB4}: {{network: internet, port: db}}", FORWARDS)
SSH, DNS = "shop/203.0.113.11 tcp/2222", "shop/203.0.113.11 udp/5000-5009"
ASKING = ["shop/web", "shop/api", "shop/db", "dev/ci", "host"]


def check(lab: Lab, *words: str, code: int = 0) -> dict[str, Any]:
    done = lab.world.run("weft", "check", "reach", "-f", lab.file, "-o", "json", *words, check=False)
    assert done.returncode == code, f"{done.returncode}\n{done.stdout[-3000:]}{done.stderr}"
    return dict(json.loads(done.stdout))


def differing(found: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """By who was asked."""
    red: dict[str, list[dict[str, Any]]] = {}
    for pair in found["pairs"]:
        if pair["clean"] is False:
            red.setdefault(pair["to"], []).append(pair)
    return red


def blamed(pairs: list[dict[str, Any]]) -> set[tuple[str, str, str, str]]:
    """Whom all of the pairs name."""
    named = [{(s["drift"], s["table"], s["netns"], s["name"]) for s in pair["suspects"]} for pair in pairs]
    return set.intersection(*named)


def test_what_leads_to_ports_is_asked_from_everywhere(lab: Lab) -> None:
    lab.apply(FILE)
    before = lab.world.dump(settle_s=3)
    found = check(lab)
    assert found["clean"] and found["not_asked_from"] == ["internet"]
    asked = {(pair["from"], pair["to"]): pair for pair in found["pairs"]}
    for target in (f"shop/{WEB4}", "shop/2001:db8:1::10", SSH, DNS, "shop/2001:db8:1::11 tcp/2201-2203"):
        assert {pair["expected"] for way, pair in asked.items() if way[1] == target} == {"reach"}, target
        assert {way[0] for way in asked if way[1] == target} == set(ASKING), target
    assert [family["reached"] for family in asked["host", SSH]["families"]] == [{"tcp": True}]
    assert [family["reached"] for family in asked["dev/ci", DNS]["families"]] == [{"udp": True}]
    assert [way for way in asked if way[0] == "host" and way[1].partition("/")[2] in ("web", "db")] == []
    assert differences(before, lab.world.dump(settle_s=3)) == []


def test_who_lacks_the_family_is_named(lab: Lab) -> None:
    own, without = 'ci}, addresses: [10.10.0.10, "fd00:10::10"]', "ci}, addresses: [10.10.0.10]"
    head, dev, tail = FILE.partition("\n  dev:")
    lab.apply(head + dev + tail.replace(own, without).replace(', "fd00:10::/64"', ""))
    found = check(lab, "--port", WEB6, "--port", "dev/ci")
    assert {pair["why"] for pair in found["pairs"] if pair["from"] == "dev/ci"} == {"dev/ci has no IPv6 address"}


def test_a_service_that_has_the_port_answers_itself(lab: Lab) -> None:
    """By TCP: that it was the wanted one, its namespace counts. By UDP nobody else could tell."""
    lab.apply(FILE)
    lab.listen("db", "tcp/22")
    lab.listen("api", "udp/5000", "tcp/22")
    rules = "nft list ruleset"
    before = lab.world.run("sh", "-c", rules, netns="db").stdout
    busy = check(lab, "--port", SSH)
    assert busy["clean"] and busy["counts"]["as_asked"] == len(ASKING)
    assert {tuple(of["reached"].items()) for pair in busy["pairs"] for of in pair["families"]} == {(("tcp", True),)}
    assert lab.world.run("sh", "-c", rules, netns="db").stdout == before
    named = check(lab, "--port", DNS, code=3)
    assert named["counts"]["not_measurable"] == len(ASKING) and named["clean"] is None
    assert {pair["why"] for pair in named["pairs"]} == {
        "udp/5000 of 10.10.0.11 in namespace api is a service's, and only that could say who asks"
    }
    element = "forwards4 { 203.0.113.11 . tcp . 2222 %s}"
    lab.world.run("nft", "delete element inet weft-lab " + element % "", netns=EDGE)
    (pairs,) = differing(check(lab, "--port", SSH, code=3)).values()
    assert len(pairs) == len(ASKING) and {blame[1] for blame in blamed(pairs)} == {"nft-element"}
    lab.world.run("nft", "add element inet weft-lab " + element % ": 10.10.0.11 . 22 ", netns=EDGE)
    lab.demand("ci", passes=["tcp/203.0.113.11/2222"])
    (pairs,) = differing(check(lab, "--port", SSH, code=3)).values()
    assert {pair["families"][0]["notes"]["tcp"] for pair in pairs} == {"somebody else answers"}
    assert {blame[:2] for blame in blamed(pairs)} == {("changed", "nft-element")}
    lab.apply(FILE)
    lab.world.run("nft", "table inet mine { chain in { type filter hook input priority 0; }; }", netns="db")
    lab.world.run("nft", "add rule inet mine in tcp dport 22 reject with tcp reset", netns="db")
    (pairs,) = differing(check(lab, "--port", SSH, code=3)).values()
    assert {pair["families"][0]["notes"]["tcp"] for pair in pairs} == {"connection refused"}, "by no service"


def test_a_service_that_takes_no_more_calls_is_reached(lab: Lab) -> None:
    """That a call comes to it is no difference, and no answer is awaited; one that does not come is as ever."""
    lab.apply(FILE)
    lab.listen("db", "full/22")
    lab.demand("ci", stops=["tcp/203.0.113.11/2222"])
    busy = check(lab, "--port", SSH)
    assert busy["clean"] and busy["counts"]["as_asked"] == len(ASKING)
    assert {tuple(of["reached"].items()) for pair in busy["pairs"] for of in pair["families"]} == {(("tcp", True),)}
    assert {pair["families"][0]["notes"]["tcp"] for pair in busy["pairs"]} == {NO_ROOM}
    told = lab.world.run("weft", "check", "reach", "-f", lab.file, "--port", SSH).stdout
    assert f"{NO_ROOM}\n" in told and "5 of 5 pairs as asked" in told
    lab.world.run("nft", "table inet mine { chain in { type filter hook input priority 0; }; }", netns="db")
    lab.world.run("nft", "add rule inet mine in tcp dport 22 drop", netns="db")
    (pairs,) = differing(check(lab, "--port", SSH, code=3)).values()
    assert len(pairs) == len(ASKING) and not any(pair["families"][0]["notes"] for pair in pairs)


def test_elements_that_are_gone(lab: Lab) -> None:
    lab.apply(FILE)
    for name, element in (("floating4", WEB4), ("forwards4", "203.0.113.11 . tcp . 2222")):
        lab.world.run("ip", "netns", "exec", EDGE, "nft", f"delete element inet weft-lab {name} {{ {element} }}")
    red = differing(check(lab, code=3))
    assert set(red) == {f"shop/{WEB4}", SSH}
    assert [len(pairs) for pairs in red.values()] == [len(ASKING), len(ASKING)]
    for target, name in ((f"shop/{WEB4}", f"floating4 {WEB4}"), (SSH, "forwards4 203.0.113.11 . 6 . 2222")):
        (kind,) = {(drift, table, netns) for drift, table, netns, at in blamed(red[target]) if at.endswith(name)}
        assert kind == ("missing", "nft-element", EDGE)
        first = red[target][0]["suspects"][0]
        assert first["where"].startswith(f"{lab.file}:") and first["table"] == "nft-element"
    lab.apply(FILE)
    assert check(lab)["clean"]


def test_a_route_that_leads_elsewhere(lab: Lab) -> None:
    """In the external network's table, by which other routers' packets come where no rule leads them by the main one; a
    host that leads the address elsewhere itself is refused before anything is asked."""
    lab.apply(FILE)
    routes = lab.world.json("ip", "-j", "route", "show", "table", "all", "exact", f"{DB4}/32")
    (route,) = (route for route in routes if "table" in route)
    marked = ("table", route["table"], "proto", route["protocol"])
    lab.world.run("ip", "route", "replace", "unreachable", f"{DB4}/32", *marked)
    assert check(lab)["clean"], "it is not asked"
    lab.world.run("sh", "-c", "while ip rule del to 203.0.113.0/24; do :; done")
    red = differing(check(lab, code=3))
    assert {target: [pair["from"] for pair in pairs] for target, pairs in red.items()} == {f"shop/{DB4}": ["dev/ci"]}
    (pair,) = red[f"shop/{DB4}"]
    assert f"{DB4}/32 table {route['table']} metric 0" in [one["name"] for one in pair["suspects"]]
    assert any(one["name"].startswith("inet 1090 ") for one in pair["suspects"])
