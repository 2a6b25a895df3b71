"""The file for what netplan and networkd set up changes nothing but marks, and networkd lets it be so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dump import Dump, differences
from tests.kernel import netplan
from tests.world import World
from weft.files import Loaded, loads_stored
from weft.service import Prepared, Service
from weft.service.imported import import_host

pytestmark = pytest.mark.kernel

CARDS = """
ip link add e1 address 02:00:00:00:01:01 type veth peer name s1 address 02:00:00:00:02:01; ip link set s1 up
ip link add e2 address 02:00:00:00:01:02 type veth peer name s2 address 02:00:00:00:02:02; ip link set s2 up
"""
VMS = """
network:
  version: 2
  ethernets:
    e1: {mtu: 1450}
    e2: {addresses: [198.51.100.2/24]}
  bridges:
    br0:
      interfaces: [e1]
      mtu: 1450
      parameters: {stp: true, priority: 4096, forward-delay: 4, path-cost: {e1: 50}, port-priority: {e1: 8}}
      addresses: [192.168.7.1/24, "fd00:7::1/64"]
      accept-ra: false
      routes: [{to: 10.0.0.0/8, via: 192.168.7.9, metric: 100}, {to: 10.9.0.0/16, via: 192.168.7.8, table: 50}]
      routing-policy: [{from: 192.168.7.0/24, table: 50, priority: 70}]
  tunnels:
    vx7:
      {mode: vxlan, id: 7, local: 198.51.100.2, remote: 198.51.100.3, link: e2, mac-learning: false}
"""
GRE = """
network:
  version: 2
  ethernets:
    e2: {addresses: [198.51.100.2/24]}
  tunnels:
    gre1: {mode: gre, local: 198.51.100.2, remote: 198.51.100.4, key: 5, addresses: [10.7.8.1/24]}
    tap6: {mode: ip6gretap, local: "2001:db8::1", remote: "2001:db8::2", addresses: [10.7.9.1/24]}
"""
SERVER = """
network:
  version: 2
  ethernets: {e1: {}, e2: {}}
  bonds:
    bond0:
      interfaces: [e1, e2]
      mtu: 1450
      parameters: {mode: active-backup, primary: e1, mii-monitor-interval: 100, up-delay: 200}
  vlans:
    bond0.10: {id: 10, link: bond0}
    bond0.20: {id: 20, link: bond0, mtu: 1400, addresses: [10.20.0.2/24]}
    blue30: {id: 30, link: bond0, addresses: [10.30.0.2/24]}
  vrfs:
    blue:
      table: 100
      interfaces: [blue30]
      routes: [{to: default, via: 10.30.0.1}]
      routing-policy: [{from: 10.30.0.0/24}]
  bridges:
    br10:
      interfaces: [bond0.10]
      parameters: {stp: false, forward-delay: 0}
      addresses: [192.0.2.10/24, "2001:db8::10/64"]
      routes: [{to: default, via: 192.0.2.1}, {to: default, via: "2001:db8::1"}]
"""
LACP = """
network:
  version: 2
  ethernets: {e1: {}, e2: {}}
  bonds:
    bond0:
      interfaces: [e1, e2]
      parameters:
        {mode: 802.3ad, lacp-rate: fast, mii-monitor-interval: 100, transmit-hash-policy: layer3+4, min-links: 1}
      addresses: [192.0.2.10/24]
"""
HOSTS = [
    pytest.param(VMS, 4, id="vms"),
    pytest.param(GRE, 3, id="tunnels", marks=pytest.mark.needs("gre", "ip6gretap")),
    pytest.param(SERVER, 8, id="server", marks=pytest.mark.needs("bond", "vlan", "vrf")),
    pytest.param(LACP, 3, id="lacp", marks=pytest.mark.needs("bond")),
]
"""netplan's files, and of how many links each speaks."""


def agree(prepared: Prepared) -> None:
    pass


def file(text: str) -> Loaded:
    return loads_stored({"weft.yaml": text})


def looked_at(world: World) -> Dump:
    """But for how far LACP has come with a partner that does not answer."""
    dump = world.dump(settle_s=5)
    for link in dump[""]["link"].values():
        member = link.get("linkinfo", {}).get("info_slave_data", {})
        for passing in [word for word in member if "_oper_" in word]:
            del member[passing]
    return dump


def unmarked(dump: Dump) -> Dump:
    links = {name: link | {"ifalias": ""} for name, link in dump[""]["link"].items()}
    return {**dump, "": dump[""] | {"link": links}}


@pytest.mark.parametrize(("said", "links"), HOSTS)
def test_what_netplan_set_up_comes_back_as_a_file_that_changes_nothing(
    inside: World, tmp_path: Path, said: str, links: int
) -> None:
    inside.run("sh", "-ec", CARDS)
    netplan.set_up(inside, tmp_path, said, links)
    before = looked_at(inside)
    service = Service()
    imported = import_host(service, "mine", ())
    assert imported.changes == (), imported.text
    assert "route" not in imported.text.partition("# Not in this file")[2], imported.text
    service.apply(file(imported.text), agree)
    assert differences(unmarked(before), unmarked(looked_at(inside))) == [], imported.text
    assert not service.prepare(file(imported.text)).plan
    service.destroy("mine", agree)
    assert differences(before, looked_at(inside)) == []
