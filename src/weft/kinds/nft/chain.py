"""A chain and its rules. Rule texts are written exactly as `nft -s list` prints them, so that what is read compares
equal as text. Source: nft(8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.nft.commands import Command, Line, Stage, in_netns, shell
from weft.records import dataclass
from weft.state import Change, Key, Keyed, Op, link_key

IP = {4: "ip", 6: "ip6"}
"""A packet of each family, in the words of a rule."""

_HEADER = re.compile(
    r'type (?P<type>\w+) hook (?P<hook>\w+)(?: device "(?P<device>[^"]+)")?'
    r" priority (?P<priority>-?\d+);(?: policy (?P<policy>\w+);)?"
)


@dataclass(frozen=True, slots=True)
class ListedRule:
    """A rule as the kernel holds it: its number there and its text."""

    handle: int
    text: str


_LEADS_TO = re.compile(r"(?:goto|jump) ([\w./-]+)")
_FWD_TO = re.compile(r'fwd to "([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class NftChain(Keyed):
    """A chain with all of its rules in order. A base chain has `type`, `hook` and `priority` (a number); `device` in
    netdev only. A rule is its text; a counter in it is written `counter`."""

    netns: str
    family: str
    table: str
    name: str
    rules: tuple[str, ...] = ()
    type: str = ""
    hook: str = ""
    priority: int = 0
    policy: str = "accept"
    device: str = ""

    def identify(self) -> Key:
        return Key("nft-chain", self.netns, f"{self.family} {self.table} {self.name}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        """Its table, its device, and the devices its rules forward to: nft stores those by index, so a link made anew
        under the same name needs the rule anew."""
        devices = (self.device,) if self.device else ()
        targets = _FWD_TO.findall(" ".join(self.rules)) if devices else ()
        links = (link_key(self.netns, ifname) for ifname in (*devices, *targets))
        return (Key("nft-table", self.netns, f"{self.family} {self.table}"), *links)


def requests(change: Change, names: Names) -> Iterable[Request]:
    return in_netns(_chain(change).netns, _commands(change))


def script(change: Change) -> Iterable[str]:
    """Chains that the rules lead to may come later in a script: they are declared, which harms none that is there."""
    chain = _chain(change)
    targets = dict.fromkeys(_LEADS_TO.findall(" ".join(chain.rules))) if change.after is not None else ()
    table = f"{chain.family} {chain.table}"
    declared: list[Command] = [Line(Stage.ADD_CHAIN, f"add chain {table} {name}") for name in targets]
    return shell(chain.netns, [*declared, *_commands(change)])


def parse(netns: str, family: str, table: str, name: str, header: str, rules: Iterable[str]) -> NftChain:
    """`header`: the line of a base chain that names its hook, "" for a chain without one."""
    chain = NftChain(netns=netns, family=family, table=table, name=name, rules=tuple(rules))
    hook = _HEADER.match(header)
    if hook is None:
        return chain
    return replace(
        chain,
        type=hook["type"],
        hook=hook["hook"],
        priority=int(hook["priority"]),
        policy=hook["policy"] or "accept",
        device=hook["device"] or "",
    )


def edits(chain: NftChain, listed: Sequence[ListedRule]) -> list[Command]:
    """Commands that lead from the rules that are there to the chain's own and let the common ones live on, with
    their counters."""
    from difflib import SequenceMatcher  # only changed rules pay for it

    target = _target(chain)
    commands: list[Command] = [_declaration(chain)]
    match = SequenceMatcher(None, [rule.text for rule in listed], chain.rules, autojunk=False)
    for tag, old, old_end, new, new_end in match.get_opcodes():
        if tag == "equal":
            continue
        commands += [
            Line(Stage.DROP_RULE, f"delete rule {target} handle {rule.handle}") for rule in listed[old:old_end]
        ]
        # What follows the gap survives: rules are inserted before it, in order.
        place = (
            f"insert rule {target} handle {listed[old_end].handle}" if old_end < len(listed) else f"add rule {target}"
        )
        commands += [Line(Stage.ADD_RULE, f"{place} {rule}") for rule in chain.rules[new:new_end]]
    return commands


def _chain(change: Change) -> NftChain:
    assert isinstance(change.object, NftChain)
    return change.object


def _target(chain: NftChain) -> str:
    return f"{chain.family} {chain.table} {chain.name}"


def _declaration(chain: NftChain) -> Command:
    """Harmless where the chain is there: it then only sets the policy."""
    target = _target(chain)
    if not chain.hook:
        return Line(Stage.ADD_CHAIN, f"add chain {target}")
    device = f' device "{chain.device}"' if chain.device else ""
    hook = f"type {chain.type} hook {chain.hook}{device} priority {chain.priority}; policy {chain.policy};"
    return Line(Stage.ADD_CHAIN, f"add chain {target} {{ {hook} }}")


def _commands(change: Change) -> list[Command]:
    chain, target = _chain(change), _target(_chain(change))
    rules: list[Command] = [Line(Stage.ADD_RULE, f"add rule {target} {rule}") for rule in chain.rules]
    match change.op:
        case Op.CREATE:
            # Kernels from 6.16 keep a netdev chain when its device goes: what is left of it is emptied.
            return [_declaration(chain), Line(Stage.ADD_CHAIN, f"flush chain {target}"), *rules]
        case Op.UPDATE:
            return [Line(Stage.DROP_RULE, f"flush chain {target}"), _declaration(chain), *rules]
        case Op.DELETE:
            return _removal(target)
        case Op.REPLACE:
            return [*_removal(target), _declaration(chain), *rules]


def _removal(target: str) -> list[Command]:
    return [Line(Stage.DROP_RULE, f"flush chain {target}"), Line(Stage.DROP_CHAIN, f"delete chain {target}")]


ROW = Kind(
    name="nft-chain",
    cls=NftChain,
    backend="nft",
    owner=Owner.TABLE,
    in_place=frozenset({"rules", "policy"}),
    requests=requests,
    script=script,
    parse=parse,
)
