"""`python -m bench.qos [CASE...]`: run cases, print the table, write bench/out/qos.json. Needs root.

Status 0 when every bound is kept, 3 when one is not.
"""

from __future__ import annotations

import argparse
import compileall
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import weft
from bench.qos.delay import delay
from bench.qos.guarantees import guarantees
from bench.qos.rates import rates
from bench.qos.thousand import thousand
from bench.rows import Row, read_rows, table, write_json
from tests.guest import kernels
from tests.guest.guest import Guest

Case = Callable[[Path, int], list[Row]]
CASES: Mapping[str, Case] = {"rates": rates, "guarantees": guarantees, "delay": delay, "thousand": thousand}
IN_GUEST = ("delay",)
"""Run in a guest too: its kernel has fq_codel."""
ROOT = Path(__file__).parents[2]
OUT = ROOT / "bench" / "out" / "qos.json"
_GUEST_S = 1800


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.qos", description="weft's quality of service beside its peers")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES) + " (all by default)")
    parser.add_argument("--runs", type=int, default=3, help="how often each side is measured (default 3)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE", help="where the figures go as JSON")
    parser.add_argument("--here", action="store_true", help="not in a guest too")
    given = parser.parse_args()
    if unknown := set(given.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    compileall.compile_dir(Path(weft.__file__).parent, quiet=2)  # as an installation has it
    rows: list[Row] = []
    for name in given.cases or CASES:
        print(f"{name}: {(CASES[name].__doc__ or '').splitlines()[0]}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
            rows += CASES[name](Path(folder), given.runs)
        if name in IN_GUEST and not given.here:
            rows += _in_guest(name, given.runs)
    print("\n" + table(rows))
    write_json(rows, given.out)
    return 3 if any(row.kept is False for row in rows) else 0


def _in_guest(name: str, runs: int) -> list[Row]:
    found = kernels.find()
    if not found:
        why = f"there is no guest's kernel (make guest-kernel), and Linux {platform.release()} lacks fq_codel"
        print(f"{name} with fq_codel: NOT RUN: {why}", file=sys.stderr)
        return []
    with Guest(found[-1], memory="1G") as guest:
        command = (sys.executable, "-m", "bench.qos", name, "--here", "--runs", str(runs), "--out", "/hostout/qos.json")
        done = guest.run(*command, cwd=ROOT, timeout_s=_GUEST_S, check=False)
        if not (guest.out / "qos.json").exists():
            raise RuntimeError(f"{name} in the guest {guest.kernel}: {done.stderr[-2000:]}")
        return [replace(row, where=f"guest {guest.kernel}") for row in read_rows(guest.out / "qos.json")]


if __name__ == "__main__":
    sys.exit(main())
