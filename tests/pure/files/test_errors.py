"""Each way of being wrong: the exact place, what is wrong, what would be right."""

# ruff: noqa: E501 (the tables are read line by line)

import pytest

from weft.errors import IntentInvalid, Problem
from weft.files import load_text
from weft.model.link_kinds import HOST_LINKS
from weft.model.words import among

HEAD = "weft: 1\nname: lab\n"
PORTS = HEAD + "tenants:\n t:\n  networks:\n   lan: {subnets: [10.0.0.0/24]}\n  ports:\n   "
"""What is put behind it stands in line 8, column 4."""


def complaints(text: str) -> list[str]:
    with pytest.raises(IntentInvalid) as caught:
        load_text("f", text)
    return [str(problem) for problem in caught.value.problems]


YAML_ERRORS = {
    "": "f:1:1: the file is empty; begin with `weft: 1` and `name: NAME`; `weft init` writes an example",
    "# nothing\n": "f:1:1: the file is empty; begin with `weft: 1` and `name: NAME`; `weft init` writes an example",
    "[1, 2]": "f:1:1: a file is a mapping; begin with `weft: 1` and `name: NAME`",
    HEAD + "tenants: [\n": "f:4:1: a value or a closing bracket is missing",
    HEAD + "tenants:\n\tx: 1": "f:4:1: a tab; indent with blanks, not tabs",
    HEAD + "host:\n  sysctls: {}\n\tlinks: {}": "f:5:1: a tab; indent with blanks, not tabs",
    HEAD + "a:\n  b: 1\n\tc: 2\n": "f:5:1: a tab; indent with blanks, not tabs",
    HEAD + "a: {b: 1\nc: 2\n": "f:4:2: `,` or `}` is missing; the `{` of line 3, column 4 is still open",
    HEAD + "a: [b, 1\nc: 2\n": "f:4:2: `,` or `]` is missing; the `[` of line 3, column 4 is still open",
    HEAD
    + "a:\n  b: 1\n c: 2\n": "f:5:2: it is indented as nothing above is; begin it in the column of what it belongs beside",
    HEAD + "a: 1\n- b\n": "f:4:1: an entry of a list stands among keys; `key: value`, or indent it below its key",
    HEAD + "a: 'it's'\n": "f:3:8: nothing may follow here; quote the whole value, or take this out",
    HEAD + "a: {x: 1}}\n": "f:3:10: nothing may follow here; quote the whole value, or take this out",
    HEAD
    + "a:\n  - x\n  b: 1\n": "f:5:3: it stands among the entries of a list; begin it with `- `, or indent it as what it belongs beside",
    HEAD
    + "a: b: c\n": "f:3:5: a `:` cannot stand here; quote a value that holds `: `; keys of one thing begin in one column, each ends with `:`",
    HEAD + "a\nb: 1\n": "f:3:1: a key without its `:`; write `key: value`",
    HEAD + "a: {gateway: fd10::}\n": 'f:3:14: YAML takes the last `:` for its own; quote it: "fd10::"',
    HEAD + "a: 'b\nc: 1\n": "f:3:4: the quote that is opened here is never closed; close it",
    HEAD + "a: @b\n": "f:3:4: no text begins with `@`; quote it",
    HEAD + "include: [*.yaml]\n": "f:3:11: no text begins with `*`; quote it",
    HEAD + "a: - b\n": "f:3:4: a list cannot begin behind its key; begin it in the next line, or write [ONE, TWO]",
    HEAD + 'a: "\\d"\n': "f:3:5: `\\d` means nothing in double quotes; write it in single ones",
    " " + HEAD: "f:2:1: the file is over before this; begin all of its keys in one column, or take this out",
    HEAD
    + "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> b\n": "f:3:1: a conflict of a merge stands in the file; keep one side, take the marks out",
    HEAD + "a: !b{}\n": "f:3:6: did not find expected whitespace or line break (while scanning a tag)",
    HEAD + "name: lab2\n": "f:3:1: name is given twice, first at f:2:1; keep one of the two",
    HEAD + "tenants: &t {a: *t}": "f:3:17: *t stands inside what it repeats",
    HEAD + "tenants: &ten {}\nhost: *tne": "f:4:7: *tne repeats nothing: there is no &tne above; did you mean *ten?",
    HEAD
    + "tenants: !!python/none {}": "f:3:10: the tag tag:yaml.org,2002:python/none has no meaning here; leave it out",
    HEAD + "? [a]\n: b": "f:3:3: a key must be a text; write `key: value`",
    HEAD + "host: {<<: 5}": "f:3:12: `<<` takes a mapping or a list of mappings; for example `<<: *common`",
    "---\n" + HEAD + "---\nx: 1\n": "f:4:1: a second document begins here, a file has one",
    "weft: \x001": "f:1:7: a control character in the text; take it out",
    "weft: \ud800": "f:1:7: half a character (a lone surrogate); take it out",
    HEAD + "host: " + "[" * 50: "f:3:46: more than 40 levels of nesting",
}


