"""A port speaks as itself. Frames are made by hand, and what comes out at another port is what counts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping

import pytest

from tests.kernel.groups import frames as f
from tests.kernel.groups.lab import HERE, Lab

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

TEXT = """
weft: 1
name: lab
tenants:
  shop:
    networks:
      front: {{subnets: [10.0.0.0/24, "fd00::/64"]}}
      flat: {{}}
    ports:
      bad: {{network: front, attach: {{netns: bad}}, addresses: [10.0.0.10, "fd00::10"], mac: 02:00:00:00:00:10{more}}}
      ear: {{network: front, attach: {{netns: ear}}, addresses: [10.0.0.20, "fd00::20"], mac: 02:00:00:00:00:20}}
      bare: {{network: flat, attach: {{netns: bare}}, mac: 02:00:00:00:00:10}}
      flat-ear: {{network: flat, attach: {{netns: flat-ear}}, mac: 02:00:00:00:00:20}}
  other:
    networks: {{front: {{subnets: [10.0.0.0/24]}}}}
    ports: {{spy: {{network: front, attach: {{netns: spy}}}}}}
"""
OWN, EAR, LOCAL = "02:00:00:00:00:10", "02:00:00:00:00:20", "fe80::ff:fe00:10"
IP4, IP6 = "10.0.0.10", "fd00::10"
LAST = "the-end"


def heard(lab: Lab, sender: str, ear: str, sent: Iterable[bytes], end: bytes) -> set[str]:
    """The words that come out at `ear` of what `sender` sends; `end` is let through, and behind all else."""
    wire = (sys.executable, HERE / "wire.py")
    hearing = lab.world.start(*wire, "hear", ear, LAST, netns=ear, stdout=subprocess.PIPE)
    assert hearing.stdout is not None and hearing.stdout.readline() == "ready\n"
    lab.world.run(*wire, "send", sender, *(frame.hex() for frame in (*sent, end)), netns=sender)
    said, _ = hearing.communicate(timeout=60)
    assert LAST in said
    return set(said.split()) - {LAST}


def own4(said: str, source: str = IP4, mac: str = OWN, **more: int) -> bytes:
    return f.ipv4(mac, source, "10.0.0.255", f.udp(more.get("sport", 1000), more.get("dport", 1000), said))


def forged() -> Mapping[str, bytes]:
    """By its word, each frame that a port may not send."""
    advertised = f.advertisement(LOCAL, "behind-options")
    split = f.advertisement(LOCAL, "in-fragments")
    return {
        "mac": own4("mac", mac="02:00:00:00:00:20"),
        "mac-of-nobody": own4("mac-of-nobody", mac="02:aa:00:00:00:20"),
        "ip": own4("ip", source="10.0.0.20"),
        "ip-of-nobody": own4("ip-of-nobody", source="192.0.2.1"),
        "arp-ip": f.arp(OWN, OWN, "10.0.0.20", "10.0.0.20", "arp-ip"),
        "arp-mac": f.arp(OWN, EAR, IP4, "10.0.0.20", "arp-mac"),
        "arp-request": f.arp(OWN, OWN, "10.0.0.20", "10.0.0.20", "arp-request", operation=1),
        "dhcp": own4("dhcp", sport=67, dport=68),
        "ip6": f.ipv6(OWN, "fd00::20", "ff02::1", f.udp(1, 1, "ip6"), f.UDP),
        "ip6-local": f.ipv6(OWN, "fe80::ff:fe00:20", "ff02::1", f.udp(1, 1, "ip6-local"), f.UDP),
        "dhcp6": f.ipv6(OWN, LOCAL, "ff02::1", f.udp(547, 546, "dhcp6"), f.UDP),
        "nd": f.neighbour(OWN, IP6, "fd00::20", "nd"),
        "nd-source": f.neighbour(OWN, "fd00::20", "fd00::20", "nd-source"),
        "nd-solicit": f.neighbour(OWN, "fd00::20", IP6, "nd-solicit", f.NEIGHBOUR_SOLICITATION),
        "ra": f.ipv6(OWN, LOCAL, "ff02::1", f.advertisement(LOCAL, "ra"), f.ICMPV6),
        "redirect": f.ipv6(OWN, LOCAL, "ff02::1", f.advertisement(LOCAL, "redirect", f.REDIRECT), f.ICMPV6),
        "behind-options": f.ipv6(OWN, LOCAL, "ff02::1", f.with_options(f.ICMPV6, advertised), f.OPTIONS),
        "in-fragments": f.ipv6(
            OWN, LOCAL, "ff02::1", f.fragment(f.OPTIONS, 8, False, f.with_options(f.ICMPV6, split)), f.FRAGMENT
        ),
        "tagged": f.tagged(own4("tagged"), 7),
        "tagged-forged": f.tagged(own4("tagged-forged", source="10.0.0.20"), 7),
        "other-type": f.ethernet(OWN, f.BROADCAST, 0x88CC, f.word("other-type")),
    }


def further() -> Mapping[str, bytes]:
    """As `forged`: the same lies told otherwise, by headers before them, to one ear alone, as nobody or the gateway."""
    served6 = f.udp(547, 546, "dhcp6-behind-options")
    hidden = f.icmpv6(IP6, "ff02::1", f.NEIGHBOUR_ADVERTISEMENT, f.announced("fd00::20", "nd-behind-options"))
    split = f.icmpv6(IP6, "ff02::1", f.NEIGHBOUR_ADVERTISEMENT, f.announced("fd00::20", "nd-in-fragments"))
    alone = f.icmpv6(LOCAL, "fd00::20", f.ROUTER_ADVERTISEMENT, f.offered("ra-unicast"))
    return {
        "dhcp-unicast": f.ipv4(OWN, IP4, "10.0.0.20", f.udp(67, 68, "dhcp-unicast"), to=EAR),
        "ra-unicast": f.ipv6(OWN, LOCAL, "fd00::20", alone, f.ICMPV6, EAR),
        "arp-ether": f.arp(EAR, OWN, IP4, "10.0.0.20", "arp-ether"),
        "arp-gateway": f.arp(OWN, OWN, "10.0.0.1", "10.0.0.20", "arp-gateway"),
        "rarp": f.ethernet(OWN, f.BROADCAST, 0x8035, f.word("rarp")),
        "ip-fragment": f.ipv4(OWN, "10.0.0.20", "10.0.0.255", f.word("ip-fragment") * 2, at=8),
        "ip-unspecified": own4("ip-unspecified", source="0.0.0.0"),
        "ip6-unspecified": f.ipv6(OWN, "::", "ff02::1", f.udp(1, 1, "ip6-unspecified"), f.UDP),
        "dhcp-gateway": own4("dhcp-gateway", source="10.0.0.1", sport=67, dport=68),
        "dhcp-ask-as-another": own4("dhcp-ask-as-another", source="10.0.0.20", sport=68, dport=67),
        "dhcp6-behind-options": f.ipv6(OWN, LOCAL, "ff02::1", f.with_options(f.UDP, served6), f.OPTIONS),
        "nd-ether": f.neighbour(EAR, IP6, IP6, "nd-ether"),
        "nd-behind-options": f.ipv6(OWN, IP6, "ff02::1", f.with_options(f.ICMPV6, hidden), f.OPTIONS),
        "nd-in-fragments": f.ipv6(
            OWN, IP6, "ff02::1", f.fragment(f.OPTIONS, 0, False, f.with_options(f.ICMPV6, split)), f.FRAGMENT
        ),
        "ra-ether": f.ipv6(EAR, LOCAL, "ff02::1", f.advertisement(LOCAL, "ra-ether"), f.ICMPV6),
    }


def wanted_by_others() -> Mapping[str, bytes]:
    """As `forged`: what keeps another from its address, or draws its frames elsewhere, without speaking as it."""
    solicits, asks = f.NEIGHBOUR_SOLICITATION, f.ROUTER_SOLICITATION
    late = f.nonce() + f.card(EAR)
    twice = f.card(OWN) + f.card(EAR)
    source, its = f.card(EAR, f.SOURCE_CARD), f.card(EAR)
    return {
        "dhcp-any-port": own4("dhcp-any-port", sport=6767, dport=68),
        "dhcp-client-port": own4("dhcp-client-port", sport=68, dport=68),
        "dhcp6-any-port": f.ipv6(OWN, LOCAL, "ff02::1", f.udp(1234, 546, "dhcp6-any-port"), f.UDP),
        "probe": f.arp(OWN, OWN, "0.0.0.0", "10.0.0.20", "probe", operation=1),
        "probe-answer": f.arp(OWN, OWN, "0.0.0.0", "10.0.0.20", "probe-answer"),
        "probe-mac": f.arp(OWN, EAR, "0.0.0.0", IP4, "probe-mac", operation=1),
        "dad": f.neighbour(OWN, "::", "fd00::20", "dad", solicits),
        "dad-local": f.neighbour(OWN, "::", "fe80::ff:fe00:20", "dad-local", solicits),
        "dad-nonce": f.neighbour(OWN, "::", "fd00::20", "dad-nonce", solicits, f.nonce()),
        "dad-options": f.neighbour(OWN, "::", "fd00::20", "dad-options", solicits, before=behind_options),
        "dad-fragment": f.neighbour(OWN, "::", "fd00::20", "dad-fragment", solicits, before=in_a_fragment),
        "nd-card": f.neighbour(OWN, IP6, IP6, "nd-card", options=its),
        "nd-card-late": f.neighbour(OWN, IP6, IP6, "nd-card-late", options=late),
        "nd-card-twice": f.neighbour(OWN, IP6, IP6, "nd-card-twice", options=twice),
        "nd-card-options": f.neighbour(OWN, IP6, IP6, "nd-card-options", options=its, before=behind_options),
        "nd-card-fragment": f.neighbour(OWN, IP6, IP6, "nd-card-fragment", options=its, before=in_a_fragment),
        "ns-card": f.neighbour(OWN, IP6, "fd00::20", "ns-card", solicits, source),
        "ns-card-options": f.neighbour(OWN, IP6, IP6, "ns-card-options", solicits, source, behind_options),
        "rs-card": f.neighbour(OWN, LOCAL, "", "rs-card", asks, source),
        "rs-card-options": f.neighbour(OWN, LOCAL, "", "rs-card-options", asks, source, behind_options),
        "tagged-null": f.tagged(own4("tagged-null"), 0),
        "tagged-twice": f.tagged(f.tagged(own4("tagged-twice"), 7), 8),
        "tagged-stag": f.tagged(f.tagged(own4("tagged-stag"), 7), 8, f.SERVICE_TAG),
        "tagged-arp": f.tagged(f.arp(OWN, OWN, IP4, "10.0.0.20", "tagged-arp"), 0),
        "tagged-ra": f.tagged(f.ipv6(OWN, LOCAL, "ff02::1", f.advertisement(LOCAL, "tagged-ra"), f.ICMPV6), 0),
    }


def behind_options(following: int, payload: bytes) -> tuple[int, bytes]:
    return f.OPTIONS, f.with_options(following, payload)


def in_a_fragment(following: int, payload: bytes) -> tuple[int, bytes]:
    """All of it in one. Source: RFC 6946."""
    return f.FRAGMENT, f.fragment(following, 0, False, payload)


def allowed() -> Mapping[str, bytes]:
    """Frames that a port may send, each beside one above."""
    return {
        "own-ip": own4("own-ip"),
        "own-arp": f.arp(OWN, OWN, IP4, "10.0.0.20", "own-arp"),
        "arp-probe": f.arp(OWN, OWN, "0.0.0.0", IP4, "arp-probe", operation=1),
        "dhcp-ask": f.ipv4(OWN, "0.0.0.0", "255.255.255.255", f.udp(68, 67, "dhcp-ask")),
        "own-ip6": f.ipv6(OWN, IP6, "ff02::1", f.udp(1, 1, "own-ip6"), f.UDP),
        "own-local": f.ipv6(OWN, LOCAL, "ff02::1", f.udp(1, 1, "own-local"), f.UDP),
        "own-announcement": f.arp(OWN, OWN, IP4, IP4, "own-announcement", operation=1),
        "own-nd": f.neighbour(OWN, IP6, IP6, "own-nd"),
        "own-nd-card": f.neighbour(OWN, IP6, IP6, "own-nd-card", options=f.card(OWN)),
        "own-ns": f.neighbour(OWN, IP6, "fd00::20", "own-ns", f.NEIGHBOUR_SOLICITATION),
        "own-ns-card": f.neighbour(
            OWN, IP6, "fd00::20", "own-ns-card", f.NEIGHBOUR_SOLICITATION, f.card(OWN, f.SOURCE_CARD)
        ),
        "own-rs": f.neighbour(OWN, LOCAL, "", "own-rs", f.ROUTER_SOLICITATION),
        "own-rs-card": f.neighbour(OWN, LOCAL, "", "own-rs-card", f.ROUTER_SOLICITATION, f.card(OWN, f.SOURCE_CARD)),
        "detection-nonce": f.neighbour(OWN, "::", IP6, "detection-nonce", f.NEIGHBOUR_SOLICITATION, f.nonce()),
        "detection-local": f.neighbour(OWN, "::", LOCAL, "detection-local", f.NEIGHBOUR_SOLICITATION),
        "dhcp6-ask": f.ipv6(OWN, LOCAL, "ff02::1:2", f.udp(546, 547, "dhcp6-ask"), f.UDP),
        "own-nd-local": f.neighbour(OWN, LOCAL, LOCAL, "own-nd-local"),
        "detection": f.neighbour(OWN, "::", IP6, "detection", f.NEIGHBOUR_SOLICITATION),
        "options": f.ipv6(OWN, IP6, "ff02::1", f.with_options(f.UDP, f.udp(1, 1, "options")), f.OPTIONS),
        "fragment": f.ipv6(OWN, IP6, "ff02::1", f.fragment(f.UDP, 8, False, f.word("fragment") * 2), f.FRAGMENT),
    }


def test_a_port_speaks_as_itself_alone(lab: Lab) -> None:
    lab.apply(TEXT.format(more=""))
    sent = {**forged(), **further(), **wanted_by_others(), **allowed()}
    assert heard(lab, "bad", "ear", sent.values(), own4(LAST)) == allowed().keys()


def test_the_bridge_learns_nothing_of_what_it_drops(lab: Lab) -> None:
    """Else a forged source would draw another's frames."""
    lab.apply(TEXT.format(more=""))
    heard(lab, "bad", "ear", (own4("x", mac="02:aa:00:00:00:20"),), own4(LAST))
    known = [entry["mac"] for entry in lab.world.json("bridge", "-j", "fdb", netns="weft.lab.shop")]
    assert OWN in known and "02:aa:00:00:00:20" not in known


