"""Ways of writing a security group wrong that the file alone tells."""

import pytest

from tests.pure.files.test_errors import complaints

LINE = "tenants: {t: {security_groups: {g: {ingress: ["
HEAD = "weft: 1\nname: lab\n" + LINE


@pytest.mark.parametrize("other", ["", ", action: deny", ", remote: 10.0.0.0/8"])
def test_a_rule_of_no_ports_is_not_one_of_all_ports(other: str) -> None:
    said = "ports says none; a port or a range, such as 8000-8100; without ports the rule is of all"
    assert complaints(HEAD + "{protocol: tcp, ports: []" + other + "}]}}}}") == [f"f:3:{24 + len(LINE)}: {said}"]


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("TCP", "did you mean tcp?"),
        ("icmp6", "did you mean icmpv6?"),
        ("any", "a whole number, or icmp, igmp, ipip, tcp, egp, udp, dccp, ipv6, rsvp, gre, esp, ah, icmpv6, ospf, "
         "pim, vrrp, l2tp, sctp or udplite"),
    ],
)  # fmt: skip
def test_a_protocol_that_is_none(written: str, right: str) -> None:
    what = f"protocol: '{written}' is not an IP protocol; {right}"
    assert complaints(HEAD + f"{{protocol: {written}}}]}}}}}}}}") == [f"f:3:{12 + len(LINE)}: {what}"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("0", "ports: port 0 is nobody's; from 1 to 65535"),
        ("0-1023", "ports: port 0 is nobody's; write 1-1023"),
        ("65536", "ports: 65536 is out of range for ports; from 1 to 65535"),
        ("80-0", "ports: 80-0 ends before it begins; write 1-80"),
    ],
)
def test_ports_that_nobody_has(written: str, said: str) -> None:
    column = 1 + len(LINE) + len("{protocol: tcp, ports: [")
    assert complaints(HEAD + "{protocol: tcp, ports: [" + written + "]}]}}}}") == [f"f:3:{column}: {said}"]
