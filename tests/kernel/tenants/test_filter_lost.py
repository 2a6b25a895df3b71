"""Somebody takes filters away: it is said what is missing and who was open, and the next apply puts it back."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.kernel.groups.lab import Lab
from tests.kernel.groups.talking import connected, lives
from tests.kernel.tenants.test_sharing import TEXT

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

OPEN = "unfiltered until then, for somebody took prerouting, receiving out of weft.lab.shop"
PORTS = ("shop.ports.web", "shop.ports.db", "shop.ports.ear", "dev.ports.ci", "dev.ports.run")
FIREWALL = """
flush ruleset
table inet filter {
  chain input { type filter hook input priority 0; policy accept; ct state invalid drop; }
}
"""
"""As a service of the distribution loads it: all that was there before is gone."""
DOCKERS = """
*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -j RETURN
COMMIT
"""
"""As iptables-save wrote it down before weft came."""
NAT = TEXT.replace("]}}", "], uplink: nat}}", 1)


def test_a_flush_in_a_tenants_namespace(lab: Lab) -> None:
    lab.apply(TEXT)
    lab.listen("web", "tcp/80", "tcp/22")
    with connected(lab, "ci", "10.0.0.10", 80) as bought:
        lab.demand("ci", stops=("tcp/10.0.0.10/22",))
        lab.world.run("nft", "flush", "ruleset", netns="weft.lab.shop")
        lab.demand("ci", passes=("tcp/10.0.0.10/22",))
        status = lab.status()
        assert status.returncode == 3 and "prerouting" in status.stdout
        planned = lab.world.run("weft", "plan", "-f", lab.file, "-o", "json", check=False).stdout
        for counted in (("groups",), ("drops", "--for", "0.1s")):
            told = lab.world.run("weft", *counted, "-f", lab.file).stdout
            assert "tenant shop: its filter is not there, " in told and "tenant dev:" not in told
        (found,) = json.loads(planned)["unfiltered"]
        assert found["netns"] == "weft.lab.shop" and set(found["ports"]) == {f"tenants.{port}" for port in PORTS}
        told = lab.apply(TEXT)
        assert OPEN in told.stdout + told.stderr
        lab.demand("ci", passes=("tcp/10.0.0.10/80",), stops=("tcp/10.0.0.10/22",))
        assert lives(bought) and lab.status().returncode == 0
        assert "its filter is not there" not in lab.world.run("weft", "groups", "-f", lab.file).stdout


def test_somebody_elses_rules_in_place_of_a_tenants(lab: Lab) -> None:
    """What is put there stays beside what comes back."""
    lab.apply(TEXT)
    lab.listen("web", "tcp/80", "tcp/22")
    with connected(lab, "ci", "10.0.0.10", 80) as bought:
        lab.world.run("nft", "-f", "-", netns="weft.lab.shop", input=FIREWALL)
        lab.demand("ci", passes=("tcp/10.0.0.10/22",))
        status = lab.status()
        assert status.returncode == 3 and "prerouting" in status.stdout
        planned = lab.world.run("weft", "plan", "-f", lab.file, check=False).stdout
        assert OPEN in planned
        assert OPEN in lab.apply(TEXT).stdout
        lab.demand("ci", passes=("tcp/10.0.0.10/80",), stops=("tcp/10.0.0.10/22",))
        assert lives(bought) and lab.status().returncode == 0
    assert "table inet filter" in lab.world.run("nft", "list", "ruleset", netns="weft.lab.shop").stdout


def give_outside(lab: Lab) -> None:
    """A neighbour of the host that its default route leads to."""
    lab.world.run(
        "sh",
        "-ec",
        "ip netns add out; ip link add up0 type veth peer name up1 netns out; ip addr add 192.0.2.1/24 dev up0;"
        "ip link set up0 up; ip -n out addr add 192.0.2.2/24 dev up1; ip -n out link set up1 up;"
        "ip route add default via 192.0.2.2",
    )


@pytest.mark.skipif(shutil.which("iptables-nft-restore") is None, reason="iptables is not installed")
def test_iptables_restore_on_the_host(lab: Lab) -> None:
    """Without --noflush: the rules that Docker's chain held for weft are gone, what tenants have is not."""
    give_outside(lab)
    lab.world.run("iptables-nft-restore", input=DOCKERS)
    lab.apply(NAT)
    lab.listen("web", "tcp/80", "tcp/22")
    assert lab.world.ping("192.0.2.2", netns="ci")
    with connected(lab, "ci", "10.0.0.10", 80) as bought:
        lab.world.run("iptables-nft-restore", input=DOCKERS)
        assert not lab.world.ping("192.0.2.2", netns="ci", wait_s=0)
        status = lab.status()
        assert status.returncode == 3 and "DOCKER-USER" in status.stdout
        assert "DOCKER-USER" in lab.world.run("weft", "plan", "-f", lab.file, check=False).stdout
        assert "unfiltered" not in lab.apply(NAT).stdout
        assert lab.world.ping("192.0.2.2", netns="ci") and lab.status().returncode == 0
        lab.demand("ci", passes=("tcp/10.0.0.10/80",), stops=("tcp/10.0.0.10/22",))
        assert lives(bought)
    assert "-P FORWARD DROP" in lab.world.run("iptables-nft", "-S").stdout


def test_the_hosts_firewall_loads_its_rules_anew(lab: Lab) -> None:
    """Tenants' filters are not the host's; the host's translation is missing until the next apply."""
    give_outside(lab)
    lab.apply(NAT)
    lab.listen("web", "tcp/80", "tcp/22")
    assert lab.world.ping("192.0.2.2", netns="ci")
    lab.world.run("nft", "-f", "-", input=FIREWALL)
    lab.demand("ci", passes=("tcp/10.0.0.10/80",), stops=("tcp/10.0.0.10/22",))
    status = lab.status()
    assert status.returncode == 3 and "inet weft-lab" in status.stdout
    told = lab.apply(NAT).stdout
    assert "unfiltered" not in told
    assert lab.world.ping("192.0.2.2", netns="ci") and lab.status().returncode == 0
    assert "table inet filter" in lab.world.run("nft", "list", "ruleset").stdout


def test_what_somebody_forgets_of_connections_goes_on(lab: Lab) -> None:
    """`conntrack -F` in a tenant's namespace takes no rule away: nothing is to be put back."""
    lab.apply(TEXT)
    lab.listen("web", "tcp/80", "tcp/22")
    with connected(lab, "ci", "10.0.0.10", 80) as bought:
        lab.world.run("conntrack", "-F", netns="weft.lab.shop")
        assert lives(bought), "a packet in the middle of what a rule allows is taken up"
        lab.demand("ci", passes=("tcp/10.0.0.10/80",), stops=("tcp/10.0.0.10/22",))
        assert lab.status().returncode == 0
