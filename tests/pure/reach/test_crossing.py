"""What a check expects of questions over a filtered bridge, whichever way connections are followed."""

from __future__ import annotations

import pytest

from weft.compiler import compile
from weft.facts import FEATURES, Facts
from weft.files import load_text
from weft.reach import Reach, Talk, World, endpoints, expect

TEXT = """
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24, "fd00::/64"]}}
    security_groups:
      web: {ingress: [{protocol: tcp, ports: [80]}, {protocol: icmp}, {remote: 10.0.0.0/30, action: deny, priority: 5}]}
      mute: {ingress: [{}], egress: [], stateful: false}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"], security_groups: [web]}
      ask: {network: front, attach: {netns: ask}, addresses: [10.0.0.20, "fd00::20"]}
      low: {network: front, attach: {netns: low}, addresses: [10.0.0.2, "fd00::2"]}
      mute: {network: front, attach: {netns: mute}, addresses: [10.0.0.30, "fd00::30"], security_groups: [mute]}
"""


@pytest.mark.parametrize("lacking", [(), ("nft_bridge_ct",)], ids=["by-connections", "by-marks"])
@pytest.mark.parametrize(
    ("source", "target", "family", "talk", "why"),
    [
        ("ask", "web", 4, Talk(protocol="tcp", port=80), ""),
        ("ask", "web", 6, Talk(protocol="tcp", port=80), ""),
        ("ask", "web", 4, Talk(protocol="tcp", port=81), "no rule of security group web lets it in (to4.web)"),
        ("ask", "web", 4, Talk(protocol="icmp"), ""),
        ("ask", "web", 6, Talk(protocol="icmp"), "no rule of security group web lets it in (to6.web)"),
        ("low", "web", 4, Talk(protocol="tcp", port=80), "security group web denies it (in4.web.5.deny)"),
        ("web", "ask", 4, Talk(protocol="udp", port=9), ""),
        ("mute", "ask", 4, Talk(protocol="tcp", port=1), "no rule of security group mute lets it out (from4.mute)"),
        ("ask", "mute", 4, Talk(protocol="tcp", port=1), "of the answer: no rule of security group mute lets it out "
         "(from4.mute)"),
    ],
)  # fmt: skip
def test_a_question_and_its_answer(
    source: str, target: str, family: int, talk: Talk, why: str, lacking: tuple[str, ...]
) -> None:
    loaded = load_text("weft.yaml", TEXT)
    compiled = compile(loaded.intent, Facts(host_id="h0", features=frozenset(FEATURES) - set(lacking)))
    ends = {end.name: end for end in endpoints(loaded.intent, compiled.state, compiled.paths)}
    routed = expect(World(compiled.state), ends[f"shop/{source}"], ends[f"shop/{target}"], family)
    assert routed.reach is Reach.YES
    asked = routed.asked(talk)
    assert (asked.reach, asked.why) == ((Reach.NO, why) if why else (Reach.YES, "on one network"))
