"""What `weft qos explain` says where the doors' tests do not come: lesser kernels, single queues, chains alone."""

from __future__ import annotations

import pytest

from weft.compiler import compile, planted
from weft.facts import FEATURES, Facts, ForeignLink, Line
from weft.files import load_text
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.nftset import NftSet
from weft.model import qos_words as q
from weft.picture.reasons import Explanation, explanation
from weft.service.qos import carrier_of

ALL = frozenset({"htb", "tbf", "fq_codel", "sfq", "netem", "nft_netdev", "nft_egress", "nft_fwd", "ifb", "ipv6"})


def explained(qos: str, *lacking: str) -> list[Explanation]:
    text = f"weft: 1\nname: lab\nhost:\n  links:\n    eth0: {{existing: true, qos: {qos}}}\n"
    links = {"eth0": ForeignLink(ifname="eth0")}
    facts = Facts(host_id="h", features=ALL - {*lacking}, links=links)
    return [explanation(one, carrier_of) for one in planted(load_text("f", text).intent, facts)]


def said(told: Explanation) -> list[tuple[str, str]]:
    return [(step.what, step.why) for step in told.steps]


def figures(told: Explanation, what: str) -> dict[str, tuple[str, str]]:
    (step,) = [step for step in told.steps if step.what.startswith(what)]
    return {figure.name: (figure.said, figure.why) for figure in step.figures}


def test_a_bad_line_alone_is_the_root() -> None:
    (told,) = explained("{egress: {impairment: {delay: 20ms, loss: 1%}}}")
    assert said(told)[1:] == [
        ("the bad line by: netem", "the best: every impairment"),
        ("the queue is: netem", "for the impairment; its own queue holds what is under way"),
    ]
    (line,) = told.steps[-1].commands
    assert line.startswith("tc qdisc add dev eth0 root ") and "delay 20" in line and "loss" in line


def test_loss_without_netem_is_a_rule() -> None:
    (told,) = explained("{egress: {impairment: {loss: 1%}}}", "netem")
    assert ("the bad line by: nft numgen", "the next best: this kernel lacks netem") in said(told)
    rule = figures(told, "nft chain")["rule"][0]
    assert "numgen" in rule and "drop" in rule


def test_limits_without_htb_are_rules_and_say_so() -> None:
    (told,) = explained("{egress: {ceil: 5mbit}}", "htb")
    assert ("limits by: nft limit", "the next best: this kernel lacks htb") in said(told)
    assert not any(step.what.startswith("tree of HTB") for step in told.steps)


def test_a_mark_needs_a_chain_alone() -> None:
    (told,) = explained("{egress: {dscp_mark: ef}}")
    chain = told.steps[-1]
    assert chain.why == "nothing queues, so rules are enough"
    assert any("dscp set" in figure.said for figure in chain.figures)


def test_what_comes_in_passes_an_ifb() -> None:
    (told,) = explained("{ingress: {ceil: 5mbit}}")
    place = told.steps[0]
    assert place.what.endswith("for what eth0 in the host receives") and "ifb" in place.commands[0]


def test_classes_name_what_they_are_part_of_and_where_they_are_asked_for() -> None:
    classes = "{over: {rate: 2mbit, match: {protocol: tcp}}, part: {parent: over, rate: 1mbit, match: {dscp: ef}}}"
    (told,) = explained(f"{{egress: {{ceil: 5mbit, default: part, classes: {classes}}}}}")
    steps = {step.what.partition(",")[0]: step for step in told.steps}
    assert steps["class over / part"].why.startswith("the default")
    assert steps["class over / the rest of it"].why == "a part of over"
    assert steps["class over / part"].where[-2:] == ("classes", "part")
    assert figures(told, "class over / the rest of it")["priority"] == ("7", "behind all that is named")
    assert figures(told, "class over / part")["queue"][0] == "fq_codel"
    assert figures(told, "class over / part")["interval"] == ("200ms", "ten times the target")


