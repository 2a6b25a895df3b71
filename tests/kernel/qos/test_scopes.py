"""Two scopes at one link: the tree at its root is whose the policy is, whoever made the link."""

from __future__ import annotations

import pytest

from tests.kernel.tc.trees import kinds_of
from tests.world import World
from weft.errors import ForeignObject
from weft.files import Loaded, loads_stored
from weft.service import Prepared, Service

pytestmark = pytest.mark.kernel

MAKER = "weft: 1\nname: maker\nhost: {links: {v0: {kind: bridge%s}}}"
SHAPER = "weft: 1\nname: %s\nhost: {links: {v0: {existing: true, qos: {egress: {ceil: 10mbit}%s}}}}"


def file(text: str) -> Loaded:
    return loads_stored({"weft.yaml": text})


def agree(prepared: Prepared) -> None:
    pass


@pytest.fixture
def service(inside: World) -> Service:
    service = Service()
    service.apply(file(MAKER % ""), agree)
    return service


def test_a_policy_on_a_link_that_another_scope_made_stays(inside: World, service: Service) -> None:
    maker, shaper = file(MAKER % ""), file(SHAPER % ("shaper", ""))
    service.apply(shaper, agree)
    there = list(kinds_of(inside))
    assert there[0] == ("root", "htb")
    for loaded in (shaper, maker):
        assert not service.prepare(loaded).plan and service.status(loaded).clean
    service.apply(file(MAKER % ", mtu: 1400"), agree)
    assert list(kinds_of(inside)) == there
    service.destroy("shaper", agree)
    assert list(kinds_of(inside)) == [("root", "noqueue")]
    service.destroy("maker", agree)


@pytest.mark.parametrize("more", ["", ", replace: true"])
def test_two_policies_are_one_too_many(inside: World, service: Service, more: str) -> None:
    own = file(MAKER % ", qos: {egress: {ceil: 20mbit}}")
    service.apply(file(SHAPER % ("shaper", "")), agree)
    there = list(kinds_of(inside))
    for other in (own, file(SHAPER % ("third", more))):
        with pytest.raises(ForeignObject, match="and it is the scope shaper's; take one of the two policies out"):
            service.apply(other, agree)
    assert list(kinds_of(inside)) == there
    service.destroy("shaper", agree)
    service.apply(own, agree)
    with pytest.raises(ForeignObject, match="and it is the scope maker's"):
        service.apply(file(SHAPER % ("shaper", more)), agree)
    assert not service.prepare(own).plan


def test_a_policy_whose_link_was_made_anew_is_missing_and_in_nobodys_way(inside: World, service: Service) -> None:
    service.apply(file(SHAPER % ("shaper", "")), agree)
    service.destroy("maker", agree)
    own = file(MAKER % ", qos: {egress: {ceil: 20mbit}}")
    service.apply(own, agree)
    assert not service.prepare(own).plan and service.status(own).clean
    service.destroy("shaper", agree)
    assert not service.prepare(own).plan
