"""The doctor: what is wrong, why, what would mend it. Every finding is shown red and, where there is one, green."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from weft.check.block import Block
from weft.check.doctor import doctor
from weft.check.examine import is_shared, release_of
from weft.check.finding import Finding
from weft.check.needs import needs, subnets, wishes
from weft.check.programs import properties
from weft.check.subjects.features import INSTEAD, MODULES, NECESSARY
from weft.check.subjects.limits import FILES
from weft.check.symptoms import Need, Symptoms
from weft.facts import FEATURES, PROGRAMS
from weft.files import load_text
from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.reach.foreign.transit import Way
from weft.state import HOST, PROTOCOL

WELL = Symptoms(
    features=frozenset({*FEATURES, "tcp_bbr", "tcp_cubic"}),
    programs=frozenset(PROGRAMS),
    forwarding={4: True, 6: True},
    egress_links=("eth0",),
    usage={"net/netfilter/nf_conntrack_max": (10, 1000)},
    netns_shared=True,
)
BUSY = replace(WELL, transit_links=("wu0",), own_links={"wu0": "veth", "vm0": "tap"})
"""With an uplink and a tap."""

DOCKER = Block(family="ip", table="filter", chain="FORWARD", user_chain=("ip", "filter", "DOCKER-USER"))
OLD = Block(family="iptables-legacy", table="filter", chain="FORWARD")
DOCKERS = frozenset({("ip", "filter", "FORWARD"), ("ip", "filter", "DOCKER-USER"), ("ip", "filter", "DOCKER")})


def bad(symptoms: Symptoms) -> list[Finding]:
    return [finding for finding in doctor(symptoms) if finding.level != "ok"]


def only(symptoms: Symptoms) -> Finding:
    (finding,) = bad(symptoms)
    assert finding.why and finding.mend
    return finding


def test_a_healthy_machine_has_nothing_to_mend() -> None:
    assert bad(WELL) == [] and bad(BUSY) == []
    assert any("bbr, cubic" in finding.what for finding in doctor(WELL))


def test_without_rights_nothing_works() -> None:
    finding = only(replace(WELL, permitted=False))
    assert finding.level == "error" and "root" in finding.mend


def test_an_old_kernel() -> None:
    assert only(replace(WELL, release=(5, 15))).level == "error"


@pytest.mark.parametrize(("committed", "way"), [(True, "wanted"), (False, "before")])
def test_a_journal_waits(committed: bool, way: str) -> None:
    finding = only(replace(WELL, journals={"lab": committed}))
    assert finding.level == "error" and finding.command == "weft recover" and finding.why.endswith(way)


# Features


def test_what_is_said_of_features_is_of_features_there_are() -> None:
    assert {*MODULES, *INSTEAD, *NECESSARY} <= FEATURES.keys()


@pytest.mark.parametrize(("name", "level"), [("veth", "error"), ("dummy", "note"), ("nft_fwd", "note")])
def test_a_missing_feature_says_what_it_costs(name: str, level: str) -> None:
    finding = only(replace(WELL, features=WELL.features - {name}))
    assert finding.level == level and name in finding.what and FEATURES[name] in finding.why


def test_a_missing_feature_that_a_line_needs_is_an_error_there() -> None:
    need = Need(feature="dummy", where="lab.yaml:7:5", instead="a bridge")
    finding = only(replace(WELL, features=WELL.features - {"dummy"}, needs=(need,)))
    assert finding.level == "error" and finding.where == ("lab.yaml:7:5",) and "stands in: a bridge" in finding.why
    assert bad(replace(WELL, needs=(need,))) == []


def test_a_feature_that_something_stands_in_for_is_a_warning_where_it_is_wished_for() -> None:
    wish = Need(feature="fq_codel", where="lab.yaml:7:5", instead="pfifo", strict=False)
    finding = only(replace(WELL, features=WELL.features - {"fq_codel"}, needs=(wish, wish)))
    assert finding.level == "warning" and finding.where == ("lab.yaml:7:5",) and "stands in: pfifo" in finding.why
    assert "refused" not in finding.mend and finding.command == "modprobe sch_fq_codel"
    strict = replace(wish, where="lab.yaml:9:5", instead="nothing else", strict=True)
    finding = only(replace(WELL, features=WELL.features - {"fq_codel"}, needs=(wish, strict)))
    assert finding.level == "error" and finding.why.endswith("stands in: nothing else")


def test_a_missing_program_is_named_by_its_package_and_an_error_where_a_line_needs_it() -> None:
    finding = only(replace(WELL, programs=frozenset()))
    assert (finding.level, finding.what, finding.command) == (
        "note",
        "program radvd is missing",
        "apt install radvd",
    )
    need = Need(feature="radvd", where="lab.yaml:7:5", instead="apt install radvd")
    finding = only(replace(WELL, programs=frozenset(), needs=(need,)))
    assert finding.level == "error" and finding.where == ("lab.yaml:7:5",)


ADVERTISED = load_text(
    "lab.yaml",
    """\
