"""Rows of weft beside its peers, as a table for people and as JSON.

Rules: a peer that cannot do what is asked is shown with the reason, below the table, never left out.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

WEFT = "weft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`sides`: who to a figure in `unit`, or to why there is none. `kept`: whether `bound` is, None where there is none
    to keep. `remarks`: by side. `where`: on which kernel, where it is not this one."""

    case: str
    unit: str
    sides: Mapping[str, float | str]
    bound: str = ""
    kept: bool | None = None
    remarks: Mapping[str, str] = field(default_factory=dict)
    where: str = ""

    @property
    def verdict(self) -> str:
        return "" if self.kept is None else "ok" if self.kept else "OVER"


def table(rows: Sequence[Row]) -> str:
    sides = [WEFT, *dict.fromkeys(side for row in rows for side in row.sides if side != WEFT)]
    lines = [["case", *sides, "bound", ""]]
    lines += [_line(row, sides) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    return "\n".join([*shown, "", *_reasons(rows)])


def _line(row: Row, sides: Iterable[str]) -> list[str]:
    figures = [_figure(row.sides.get(side), row.unit) for side in sides]
    return [f"{row.case}, {row.where}" if row.where else row.case, *figures, row.bound, row.verdict]


def _figure(held: float | str | None, unit: str) -> str:
    if held is None:
        return ""
    return "not possible" if isinstance(held, str) else f"{held:.4g} {unit}"


def _reasons(rows: Iterable[Row]) -> list[str]:
    """Each once, with how many rows it is of."""
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        for side, held in (*row.sides.items(), *row.remarks.items()):
            if isinstance(held, str):
                found[side, held] = found.get((side, held), 0) + 1
    return [f"{side}, {count} rows: {why}" for (side, why), count in found.items()]


def write_json(rows: Sequence[Row], path: Path) -> None:
    """The rows with what they were taken on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"kernel": platform.release(), "python": platform.python_version(), "cores": os.cpu_count()}
    shown = [{**asdict(row), "verdict": row.verdict} for row in rows]
    path.write_text(json.dumps({"machine": machine, "rows": shown}, indent=2) + "\n")


def read_rows(path: Path) -> list[Row]:
    """As `write_json` wrote them."""
    written = json.loads(path.read_text())["rows"]
    return [Row(**{word: value for word, value in row.items() if word != "verdict"}) for row in written]
