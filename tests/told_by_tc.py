"""HTB's classes as tc(8) tells them, which has no JSON for classes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.world import World

_UNITS = {"bit": 1, "Kbit": 1000, "Mbit": 1000**2, "Gbit": 1000**3, "Tbit": 1000**4}
_CLASS = re.compile(
    r"class htb (?P<number>\S+) (?:root|parent (?P<parent>\S+)) (?:leaf (?P<leaf>\S+) )?(?:prio (?P<prio>\d+) )?"
    r".*?rate (?P<rate>\S+) (?:overhead \d+ )?ceil (?P<ceil>\S+).*?\n Sent (?P<bytes>\d+) bytes (?P<packets>\d+) pkt "
    r"\(dropped (?P<drops>\d+), overlimits (?P<overlimits>\d+) .*?borrowed: (?P<borrowed>\d+)",
    re.S,
)


@dataclass(frozen=True)
class ClassTold:
    """`parent` "" of the top, `leaf` "" of what has classes. Rates in bit/s."""

    number: str
    parent: str
    leaf: str
    prio: int
    rate_bps: int
    ceil_bps: int
    bytes: int
    packets: int
    drops: int
    overlimits: int
    borrowed: int


def htb_classes(world: World, dev: str, netns: str | None = None) -> dict[str, ClassTold]:
    """By their numbers."""
    text = world.run("tc", "-s", "class", "show", "dev", dev, netns=netns).stdout
    found = (_told(seen.groupdict()) for seen in map(_CLASS.match, re.split(r"\n(?=class )", text)) if seen)
    return {held.number: held for held in found}


def _told(seen: dict[str, str | None]) -> ClassTold:
    counts = {name: int(seen[name] or 0) for name in ("prio", "bytes", "packets", "drops", "overlimits", "borrowed")}
    return ClassTold(
        number=seen["number"] or "",
        parent=seen["parent"] or "",
        leaf=seen["leaf"] or "",
        rate_bps=_rate(seen["rate"] or ""),
        ceil_bps=_rate(seen["ceil"] or ""),
        **counts,
    )


def _rate(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(\w+)", text).groups()  # type: ignore[union-attr]
    return int(number) * _UNITS[unit]