@pytest.mark.parametrize("lacking", [(), ("fq_codel",), ("fq_codel", "sfq")])
@pytest.mark.parametrize("ceil", ["100kbit", "5mbit", "90mbit", "2gbit"])
def test_what_is_said_of_a_queue_is_what_it_is(ceil: str, lacking: tuple[str, ...]) -> None:
    """The compiler makes the queue, the reasons come beside it: they must not part."""
    (told,) = explained(f"{{egress: {{ceil: {ceil}, latency: 30ms}}}}", *lacking)
    queue = told.steps[-1].commands[-1].replace(".0ms", "ms")
    found = figures(told, "class of what no class matches")
    assert f" {found['queue'][0]} limit {found['length'][0].split()[0].replace(',', '')}" in queue
    if not lacking:
        words = queue.split()
        assert time_us(words[words.index("target") + 1]) == time_us(found["target"][0])
        assert time_us(words[words.index("interval") + 1]) == time_us(found["interval"][0])
        assert f"quantum {found['turn of a flow'][0].split()[0].replace(',', '')}" in queue


def time_us(written: str) -> int:
    (form,) = q.TimeUs.__metadata__  # type: ignore[attr-defined]
    return int(form.read(written))


def test_what_is_lacking_is_named_once() -> None:
    (told,) = explained("{egress: {ceil: 5mbit}}", "fq_codel", "tbf")
    found = figures(told, "class of what no class matches")
    assert found["queue"] == ("sfq", "the next best: this kernel lacks fq_codel")
    assert found["large frames"][0] == "whole" and found["large frames"][1].endswith("and this kernel lacks tbf")


SHARED = """
weft: 1
name: lab
host: {links: {eth0: {existing: true, capacity: 20mbit}}}
tenants:
  t:
    networks: {n: {subnets: [10.0.0.0/24], uplink: nat}}
    ports:
      p: {network: n, attach: {netns: p}, qos: {egress: {rate: 4mbit}, ingress: {rate: 3mbit}}}
      q: {network: n, attach: {netns: q}, qos: {egress: {rate: 2mbit}}}
"""


def test_commands_of_a_shared_tree_make_its_maps_and_chains_too() -> None:
    intent = load_text("f", SHARED).intent
    facts = Facts(
        host_id="h",
        features=frozenset(FEATURES),
        links={"eth0": ForeignLink(ifname="eth0")},
        lines={"eth0": Line(mac="52:54:00:00:00:01")},
        egress_links=("eth0",),
    )
    told = [explanation(one, carrier_of) for one in planted(intent, facts) if one.shaping is None]
    assert [one.direction for one in told] == ["egress", "ingress"]
    wanted = compile(intent, facts).state
    sets = [obj for obj in wanted.values() if isinstance(obj, NftSet) and obj.name.startswith(("up", "down"))]
    elements = {of.name: [e for e in wanted.values() if isinstance(e, NftElement) and e.set == of.name] for of in sets}
    assert sum(len(held) for held in elements.values()) >= 4
    for one in told:
        lines = one.steps[0].commands
        for held in sets:
            made = next(at for at, line in enumerate(lines) if f"add map inet weft-lab {held.name} " in line)
            filled = [at for at, line in enumerate(lines) if f"add element inet weft-lab {held.name} " in line]
            assert len(filled) == bool(elements[held.name])
            assert all(f"{e.element} : {e.value}" in lines[at] for at in filled for e in elements[held.name])
            used = min(at for at, line in enumerate(lines) if f"@{held.name}" in line)
            assert lines.index("nft 'add table inet weft-lab'") < made < min([*filled, used]) <= used
        assert any("type ifb" in line for line in lines) and any('fwd to "wi' in line for line in lines)


def test_many_elements_are_some_commands() -> None:
    classes = ", ".join(f"c{n}: {{match: {{destination: 10.0.{n // 250}.{n % 250}}}, rate: 1kbit}}" for n in range(700))
    (told,) = explained(f"{{egress: {{ceil: 5mbit, classes: {{{classes}}}}}}}")
    (step,) = [step for step in told.steps if step.what.startswith("nft chain")]
    added = [line for line in step.commands if "add element" in line]
    assert len(added) == 2 and sum(line.count(" : ") for line in added) == 700
    assert all(len(line) < 1 << 17 for line in added)
