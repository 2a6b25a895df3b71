"""The nft backend on the real kernel, judged by nft(8): what it makes, changes and takes away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kernel.nft_world import (
    ALL,
    ELEMENTS,
    LATER,
    NAT,
    POOL,
    RANGES,
    RULE,
    TABLE,
    TRANSIT,
    VERDICTS,
    create,
    delete,
    docker,
    element,
    ruleset,
    seen,
)
from tests.world import World
from weft.backends.nft import Nft
from weft.backends.nft_transaction import assemble, steps
from weft.errors import KernelRefused
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.listing import Listing
from weft.kinds.nft.nftset import NftSet
from weft.kinds.nft.table import NftTable
from weft.state import Change, Op, State


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
    moved = replace(NAT, priority=101, rules=NAT.rules[1:])
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
    made = create(TABLE, POOL, *many)
    assert len(assemble(steps(made, Listing())).lines) == 3
    nft.commit(made)
    assert len(seen(nft)) == 10_002


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
