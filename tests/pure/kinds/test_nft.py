"""The nft kinds without a kernel: commands, their order in a transaction, and the reading of listings."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.backends.libnftables import _complaint
from weft.backends.nft_transaction import assemble, steps, tolerant, without_the_dropped
from weft.kinds import KINDS
from weft.kinds.nft.chain import ListedRule, NftChain, edits
from weft.kinds.nft.commands import Line, Stage
from weft.kinds.nft.counts import Count, read_counts
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.foreign_rule import NftForeignRule
from weft.kinds.nft.listing import Listing, read
from weft.kinds.nft.nftset import NftSet
from weft.kinds.nft.table import NftTable
from weft.state import Change, KernelObject, Op

TABLE = NftTable(netns="", family="inet", name="weft-lab")
POOL = NftSet(netns="", family="inet", table="weft-lab", name="pool", type="ipv4_addr")
ONE = NftElement(netns="", family="inet", table="weft-lab", set="pool", element="10.0.0.1")
TWO = NftElement(netns="", family="inet", table="weft-lab", set="pool", element="10.0.0.2")
CHAIN = NftChain(netns="", family="inet", table="weft-lab", name="c", rules=("ip saddr @pool accept",))
FOREIGN = NftForeignRule(
    netns="", family="ip", table="filter", chain="DOCKER-USER", rule='iifname "wu*" accept', comment="weft/a/lab/fw"
)


LEADING = NftSet(
    netns="", family="bridge", table="weft-lab", name="m", type="inet_service", data="verdict", flags=("interval",),
    counted=True, elements=("80 : goto ends", "90-99 : goto ends"),
)  # fmt: skip
FILLED = NftSet(
    netns="", family="bridge", table="weft-lab", name="dropped.in", type="ifname", flags=("dynamic",), counted=True
)
COUNTED = """table bridge weft-lab { # handle 1
	set dropped.in { # handle 2
		type ifname
		size 65535
		flags dynamic
		counter
		elements = { "wp1" counter packets 3 bytes 120, "wp,2" counter packets 1 bytes 40 }
	}

	map m { # handle 3
		type inet_service : verdict
		flags interval
		counter
		elements = { 80 counter packets 5 bytes 300 : goto ends, 90-99 counter packets 0 bytes 0 : goto ends }
	}

	chain c { # handle 4
		ip saddr @m4 counter packets 7 bytes 700 accept # handle 5
		counter packets 2 bytes 80 drop # handle 6
		jump d # handle 7
	}
}
"""


def test_what_leads_somewhere_and_what_the_kernel_fills_is_read_as_it_is_written() -> None:
    listed = re.sub(r" packets \d+ bytes \d+", "", COUNTED)
    assert [held for held in read("", listed).objects if isinstance(held, NftSet)] == [FILLED, LEADING]
    assert lines(create(FILLED, LEADING)) == [
        "add set bridge weft-lab dropped.in { type ifname; flags dynamic; counter; }",
        "add map bridge weft-lab m { type inet_service : verdict; flags interval; counter; "
        "elements = { 80 : goto ends, 90-99 : goto ends }; }",
    ]
    first, *_ = KINDS.of(LEADING).script(create(LEADING)[0])
    assert first == "nft 'add chain bridge weft-lab ends'"


def test_counters_are_named_by_the_texts_of_objects() -> None:
    counts = read_counts(COUNTED)
    assert dict(counts.of_set("dropped.in")) == {"wp1": Count(3, 120), "wp,2": Count(1, 40)}
    assert counts.elements["m", "80"] == Count(5, 300)
    assert counts.rules == {
        ("c", "ip saddr @m4 counter accept"): Count(7, 700),
        ("c", "counter drop"): Count(2, 80),
    }


def create(*objects: KernelObject) -> list[Change]:
    return [Change(Op.CREATE, None, held) for held in objects]


def delete(*objects: KernelObject) -> list[Change]:
    return [Change(Op.DELETE, held, None) for held in objects]


def lines(changes: list[Change], listing: Listing | None = None) -> list[str]:
    return list(assemble(steps(changes, listing or Listing())).lines)


def test_a_transaction_has_every_name_before_its_use() -> None:
    assert lines(create(ONE, CHAIN, TWO, POOL, TABLE)) == [
        "add table inet weft-lab",
        "add chain inet weft-lab c",
        "flush chain inet weft-lab c",
        "add set inet weft-lab pool { type ipv4_addr; }",
        "add element inet weft-lab pool { 10.0.0.1, 10.0.0.2 }",
        "add rule inet weft-lab c ip saddr @pool accept",
    ]


def test_a_transaction_lets_go_of_names_before_they_go() -> None:
    assert lines(delete(POOL, CHAIN, ONE)) == [
        "flush chain inet weft-lab c",
        "delete element inet weft-lab pool { 10.0.0.1 }",
        "delete set inet weft-lab pool",
        "delete chain inet weft-lab c",
    ]


def test_what_goes_with_its_table_is_not_named() -> None:
    left = without_the_dropped(delete(POOL, TABLE, ONE, CHAIN, FOREIGN))
    assert [change.object for change in left] == [TABLE, FOREIGN]
    assert lines(delete(TABLE)) == ["add table inet weft-lab", "delete table inet weft-lab"]


def test_lines_lead_back_to_their_changes() -> None:
    changes = create(TABLE, POOL, ONE, TWO)
    apart = assemble(steps(changes, Listing()), joined=False)
    assert [apart.change_at(line).object for line in (1, 2, 3, 4)] == [TABLE, POOL, ONE, TWO]
    assert apart.change_at(0).object == TABLE and apart.change_at(99).object == TWO


def test_changes_of_what_is_gone_are_done_or_create() -> None:
    update = Change(Op.UPDATE, CHAIN, CHAIN)
    kept = tolerant([*create(TABLE), *delete(ONE, TWO, FOREIGN), update], frozenset({TWO.key}))
    assert kept == [*create(TABLE), *delete(TWO, FOREIGN), Change(Op.CREATE, None, CHAIN)]


def test_a_marked_rule_goes_by_its_handle_as_often_as_it_is_there() -> None:
    text = f'{FOREIGN.rule} comment "{FOREIGN.comment}"'
    key = NftChain(netns="", family="ip", table="filter", name="DOCKER-USER").key
    rules = (ListedRule(4, text), ListedRule(5, "return"), ListedRule(9, text))
    assert lines(delete(FOREIGN), Listing([], {key: rules})) == [
        "delete rule ip filter DOCKER-USER handle 4",
        "delete rule ip filter DOCKER-USER handle 9",
    ]
    assert lines(delete(FOREIGN)) == []


def replay(there: list[ListedRule], commands: list[str]) -> list[str]:
    """What nf_tables makes of the commands."""
    now: list[tuple[int, str]] = [(rule.handle, rule.text) for rule in there]
    for command in commands:
        if found := re.fullmatch(r"delete rule \S+ \S+ \S+ handle (\d+)", command):
            now = [rule for rule in now if rule[0] != int(found[1])]
        elif found := re.fullmatch(r"insert rule \S+ \S+ \S+ handle (\d+) (.*)", command):
            at = next(i for i, rule in enumerate(now) if rule[0] == int(found[1]))
            now.insert(at, (0, found[2]))
        elif found := re.fullmatch(r"add rule \S+ \S+ \S+ (.*)", command):
            now.append((0, found[1]))
        else:
            assert command == "add chain inet weft-lab c"
    return [text for _, text in now]


RULES = st.lists(st.sampled_from(["accept", "drop", "counter accept", "jump x", "return"]), max_size=8)


@given(RULES, RULES)
def test_edits_lead_from_any_rules_to_any(old: list[str], new: list[str]) -> None:
    there = [ListedRule(handle, text) for handle, text in enumerate(old, start=10)]
    chain = NftChain(netns="", family="inet", table="weft-lab", name="c", rules=tuple(new))
    commands = sorted(edits(chain, there), key=lambda command: command.stage)
    assert replay(there, [command.text for command in commands if isinstance(command, Line)]) == new


def test_edits_of_equal_rules_touch_none() -> None:
    there = [ListedRule(3, CHAIN.rules[0])]
    assert edits(CHAIN, there) == [Line(Stage.ADD_CHAIN, "add chain inet weft-lab c")]


LISTED = """\
table inet weft-lab { # handle 1
    comment "made by hand"
    flags dormant

    counter c0 { # handle 2
        packets 0 bytes 0
    }

    set names { # handle 3
        type ifname
        flags interval,timeout
        auto-merge
        elements = { "a,b", "c*" timeout 1h,
                 "d : e" }
    }

    map verdicts { # handle 4
        type ipv6_addr . inet_service : verdict
        elements = { fd00::1 . 22 : jump x,
                 fd00::2 . 80 : accept }
    }

    set empty { # handle 5
        type mark
    }

    chain base { # handle 6
        type filter hook ingress device "e th0" priority -200; policy drop;
        ip saddr { 10.0.0.1, 10.0.0.2 } counter accept comment "x # handle 9" # handle 7
    }

    chain none { # handle 8
    }
}
""".replace("    ", "\t")


def test_a_listing_is_read_whole() -> None:
    listing = read("a", LISTED)
    by_key = {str(held.key): held for held in listing.objects}
    assert list(by_key) == [
        "nft-table inet weft-lab@a",
        "nft-set inet weft-lab names@a",
        'nft-element inet weft-lab names "a,b"@a',
        'nft-element inet weft-lab names "c*" timeout 1h@a',
        'nft-element inet weft-lab names "d : e"@a',
        "nft-set inet weft-lab verdicts@a",
        "nft-element inet weft-lab verdicts fd00::1 . 22@a",
        "nft-element inet weft-lab verdicts fd00::2 . 80@a",
        "nft-set inet weft-lab empty@a",
        "nft-chain inet weft-lab base@a",
        "nft-chain inet weft-lab none@a",
    ]
    assert by_key["nft-set inet weft-lab names@a"] == NftSet(
        netns="a", family="inet", table="weft-lab", name="names", type="ifname", flags=("interval", "timeout")
    )
    rule = 'ip saddr { 10.0.0.1, 10.0.0.2 } counter accept comment "x # handle 9"'
    base = NftChain(
        netns="a",
        family="inet",
        table="weft-lab",
        name="base",
        rules=(rule,),
        type="filter",
        hook="ingress",
        priority=-200,
        policy="drop",
        device="e th0",
    )
    assert by_key[str(base.key)] == base
    assert listing.rules[base.key] == (ListedRule(7, rule),)


@pytest.mark.parametrize(
    ("said", "line", "errno_"),
    [
        ("/proc/self/fd/5:9:65-65: Error: syntax error, unexpected '}'\nx\n^", 9, 22),
        ("/proc/self/fd/5:2:1-9: Error: Could not process rule: File exists\n", 2, 17),
        ("Error: No such file or directory; did you mean table ‘t2’ in family ip?\n", 0, 2),
        ("Error: Interface does not exist\nadd table", 0, 19),
        ("netlink: Error: cache initialization failed: Operation not permitted\n", 0, 1),
        ("something new", 0, 22),
    ],
)
def test_complaints_are_understood(said: str, line: int, errno_: int) -> None:
    complaint = _complaint(said)
    assert (complaint.line, complaint.errno_) == (line, errno_) and complaint.text


def test_scripts_are_safe_for_a_shell() -> None:
    chain = NftChain(netns="a b", family="inet", table="weft-lab", name="c", rules=('iifname "wu*" accept',))
    assert list(KINDS.of(chain).script(create(chain)[0])) == [
        "ip netns exec 'a b' nft 'add chain inet weft-lab c'",
        "ip netns exec 'a b' nft 'flush chain inet weft-lab c'",
        "ip netns exec 'a b' nft 'add rule inet weft-lab c iifname \"wu*\" accept'",
    ]
    (line,) = KINDS.of(FOREIGN).script(delete(FOREIGN)[0])
    assert line.startswith("nft delete rule ip filter DOCKER-USER handle $(nft -a list chain ip filter DOCKER-USER |")
