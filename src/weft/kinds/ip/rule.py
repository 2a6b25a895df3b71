"""A policy routing rule. Source: ip-rule(8), linux/fib_rules.h."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.netns import ground
from weft.records import dataclass
from weft.state import PROTOCOL, Change, Key, Keyed
from weft.wire.address_text import AF_INET, AF_INET6, prefix_bytes
from weft.wire.codec import NLM_F_CREATE, NLM_F_EXCL, attribute, message, text, u8, u32
from weft.wire.rule import (
    ACTIONS,
    FRA_DST,
    FRA_FWMARK,
    FRA_FWMASK,
    FRA_IIFNAME,
    FRA_OIFNAME,
    FRA_PRIORITY,
    FRA_PROTOCOL,
    FRA_SRC,
    FRA_SUPPRESS_PREFIXLEN,
    FRA_TABLE,
    RTM_DELRULE,
    RTM_NEWRULE,
    RuleMessage,
    rule_header,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Keyed):
    """`family` 4 or 6; `priority` must be unique in it for weft's own, but for those that suppress: they may share one,
    each with its own `iif` and `dst`. `src`, `dst`: prefixes, "" for all. `fwmark` and `fwmask`: 32 bits. `action`:
    "lookup", "blackhole", "unreachable", "prohibit". `suppressed`: what the table says by prefixes of at most that
    length does not count, None for all that it says."""

    netns: str
    family: int
    priority: int
    src: str = ""
    dst: str = ""
    iif: str = ""
    oif: str = ""
    fwmark: int = 0
    fwmask: int = 0
    table: int = 0
    action: str = "lookup"
    suppressed: int | None = None
    protocol: int | None = None

    def identify(self) -> Key:
        selectors = "" if self.suppressed is None else "".join(f" {one}" for one in (self.iif, self.dst) if one)
        return Key("rule", self.netns, f"inet{'6' if self.family == 6 else ''} {self.priority}{selectors}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return ground(self.netns)


_ACTION_NUMBERS = {name: number for number, name in ACTIONS.items()}
_ALL_BITS = 0xFFFFFFFF
_NONE_SUPPRESSED = 0xFFFFFFFF


def requests(change: Change, names: Names) -> Iterator[Request]:
    for kind, flags, rule in ((RTM_DELRULE, 0, change.before), (RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, change.after)):
        if isinstance(rule, Rule):
            protocol = PROTOCOL if kind == RTM_NEWRULE else rule.protocol
            yield Request(rule.netns, message(kind, flags, *_selectors(rule), *_protocol(protocol)))


def _protocol(protocol: int | None) -> tuple[bytes, ...]:
    return () if protocol is None else (u8(FRA_PROTOCOL, protocol),)


def _selectors(rule: Rule) -> Iterator[bytes]:
    src, src_length = prefix_bytes(rule.src) if rule.src else (b"", 0)
    dst, dst_length = prefix_bytes(rule.dst) if rule.dst else (b"", 0)
    family = AF_INET6 if rule.family == 6 else AF_INET
    action = _ACTION_NUMBERS[rule.action]
    yield rule_header(family, dst_length=dst_length, src_length=src_length, action=action)
    yield u32(FRA_PRIORITY, rule.priority)
    yield from (attribute(kind, raw) for kind, raw in ((FRA_SRC, src), (FRA_DST, dst)) if raw)
    yield from (text(kind, name) for kind, name in ((FRA_IIFNAME, rule.iif), (FRA_OIFNAME, rule.oif)) if name)
    if rule.fwmark or rule.fwmask:
        yield u32(FRA_FWMARK, rule.fwmark) + u32(FRA_FWMASK, rule.fwmask or _ALL_BITS)
    if rule.table:
        yield u32(FRA_TABLE, rule.table)
    if rule.suppressed is not None:
        yield u32(FRA_SUPPRESS_PREFIXLEN, rule.suppressed)


def script(change: Change) -> Iterable[str]:
    for verb, rule in (("del", change.before), ("add", change.after)):
        if isinstance(rule, Rule):
            protocol = PROTOCOL if verb == "add" else rule.protocol
            yield command.ip(rule.netns, *_words(verb, rule, protocol))


def _words(verb: str, rule: Rule, protocol: int | None) -> Iterator[str | int]:
    yield from (*(("-6",) if rule.family == 6 else ()), "rule", verb, "priority", rule.priority)
    named = (("from", rule.src), ("to", rule.dst), ("iif", rule.iif), ("oif", rule.oif))
    yield from (word for name, value in named if value for word in (name, value))
    if rule.fwmark or rule.fwmask:
        yield from ("fwmark", f"{rule.fwmark:#x}/{rule.fwmask or _ALL_BITS:#x}")
    yield from ("lookup", rule.table) if rule.action == "lookup" else (rule.action,)
    yield from ("suppress_prefixlength", rule.suppressed) if rule.suppressed is not None else ()
    yield from ("protocol", protocol) if protocol is not None else ()


def parse(netns: str, seen: RuleMessage) -> Rule:
    found = seen.attributes
    mark = found.get(FRA_FWMARK, 0)
    mask = found.get(FRA_FWMASK, 0)
    action = ACTIONS.get(seen.action, str(seen.action))
    suppressed = found.get(FRA_SUPPRESS_PREFIXLEN, _NONE_SUPPRESSED)
    return Rule(
        netns=netns,
        family=6 if seen.family == AF_INET6 else 4,
        priority=found.get(FRA_PRIORITY, 0),
        src=f"{found[FRA_SRC]}/{seen.src_length}" if FRA_SRC in found else "",
        dst=f"{found[FRA_DST]}/{seen.dst_length}" if FRA_DST in found else "",
        iif=found.get(FRA_IIFNAME, ""),
        oif=found.get(FRA_OIFNAME, ""),
        fwmark=mark,
        fwmask=mask,
        table=seen.table if action == "lookup" else 0,
        action=action,
        suppressed=None if suppressed == _NONE_SUPPRESSED else suppressed,
        protocol=found.get(FRA_PROTOCOL),
    )


ROW = Kind(
    name="rule",
    cls=Rule,
    backend="rtnl",
    owner=Owner.PROTOCOL,
    in_place=frozenset(),
    requests=requests,
    script=script,
    parse=parse,
)
