"""`python -m bench.tenants [CASE...]`: run cases, print the table, write bench/out/tenants.json. Needs root.

Status 0 when every bound is kept, 3 when one is not.
"""

from __future__ import annotations

import argparse
import compileall
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import weft
from bench.rows import Row, table, write_json
from bench.tenants.groups import member, thousand
from bench.tenants.routers import routers
from bench.tenants.traffic import traffic

Case = Callable[[Path, int], list[Row]]
CASES: Mapping[str, Case] = {"traffic": traffic, "member": member, "groups": thousand, "routers": routers}
OUT = Path(__file__).parents[2] / "bench" / "out" / "tenants.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.tenants", description="what tenants cost, beside others")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES) + " (all by default)")
    parser.add_argument("--runs", type=int, default=3, help="how often each side is measured (default 3)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE", help="where the figures go as JSON")
    given = parser.parse_args()
    if unknown := set(given.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    compileall.compile_dir(Path(weft.__file__).parent, quiet=2)  # as an installation has it
    rows: list[Row] = []
    for name in given.cases or CASES:
        print(f"{name}: {(CASES[name].__doc__ or '').splitlines()[0]}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
            rows += CASES[name](Path(folder), given.runs)
    print("\n" + table(rows))
    write_json(rows, given.out)
    return 3 if any(row.kept is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
