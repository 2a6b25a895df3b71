"""Each way of saying quality of service wrong: the exact place, what is wrong, what would be right; and the short ways of
saying it right."""

# ruff: noqa: E501 (the tables are read line by line)

import pytest

from tests.pure.files.test_errors import complaints
from weft.files import load_text
from weft.model.qos import QosPolicy

HEAD = "weft: 1\nname: lab\nqos_policies: {p: {egress: "

FIGURES = {
    "{rate: 10}": "7: rate: 10 has no unit, so it may be anything; write its unit: 10mbit, for example",
    "{rate: 5000000}": "7: rate: 5000000 has no unit, so it may be anything; write its unit: 5mbit, for example",
    "{latency: 20000}": "10: latency: 20000 has no unit, so it may be anything; write its unit: 20ms, for example",
    "{rate: ٣mbit}": "7: rate: '٣mbit' is not a rate with its unit (tc's: kbit, mbit, gbit); for example 10mbit",
    "{rate: 10mbps}": "7: rate: '10mbps': mbps is bytes a second to tc and bits to everybody else; write 10mbit, or 80mbit if bytes were meant",
    "{rate: 2.5Mbps}": "7: rate: '2.5Mbps': Mbps is bytes a second to tc and bits to everybody else; write 2.5mbit, or 20mbit if bytes were meant",
    "{rate: 10mb}": "7: rate: '10mb' is not a rate with its unit (tc's: kbit, mbit, gbit): mb is no unit of it; one of bit, kbit, mbit, gbit, tbit, kibit, mibit, gibit, tibit: for example 10mbit",
    "{rate: fast}": "7: rate: 'fast' is not a rate with its unit (tc's: kbit, mbit, gbit); for example 10mbit",
    "{rate: 1bit}": "7: rate: 1bit is out of range for a rate with its unit (tc's: kbit, mbit, gbit); from 8bit to 1tbit",
    "{burst: 32}": "8: burst: 32 has no unit, so it may be anything; write its unit: 32kb, for example",
    "{latency: 5m}": "10: latency: '5m' is not a time with its unit (us, ms, s): m is no unit of it; one of us, ms, s: for example 20ms",
    "{latency: 20min}": "10: latency: '20min' is not a time with its unit (us, ms, s): min is no unit of it; one of us, ms, s: for example 20ms",
    "{impairment: {loss: 5}}": "20: loss: 5 has no unit, so it may be anything; write its unit: 5%, for example",
    "{impairment: {loss: 101%}}": "20: loss: 101% is out of range for a share in percent; from 0 to 100%",
    "{leaf: fqcodel}": "7: leaf: 'fqcodel' is not one of fq_codel, cake, sfq, fq, pfifo; did you mean fq_codel?",
    "{priority: 8}": "11: priority: 8 is out of range for a priority, 0 is served first; from 0 to 7",
    "{dscp_mark: af99}": "12: dscp_mark: 'af99' is not a DSCP, by name or number; a whole number, or cs0, be, le, cs1, cs2, cs3, cs4, cs5, cs6, cs7, af11, af12, af13, af21, af22, af23, af31, af32, af33, af41, af42, af43, va or ef",
    "{overhead: 300}": "11: overhead: 300 is out of range for a number of bytes for each packet; from -64 to 256",
    "{layer: ipv4}": "8: layer: 'ipv4' is not one of ethernet, ip, atm; did you mean ip?",
    "{ciel: 1mbit}": "1: ciel is not known here; did you mean ceil?",
}


@pytest.mark.parametrize(("text", "said"), FIGURES.items())
def test_figures(text: str, said: str) -> None:
    column, _, words = said.partition(": ")
    assert complaints(HEAD + text + "}}") == [f"f:3:{int(column) + 28}: {words}"]