def test_what_a_port_is_allowed_beside(lab: Lab) -> None:
    pairs = "10.0.0.20, 192.0.2.0/24, {ip: 10.0.0.0/30, mac: 02:aa:00:00:00:20}, 'fd00::20', 'fd01::/64', '64:ff9b::1'"
    lab.apply(TEXT.format(more=f", allowed_address_pairs: [{pairs}]"))
    wanted = {
        "ip": forged()["ip"],
        "ip-of-nobody": forged()["ip-of-nobody"],
        "arp-ip": forged()["arp-ip"],
        "nd": forged()["nd"],
        "mac": own4("mac", mac="02:aa:00:00:00:20", source="10.0.0.2"),
        "arp-mac": f.arp("02:aa:00:00:00:20", "02:aa:00:00:00:20", "10.0.0.2", IP4, "arp-mac"),
        "ip6-prefix": f.ipv6(OWN, "fd01::7", "ff02::1", f.udp(1, 1, "ip6-prefix"), f.UDP),
        "nd-prefix": f.neighbour(OWN, "fd01::7", "fd01::7", "nd-prefix"),
        "nd-of-two-macs": f.neighbour(OWN, IP6, "fd01::7", "nd-of-two-macs", options=f.card("02:aa:00:00:00:20")),
        "nd-short": f.neighbour(OWN, "64:ff9b::1", "64:ff9b::1", "nd-short"),
        "dad-prefix": f.neighbour(OWN, "::", "fd01::7", "dad-prefix", f.NEIGHBOUR_SOLICITATION),
        "dad": wanted_by_others()["dad"],
        "probe": wanted_by_others()["probe"],
        "probe-prefix": f.arp(OWN, OWN, "0.0.0.0", "192.0.2.7", "probe-prefix", operation=1),
    }
    still = {
        "mac-ip": own4("mac-ip", mac="02:aa:00:00:00:20", source="192.0.2.1"),
        "other": own4("other", source="198.51.100.1"),
        "dhcp": forged()["dhcp"],
        "ra": forged()["ra"],
        "nd-other": f.neighbour(OWN, IP6, "fd00::30", "nd-other"),
        "dad-other": f.neighbour(OWN, "::", "fd00::30", "dad-other", f.NEIGHBOUR_SOLICITATION),
        "nd-card": wanted_by_others()["nd-card"],
        "probe-other": f.arp(OWN, OWN, "0.0.0.0", "10.0.0.30", "probe-other", operation=1),
    }
    assert heard(lab, "bad", "ear", {**wanted, **still}.values(), own4(LAST)) == wanted.keys()


