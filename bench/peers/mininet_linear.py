"""Mininet's linear topology on Linux bridges: prints how long it took to be up, in seconds since the process started.

Run by the system's Python, where Debian's package puts Mininet: `/usr/bin/python3 mininet_linear.py 50`.
"""

import sys
import time

from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import LinearTopo


def uptime_s() -> float:
    """Seconds since this process started. Source: proc(5), stat field 22 in clock ticks since boot."""
    with open("/proc/self/stat") as stat:
        started = int(stat.read().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started / 100


def main() -> None:
    Mininet.inited = True  # leaves the machine's global limits alone, which Mininet would raise
    network = Mininet(topo=LinearTopo(k=int(sys.argv[1])), switch=LinuxBridge, controller=None)
    try:
        network.start()
        print(f"{uptime_s():.3f}")
    finally:
        network.stop()


main()
