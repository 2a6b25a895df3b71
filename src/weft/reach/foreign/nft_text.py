"""Reads others' tables from what `nft list table` prints.

Rules: text and not JSON, for of what iptables-nft wrote, nft translates the matches in its text alone (seen with 1.0.6:
`{"xt": ...}` names an extension and says nothing more). What is not understood becomes a condition that nobody can
judge. A map of verdicts becomes a rule for each of its elements. Source: nft(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from weft.reach.foreign.rules import BACK, BACK_BY_IIF, Chain, Rule, Term

_TABLE = re.compile(r"table (\w+) (\S+) \{")
_BLOCK = re.compile(r"\t(chain|set|map) (\S+) \{")
_BASE = re.compile(
    r"type (?P<type>\w+) hook (?P<hook>\w+) .*?priority (?P<priority>-?\d+);(?: policy (?P<policy>\w+);)?"
)
_DORMANT = re.compile(r"\tflags .*\bdormant\b")
_HANDLE = re.compile(r"\s*# handle \d+$")
_ELEMENTS = re.compile(r"elements = \{(.*)\}", re.S)
_OF_AN_ELEMENT = re.compile(r" (?:timeout|expires|counter|comment|limit) .*")
_COUNTER = r"(?<!\S)counter(?: packets \d+ bytes \d+| name \S+)?(?!\S)"
_NOISE = re.compile(
    rf'{_COUNTER}|(?<!\S)comment "[^"]*"|(?<!\S)log(?: (?:prefix "[^"]*"|level \w+|group \d+|snaplen \d+'
    r"|queue-threshold \d+|flags [\w, ]+?(?= |$)))*(?!\S)|(?<!\S)(?:meta|ct) (?:nftrace|mark|priority) set \S+"
)
"""A word that stands by itself: chains are called `ufw-before-logging-forward`, too."""

_FIELD = (
    rf"(?:iifname|oifname|iif|oif|fib daddr type|{BACK_BY_IIF}|{BACK}"
    r"|(?:meta|ip6|ip|tcp|udp|sctp|dccp|udplite|th|icmpv6|icmp|ct|ether|arp|igmp|vlan|rt|esp|ah) \w+)"
)
_TERM = re.compile(
    rf"(?P<fields>{_FIELD}(?: \. {_FIELD})*) (?P<word>vmap |!= |== )?"
    r'(?P<operand>\{[^}]*\}|@\S+|"[^"]*"|[^\s&<>/(|][^\s&<>(|]*)(?: |$)'
)
_WAY_BACK = re.compile(r"(?<!\S)fib saddr(?: \. mark)?( \. iif)? (?:oif|check)(?= (?:exists|missing)(?: |$))")
_LIMIT = re.compile(r"limit rate (?:over )?\d+(?: \w+)?/\w+(?: burst \d+ \w+)? ?")
_VERDICT = re.compile(r"(?:^|\s)(?P<verdict>accept|drop|reject|return|queue|continue|(?:jump|goto) \S+)(?P<more> .*)?$")
_TRANSLATION = re.compile(r"(?<!\S)(?:(?P<target>dnat|redirect|tproxy)|(?P<source>snat|masquerade))(?!\S)")
_ANYTHING = re.compile(r"\b(?:xt target|synproxy)\b")
_TAKES_MORE = ("reject", "queue")
_FAMILIES = {"ip": frozenset({4}), "ip6": frozenset({6})}
_ANY = "*"
"""The element for whatever has none."""
_BOTH = frozenset({4, 6})


def read(text: str) -> list[Chain]:
    """The chains of any number of tables."""
    found: list[Chain] = []
    for family, table, blocks in _tables(text):
        sets = {name: _elements("\n".join(lines)) for kind, name, lines in blocks if kind != "chain"}
        found += [_chain(family, table, name, lines, sets) for kind, name, lines in blocks if kind == "chain"]
    return found


def _tables(text: str) -> Iterator[tuple[str, str, list[tuple[str, str, list[str]]]]]:
    """Each that is not dormant, with its blocks: kind, name and lines."""
    family, table, sleeps = "", "", False
    blocks: list[tuple[str, str, list[str]]] = []
    lines: list[str] = []
    for line in text.splitlines():
        if named := _TABLE.match(line):
            family, table = named.groups()
            blocks, sleeps = [], False
        elif opened := _BLOCK.match(line):
            lines = []
            blocks.append((opened[1], opened[2], lines))
        elif line == "\t}":
            lines = []  # what follows is of a block that says nothing here, as a flowtable
        elif line == "}" and not sleeps:
            yield family, table, blocks
        elif line.startswith("\t\t"):
            lines.append(_HANDLE.sub("", line.strip()))
        elif _DORMANT.match(line):
            sleeps = True


def _elements(block: str) -> tuple[str, ...]:
    found = _ELEMENTS.search(block)
    return _split(found[1]) if found else ()


def _split(text: str) -> tuple[str, ...]:
    return tuple(" ".join(one.split()) for one in text.split(",") if one.strip())


def _chain(family: str, table: str, name: str, lines: Sequence[str], sets: Mapping[str, Sequence[str]]) -> Chain:
    lines = [line for line in lines if not line.startswith("comment ")]
    base = _BASE.match(lines[0]) if lines else None
    rules = tuple(rule for line in (lines[1:] if base else lines) for rule in rules_of(line, sets))
    families = _FAMILIES.get(family, _BOTH)
    made = Chain(family=family, table=table, name=name, rules=rules, families=families)
    if base is None:
        return made
    return Chain(
        family=family,
        table=table,
        name=name,
        rules=rules,
        families=families,
        type=base["type"],
        hook=base["hook"],
        priority=int(base["priority"]),
        drops=base["policy"] == "drop",
    )


def rules_of(line: str, sets: Mapping[str, Sequence[str]]) -> Iterator[Rule]:
    """What a line says: one rule, or one for each element of its map of verdicts."""
    text = " ".join(line.split())
    bare = _WAY_BACK.sub(_way_back, " ".join(_NOISE.sub("", text).split()))
    terms: list[Term | None] = []
    at = 0
    while (found := _TERM.match(bare, at) or _LIMIT.match(bare, at)) is not None:
        if found.re is _LIMIT:
            terms.append(None)
            at = found.end()
            continue
        fields, held = tuple(found["fields"].split(" . ")), _held(found["operand"], sets)
        at = found.end()
        if found["word"] == "vmap ":
            yield from _mapped(text, terms, fields, held)
            return
        values = tuple(_parts(one) for one in held)
        terms.append(Term(fields, found["word"] == "!= ", values))
    verdict, understood = _ending(bare[at:])
    yield Rule(_shown(text), tuple(terms if understood else [*terms, None]), verdict)


def _way_back(found: re.Match[str]) -> str:
    """A reverse path filter, as one field."""
    return BACK_BY_IIF if found[1] else BACK


def _mapped(text: str, terms: Sequence[Term | None], fields: tuple[str, ...], held: Sequence[str]) -> Iterator[Rule]:
    keys = {key: verdict for key, _, verdict in (one.partition(" : ") for one in held)}
    others = tuple(_parts(key) for key in keys if _OF_AN_ELEMENT.sub("", key) != _ANY)
    for key, verdict in keys.items():
        parts = _parts(key)
        term = Term(fields, True, others) if parts == (_ANY,) else Term(fields, False, (parts,))
        yield Rule(_shown(text), (*terms, term), "" if verdict == "continue" else verdict)


def _held(operand: str, sets: Mapping[str, Sequence[str]]) -> Sequence[str]:
    if operand.startswith("@"):
        return sets.get(operand[1:], ())
    return _split(operand.strip("{} ")) if operand.startswith("{") else (operand,)


def _parts(element: str) -> tuple[str, ...]:
    return tuple(part.strip('"') for part in _OF_AN_ELEMENT.sub("", element).split(" . "))


def _ending(rest: str) -> tuple[str, bool]:
    """What a rule does, and whether all that stands before was understood."""
    if not rest:
        return "", True
    if found := _TRANSLATION.search(rest):
        return "dnat" if found["target"] else "snat", found.start() == 0
    if _ANYTHING.search(rest):
        return "queue", False
    found = _VERDICT.search(rest)
    if found is None:
        return "", False
    verdict = found["verdict"]
    if verdict == "continue" or (found["more"] and verdict not in _TAKES_MORE):
        return "", False
    return verdict, found.start() == 0


def _shown(text: str) -> str:
    return " ".join(re.sub(_COUNTER, "", text).split())
