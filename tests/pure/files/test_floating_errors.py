"""Each way of writing a floating IP wrong that the file alone tells: the place, what is wrong, what would be right."""

# ruff: noqa: E501 (the tables are read line by line)

import pytest

from tests.pure.files.test_errors import complaints
from weft.files import load_text
from weft.model.floating import FloatingIp, Forward

LINE = "tenants: {t: {floating_ips: {"
HEAD = "weft: 1\nname: lab\n" + LINE
FORWARD = "203.0.113.1: {network: i, forward: ["
WITH_PORTS = "protocol: dccp, sctp, tcp, udp or udplite; a floating IP with `port:` gets every protocol"

ADDRESSES = {
    "203.0.113.10/32: {network: i}": "1: '203.0.113.10/32' has a prefix length, an address here has none; write 203.0.113.10",
    "web: {network: i}": "1: 'web' is not an IP address; for example 10.0.0.10",
    "203.0.113.1: {network: i}, 203.0.113.1: {network: j}": "28: 203.0.113.1 is given twice, first at f:3:30; keep one of the two",
    '"2001:DB8::1": {network: i}, "2001:db8:0::1": {network: j}': "30: 2001:db8::1 is given twice, first at f:3:30; keep one of the two",
    "203.0.113.1: {port: p}": "1: network is missing; network: NAME says which external network the address is of",
    "203.0.113.1: {network: i, port: p, forward: [{protocol: tcp, ports: 1, port: p}]}": "36: port beside forward: a port that has the address gets all that comes to it; keep one of the two",
    "203.0.113.1: {network: i, fixed_address: 10.0.0.1}": "27: fixed_address without port is nobody's; add port: NAME",
    "203.0.113.1: {network: i, forward: []}": "36: forward says nothing; give it entries, or take it out",
    "203.0.113.1: {network: i, prot: p}": "27: prot is not known here; did you mean port?",
}
FORWARDS = {
    "{protocol: icmp, ports: 1, port: p}": f"12: icmp has no ports to forward; {WITH_PORTS}",
    "{protocol: 47, ports: 1, port: p}": f"12: gre has no ports to forward; {WITH_PORTS}",
    "{protocol: tpc, ports: 1, port: p}": "12: protocol: 'tpc' is not an IP protocol; did you mean tcp?",
    "{protocol: tcp, port: p}": "1: ports is missing; ",
    "{ports: 1, port: p}": "1: protocol is missing; ",
    "{protocol: tcp, ports: 1}": "1: port is missing; ",
    "{protocol: tcp, ports: 0, port: p}": "24: ports: port 0 is nobody's; from 1 to 65535",
    "{protocol: tcp, ports: [], port: p}": "17: ports says none; a port or a range, such as 8000-8100",
    "{protocol: tcp, ports: 70000, port: p}": "24: ports: 70000 is out of range for ports; from 1 to 65535",
    "{protocol: tcp, ports: 9-5, port: p}": "24: ports: 9-5 ends before it begins; write 5-9",
    "{protocol: tcp, ports: 9, port: p, to: 0}": "40: to: port 0 is nobody's; from 1 to 65535",
    "{protocol: tcp, ports: 5-9, port: p, to: 5-8}": "42: 5 ports cannot go to 4; to: 5, or to: 5-9",
    "{protocol: tcp, ports: [5, 9], port: p, to: 5}": "45: to beside several ports: it says nothing of which; an entry of forward for each",
    "{protocol: tcp, ports: 1000-2999, port: p, to: 3000-4999}": "48: 2,000 ports cannot get other numbers; at most 1,024, or leave `to` out: they keep theirs",
}


@pytest.mark.parametrize(("text", "said"), ADDRESSES.items())
def test_addresses(text: str, said: str) -> None:
    column, _, words = said.partition(": ")
    assert complaints(HEAD + text + "}}}") == [f"f:3:{int(column) + len(LINE)}: {words}"]


@pytest.mark.parametrize(("text", "said"), FORWARDS.items())
def test_forwards(text: str, said: str) -> None:
    column, _, words = said.partition(": ")
    found = complaints(HEAD + FORWARD + text + "]}}}}")
    assert found == [f"f:3:{int(column) + len(LINE + FORWARD)}: {words}".rstrip("; ")]


def test_one_port_needs_no_list() -> None:
    text = (
        'weft: 1\nname: lab\ntenants: {t: {floating_ips: {"2001:DB8::A": {network: i, forward: [\n'
        "  {protocol: 6, ports: 2222, port: p, to: 22},\n  {protocol: udp, ports: [53, 5000-5009], port: p}]}}}}\n"
    )
    (held,) = load_text("f", text).intent.tenants["t"].floating_ips.items()
    assert held == (
        "2001:db8::a",
        FloatingIp(
            network="i",
            forward=(
                Forward(protocol=6, ports=((2222, 2222),), port="p", to=(22, 22)),
                Forward(protocol=17, ports=((53, 53), (5000, 5009)), port="p"),
            ),
        ),
    )
