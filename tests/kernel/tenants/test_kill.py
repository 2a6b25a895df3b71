"""SIGKILL at every write while a network comes to be shared, or no longer: the former state or the wanted one, and a
connection between ports that stay lives through all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.faults import intents
from tests.kernel.faults.command import preload, weft_in
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.rig import Rig
from tests.kernel.groups.lab import Lab
from tests.kernel.groups.talking import connected, lives

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.needs("nft_bridge")]

SHOP = """
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.10.0.0/24, "fd10::/64"]}}
    security_groups:
      web: {ingress: [{protocol: tcp, ports: [80]}]}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.10.0.10, "fd10::10"], security_groups: [web]}
      ask: {network: front, attach: {netns: ask}, addresses: [10.10.0.20, "fd10::20"]}
"""
APART = f"""{SHOP}
  dev:
    security_groups: {{web: {{ingress: [{{protocol: tcp, ports: [22]}}]}}}}
    networks: {{lan: {{subnets: [10.10.0.0/24]}}}}
    ports:
      ci: {{network: lan, attach: {{netns: ci}}, addresses: [10.10.0.30], security_groups: [web]}}
"""
SHARED = f"""{SHOP}
    share: [{{network: front, with: [dev]}}]
  dev:
    security_groups: {{web: {{ingress: [{{protocol: tcp, ports: [23], remote: {{group: web}}}}]}}}}
    ports:
      ci: {{network: shop/front, attach: {{netns: ci}}, addresses: [10.10.0.30], security_groups: [web]}}
"""


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


def test_sharing_and_back(lab: Lab, tmp_path: Path) -> None:
    intents.give_way_out(lab.world)
    files = {name: tmp_path / f"{name}.yaml" for name in ("apart", "shared")}
    for name, text in (("apart", APART), ("shared", SHARED)):
        files[name].write_text(text)
    first, second = (("apply", "-y", "-f", str(file)) for file in files.values())
    assert weft_in(lab.world, *first).status == 0
    lab.listen("web", "tcp/80")
    with connected(lab, "ask", "10.10.0.10", 80) as held:

        def goes_on() -> None:
            assert lives(held)

        tally = Killer(Rig.between(lab.world, first, second), goes_on).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 3
