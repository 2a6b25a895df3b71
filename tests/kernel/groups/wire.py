"""Run inside a namespace: frames as they are. `hear IFNAME LAST` prints the words of all frames that come in by a link,
until one has the word LAST; `send IFNAME HEX...` sends frames. A word is lower-case letters between two `~`.
"""

from __future__ import annotations

import re
import socket
import sys

EVERY_PROTOCOL = 3
"""linux/if_ether.h ETH_P_ALL."""
WORD = re.compile(rb"~([a-z0-9-]+)~")


def hear(ifname: str, last: bytes) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL)) as heard:
        heard.bind((ifname, EVERY_PROTOCOL))
        heard.settimeout(30)
        print("ready", flush=True)
        while True:
            data, (_, _, kind, *_) = heard.recvfrom(65535)
            for word in WORD.findall(data) if kind != socket.PACKET_OUTGOING else ():
                print(word.decode(), flush=True)
                if word == last:
                    return


def send(ifname: str, frames: list[str]) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sending:
        sending.bind((ifname, 0))
        for frame in frames:
            sending.send(bytes.fromhex(frame))


if __name__ == "__main__":
    hear(sys.argv[2], sys.argv[3].encode()) if sys.argv[1] == "hear" else send(sys.argv[2], sys.argv[3:])
