"""Each warning of quality of service: shown at its place, and silent where there is no reason."""

# ruff: noqa: E501 (whole sentences, as they are printed)

from __future__ import annotations

import pytest

from tests.growth import calls
from weft.facts import Facts, ForeignLink
from weft.files import load_text
from weft.lint import lint
from weft.lint.qos import packets
from weft.lint.qos.shadows import shadows


def said(text: str, *links: str) -> list[str]:
    facts = Facts(host_id="h", links={name: ForeignLink(ifname=name) for name in links})
    findings = lint(load_text("f", "weft: 1\nname: lab\n" + text).intent, facts)
    assert all(finding.severity == "warning" for finding in findings)
    return [str(finding.at(".".join(finding.path))) for finding in findings]


def policy(egress: str, *links: str) -> list[str]:
    """What is said of a policy, below its egress."""
    found = said(f"qos_policies: {{p: {{egress: {egress}}}}}", *links)
    assert all(line.startswith("qos_policies.p.egress") for line in found)
    return [line.removeprefix("qos_policies.p.egress").removeprefix(".") for line in found]


GOOD = """{ceil: 20mbit, default: rest, classes: {
  voice: {match: {dscp: ef}, rate: 1mbit, ceil: 2mbit, priority: 0, burst: 8kb},
  web: {match: {protocol: tcp, ports: [80, 443]}, rate: 5mbit, priority: 2},
  rest: {rate: 1mbit, priority: 6}}}"""


def test_a_policy_as_it_should_be() -> None:
    assert policy(GOOD, "docker0", "tailscale0", "cni0") == []


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ("{rate: 1mbit, burst: 1000b}", ["burst: 1000 bytes are less than a frame, which goes out whole: it is made as large; leave it out, or 3028b and more"]),
        ("{ceil: 1gbit, burst: 32kb}", ["burst: 32768 bytes last 262 us at this rate: a timer that is 1 ms late loses the rest; leave it out, or 125001b and more"]),
        ("{rate: 1mbit, burst: 1mb}", ["burst: 1,048,576 bytes go out unlimited after each pause: 8.4 s of the rate; leave it out, or 65536b and less"]),
        ("{rate: 1mbit, burst: 64kb}", []),
        ("{ceil: 1gbit, burst: 1mb}", []),
        ("{rate: 100mbit, burst: 64kb}", []),
        ("{burst: 100b}", []),
    ],
)  # fmt: skip
def test_bursts(shape: str, told: list[str]) -> None:
    assert policy(shape) == told


def test_a_burst_is_held_against_the_limit_of_its_class() -> None:
    found = policy("{ceil: 10gbit, classes: {a: {match: {dscp: ef}, rate: 1mbit, burst: 1kb}}}")
    assert len(found) == 1 and found[0].startswith("classes.a.burst: 1024 bytes are less than a frame")


LINE = """
qos_policies: {p: {egress: %s, ingress: {ceil: 1gbit}}}
host: {links: {eth0: {existing: true, capacity: 50mbit, qos: p}}}
namespaces: {n: {links: {x: {kind: dummy, capacity: 200mbit, qos: p}}}}"""


