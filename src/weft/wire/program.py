"""The file that says which program is kept running: lines of a word and what it says, and at last `end`.

Rules: pure, and imports nothing: the supervisor reads it too, which is to stay small. A file without its last line was
left half written. What is said holds no line break; whoever writes it sees to that.
"""

from __future__ import annotations

END = "end\n"

Lines = list[tuple[str, str]]


def text_of(lines: Lines) -> str:
    """The file of some lines. Raises: ValueError for a line break within what is said."""
    for word, said in lines:
        if "\n" in said:
            raise ValueError(f"{word} {said!r} holds a line break")
    return "".join(f"{word} {said}\n" for word, said in lines) + END


def lines_of(text: str) -> Lines:
    """The lines of a file; none of one that is half written."""
    if not text.endswith(f"\n{END}"):
        return []
    pairs = (line.partition(" ") for line in text.removesuffix(f"\n{END}").split("\n"))
    return [(word, said) for word, _, said in pairs]


def all_of(lines: Lines, word: str) -> list[str]:
    """What the lines of one word say, in their order."""
    return [said for named, said in lines if named == word]


def first_of(lines: Lines, word: str) -> str:
    """What the first line of one word says, "" where there is none."""
    return next((said for named, said in lines if named == word), "")
