"""When a run of tests is given up, so that it ends by itself and says where it was.

pytest's own limit for a test (`timeout` in pyproject.toml) ends what waits; it reaches neither a system call that does
not come back nor the taking down of a world after it.
"""

from __future__ import annotations

import time
from pathlib import Path

SILENT_S = 780
"""As long as no test has begun or ended: the longest limit of a test, 600, and time for its end."""
WHOLE_S = 4800
"""All kernels together; continuous integration gives it 5400, with the set-up and what is asked once more."""

LOOK_S = 2
"""How often one looks."""


def why_late(results: Path, until: float) -> str:
    """Why the run that writes its outcomes to `results` is given up; empty: it is not. `until`: as time.monotonic()."""
    if time.monotonic() > until:
        return f"given up after {WHOLE_S} s"
    if time.time() - results.stat().st_mtime > SILENT_S:
        return f"given up: for {SILENT_S} s no test has begun or ended"
    return ""
