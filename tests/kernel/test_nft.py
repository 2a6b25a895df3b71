"""The nft backend on the real kernel, judged by nft(8)."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

import pytest

from tests.world import World
from weft.backends import libnftables, nft_dump
from weft.backends.base import Selection
from weft.backends.nft import MANY_ELEMENTS, Nft
from weft.errors import DumpInterrupted, FeatureMissing, KernelRefused
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.foreign_rule import NftForeignRule
from weft.kinds.nft.listing import Listing
from weft.kinds.nft.nftset import NftSet
from weft.kinds.nft.table import NftTable
from weft.netlink.namespaces import Namespaces
from weft.state import Change, KernelObject, Key, Op, State

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


@pytest.fixture
def inside(world: World) -> Iterator[World]:
    with world.inside():
        yield world


@pytest.fixture
def nft(inside: World) -> Iterator[Nft]:
    namespaces = Namespaces()
    backend = Nft(namespaces)
    yield backend
    backend.close()
    namespaces.close()


def create(*objects: KernelObject) -> list[Change]:
    return [Change(Op.CREATE, None, held) for held in objects]


def delete(*objects: KernelObject) -> list[Change]:
    return [Change(Op.DELETE, held, None) for held in objects]


def seen(nft: Nft, *netns: str) -> State:
    return nft.observe(Selection(namespaces=netns or ("",)))


def ruleset(world: World, netns: str | None = None) -> str:
    return world.run("nft", "-s", "-y", "list", "ruleset", netns=netns).stdout


def test_what_is_made_reads_back_equal(nft: Nft) -> None:
    nft.commit(create(*ALL))
    assert seen(nft) == State.of(ALL)


def test_nft_sees_what_is_made(nft: Nft, world: World) -> None:
    nft.commit(create(*ALL))
    text = ruleset(world)
    for rule in NAT.rules:
        assert f"\t\t{rule}\n" in text
    assert "type nat hook postrouting priority 100; policy accept;" in text
    assert '"wp1" . 10.0.0.1 : jump later' in text


def test_all_of_a_table_goes_in_one_transaction(nft: Nft, world: World) -> None:
    nft.commit(create(*ALL))
    nft.commit(delete(*ALL))
    assert ruleset(world) == ""


def test_parts_of_a_table_go_in_any_order(nft: Nft) -> None:
    nft.commit(create(*ALL))
    nft.commit(delete(POOL, TRANSIT, VERDICTS, LATER, *ELEMENTS, NAT))
    assert seen(nft) == State.of((TABLE, RANGES))


def test_deleting_what_is_gone_is_no_error(nft: Nft, world: World) -> None:
    nft.commit(create(TABLE, POOL, ELEMENTS[0], LATER))
    nft.commit(delete(ELEMENTS[1], TRANSIT, NAT, ELEMENTS[0]))
    assert seen(nft) == State.of((TABLE, POOL, LATER))
    world.run("nft", "flush", "ruleset")
    nft.commit(delete(POOL, LATER))
    nft.commit(delete(TABLE))
    assert ruleset(world) == ""


def test_counters_of_unchanged_rules_live_on(nft: Nft, world: World) -> None:
    first, last = "counter ip daddr 10.0.0.1 drop", "counter accept"
    out = NftChain(
        netns="", family="inet", table="weft-lab", name="out", type="filter", hook="output", rules=(first, last)
    )
    nft.commit(create(TABLE, out))
    assert world.ping("127.0.0.1")
    changed = NftChain(
        netns="",
        family="inet",
        table="weft-lab",
        name="out",
        type="filter",
        hook="output",
        policy="drop",
        rules=("ip daddr 10.0.0.2 drop", "ip daddr 10.0.0.3 drop", last, "ip daddr 10.0.0.4 drop"),
    )
    nft.commit([Change(Op.UPDATE, out, changed)])
    assert seen(nft) == State.of((TABLE, changed))
    counted = world.json("nft", "-j", "list", "chain", "inet", "weft-lab", "out")["nftables"]
    packets = [
        e["counter"]["packets"] for item in counted for e in item.get("rule", {}).get("expr", []) if "counter" in e
    ]
    assert len(packets) == 1 and packets[0] > 0


def test_update_mends_what_somebody_else_did(nft: Nft, world: World) -> None:
    nft.commit(create(TABLE, LATER))
    world.run("nft", "insert", "rule", "inet", "weft-lab", "later", "drop")
    (found,) = (held for held in seen(nft).values() if isinstance(held, NftChain))
    assert found.rules == ("drop", "counter accept")
    nft.commit([Change(Op.UPDATE, found, LATER)])
    assert seen(nft) == State.of((TABLE, LATER))


def test_a_maps_value_changes(nft: Nft) -> None:
    nft.commit(create(TABLE, LATER, VERDICTS, ELEMENTS[3]))
    changed = element(VERDICTS, '"wp1" . 10.0.0.1', "drop")
    nft.commit([Change(Op.UPDATE, ELEMENTS[3], changed)])
    assert seen(nft)[changed.key] == changed


def test_a_set_in_use_is_replaced(nft: Nft) -> None:
    nft.commit(create(*ALL))
    interval = NftSet(netns="", family="inet", table="weft-lab", name="pool4", type="ipv4_addr", flags=("interval",))
    wide = element(interval, "198.18.0.0/24")
    nft.commit([Change(Op.REPLACE, POOL, interval), *delete(*ELEMENTS[:2]), *create(wide)])
    wanted = State.of(ALL) | State.of((interval, wide))
    del wanted[ELEMENTS[0].key], wanted[ELEMENTS[1].key]
    assert seen(nft) == wanted


def test_a_base_chain_is_replaced(nft: Nft) -> None:
    nft.commit(create(*ALL))
    moved = NftChain(
        netns="",
        family="inet",
        table="weft-lab",
        name="postrouting",
        type="nat",
        hook="postrouting",
        priority=101,
        rules=NAT.rules[1:],
    )
    nft.commit([Change(Op.REPLACE, NAT, moved)])
    assert seen(nft)[NAT.key] == moved


def test_a_refusal_names_the_change_and_nothing_is_done(nft: Nft, world: World) -> None:
    nft.commit(create(TABLE, POOL))
    before = ruleset(world)
    bad = NftChain(netns="", family="inet", table="weft-lab", name="bad", rules=("accept", "jump nowhere"))
    with pytest.raises(KernelRefused) as refusal:
        nft.commit(create(TRANSIT, bad, element(POOL, "198.18.0.9")))
    assert refusal.value.change == "create nft-chain inet weft-lab bad"
    assert refusal.value.errno_ == 2 and "jump nowhere" in refusal.value.extack
    assert ruleset(world) == before


def test_a_refused_element_is_named_among_many(nft: Nft) -> None:
    nft.commit(create(TABLE, VERDICTS, element(VERDICTS, '"wp7" . 10.0.0.7', "accept")))
    many = [element(VERDICTS, f'"wp{n}" . 10.0.0.{n}', "drop") for n in range(1, 20)]
    with pytest.raises(KernelRefused, match="wp7") as refusal:
        nft.commit(create(*many))
    assert refusal.value.errno_ == 17


def test_nonsense_is_refused_with_nfts_words(nft: Nft) -> None:
    bad = NftChain(netns="", family="inet", table="weft-lab", name="bad", rules=("tcp dport nonsense is",))
    with pytest.raises(KernelRefused, match="syntax error"):
        nft.commit(create(TABLE, bad))


def test_netdev_chains_with_their_devices(nft: Nft, world: World) -> None:
    world.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    table = NftTable(netns="", family="netdev", name="weft-lab")
    chain = NftChain(
        netns="",
        family="netdev",
        table="weft-lab",
        name="in-v0",
        type="filter",
        hook="ingress",
        device="v0",
        rules=('fwd to "v1"',),
    )
    nft.commit(create(chain, table))
    assert seen(nft) == State.of((table, chain))
    world.run("ip", "link", "del", "v0")
    world.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    nft.commit(create(chain))
    assert seen(nft) == State.of((table, chain))
    world.run("ip", "link", "del", "v0")
    nft.commit(delete(chain))
    assert seen(nft) == State.of((table,))


def test_tables_of_one_name_in_several_families(nft: Nft) -> None:
    tables = [NftTable(netns="", family=family, name="weft-lab") for family in ("inet", "ip", "netdev", "bridge")]
    chains = [NftChain(netns="", family=t.family, table=t.name, name="c", rules=("accept",)) for t in tables]
    nft.commit(create(*chains, *tables))
    assert seen(nft) == State.of([*tables, *chains])
    nft.commit(delete(*chains[1:], *tables[1:]))
    assert seen(nft) == State.of([tables[0], chains[0]])


def test_many_elements_are_one_command(nft: Nft) -> None:
    many = [element(POOL, f"10.1.{n >> 8}.{n & 255}") for n in range(10_000)]
    start = time.perf_counter()
    nft.commit(create(TABLE, POOL, *many))
    committed = time.perf_counter()
    assert len(seen(nft)) == 10_002
    done = time.perf_counter()
    print(f"commit {(committed - start) * 1e3:.0f} ms, observe {(done - committed) * 1e3:.0f} ms")
    assert done - start < 3


@pytest.mark.parametrize("family", ["inet", "ip", "ip6", "netdev", "arp", "bridge"])
def test_every_family(nft: Nft, family: str) -> None:
    table = NftTable(netns="", family=family, name="weft-lab")
    nft.commit(create(table))
    assert seen(nft) == State.of((table,))


def test_each_namespace_has_its_own(nft: Nft, world: World) -> None:
    world.run("ip", "netns", "add", "a")
    world.run("ip", "netns", "add", "b")
    in_a = NftTable(netns="a", family="ip", name="weft-lab")
    in_b = NftTable(netns="b", family="ip6", name="weft-lab")
    nft.commit(create(TABLE, in_a, in_b))
    assert seen(nft, "", "a", "b", "nowhere") == State.of((TABLE, in_a, in_b))
    assert "table ip weft-lab" in ruleset(world, "a") and "table ip6 weft-lab" in ruleset(world, "b")


def test_a_namespace_made_again_is_another(nft: Nft, world: World) -> None:
    table = NftTable(netns="a", family="ip", name="weft-lab")
    world.run("ip", "netns", "add", "a")
    nft.commit(create(table))
    world.run("ip", "netns", "del", "a")
    assert seen(nft, "a") == {}
    nft.commit(delete(table))
    with pytest.raises(KernelRefused, match="no such namespace"):
        nft.commit(create(table))
    world.run("ip", "netns", "add", "a")
    assert seen(nft, "a") == {}
    nft.commit(create(table))
    assert "weft-lab" in ruleset(world, "a")


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


def test_the_sanctioned_rule_comes_first_and_goes_alone(nft: Nft, world: World) -> None:
    docker(world)
    before = ruleset(world)
    nft.commit(create(RULE, TABLE))
    assert seen(nft) == State.of((RULE, TABLE))
    chain = world.run("nft", "list", "chain", "ip", "filter", "DOCKER-USER").stdout.split("\n")
    assert chain[2].strip() == f'{RULE.rule} comment "{RULE.comment}"' and chain[3].strip() == "return"
    nft.commit(delete(RULE, TABLE))
    assert ruleset(world) == before
    nft.commit(delete(RULE))
    assert ruleset(world) == before


def test_a_foreign_chain_that_is_not_there_is_a_refusal_to_add_and_fine_to_delete(nft: Nft) -> None:
    nft.commit(delete(RULE))
    with pytest.raises(KernelRefused, match="DOCKER-USER"):
        nft.commit(create(RULE))


def test_other_peoples_tables_are_not_reported(nft: Nft, world: World) -> None:
    docker(world)
    world.run("nft", "insert", "rule", "ip", "filter", "DOCKER-USER", "accept", "comment", '"mine/weft/x"')
    assert seen(nft) == {}


def test_single_keys_are_read_alone(nft: Nft, world: World) -> None:
    docker(world)
    nft.commit(create(*ALL, RULE))
    missing = Key("nft-chain", "", "inet weft-lab nochain")
    for held in (*ALL, RULE):
        assert nft.observe(Selection(keys=frozenset({held.key, missing}))) == State.of((held,))
    everything = frozenset(held.key for held in (*ALL, RULE))
    assert nft.observe(Selection(keys=everything)) == State.of((*ALL, RULE))
    assert nft.observe(Selection(keys=frozenset({Key("nft-table", "", "ip weft-none")}))) == {}


def test_namespaces_without_nft_are_cheap(nft: Nft, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump of tables each, and no libnftables, which costs ten times as much."""
    names = [f"n{i}" for i in range(50)]
    world.run("ip", "-batch", "-", input="".join(f"netns add {name}\n" for name in names))
    monkeypatch.setattr("weft.backends.nft.Context", lambda: pytest.fail("libnftables was opened"))
    assert seen(nft, *names) == {}


