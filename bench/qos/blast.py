"""UDP as fast as it is asked for: where iperf3, with a system call for each packet, cannot send so much here.

`python -m bench.qos.blast TARGET PORT RATE_BPS SECONDS`. Packets have iperf3's size; the kernel takes 40 of them at
once. Nobody needs to listen: what arrives is counted at the link. Source: linux/udp.h UDP_SEGMENT.
"""

from __future__ import annotations

import socket
import sys
import time
from contextlib import suppress

from bench.qos.traffic import PAYLOAD_BYTES

_UDP_SEGMENT = 103
_AT_ONCE = 40


def main(target: str, port: str, rate_bps: str, seconds: str) -> None:
    """So many bits of payload a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, PAYLOAD_BYTES)
        load = bytes(_AT_ONCE * PAYLOAD_BYTES)
        every_s = len(load) * 8 / int(rate_bps)
        began = due = time.monotonic()
        while time.monotonic() - began < float(seconds):
            with suppress(OSError):  # no room for more
                out.sendto(load, (target, int(port)))
            due += every_s
            time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(*sys.argv[1:])
