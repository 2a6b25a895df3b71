"""Facts and symptoms of real namespaces, made by ip, nft and iptables."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.world import World
from weft.backends.base import Selection
from weft.backends.nft import Nft
from weft.backends.rtnl import Rtnl
from weft.check.doctor import doctor
from weft.check.examine import examine
from weft.errors import NotPermitted
from weft.facts import FEATURES
from weft.kinds.nft.foreign_rule import NftForeignRule
from weft.model.intent import Intent, Tenant
from weft.netlink import doors
from weft.netlink.namespaces import Namespaces
from weft.probe import firewall, gather, kernel, limits
from weft.probe.remembered import PARTS, features
from weft.state import Change, Op, State
from weft.store.journal import Journal, Record
from weft.store.ledger import Ledger

RUN = Path("/run/weft/id")
JOURNALS = RUN / "journal"
ALWAYS = {"veth", "bridge", "tap", "ipv6", "nft_inet", "nft_nat", "nft_netdev", "nft_fwd"}
"""What every kernel that weft's tests run on has."""


class Host:
    """The world's host through weft's backends."""

    host_id, scope = "id-1", "lab"

    def __init__(self, world: World) -> None:
        self.world = world
        self.namespaces, self.rtnl = Namespaces(), Rtnl()
        self.nft = Nft(self.namespaces)
        self.ledger = Ledger(RUN)

    def observe(self) -> State:
        selection = Selection(namespaces=("",))
        return State(self.rtnl.observe(selection) | self.nft.observe(selection))

    def findings(self) -> list[str]:
        return [f"{f.level}: {f.what}" for f in doctor(examine(self.nft, self.observe(), RUN, JOURNALS))]

    def close(self) -> None:
        self.nft.close()
        self.rtnl.close()
        self.namespaces.close()


@pytest.fixture
def host(world: World) -> Iterator[Host]:
    with world.inside(), closing(Host(world)) as host:
        yield host


def test_features_are_found_and_nothing_is_left(host: Host) -> None:
    before = host.world.dump()
    found = kernel.find()
    assert found >= ALWAYS and "tcp_cubic" in found
    assert {name for name in found if not name.startswith("tcp_")} <= set(FEATURES)
    assert host.world.dump() == before


def test_features_agree_with_ip(host: Host) -> None:
    made = host.world.run("ip", "link", "add", "d0", "type", "dummy", check=False).returncode == 0
    assert ("dummy" in kernel.find()) == made
    has_switch = Path("/proc/sys/net/bridge/bridge-nf-call-iptables").exists()
    assert ("br_netfilter" in kernel.find()) == has_switch