WITHOUT_RIGHTS = """
import sys
from weft.backends.base import Selection
from weft.backends.nft import MANY_ELEMENTS, Nft
from weft.errors import NotPermitted
from weft.kinds.nft.table import NftTable
from weft.netlink.namespaces import Namespaces
from weft.state import Change, Op

nft = Nft(Namespaces())
create = Change(Op.CREATE, None, NftTable(netns=sys.argv[1], family="ip", name="weft-x"))
for act in (lambda: nft.observe(Selection(namespaces=(sys.argv[1],))), lambda: nft.commit([create])):
    try:
        act()
    except NotPermitted as error:
        print(error)
"""


@pytest.mark.parametrize(
    ("dropped", "netns", "said"),
    [
        ("-net_admin", "", "CAP_NET_ADMIN"),
        ("-net_admin,-sys_admin", "", "CAP_NET_ADMIN"),
        ("-net_admin,-sys_admin", "a", "CAP_SYS_ADMIN"),
    ],
)
def test_without_rights_it_says_which(world: World, dropped: str, netns: str, said: str) -> None:
    world.run("ip", "netns", "add", "a")
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    caps = ("setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}")
    done = world.run(*caps, sys.executable, "-c", WITHOUT_RIGHTS, netns, env=environment)
    assert done.stdout.count(said) == 2


