"""Every nft text that the compiler writes is what nft prints: what is made reads back equal, character by character."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing

import pytest

from tests.golden.golden import Case, cases
from tests.kernel.cgroups import cgroups
from tests.world import World
from weft.backends.base import Selection
from weft.backends.nft import Nft
from weft.compiler import CompileError
from weft.kinds import KINDS
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.foreign_rule import NftForeignRule
from weft.netlink.namespaces import Namespaces
from weft.state import Change, KernelObject, Op, State

_DEVICE = re.compile(r'fwd to "([^"]+)"')


def nft_objects(case: Case) -> State:
    try:
        state = case.compiled.state
    except CompileError:
        return State()
    return State.of(held for held in state.values() if KINDS.of(held).backend == "nft")


def follows_connections_in_bridges(objects: State) -> bool:
    chains = [held for held in objects.values() if isinstance(held, NftChain) and held.family == "bridge"]
    return any(rule.startswith("ct ") for chain in chains for rule in chain.rules)


def needs(case: Case) -> tuple[pytest.MarkDecorator, ...]:
    found = (pytest.mark.needs("nft_bridge_ct"),) if follows_connections_in_bridges(nft_objects(case)) else ()
    return (*found, pytest.mark.needs("nft_cgroup")) if nft_objects(case) and case.facts.cgroups else found


WITH_NFT = [case for case in cases() if nft_objects(case)]
EACH = [pytest.param(case, id=case.folder.name, marks=needs(case)) for case in WITH_NFT]


def devices(objects: Iterable[KernelObject]) -> set[tuple[str, str]]:
    """(namespace, ifname) of what chains hang on and forward to."""
    chains = [held for held in objects if isinstance(held, NftChain)]
    hooked = {(chain.netns, chain.device) for chain in chains if chain.device}
    return hooked | {(c.netns, name) for c in chains for name in _DEVICE.findall(" ".join(c.rules))}


def prepare(world: World, objects: State) -> None:
    """Namespaces, devices and the chains of others, without which nothing can be made."""
    for netns in {held.key.netns for held in objects.values()} - {""}:
        world.run("ip", "netns", "add", netns)
    for number, (netns, ifname) in enumerate(sorted(devices(objects.values()))):
        world.run("ip", "link", "add", ifname, "type", "veth", "peer", "name", f"far{number}", netns=netns or None)
    for held in objects.values():
        if isinstance(held, NftForeignRule):
            chain = f"{held.family} {held.table} {held.chain}"
            world.run("nft", f"add table {held.family} {held.table}; add chain {chain}")


def test_there_is_something_to_prove() -> None:
    kinds = {type(held).__name__ for case in WITH_NFT for held in nft_objects(case).values()}
    assert kinds == {"NftTable", "NftChain", "NftSet", "NftElement", "NftForeignRule"}


@pytest.fixture
def with_cgroups(case: Case) -> Iterator[None]:
    with cgroups(case.facts.cgroups):
        yield


@pytest.mark.usefixtures("with_cgroups")
@pytest.mark.parametrize("case", EACH)
def test_what_the_compiler_writes_reads_back_equal(case: Case, world: World) -> None:
    objects = nft_objects(case)
    with world.inside(), closing(Namespaces()) as namespaces, closing(Nft(namespaces)) as nft:
        prepare(world, objects)
        nft.commit([Change(Op.CREATE, None, held) for held in objects.values()])
        namespaces = tuple({held.key.netns for held in objects.values()})
        seen = nft.observe(Selection(namespaces=namespaces))
        assert {str(key): held for key, held in seen.items()} == {str(key): held for key, held in objects.items()}
        nft.commit([Change(Op.DELETE, held, None) for held in reversed(objects.values())])
        assert nft.observe(Selection(namespaces=namespaces)) == {}


@pytest.mark.usefixtures("with_cgroups")
@pytest.mark.parametrize("case", EACH)
def test_the_script_makes_the_same(case: Case, world: World) -> None:
    objects = nft_objects(case)
    prepare(world, objects)
    order = ["nft-table", "nft-set", "nft-chain", "nft-element", "nft-foreign-rule"]
    inside_out = sorted(objects.values(), key=lambda held: order.index(held.key.table))
    lines = [line for held in inside_out for line in KINDS.of(held).script(Change(Op.CREATE, None, held))]
    world.run("sh", "-ec", "\n".join(lines))
    with world.inside(), closing(Namespaces()) as namespaces, closing(Nft(namespaces)) as nft:
        seen = nft.observe(Selection(namespaces=tuple({held.key.netns for held in objects.values()})))
    assert seen == objects