@pytest.mark.parametrize(
    ("egress", "told"),
    [
        ("{ceil: 100mbit}", ["ceil: a ceil of 100mbit is above the 50mbit that eth0 carries: packets wait behind the link, where no class goes first; `ceil: 50mbit` or less, or a larger `capacity` if that is true"]),
        ("{ceil: 50mbit}", []),
        ("{classes: {a: {match: {dscp: ef}, rate: 1mbit, ceil: 60mbit}, b: {match: {dscp: va}, rate: 1mbit, ceil: 50mbit}}}",
         ["classes.a.ceil: a ceil of 60mbit is above the 50mbit that eth0 carries: it limits nothing; `ceil: 50mbit` or less, or a larger `capacity` if that is true"]),
        ("{ceil: 50mbit, classes: {a: {match: {dscp: ef}, rate: 1mbit, ceil: 60mbit}}}",
         ["classes.a.ceil: a ceil of 60mbit is above the 50mbit of the whole: it limits nothing; `ceil: 50mbit` or less, or more for the whole"]),
        ("{rate: 5mbit, classes: {a: {match: {dscp: ef}, rate: 1mbit, ceil: 6mbit}}}",
         ["classes.a.ceil: a ceil of 6mbit is above the 5mbit of the whole: it limits nothing; `ceil: 5mbit` or less, or more for the whole"]),
        ("{ceil: 50mbit, classes: {o: {ceil: 4mbit}, a: {parent: o, match: {dscp: ef}, rate: 1mbit, ceil: 6mbit}, p: {rate: 1mbit}, q: {parent: p, match: {dscp: va}}}}",
         ["classes.a.ceil: a ceil of 6mbit is above the 4mbit of o: it limits nothing; `ceil: 4mbit` or less, or more for o"]),
    ],
)  # fmt: skip
def test_a_ceil_above_what_there_is(egress: str, told: list[str]) -> None:
    found = [line.partition(".egress.") for line in said(LINE % egress)]
    assert [line for _, _, line in found] == told
    assert all(at == ("host.links.eth0.qos" if "eth0" in line else "qos_policies.p") for at, _, line in found)


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        ("a: {match: {destination: 10.0.0.0/8}, rate: 1mbit}, b: {match: {destination: 10.1.0.1, protocol: tcp, ports: 80}, rate: 1mbit}",
         ["classes.b: nothing comes to b: a before it has all that it matches; put b before a"]),
        ("a: {match: {protocol: tcp}, rate: 1mbit}, b: {match: {protocol: udp}, rate: 1mbit}, c: {match: [{protocol: tcp, ports: 1}, {protocol: udp, ports: 2}], rate: 1mbit}",
         ["classes.c: nothing comes to c: a and b before it have all that it matches; put c before a and b"]),
        ("a: {match: {protocol: tcp}, rate: 1mbit}, b: {match: {protocol: tcp}, rate: 1mbit}",
         ["classes.b: nothing comes to b: a before it has all that it matches; let one of them match something else, or leave b out: were it first, nothing would come to a"]),
        # several together
        ("a: {match: {destination: 10.0.0.0/9}, rate: 1mbit}, b: {match: {destination: 10.128.0.0/9}, rate: 1mbit}, c: {match: {destination: 10.0.0.0/8, protocol: tcp}, rate: 1mbit}",
         ["classes.c: nothing comes to c: a and b before it have all that it matches; put c before a and b"]),
        ("a: {match: {source: 0.0.0.0/0}, rate: 1mbit}, b: {match: {source: '::/0'}, rate: 1mbit}, c: {match: {dscp: ef}, rate: 1mbit}",
         ["classes.c: nothing comes to c: a and b before it have all that it matches; put c before a and b"]),
        ("a: {match: {source: 0.0.0.0/0}, rate: 1mbit}, b: {match: {dscp: ef}, rate: 1mbit}", []),
        ("a: {match: {protocol: tcp, ports: 1-1023}, rate: 1mbit}, b: {match: {protocol: tcp, ports: 1024-65535}, rate: 1mbit}, c: {match: {protocol: tcp, source_ports: 22}, rate: 1mbit}",
         ["classes.c: nothing comes to c: a and b before it have all that it matches; put c before a and b"]),
        ("a: {match: {protocol: tcp, ports: 1-65535}, rate: 1mbit}, b: {match: {protocol: tcp}, rate: 1mbit}", []),  # fragments
        ("a: {match: {mark: 0x0/0x1}, rate: 1mbit}, b: {match: {mark: 0x1/0x1}, rate: 1mbit}, c: {match: {mark: 0x10/0xff}, rate: 1mbit}, d: {match: {protocol: tcp}, rate: 1mbit}",
         ["classes.c: nothing comes to c: a before it has all that it matches; put c before a", "classes.d: nothing comes to d: a and b before it have all that it matches; put d before a and b"]),
        ("a: {match: {cgroup: app}, rate: 1mbit}, b: {match: {cgroup: app/one, protocol: tcp}, rate: 1mbit}",
         ["classes.b: nothing comes to b: a before it has all that it matches; put b before a"]),
        ("a: {match: {destination: 10.1.0.1}, rate: 1mbit}, b: {match: {destination: 10.0.0.0/8}, rate: 1mbit}", []),
        ("a: {match: {protocol: tcp, ports: 80-90}, rate: 1mbit}, b: {match: {protocol: tcp, ports: [85, 91]}, rate: 1mbit}", []),
        ("over: {rate: 1mbit}, a: {parent: over, match: {dscp: ef}, rate: 1mbit}", []),
        # parts are asked before what they are part of, wherever they stand
        ("over: {match: {protocol: tcp}, rate: 2mbit}, a: {parent: over, match: {protocol: tcp, ports: 80}, rate: 1mbit}", []),
        ("over: {match: {protocol: tcp, ports: 80}, rate: 2mbit}, a: {parent: over, match: {protocol: tcp}, rate: 1mbit}", []),
        ("over: {match: {protocol: tcp}, rate: 2mbit}, b: {match: {protocol: tcp, ports: 80}, rate: 1mbit}, a: {parent: over, match: {dscp: ef}, rate: 1mbit}",
         ["classes.b: nothing comes to b: over before it has all that it matches; put b before over"]),
        ("b: {match: {protocol: tcp}, rate: 1mbit}, over: {match: {protocol: tcp, ports: 80}, rate: 2mbit}, a: {parent: over, match: {protocol: tcp, ports: 443}, rate: 1mbit}",
         ["classes.a: nothing comes to a: b before it has all that it matches; put over before b", "classes.over: nothing comes to the rest of over: b before it has all that it matches; put over before b"]),
    ],
)  # fmt: skip
def test_classes_that_nothing_comes_to(classes: str, told: list[str]) -> None:
    assert [line for line in policy(f"{{ceil: 10mbit, classes: {{{classes}}}}}") if "nothing comes" in line] == told


