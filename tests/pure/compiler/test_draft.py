"""Drafts and their branches: what is put is its intent's alone, what is shared stays the first one's."""

from __future__ import annotations

import pytest

from weft.compiler.draft import Draft
from weft.compiler.naming import Names
from weft.facts import Facts
from weft.kinds.netns import Namespace
from weft.kinds.nft.table import NftTable
from weft.state import HOST

FIRST, SECOND = ("first",), ("second",)
TABLE = NftTable(netns=HOST, family="inet", name="weft-s")
SPACE = Namespace(name="a")


@pytest.fixture
def draft() -> Draft:
    return Draft(Facts(host_id="h"), Names("s", "h"))


def test_what_is_put_is_not_put_again_on_a_branch(draft: Draft) -> None:
    draft.put(SPACE, FIRST)
    branch = draft.branch()
    branch.put(SPACE, SECOND)
    assert ["first" in finding.what for finding in branch.findings] == [True]
    assert not branch.state


def test_an_absorbed_branch_shares_what_stays_the_first_one_s(draft: Draft) -> None:
    draft.share(TABLE, FIRST)
    branch = draft.branch()
    branch.share(TABLE, SECOND)
    branch.put(SPACE, SECOND)
    draft.absorb(branch)
    assert draft.paths == {TABLE.key: FIRST, SPACE.key: SECOND}
    assert draft.shares == {TABLE.key: 2}
    assert set(draft.state) == {TABLE.key, SPACE.key}


def test_what_a_branch_gives_up_is_another_s_where_it_is_shared(draft: Draft) -> None:
    for path in (FIRST, SECOND):
        branch = draft.branch()
        branch.share(TABLE, path)
        draft.absorb(branch)
    draft.expel(branch)
    assert draft.paths == {TABLE.key: FIRST}
    draft.absorb(branch)
    assert draft.paths == {TABLE.key: FIRST}
    assert draft.shares == {TABLE.key: 2}
