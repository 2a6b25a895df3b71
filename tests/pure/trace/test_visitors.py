"""Traces between ports of a tenant that visits: by its own rules, in the owner's filter, in each of its domains."""

from __future__ import annotations

from tests.pure.trace.lab import Lab
from weft.trace import Fate

LONG = "g" * 63
TEXT = f"""
weft: 1
name: lab
tenants:
  shop:
    networks: {{front: {{subnets: [10.0.0.0/24]}}, twin: {{subnets: [10.0.0.0/24]}}}}
    security_groups: {{base: {{ingress: []}}}}
    ports: {{web: {{network: twin, attach: {{netns: web}}, addresses: [10.0.0.10], security_groups: [base]}}}}
    share: [{{network: front, with: [dev]}}, {{network: twin, with: [dev]}}]
  dev:
    networks: {{lan: {{subnets: [10.9.0.0/24]}}}}
    security_groups:
      base:
        ingress:
          - {{protocol: tcp, ports: [80], remote: {{group: base}}}}
          - {{protocol: tcp, ports: [81], action: deny, log: true}}
          - {{protocol: tcp, ports: [81]}}
      {LONG}: {{audit: true, ingress: [{{protocol: tcp, ports: [80], action: deny}}, {{protocol: tcp, ports: [80]}}]}}
    ports:
      a: {{network: shop/twin, attach: {{netns: a}}, addresses: [10.0.0.20], security_groups: [base]}}
      b: {{network: shop/twin, attach: {{netns: b}}, addresses: [10.0.0.21], security_groups: [base]}}
      c: {{network: shop/front, attach: {{netns: c}}, addresses: [10.0.0.22], security_groups: [{LONG}]}}
      d: {{network: shop/front, attach: {{netns: d}}, addresses: [10.0.0.23], allowed_address_pairs: []}}
      far: {{network: lan, attach: {{netns: far}}, addresses: [10.9.0.5], security_groups: [base]}}
"""


def test_the_rule_is_the_visitors_in_each_domain_and_of_any_length() -> None:
    lab = Lab(TEXT)
    passes = lab.trace("dev/a", "dev/b", "tcp/80", 4)
    assert passes.fate is Fate.PASSES
    assert lab.hint("dev/a", "dev/b", "tcp/80", 4).startswith("without the rule of group base that allows tcp 80 from")
    denied = lab.trace("web", "dev/b", "tcp/81", 4)
    assert (denied.fate, denied.why) == (Fate.STOPS, "group base of dev/b denies tcp 81")
    assert [hint.said for hint in denied.hints][1] == "then the rule of group base that allows tcp 81 lets it pass"
    audited = lab.trace("dev/d", "dev/c", "tcp/80", 4)
    assert audited.fate is Fate.PASSES
    assert any(hop.said == f"group {LONG} of dev/c lets in tcp 80" for hop in audited.there.hops)
    refused = lab.hint("dev/b", "web", "tcp/80", 4)
    assert "remote: 10.0.0.21" in refused and "{group:" not in refused, "groups are of one tenant"