@pytest.mark.parametrize(("text", "said"), YAML_ERRORS.items())
def test_what_is_no_yaml_or_means_nothing(text: str, said: str) -> None:
    assert complaints(text) == [said]


PLAIN_TO_SEE = {
    "größe: {network: lan, attach: host}": "f:8:4: 'größe' is not a port's name (letters, digits, . - and _, at most 63); without 'ö', which is not ASCII: for example web-1",
    "p: {network: lan, attach: {tap: {name: brücke0}}}": "f:8:43: name: 'brücke0' is not an interface name (at most 15 characters, none of / : % or blanks); without 'ü', which is not ASCII: for example eth0",
    "p: {network: lan, attach: host, addresses: [10.0.00.010]}": "f:8:48: addresses: '10.0.00.010' is not an IP address; write 10.0.0.10, without leading zeros",
    "p: {network:lan, attach: host}": "f:8:8: network:lan is one word to YAML; a blank behind the colon: network: lan",
    'p: {network: "l\\e[31man\\nx", attach: host}': "f:8:17: tenant t has no network l\\x1b[31man\\nx; known: lan",
    "p: {network: lan, attach: {netns: "
    + "a" * 5000
    + "}}": f"f:8:38: netns: '{'a' * 120}'... (5000 characters) is not a namespace's name (none of / : or blanks, at most 200 characters); 5000 characters are too many: for example web",
}


@pytest.mark.parametrize(("text", "said"), PLAIN_TO_SEE.items())
def test_what_is_plain_to_see_is_said(text: str, said: str) -> None:
    assert said in complaints(PORTS + text)


def test_a_mapping_where_a_list_belongs_wants_brackets() -> None:
    said = complaints(HEAD + "tenants: {t: {networks: {lan: {subnets: {cidr: 10.0.0.0/24}}}}}")
    assert said == ["f:3:32: subnets: a mapping stands where a list belongs; write [{...}]"]


def test_a_problem_is_one_line_whatever_it_quotes() -> None:
    assert (
        str(Problem(where="f:1:1", what="no a\nb", fix="\x1b[31m or \udce9")) == r"f:1:1: no a\nb; \x1b[31m or \udce9"
    )


def test_a_key_given_twice_hides_nothing_else() -> None:
    text = HEAD + "tenants:\n t: {networks: {n: {mtu: 9k}}, ports: {p: {netwrk: n}, p: {}}}\nname: lab2\n"
    assert [said.partition(";")[0] for said in complaints(text)] == [
        "f:4:26: mtu: '9k' is not an MTU in bytes",
        "f:4:40: network is missing",
        "f:4:40: attach is missing",
        "f:4:44: netwrk is not known here",
        "f:4:56: p is given twice, first at f:4:40",
        "f:5:1: name is given twice, first at f:2:1",
    ]


def test_aliases_of_aliases_are_bounded() -> None:
    laughs = "".join(f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 9))
    assert complaints(HEAD + "host:\n  l0: &l0 [ha, ha]\n" + laughs)[-1].endswith(
        "aliases repeat more than 250,000 nodes"
    )


