"""The intents that are killed on the way, and the machine they are for.

A and B differ in everything that a change can be: a port added, removed, moved to another network, one whose MTU, MAC,
address changed, a bridge changed, a sysctl of the host and of a namespace, a namespace owned and one let go, a link
replaced, a route's and a rule's attributes, what is held on a foreign link. A tap is in both, and open all the time.
"""

from __future__ import annotations

from tests.world import World

TAP = "vm"

A = """
weft: 1
name: lab
tenants:
  t:
    networks:
      front: {subnets: [10.10.0.0/24, "fd10::/64"], uplink: nat}
      back: {subnets: [10.11.0.0/24]}
    ports:
      vm: {network: front, attach: {tap: {}}, addresses: [10.10.0.9], mac: "02:00:00:00:00:09"}
      web: {network: front, attach: {netns: web}, addresses: [10.10.0.10, "fd10::10"]}
      old: {network: front, attach: {netns: old}}
      rover: {network: front, attach: {netns: rover, ifname: r0}, addresses: [10.10.0.12, "fd10::12"]}
host:
  sysctls: {net.core.somaxconn: 4000}
  links:
    eth1: {existing: true, alias: the way out}
    store: {kind: bridge, mtu: 1400, addresses: [10.97.0.1/24]}
  routes: [{to: 10.98.0.0/16, type: blackhole}]
  rules: [{priority: 1000, src: 10.99.0.0/24, table: 100}]
namespaces:
  quiet:
    tcp: {congestion_control: bbr}
    links: {deep: {kind: bridge, addresses: [10.96.0.1/24]}}
"""

B = """
weft: 1
name: lab
tenants:
  t:
    networks:
      front: {subnets: [10.10.0.0/24, "fd10::/64"], uplink: nat, mtu: 1450}
      back: {subnets: [10.11.0.0/24]}
    ports:
      vm: {network: front, attach: {tap: {}}, addresses: [10.10.0.9], mac: "02:00:00:00:00:09"}
      web: {network: front, attach: {netns: web}, addresses: [10.10.0.11, "fd10::11"], mac: "02:00:00:00:00:aa"}
      new: {network: front, attach: {netns: new}}
      rover: {network: back, attach: {netns: rover, ifname: r0}, addresses: [10.11.0.12]}
      me: {network: back, attach: host}
host:
  sysctls: {net.core.somaxconn: 5000, net.ipv4.tcp_fin_timeout: 33}
  links:
    eth1: {existing: true, mtu: 1480, addresses: [198.51.100.9/24]}
    store: {kind: veth, peer: erots, mtu: 1300, addresses: [10.97.0.2/24]}
  routes: [{to: 10.98.0.0/16, type: unreachable}, {to: 10.95.0.0/16, via: 10.97.0.7}]
  rules: [{priority: 1000, src: 10.99.0.0/24, table: 101}]
namespaces:
  loud:
    sysctls: {net.ipv4.ip_forward: 1}
    links: {deep: {kind: bridge, mtu: 1300, addresses: [10.96.0.1/24]}}
"""

TAPS = """
weft: 1
name: lab
tenants:
  t:
    networks:
      front: {{subnets: [10.10.0.0/24], uplink: nat}}
    ports:
      vm: {{network: front, attach: {{tap: {{owner: "{owner}", queues: {queues}}}}}, addresses: [10.10.0.9]}}
      web: {{network: front, attach: {{netns: web}}, addresses: [10.10.0.10]}}
"""
"""A tap that nobody has open is replaced when its owner or its queues change."""

ROUTERS = (
    """
weft: 1
name: lab
external_networks:
  internet: {link: eth1, subnets: [{cidr: 203.0.113.0/24, gateway: 203.0.113.1}, "2001:db8:1::/64"]}
tenants:
  t:
    networks: {front: {subnets: [10.10.0.0/24, "fd10::/64"]}, back: {subnets: [10.11.0.0/24]}}
    routers:
      edge:
        interfaces: [front]
        gateway: {network: internet, snat: [203.0.113.60-203.0.113.61]}
        routes: [{to: 10.99.0.0/16, via: 10.10.0.10}]
      old: {interfaces: [back], gateway: internet}
    ports: {web: {network: front, attach: {netns: web}, addresses: [10.10.0.10, "fd10::10"]}}
""",
    """
weft: 1
name: lab
external_networks:
  internet: {link: eth1, subnets: [{cidr: 203.0.113.0/24, gateway: 203.0.113.3}, "2001:db8:2::/64"]}
tenants:
  t:
    networks: {front: {subnets: [10.10.0.0/24, "fd10::/64"]}, back: {subnets: [10.11.0.0/24]}}
    routers:
      edge:
        interfaces: [front, {port: leg}]
        gateway: {network: internet, addresses: [203.0.113.77], snat: false}
        routes: [{to: 10.98.0.0/16, via: 10.11.0.7}]
      new: {interfaces: [back]}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.10.0.10, "fd10::10"]}
      leg: {network: back, attach: router, addresses: [10.11.0.5]}
""",
)
"""Two routers, and what a change of them can be: interfaces, the address outside, translation, routes; the external
network's gateway and prefix; one that goes and one that comes."""

ADVERTISED = (
    """
weft: 1
name: lab
tenants:
  t:
    networks:
      front: {subnets: [{cidr: "fd10::/64", ra: slaac}], uplink: routed}
      old: {subnets: [{cidr: "fd11::/64", ra: stateful}]}
    routers: {edge: {interfaces: [old]}}
""",
    """
weft: 1
name: lab
tenants:
  t:
    networks:
      front: {subnets: [{cidr: "fd10::/64", ra: slaac, dns: ["fd10::53"]}], uplink: routed}
      new: {subnets: [{cidr: "fd12::/64", ra: slaac}]}
    routers: {edge: {interfaces: [new]}}
""",
)
"""Programs that are kept running: one that is told a new text, one that is replaced along with the link it serves."""

PREFIXES = tuple(
    f"""
weft: 1
name: lab
tenants:
  t:
    networks:
      front: {{subnets: [{subnets}], uplink: routed}}
      still: {{subnets: [{{cidr: "fd14::/64", ra: slaac}}], uplink: routed}}
"""
    for subnets in ('{cidr: "fd10::/64", ra: slaac}, {cidr: "fd13::/64", ra: slaac}', '{cidr: "fd10::/64", ra: slaac}')
)
"""A program that ends and is started anew on a link that stays, for it has lost a prefix; another that stays itself."""

_WAY_OUT = """
ip link add eth1 address 02:00:00:00:01:01 type veth peer name eth1p address 02:00:00:00:01:02
ip link set eth1 up; ip link set eth1p up
ip addr add 203.0.113.2/24 dev eth1
ip route add default via 203.0.113.1
for link in eth1 eth1p; do
  until ip -6 address show dev $link scope link | grep -q inet6; do sleep 0.01; done
done
"""


def give_way_out(world: World) -> None:
    """A host with a link that is not weft's and a default route over it; all is there that the kernel adds itself."""
    world.run("sh", "-ec", _WAY_OUT)
