"""The nft backend reads: what it is asked for and no more, whole though the kernel is slow, refuses or forgets."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

import pytest

from tests.kernel.nft_world import ALL, POOL, RULE, TABLE, create, docker, element, seen
from tests.world import World
from weft.backends import libnftables, nft_dump
from weft.backends.base import Selection
from weft.backends.nft import MANY_ELEMENTS, Nft
from weft.errors import DumpInterrupted, FeatureMissing
from weft.kinds.nft.listing import Listing
from weft.state import Change, Key, Op, State


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


def test_an_interval_is_read_alone_as_it_is(nft: Nft, world: World) -> None:
    """`nft get element` finds no interval where there is one, and a single value within one that is none's."""
    text = "table netdev weft-x { map m { type inet_service : classid; flags interval; elements = { 80-90 : 1:1 }; }; }"
    world.run("nft", "-f", "-", input=text)
    keys = {written: Key("nft-element", "", f"netdev weft-x m {written}") for written in ("80-90", "80", "80-91")}
    for written, key in keys.items():
        assert set(nft.observe(Selection(keys=frozenset({key})))) == ({key} if written == "80-90" else set())


PAYLOADS = """table bridge weft-lab {
  set cards { typeof iifname . @th,208,48; elements = { "a" . 0x2ab, "b" . 0x20000000001 }; }
  set targets { typeof iifname . @th,64,128; elements = { "a" . 0x64ff9b000000000000000000000001 }; }
}"""
"""MACs and addresses that begin with zeros, which nft leaves out."""


def test_numbers_of_payload_are_asked_for_alone(nft: Nft, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run("nft", "-f", "-", input=PAYLOADS)
    whole = nft.observe(Selection(namespaces=("",)))
    elements = State.of(held for held in whole.values() if held.key.table == "nft-element")
    assert len(elements) == 3
    monkeypatch.setattr(Nft, "_list_if_there", lambda *_: pytest.fail("the whole set was listed"))
    assert nft.observe(Selection(keys=frozenset(elements))) == elements


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