TOP_ERRORS = {
    "name: lab\n": "f:1:1: weft is missing: the version of the format; begin with `weft: 1`",
    "weft: 2\nname: lab\n": "f:1:7: this weft reads version 1 of the format; write `weft: 1`",
    "weft: 1\n": "f:1:1: name is missing; name: LAB says which scope the file is about; apply and destroy touch nothing else",
    "weft: 1\nname: Lab_1\n": "f:2:7: name: 'Lab_1' is not a scope's name ([a-z][a-z0-9-]{0,30}); for example shop-lab",
    HEAD + "tennants: {}": "f:3:1: tennants is not known here; did you mean tenants?",
    HEAD
    + "security_groups: {}": "f:3:1: security_groups: not in this version of weft: security groups of all tenants (but `tenants: NAME: security_groups:`)",
    HEAD + "tenants: 5": "f:3:10: tenants: '5' stands where a mapping belongs; write NAME: {...} for each",
    HEAD
    + "tenants: {a: []}": "f:3:11: a: a list stands where a mapping belongs; its keys: networks, routers, ports, security_groups, address_groups, floating_ips, qos, port_qos, qos_policies, share, quota, id, was",
    HEAD
    + "tenants: {a.b: {}}": "f:3:11: 'a.b' is not a name (letters, digits, - and _, at most 63); for example front",
    HEAD + "pools: {ipv4: fd00::/8}": "f:3:15: ipv4: fd00::/8 is not an IPv4 prefix",
    HEAD
    + "firewall_integration: nono": "f:3:23: firewall_integration: 'nono' is not one of auto, none; did you mean none?",
    HEAD + "defaults: 5": "f:3:11: defaults is a mapping; for example defaults: {port: {mtu: 1400}}",
    HEAD + "defaults: {prot: {}}": "f:3:12: prot has no defaults; there are some for port and network",
    HEAD + "defaults: {port: {mtuu: 5}}": "f:3:19: mtuu is not known here; did you mean mtu?",
    HEAD
    + "defaults: {port: {mac: 02:00:00:00:00:01}}": "f:3:19: mac cannot be a default: it belongs to one thing alone",
}


@pytest.mark.parametrize(("text", "said"), TOP_ERRORS.items())
def test_the_top_of_the_file(text: str, said: str) -> None:
    assert complaints(text) == [said]


