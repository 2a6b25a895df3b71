"""What others' rules do with a packet, read from what their own tools print."""

from __future__ import annotations

import pytest

from weft.reach import Talk
from weft.reach.foreign import Chain, Decision, Judgement, Packet, decide, iptables_text, nft_text

TABLE = """
table inet f { # handle 1
	set nets { # handle 3
		type ipv4_addr
		flags interval
		elements = { 1.1.1.1, 10.0.0.0/8,
			192.168.1.1-192.168.1.9 }
	}
	set pairs { # handle 4
		type ipv4_addr . inet_service
		flags timeout
		elements = { 172.16.0.1 . 80 timeout 1h expires 59m, 172.16.0.2 . 90 }
	}
	map ways { # handle 5
		type ifname : verdict
		elements = { * : continue, "lan0" : jump lan, "bad*" : drop }
	}
	chain lan { # handle 1
		ip saddr @nets tcp dport { 22, 80-90 } counter packets 3 bytes 180 accept # handle 7
		udp dport 53 return # handle 8
		udp dport 54 goto end # handle 8
	}
	chain end { # handle 9
		udp sport 7 accept # handle 10
	}
	chain f { # handle 2
		type filter hook forward priority 10; policy drop;
		ct state vmap { invalid : drop, established : accept, related : accept } # handle 10
		iifname vmap @ways # handle 11
		ip saddr . tcp dport @pairs accept # handle 17
		icmpv6 type { echo-request, nd-neighbor-solicit } accept # handle 13
		ct status dnat accept # handle 14
		iifname "wu*" ip daddr != 10.0.0.0/8 udp sport != 1-100 log prefix "a b" flags all counter accept # handle 2
		limit rate 10/second udp dport 99 log prefix "drop: " accept comment "why not" # handle 20
		tcp dport 443 meta mark & 0x00000001 == 0x00000001 reject with icmpx admin-prohibited # handle 22
		tcp dport 443 accept # handle 23
		tcp dport 444 queue to 5 # handle 24
		oifname { "x0", "x1" } tcp dport 445 jump nowhere # handle 25
		reject with icmpx admin-prohibited # handle 26
	}
}
table ip n {
	chain post {
		type nat hook postrouting priority 100; policy accept;
		oifname != "docker0" ip saddr 172.17.0.0/16 counter packets 0 bytes 0 masquerade # handle 2
		tcp dport 80 counter packets 0 bytes 0 dnat to 10.0.0.1:8080 # handle 2
	}
}
"""


def judged(chains: list[Chain], base: str, packet: Packet) -> Judgement:
    by_name = {(chain.family, chain.table, chain.name): chain for chain in chains}
    (found,) = (chain for chain in chains if chain.name == base and chain.hook)
    return decide(found, by_name, packet)


def sent(source: str, target: str, what: str, iif: str = "lan0", oif: str = "x0", **more: bool) -> Packet:
    protocol, _, port = what.partition("/")
    return Packet(
        source=source, target=target, talk=Talk(protocol=protocol, port=int(port or 0)), iif=iif, oif=oif, **more
    )


@pytest.mark.parametrize(
    ("packet", "decision", "rule"),
    [
        (sent("10.1.1.1", "8.8.8.8", "tcp/80"), Decision.PASSES, "ip saddr @nets tcp dport { 22, 80-90 } accept"),
        (sent("10.1.1.1", "8.8.8.8", "tcp/80", iif="wan"), Decision.DROPS, "reject with icmpx admin-prohibited"),
        (sent("192.168.1.9", "8.8.8.8", "tcp/22"), Decision.PASSES, "ip saddr @nets tcp dport { 22, 80-90 } accept"),
        (sent("192.168.1.10", "8.8.8.8", "tcp/22"), Decision.DROPS, "reject with icmpx admin-prohibited"),
        (sent("10.1.1.1", "8.8.8.8", "tcp/1", answer=True), Decision.PASSES,
         "ct state vmap { invalid : drop, established : accept, related : accept }"),
        (sent("10.1.1.1", "8.8.8.8", "tcp/1", iif="bad7"), Decision.DROPS, "iifname vmap @ways"),
        (sent("172.16.0.1", "8.8.8.8", "tcp/80"), Decision.PASSES, "ip saddr . tcp dport @pairs accept"),
        (sent("172.16.0.1", "8.8.8.8", "tcp/90"), Decision.DROPS, "reject with icmpx admin-prohibited"),
        (sent("fd00::1", "fd01::1", "icmp"), Decision.PASSES,
         "icmpv6 type { echo-request, nd-neighbor-solicit } accept"),
        (sent("10.1.1.1", "8.8.8.8", "icmp"), Decision.DROPS, "reject with icmpx admin-prohibited"),
        (sent("10.1.1.1", "8.8.8.8", "icmp", redirected=True), Decision.PASSES, "ct status dnat accept"),
        (sent("10.1.1.1", "8.8.8.8", "udp/1", iif="wu7"), Decision.PASSES,
         'iifname "wu*" ip daddr != 10.0.0.0/8 udp sport != 1-100 log prefix "a b" flags all accept'),
        (sent("10.1.1.1", "10.8.8.8", "udp/1", iif="wu7"), Decision.DROPS, "reject with icmpx admin-prohibited"),
        (sent("10.1.1.1", "10.8.8.8", "udp/53"), Decision.DROPS, "reject with icmpx admin-prohibited"),
        (sent("10.1.1.1", "10.8.8.8", "udp/99"), Decision.MAY_DROP, "reject with icmpx admin-prohibited"),
        (sent("172.16.9.1", "8.8.8.8", "tcp/443"), Decision.MAY_DROP,
         "tcp dport 443 meta mark & 0x00000001 == 0x00000001 reject with icmpx admin-prohibited"),
        (sent("172.16.9.1", "8.8.8.8", "tcp/444"), Decision.MAY_DROP, "tcp dport 444 queue to 5"),
        (sent("172.16.9.1", "8.8.8.8", "tcp/445"), Decision.MAY_DROP,
         'oifname { "x0", "x1" } tcp dport 445 jump nowhere'),
    ],
)  # fmt: skip
def test_nftables(packet: Packet, decision: Decision, rule: str) -> None:
    found = judged(nft_text.read(TABLE), "f", packet)
    assert (found.decision, found.by.rule) == (decision, rule)