def test_a_default_that_is_covered_still_has_the_rest() -> None:
    assert policy("{default: b, classes: {a: {match: {protocol: tcp}, rate: 1mbit}, b: {match: {protocol: tcp}, rate: 1mbit}}}") == []  # fmt: skip


def test_more_takers_than_one_wants_to_read() -> None:
    halves = ", ".join(f"c{n}: {{match: {{destination: 10.{n * 32}.0.0/11}}, rate: 1kbit}}" for n in range(8))
    assert policy(
        f"{{ceil: 10mbit, classes: {{{halves}, last: {{match: {{destination: 10.0.0.0/8}}, rate: 1kbit}}}}}}"
    ) == [
        "classes.last: nothing comes to last: c0, c1, c2, c3 and 4 more before it have all that it matches; let one of them match something else, or leave last out: were it first, nothing would come to c0, c1, c2, c3 and 4 more"
    ]


def test_what_is_too_much_to_tell_is_not_told() -> None:
    """A thousand classes that all cross each other: cut piece by piece, they would be millions of pieces."""
    ranges = ", ".join(
        f"c{n}: {{match: {{protocol: udp, ports: {n + 1}-{n + 30000}, source: 10.0.{n % 256}.0/24}}}}"
        for n in range(500)
    )
    wide = ", ".join(
        f"d{n}: {{match: {{protocol: udp, ports: {n + 1}-{n + 40000}, source: 10.0.0.0/16}}}}" for n in range(500)
    )
    direction = (
        load_text("f", f"weft: 1\nname: l\nqos_policies: {{p: {{egress: {{classes: {{{ranges}, {wide}}}}}}}}}")
        .intent.qos_policies["p"]
        .egress
    )
    assert direction is not None
    assert calls(lambda: list(shadows(direction))) < 2_000_000


def test_what_is_too_much_to_tell_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "is not told: it takes too long to find out; see to it that no classes before have all that it matches"
    quarters = ", ".join(f"c{n}: {{match: {{source: 10.{n * 64}.0.0/10}}}}" for n in range(4))
    classes = f"{{classes: {{{quarters}, a: {{match: {{source: 10.0.0.0/8}}}}, b: {{match: {{source: 10.0.0.0/9}}}}, d: {{match: {{protocol: udp}}}}}}}}"
    assert "is not told" not in "".join(policy(classes))
    monkeypatch.setattr(packets, "_MOST_CUTS", 3)
    assert policy(classes) == [f"classes.a: whether anything comes to a and b {said}"]
    masks = enumerate(("55555555", "ffff0000", "ffff", "ff00ff"))
    marks = ", ".join(f"c{n}: {{match: {{mark: 0x0/0x{mask}}}}}" for n, mask in masks)
    assert f"classes.c2: whether anything comes to c2 {said}" in policy(f"{{classes: {{{marks}}}}}")


INVERSION = "classes.voice.priority: voice has a guarantee, and web, which has none and no ceiling, goes before it: while web sends, voice gets its rate and never more; give voice a lower number than web, or web a ceil"