PORT_ERRORS = {
    "p: {network: lam, attach: host}": "8:17: tenant t has no network lam; did you mean lan?",
    "p: {network: x/y/lan, attach: host}": "8:17: network: 'x/y/lan' is not a network's name, or TENANT/NAME of one "
    "that is shared; for example front",
    "p: {attach: host}": "8:4: network is missing; network: NAME says which network the port is on",
    "p: {network: lan}": "8:4: attach is missing; attach: {netns: NAME}, {tap: {}}, host or {pidfile: PATH}",
    "p: {network: lan, attach: web}": "8:30: attach: web is not known; write attach: {netns: web}, or attach: host",
    "p: {network: lan, attach: netns}": "8:30: attach: netns is not known; write attach: {netns: NAME}",
    "p: {network: lan, attach: {netns: a, tap: {}}}": "8:41: a port ends in one place, this one in netns and tap; "
    "keep one of them",
    "p: {network: lan, attach: {ifname: a}}": "8:30: attach does not say where; one of netns: NAME, tap: {}, host: true, "
    "pidfile: PATH",
    "p: {network: lan, attach: {host: no}}": "8:30: attach does not say where; one of netns: NAME, tap: {}, host: true, pidfile: PATH",
    "p: {network: lan, attach: {tap: {}, ifname: x}}": "8:40: a tap's name is its own; write tap: {name: NAME}",
    "p: {network: lan, attach: {container: docker/a}}": "8:31: container: not in this version of weft: attaching to "
    "containers (but `pidfile: PATH`)",
    "p: {network: lan, attach: {macvtap: {}, tap: {}}}": "8:31: a port ends in one place, this one in tap and macvtap; keep one of them",
    "p: {network: lan, attach: {macvtap: {mode: passthru}}}": "8:47: mode: 'passthru' is not one of bridge, private, vepa",
    "p: {network: lan, attach: {pidfile: web.pid}}": "8:40: pidfile: 'web.pid' is not an absolute path; for example /run/web.pid",
    "p: {network: lan, attach: {netns: a/b}}": "8:38: netns: 'a/b' is not a namespace's name (none of / : or blanks, at most "
    "200 characters); for example web",
    "p: {network: lan, attach: {tap: {queues: 0}}}": "8:45: queues: 0 is out of range for a number of queues; from 1 to 256",
    "p: {network: lan, attach: {tap: {vnet_hdr: perhaps}}}": "8:47: vnet_hdr: 'perhaps' is neither true nor false; write true "
    "or false",
    "p: {network: lan, attach: {netns: a, ifname: eth0.100.4000.17}}": "8:49: ifname: 'eth0.100.4000.17' is not an interface name (at most 15 characters, none of / : % or blanks); 16 characters are too many: for example eth0",
    "p: {network: lan, attach: host, mtu: 9kb}": "8:41: mtu: '9kb' is not an MTU in bytes; write 9000, without a unit",
    "p: {network: lan, attach: host, mtu: 1.5KiB}": "8:41: mtu: '1.5KiB' is not an MTU in bytes; write 1536, without a unit",
    "p: {network: lan, attach: host, mtu: much}": "8:41: mtu: 'much' is not an MTU in bytes; write a whole number",
    "p: {network: lan, attach: host, mtu: 67}": "8:41: mtu: 67 is out of range for an MTU in bytes; from 68 to 65535",
    "p: {network: lan, attach: host, mtu: [1]}": "8:36: mtu: a list stands where an MTU in bytes belongs; write an MTU in bytes",
    "p: {network: lan, attach: host, mac: 52:54:00}": "8:41: mac: '52:54:00' is not a MAC address; for example 52:54:00:12:34:56",
    "p: {network: lan, attach: host, mac: 01:00:5e:00:00:01}": "8:41: mac: 01:00:5e:00:00:01 is a multicast address, a port "
    "needs its own; make the first byte even",
    "p: {network: lan, attach: host, mac: 00:00:00:00:00:00}": "8:41: mac: 00:00:00:00:00:00 is no address, the kernel refuses "
    "it; leave `mac` out to have one derived",
    "p: {network: lan, attach: host, addresses: 10.0.0.1}": "8:47: addresses: '10.0.0.1' stands where a list belongs; write "
    "[10.0.0.1]",
    "p: {network: lan, attach: host, addresses: [10.0.0.1/24]}": "8:48: addresses: '10.0.0.1/24' has a prefix length, an address "
    "here has none; write 10.0.0.1",
    "p: {network: lan, attach: host, addresses: [10.0.0.300]}": "8:48: addresses: '10.0.0.300' is not an IP address; for example "
    "10.0.0.10",
    "p: {network: lan, attach: host, addresses: [10.0.0.1, ]}\n   p: {network: lan, attach: host}": "9:4: p is given twice, "
    "first at f:8:4; keep one of the two",
    "p: {network: lan, attach: host, id: 12}": "8:40: id: '12' is not a UUID; for example 2f1b0e9a-6c1e-4c39-9d5e-0a4c5a0f3b11",
    "p: {network: lan, attach: host, was: p}": "8:41: was: p is its name already; take out one of the two",
    "p: {network: lan, attach: host, was: q}\n   q: {network: lan, attach: host}": "8:41: was: q, but q is still there; "
    "take out one of the two",
    "p: {network: lan, attach: host, was: o}\n   q: {network: lan, attach: host, was: o}": "9:41: p was o already; one thing "
    "has one heir",
    "p[1-]: {network: lan, attach: host}": "8:4: p[1-] is not a name, nor a range of names; a range is written node[1-20] or "
    "node[01-20]",
    "p[9-1]: {network: lan, attach: host}": "8:4: the range p[9-1] runs backwards; write p[1-9]",
    "p[1-999999]: {network: lan, attach: host}": "8:4: p[1-999999] stands for 999,999 entries; a range has at most 65,536",
    "p[1-2]: {network: lan, attach: host, mac: 02:00:00:00:00:01}": "8:41: mac cannot be shared by a range; put {n} or {name} in it",
    "p[1-3]: {network: lan, attach: host}\n   p2: {network: lan, attach: host}": "9:4: p2 is given twice, first at f:8:4; "
    "keep one of the two",
    "p: {network: lan, attach: {netns: 'a{n}'}}": "8:38: 'a{n}' has {n}, which only an entry of a range has; use {name}, or a "
    "range: node[1-20]",
}


@pytest.mark.parametrize(("text", "said"), PORT_ERRORS.items())
def test_ports(text: str, said: str) -> None:
    assert complaints(PORTS + text) == ["f:" + said]


