"""Quality of service through kills and refusals: what changes of it, changes wholly or not at all.

A and B differ in all that can change of it: a policy comes to a port and one goes, a rate, a ceil, a class and a match
change, guarantees come to the shared tree by an uplink, by a router and on a segment, an impairment's place in a chain,
and a card whose root is somebody else's is taken over and given back.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kernel.faults import intents
from tests.kernel.faults.command import preload, weft_in
from tests.kernel.faults.killer import SIGKILL, Killer
from tests.kernel.faults.points import kill_at
from tests.kernel.faults.refuser import DONE, REFUSED, refuse_every_step
from tests.kernel.faults.rig import SCOPE, Rig
from tests.world import World

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.needs("htb", "ifb", "nft_bridge", "nft_egress", "nft_fwd"),
    pytest.mark.timeout(600),
]

DENSE = 7
STRIDE = int(os.environ.get("WEFT_FAULT_STRIDE", DENSE))
"""A guest has a longer one, and no time for refusals, which lead back by the road that its kills have gone."""

A = """
weft: 1
name: lab
qos_policies:
  busy:
    egress:
      rate: 2mbit
      ceil: 10mbit
      classes:
        voice: {match: {dscp: ef}, rate: 1mbit, priority: 0}
        web: {match: [{destination: 10.10.0.11}, {protocol: tcp, ports: 80}], ceil: 5mbit}
    ingress: {ceil: 40mbit}
tenants:
  t:
    qos: {egress: {rate: 10mbit, ceil: 15mbit}}
    networks: {front: {subnets: [10.10.0.0/24, "fd10::/64"], uplink: nat}}
    ports:
      busy: {network: front, attach: {netns: busy}, addresses: [10.10.0.10], qos: busy}
      plain: {network: front, attach: {netns: plain}, addresses: [10.10.0.11]}
      fading: {network: front, attach: {netns: fading}, addresses: [10.10.0.12], qos: {egress: {ceil: 3mbit}}}
  u:
    networks: {front: {subnets: [10.10.0.0/24]}}
    routers: {edge: {interfaces: [front], gateway: outer}}
    ports: {far: {network: front, attach: {netns: u-far}, addresses: [10.10.0.10]}}
  v:
    networks: {wire: {segment: {link: seg0}, subnets: [10.20.0.0/24]}}
    ports:
      one: {network: wire, attach: {netns: v-one}, addresses: [10.20.0.2]}
      two: {network: wire, attach: {netns: v-two}, addresses: [10.20.0.3], qos: {egress: {rate: 1mbit}}}
external_networks: {outer: {link: eth1, subnets: [{cidr: 203.0.113.0/24, gateway: 203.0.113.1}]}}
host:
  links:
    eth1: {existing: true, capacity: 20mbit}
    card: {existing: true}
    seg0: {existing: true, capacity: 9mbit}
"""

B = """
weft: 1
name: lab
qos_policies:
  busy:
    egress:
      rate: 3mbit
      ceil: 10mbit
      classes:
        voice: {match: {dscp: ef}, rate: 1500kbit, ceil: 4mbit, priority: 1}
        bulk: {match: {protocol: udp, ports: 9000-9010}, rate: 10kbit, priority: 7}
        web: {match: [{destination: 10.10.0.8/29}, {protocol: tcp, ports: 80-90}], ceil: 5mbit}
    ingress: {ceil: 30mbit}
tenants:
  t:
    qos: {egress: {rate: 12mbit, ceil: 15mbit}}
    networks: {front: {subnets: [10.10.0.0/24, "fd10::/64"], uplink: nat}}
    ports:
      busy: {network: front, attach: {netns: busy}, addresses: [10.10.0.10], qos: busy}
      plain:
        network: front
        attach: {netns: plain}
        addresses: [10.10.0.11]
        qos: {egress: {rate: 1mbit, ceil: 4mbit}, ingress: {rate: 2mbit, ceil: 6mbit, packets_per_second: 900}}
      fading: {network: front, attach: {netns: fading}, addresses: [10.10.0.12]}
  u:
    networks: {front: {subnets: [10.10.0.0/24]}}
    routers: {edge: {interfaces: [front], gateway: outer}}
    ports:
      far:
        network: front
        attach: {netns: u-far}
        addresses: [10.10.0.10]
        qos: {egress: {rate: 1mbit}, ingress: {rate: 1mbit}}
  v:
    qos: {ingress: {rate: 4mbit, ceil: 5mbit}}
    networks: {wire: {segment: {link: seg0}, subnets: [10.20.0.0/24]}}
    ports:
      one:
        network: wire
        attach: {netns: v-one}
        addresses: [10.20.0.2]
        qos: {egress: {rate: 2mbit}, ingress: {rate: 3mbit}}
      two: {network: wire, attach: {netns: v-two}, addresses: [10.20.0.3]}
