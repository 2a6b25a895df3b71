"""Two scopes at one link: what one has on the other's stays its own."""

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


ADDRESSED = "weft: 1\nname: guest\nhost: {links: {v0: {existing: true, addresses: [10.1.1.1/24, fd00:1::1/64]}}%s}"
ROUTES = ", routes: [{to: 10.2.0.0/16, via: 10.1.1.2, dev: v0}]"


def test_addresses_and_routes_on_a_link_that_another_scope_made_stay(inside: World, service: Service) -> None:
    maker, guest = file(MAKER % ""), file(ADDRESSED % ROUTES)
    service.apply(guest, agree)
    for loaded in (guest, maker):
        assert not service.prepare(loaded).plan and service.status(loaded).clean
    service.apply(file(MAKER % ", addresses: [10.3.0.1/24]"), agree)
    assert inside.json("ip", "-j", "route", "show", "10.2.0.0/16") and not service.prepare(guest).plan
    service.apply(file(ADDRESSED % ""), agree)
    assert not inside.json("ip", "-j", "route", "show", "10.2.0.0/16")
    service.destroy("guest", agree)
    (told,) = inside.json("ip", "-j", "address", "show", "dev", "v0")
    assert [one["local"] for one in told["addr_info"] if one["scope"] == "global"] == ["10.3.0.1"]


def test_an_address_that_both_want_is_the_link_s_owner_s_once_the_other_is_gone(
    inside: World, service: Service
) -> None:
    service.apply(file(ADDRESSED % ""), agree)
    own = file(MAKER % ", addresses: [10.1.1.1/24]")
    service.apply(own, agree)
    service.destroy("guest", agree)
    service.apply(own, agree)
    assert not service.prepare(own).plan and service.status(own).clean
