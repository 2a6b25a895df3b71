"""firewalld rejects at the end of its forward chain what no zone or policy lets pass. Source: firewalld.policies(5),
firewalld.zones(5)."""

from __future__ import annotations

from weft.check.subjects.owner import Owner

_STEPS = (
    "firewall-cmd --permanent --new-zone=weft",
    "firewall-cmd --permanent --zone=weft --add-interface=wu+",
    "firewall-cmd --permanent --new-policy=weft-out",
    "firewall-cmd --permanent --policy=weft-out --add-ingress-zone=weft",
    "firewall-cmd --permanent --policy=weft-out --add-egress-zone=ANY",
    "firewall-cmd --permanent --policy=weft-out --set-target=ACCEPT",
    "firewall-cmd --permanent --new-policy=weft-in",
    "firewall-cmd --permanent --policy=weft-in --add-ingress-zone=ANY",
    "firewall-cmd --permanent --policy=weft-in --add-egress-zone=weft",
    "firewall-cmd --permanent --policy=weft-in --set-target=ACCEPT",
    "firewall-cmd --reload",
)

OWNER = Owner(
    name="firewalld",
    owns=lambda block, chains: block.table == "firewalld",
    mend="a zone for weft's transit links and a policy for each way; tenants still do not reach the host itself",
    command=lambda block: " && ".join(_STEPS),
    admit=lambda block, tunnel: f"firewall-cmd --permanent --add-port={tunnel.port}/udp && firewall-cmd --reload",
)
