"""Which of the rules that every namespace is born with it has lost, and how they come back."""

from __future__ import annotations

from collections.abc import Iterable

from weft.kinds.ip import base_rules
from weft.wire.address_text import AF_INET, AF_INET6
from weft.wire.rule import FRA_FWMARK, RuleMessage, read_rule


def seen(family: int, table: int, *, action: int = 1, src_length: int = 0, mark: int | None = None) -> RuleMessage:
    return RuleMessage(family, 0, src_length, table, action, {} if mark is None else {FRA_FWMARK: mark})


BORN = [*(seen(AF_INET, table) for table in (255, 254, 253)), *(seen(AF_INET6, table) for table in (255, 254))]


def test_what_is_there_is_not_lost() -> None:
    assert base_rules.lost([*BORN, seen(AF_INET, 100, mark=7)]) == ()
    assert base_rules.lost(BORN[:3]) == (), "a kernel without IPv6"
    assert base_rules.lost([]) == (), "a kernel without policy routing"


def test_each_is_missed_by_itself_and_comes_back_as_it_was() -> None:
    names = ["inet 0", "inet 32766", "inet 32767", "inet6 0", "inet6 32766"]
    for at, name in enumerate(names):
        rest: Iterable[RuleMessage] = BORN[:at] + BORN[at + 1 :]
        assert base_rules.lost(rest) == (name,)
        conditional = [
            seen(BORN[at].family, BORN[at].table, mark=1),
            seen(BORN[at].family, BORN[at].table, src_length=8),
            seen(BORN[at].family, BORN[at].table, action=6),
        ]
        assert base_rules.lost([*rest, *conditional]) == (name,)
        (body,) = (made[16:] for made in base_rules.remade([name]))
        again = read_rule(body, 0, len(body))
        assert again.is_kernels and base_rules.lost([*rest, again]) == ()
    assert list(base_rules.script("web", names[3:])) == [
        "ip -n web -6 rule add priority 0 lookup 255 protocol kernel",
        "ip -n web -6 rule add priority 32766 lookup 254 protocol kernel",
    ]
