"""MTUs that are legal and lose packets without a word. What can never work the compiler refuses.

Source: RFC 8200 section 5 (1280), RFC 1191 and 8201 (who tells a sender that a packet is too big: routers alone).
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.findings import Finding
from weft.compiler.network import ETHERNET_MTU, MIN_IPV6_MTU
from weft.facts import Facts
from weft.model.intent import Intent, Network, Tenant


def uneven_ports(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A port below its network's MTU: its fellows send frames that it drops, and on one bridge nobody tells them."""
    out = min((facts.links[name].mtu for name in facts.egress_links if name in facts.links), default=None)
    for tenant_name, tenant in intent.tenants.items():
        led_out = _led_out(tenant)
        for name, port in tenant.ports.items():
            network = tenant.networks.get(port.network)
            common = _mtu(network, out) if network and port.network not in led_out else 0
            if port.mtu and port.mtu < common:
                yield Finding(
                    path=("tenants", tenant_name, "ports", name, "mtu"),
                    what=f"MTU {port.mtu} on a network of {common}: it drops larger frames and no sender is told",
                    fix=f"give the network {port.mtu} as well, or the port a network of its own",
                    severity="warning",
                )


def _led_out(tenant: Tenant) -> set[str]:
    """The networks of routers with a gateway: what they carry follows from the external network."""
    return {network for router in tenant.routers.values() if router.gateway for network in tenant.joined(router)}


def _mtu(network: Network, out: int | None) -> int:
    """0 where the facts do not tell: a segment's follows from what is below it."""
    if network.segment is not None:
        return network.mtu or 0
    return network.mtu or (out if network.uplink and out else ETHERNET_MTU)


def lost_ipv6(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A link of somebody else's with IPv6 addresses, set below 1280: the kernel drops them, and putting the MTU back
    does not bring them back."""
    for name, link in intent.host.links.items() if intent.host else ():
        addresses = facts.links[name].addresses if link.existing and name in facts.links else ()
        if link.mtu and link.mtu < MIN_IPV6_MTU and any(":" in address for address in addresses):
            yield Finding(
                path=("host", "links", name, "mtu"),
                what=f"below {MIN_IPV6_MTU} bytes {name} loses its IPv6 addresses, for good",
                fix=f"{MIN_IPV6_MTU} or more",
                severity="warning",
            )


def large_links(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A way out raised beyond Ethernet's 1500: the switch behind it must carry that too."""
    for name, link in intent.host.links.items() if intent.host else ():
        if link.existing and link.mtu and link.mtu > ETHERNET_MTU and name in facts.egress_links:
            yield Finding(
                path=("host", "links", name, "mtu"),
                what=f"{name} leads out: with MTU {link.mtu} all that it is plugged into must carry such frames",
                fix="try with `ping -M do -s SIZE` to the gateway; without a jumbo network behind it, 1500",
                severity="warning",
            )
