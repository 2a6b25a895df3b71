"""`python -m bench [CASE...]`: run cases, print the table, write bench/out/bench.json. Needs root.

Status 0 when every bound is kept, 3 when one is not.
"""

from __future__ import annotations

import argparse
import compileall
import sys
import tempfile
from pathlib import Path

import weft
from bench.cases import PROCESSES, Bench
from bench.inside import INSIDE
from bench.reach import REACH
from bench.report import Figure, table, write_json
from bench.segments import SEGMENT_CASES
from bench.stacked import STACKED_CASES
from bench.trace import TRACE

CASES = {**PROCESSES, **INSIDE, **REACH, **TRACE, **SEGMENT_CASES, **STACKED_CASES}
OUT = Path(__file__).parent / "out" / "bench.json"
SOURCE = Path(weft.__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description="weft's speed beside a reference and its peers")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES) + " (all by default)")
    parser.add_argument("--runs", type=int, default=5, help="how often each side is timed (default 5)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE", help="where the figures go as JSON")
    given = parser.parse_args()
    if unknown := set(given.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    compileall.compile_dir(SOURCE, quiet=2)  # as an installation has it, whatever PYTHONDONTWRITEBYTECODE says here
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        bench = Bench(folder=Path(folder), runs=given.runs)
        figures = [figure for name in given.cases or CASES for figure in _run(name, bench)]
    print("\n" + table(figures))
    write_json(figures, given.out)
    return 3 if any(figure.verdict == "OVER" for figure in figures) else 0


def _run(name: str, bench: Bench) -> list[Figure]:
    print(f"{name}: {(CASES[name].__doc__ or '').splitlines()[0]}", file=sys.stderr, flush=True)
    return CASES[name](bench)


if __name__ == "__main__":
    sys.exit(main())
