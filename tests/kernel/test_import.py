"""The file for what other people's scripts made changes nothing but marks, and nothing at all the second time."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.world import World
from weft.files import Loaded, loads_stored
from weft.service import Prepared, Service
from weft.service.imported import import_host

pytestmark = pytest.mark.kernel

VMS = """
ip link add br0 type bridge stp_state 0 forward_delay 0
ip addr add 192.168.122.1/24 dev br0
ip addr add fd00:122::1/64 dev br0 nodad
ip link set br0 up
ip link property add dev br0 altname guests
ip tuntap add dev tap0 mode tap
ip link set tap0 master br0 up
ip tuntap add dev tap1 mode tap
ip link set tap1 master br0 up
ip link set tap1 type bridge_slave isolated on
"""
MESH = """
ip link add u0 type veth peer name u1
ip addr add 10.0.0.1/24 dev u0
ip link set u0 up
ip link set u1 up
ip link add vx7 mtu 1450 type vxlan id 7 local 10.0.0.1 dstport 4789 nolearning
ip link add vx8 mtu 1400 type vxlan id 8 remote 10.0.0.2 dstport 4789 ttl inherit
ip link add br7 type bridge forward_delay 0
ip link set vx7 master br7 up
ip link set br7 up
ip addr add 10.7.0.1/24 dev br7
"""
ROUTES = """
ip link add m0 type veth peer name m1
ip addr add 10.20.0.2/24 dev m0
ip link set m0 up
ip link set m1 up
ip link add mv0 link m0 type macvlan mode bridge
ip link set mv0 up
ip route add 10.30.0.0/16 via 10.20.0.1 dev m0 metric 50
ip route add 10.30.0.0/16 via 10.20.0.3 dev m0 metric 100 mtu 1400
ip route add 10.40.0.0/16 table 100 via 10.20.0.1 dev m0
ip rule add priority 500 from 10.20.0.0/24 table 100
ip neigh add 10.20.0.9 lladdr 02:00:00:00:00:09 dev m0 nud permanent
"""


TABLES = """
ip link add br0 type bridge vlan_filtering 1
ip link add p0 type veth peer name q0
ip link add p1 type veth peer name q1
ip link set p0 master br0
ip link set p1 master br0
for link in br0 p0 p1 q0 q1; do ip link set $link up; done
bridge vlan add dev p0 vid 10 pvid untagged
bridge vlan add dev p0 vid 20-25
bridge vlan del dev p1 vid 1
bridge vlan add dev br0 vid 10 self
bridge fdb add 02:00:00:00:00:01 dev p0 master static vlan 10
bridge fdb add 02:00:00:00:00:02 dev p0 master local vlan 20
bridge fdb add 02:00:00:00:00:03 dev p1 master static
bridge fdb add 02:00:00:00:00:04 dev br0 self local
bridge fdb add 02:00:00:00:00:05 dev br0 self local vlan 10
ip addr add 10.9.0.1/24 dev br0
ip addr add 10.8.0.1/24 dev q0
ip -6 addr add fd09::1/64 dev br0 nodad
ip -6 addr add fd08::1/64 dev q0 nodad
ip route add 10.60.0.0/16 nexthop via 10.9.0.2 dev br0 weight 3 nexthop via 10.8.0.7 dev q0
ip route add 10.61.0.0/16 nexthop via 10.99.0.2 dev br0 onlink nexthop via 10.8.0.7 dev q0 onlink
ip -6 route add fd60::/48 nexthop via fd09::2 dev br0 nexthop via fd08::2 dev q0 weight 5
"""


def agree(prepared: Prepared) -> None:
    pass


def file(text: str) -> Loaded:
    return loads_stored({"weft.yaml": text})


def without_aliases(world: World) -> list[object]:
    words = ("ifname", "ifindex", "address", "mtu", "master")
    links = [{word: link.get(word) for word in words} for link in world.json("ip", "-j", "link")]
    lasting = "bridge fdb | grep -e permanent -e static || true; bridge vlan"
    tables = sorted(world.run("sh", "-c", lasting).stdout.splitlines())
    return [links, tables, world.json("ip", "-j", "route", "show", "table", "all"), world.json("ip", "-j", "rule")]


SERVER = """
ip link add e1 type veth peer name s1; ip link set s1 up
ip link add e2 type veth peer name s2; ip link set s2 up
ip link add bond0 type bond mode active-backup miimon 100 updelay 200 primary e1
ip link set e1 master bond0; ip link set e2 master bond0; ip link set bond0 type bond primary e1; ip link set bond0 up
ip link add link bond0 name bond0.10 type vlan id 10; ip link set bond0.10 up
ip link add br10 type bridge forward_delay 0; ip link set bond0.10 master br10; ip link set br10 up
ip addr add 192.0.2.10/24 dev br10; ip -6 addr add 2001:db8::10/64 dev br10 nodad
ip route add default via 192.0.2.1 dev br10; ip route add 10.0.0.0/8 via 192.0.2.2 dev br10 metric 100
ip link add link bond0 name bond0.20 type vlan protocol 802.1ad id 20; ip link set bond0.20 up
"""
"""What the netplan file of a server comes to: two cards as a bond, VLANs of it, a bridge with addresses and routes."""
VRFS = """
ip link add blue type vrf table 10; ip link set blue up
ip link add b0 type dummy; ip link set b0 master blue up; ip addr add 10.8.0.1/24 dev b0
ip route add 10.80.0.0/16 via 10.8.0.9 dev b0 table 10
ip link add d0 type dummy; ip link set d0 up
ip link add iv0 link d0 type ipvlan mode l2; ip link set iv0 up
"""
SETTINGS = """
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=2
ip link add u0 type veth peer name u1; ip addr add 10.0.0.1/24 dev u0; ip link set u0 up; ip link set u1 up
ip link add vx7 mtu 1450 type vxlan id 7 local 10.0.0.1 dstport 4789 nolearning; ip link set vx7 up
bridge fdb append 00:00:00:00:00:00 dev vx7 dst 10.0.0.2; bridge fdb append 00:00:00:00:00:00 dev vx7 dst 10.0.0.3
bridge fdb add 02:00:00:00:00:07 dev vx7 dst 10.0.0.2
"""
SWITCH = """
ip link add br0 type bridge forward_delay 0; ip link set br0 up
for n in 1 2; do ip link add p$n type veth peer name q$n; ip link set q$n up; ip link set p$n master br0 up; done
bridge fdb add 02:00:00:00:00:01 dev p1 master static
bridge fdb add 02:00:00:00:00:02 dev p2 master permanent
bridge fdb add 02:00:00:00:00:03 dev p2 self permanent
"""
FILTERING = f"""{SWITCH}
ip link set br0 type bridge vlan_filtering 1 vlan_default_pvid 0
bridge vlan add dev p1 vid 5 pvid untagged
bridge vlan add dev p2 vid 5-9; bridge vlan add dev br0 vid 5 self
bridge fdb add 02:00:00:00:00:04 dev p2 master static vlan 5
"""
CARD = """
ip netns add far; ip link add e0 type veth peer name f0 netns far; ip -n far link set f0 up
ip link add br0 type bridge; ip link set br0 up; ip link set e0 master br0 up; ip addr add 10.1.0.2/24 dev br0
"""
"""A port that is not adopted itself."""
SCRIPTS = [
    pytest.param(CARD, id="card"),
    pytest.param(VMS, id="vms"),
    pytest.param(MESH, id="mesh"),
    pytest.param(ROUTES, id="routes"),
    pytest.param(SETTINGS, id="settings"),
    pytest.param(SWITCH, id="switch"),
    pytest.param(FILTERING, id="filtering", marks=pytest.mark.needs("bridge_vlan")),
    pytest.param(SERVER, id="server", marks=pytest.mark.needs("bond", "vlan")),
    pytest.param(VRFS, id="vrfs", marks=pytest.mark.needs("vrf", "dummy", "ipvlan")),
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_a_script_made_comes_back_as_a_file_that_changes_nothing(inside: World, script: str) -> None:
    inside.run("sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1")  # else link-local addresses come late
    inside.run("sh", "-ec", script)
    inside.dump(settle_s=3)  # routes come some time after their links
    service, before = Service(), without_aliases(inside)
    imported = import_host(service, "mine", ())
    assert imported.changes == (), imported.text
    service.apply(file(imported.text), agree)
    assert without_aliases(inside) == before
    assert not service.prepare(file(imported.text)).plan
    service.destroy("mine", agree)
    assert without_aliases(inside) == before


def test_what_a_bridge_sends_by_a_port_is_in_the_file(inside: World) -> None:
    inside.run("sh", "-ec", SWITCH)
    host = yaml.safe_load(import_host(Service(), "mine", ()).text)["host"]
    assert host["links"]["p1"]["fdb"] == [{"mac": "02:00:00:00:00:01"}]
    assert host["links"]["p2"]["fdb"] == [{"mac": "02:00:00:00:00:02", "local": True}]


def test_what_is_weft_s_already_stays_so(inside: World) -> None:
    inside.run("sh", "-ec", "ip link add p0 type veth peer name q0; ip link set p0 up; ip link set q0 up")
    service, lab = Service(), "{weft: 1, name: lab, host: {links: {br0: {kind: bridge, members: [p0]}}}}"
    service.apply(file(lab), agree)
    imported = import_host(service, "mine", ())
    assert imported.changes == () and "p0: {" not in imported.text
    assert "#   host: link p0: a port of br0, weft's already, of lab" in imported.text


def test_routers_and_floating_ips_of_wefts_stay_so(inside: World) -> None:
    inside.run("sh", "-ec", "ip link add p0 type veth peer name q0; ip link set p0 up; ip link set q0 up")
    tenant = "{networks: {front: {subnets: [10.10.0.0/24]}}, routers: {edge: {interfaces: [front], gateway: internet}},"
    ports = " ports: {web: {network: front, attach: {netns: web}}},"
    fips = " floating_ips: {203.0.113.10: {network: internet, port: web}}}"
    external = "external_networks: {internet: {link: p0, subnets: [{cidr: 203.0.113.0/24, gateway: 203.0.113.1}]}}"
    service = Service()
    service.apply(file("{weft: 1, name: lab, " + external + ", tenants: {shop: " + tenant + ports + fips + "}}"), agree)
    imported = import_host(service, "mine", ())
    said, _, unsaid = imported.text.partition("\n#")
    assert imported.changes == () and "sysctls" not in said and "neighbours" not in said
    whose = {line.rpartition(": ")[2] for line in unsaid.splitlines() if "203.0.113.10" in line}
    assert whose == {"weft's already, of lab"}
    assert "setting net/ipv4/ip_forward: weft's already, of lab" in unsaid


def test_what_cannot_be_said_is_a_comment(inside: World) -> None:
    inside.run("sh", "-ec", ROUTES)
    inside.run("ip", "route", "add", "10.50.0.0/16", "via", "10.20.0.1", "proto", "bird")
    inside.run("sh", "-ec", "ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0")
    text = import_host(Service(), "mine", ()).text
    assert "- {to: 10.40.0.0/16, dev: m0, via: 10.20.0.1, table: 100}\n" in text
    assert "#   host: route 10.50.0.0/16 m0 (table 254, metric 0): a daemon's" in text
    assert "#   host: link docker0: Docker's" in text
    assert "#   host: address 172.17.0.1/16 of docker0" in text
    assert "#   host: rule 500 of IPv4" in text
    assert "docker0:" not in text.partition("\n#")[0]


def test_further_names_are_in_the_file(inside: World) -> None:
    inside.run("sh", "-ec", VMS)
    assert yaml.safe_load(import_host(Service(), "mine", ()).text)["host"]["links"]["br0"]["altnames"] == ["guests"]


def test_what_weft_refuses_is_printed_with_the_reason(world: World) -> None:
    world.run("sh", "-ec", "ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0; ip link add br1 type bridge")
    world.run("sh", "-ec", "ip link add vx0 type vxlan id 7 local 10.0.0.1 dstport 4789; ip link set vx0 master br0")
    refused = world.run("weft", "import", check=False)
    why = "br0 would stand on itself: br0 below vx0 below br0; take one of them out of the loop"
    assert refused.returncode == 2 and refused.stderr.startswith("imported.yaml:") and why in refused.stderr
    assert set(yaml.safe_load(refused.stdout)["host"]["links"]) == {"br0", "br1", "vx0"}
    assert f"\n# weft refuses this file as it is:\n#   {refused.stderr}" in refused.stdout


def test_an_empty_machine_and_a_namespace_that_is_not_there(world: World) -> None:
    said = world.run("weft", "import").stdout
    assert said.startswith("weft: 1\nname: imported\n") and "host:" not in said.split("#")[0]
    refused = world.run("weft", "import", "--netns", "nowhere", "--netns", "nor-here", check=False)
    assert refused.returncode == 2 and refused.stdout == ""
    assert "--netns: there is no namespace nowhere" in refused.stderr and "nor-here" in refused.stderr


@pytest.mark.needs("bridge_vlan")
def test_tables_of_a_foreign_bridge_and_routes_of_several_ways(world: World, tmp_path: Path) -> None:
    """By the commands: judged by what bridge(8) and ip(8) list before, while it is weft's, and after."""
    world.run("sh", "-ec", TABLES)

    def held() -> list[str]:
        looks = ("bridge fdb show", "bridge vlan show", "ip route", "ip -6 route show proto boot")
        lines = [line for look in looks for line in world.run(*look.split()).stdout.splitlines()]
        return [line for line in lines if ":" not in line.split()[0] or "02:00:00" in line or "fd" in line]

    before = held()
    text = world.run("weft", "import").stdout
    assert "would also change" not in text and "forwarding entry" not in text
    (tmp_path / "weft.yaml").write_text(text)
    world.run("weft", "apply", "-y", cwd=tmp_path)
    assert "Nothing to do" in world.run("weft", "apply", "-y", cwd=tmp_path).stdout
    assert held() == before
    world.run("weft", "destroy", "-y", "imported")
    assert held() == before
