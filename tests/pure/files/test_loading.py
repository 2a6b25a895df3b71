"""What a right file means: scalars by the type of their place, shorthands, defaults, ranges, null values, origins."""

import json
import subprocess
import sys

import pytest

from weft.errors import IntentInvalid
from weft.files import Loaded, load_text
from weft.model.intent import (
    Attach,
    FirewallIntegration,
    Network,
    Port,
    RouteSpec,
    Subnet,
    TapAttach,
    Tcp,
    Tenant,
    Uplink,
)
from weft.model.links import HostLink, VethLink
from weft.model.tuning import LinkTuning, Offloads

HEAD = "weft: 1\nname: lab\n"


def tenant(text: str) -> Tenant:
    """The tenant t of a file; `text` is its content in one line."""
    return load_text("f", HEAD + "tenants: {t: " + text + "}\n").intent.tenants["t"]


def port(text: str) -> Port:
    return tenant("{networks: {lan: }, ports: {p: {network: lan, " + text + "}}}").ports["p"]


def test_importing_costs_neither_yaml_nor_pydantic() -> None:
    code = "import sys, weft.files; print([m for m in ('yaml', 'pydantic', 'pydantic_core') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("name", ["no", "on", "010", "1e3", "0x10", "null-", "2026-11-23", "12"])
def test_names_stay_what_was_written(name: str) -> None:
    found = tenant(
        "{networks: {" + name + ": }, ports: {" + name + ": {network: " + name + ", attach: {netns: " + name + "}}}}"
    )
    assert found.ports == {name: Port(network=name, attach=Attach(netns=name))}


@pytest.mark.parametrize(
    ("written", "mac"),
    [
        ("52:54:00:12:34:56", "52:54:00:12:34:56"),  # YAML 1.1 would read a number of base 60
        ("10:20:30:40:50:51", "10:20:30:40:50:51"),
        ("52-54-00-AB-CD-EF", "52:54:00:ab:cd:ef"),
        ("5254.00ab.cdef", "52:54:00:ab:cd:ef"),
    ],
)
def test_mac_addresses_need_no_quotes(written: str, mac: str) -> None:
    assert port("attach: host, mac: " + written).mac == mac


@pytest.mark.parametrize(
    ("written", "mtu"), [("1500", 1500), ("01500", 1500), ("0x5dc", 1500), ("'9000'", 9000), ("9_000", 9000)]
)
def test_numbers_are_decimal_unless_they_say_0x(written: str, mtu: int) -> None:
    assert port("attach: host, mtu: " + written).mtu == mtu


@pytest.mark.parametrize(
    ("written", "meant"), [("yes", True), ("on", True), ("TRUE", True), ("no", False), ("off", False)]
)
def test_truth_is_said_in_any_of_its_words(written: str, meant: bool) -> None:
    tuning = port("attach: host, tuning: {offloads: {tso: " + written + "}}").tuning
    assert tuning == LinkTuning(offloads=Offloads(tso=meant))


@pytest.mark.parametrize(
    ("written", "attach"),
    [
        ("host", Attach(host=True)),
        ("{host: true, ifname: lan0}", Attach(host=True, ifname="lan0")),
        ("tap", Attach(tap=TapAttach())),
        ("{tap: {}}", Attach(tap=TapAttach())),
        ("{tap: }", Attach(tap=TapAttach())),
        ("{tap: {owner: 64055, group: kvm, queues: 4, vnet_hdr: no}}",
         Attach(tap=TapAttach(owner="64055", group="kvm", queues=4, vnet_hdr=False))),
        ("{netns: web}", Attach(netns="web")),
        ("{netns: {name}}", Attach(netns="p")),
        ("{pidfile: /run/x.pid, ifname: eth0}", Attach(pidfile="/run/x.pid", ifname="eth0")),
    ],
)  # fmt: skip
def test_attach(written: str, attach: Attach) -> None:
    assert port("attach: " + written).attach == attach


