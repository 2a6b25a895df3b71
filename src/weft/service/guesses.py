"""What follows from the MTU of a link that is not there, and so cannot be known.

Rules: pure. What comes out otherwise with another MTU follows from it: where such a thing is there, it is what is
wanted. So nothing is told, or done, for a figure that nobody knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

from weft.compiler import Compiled, CompileError, compile
from weft.facts import Facts, ForeignLink
from weft.model.intent import Intent
from weft.state import HOST, KernelObject, Key, State

_MTUS = (1400, 9000)
"""In bytes. What neither of them changes follows from none that is likely."""


def as_guessed(intent: Intent, facts: Facts, links: Collection[Key]) -> Sequence[Compiled]:
    """The intent compiled with other MTUs of these links; without one that it has no meaning with."""
    return tuple(_compiled(intent, facts, [link.name for link in links if link.netns == HOST and link.table == "link"]))


def without_guesses(compiled: Compiled, others: Sequence[Compiled], observed: State) -> Compiled:
    """What is wanted, but for figures in which `others` differ: these are as they are. What some of them have alone is
    left out of the state where it is not, and has a path where it is."""
    known = State(compiled.state)
    for key, want in compiled.state.items():
        have, guessed = observed.get(key), [other.state.get(key) for other in others]
        if all(guess == want for guess in guessed):
            continue
        if have is None and None in guessed and all(on in observed for on in want.lives_on):
            del known[key]
        elif type(have) is type(want):
            names = {name for guess in guessed for name in _differing(want, guess)}
            known[key] = replace(want, **{name: getattr(have, name) for name in names})  # type: ignore[type-var]
    paths = {key: path for other in (*others, compiled) for key, path in other.paths.items()}
    return replace(compiled, state=known, paths=paths)


def _compiled(intent: Intent, facts: Facts, names: Sequence[str]) -> Iterator[Compiled]:
    for mtu in _MTUS if names else ():
        absent = {name: ForeignLink(ifname=name, absent=True) for name in names}
        links = {name: replace(facts.links.get(name, absent[name]), mtu=mtu) for name in names}
        with suppress(CompileError):
            yield compile(intent, replace(facts, links={**facts.links, **links}), lenient=True)


def _differing(want: KernelObject, guess: KernelObject | None) -> Iterator[str]:
    if type(guess) is type(want):
        compared: Any = want
        yield from (one.name for one in fields(compared) if getattr(want, one.name) != getattr(guess, one.name))