MATCHES = {
    "{ports: 80}": "2: ports without a protocol; add protocol: dccp, sctp, tcp, udp or udplite",
    "{protocol: icmp, ports: 80}": "18: icmp has no ports; add protocol: dccp, sctp, tcp, udp or udplite",
    "{protocol: tpc}": "12: protocol: 'tpc' is no protocol known here; did you mean tcp?",
    "{protocol: tcp, ports: 90-80}": "24: ports: 90-80 is no range of ports; from 1 to 65535, the smaller first",
    "{protocol: tcp, ports: [0]}": "25: ports: 0 is no range of ports; from 1 to 65535, the smaller first",
    "{source: 10.0.0.1/8}": "10: source: 10.0.0.1/8 has host bits set; the network is 10.0.0.0/8",
    "{source: 'fe80::1%eth0'}": "10: source: 'fe80::1%eth0' is not a prefix or an address; for example 10.0.0.0/8",
    "{source: default}": "10: source: 'default' is not a prefix or an address; for example 10.0.0.0/8",
    "{mark: 0x10/0xf}": "8: mark: 0x10/0xf is no mark within a mask of 32 bits; for example 0x10/0xff",
    "{cgroup: /x}": "10: cgroup: '/x' is not a cgroup's path below its root; for example user.slice/app",
    "{protocol: tcp, ports: []}": "24: ports says none, and would match everything; at least one, or leave ports out",
    "{dscp: ef, source: []}": "20: source says none, and would match everything; at least one, or leave source out",
    "{}": "1: a match that says nothing matches everything; leave `match` out and say `default: CLASS`",
}


@pytest.mark.parametrize(("text", "said"), MATCHES.items())
def test_matches(text: str, said: str) -> None:
    column, _, words = said.partition(": ")
    assert complaints(HEAD + "{classes: {c: {match: " + text + "}}}}}") == [f"f:3:{int(column) + 49}: {words}"]


USES = {
    "qos_policies: {gold: {}}\ntenants: {t: {qos: gld}}": "f:4:20: there is no policy gld; did you mean gold?",
    "tenants: {t: {port_qos: x}}": "f:3:25: there is no policy x; add qos_policies:",
    "tenants: {t: {qos_policies: {mine: {}}, networks: {n: {qos: mine, port_qos: theirs}}}}": "f:3:77: there is no policy theirs; known: mine",
    "tenants: {t: {qos_policies: {a: {}}}, u: {qos: {policy: a}}}": "f:3:57: there is no policy a; add qos_policies:",
    "tenants: {t: {networks: {n: {}}, ports: {p: {network: n, attach: host, qos: gold}}}}": "f:3:77: there is no policy gold; add qos_policies:",
    "host: {links: {a: {kind: dummy, qos: gold}}}": "f:3:38: there is no policy gold; add qos_policies:",
    "namespaces: {w: {links: {a: {kind: dummy, qos: gold}}}}": "f:3:48: there is no policy gold; add qos_policies:",
    "qos_policies: {gold: {}}\nhost: {links: {a: {kind: dummy, qos: {policy: gold, egress: {ceil: 1mbit}}}}}": "f:4:53: egress beside policy: gold; keep one of the two",
}


@pytest.mark.parametrize(("text", "said"), USES.items())
def test_uses(text: str, said: str) -> None:
    assert complaints("weft: 1\nname: lab\n" + text) == [said]


def policy(egress: str) -> QosPolicy:
    return load_text("f", HEAD + egress + "}}").intent.qos_policies["p"]


def test_one_stands_for_a_list_of_one() -> None:
    short = "{classes: {c: {match: {source: 10.0.0.1, protocol: TCP, ports: 80, dscp: ef}}}}"
    long = "{classes: {c: {match: [{source: [10.0.0.1/32], protocol: 6, ports: [80], dscp: [46]}]}}}"
    assert policy(short) == policy(long)


def test_units_are_those_of_tc() -> None:
    direction = policy(
        "{rate: 1.5mbit, ceil: 2Mibit, burst: 32kb, latency: 20ms, impairment: {delay: 1s, loss: 0.5%}}"
    ).egress
    assert direction is not None and direction.impairment is not None
    assert (direction.rate, direction.ceil, direction.burst) == (1_500_000, 2 * 1024**2, 32768)
    assert (direction.latency, direction.impairment.delay, direction.impairment.loss) == (20_000, 1_000_000, 5_000)


def test_a_name_stands_for_a_policy() -> None:
    text = "weft: 1\nname: lab\nqos_policies: {gold: {}}\ntenants: {t: {qos: gold, port_qos: {policy: gold}}}"
    tenant = load_text("f", text).intent.tenants["t"]
    assert tenant.qos == tenant.port_qos
    assert tenant.qos is not None and tenant.qos.policy == "gold"