def test_a_port_without_security_says_what_it_likes(lab: Lab) -> None:
    lab.apply(TEXT.format(more=", port_security: false"))
    everything = {
        **further(),
        **wanted_by_others(),
        **forged(),
    }  # to one ear first: of a forged MAC the bridge learns another way
    assert heard(lab, "bad", "ear", everything.values(), own4(LAST)) >= everything.keys() - {"redirect"}
    lab.apply(TEXT.format(more=""))
    assert heard(lab, "bad", "ear", forged().values(), own4(LAST)) == set()


def test_a_network_without_subnets_pins_macs_alone(lab: Lab) -> None:
    lab.apply(TEXT.format(more=""))
    free = ("ip", "ip-of-nobody", "arp-ip", "ip6", "nd", "nd-source", "nd-solicit", "probe", "dad", "dad-nonce")
    sent = {**forged(), **wanted_by_others(), **allowed()}
    passed = heard(lab, "bare", "flat-ear", sent.values(), own4(LAST))
    assert passed >= {*free, *allowed()}
    cards = {word for word in sent if "-card" in word and not word.startswith("own")}
    tags = {word for word in sent if word.startswith("tagged")}
    assert not passed & {*cards, *tags, "arp-mac", "probe-mac", "dhcp-any-port", "dhcp-client-port", "dhcp6-any-port"}
    assert not passed & {"mac", "mac-of-nobody", "dhcp", "dhcp6", "ra", "redirect", "behind-options", "in-fragments",
                         "tagged", "tagged-forged", "other-type"}  # fmt: skip


