"""What weft forwards is followed through the chains of others, as nft lists them."""

from __future__ import annotations

import pytest

from weft.check.ruleset import blocks, read

BASE = ("inet", "t", "forward")


def listing(policy: str, *rules: str, **chains: tuple[str, ...]) -> str:
    def chain(name: str, lines: tuple[str, ...]) -> str:
        body = "".join(f"\t\t{line} # handle {number}\n" for number, line in enumerate(lines))
        return f"\tchain {name} {{ # handle 9\n{body}\t}}\n"

    first = (f"type filter hook forward priority 0; policy {policy};", *rules)
    others = "".join(chain(name, lines) for name, lines in chains.items())
    sets = '\tset s {\n\t\ttype ifname\n\t\telements = { "wu0",\n\t\t\t     "wu1" }\n\t}\n'
    return f"table inet t {{ # handle 1\n{sets}{others}{chain('forward', first)}}}\n"


BOTH = ('iifname "wu*" counter packets 3 bytes 180 accept', 'oifname "wu*" accept comment "weft/x drop"')


@pytest.mark.parametrize(
    ("text", "is_blocked"),
    [
        (listing("accept"), False),
        (listing("drop"), True),
        (listing("drop", *BOTH), False),
        (listing("drop", BOTH[0]), True),
        (listing("accept", "ct state invalid drop"), False),
        (listing("accept", "reject with icmpx admin-prohibited"), True),
        (listing("accept", *BOTH, "counter drop"), False),
        (listing("accept", "drop", *BOTH), True),
        (listing("drop", "counter jump user", user=BOTH), False),
        (listing("drop", "jump user", user=("return", *BOTH)), True),
        (listing("accept", "goto zones", zones=('iifname "eth0" drop',)), False),
        (listing("accept", "goto zones", "accept", zones=('log prefix "no: " drop',)), True),
        (listing("drop", 'iifname "wu*" jump user', 'oifname "wu*" goto user', user=("accept",)), False),
        (listing("accept", "jump loop", loop=("jump loop",)), False),
    ],
    ids=range(14),
)
def test_verdicts(text: str, is_blocked: bool) -> None:
    found = read(text)
    assert blocks(found, BASE) is is_blocked


def test_several_tables_and_chains_elsewhere() -> None:
    text = (
        listing("drop")
        + "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n"
    )
    found = read(text)
    assert list(found.bases) == [BASE] and found.rules["ip", "filter", "INPUT"] == []
