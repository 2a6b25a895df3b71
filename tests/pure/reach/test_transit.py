"""Whether others' chains let through what routers send to the world, and what comes to them."""

from __future__ import annotations

import pytest

from weft.kinds.ip.route import Route
from weft.reach.foreign import nft_text
from weft.reach.foreign.transit import Passage, Way, gates, passages, stopped
from weft.state import HOST, State

NAT = Passage(transit="wu1", address="198.18.0.1", egress="eth0")
BOTH = ('iifname "wu*" counter packets 3 bytes 180 accept', 'oifname "wu*" accept comment "weft/x drop"')
ANSWERS = "ct state { established, related } accept"
OUT, IN = Way.OUT, Way.IN


def listing(policy: str, *rules: str, **chains: tuple[str, ...]) -> str:
    def chain(name: str, lines: tuple[str, ...]) -> str:
        body = "".join(f"\t\t{line} # handle {number}\n" for number, line in enumerate(lines))
        return f"\tchain {name} {{ # handle 9\n{body}\t}}\n"

    first = (f"type filter hook forward priority 0; policy {policy};", *rules)
    others = "".join(chain(name, lines) for name, lines in chains.items())
    return f"table ip t {{ # handle 1\n{others}{chain('forward', first)}}}\n"


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        (listing("accept"), set()),
        (listing("drop"), {OUT, IN}),
        (listing("drop", *BOTH), set()),
        (listing("drop", BOTH[0]), {OUT, IN}),
        (listing("drop", BOTH[0], ANSWERS), {IN}),
        (listing("drop", 'iifname "wu1" oifname "eth0" accept', ANSWERS), {IN}),
        (listing("drop", 'iifname "wu1" oifname "eth1" accept', ANSWERS), {OUT, IN}),
        (listing("drop", "ip saddr 198.18.0.0/24 accept", "ip daddr 198.18.0.0/24 accept"), set()),
        (listing("drop", "tcp dport 443 accept", ANSWERS), {OUT, IN}),
        (listing("drop", "limit rate 1/second accept"), {OUT, IN}),
        (listing("accept", "limit rate over 1/second drop"), set()),
        (listing("accept", "ct state invalid drop"), set()),
        (listing("accept", "reject with icmpx admin-prohibited"), {OUT, IN}),
        (listing("accept", "drop", *BOTH), {OUT, IN}),
        (listing("drop", "counter jump user-logging", **{"user-logging": BOTH}), set()),
        (listing("drop", "jump user", user=("return", *BOTH)), {OUT, IN}),
        (listing("accept", "goto zones", "accept", zones=('log prefix "no: " drop',)), {OUT, IN}),
        (listing("drop", 'iifname "wu*" jump user', 'oifname "wu*" goto user', user=("accept",)), set()),
        (listing("accept", "jump loop", loop=("jump loop",)), set()),
    ],
)
def test_ways(text: str, ways: set[Way]) -> None:
    chains = nft_text.read(text)
    (gate,) = gates(chains)
    assert stopped(gate, chains, [NAT]) == ways
    assert stopped(gate, chains, [Passage(transit="wu1", address="fd00::1", egress="eth0")]) is None


def test_who_stands_at_the_gate() -> None:
    text = (
        listing("drop")
        + listing("drop").replace("table ip t", "table inet weft-lab")
        + listing("drop").replace("table ip t", "table bridge t")
        + listing("drop").replace("hook forward", "hook input").replace("table ip t", "table ip u")
    )
    assert [(gate.family, gate.table) for gate in gates(nft_text.read(text))] == [("ip", "t")]


def test_what_leads_to_routers() -> None:
    """Neither what every link has, nor what leads elsewhere."""
    routes = [
        Route(netns=HOST, dst="198.18.0.1/32", ifname="wu1", via="fe80::2"),
        Route(netns=HOST, dst="10.1.0.0/24", ifname="wu2", via="fe80::2"),
        Route(netns=HOST, dst="fe80::/64", ifname="wu2"),
        Route(netns=HOST, dst="10.0.0.0/8", ifname="tailscale0"),
        Route(netns="web", dst="10.2.0.0/24", ifname="wu3"),
        Route(netns=HOST, dst="0.0.0.0/0", ifname="wu4"),
    ]
    found = passages(State.of(routes), ("eth0", "eth1"))
    assert {(one.transit, one.address, one.egress) for one in found} == {
        ("wu1", "198.18.0.1", "eth0"),
        ("wu2", "10.1.0.1", "eth0"),
    }
    assert {one.family for one in passages(State(), ())} == {4, 6}, "of one that may be made"
