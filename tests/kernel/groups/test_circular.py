"""Groups that name each other: no fault, as in Neutron. Each rule is of who is in the other group."""

from __future__ import annotations

import pytest

from tests.kernel.groups.lab import Lab

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

TEXT = """
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24, "fd00::/64"]}}
    security_groups:
      app: {ingress: [{protocol: tcp, ports: [22], remote: {group: db}}]}
      db:
        ingress: [{protocol: tcp, ports: [23], remote: {group: app}}]
        egress: [{protocol: tcp, ports: [22], remote: {group: app}}]
    ports:
      app: {network: front, attach: {netns: app}, addresses: [10.0.0.10, "fd00::10"], security_groups: [app]}
      app2: {network: front, attach: {netns: app2}, addresses: [10.0.0.11, "fd00::11"], security_groups: [app]}
      db: {network: front, attach: {netns: db}, addresses: [10.0.0.20, "fd00::20"], security_groups: [db]}
      both: {network: front, attach: {netns: both}, addresses: [10.0.0.30, "fd00::30"], security_groups: [app, db]}
      none: {network: front, attach: {netns: none}, addresses: [10.0.0.40, "fd00::40"]}
"""
HOSTS = {"app": 10, "app2": 11, "db": 20, "both": 30, "none": 40}
GO = {
    "app": {"db/23", "both/23", "none/22", "none/23"},
    "app2": {"db/23", "both/23", "none/22", "none/23"},
    "db": {"app/22", "app2/22", "both/22"},
    "both": {"app/22", "app2/22", "db/23", "none/22", "none/23"},
    "none": set[str](),
}
"""By who asks, who answers and at which port: members of the other group alone, and whoever has no group."""


def at(what: str) -> tuple[str, str]:
    name, port = what.split("/")
    return f"tcp/10.0.0.{HOSTS[name]}/{port}", f"tcp/fd00::{HOSTS[name]}/{port}"


def test_members_of_each_reach_the_other_and_nobody_else_does(lab: Lab) -> None:
    before = lab.world.dump()
    lab.apply(TEXT)
    for netns in HOSTS:
        lab.listen(netns, "tcp/22", "tcp/23")
    for netns, go in GO.items():
        others = {f"{name}/{port}" for name in HOSTS for port in (22, 23) if name != netns}
        lab.demand(
            netns,
            passes=[word for what in go for word in at(what)],
            stops=[word for what in others - go for word in at(what)],
        )
    assert lab.status().returncode == 0
    lab.apply(TEXT.replace("[app, db]", "[]"))
    lab.demand("both", stops=[*at("app/22"), *at("db/23")])
    lab.close()
    lab.world.run("weft", "destroy", "-y", "lab")
    assert lab.world.dump(settle_s=5) == before
