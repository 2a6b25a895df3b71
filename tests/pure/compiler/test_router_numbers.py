"""What the host has one set of for all routers is found out to be taken."""

from __future__ import annotations

from tests.pure.compiler.intents import findings
from weft.compiler.router.numbers import FIRST_PRIORITY, PRIORITIES
from weft.model.intent import Intent, Network, Subnet, Tenant
from weft.model.router import ExternalNetwork, ExternalSubnet, Router, RouterGateway, RouterInterface


def test_a_router_for_whose_rule_no_priority_is_left_is_told() -> None:
    internet = ExternalNetwork(link="eth0", subnets=(ExternalSubnet(cidr="203.0.113.0/24", gateway="203.0.113.1"),))
    edge = Router(interfaces=(RouterInterface(network="n"),), gateway=RouterGateway(network="internet"))
    tenant = Tenant(networks={"n": Network(subnets=(Subnet(cidr="10.0.0.0/24"),))}, routers={"edge": edge})
    wanted = Intent(name="lab", tenants={"t": tenant}, external_networks={"internet": internet})
    everybodys = range(FIRST_PRIORITY, FIRST_PRIORITY + PRIORITIES)
    left = frozenset((4, number) for number in everybodys[1:])
    assert findings(wanted, rules_taken=left) == []
    found = findings(wanted, rules_taken=left | {(4, FIRST_PRIORITY)})
    assert [one.path for one in found] == [("tenants", "t", "routers", "edge", "gateway")]
    assert "the host's IPv4 rules 1100 to 5099 are all taken" in found[0].what