def test_a_recorder_without_tenants_has_rules_tried(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text("{weft: 1, name: lab, drops: {recorder: true}, host: {links: {br7: {kind: bridge}}}}")
    ran = host.world.run("weft", "plan", "-f", file, check=False)
    assert (ran.returncode, ran.stderr) == (3, "")


def test_features_are_remembered(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    found = features(RUN)
    with monkeypatch.context() as patch:
        patch.setattr(kernel, "find_parts", lambda parts: dict.fromkeys(parts, frozenset({"wrong"})))
        assert features(RUN) == found
        patch.setattr("weft.probe.remembered._signature", lambda: ["another", "kernel", ""])
        assert features(RUN) == {"wrong"}
    (RUN / "features.json").write_text("{torn")
    assert features(RUN) == found


def test_only_what_is_asked_for_is_tried(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def find_parts(parts: Collection[str]) -> dict[str, frozenset[str]]:
        tried.extend(parts)
        return {part: frozenset({part}) for part in parts}

    monkeypatch.setattr(kernel, "find_parts", find_parts)
    assert features(RUN, ["settings", "links"]) == {"settings", "links"} and tried == ["settings", "links"]
    assert features(RUN) == set(PARTS) and tried == ["settings", "links", "queues", "rules"]
    assert features(RUN, ["links"]) == {"links"} and len(tried) == 4


def test_of_commands_that_start_together_one_looks(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    def look(parts: Collection[str]) -> dict[str, frozenset[str]]:
        looks.append("look")
        time.sleep(0.1)
        return dict.fromkeys(parts, frozenset({"veth"}))

    monkeypatch.setattr(kernel, "find_parts", look)
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(features, [RUN] * 3)) == [{"veth"}] * 3
    assert looks == ["look"]


def test_finding_features_without_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(doors, "unshare_network", refused)
    with pytest.raises(NotPermitted, match="needs root"):
        kernel.find()


def test_facts_of_a_host(host: Host) -> None:
    world = host.world
    world.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far0")
    world.run("ip", "addr", "add", "192.0.2.7/24", "dev", "eth0")
    world.run("ip", "link", "set", "eth0", "mtu", "1400", "up")
    world.run("ip", "link", "set", "far0", "up")
    world.run("ip", "route", "add", "default", "via", "192.0.2.1")
    world.run("ip", "route", "add", "172.16.0.0/12", "via", "192.0.2.9")
    world.run("ip", "netns", "add", "other")
    world.run("nft", "add", "table", "ip", "filter")
    world.run("nft", "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }")
    world.run("nft", "add", "chain", "ip", "filter", "DOCKER-USER")
    bare = gather(host, Intent(name="lab"), host.observe(), RUN)
    facts = gather(host, Intent(name="lab", tenants={"t": Tenant()}), host.observe(), RUN)
    assert bare.features == features(RUN, ["settings", "links"]) < facts.features == features(RUN)
    assert facts.links["eth0"].mtu == 1400 and facts.links["eth0"].addresses == ("192.0.2.7/24",)
    assert facts.egress_links == ("eth0",) and facts.ra_links == ()
    assert facts.host_routes == ("172.16.0.0/12", "192.0.2.0/24")
    assert facts.namespaces == {"other"}
    (drop,) = facts.forward_drops
    assert (drop.family, drop.table, drop.chain) == ("ip", "filter", "FORWARD")
    assert drop.user_chain == ("ip", "filter", "DOCKER-USER")
    assert facts.features >= ALWAYS and facts.host_id == "id-1"


def test_limits_are_numbers() -> None:
    assert all(value > 0 for value in limits.of_first_namespace().values())
    assert limits.of_first_namespace(("net/ipv4/no_such",)) == {}


@pytest.mark.skipif(shutil.which("iptables-nft") is None, reason="iptables is not installed")
def test_the_chains_that_iptables_makes(host: Host) -> None:
    world = host.world
    world.run("iptables-nft", "-P", "FORWARD", "DROP")
    world.run("iptables-nft", "-N", "DOCKER-USER")
    world.run("ip6tables-nft", "-P", "FORWARD", "DROP")
    drops = {(drop.family, drop.user_chain) for drop in firewall.drops(host.nft.chains(""))}
    assert drops == {("ip", ("ip", "filter", "DOCKER-USER")), ("ip6", None)}


def rule(way: str) -> NftForeignRule:
    return NftForeignRule(
        netns="",
        family="ip",
        table="filter",
        chain="DOCKER-USER",
        rule=f'{way} "wu*" accept',
        comment=f"weft/id-1/lab/firewall/{way}",
    )


@pytest.mark.skipif(shutil.which("iptables-nft") is None, reason="iptables is not installed")
def test_iptables_still_reads_a_table_with_our_accept(host: Host) -> None:
    world = host.world
    world.run("iptables-nft", "-N", "DOCKER-USER")
    world.run("iptables-nft", "-A", "DOCKER-USER", "-j", "RETURN")
    host.nft.commit([Change(Op.CREATE, None, rule(way)) for way in ("iifname", "oifname")])
    listed = world.run("iptables-nft", "-S", "DOCKER-USER").stdout.splitlines()
    assert sum(" -i wu+ " in line or " -o wu+ " in line for line in listed) == 2
    assert listed[-1] == "-A DOCKER-USER -j RETURN"


def test_the_doctor_says_why_nothing_passes(host: Host) -> None:
    world = host.world
    world.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    world.run("nft", "add", "table", "ip", "filter")
    world.run("nft", "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }")
    world.run("nft", "add", "chain", "ip", "filter", "DOCKER-USER")
    world.run("nft", "add", "rule", "ip", "filter", "FORWARD", "jump", "DOCKER-USER")
    said = "chain ip filter FORWARD drops what is forwarded"
    assert f"warning: {said} (Docker)" in host.findings()
    world.run("ip", "link", "add", "wuabc", "type", "veth", "peer", "name", "uplink")
    world.run("ip", "link", "set", "wuabc", "alias", "weft/id-1/lab/tenants/shop/routers/front")
    assert f"error: {said} (Docker)" in host.findings()
    host.nft.commit([Change(Op.CREATE, None, rule("iifname"))])
    assert f"error: {said} (Docker)" in host.findings()  # what comes back has no accept
    host.nft.commit([Change(Op.CREATE, None, rule("oifname"))])
    assert "ok: chain ip filter FORWARD lets weft's uplinks through" in host.findings()


def test_the_doctor_finds_a_journal_that_waits(host: Host) -> None:
    assert not any("cut short" in said for said in host.findings())
    Journal(JOURNALS, "lab").begin(Record(former=State(), goal=State()))
    assert "error: an apply of lab was cut short" in host.findings()


def test_the_doctor_sees_forwarding_and_the_kernel(host: Host) -> None:
    host.world.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    assert "note: IPv4 forwarding is off" in host.findings()
    host.world.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    found = host.findings()
    assert "ok: IPv4 forwarding is on" in found
    assert f"ok: kernel {'.'.join(os.uname().release.split('.')[:2])}" in found
    assert "ok: may change the network (CAP_NET_ADMIN, CAP_SYS_ADMIN)" in found


def test_the_doctor_sees_that_run_netns_is_private(host: Host) -> None:
    host.world.run("mount", "-t", "tmpfs", "none", "/run/netns")
    host.world.run("mount", "--make-private", "/run/netns")
    assert "warning: /run/netns is a private mount" in host.findings()
    host.world.run("mount", "--make-shared", "/run/netns")
    assert not any("/run/netns" in said for said in host.findings())


def test_how_links_send(world: World) -> None:
    """As ip and ethtool tell: the kernel says a veth's speed; that of an ifb nobody knows."""
    world.run("ip", "link", "add", "v0", "numtxqueues", "3", "type", "veth", "peer", "name", "v1")
    world.run("sh", "-ec", "ip link set v0 up; ip link set v1 up; ip link add i0 type ifb; ip link set i0 up")
    with world.inside():
        rtnl = Rtnl()
        found = rtnl.carriers(["v0", "i0", "gone"])
        rtnl.close()
    told = {link["ifname"]: link for link in world.json("ip", "-d", "-j", "link")}
    assert {name: (told[name]["address"], told[name]["qdisc"], told[name]["num_tx_queues"]) for name in found} == {
        name: carrier[:3] for name, carrier in found.items()
    }
    speed = re.search(r"Speed: (\d+)Mb/s", world.run("ethtool", "v0").stdout)
    assert speed is not None
    assert found["v0"].speed_bps == int(speed[1]) * 10**6
    assert found["i0"].speed_bps == 0
    assert set(found) == {"v0", "i0"}
