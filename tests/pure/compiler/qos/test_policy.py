"""Which policy holds for a port, which mechanisms it gets, and what is said where it cannot be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from weft.compiler import Compiled, CompileError, compile
from weft.compiler.qos.mechanisms import LEAVES, choose, leaf_for
from weft.facts import FEATURES, Facts, ForeignLink
from weft.files import load_text
from weft.kinds.setting.link import LinkSetting
from weft.kinds.tc.htb import HtbClass
from weft.state import KernelObject

FACTS = Facts(host_id="h", features=frozenset(FEATURES), links={"eth0": ForeignLink(ifname="eth0", mtu=9000)})
POLICIES = "qos_policies: {" + ", ".join(f"p{n}: {{ingress: {{ceil: {n}mbit}}}}" for n in range(1, 6)) + "}"


def compiled(text: str, facts: Facts = FACTS) -> Compiled:
    return compile(load_text("f", f"weft: 1\nname: lab\n{POLICIES}\n{text}").intent, facts)


def tops(state: Iterable[KernelObject]) -> dict[str, int]:
    """The limit of each link, in mbit/s."""
    classes = (obj for obj in state if isinstance(obj, HtbClass) and obj.classid.endswith(":1"))
    return {held.ifname: held.ceil_bps // 10**6 for held in classes}


def tenant(of_tenant: str, of_network: str, of_port: str) -> str:
    port = f"p: {{network: n, attach: {{netns: p}}{of_port}}}"
    return f"tenants: {{t: {{{of_tenant}networks: {{n: {{{of_network}}}}}, ports: {{{port}}}}}}}"


@pytest.mark.parametrize(
    ("of_tenant", "of_network", "of_port", "wanted"),
    [
        ("", "", "", None),
        ("port_qos: p1, ", "", "", 1),
        ("port_qos: p1, ", "port_qos: p2", "", 2),
        ("port_qos: p1, ", "port_qos: p2", ", qos: p3", 3),
        ("port_qos: p1, ", "port_qos: p2", ", qos: {}", None),
        ("port_qos: p1, ", "port_qos: {}", "", None),
        ("port_qos: p1, qos_policies: {p1: {ingress: {ceil: 9mbit}}}, ", "", "", 9),
        ("", "", ", qos: {ingress: {rate: 7mbit}}", 7),
    ],
)
def test_what_is_nearest_to_the_port_holds(of_tenant: str, of_network: str, of_port: str, wanted: int | None) -> None:
    found = tops(compiled(tenant(of_tenant, of_network, of_port)).state.values())
    assert list(found.values()) == ([] if wanted is None else [wanted])


def test_directions_are_seen_from_the_port() -> None:
    both = tenant("", "", ", qos: {egress: {ceil: 1mbit}, ingress: {ceil: 2mbit}}")
    assert {name[:2]: ceil for name, ceil in tops(compiled(both).state.values()).items()} == {"wq": 1, "wp": 2}


def test_directions_are_seen_from_the_link() -> None:
    text = "host: {links: {eth0: {existing: true, qos: {egress: {ceil: 1mbit}, ingress: {ceil: 2mbit}}}}}"
    assert {name[:2]: ceil for name, ceil in tops(compiled(text).state.values()).items()} == {"et": 1, "wq": 2}


def test_a_capacity_is_a_limit_where_there_is_no_other() -> None:
    classes = "classes: {c: {match: {dscp: ef}, rate: 1mbit, ceil: 5mbit}}"
    text = "host: {links: {eth0: {existing: true, capacity: 100mbit, qos: {egress: {" + classes + "}}}}}"
    found = compiled(text)
    assert tops(found.state.values()) == {"eth0": 100}
    assert not found.warnings
    unknown = compiled(text.replace("capacity: 100mbit, ", ""))
    assert [str(warning.what) for warning in unknown.warnings] == [
        "what c are guaranteed is a share of nobody knows what"
    ]


@pytest.mark.parametrize(
    ("match", "told"),
    [
        ("{protocol: icmpv6, source: 10.0.0.0/8}", "icmpv6 is of IPv6, and the addresses are not: no packet is"),
        ('{protocol: icmp, destination: ["fd00::/8"]}', "icmp is of IPv4, and the addresses are not: no packet is"),
        ('{protocol: icmp, destination: ["fd00::/8", 10.0.0.0/8]}', ""),
        ("{protocol: icmpv6, dscp: ef}", ""),
    ],
)
def test_icmp_is_of_one_family(match: str, told: str) -> None:
    text = tenant("", "", f", qos: {{ingress: {{ceil: 9mbit, classes: {{c: {{match: {match}, rate: 1mbit}}}}}}}}")
    if not told:
        assert compiled(text).state
        return
    with pytest.raises(CompileError, match=told) as caught:
        compiled(text)
    assert [finding.path[-2:] for finding in caught.value.findings] == [("0", "protocol")]


@pytest.mark.parametrize(("key", "said"), [("ceil", "rate: 20bit, ceil: 20bit"), ("rate", "rate: 20bit")])
def test_what_is_too_slow_is_told_where_it_is_said(key: str, said: str) -> None:
    for text in (
        tenant("", "", f", qos: {{ingress: {{{said}}}}}"),
        f"host: {{links: {{eth0: {{existing: true, qos: {{egress: {{{said}}}}}}}}}}}",
    ):
        with pytest.raises(CompileError, match="more than 60 seconds") as caught:
            compiled(text)
        assert caught.value.findings[0].path[-1] == key


def test_the_whole_of_a_link_goes_before_nobody() -> None:
    text = "host: {links: {eth0: {existing: true, qos: {egress: {ceil: 1mbit, priority: 0}}}}}"
    (told,) = compiled(text).warnings
    assert told.path[-1] == "priority" and "nobody is beside eth0" in told.what


def test_what_cgroups_need_is_named_at_the_match() -> None:
    match = "{c: {match: {cgroup: a.slice}, rate: 1mbit}}"
    text = f"host: {{links: {{eth0: {{existing: true, qos: {{egress: {{ceil: 9mbit, classes: {match}}}}}}}}}}}"
    with pytest.raises(CompileError, match="lacks nft_cgroup") as caught:
        compiled(text, replace(FACTS, features=FACTS.features - {"nft_cgroup"}))
    assert caught.value.findings[0].path[-4:] == ("c", "match", "0", "cgroup")


def test_the_frame_is_that_of_the_link() -> None:
    text = "host: {links: {eth0: {existing: true, qos: {egress: {ceil: 1mbit}}}}}"
    bursts = {obj.burst_bytes for obj in compiled(text).state.values() if isinstance(obj, HtbClass)}
    assert bursts == {2 * 9014}


def test_a_wrong_policy_is_said_once_for_all_its_ports() -> None:
    ports = ", ".join(f"p{n}: {{network: n, attach: {{netns: p{n}}}}}" for n in range(5))
    text = f"tenants: {{t: {{port_qos: {{egress: {{ceil: 100bit}}}}, networks: {{n: {{}}}}, ports: {{{ports}}}}}}}"
    with pytest.raises(CompileError) as caught:
        compiled(text)
    assert [finding.path for finding in caught.value.findings] == [("tenants", "t", "port_qos", "egress", "ceil")]


def test_a_policy_that_nobody_asks_for_is_looked_at_too() -> None:
    with pytest.raises(CompileError, match="below the rate"):
        compiled("tenants: {t: {qos_policies: {x: {egress: {rate: 2mbit, ceil: 1mbit}}}}}")


@pytest.mark.parametrize(
    ("lacking", "wanted"), [((), "fq_codel"), (("fq_codel",), "sfq"), (("fq_codel", "sfq"), "pfifo")]
)
def test_the_best_queue_that_there_is(lacking: tuple[str, ...], wanted: str) -> None:
    choice = leaf_for(None, FACTS.features - set(lacking))
    assert choice.mechanism.name == wanted
    assert choice.lacking == (frozenset({"fq_codel"}) if lacking else frozenset())
    assert ("lacks fq_codel" in choice.why) == bool(lacking)


@pytest.mark.parametrize(
    ("asked", "lacking", "wanted"),
    [("fq", (), "fq"), ("pfifo", (), "pfifo"), ("cake", ("cake",), "fq_codel"), ("fq", ("fq", "fq_codel"), "sfq")],
)
def test_a_queue_by_name_or_the_next_best(asked: str, lacking: tuple[str, ...], wanted: str) -> None:
    choice = leaf_for(asked, FACTS.features - set(lacking))
    assert choice.mechanism.name == wanted
    assert (choice.why == "as asked") == (asked == wanted)


def test_what_only_a_name_chooses_is_never_the_best() -> None:
    assert choose(LEAVES, frozenset({"cake", "fq"})) is None


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ("ifb", "this kernel lacks ifb"),
        ("nft_fwd", "this kernel lacks nft_fwd"),
        ("nft_netdev", "this kernel lacks nft_netdev"),
        ("nft_egress", "this kernel lacks nft_egress"),
    ],
)
def test_what_is_needed_is_named(lacking: str, said: str) -> None:
    both = tenant("", "", ", qos: {egress: {ceil: 1mbit}, ingress: {ceil: 2mbit}}")
    with pytest.raises(CompileError, match=said) as caught:
        compiled(both, Facts(host_id="h", features=FACTS.features - {lacking}))
    assert caught.value.findings[0].feature == lacking


def test_a_bad_line_without_netem_is_refused_but_for_loss() -> None:
    facts = Facts(host_id="h", features=FACTS.features - {"netem"})
    loss = compiled(tenant("", "", ", qos: {ingress: {impairment: {loss: 1%}}}"), facts)
    assert any("numgen random mod 1000000 < 10000 drop" in str(obj) for obj in loss.state.values())
    with pytest.raises(CompileError, match="lacks netem") as caught:
        compiled(tenant("", "", ", qos: {ingress: {impairment: {delay: 1ms, loss: 1%}}}"), facts)
    assert [finding.path[-1] for finding in caught.value.findings] == ["delay"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (tenant("", "", ", qos: {policy: p1, replace: true}"), "tenants.t.ports.p.qos.replace"),
        (tenant("", "port_qos: {policy: p1, replace: true}", ""), "tenants.t.networks.n.port_qos.replace"),
        (tenant("port_qos: {policy: p1, replace: true}, ", "", ""), "tenants.t.port_qos.replace"),
        ("host: {links: {b: {kind: bridge, qos: {policy: p1, replace: true}}}}", "host.links.b.qos.replace"),
    ],
)
def test_replace_is_for_links_of_others(text: str, path: str) -> None:
    with pytest.raises(CompileError) as refused:
        compiled(text)
    (finding,) = refused.value.findings
    assert ".".join(finding.path) == path and "nobody else has a root qdisc here" in finding.what
    assert "`existing: true` or `adopt: true`" in finding.fix


@pytest.mark.parametrize("link", ["eth0: {existing: true", "b: {kind: bridge, adopt: true"])
def test_replace_is_taken_where_somebody_else_may_have_a_root(link: str) -> None:
    state = compiled(f"host: {{links: {{{link}, qos: {{egress: {{ceil: 1mbit}}, replace: true}}}}}}}}").state
    assert [obj.value for obj in state.values() if isinstance(obj, LinkSetting)] == [""]
