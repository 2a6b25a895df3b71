"""Each warning of groups and floating IPs: shown, at its place, and silent where there is no reason."""

# ruff: noqa: E501 (whole sentences, as they are printed)

from __future__ import annotations

import pytest

from weft.facts import Facts
from weft.files import load_text
from weft.lint import lint

HEAD = """weft: 1
name: lab
external_networks: {net: {link: eth1, subnets: [192.88.0.0/24]}}
tenants:
  t:
    networks: {a: {subnets: [10.1.0.0/24]}, b: {subnets: [10.2.0.0/24]}, c: {subnets: [10.3.0.0/24]}}
    routers: {r: {interfaces: [a, b]%s}}
"""


def said(text: str, router: str = "") -> list[str]:
    findings = lint(load_text("f", HEAD % router + text).intent, Facts(host_id="h"))
    assert all(finding.severity == "warning" for finding in findings)
    return [str(finding.at(".".join(finding.path[2:]))) for finding in findings]


FLOATING = """
    security_groups: {g: {ingress: [%s]}}
    ports: {p: {network: a, attach: {netns: p}, security_groups: [g]}}
    floating_ips:
      192.88.0.10: {network: net, port: p}
      192.88.0.11: {network: net, forward: [{protocol: tcp, ports: 2222, port: p, to: 22}, {protocol: udp, ports: [53, 5000-5099], port: p}]}
"""
GATEWAY = ", gateway: net"


def test_floating_ips_that_nobody_gets_through() -> None:
    whole = "floating_ips.192.88.0.10.port: it leads to p, whose security groups let anything in from nobody outside; ingress: [{remote: {cidr: PREFIX}}] in a group of p"
    ssh = "floating_ips.192.88.0.11.forward.0.port: it leads to p, whose security groups let tcp/22 in from nobody outside; ingress: [{protocol: tcp, ports: 22}] in a group of p"
    dns = "floating_ips.192.88.0.11.forward.1.port: it leads to p, whose security groups let udp/53 in from nobody outside; ingress: [{protocol: udp, ports: 53}] in a group of p"
    assert said(FLOATING % "", GATEWAY) == [whole, ssh, dns]
    assert said(FLOATING % "{remote: {group: g}}", GATEWAY) == [whole, ssh, dns]
    assert said(FLOATING % "{protocol: tcp, ports: 2222}", GATEWAY) == [ssh, dns]
    assert said(FLOATING % "{family: ipv6}", GATEWAY) == [whole, ssh, dns]
    assert (
        said(
            FLOATING % "{protocol: tcp, ports: 1-1023, remote: {cidr: 192.0.2.0/24}}, {protocol: udp, ports: 5099}",
            GATEWAY,
        )
        == []
    )
    assert said(FLOATING % "{protocol: tcp, action: deny}, {remote: {cidr: 0.0.0.0/0}, priority: 2000}", GATEWAY) == []


def test_what_is_not_filtered_is_not_judged() -> None:
    assert said(FLOATING.replace("{ingress: [%s]}", "{audit: true}"), GATEWAY) == []
    assert said(FLOATING.replace(", security_groups: [g]", "") % "", GATEWAY) == []


def rules(*written: str, way: str = "ingress", rest: str = "") -> list[str]:
    groups = f"{{g: {{{way}: [{', '.join(written)}]{rest}}}}}"
    ports = "{p: {network: a, attach: {netns: p}, security_groups: [g]}}"
    return said(
        f"    security_groups: {groups}\n    address_groups: {{n: [10.0.0.0/9, m], m: [10.128.0.0/9]}}\n    ports: {ports}\n"
    )


DENY = "{protocol: tcp, action: deny}"


def test_rules_that_another_one_shadows() -> None:
    of_deny = (
        "nothing comes to it: rule 0, to deny, goes before it and has all of it; a priority below 1000, or take it out"
    )
    assert rules(DENY, "{protocol: tcp, ports: 22}") == [f"security_groups.g.ingress.1: {of_deny}"]
    assert rules(DENY, "{protocol: tcp, ports: 22}", way="egress") == [f"security_groups.g.egress.1: {of_deny}"]
    assert rules("{priority: 5}", "{protocol: tcp, ports: 22, action: deny}") == [
        "security_groups.g.ingress.1: nothing comes to it: rule 0, to allow, goes before it and has all of it; a priority below 5, or take it out"
    ]
    whole = "{action: deny, remote: {cidr: 10.0.0.0/8}}"
    assert rules(whole, "{protocol: tcp, remote: {address_group: n}}") == [f"security_groups.g.ingress.1: {of_deny}"]


@pytest.mark.parametrize(
    ("denies", "allows"),
    [
        (DENY, "{protocol: udp}"),
        (DENY, "{}"),
        (DENY, "{protocol: tcp, action: deny, ports: 22}"),
        ("{protocol: tcp, priority: 1001, action: deny}", "{protocol: tcp, ports: 22}"),
        ("{protocol: tcp, ports: 20-30, action: deny}", "{protocol: tcp, ports: 30-31}"),
        ("{protocol: tcp, ports: 20-30, action: deny}", "{protocol: tcp}"),
        ("{action: deny, remote: {cidr: 10.0.0.0/9}}", "{remote: {address_group: n}}"),
        ("{action: deny, remote: {group: g}}", "{protocol: tcp}"),
        ("{action: deny, family: ipv4}", "{protocol: tcp}"),
    ],
)
def test_rules_that_something_comes_to(denies: str, allows: str) -> None:
    assert rules(denies, allows) == []


def test_a_group_that_only_tells_denies_nothing() -> None:
    assert rules(DENY, "{protocol: tcp, ports: 22}", rest=", audit: true") == []


REMOTE = """
    security_groups: {one: {ingress: [{remote: {group: other}}]}, other: {}}
    ports:
      p: {network: a, attach: {netns: p}, security_groups: [one]}
"""


def test_groups_that_nobody_is_in_or_that_no_way_leads_to() -> None:
    where = "security_groups.one.ingress.0.remote.group"
    assert said(REMOTE) == [
        f"{where}: no port is in group other, so nobody comes to it by this rule; security_groups: [other] on a port, or take the rule out"
    ]
    q = "      q: {network: %s, attach: {%s}, security_groups: [other]}\n"
    for there in (("a", "netns: q"), ("b", "netns: q"), ("c", "netns: p")):
        assert said(REMOTE + q % there) == [], there
    assert said(REMOTE + q % ("c", "netns: q")) == [
        f"{where}: no way leads between a port of one and one of other: they are on networks that nothing joins; a router with both networks, or take the rule out"
    ]
    assert said(REMOTE + q % ("c", "tap: {}"), GATEWAY) == [], "what leads out may come in again"
    assert said(REMOTE.replace("security_groups: [one]}", "security_groups: []}")) == [], "nobody asks for the rule"