NETWORK_ERRORS = {
    "{subnets: [10.0.0.1/24]}": "5: cidr: 10.0.0.1/24 has host bits set; the network is 10.0.0.0/24",
    "{subnets: [10.0.0.0]}": "5: cidr: '10.0.0.0' lacks its prefix length; for example 10.0.0.0/24",
    "{subnets: [{cidr: fd00::1/64}]}": "12: cidr: fd00::1/64 has host bits set; the network is fd00::/64",
    "{subnets: ['fd00::%a/64']}": "5: cidr: 'fd00::%a/64' is not a network with its prefix length; for example 10.0.0.0/24",
    "{subnets: [{gateway: 10.0.0.1}]}": "5: cidr is missing; cidr: 10.0.0.0/24",
    "{subnets: [{cidr: 10.0.0.0/8, gateway: x}]}": "33: gateway: 'x' is not an IP address or none; for example 10.0.0.1",
    "{uplink: natt}": "3: uplink: 'natt' is not one of nat, routed; did you mean nat?",
    "{segment: {}}": "4: segment does not say where; link: NAME, or vni: NUMBER and remotes: [ADDRESS]",
    "{segment: {vni: 7}}": "5: where the other machines are is not said; add remotes: [ADDRESS], or group:",
    "{segment: {link: e, take_addresses: yes, vlan: 3}}": "14: take_addresses beside vlan: the link itself keeps its addresses then; take it out",
    "{segment: {vni: 7, remotes: [192.0.2.2], take_addresses: yes}}": "35: take_addresses beside vni: a network is a VLAN or a VXLAN; keep one of the two",
    "{segment: {link: e, group: 239.0.0.1}}": "14: group is of a VXLAN, and this is none; add vni: NUMBER, or take it out",
    "{segment: {link: e, mode: ipvlan, submode: vepa}}": "28: submode vepa is one of macvlan; one of l2, l3, l3s",
    "{segment: {vni: 7, remotes: [192.0.2.2], vlan: 3}}": "35: vlan beside vni: a network is a VLAN or a VXLAN; keep one of the two",
    "{portqos: gold}": "-5: portqos is not known here; did you mean port_qos?",
    "{rate: 5}": "-5: rate is not known here; known here: id, mtu, port_qos, qos, segment, subnets, uplink, was",
}


@pytest.mark.parametrize(("text", "said"), NETWORK_ERRORS.items())
def test_networks(text: str, said: str) -> None:
    column, _, words = said.partition(": ")
    found = complaints(HEAD + "tenants: {t: {networks: {n: " + text + "}}}")
    assert found == [f"f:3:{int(column) + 35}: {words}"]


