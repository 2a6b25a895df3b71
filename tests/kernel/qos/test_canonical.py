"""Rules and maps of random policies are what nft prints, character by character, and nft takes them all."""

from __future__ import annotations

from random import Random

import pytest

from tests.property.policies import random_match
from weft.backends.base import Selection
from weft.backends.nft import Nft
from weft.compiler.qos import nft_text
from weft.compiler.qos.classify import Classed, Where, classify, marking, only
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.table import NftTable
from weft.state import Change, Op, State

TABLE = "weft-lab"


def wanted(seed: int) -> State:
    rng = Random(seed)
    classes = [
        Classed(classid=f"77:{at:x}", matches=tuple(random_match(rng) for _ in range(rng.randint(1, 3))))
        for at in range(16, 46)
    ]
    found = classify(classes, Where(netns="", family="netdev", table=TABLE, prefix="qos-out-lo"))
    rules = (
        "meta priority set 77:2",
        *found.rules,
        f"{only(['77:20', '77:3', '77:a'])} {nft_text.packets_over(50)} drop",
        f"{only(['77:3'])} {nft_text.bytes_over(1_250_000, 131_072)} drop",
        *(rule for number in rng.sample(range(64), 5) for rule in marking(number)),
        f"numgen random mod 1000000 < {rng.randint(1, 999_999)} drop",
    )
    chain = NftChain(
        netns="", family="netdev", table=TABLE, name="c", rules=rules, type="filter", hook="egress", device="lo"
    )
    return State.of([NftTable(netns="", family="netdev", name=TABLE), *found.sets, *found.elements, chain])


@pytest.mark.needs("nft_egress")
@pytest.mark.parametrize("seed", range(10))
def test_what_is_made_reads_back_equal(nft: Nft, seed: int) -> None:
    state = wanted(seed)
    nft.commit([Change(Op.CREATE, None, held) for held in state.values()])
    assert nft.observe(Selection(namespaces=("",))) == state