def test_a_gateway_sends_on_what_others_sent(lab: Lab) -> None:
    text = TEXT.replace('10.0.0.0/24, "fd00::/64"', '{{cidr: 10.0.0.0/24, gateway: 10.0.0.10}}, "fd00::/64"')
    lab.apply(text.format(more=""))
    passed = heard(lab, "bad", "ear", {**forged(), **wanted_by_others()}.values(), own4(LAST))
    assert passed >= {"ip", "ip-of-nobody", "ip6", "dhcp", "ra", "dhcp-any-port", "dhcp6-any-port"}
    assert not passed & {"probe", "probe-mac", "dad", "dad-local", "dad-nonce", "nd-solicit", "nd-card", "ns-card"}
    assert not passed & {"mac", "mac-of-nobody", "arp-ip", "arp-mac", "nd", "nd-source", "tagged", "other-type"}


def test_nobody_else_hears_or_speaks(lab: Lab) -> None:
    """Another tenant hears nothing while one floods; what was put into a bridge by hand neither hears nor speaks."""
    lab.apply(TEXT.format(more=", port_security: false"))
    bridge = lab.world.json("ip", "-j", "link", "show", "type", "bridge", netns="weft.lab.shop")
    front = next(link["ifname"] for link in bridge if "front" in link.get("altnames", ()))
    lab.world.run(
        "sh",
        "-ec",
        "ip netns add tap; ip -n weft.lab.shop link add byhand type veth peer name tap netns tap;"
        f"ip -n weft.lab.shop link set byhand master {front} up; ip -n tap link set tap up;"
        "ip -n tap link set lo up; ip -n tap addr add 10.0.0.99/24 dev tap",
    )
    wire = (sys.executable, HERE / "wire.py")
    spies = {
        netns: lab.world.start(*wire, "hear", netns, "never", netns=netns, stdout=subprocess.PIPE)
        for netns in ("spy", "tap")
    }
    for spy in spies.values():
        assert spy.stdout is not None and spy.stdout.readline() == "ready\n"
    assert heard(lab, "bad", "ear", [own4("flood")] * 100, own4(LAST)) == {"flood"}
    assert heard(lab, "bad", "ear", (), own4(LAST)) == set()
    lab.world.run(*wire, "send", "tap", own4("byhand", mac="02:00:00:00:00:99").hex(), netns="tap")
    assert "byhand" not in heard(lab, "bad", "ear", (), own4(LAST))
    for netns, spy in spies.items():
        spy.kill()
        said, _ = spy.communicate()
        assert said == "", f"{netns} heard {said}"
