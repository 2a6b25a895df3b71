"""What would be right, where a text is not what it should be."""

from __future__ import annotations

import re

_AT_MOST = re.compile(r"at most (\d+)")
_DOTTED = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?")
_WITH_UNIT = re.compile(r"(\d+(?:\.\d+)?(?:[eE]\d+)?)\s*([kKmMgG]?)(i?)(?:[bB]|bytes?)?")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3}
_LONGEST = 120


def shown(written: str) -> str:
    """As it was written, in quotes; of what fills a page its beginning."""
    return repr(written) if len(written) <= _LONGEST else f"{written[:_LONGEST]!r}... ({len(written)} characters)"


def like(written: str, what: str, example: str) -> str:
    """`example`, and what alone keeps the text from being `what`, where that is plain to see."""
    most = _AT_MOST.search(what)
    if foreign := next((letter for letter in written if not letter.isascii()), ""):
        return f"without {foreign!r}, which is not ASCII: for example {example}"
    if most and len(written) > int(most[1]):
        return f"{len(written)} characters are too many: for example {example}"
    plain = re.sub(r"\b0+(?=\d)", "", written)
    if plain != written and _DOTTED.fullmatch(written):
        return f"write {plain}, without leading zeros"
    return f"for example {example}"


def plain_number(written: str) -> str:
    """What a number with a unit comes to."""
    found = _WITH_UNIT.fullmatch(written) if len(written) <= 20 else None
    if found and (plain := float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2].lower()]) < 1e18:
        return f"write {plain:.0f}, without a unit"
    return "write a whole number"