def test_subnets_are_texts_or_mappings() -> None:
    found = tenant("{networks: {lan: {subnets: [10.0.0.0/24, {cidr: FD00:0::/64, gateway: 'fd00:0::1'}, "
                   "{cidr: 10.1.0.0/24, gateway: none}], uplink: routed}}}")  # fmt: skip
    subnets = (
        Subnet(cidr="10.0.0.0/24"),
        Subnet(cidr="fd00::/64", gateway="fd00::1"),
        Subnet(cidr="10.1.0.0/24", gateway=""),
    )
    assert found.networks == {"lan": Network(subnets=subnets, uplink=Uplink.ROUTED)}


def test_an_empty_value_is_one_not_given() -> None:
    found = load_text(
        "f", HEAD + "tenants:\n  t:\n    networks:\n      lan:\n    ports:\nhost:\nfirewall_integration: none\n"
    )
    assert found.intent.tenants == {"t": Tenant(networks={"lan": Network()})}
    assert found.intent.host is None
    assert found.intent.firewall_integration is FirewallIntegration.NONE


def test_the_host_and_namespaces() -> None:
    text = """
host:
  sysctls: {net.ipv4.ip_forward: 1, net/ipv4/conf/eth0.100/rp_filter: 0, net.ipv4.conf.eth0/7.rp_filter: 2,
            net.ipv4.ip_local_port_range: "1024   65000", net.ipv4.tcp_congestion_control: 010}
  tcp: {congestion_control: bbr, rmem: [4096, 131072, 6291456], mtu_probing: 1}
  links: {eth0: {existing: yes, mtu: 9000}, v0: {kind: veth, peer: v1, addresses: [10.0.0.1/24]}}
  routes: [{to: default, via: "fe80::1", dev: eth0, table: 100, metric: 5, onlink: yes}, {to: 10.9.9.9, dev: v0}]
namespaces:
  a: {rules: [{priority: 100, fwmark: 0x10, table: main}], neighbours: [{address: 10.0.0.2, dev: lo, proxy: true}]}
"""
    intent = load_text("f", HEAD + text).intent
    assert intent.host is not None
    assert intent.host.sysctls == {
        "net/ipv4/ip_forward": "1",
        "net/ipv4/conf/eth0.100/rp_filter": "0",
        "net/ipv4/conf/eth0.7/rp_filter": "2",
        "net/ipv4/ip_local_port_range": "1024 65000",
        "net/ipv4/tcp_congestion_control": "010",
    }
    assert intent.host.tcp == Tcp(congestion_control="bbr", rmem=(4096, 131072, 6291456), mtu_probing=1)
    assert intent.host.links == {
        "eth0": HostLink(existing=True, mtu=9000),
        "v0": VethLink(peer="v1", addresses=("10.0.0.1/24",)),
    }
    assert intent.host.routes == (
        RouteSpec(to="default", via="fe80::1", dev="eth0", table=100, metric=5, onlink=True),
        RouteSpec(to="10.9.9.9/32", dev="v0"),
    )
    rule = intent.namespaces["a"].rules[0]
    assert (rule.fwmark, rule.table) == (16, 254)
    assert intent.namespaces["a"].neighbours[0].proxy is True


def test_ranges() -> None:
    ports = "'vm[08-10]x': {network: lan, attach: {netns: '{name}'}, addresses: ['10.0.0.{n}']}"
    found = tenant("{networks: {lan: }, ports: {" + ports + "}}")
    assert found.ports == {
        f"vm{n:02}x": Port(network="lan", attach=Attach(netns=f"vm{n:02}x"), addresses=(f"10.0.0.{n}",))
        for n in (8, 9, 10)
    }