def test_translations() -> None:
    chains = nft_text.read(TABLE)
    found = judged(chains, "post", sent("172.17.0.9", "8.8.8.8", "udp/5", iif="", oif="eth0"))
    assert (found.decision, found.by.verdict) == (Decision.TRANSLATES, "snat")
    found = judged(chains, "post", sent("10.0.0.9", "8.8.8.8", "tcp/80", iif="", oif="eth0"))
    assert (found.decision, found.by.verdict) == (Decision.TRANSLATES, "dnat")
    assert judged(chains, "post", sent("172.17.0.9", "8.8.8.8", "udp/5", oif="docker0")).decision is Decision.PASSES


def test_a_chain_that_jumps_to_itself_ends() -> None:
    loop = "table ip l {\n\tchain a {\n\t\ttype filter hook input priority 0; policy accept;\n" + "\t\tjump b\n" * 300
    loop += "\t}\n\tchain b {\n" + "\t\tjump b\n" * 300 + "\t}\n}\n"
    assert judged(nft_text.read(loop), "a", sent("10.0.0.1", "10.0.0.2", "icmp")).decision is Decision.MAY_DROP


DOCKER = """
# Generated by iptables-save v1.8.9
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i docker0 ! -o docker0 -m comment --comment "all that leaves" -j ACCEPT
-A FORWARD -p tcp -m multiport --dports 80,8000:8010 -j ACCEPT
-A FORWARD -s 10.0.0.0/8 -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A FORWARD -p udp -m udp ! --dport 53 -m hashlimit --hashlimit-upto 1/sec --hashlimit-name x -j ACCEPT
-A FORWARD -i vpn+ -g DOCKER-USER
-A FORWARD -j LOG --log-prefix "gone: "
-A DOCKER-USER -s 10.9.0.0/16 -j REJECT --reject-with icmp-port-unreachable
-A DOCKER-USER -j RETURN
COMMIT
"""


