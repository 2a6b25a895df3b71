"""What somebody does to the machine behind weft's back: `status` names it, the next apply mends it or lets it be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.faults import intents
from tests.kernel.faults.command import preload
from tests.kernel.faults.lab import Drift, Lab
from tests.world import World
from weft.errors import ForeignObject
from weft.files import loads_stored
from weft.service import Prepared, Service

pytestmark = pytest.mark.kernel

TENANT = "weft.lab.t"


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


@pytest.fixture(scope="module")
def shared(shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    intents.give_way_out(shared_world)
    return Lab(shared_world, tmp_path_factory.mktemp("lab"))


@pytest.fixture
def lab(shared: Lab) -> Lab:
    """With A applied, whatever the last test left."""
    shared.weft("apply")
    assert shared.drift() == set()
    return shared


def bridge(lab: Lab) -> str:
    (back, front) = sorted(
        link["ifname"] for link in lab.world.json("ip", "-j", "link", "show", "type", "bridge", netns=TENANT)
    )
    return front if has_ports(lab, front) else back


def has_ports(lab: Lab, name: str) -> bool:
    return bool(lab.world.json("ip", "-j", "link", "show", "master", name, netns=TENANT))


def a_port_on_the_bridge(lab: Lab) -> str:
    return str(lab.world.json("ip", "-j", "link", "show", "master", bridge(lab), netns=TENANT)[0]["ifname"])


WEB = "nsenter --net=/run/netns/web"
BY_HAND: dict[str, tuple[str, set[Drift]]] = {
    "address removed": (
        f"{WEB} ip addr del fd10::10/64 dev web",
        {("missing", "address", "web", "web fd10::10/64")},
    ),
    "route removed": (
        f"{WEB} ip route del default",
        {("missing", "route", "web", "0.0.0.0/0 table 254 metric 0")},
    ),
    "host's route removed": (
        "ip route del blackhole 10.98.0.0/16",
        {("missing", "route", "", "10.98.0.0/16 table 254 metric 0")},
    ),
    "rule removed": ("ip rule del priority 1000", {("missing", "rule", "", "inet 1000")}),
    "IPv6 routes flushed": (
        f"{WEB} ip -6 route flush table main",
        {("changed", "address", "web", "web fd10::10/64"), ("missing", "route", "web", "::/0 table 254 metric 1024")},
    ),
    "all routes flushed": (
        f"{WEB} ip -6 route flush table all; {WEB} ip route flush table all dev web",
        {("changed", "address", "web", "web fd10::10/64"), ("changed", "address", "web", "web 10.10.0.10/24")},
    ),
    "an address's own route removed, others by it left": (
        f"{WEB} ip route del 10.10.0.0/24 dev web",
        {("changed", "address", "web", "web 10.10.0.10/24")},
    ),
    "base rules flushed": (f"{WEB} ip rule flush; {WEB} ip -6 rule flush", {("changed", "netns", "", "web")}),
    "base rule of IPv6 removed": (
        f"nsenter --net=/run/netns/{TENANT}.front ip -6 rule del priority 0",
        {("changed", "netns", "", f"{TENANT}.front")},
    ),
    "mtu": (f"{WEB} ip link set web mtu 1300", {("changed", "link", "web", "web")}),
    "mac": (f"{WEB} ip link set web address 02:00:00:00:00:77", {("changed", "link", "web", "web")}),
    "down": ("ip link set store down", {("changed", "link", "", "store")}),
    "down, and its routes with it": (
        f"{WEB} ip link set web down",
        {("changed", "link", "web", "web"), ("missing", "route", "web", "0.0.0.0/0 table 254 metric 0")},
    ),
    "sysctl": ("sysctl -q -w net.core.somaxconn=77", {("changed", "sysctl", "", "net/core/somaxconn")}),
    "alias of a foreign link": ("ip link set eth1 alias mine", {("changed", "link-setting", "", "eth1 alias")}),
    "chain flushed": (
        f"nsenter --net=/run/netns/{TENANT}.front nft flush chain inet weft-lab postrouting",
        {("changed", "nft-chain", f"{TENANT}.front", "inet weft-lab postrouting")},
    ),
}


@pytest.mark.parametrize("what", BY_HAND)
def test_what_was_changed_by_hand_is_named_and_mended(lab: Lab, what: str) -> None:
    before = lab.settled()
    script, drift = BY_HAND[what]
    lab.sh(script)
    assert drift <= lab.drift()
    lab.weft("apply")
    assert lab.drift() == set()
    lab.assert_as(before, what)


def test_a_port_taken_off_its_bridge(lab: Lab) -> None:
    before, port = lab.settled(), a_port_on_the_bridge(lab)
    lab.sh(f"nsenter --net=/run/netns/{TENANT} ip link set {port} nomaster")
    assert lab.drift() == {("changed", "link", TENANT, port)}
    lab.weft("apply")
    lab.assert_as(before, "put back on its bridge")


def test_a_link_removed_takes_what_stood_on_it(lab: Lab) -> None:
    before = lab.settled()
    lab.sh(f"{WEB} ip link del web")
    named = {(drift, table, name) for drift, table, _, name in lab.drift()}
    assert ("missing", "link", "web") in named and ("missing", "address", "web fd10::10/64") in named
    lab.weft("apply")
    lab.assert_as(before, "made anew")


def test_a_bridge_removed(lab: Lab) -> None:
    before, name = lab.settled(), bridge(lab)
    lab.sh(f"nsenter --net=/run/netns/{TENANT} ip link del {name}")
    assert ("missing", "link", TENANT, name) in lab.drift()
    lab.weft("apply")
    lab.assert_as(before, "made anew")


def test_an_address_added_by_hand_is_foreign_and_stays(lab: Lab) -> None:
    lab.sh(f"{WEB} ip addr add 10.77.0.1/24 dev web")
    try:
        before = lab.settled()
        assert lab.drift() == {("foreign", "address", "web", "web 10.77.0.1/24")}
        assert "Nothing to do" in lab.weft("apply").out
        lab.assert_as(before, "foreign")
    finally:
        lab.sh(f"{WEB} ip addr del 10.77.0.1/24 dev web")


@pytest.mark.parametrize("netns", ["", f"{TENANT}.front"])
def test_nft_flushed_by_somebody(lab: Lab, netns: str) -> None:
    before = lab.settled()
    lab.sh(f"{f'nsenter --net=/run/netns/{netns} ' if netns else ''}nft flush ruleset")
    drift = lab.drift()
    assert ("missing", "nft-table", netns, "inet weft-lab") in drift
    assert ("missing", "nft-chain", netns, "inet weft-lab postrouting") in drift
    assert {where for _, _, where, _ in drift} == {netns}
    lab.weft("apply")
    lab.assert_as(before, "after a flush")


class Kept:
    """One Service for all that follows, as a daemon would have it, inside the world."""

    def __init__(self, lab: Lab) -> None:
        self.service = Service()
        self._loaded = loads_stored({"weft.yaml": lab.file.read_text()})

    def apply(self) -> Prepared:
        return self.service.apply(self._loaded, lambda prepared: None)

    def drift(self) -> set[Drift]:
        found = self.service.status(self._loaded).differences
        return {(one.drift.value, *one.key) for one in found}


@pytest.fixture
def kept(lab: Lab) -> Iterator[Kept]:
    with lab.world.inside():
        held = Kept(lab)
        held.apply()
        assert held.drift() == set()
        yield held


@pytest.mark.parametrize("netns", ["web", "quiet", f"{TENANT}.front", TENANT])
def test_a_namespace_deleted_under_a_kept_service(lab: Lab, kept: Kept, netns: str) -> None:
    before = lab.settled()
    lab.sh(f"ip netns del {netns}")
    drift = kept.drift()
    assert ("missing", "netns", "", netns) in drift, drift
    kept.apply()
    assert kept.drift() == set()
    assert lab.drift() == set()
    lab.assert_as(before, f"{netns} deleted and made by weft")


@pytest.mark.parametrize("netns", [f"{TENANT}.front", TENANT])
def test_a_namespace_made_again_by_somebody_stands_in_the_way(lab: Lab, kept: Kept, netns: str) -> None:
    """Kept sockets do not answer for the dead one."""
    before = lab.settled()
    lab.sh(f"ip netns del {netns}; ip netns add {netns}")
    assert ("foreign", "netns", "", netns) in kept.drift()
    with pytest.raises(ForeignObject, match=netns):
        kept.apply()
    assert lab.sh(f"nsenter --net=/run/netns/{netns} ip -o link").count("\n") == 1
    lab.sh(f"ip netns del {netns}")
    kept.apply()
    assert kept.drift() == set()
    lab.assert_as(before, f"{netns} made by somebody, deleted, made by weft")


def test_a_port_s_namespace_made_again_by_somebody_is_used(lab: Lab, kept: Kept) -> None:
    """Where a port ends may be anybody's."""
    lab.sh("ip netns del web; ip netns add web")
    drift = kept.drift()
    assert {("missing", "link", "web", "web"), ("missing", "address", "web", "web fd10::10/64")} <= drift
    kept.apply()
    assert kept.drift() == set()
    assert "10.10.0.10/24" in lab.sh(f"{WEB} ip -o addr")
    lab.weft("destroy")
    assert "web" in lab.world.names()
    lab.sh("ip netns del web")
