"""What a link received, again and again: `python -m bench.qos.sampler IFNAME SECONDS`, where the link is.

Prints [time, bytes, packets] lines: the time is taken beside the counters, so a busy machine makes gaps and no errors.
Source: proc(5) /proc/net/dev; time is CLOCK_MONOTONIC, the same for all processes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

EVERY_S = 0.05


def main(ifname: str, seconds: str) -> None:
    table = Path("/proc/self/net/dev")
    until = time.monotonic() + float(seconds)
    while True:
        now = time.monotonic()
        line = next(line for line in table.read_text().splitlines() if line.strip().startswith(ifname + ":"))
        size, packets = line.partition(":")[2].split()[:2]
        print(json.dumps([now, int(size), int(packets)]), flush=True)
        if now >= until:
            return
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