@pytest.mark.parametrize(
    ("packet", "decision", "chain", "rule"),
    [
        (sent("10.0.0.1", "8.8.8.8", "tcp/22"), Decision.DROPS, "FORWARD", ""),
        (sent("10.0.0.1", "8.8.8.8", "tcp/8004"), Decision.PASSES, "FORWARD",
         "-p tcp -m multiport --dports 80,8000:8010 -j ACCEPT"),
        (sent("10.9.0.1", "8.8.8.8", "tcp/8004"), Decision.DROPS, "DOCKER-USER",
         "-s 10.9.0.0/16 -j REJECT --reject-with icmp-port-unreachable"),
        (sent("172.17.0.2", "8.8.8.8", "udp/9", iif="docker0"), Decision.PASSES, "FORWARD",
         "-i docker0 ! -o docker0 -m comment --comment all that leaves -j ACCEPT"),
        (sent("8.8.8.8", "172.17.0.2", "tcp/22", oif="docker0", answer=True), Decision.PASSES, "FORWARD",
         "-o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
        (sent("10.0.0.1", "8.8.8.8", "icmp"), Decision.PASSES, "FORWARD",
         "-s 10.0.0.0/8 -p icmp -m icmp --icmp-type 8 -j ACCEPT"),
        (sent("10.0.0.1", "8.8.8.8", "udp/54"), Decision.MAY_DROP, "FORWARD", ""),
        (sent("10.0.0.1", "8.8.8.8", "udp/53"), Decision.DROPS, "FORWARD", ""),
        (sent("8.8.8.8", "10.0.0.1", "tcp/22", iif="vpn3"), Decision.DROPS, "FORWARD", ""),
    ],
)  # fmt: skip
def test_iptables_of_the_old_kind(packet: Packet, decision: Decision, chain: str, rule: str) -> None:
    chains = iptables_text.read(DOCKER, 4)
    found = judged(chains, "FORWARD", packet)
    assert (found.decision, found.by.chain.name, found.by.rule) == (decision, chain, rule)
    assert str(found.by.chain) == f"chain {chain} in table iptables-legacy filter"
    bases = {(one.table, one.hook): one.priority for one in chains if one.hook}
    assert bases == {("nat", "postrouting"): 100, ("filter", "input"): 0, ("filter", "forward"): 0}


def back(*links: str) -> Packet:
    talk = Talk(protocol="tcp", port=80)
    return Packet(source="fd00::1", target="fd01::1", talk=talk, iif="lan0", oif="x0", ways_back=links)


@pytest.mark.parametrize(
    ("rule", "packet", "decision"),
    [
        ("meta nfproto ipv6 fib saddr . mark . iif oif missing drop", back("lan0"), Decision.PASSES),
        ("meta nfproto ipv6 fib saddr . mark . iif oif missing drop", back("lan1"), Decision.DROPS),
        ("meta nfproto ipv4 fib saddr . mark . iif oif missing drop", back("lan1"), Decision.PASSES),
        ("fib saddr . iif check missing drop", back("lan1"), Decision.DROPS),
        ("fib saddr oif missing drop", back("lan1"), Decision.PASSES),
        ("fib saddr . mark oif missing drop", back(), Decision.DROPS),
        ("fib saddr . iif oif eth0 drop", back("lan0"), Decision.MAY_DROP),
        ("fib saddr . mark . iif oif missing drop", sent("fd00::1", "fd01::1", "tcp/80"), Decision.MAY_DROP),
        ("rt type 0 drop", back("lan0"), Decision.PASSES),
        ("rt mtu 1280 drop", back("lan0"), Decision.MAY_DROP),
    ],
)
def test_reverse_paths_and_extensions(rule: str, packet: Packet, decision: Decision) -> None:
    """As firewalld and ufw ask for them."""
    base = "type filter hook prerouting priority 0; policy accept;"
    text = f"table inet f {{\n\tchain f {{\n\t\t{base}\n\t\t{rule}\n\t}}\n}}\n"
    assert judged(nft_text.read(text), "f", packet).decision is decision


def test_words_within_names() -> None:
    """As ufw calls its chains."""
    for name in ("ufw-before-logging-forward", "log-counter", "a-comment"):
        (rule,) = nft_text.rules_of(f"counter packets 1 bytes 2 jump {name}", {})
        assert rule == (f"jump {name}", (), f"jump {name}")


def test_what_is_easily_mistaken() -> None:
    """A chain called after a translation, a comment before the hook, a flowtable after a set, a table asleep."""
    text = """
table ip t {
	set s {
		type ipv4_addr
		elements = { 10.0.0.1 }
	}
	flowtable fast {
		hook ingress priority 0
		devices = { eth0 }
	}
	chain cali-fip-dnat {
		ip saddr @s drop
	}
	chain forward {
		comment "who may"
		type filter hook forward priority 0; policy accept;
		jump cali-fip-dnat
	}
}
"""
    packet = sent("10.0.0.1", "8.8.8.8", "tcp/80")
    assert judged(nft_text.read(text), "forward", packet).decision is Decision.DROPS
    assert judged(nft_text.read(text), "forward", sent("10.0.0.2", "8.8.8.8", "icmp")).decision is Decision.PASSES
    assert nft_text.read(text.replace("table ip t {", "table ip t {\n\tflags dormant")) == []


def test_what_the_old_kind_holds_for_a_state_may_be_a_status() -> None:
    text = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT\nCOMMIT\n"
    packet = sent("8.8.8.8", "10.0.0.1", "tcp/22", redirected=True)
    assert judged(iptables_text.read(text, 4), "FORWARD", packet).decision is Decision.MAY_DROP


def test_rules_that_nobody_can_read_may_drop_anything() -> None:
    found = iptables_text.unreadable(4)
    assert {chain.hook for chain in found} == {"prerouting", "input", "forward", "output", "postrouting"}
    for chain in found:
        assert decide(chain, {}, sent("10.0.0.1", "8.8.8.8", "icmp")).decision is Decision.MAY_DROP