@pytest.mark.parametrize(
    ("web", "voice", "told"),
    [
        ("priority: 1", "rate: 1mbit, priority: 2", [INVERSION]),
        ("priority: 1, ceil: 10mbit", "rate: 1mbit", [INVERSION]),
        ("priority: 1, ceil: 9mbit", "rate: 1mbit", []),
        ("priority: 2", "rate: 1mbit, priority: 2", []),
        ("priority: 1, rate: 1mbit", "rate: 1mbit", []),
        ("priority: 1", "ceil: 1mbit", []),
    ],
)
def test_a_guarantee_behind_one_without_limit(web: str, voice: str, told: list[str]) -> None:
    classes = f"web: {{match: {{protocol: tcp}}, {web}}}, voice: {{match: {{dscp: ef}}, {voice}}}"
    assert policy(f"{{ceil: 10mbit, classes: {{{classes}}}}}") == told


def test_a_mark_that_another_class_matches() -> None:
    classes = "{a: {match: {protocol: tcp}, rate: 1mbit, dscp_mark: ef}, b: {match: {dscp: [va, ef]}, rate: 1mbit}}"
    assert policy(f"{{classes: {classes}}}") == [
        "classes.a.dscp_mark: what a marks with DSCP 46 stays in a: b gets only what comes with that mark; give b the match of a too, if it is to have both"
    ]
    assert policy(f"{{classes: {classes.replace('va, ef', 'va')}}}") == []


def test_a_mark_that_a_part_of_it_matched_before() -> None:
    classes = "{over: {match: {protocol: tcp}, rate: 1mbit, dscp_mark: ef}, b: {parent: over, match: {dscp: ef}, rate: 1mbit}}"
    assert policy(f"{{classes: {classes}}}") == []


@pytest.mark.parametrize(
    ("mark", "links", "told"),
    [
        ("0x4000/0x4000", [], "0x4000 has bits that Kubernetes sets (0xc000); a mark below 0x100, such as 0x10/0xff"),
        ("0x40000/0xff0000", [], "0x40000 has bits that Tailscale sets (0xff0000); a mark below 0x100, such as 0x10/0xff"),
        ("0x10", ["tailscale0"], "Tailscale is here and sets 0xff0000 in marks: what it has touched is not 0x10 any more; say which bits are yours: 0x10/0xff"),
        ("0x10", ["eth0"], ""),
        ("0x10/0xff", ["tailscale0", "cni0"], ""),
        ("0x6c/0xff", [], "wg-quick marks its packets 0xca6c, which this matches; another mark, or a wider mask"),
        ("0xe3/0xff", [], "Docker (encrypted overlays) marks its packets 0xd0c4e3, which this matches; another mark, or a wider mask"),
    ],
)  # fmt: skip
def test_marks_of_others(mark: str, links: list[str], told: str) -> None:
    found = policy(f"{{classes: {{a: {{match: {{mark: {mark}}}, rate: 1mbit}}}}}}", *links)
    assert found == ([f"classes.a.match.0.mark: {told}"] if told else [])


def test_limits_within_reach_of_whom_they_limit() -> None:
    text = "tenants: {t: {networks: {lan: {subnets: [10.0.0.0/24], segment: {link: eth0%s}, port_qos: {egress: {ceil: 1mbit}}}}, ports: {p: {network: lan, attach: {netns: p}, port_security: false}}}}"
    assert said(text % ", mode: macvlan") == [
        "tenants.t.ports.p: a port of mode macvlan has its limits in its own namespace: who is root there can take them off; a bridge between (leave out `mode`), where that is not to be trusted"
    ]
    assert said(text % "") == []


def test_bbr_and_what_drops_instead_of_waiting() -> None:
    text = "host: {tcp: {congestion_control: %s}, links: {eth0: {existing: true, qos: {egress: {packets_per_second: 100}}}}}"
    assert said(text % "bbr") == [
        "host.links.eth0.qos.egress.packets_per_second: more packets than packets_per_second are dropped, and bbr, set here, goes on sending through loss; a `ceil`, which makes them wait, instead"
    ]
    assert said(text % "cubic") == []


def test_a_policy_is_told_of_once_however_many_use_it() -> None:
    text = "qos_policies: {p: {egress: {rate: 1mbit, burst: 1kb}}}\nhost: {links: {eth0: {existing: true, qos: p}, eth1: {existing: true, qos: p}}}"
    assert len(said(text)) == 1
