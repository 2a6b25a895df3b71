"""`was:` of links and namespaces: nothing is made anew, traffic goes on, and what refers to the new name finds it."""

from __future__ import annotations

import pytest

from tests.dump import differences
from tests.world import World
from weft.errors import IntentInvalid
from weft.files import loads_stored
from weft.service import Prepared, Service

pytestmark = pytest.mark.kernel

FILE = """
weft: 1
name: lab
tenants:
  t:
    networks: {{lan: {{subnets: [10.9.0.0/24]}}, out: {{segment: {{link: {bridge}}}, subnets: [10.7.0.0/24]}}}}
    ports:
      a: {{network: lan, attach: {{netns: {space}}}, addresses: [10.9.0.10]}}
      b: {{network: lan, attach: {{netns: b}}, addresses: [10.9.0.11]}}
host:
  sysctls: {{net.ipv4.conf.{bridge}.proxy_arp: 1}}
  links:
    {bridge}: {{kind: bridge, addresses: [10.7.0.1/24] {was}}}
    p0: {{kind: veth, peer: p1, master: {bridge}}}
    m0: {{kind: macvlan, link: {inner}, link_netns: {space}}}
  routes: [{{to: 10.70.0.0/16, via: 10.7.0.9, dev: {bridge}}}]
namespaces:
  {space}:
    {was_space}
    links: {{{inner}: {{kind: bridge {was_inner}}}}}
    routes: [{{to: 10.50.0.0/16, dev: a}}]
"""
OLD = FILE.format(bridge="br0", space="box", inner="in0", was="", was_space="sysctls: {}", was_inner="")
NEW = FILE.format(
    bridge="lan0", space="shop", inner="in1", was=", was: br0", was_space="was: box", was_inner=", was: in0"
)


def agree(prepared: Prepared) -> None:
    pass


def numbers(world: World, netns: str | None = None) -> dict[str, tuple[int, str]]:
    return {link["ifname"]: (link["ifindex"], link["address"]) for link in world.json("ip", "-j", "link", netns=netns)}


@pytest.mark.needs("macvlan")
def test_a_renamed_link_and_namespace_go_on(inside: World) -> None:
    before = inside.dump(settle_s=3)
    service = Service()
    service.apply(loads_stored({"weft.yaml": OLD}), agree)
    links = numbers(inside), numbers(inside, "box")
    assert inside.ping("10.9.0.10", netns="b")
    asking = inside.start(
        "ping", "-n", "-q", "-i", "0.02", "-w", "60", "-c", "100", "10.9.0.10", netns="b", stdout=-1, stderr=-1
    )
    new = loads_stored({"weft.yaml": NEW})
    prepared = service.prepare(new)
    assert {change.op.value for change in prepared.plan.changes.values()} == {"update"}
    service.apply(new, agree)
    assert not service.prepare(new).plan and service.status(new).clean
    assert " 0% packet loss" in asking.communicate(timeout=60)[0]
    assert (numbers(inside), numbers(inside, "box")) == links
    (bridge,) = inside.json("ip", "-j", "link", "show", "dev", "lan0")
    assert bridge["ifname"] == "br0" and "lan0" in bridge["altnames"] and bridge["ifalias"].endswith("host/links/lan0")
    (inner,) = inside.json("ip", "-j", "link", "show", "dev", "in1", netns="box")
    assert inner["ifname"] == "in0" and inner["ifalias"].endswith("namespaces/shop/links/in1")
    (lo,) = inside.json("ip", "-j", "link", "show", "dev", "lo", netns="box")
    assert lo["ifalias"].endswith("namespaces/shop")
    service.destroy("lab", agree)
    assert differences(before, inside.dump(settle_s=3)) == []


def test_a_former_name_taken_out_makes_it_anew_and_frees_the_name(inside: World) -> None:
    service = Service()
    texts = [
        f"weft: 1\nname: lab\nhost: {{links: {{{link}}}}}"
        for link in ("br0: {kind: bridge}", "lan0: {kind: bridge, was: br0}", "lan0: {kind: bridge}")
    ]
    for text in texts:
        service.apply(loads_stored({"weft.yaml": text}), agree)
        assert not service.prepare(loads_stored({"weft.yaml": text})).plan
    assert "lan0" in numbers(inside) and "br0" not in numbers(inside)


WRONG = {
    "host: {links: {a: {kind: bridge, was: b}, b: {kind: bridge}}}": "was: b, but b is still there",
    "host: {was: box}": "was: the host's namespace is there and has no name",
    "host: {adopt: true}": "adopt: the host's namespace is there and has no name",
    "host: {links: {a: {existing: true, was: b}}}": "was cannot be set on a link that is not weft's",
    "namespaces: {a: {was: b}, b: {}}": "was: b, but b is still there",
    "namespaces: {a: {was: c}, b: {was: c}}": "a was c already",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items())
def test_what_cannot_be(text: str, said: str) -> None:
    with pytest.raises(IntentInvalid) as refused:
        loads_stored({"weft.yaml": f"weft: 1\nname: lab\n{text}"})
    assert said in str(refused.value)