external_networks: {outer: {link: eth1, subnets: [{cidr: 203.0.113.0/24, gateway: 203.0.113.1}]}}
host:
  links:
    eth1: {existing: true, capacity: 20mbit}
    card: {existing: true, qos: {replace: true, egress: {ceil: 7mbit}, ingress: {ceil: 9mbit}}}
    seg0: {existing: true, capacity: 9mbit}
"""

CARD = """
ip link add seg0 address 02:00:00:00:02:03 type veth peer name ges0 address 02:00:00:00:02:04
ip link set seg0 up; ip link set ges0 up
ip link add card address 02:00:00:00:02:01 type veth peer name far address 02:00:00:00:02:02
ip link set card up; ip link set far up
tc qdisc add dev card root handle 1: htb default 0x20
tc class add dev card parent 1: classid 1:1 htb rate 50mbit
tc class add dev card parent 1:1 classid 1:20 htb rate 5mbit ceil 50mbit
tc qdisc add dev card parent 1:20 handle 20: pfifo limit 77
tc filter add dev card parent 1: protocol ip prio 5 u32 match ip dst 10.1.0.0/16 flowid 1:20
"""


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


@pytest.fixture
def host(world: World) -> World:
    intents.give_way_out(world)
    world.run("sh", "-ec", CARD)
    return world


def apply(path: Path, text: str) -> tuple[str, ...]:
    path.write_text(text)
    return ("apply", "-y", "-f", str(path))


def test_from_one_policy_to_another_and_back(host: World, tmp_path: Path) -> None:
    rig = Rig.between(host, apply(tmp_path / "a.yaml", A), apply(tmp_path / "b.yaml", B))
    tally = Killer(rig, first=1 % STRIDE, stride=STRIDE).run()
    print(tally)
    assert tally.former and tally.wanted
    if STRIDE <= DENSE:
        assert refuse_every_step(rig, first=2 % STRIDE, stride=STRIDE)[REFUSED]


def test_from_policies_to_nothing_and_back(host: World, tmp_path: Path) -> None:
    stride = 3 * STRIDE
    rig = Rig.between(host, apply(tmp_path / "b.yaml", B), ("destroy", "-y", SCOPE))
    tally = Killer(rig, first=3 % stride, stride=stride).run()
    print(tally)
    assert tally.former and tally.wanted


ON_CARD = """
weft: 1
name: lab
host: {links: {card: {existing: true, qos: {replace: true, egress: {ceil: 7mbit}}}}}
"""


def test_a_tree_of_somebody_else_s_comes_back_whole_whatever_part_of_it_is_refused(host: World, tmp_path: Path) -> None:
    """Each of its messages: a half tree must not be taken for one that somebody has put there since."""
    rig = Rig.between(host, apply(tmp_path / "a.yaml", ON_CARD), ("destroy", "-y", SCOPE))
    codes = refuse_every_step(rig, stride=max(1, STRIDE // 7))
    assert codes[REFUSED] and codes[DONE], codes


LARGE = f"""
tc qdisc del dev card root; tc qdisc add dev card root handle 1: htb default 0x20
tc -batch - <<'X'
{"".join(f"class add dev card parent 1: classid 1:{n:x} htb rate {n}kbit{chr(10)}" for n in range(16, 1516))}X
"""


def test_a_kill_in_the_midst_of_the_tree_that_comes_back_leaves_it_to_be_made_whole(
    host: World, tmp_path: Path
) -> None:
    """A tree is more than one message: its first part must not be taken for what somebody has put there since."""
    host.run("sh", "-ec", LARGE)
    rig = Rig.between(host, apply(tmp_path / "a.yaml", ON_CARD), ("destroy", "-y", SCOPE))
    sends = [at for at, point in enumerate(rig.go().points) if " after send(" in point]
    assert weft_in(host, *rig.here.words).status == 0
    halves = 0
    for number in sends:
        assert rig.go(kill_at(number)).status == SIGKILL
        halves += 0 < len(host.run("tc", "class", "show", "dev", "card").stdout.splitlines()) - 4 < 1400
        assert weft_in(host, "recover").status == 0
        if rig.look("recovered") is rig.there:
            assert weft_in(host, *rig.here.words).status == 0
    assert halves, "no kill met a half tree"
