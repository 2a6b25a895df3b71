"""The first thing that would have to change for the other verdict; and that it is what it says, by trying it."""

from __future__ import annotations

import pytest

from tests.pure.trace.lab import HOST_SIDE, TEXT, Lab
from weft.errors import IntentInvalid
from weft.kinds.link.common import OtherLink
from weft.trace import Fate, Sort


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.mark.parametrize(
    ("source", "target", "asked", "family", "hint"),
    [
        ("ask", "web", "tcp/443", 4, "security groups base and web of shop/web let in no tcp/443 from shop/ask: add "
         "{protocol: tcp, ports: [443], remote: 10.0.0.20} to the ingress of one of them | weft.yaml:17:14"),
        ("thin", "db", "tcp/443", 4, "security group narrow of shop/thin lets out no tcp/443 to shop/db: add "
         "{protocol: tcp, ports: [443], remote: {group: web}} to its egress | weft.yaml:19:29"),
        ("ask", "vm", "icmp", 4, "security group base of shop/vm lets in no icmp from shop/ask: add {protocol: icmp, "
         "remote: 10.0.0.20} to its ingress | weft.yaml:17:14"),
        ("base", "db", "tcp/443", 6, "security group web of shop/db lets in no tcp/443 from fd6"),
        ("low", "web", "tcp/80", 4, "take out the rule that denies it, or allow it with a priority below 5 | "
         "weft.yaml:15:13"),
        ("ask", "mute", "tcp/1", 4, "group mute lets no answer to tcp/1 out: leave out its `stateful: false`, or add "
         "{protocol: tcp, remote: 10.0.0.20} to its egress | weft.yaml:18:29"),
        ("ask", "none", "icmp", 4, "shop/none is in no group: add one with {protocol: icmp, remote: 10.0.0.20} in "
         "ingress to its security_groups | weft.yaml:27:89"),
        ("alone", "ask", "icmp", 4, "no router joins network shop/lone and network shop/front | weft.yaml:9:7"),
        ("alone", "external", "icmp", 4, "network shop/lone has no way out to external: give it an uplink, or a router "
         "with a gateway | weft.yaml:9:7"),
        ("ask", "alone", "icmp", 4, "no router joins network shop/front and network shop/lone | weft.yaml:7:7"),
        ("external", "web", "tcp/80", 4, "nobody outside knows the way to shop/web, which is behind NAT: a floating "
         "IP leads there | weft.yaml:7:7"),
        ("ask", "web", "tcp/80", 4, "without the rule of group web that allows tcp 80, 8000-8100 it would stop | "
         "weft.yaml:13:13"),
        ("base", "web", "tcp/22", 4, "without the rule of group base that allows everything from group base it would "
         "not stop: 1 other rule would let it pass | weft.yaml:17:24"),
        ("ask", "low", "tcp/22", 4, "no rule lets it pass: a group without a rule for it on shop/low would stop it | "
         "weft.yaml:23:7"),
        ("ask", "external", "tcp/22", 4, "no rule lets it pass: a group with `egress: []` on shop/ask would stop it | "
         "weft.yaml:22:7"),
    ],
)  # fmt: skip
def test_the_first_thing(lab: Lab, source: str, target: str, asked: str, family: int, hint: str) -> None:
    found = lab.hint(source, target, asked, family)
    assert found.startswith(hint) if hint.endswith("fd6") else found == hint


def test_what_a_denied_packet_needs_next(lab: Lab) -> None:
    said = [hint.said for hint in lab.trace("low", "web", "tcp/80", 4).hints]
    assert said[1:] == ["then the rule of group web that allows tcp 80, 8000-8100 lets it pass"]
    said = [hint.said for hint in lab.trace("low", "web", "tcp/443", 4).hints]
    assert said[1].startswith("then security groups base and web of shop/web let in no tcp/443 from shop/low: add ")


def test_what_else_would_let_it_pass(lab: Lab) -> None:
    first, *others = lab.trace("base", "web", "tcp/22", 4).hints
    assert first.path[-3:] == ("base", "ingress", "0")
    assert [hint.said for hint in others] == [
        "the rule of group web that allows tcp 22 from group base would still let it pass"
    ]