HOST_ERRORS = {
    "sysctls: {net.ipv4.ip_forward: yes}": "33: net/ipv4/ip_forward: a sysctl does not know 'yes'; write 1",
    "sysctls: {forward: 1}": "12: 'forward' is not a sysctl's name; for example net.ipv4.ip_forward",
    "sysctls: {net.core.somaxconn: }": "12: net.core.somaxconn has no value; give it one, or take the line out",
    "sysctls: {net.core.somaxconn: 1, net/core/somaxconn: 2}": "35: net/core/somaxconn is given twice, first at f:4:12; "
    "keep one of the two",
    "tcp: {rmem: [1, 2]}": "8: rmem: three numbers are needed; minimum, default, maximum, in bytes",
    "tcp: {rmem: [1, 2, 3, 4]}": "8: rmem: three numbers are needed; minimum, default, maximum, in bytes",
    "tcp: {wmem: [3, 2, 1]}": "14: wmem is not in order; write [1, 2, 3]: minimum, default, maximum",
    "tcp: {wmem: [4096, 65536, 16MiB]}": "28: wmem: '16MiB' is not a number of bytes; write 16777216, without a unit",
    "tcp: {mtu_probing: 3}": "21: mtu_probing: 3 is out of range for 0 (off), 1 (after a black hole) or 2 (always); from 0 to 2",
    "links: {a: {}}": f"13: the link has no kind; kind: {among(HOST_LINKS)}; existing: true if it is there already",
    "links: {a: {kind: team}}": "20: kind: not in this version of weft: links of kind team",
    "links: {a: {kind: brigde}}": f"20: kind: 'brigde' is not one of {', '.join(HOST_LINKS)}; did you mean bridge?",
    "links: {a: {kind: vlan, link: b}}": "10: vid is missing; vid: NUMBER, from 1 to 4094",
    "links: {a: {kind: vlan, link: b, vid: 4095}}": "40: vid: 4095 is out of range for a VLAN id; from 1 to 4094",
    "links: {a: {kind: vlan, link: b, vid: 5, peer: c}}": "43: peer belongs to a veth; this is a vlan",
    "links: {a: {kind: vlan, link: b, vid: 5, ingress_qos: [8:1]}}": "57: ingress_qos: 8:1 is out of range for FROM:TO, a frame's "
    "priority and a packet's; at most 7:4294967295",
    "links: {a: {kind: veth}}": "10: peer is missing; peer: NAME names the other end",
    "links: {a: {kind: dummy, peer: b}}": "27: peer belongs to a veth; this is a dummy",
    "links: {a: {kind: dummy, existing: true}}": "27: a link that is there already has its kind; take out one of the two",
    "links: {a: {kind: dummy, per: b}}": "27: per is not known here; known here: accept_ra, addresses, "
    "adopt, alias, altnames, bridge_port, capacity, existing, fdb, kind, mac, master, mtu, qos, tuning, up, was",
    "links: {a: {existing: true, mac: 02:00:00:00:00:01}}": "30: mac cannot be set on a link that is not weft's; weft sets mtu, "
    "alias, master, tuning and addresses there; or take out existing: true",
    "links: {a: {kind: dummy, addresses: [10.0.0.1]}}": "39: addresses: '10.0.0.1' lacks its prefix length; for example 10.0.0.1/24",
    "links: {a/b: {kind: dummy}}": "10: 'a/b' is not an interface name (at most 15 characters, none of / : % or blanks); "
    "for example eth0",
    "routes: [{to: default, dev: a}]": "12: default without via may be of either family; write to: 0.0.0.0/0 or to: ::/0",
    "routes: [{to: 10.0.0.0/8}]": "12: the route to 10.0.0.0/8 leads nowhere; give it via: ADDRESS or dev: LINK",
    "routes: [{to: 10.0.0.0/8, dev: a, type: blackhole}]": "12: a route of type blackhole has no via and no dev; take them out, "
    "or the type",
    "routes: [{to: fd00::/8, via: 10.0.0.1}]": "26: IPv6 cannot go via 10.0.0.1; the next hop of an IPv6 route is IPv6",
    "routes: [{to: 10.0.0.0/8, dev: a, src: 'fd00::1'}]": "36: src is not of the family of 10.0.0.0/8; give an IPv4 address",
    "routes: [{to: 10.0.0.0/8, via: 10.0.0.1, onlink: yes}]": "43: onlink needs to know the link; add dev: LINK",
    "routes: [{to: 'fe80::1%a', dev: a}]": "16: to: 'fe80::1%a' is not a prefix, an address or default; for example 10.0.0.0/8",
    "routes: [{to: 10.0.0.1/8, dev: a}]": "16: to: 10.0.0.1/8 has host bits set; the network is 10.0.0.0/8",
    "rules: [{priority: 5}]": "10: the rule does not say in which table to look; add table: NUMBER, or another action",
    "rules: [{priority: 5, table: 5, action: blackhole}]": "24: a rule that says blackhole looks in no table; take the table out",
    "rules: [{priority: 5, table: 5, src: 'fd00::/8'}]": "34: fd00::/8 in a rule of ipv4; add family: ipv6",
    "rules: [{priority: 5, table: 5, fwmask: 0xff}]": "34: fwmask without fwmark masks nothing; add fwmark: NUMBER",
    "rules: [{table: 5}]": "10: priority is missing; priority: NUMBER, from 1 to 32765",
    "neighbours: [{dev: a, mac: 02:00:00:00:00:01}]": "15: address is missing; address: the neighbour's IP address",
}


@pytest.mark.parametrize(("text", "said"), HOST_ERRORS.items())
def test_the_host(text: str, said: str) -> None:
    assert complaints(HEAD + "host:\n " + text) == [f"f:4:{said}"]


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    said = complaints("weft: 1\nname: X\ntenants: {t: {ports: {p: {attach: {}, mtu: 1}}}}\nhots: {}\n")
    assert [line.split(" ")[0] for line in said] == ["f:2:7:", "f:3:23:", "f:3:35:", "f:3:44:", "f:4:1:"]


def test_what_a_range_gets_wrong_is_said_once() -> None:
    assert len(complaints(PORTS + "p[1-500]: {network: lan, attach: host, mtu: 5}")) == 1


def test_what_a_default_gets_wrong_is_said_where_the_default_is() -> None:
    text = (
        HEAD + "defaults: {port: {mtu: 5}}\ntenants: {t: {networks: {n: }, ports: {p: {network: n, attach: host}}}}\n"
    )
    assert complaints(text) == ["f:3:24: mtu: 5 is out of range for an MTU in bytes; from 68 to 65535"]