def test_an_interrupted_dump_is_taken_again(nft: Nft, monkeypatch: pytest.MonkeyPatch) -> None:
    nft.commit(create(TABLE))
    dump_once, interruptions = nft_dump._dump_once, 3

    def interrupted(message: int) -> Iterator[tuple[str, dict[int, bytes]]]:
        nonlocal interruptions
        if interruptions:
            interruptions -= 1
            raise DumpInterrupted("as if")
        return dump_once(message)

    monkeypatch.setattr(nft_dump, "_dump_once", interrupted)
    assert seen(nft) == State.of((TABLE,)) and interruptions == 0
    interruptions = 1_000
    with pytest.raises(DumpInterrupted):
        seen(nft)


def test_a_table_that_goes_while_it_is_listed(nft: Nft, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    nft.commit(create(TABLE))
    tables = nft_dump.tables

    def then_flushed() -> list[tuple[str, str]]:
        found = tables()
        world.run("nft", "flush", "ruleset")
        return found

    monkeypatch.setattr(nft_dump, "tables", then_flushed)
    assert seen(nft) == {}


def test_without_the_library_only_nothing_can_be_seen(nft: Nft, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    libnftables._library.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(libnftables.ctypes, "CDLL", missing)
        assert seen(nft) == {}
        with pytest.raises(FeatureMissing, match="libnftables1"):
            nft.commit(create(TABLE))
    nft.commit(create(TABLE))
    assert seen(nft) == State.of((TABLE,))


def test_elements_that_went_again_are_not_waited_for(nft: Nft, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [element(POOL, f"10.0.{number >> 8}.{number & 255}") for number in range(MANY_ELEMENTS)]
    nft.commit([Change(Op.CREATE, None, held) for held in (TABLE, POOL, *many)])
    nft.commit([Change(Op.DELETE, held, None) for held in (TABLE, POOL, *many)])
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("there is nothing to wait for"))
    nft.commit([Change(Op.CREATE, None, TABLE)])
    assert nft.observe(Selection(namespaces=("",))) == State.of([TABLE])


def test_a_listing_that_leaves_out_new_elements_is_taken_again(nft: Nft, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [element(POOL, f"10.1.{n >> 8}.{n & 255}") for n in range(MANY_ELEMENTS)]
    nft.commit(create(TABLE, POOL, *many))
    listed, short = nft._list, 2

    def resizing(netns: str, targets: list[str]) -> Listing:
        nonlocal short
        listing = listed(netns, targets)
        if short:
            short -= 1
            del listing.objects[100:]
        return listing

    monkeypatch.setattr(nft, "_list", resizing)
    assert len(seen(nft)) == len(many) + 2 and short == 0
