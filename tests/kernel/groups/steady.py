"""Run inside a namespace: a number every two milliseconds, one way. `say WHAT` and `hear WHAT`, WHAT being
udp/ADDRESS/PORT of who hears, or tcp/ADDRESS/PORT of who says, who waits for the other to begin. When it is told to
end, who hears says how many came, how many between the first and the last did not, and the longest pause in seconds, up
to then.
"""

from __future__ import annotations

import signal
import socket
import sys
import time

EVERY_S = 0.002


def say(protocol: str, address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if protocol == "udp":
        saying = socket.socket(family, socket.SOCK_DGRAM)
        saying.connect((address, port))
        print("ready", flush=True)
    else:
        waiting = socket.create_server((address, port), family=family)
        print("ready", flush=True)
        saying, _ = waiting.accept()
    number = 0
    while True:
        saying.send(b"%d\n" % number)
        number += 1
        time.sleep(EVERY_S)


def hear(protocol: str, address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if protocol == "udp":
        hearing = socket.socket(family, socket.SOCK_DGRAM)
        hearing.bind((address, port))
    else:
        hearing = socket.create_connection((address, port), timeout=8)
    numbers: list[int] = []
    pauses_s = [0.0]
    signal.signal(signal.SIGTERM, lambda *_: conclude(numbers, [*pauses_s, time.monotonic() - last_s]))
    last_s, held = time.monotonic(), b""
    print("ready", flush=True)
    hearing.settimeout(None)
    while data := hearing.recv(65535):
        now_s = time.monotonic()
        if numbers:
            pauses_s.append(now_s - last_s)
        last_s = now_s
        *whole, held = (held + data).split(b"\n")
        numbers.extend(map(int, whole))


def conclude(numbers: list[int], pauses_s: list[float]) -> None:
    lost = numbers[-1] - numbers[0] + 1 - len(numbers)
    print(len(numbers), lost, max(pauses_s), flush=True)
    sys.exit()


if __name__ == "__main__":
    protocol, address, port = sys.argv[2].split("/")
    (say if sys.argv[1] == "say" else hear)(protocol, address, int(port))
