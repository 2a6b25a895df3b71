"""Reads rules of the old kind from what `iptables-legacy-save` prints.

Rules: as of nftables: an option that is not understood becomes a condition that nobody can judge. Source:
iptables-save(8), iptables-extensions(8), linux/netfilter_ipv4.h (priorities).
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence

from weft.reach.foreign.rules import LEGACY, Chain, Rule, Term

_PRIORITIES: Mapping[tuple[str, str], int] = {
    **{("raw", hook): -300 for hook in ("prerouting", "output")},
    **{("mangle", hook): -150 for hook in ("prerouting", "input", "forward", "output", "postrouting")},
    ("nat", "prerouting"): -100,
    ("nat", "output"): -100,
    ("nat", "input"): 100,
    ("nat", "postrouting"): 100,
    **{("security", hook): 50 for hook in ("input", "forward", "output")},
}
_VERDICTS = {
    "ACCEPT": "accept",
    "DROP": "drop",
    "REJECT": "reject",
    "RETURN": "return",
    "QUEUE": "queue",
    "NFQUEUE": "queue",
    "SYNPROXY": "queue",
    **dict.fromkeys(("DNAT", "REDIRECT", "NETMAP", "TPROXY"), "dnat"),
    **dict.fromkeys(("SNAT", "MASQUERADE"), "snat"),
}
_FIELDS = {"-i": "iifname", "-o": "oifname", "-p": "meta l4proto", "--icmp-type": "icmp type"}
_FIELDS |= {"--icmpv6-type": "icmpv6 type", "--ctstate": "ct state", "--state": "ct state"}
_PORTS = {"--dport": "th dport", "--sport": "th sport", "--dports": "th dport", "--sports": "th sport"}
_ADDRESSES = {"-s": "saddr", "-d": "daddr", "--src-range": "saddr", "--dst-range": "daddr"}
_NEUTRAL = ("-m", "--comment")
_ICMP_NAMES = {"echo-request", "echo-reply"}


def read(text: str, family: int) -> list[Chain]:
    """The chains of all tables of one family, 4 or 6."""
    found: list[Chain] = []
    table, policies, lines = "", dict[str, str](), dict[str, list[list[str]]]()
    for line in text.splitlines():
        if line.startswith("*"):
            table, policies, lines = line[1:].strip(), {}, {}
        elif line.startswith(":"):
            name, policy, *_ = line[1:].split()
            policies[name], lines[name] = policy, []
        elif line.startswith("-A "):
            _, name, *words = shlex.split(line)
            lines.setdefault(name, []).append(words)
        elif line.strip() == "COMMIT":
            found += [_chain(table, name, policies, rules, family) for name, rules in lines.items()]
    return found


def unreadable(family: int) -> list[Chain]:
    """Of a family whose rules are there, and nobody can tell them: what passes may be dropped at each hook."""
    rule = Rule("rules that iptables-legacy-save does not tell", (None,), "drop")
    return [
        Chain(
            family=LEGACY[family],
            table=table,
            name=hook.upper(),
            rules=(rule,),
            families=frozenset({family}),
            type="filter",
            hook=hook,
            priority=priority,
        )
        for (table, hook), priority in _PRIORITIES.items()
        if table == "mangle"
    ]


def _chain(table: str, name: str, policies: Mapping[str, str], lines: Sequence[list[str]], family: int) -> Chain:
    own = {chain for chain, policy in policies.items() if policy == "-"}
    hook = "" if name in own else name.lower()
    return Chain(
        family=LEGACY[family],
        table=table,
        name=name,
        rules=tuple(_rule(words, family, own) for words in lines),
        families=frozenset({family}),
        type="nat" if table == "nat" else "filter",
        hook=hook,
        priority=_PRIORITIES.get((table, hook), 0),
        drops=policies.get(name) == "DROP",
    )


def _rule(words: Sequence[str], family: int, own: Collection[str]) -> Rule:
    terms: list[Term | None] = []
    verdict = ""
    for option, values, differs in _options(words):
        if option in ("-j", "-g"):
            target = values[0] if values else ""
            word = "jump" if option == "-j" else "goto"
            verdict = f"{word} {target}" if target in own else _VERDICTS.get(target, "")
            break  # what follows is the target's
        if option not in _NEUTRAL:
            terms.append(_term(option, values, differs, family))
    return Rule(" ".join(words), tuple(terms), verdict)


def _options(words: Sequence[str]) -> Iterator[tuple[str, list[str], bool]]:
    """Each option with its values, and whether it is turned round."""
    differs, option, values = False, "", list[str]()
    for word in words:
        if word == "!" or (word.startswith("-") and len(word) > 1):
            if option:
                yield option, values, differs
                option, values, differs = "", [], False
            differs = differs or word == "!"
            option = "" if word == "!" else word
        else:
            values.append(word)
    if option:
        yield option, values, differs


def _term(option: str, values: Sequence[str], differs: bool, family: int) -> Term | None:
    if len(values) != 1:
        return None
    (value,) = values
    if option in _ADDRESSES:
        return Term((f"{'ip' if family == 4 else 'ip6'} {_ADDRESSES[option]}",), differs, ((value,),))
    if option in _PORTS:
        return Term((_PORTS[option],), differs, tuple((one.replace(":", "-"),) for one in value.split(",")))
    field = _FIELDS.get(option)
    if field is None:
        return None
    if field == "ct state":
        return Term((field,), differs, ((value.lower(),),))
    if field.endswith("type"):
        return _of_icmp(field, value, differs)
    return Term((field,), differs, ((f"{value[:-1]}*" if value.endswith("+") else value,),))


def _of_icmp(field: str, value: str, differs: bool) -> Term | None:
    """A type alone; a code as well is not looked at."""
    is_plain = value.isdecimal() or value in _ICMP_NAMES
    return Term((field,), differs, ((value,),)) if is_plain else None
