"""UDP as fast as it is asked for: where iperf3, with a system call for each packet, cannot send so much here.

`python -m bench.qos.blast send TARGET PORT RATE_BPS SECONDS | receive PORT SECONDS`; the receiver prints what iperf3
would, as far as traffic.py reads it. Packets have iperf3's size; the kernel takes and gives 40 of them at once.
Source: linux/udp.h UDP_SEGMENT, UDP_GRO.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from contextlib import suppress

from bench.qos.traffic import INTERVAL_S, PAYLOAD_BYTES

_UDP_SEGMENT, _UDP_GRO = 103, 104
_AT_ONCE = 40
_BUFFER_BYTES = 4 << 20
_SO_RCVBUFFORCE = 33


def send(target: str, port: str, rate_bps: str, seconds: str) -> None:
    """So many bits of payload a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, PAYLOAD_BYTES)
        out.connect((target, int(port)))
        load = bytes(_AT_ONCE * PAYLOAD_BYTES)
        every_s = len(load) * 8 / int(rate_bps)
        began = now = time.monotonic()
        due = began
        while now - began < float(seconds):
            with suppress(OSError):  # no room, or nobody listens any more
                out.send(load)
            due += every_s
            time.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()


def receive(port: str, seconds: str) -> None:
    """From the first packet on, for so long."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as into:
        into.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        into.setsockopt(socket.IPPROTO_UDP, _UDP_GRO, 1)
        into.bind(("", int(port)))
        into.settimeout(float(seconds) + 10)
        got = into.recv(1 << 16)
        began = time.monotonic()
        counts = [len(got)] + [0] * (round(float(seconds) / INTERVAL_S) - 1)
        into.settimeout(INTERVAL_S)
        while (at := int((time.monotonic() - began) / INTERVAL_S)) < len(counts):
            try:
                counts[at] += len(into.recv(1 << 16))
            except TimeoutError:
                continue
    sums = [{"start": at * INTERVAL_S, "seconds": INTERVAL_S, "bytes": held} for at, held in enumerate(counts)]
    print(json.dumps({"intervals": [{"sum": held} for held in sums]}))


if __name__ == "__main__":
    {"send": send, "receive": receive}[sys.argv[1]](*sys.argv[2:])
