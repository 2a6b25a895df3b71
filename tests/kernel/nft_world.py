"""What the tests of the nft backend share: a table with everything in it, and short ways to change and to look."""

from __future__ import annotations

from tests.world import World
from weft.backends.base import Selection
from weft.backends.nft import Nft
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.foreign_rule import NftForeignRule
from weft.kinds.nft.nftset import NftSet
from weft.kinds.nft.table import NftTable
from weft.state import Change, KernelObject, Op, State

TABLE = NftTable(netns="", family="inet", name="weft-lab")
POOL = NftSet(netns="", family="inet", table="weft-lab", name="pool4", type="ipv4_addr")
TRANSIT = NftSet(netns="", family="inet", table="weft-lab", name="transit", type="ifname")
VERDICTS = NftSet(netns="", family="inet", table="weft-lab", name="ports", type="ifname . ipv4_addr", data="verdict")
RANGES = NftSet(
    netns="", family="inet", table="weft-lab", name="ranges", type="ipv4_addr", flags=("interval", "timeout")
)
LATER = NftChain(netns="", family="inet", table="weft-lab", name="later", rules=("counter accept",))
NAT = NftChain(
    netns="",
    family="inet",
    table="weft-lab",
    name="postrouting",
    type="nat",
    hook="postrouting",
    priority=100,
    rules=(
        "ip saddr @pool4 oifname != @transit masquerade",
        'ip saddr 10.0.0.0/24 oifname "uplink" snat ip to 198.18.0.1',
        'ip6 saddr fd00::/64 oifname "uplink" snat ip6 to fd00:1::1',
        "iifname . ip saddr vmap @ports",
    ),
)


def element(held: NftSet, name: str, value: str = "") -> NftElement:
    return NftElement(netns=held.netns, family=held.family, table=held.table, set=held.name, element=name, value=value)


ELEMENTS = (
    element(POOL, "198.18.0.1"),
    element(POOL, "198.18.0.2"),
    element(TRANSIT, '"wuabc"'),
    element(VERDICTS, '"wp1" . 10.0.0.1', "jump later"),
    element(VERDICTS, '"wp2" . 10.0.0.2', "accept"),
    element(RANGES, "10.0.0.0/8"),
    element(RANGES, "192.168.0.1-192.168.0.9"),
)
ALL = (NAT, *ELEMENTS, LATER, VERDICTS, RANGES, POOL, TRANSIT, TABLE)
"""In the worst order: everything before what it needs."""


def create(*objects: KernelObject) -> list[Change]:
    return [Change(Op.CREATE, None, held) for held in objects]


def delete(*objects: KernelObject) -> list[Change]:
    return [Change(Op.DELETE, held, None) for held in objects]


def seen(nft: Nft, *netns: str) -> State:
    return nft.observe(Selection(namespaces=netns or ("",)))


def ruleset(world: World, netns: str | None = None) -> str:
    return world.run("nft", "-s", "-y", "list", "ruleset", netns=netns).stdout


def docker(world: World) -> None:
    world.run(
        "nft",
        "-f",
        "-",
        input="add table ip filter\nadd chain ip filter DOCKER-USER\nadd rule ip filter DOCKER-USER return\n",
    )


RULE = NftForeignRule(
    netns="",
    family="ip",
    table="filter",
    chain="DOCKER-USER",
    rule='iifname "wu*" accept',
    comment="weft/ab-1/lab/firewall/in",
)
