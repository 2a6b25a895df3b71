"""Routes over links that are down and that weft does not bring up: the kernel takes none. A card's owner may be late.

Rules: pure. Source: net/ipv4/fib_semantics.c fib_check_nh, net/ipv6/route.c fib6_nh_init.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from weft.compiler import Cause, Compiled, Finding
from weft.compiler.naming import where_words
from weft.kinds.ip.route import Route
from weft.kinds.link.common import Link
from weft.kinds.setting.link import UP
from weft.service.absent import whole_of
from weft.state import Key, State


def over_down_links(desired: State, observed: State) -> Mapping[Key, Key]:
    """The routes that cannot be, each with the link that is down."""
    return {
        key: on
        for key, obj in desired.items()
        if isinstance(obj, Route)
        for on in obj.lives_on
        if on.table == "link" and on not in desired and _is_down(on, desired, observed)
    }


def lacking(routes: Mapping[Key, Key], compiled: Compiled, severity: Literal["error", "warning"]) -> Iterator[Finding]:
    """What is to be said of these, once of each link at an object of the intent."""
    told = set()
    for key, link in routes.items():
        path = compiled.paths[key]
        if (whole_of(path), link) not in told:
            told.add((whole_of(path), link))
            yield Finding(
                path=path,
                what=f"{link.name} on {where_words(link.netns)} is down, and no route leads over it",
                fix=f"`links: {link.name}: {{existing: true, up: true}}`, or bring it up",
                severity=severity,
                cause=Cause.MACHINE,
                missing=link,
            )


def _is_down(link: Key, desired: State, observed: State) -> bool:
    there, said = observed.get(link), desired.get(Key("link-setting", link.netns, f"{link.name} {UP}"))
    return isinstance(there, Link) and there.up is False and getattr(said, "value", "") != UP
