"""Figures as a table for people and as JSON for the next run to compare with."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line: what weft took, what it is measured against and the bound on their ratio, where there is one.
    `value` and `beside` in `unit`; `bound` times `beside`, or absolute in `unit` when there is nothing beside."""

    case: str
    value: float
    unit: str = "s"
    against: str = ""
    beside: float | None = None
    bound: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.beside if self.beside else None

    @property
    def verdict(self) -> str:
        """'ok' or 'over' where a bound is set."""
        if self.bound is None:
            return ""
        measured = self.value if self.ratio is None else self.ratio
        return "ok" if measured <= self.bound else "OVER"


def table(figures: Iterable[Figure]) -> str:
    rows = [("case", "weft", "beside", "ratio", "bound", "", "")]
    rows += [_row(figure) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(_cells(row, widths)).rstrip() for row in rows)


def _row(figure: Figure) -> tuple[str, ...]:
    against = f"{_amount(figure.beside, figure.unit)} {figure.against}" if figure.beside is not None else ""
    ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else ""
    bound = _bound(figure)
    return figure.case, _amount(figure.value, figure.unit), against, ratio, bound, figure.verdict, figure.note


def _bound(figure: Figure) -> str:
    if figure.bound is None:
        return ""
    return _amount(figure.bound, figure.unit) if figure.ratio is None else f"{figure.bound:g}"


def _amount(value: float, unit: str) -> str:
    return f"{value * 1000:.1f} ms" if unit == "s" and value < 1 else f"{value:.2f} {unit}"


def _cells(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    numbers = range(1, 5)
    return [
        cell.rjust(width) if column in numbers and column != 2 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def write_json(figures: Sequence[Figure], path: Path) -> None:
    """The figures with what they were taken on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"kernel": platform.release(), "python": platform.python_version(), "cores": os.cpu_count()}
    shown = [{**asdict(figure), "ratio": figure.ratio, "verdict": figure.verdict} for figure in figures]
    path.write_text(json.dumps({"machine": machine, "figures": shown}, indent=2) + "\n")