weft: 1
name: lab
tenants:
  t: {networks: {n: {subnets: [{cidr: "fd00:1::/64", ra: slaac}], uplink: routed}}}
""",
)


def test_an_intent_needs_the_program_that_advertises() -> None:
    lacking = {need.feature: need.where for need in needs(ADVERTISED, "h", FEATURES.keys())}
    assert lacking == {"radvd": "lab.yaml:4:54"}
    assert list(needs(ADVERTISED, "h", FEATURES.keys(), {"radvd": "/usr/sbin/radvd"})) == []


LAB = load_text(
    "lab.yaml",
    """\
weft: 1
name: lab
tenants:
  t:
    networks:
      out: {subnets: [100.64.3.0/24], uplink: routed}
      own: {subnets: [100.64.4.0/24]}
    ports:
      vm: {network: own, attach: {tap: {}}}
host:
  links:
    d0: {kind: dummy}
""",
)


def test_what_an_intent_needs_is_known_by_its_lines() -> None:
    found = {need.feature: need for need in needs(LAB, "host")}
    assert found["dummy"].where == "lab.yaml:12:5" and "bridge" in found["dummy"].instead
    assert found["tap"].where == "lab.yaml:9:7" and "bridge" in found and "nft_nat" not in found


SHAPED = load_text(
    "qos.yaml",
    """\
weft: 1
name: qos
host:
  links:
    eth0:
      existing: true
      qos:
        egress:
          ceil: 10mbit
          classes: {voice: {match: {dscp: ef}, rate: 1mbit, leaf: fq_codel}}
        ingress: {impairment: {loss: 1%}}
