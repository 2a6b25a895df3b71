"""Settings of others' links: written, noted, put back, or left alone where somebody changed them since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.rtnl_world import link
from tests.world import World
from weft.backends.base import Selection
from weft.backends.link_settings import LinkSettings
from weft.backends.rtnl import Rtnl
from weft.errors import KernelRefused
from weft.kinds.setting.link import LinkSetting
from weft.state import Change, Op, State
from weft.store.ledger import Ledger


def setting(attribute: str, value: str, ifname: str = "eth9") -> LinkSetting:
    return LinkSetting(netns="", ifname=ifname, attribute=attribute, value=value)


WANTED = {
    "mtu": setting("mtu", "1400"),
    "gso_max_size": setting("gso_max_size", "20000"),
    "gso_max_segs": setting("gso_max_segs", "30"),
    "gro_max_size": setting("gro_max_size", "30000"),
    "alias": setting("alias", "the way out"),
    "offload/tx-tcp-segmentation": setting("offload/tx-tcp-segmentation", "off"),
}


@pytest.fixture
def settings(world: World) -> Iterator[LinkSettings]:
    world.run("ip", "link", "add", "eth9", "type", "veth", "peer", "eth8")
    with world.inside():
        yield LinkSettings(Rtnl(), Ledger(Path("/run/weft")), "lab")


def ask(settings: LinkSettings, *wanted: LinkSetting) -> State:
    return settings.observe(Selection(keys=frozenset(one.key for one in wanted)))


def test_all_are_set_read_and_put_back(world: World, settings: LinkSettings) -> None:
    before = link(world, None, "eth9"), world.run("ethtool", "-k", "eth9").stdout
    former = ask(settings, *WANTED.values())
    assert former.keys() == {one.key for one in WANTED.values()}
    settings.commit([Change(Op.UPDATE, former[one.key], one) for one in WANTED.values()])
    seen = link(world, None, "eth9")
    assert {name: seen[name] for name in ("mtu", "gso_max_size", "gso_max_segs", "gro_max_size", "ifalias")} == {
        "mtu": 1400, "gso_max_size": 20000, "gso_max_segs": 30, "gro_max_size": 30000, "ifalias": "the way out",
    }  # fmt: skip
    assert "tx-tcp-segmentation: off" in world.run("ethtool", "-k", "eth9").stdout
    assert ask(settings, *WANTED.values()) == State.of(WANTED.values())
    assert settings.observe(Selection(namespaces=("",))) == State.of(WANTED.values()), "the ledger knows of them"
    settings.commit([Change(Op.DELETE, one, None) for one in WANTED.values()])
    assert (link(world, None, "eth9"), world.run("ethtool", "-k", "eth9").stdout) == before
    assert settings.observe(Selection(namespaces=("",))) == {}


def test_the_loopback_is_a_link_like_others(world: World, settings: LinkSettings) -> None:
    before, wanted = link(world, None, "lo"), [setting("alias", "loop", "lo"), setting("mtu", "16384", "lo")]
    settings.commit([Change(Op.UPDATE, None, one) for one in wanted])
    assert ask(settings, *wanted) == State.of(wanted)
    settings.commit([Change(Op.DELETE, one, None) for one in wanted])
    assert link(world, None, "lo") == before


def test_an_offload_that_the_kernel_does_not_know(world: World, settings: LinkSettings) -> None:
    with pytest.raises(KernelRefused, match="bit name not found"):
        settings.commit([Change(Op.CREATE, None, setting("offload/no-such-feature", "on"))])


def test_what_somebody_changed_since_is_left(world: World, settings: LinkSettings) -> None:
    settings.commit([Change(Op.CREATE, None, WANTED["mtu"])])
    world.run("ip", "link", "set", "eth9", "mtu", "1300")
    settings.commit([Change(Op.DELETE, WANTED["mtu"], None)])
    assert link(world, None, "eth9")["mtu"] == 1300


def test_a_setting_of_a_link_that_is_gone(world: World, settings: LinkSettings) -> None:
    nowhere = setting("mtu", "1400", "nowhere")
    assert ask(settings, nowhere) == {}
    with pytest.raises(KernelRefused, match="No such device"):
        settings.commit([Change(Op.CREATE, None, nowhere)])
    settings.commit([Change(Op.DELETE, nowhere, None)])


def test_a_value_that_the_kernel_refuses(world: World, settings: LinkSettings) -> None:
    with pytest.raises(KernelRefused, match="mtu"):
        settings.commit([Change(Op.CREATE, None, setting("mtu", "5"))])
    assert link(world, None, "eth9")["mtu"] == 1500