def test_defaults_lie_under_and_the_nearer_wins() -> None:
    text = """
defaults: {port: {attach: {netns: "{name}"}, mtu: 1400}, network: {mtu: 1400}}
tenants:
  t:
    defaults: {port: {network: lan, mtu: 1300}}
    networks: {lan: , big: {mtu: 9000}}
    ports: {a: , b: {mtu: 1280, attach: host}}
  u: {networks: {lan: }, ports: {a: {network: lan}}}
"""
    tenants = load_text("f", HEAD + text).intent.tenants
    assert tenants["t"].networks == {"lan": Network(mtu=1400), "big": Network(mtu=9000)}
    assert tenants["t"].ports == {
        "a": Port(network="lan", attach=Attach(netns="a"), mtu=1300),
        "b": Port(network="lan", attach=Attach(host=True), mtu=1280),
    }
    assert tenants["u"].ports == {"a": Port(network="lan", attach=Attach(netns="a"), mtu=1400)}


def test_aliases_and_merge_keys() -> None:
    text = """
tenants:
  t:
    networks: {lan: }
    ports:
      a: &common {network: lan, attach: &where {netns: x}, mtu: 1400}
      b: {<<: *common, mtu: 1300}
      c: {<<: [{mtu: 1200}, *common], attach: host}
      d: {network: lan, attach: *where}
"""
    ports = load_text("f", HEAD + text).intent.tenants["t"].ports
    at_x, at_host = Attach(netns="x"), Attach(host=True)
    assert ports == {
        "a": Port(network="lan", attach=at_x, mtu=1400),
        "b": Port(network="lan", attach=at_x, mtu=1300),
        "c": Port(network="lan", attach=at_host, mtu=1200),
        "d": Port(network="lan", attach=at_x),
    }


def test_json_means_the_same() -> None:
    file = {"weft": 1, "name": "lab", "tenants": {"t": {"networks": {"lan": {"subnets": ["10.0.0.0/8"], "mtu": 9000}}}}}
    text = HEAD + "tenants: {t: {networks: {lan: {subnets: [10.0.0.0/8], mtu: 9000}}}}"
    as_yaml = load_text("f", text).intent
    assert load_text("f.json", json.dumps(file)).intent == as_yaml
    assert load_text("f.json", json.dumps(file, indent="\t")).intent == as_yaml


def loaded() -> Loaded:
    return load_text("lab.yaml", HEAD + """
tenants:
  t:
    networks:
      lan:
        subnets: [10.0.0.0/24,
                  10.1.0.0/24]
    ports:
      "p[1-20]":
        network: lan
        attach: host
host:
  sysctls:
    net.core.somaxconn: 5
""")  # fmt: skip


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), "1:1"),
        (("tenants", "t"), "5:3"),
        (("tenants", "t", "networks", "lan"), "7:7"),
        (("tenants", "t", "networks", "lan", "uplink"), "7:7"),
        (("tenants", "t", "networks", "lan", "subnets", "1"), "9:19"),
        (("tenants", "t", "networks", "lan", "subnets", "1", "gateway"), "9:19"),
        (("tenants", "t", "networks", "lan", "subnets", "7"), "8:9"),
        (("tenants", "t", "ports", "p7", "attach"), "13:9"),
        (("tenants", "t", "ports", "p70"), "10:5"),
        (("tenants", "t", "routers", "lan"), "5:3"),
        (("host", "sysctls", "net/core/somaxconn"), "16:5"),
        (("elsewhere",), "1:1"),
    ],
)
def test_origins_find_the_nearest_line(path: tuple[str, ...], place: str) -> None:
    assert loaded().origins.at(path) == f"lab.yaml:{place}"


def test_a_default_is_where_it_is_written() -> None:
    text = (
        HEAD
        + "defaults: {port: {mtu: 1400}}\ntenants: {t: {networks: {lan: }, ports: {p: {network: lan, attach: host}}}}"
    )
    assert load_text("f", text).origins.at(("tenants", "t", "ports", "p", "mtu")) == "f:3:19"


def test_a_missing_name_is_no_attribute() -> None:
    import weft.files

    with pytest.raises(AttributeError, match="has no attribute 'lood'"):
        weft.files.lood  # noqa: B018
    with pytest.raises(IntentInvalid):
        load_text("", "")
