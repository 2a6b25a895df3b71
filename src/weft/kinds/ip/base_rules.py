"""The rules that every namespace is born with, and which of them it has lost.

Rules: one counts as there where any rule without a condition looks up its table: whoever moved it knew why. A kernel
without policy routing tells of no rules at all, and nothing is lost there. Source: net/ipv4/fib_rules.c
fib_default_rules_init, net/ipv6/fib6_rules.c fib6_rules_net_init, ip-rule(8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from weft.kinds import command
from weft.wire.address_text import AF_INET, AF_INET6
from weft.wire.codec import NLM_F_CREATE, NLM_F_EXCL, message, u8, u32
from weft.wire.rule import (
    ACTIONS,
    FRA_FWMARK,
    FRA_IIFNAME,
    FRA_OIFNAME,
    FRA_PRIORITY,
    FRA_PROTOCOL,
    FRA_TABLE,
    RTM_NEWRULE,
    RTPROT_KERNEL,
    RuleMessage,
    rule_header,
)

_LOOKUP = next(number for number, name in ACTIONS.items() if name == "lookup")
_BORN: Mapping[str, tuple[int, int, int]] = {
    "inet 0": (AF_INET, 0, 255),
    "inet 32766": (AF_INET, 32766, 254),
    "inet 32767": (AF_INET, 32767, 253),
    "inet6 0": (AF_INET6, 0, 255),
    "inet6 32766": (AF_INET6, 32766, 254),
}
"""Family, priority and table, by the name that a rule has as a key."""
_CONDITIONS = (FRA_FWMARK, FRA_IIFNAME, FRA_OIFNAME)


def lost(rules: Iterable[RuleMessage]) -> tuple[str, ...]:
    """The names of those that are not among all the rules of a namespace."""
    there = {(rule.family, rule.table) for rule in rules if _is_for_all(rule)}
    families = {family for family, _ in there}
    return tuple(
        name for name, (family, _, table) in _BORN.items() if (family, table) not in there and family in families
    )


def _is_for_all(rule: RuleMessage) -> bool:
    is_bound = rule.dst_length or rule.src_length or any(kind in rule.attributes for kind in _CONDITIONS)
    return rule.action == _LOOKUP and not is_bound


def remade(names: Iterable[str]) -> Iterator[bytes]:
    """The messages that make them as the kernel does."""
    for name in names:
        family, priority, table = _BORN[name]
        said = u32(FRA_PRIORITY, priority), u32(FRA_TABLE, table), u8(FRA_PROTOCOL, RTPROT_KERNEL)
        yield message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule_header(family, action=_LOOKUP), *said)


def script(netns: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        family, priority, table = _BORN[name]
        inet6 = ("-6",) if family == AF_INET6 else ()
        words = ("rule", "add", "priority", priority, "lookup", table, "protocol", "kernel")
        yield command.ip(netns, *inet6, *words)