@pytest.mark.parametrize(
    ("source", "target", "asked", "before", "after"),
    [
        ("ask", "web", "tcp/443", "ingress: [{remote: {group: base}}, {protocol: icmpv6}]",
         "ingress: [{remote: {group: base}}, {protocol: tcp, ports: [443], remote: 10.0.0.20}]"),
        ("thin", "db", "tcp/80", "remote: 10.0.0.0/24}]}", "remote: 10.0.0.0/24}, {protocol: tcp, ports: [80], remote: "
         "{group: web}}]}"),
        ("low", "web", "tcp/80", "          - {remote: 10.0.0.0/30, action: deny, priority: 5}\n", ""),
        ("ask", "mute", "tcp/1", ", stateful: false", ""),
    ],
)  # fmt: skip
def test_a_change_that_is_made_lets_it_pass(source: str, target: str, asked: str, before: str, after: str) -> None:
    assert before in TEXT
    assert Lab().trace(source, target, asked, 4).fate is Fate.STOPS
    assert Lab(TEXT.replace(before, after)).trace(source, target, asked, 4).fate is Fate.PASSES


FLOATING = """
weft: 1
name: lab
external_networks: {internet: {link: eth0, subnets: [{cidr: 203.0.113.0/24, gateway: 203.0.113.1}]}}
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24]}, back: {subnets: [10.1.0.0/24]}}
    routers: {edge: {interfaces: [front], gateway: internet}}
    ports:
      web: {network: front, attach: {netns: web}}
      db: {network: back, attach: {netns: db}}
    floating_ips:
      203.0.113.10: {network: internet, port: web}
      203.0.113.11: {network: internet, forward: [{protocol: tcp, ports: 2222, port: web, to: 22}]}
"""


def test_floating_ips_and_forwards() -> None:
    lab = Lab(FLOATING)
    assert lab.trace("external", "203.0.113.10", "tcp/80").fate is Fate.PASSES
    forwarded = lab.trace("external", "203.0.113.11", "tcp/2222")
    assert forwarded.fate is Fate.PASSES
    told = [hop.said for hop in forwarded.there.hops if hop.sort is Sort.NAT]
    assert told == ["target 203.0.113.11 becomes 10.0.0.2, port 22"]
    assert lab.hint("external", "203.0.113.11", "tcp/2223") == (
        "floating IP 203.0.113.11 leads no tcp/2223 to any port: add {protocol: tcp, ports: 2223, port: ...} to its "
        "forward | weft.yaml:14:7"
    )
    assert lab.hint("external", "web", "tcp/80") == (
        "nobody outside knows the way to shop/web, which is behind NAT: ask 203.0.113.10, which "
        "leads there | weft.yaml:13:7"
    )
    assert lab.trace("web", "203.0.113.10", "icmp").fate is Fate.PASSES, "the hairpin"
    assert str(lab.trace("203.0.113.10", "external", "icmp").source) == "shop/web (10.0.0.2)"
    with pytest.raises(IntentInvalid) as refused:
        lab.trace("203.0.113.11", "web", "icmp")
    assert "nobody speaks as it" in str(refused.value)
    assert lab.hint("web", "db", "icmp") == "no router joins network shop/front and network shop/back | weft.yaml:7:16"


def test_an_address_of_an_external_network_is_asked_by_its_link() -> None:
    """The router's own too, and where the host itself has no way out, and no address there."""
    lost = {obj.key: None for obj in HOST_SIDE if not isinstance(obj, OtherLink)}
    lab = Lab(FLOATING, lost)
    assert lab.trace("external", "203.0.113.2", "icmp").fate is Fate.PASSES, "the router's"
    assert lab.trace("203.0.113.77", "203.0.113.2", "icmp").fate is Fate.PASSES
    assert lab.trace("external", "203.0.113.99", "icmp").why == "the host has no route to 203.0.113.99"
    assert lab.trace("external", "192.0.2.9", "icmp").why == "the host has no route to 198.51.100.1"


def test_a_filter_behind_a_forwarding_is_told_of_the_port_that_it_sees() -> None:
    grouped = FLOATING.replace("{netns: web}}", "{netns: web}, security_groups: [g]}").replace(
        "  shop:\n", "  shop:\n    security_groups: {g: {ingress: [{protocol: icmp}]}}\n"
    )
    rule = "{protocol: tcp, ports: [22], remote: 198.51.100.1}"
    assert Lab(grouped).hint("external", "203.0.113.11", "tcp/2222") == (
        f"security group g of shop/web lets in no tcp/22 from external: add {rule} to its ingress | weft.yaml:7:27"
    )
    mended = grouped.replace("[{protocol: icmp}]", f"[{rule}]")
    assert Lab(mended).trace("external", "203.0.113.11", "tcp/2222").fate is Fate.PASSES
