"""The doctor: what is wrong, why, what would mend it. Every finding is shown red and, where there is one, green."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.check.doctor import Finding, doctor
from weft.check.examine import is_shared, release_of
from weft.check.symptoms import Symptoms
from weft.facts import FEATURES, ForwardDrop

WELL = Symptoms(
    features=frozenset({*FEATURES, "tcp_bbr", "tcp_cubic"}),
    forwarding={4: True, 6: True},
    egress_links=("eth0",),
    usage={"net/netfilter/nf_conntrack_max": (10, 1000)},
    netns_shared=True,
)
DOCKER = ForwardDrop(family="ip", table="filter", chain="FORWARD", user_chain=("ip", "filter", "DOCKER-USER"))
OTHER = ForwardDrop(family="inet", table="firewalld", chain="filter_FORWARD")


def bad(symptoms: Symptoms) -> list[Finding]:
    return [finding for finding in doctor(symptoms) if finding.level != "ok"]


def only(symptoms: Symptoms) -> Finding:
    (finding,) = bad(symptoms)
    assert finding.why and finding.mend
    return finding


def test_a_healthy_machine_has_nothing_to_mend() -> None:
    assert bad(WELL) == []
    assert any("bbr, cubic" in finding.what for finding in doctor(WELL))


def test_without_rights_nothing_works() -> None:
    finding = only(replace(WELL, permitted=False))
    assert finding.level == "error" and "root" in finding.mend


def test_an_old_kernel() -> None:
    assert only(replace(WELL, release=(5, 15))).level == "error"


@pytest.mark.parametrize(("committed", "way"), [(True, "wanted"), (False, "before")])
def test_a_journal_waits(committed: bool, way: str) -> None:
    finding = only(replace(WELL, journals={"lab": committed}))
    assert finding.level == "error" and finding.mend == "weft recover" and finding.why.endswith(way)


@pytest.mark.parametrize(("name", "level"), [("veth", "error"), ("dummy", "warning"), ("nft_fwd", "warning")])
def test_a_missing_feature_says_what_it_costs(name: str, level: str) -> None:
    finding = only(replace(WELL, features=WELL.features - {name}))
    assert finding.level == level and name in finding.what and FEATURES[name] in finding.why


def test_docker_drops_and_nobody_accepts() -> None:
    finding = only(replace(WELL, forward_drops=(DOCKER,), firewalls=("Docker",), has_transit=True))
    assert finding.level == "error" and "Docker" in finding.what and "DOCKER-USER" in finding.mend
    assert only(replace(WELL, forward_drops=(DOCKER,))).level == "warning"


def test_the_sanctioned_accept_heals_it() -> None:
    assert bad(replace(WELL, forward_drops=(DOCKER,), accepted=frozenset({("ip", "filter")}), has_transit=True)) == []


def test_a_firewall_that_invites_nobody() -> None:
    finding = only(replace(WELL, forward_drops=(OTHER,)))
    assert 'nft insert rule inet firewalld filter_FORWARD iifname "wu*" accept' in finding.mend


def test_legacy_iptables_is_named() -> None:
    assert "iptables-legacy" in only(replace(WELL, legacy_drop=True)).what


def test_forwarding_off_matters_once_there_is_an_uplink() -> None:
    assert only(replace(WELL, forwarding={4: False, 6: True})).level == "note"
    assert only(replace(WELL, forwarding={4: False, 6: True}, has_transit=True)).level == "error"


def test_strict_reverse_path_matters_with_two_ways_out() -> None:
    strict = replace(WELL, strict_links=("eth0",))
    assert bad(strict) == []
    assert "rp_filter=2" in only(replace(strict, egress_links=("eth0", "eth1"))).mend


@pytest.mark.parametrize(("used", "level"), [(800, "warning"), (1000, "error")])
def test_limits_that_run_out(used: int, level: str) -> None:
    finding = only(replace(WELL, usage={"net/netfilter/nf_conntrack_max": (used, 1000)}))
    assert finding.level == level and "nf_conntrack_max=2000" in finding.mend


def test_a_private_run_netns() -> None:
    assert "make-shared" in only(replace(WELL, netns_shared=False)).mend
    assert bad(replace(WELL, netns_shared=None)) == []


def test_the_worst_comes_first() -> None:
    levels = [finding.level for finding in doctor(replace(WELL, journals={"lab": False}, netns_shared=False))]
    assert levels[:2] == ["error", "warning"] and levels[-1] == "ok"


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:25 / /run rw,nosuid shared:5 - tmpfs tmpfs rw
40 30 0:25 /netns /run/netns rw,nosuid {} - tmpfs tmpfs rw
"""


def test_mountinfo() -> None:
    assert is_shared(MOUNTS.format("shared:5"), "/run/netns") is True
    assert is_shared(MOUNTS.format("master:3"), "/run/netns") is False
    assert is_shared(MOUNTS, "/run/elsewhere") is None


@pytest.mark.parametrize(
    ("text", "release"), [("6.1.0-13-amd64", (6, 1)), ("6.18.44-fc-v669", (6, 18)), ("5.4-rc1", (5, 4))]
)
def test_releases(text: str, release: tuple[int, int]) -> None:
    assert release_of(text) == release
