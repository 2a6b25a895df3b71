"""Bonds and what they become: what the mode knows, what is only a warning, whose a link already is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pure.compiler.intents import facts
from weft.compiler import CompileError, compile
from weft.facts import ForeignLink
from weft.kinds.link.bonding import Bond
from weft.kinds.link.common import Link
from weft.kinds.setting.link import LinkSetting
from weft.model.intent import Intent, NamespaceConfig
from weft.model.links import HostLink, VethLink
from weft.model.stacked import BondLink, MacvlanLink
from weft.state import HOST, Key, link_key

OPTIONS = "primary primary_reselect fail_over_mac xmit_hash_policy lacp_rate ad_select min_links".split()
LINKS = {name: ForeignLink(ifname=name) for name in ("eth0", "eth1", "eth2")}


def host(**links: HostLink) -> Intent:
    return Intent(name="lab", host=NamespaceConfig(links=links))


def made(ifname: str, wanted: Intent, **known: Any) -> Any:
    return compile(wanted, facts(links=LINKS, **known)).state[link_key(HOST, ifname)]


@pytest.mark.parametrize(
    ("mode", "known"),
    [
        ("balance-rr", set()),
        ("active-backup", {"primary", "primary_reselect", "fail_over_mac"}),
        ("balance-xor", {"xmit_hash_policy"}),
        ("broadcast", set()),
        ("802.3ad", {"xmit_hash_policy", "lacp_rate", "ad_select", "min_links"}),
        ("balance-tlb", {"primary", "primary_reselect", "xmit_hash_policy"}),
        ("balance-alb", {"primary", "primary_reselect"}),
    ],
)
def test_a_bond_says_all_that_its_mode_knows_and_nothing_else(mode: str, known: set[str]) -> None:
    bond = made("b", host(b=BondLink(mode=mode, members=("eth1", "eth2"))))
    assert isinstance(bond, Bond)
    options = {
        "primary",
        "primary_reselect",
        "fail_over_mac",
        "xmit_hash_policy",
        "lacp_rate",
        "ad_select",
        "min_links",
    }
    assert {name for name in options if getattr(bond, name) is not None} == known
    assert (bond.miimon, bond.updelay, bond.downdelay, bond.arp_interval) == (100, 0, 0, None)


def test_a_bond_that_takes_its_member_s_mac_has_none_of_its_own() -> None:
    for follows, own in (("active", False), ("none", True)):
        wanted = host(b=BondLink(mode="active-backup", members=("eth1",), fail_over_mac=follows))
        assert (made("b", wanted).mac is not None) is own


def test_members_of_weft_have_the_bond_s_mtu_and_a_mac_to_go_back_to() -> None:
    wanted = host(b=BondLink(mode="broadcast", members=("v",), mtu=9000), v=VethLink(peer="w"))
    member, far = made("v", wanted), made("w", wanted)
    assert isinstance(member, Link)
    assert (member.mtu, member.master, far.mtu) == (9000, "b", 9000)
    assert member.mac


def test_members_of_others_are_settings() -> None:
    state = compile(host(b=BondLink(mode="broadcast", members=("eth1",))), facts(links=LINKS)).state
    setting = state[Key("link-setting", HOST, "eth1 bond")]
    assert isinstance(setting, LinkSetting)
    assert setting.value == "b up"
    assert setting.lives_on == (link_key(HOST, "eth1"), link_key(HOST, "b"))


@pytest.mark.parametrize(
    ("bond", "said"),
    [
        (BondLink(mode="802.3ad", members=("eth1",)), "LACP brings nothing"),
        (BondLink(mode="broadcast", members=("eth1", "eth2"), miimon=0), "never fails over"),
    ],
)
def test_what_is_legal_and_harmful_is_a_warning(bond: BondLink, said: str) -> None:
    (warning,) = compile(host(b=bond), facts(links=LINKS)).warnings
    assert said in warning.what


def test_a_kind_that_the_kernel_lacks_is_named_with_what_stands_in() -> None:
    for link, lacking, instead in (
        (BondLink(mode="broadcast"), "bond", "a bridge of the same members"),
        (MacvlanLink(link="eth0"), "macvlan", "a bridge with a veth"),
    ):
        known = facts(links=LINKS)
        with pytest.raises(CompileError) as refused:
            compile(host(b=link), facts(links=LINKS, features=known.features - {lacking}))
        (finding,) = refused.value.findings
        assert f"lacks {lacking} (" in finding.what
        assert instead in finding.fix


@pytest.mark.parametrize(("bonds", "parents", "holds"), [(9000, 1500, False), (1500, 9000, True), (9000, 9000, True)])
def test_a_member_in_the_frames_of_another_link_holds_its_bond_s_mtu(bonds: int, parents: int, holds: bool) -> None:
    wanted = host(
        b=BondLink(mode="active-backup", members=("m", "eth1"), mtu=bonds), m=MacvlanLink(link="eth0", mode="bridge")
    )
    known = facts(links=LINKS | {"eth0": ForeignLink(ifname="eth0", mtu=parents)})
    if holds:
        assert getattr(compile(wanted, known).state[link_key(HOST, "m")], "mtu", None) == bonds
        return
    with pytest.raises(CompileError) as refused:
        compile(wanted, known)
    (finding,) = refused.value.findings
    assert finding.what.startswith("an MTU of the 9000 of its bond b is above the 1500 bytes of eth0")