""",
)
TC = frozenset({"htb", "tbf", "fq_codel", "netem", "nft_netdev", "nft_egress", "nft_fwd", "ifb", "ipv6"})


def test_what_stands_in_for_what_a_policy_would_use() -> None:
    def found(*lacking: str) -> set[tuple[str, str, str]]:
        return {(one.feature, one.where, one.instead) for one in wishes(SHAPED, "host", TC - {*lacking})}

    assert found() == set()
    assert found("fq_codel") == {
        ("fq_codel", "qos.yaml:10:21", "pfifo"),
        ("fq_codel", "qos.yaml:8:9", "pfifo"),
    }
    assert found("tbf") == {
        ("tbf", "qos.yaml:10:21", "large frames whole"),
        ("tbf", "qos.yaml:8:9", "large frames whole"),
    }
    assert ("htb", "qos.yaml:8:9", "nft limit") in found("htb")
    assert ("netem", "qos.yaml:11:9", "nft numgen") in found("netem")


def test_what_stands_in_is_not_needed_and_what_nothing_stands_in_for_is() -> None:
    def found(*lacking: str) -> dict[str, str]:
        return {one.feature: one.where for one in needs(SHAPED, "host", TC - {*lacking})}

    assert found("htb", "fq_codel", "netem", "tbf") == {}
    assert found("nft_egress") == {"nft_egress": "qos.yaml:7:7"}
    assert found("ifb") == {"ifb": "qos.yaml:7:7"}


def test_prefixes_that_the_host_will_know() -> None:
    assert set(dict(subnets(LAB)).values()) == {"100.64.3.0/24", "198.18.0.0/15"}


# Firewalls


def test_docker_drops_and_nobody_accepts() -> None:
    finding = only(replace(BUSY, blocked=(DOCKER,), chains=DOCKERS))
    assert finding.level == "error" and "(Docker)" in finding.what
    assert finding.command.startswith("iptables -I DOCKER-USER -i wu+ -j ACCEPT; ")
    assert only(replace(WELL, blocked=(DOCKER,), chains=DOCKERS)).level == "warning"


@pytest.mark.parametrize(
    ("block", "chain", "owner", "command"),
    [
        (
            Block(family="inet", table="firewalld", chain="filter_FORWARD"),
            "x",
            "(firewalld)",
            "firewall-cmd --permanent",
        ),
        (Block(family="ip", table="filter", chain="FORWARD"), "ufw-user-forward", "(ufw)", "ufw route allow in on wu+"),
        (
            Block(family="inet", table="mine", chain="fwd"),
            "x",
            "",
            "nft 'insert rule inet mine fwd iifname \"wu*\" accept'",
        ),
    ],
)
def test_each_owner_is_opened_in_its_own_way(block: Block, chain: str, owner: str, command: str) -> None:
    finding = only(replace(BUSY, blocked=(block,), chains=frozenset({(block.family, block.table, chain)})))
    assert finding.what.endswith(owner) and finding.command.startswith(command)


def test_a_chain_that_lets_weft_through_is_well() -> None:
    assert bad(replace(BUSY, passes=("ip filter FORWARD",))) == []


def test_legacy_iptables_is_named() -> None:
    finding = only(replace(WELL, blocked=(OLD,)))
    assert (
        finding.what.startswith("chain iptables-legacy filter FORWARD drops") and "update-alternatives" in finding.mend
    )
    assert finding.command.startswith("iptables-legacy -I FORWARD -i wu+ -j ACCEPT; ")


def test_what_only_comes_from_outside_is_a_warning() -> None:
    """Answers to what ports ask pass: NAT works."""
    finding = only(replace(BUSY, blocked=(replace(DOCKER, ways=frozenset({Way.IN})),), chains=DOCKERS))
    assert finding.level == "warning" and "drops what comes from outside" in finding.what
    assert "floating IPs" in finding.why


def test_libvirt_is_told() -> None:
    assert only(replace(WELL, chains=frozenset({("ip", "filter", "LIBVIRT_FWI")}))).level == "note"


# Routing


def test_forwarding_off_matters_once_there_is_an_uplink() -> None:
    assert only(replace(WELL, forwarding={4: False, 6: True})).level == "note"
    assert only(replace(BUSY, forwarding={4: False, 6: True})).level == "error"


def test_a_link_that_does_not_forward() -> None:
    finding = only(replace(BUSY, still_links={4: ("eth0",), 6: ()}))
    assert finding.level == "error" and finding.command == "sysctl -w net/ipv4/conf/eth0/forwarding=1"


def test_strict_reverse_path_matters_with_two_ways_out() -> None:
    strict = replace(WELL, strict_links=("eth0",))
    assert bad(strict) == []
    assert "rp_filter=2" in only(replace(strict, egress_links=("eth0", "eth1"))).command


OWN = Route(netns=HOST, dst="198.18.0.1/32", ifname="wu0", via="fe80::2", protocol=PROTOCOL)
ALIEN = Route(netns=HOST, dst="198.18.0.0/15", ifname="tailscale0", table=52)
TAILSCALES = Rule(netns=HOST, family=4, priority=5270, table=52)


def led(*rules: Rule, routes: tuple[Route, ...] = (OWN, ALIEN)) -> Symptoms:
    return replace(BUSY, rules=rules, routes=routes)


def test_a_rule_that_leads_elsewhere() -> None:
    finding = only(led(TAILSCALES))
    assert "rule 5270 asks table 52 (Tailscale's) first, where 198.18.0.0/15 leads to tailscale0" in finding.what
    assert finding.command == "ip rule add priority 5260 to 198.18.0.1/32 lookup main"


@pytest.mark.parametrize(
    "well",
    [
        led(TAILSCALES, routes=(OWN, replace(ALIEN, dst="100.64.0.0/10"))),
        led(replace(TAILSCALES, fwmark=0x80000, fwmask=0xFF0000)),
        led(TAILSCALES, Rule(netns=HOST, family=4, priority=100, dst="198.18.0.0/24", table=254)),
        led(replace(TAILSCALES, family=6)),
        led(TAILSCALES, routes=(replace(OWN, protocol=None), ALIEN)),
    ],
    ids=["other prefix", "marked packets only", "main asked before", "the other family", "not weft's"],
)
def test_rules_that_do_not(well: Symptoms) -> None:
    assert bad(well) == []


def test_tailscales_range_and_marks() -> None:
    there = replace(BUSY, links=frozenset({"tailscale0"}))
    assert bad(there) == []
    finding = only(replace(there, subnets={"lab.yaml:6:7": "100.64.3.0/24"}))
    assert finding.level == "error" and finding.where == ("lab.yaml:6:7",)
    marked = Rule(netns=HOST, family=4, priority=7, fwmark=0x10000, fwmask=0xFFFFFFFF, table=9, protocol=PROTOCOL)
    assert "0x10000" in only(replace(there, rules=(marked,))).what
    assert bad(replace(BUSY, subnets={"lab.yaml:6:7": "100.64.3.0/24"}, rules=(marked,))) == []


# Other programs' files

NETWORKD = replace(BUSY, services=frozenset({"systemd-networkd"}))
LEFT = {"/etc/systemd/networkd.conf": "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=off\n"}


def test_networkd_takes_foreign_routes_away_unless_told() -> None:
    assert only(NETWORKD).level == "error"
    assert (
        "ManageForeignRoutes=yes and" in only(replace(NETWORKD, configs={"/etc/systemd/networkd.conf": "# no\n"})).what
    )
    assert bad(replace(NETWORKD, configs=LEFT)) == []
    turned = {**LEFT, "/etc/systemd/networkd.conf.d/z.conf": "[Network]\nManageForeignRoutes=yes\n"}
    assert "has ManageForeignRoutes=yes" in only(replace(NETWORKD, configs=turned)).what


@pytest.mark.parametrize(
    ("match", "taken"),
    [
        ("Name=*", ["vm0", "wu0"]),
        ("Type=ether", ["vm0", "wu0"]),
        ("Kind=veth", ["wu0"]),
        ("Kind=tun", ["vm0"]),
        ("Name=eth* en*", []),
        ("Name=!eth* vm*", ["wu0"]),
        ("Name=w* v*\nDriver=e1000", []),
        ("Type=wlan", []),
    ],
)
def test_networkd_takes_links_that_a_file_matches(match: str, taken: list[str]) -> None:
    files = {**LEFT, "/etc/systemd/network/50-all.network": f"[Match]\n{match}\n[Network]\nDHCP=yes\n"}
    found = bad(replace(NETWORKD, configs=files))
    assert [f.what.rpartition(" manage ")[2] for f in found] == ([", ".join(taken)] if taken else [])


def test_an_earlier_file_that_leaves_links_alone() -> None:
    all_ = {"/etc/systemd/network/50-all.network": "[Match]\nName=*\n"}
    first = {"/etc/systemd/network/00-weft.network": "[Match]\nName=wu* vm0\n[Link]\nUnmanaged=yes\n"}
    late = {"/etc/systemd/network/99-weft.network": "[Match]\nName=wu* vm0\n[Link]\nUnmanaged=yes\n"}
    assert bad(replace(NETWORKD, configs=LEFT | all_ | first)) == []
    assert len(bad(replace(NETWORKD, configs=LEFT | all_ | late))) == 1
    hidden = {"/etc/systemd/network/80-all.network": "", "/usr/lib/systemd/network/80-all.network": "[Match]\nName=*\n"}
    assert bad(replace(NETWORKD, configs=LEFT | hidden)) == []


def test_what_is_installed_leaves_links_alone_by_name_and_by_udevs_property() -> None:
    all_ = {"/etc/systemd/network/50-all.network": "[Match]\nName=*\n"}
    share = Path(__file__).parents[3] / "share"
    ours = {
        f"/usr/local/lib/systemd/network/{file.name}": file.read_text() for file in share.glob("networkd/*.network")
    }
    there = replace(NETWORKD, configs=LEFT | all_ | ours, own_links={"wu0123456789ab": "veth", "vm0": "tap"})
    assert bad(replace(there, properties={"vm0": {"WEFT": "1"}})) == []
    assert only(there).what.endswith(" manage vm0")
    assert only(replace(there, properties={"vm0": {"WEFT": "0"}})).what.endswith(" manage vm0")
    assert bad(replace(there, own_links={}, transit_links=())) == []


def test_what_udev_says_of_a_link(tmp_path: Path) -> None:
    (tmp_path / f"n{socket.if_nametoindex('lo')}").write_text("I:12\nE:WEFT=1\nE:ID_X=a=b\nG:systemd\n")
    assert properties(["lo", "none0"], str(tmp_path / "n{}")) == {"lo": {"WEFT": "1", "ID_X": "a=b"}}


def test_network_manager_leaves_alone_what_it_is_told_to() -> None:
    there = replace(BUSY, services=frozenset({"NetworkManager"}))
    assert only(there).what == "NetworkManager may manage wu0, vm0"

    def told(text: str) -> list[Finding]:
        return bad(replace(there, configs={"/etc/NetworkManager/conf.d/x.conf": text}))

    assert told("[keyfile]\nunmanaged-devices=interface-name:wu*;interface-name:vm0\n") == []
    assert told("[device-weft]\nmatch-device=interface-name:wu*,interface-name:vm*\nmanaged=0\n") == []
    (left,) = told("[keyfile]\nunmanaged-devices=interface-name:wu*\nunmanaged-devices+=mac:02:00:00:00:00:00\n")
    assert left.what == "NetworkManager may manage vm0"
    known = {link: {"NM_UNMANAGED": "1"} for link in BUSY.own_links}
    assert bad(replace(there, properties=known)) == []


# The rest


def test_bridges_of_the_host_that_iptables_is_asked_about() -> None:
    asked = replace(WELL, bridge_calls=True, host_bridges=("br0",))
    assert only(asked).level == "note"
    assert {f.level for f in bad(replace(asked, blocked=(OLD,))) if "br0" in f.what} == {"warning"}
    assert bad(replace(asked, host_bridges=())) == []


@pytest.mark.parametrize(("used", "level"), [(800, "warning"), (1000, "error")])
def test_limits_that_run_out(used: int, level: str) -> None:
    finding = only(replace(WELL, usage={"net/netfilter/nf_conntrack_max": (used, 1000)}))
    assert finding.level == level and "nf_conntrack_max=2000" in finding.command
    assert "ulimit -Hn" in only(replace(WELL, usage={FILES: (used, 1000)})).mend


def test_a_private_run_netns() -> None:
    assert "make-shared" in only(replace(WELL, netns_shared=False)).command
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
