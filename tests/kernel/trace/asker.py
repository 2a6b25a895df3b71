"""Run inside a namespace: listens, or asks many things at once. `listen PORTS` answers at tcp and udp PORTS (a,b,c)
until stdin ends; `ask SECONDS` reads a JSON list of `tcp/ADDRESS/PORT`, `udp/ADDRESS/PORT` and `icmp/ADDRESS` and says
which of them were answered within so many seconds. An ICMP echo is asked for by a raw socket.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from contextlib import suppress
from errno import EINPROGRESS
from struct import pack

AGAIN_S = 0.25
ECHO = {4: (socket.IPPROTO_ICMP, 8, 0), 6: (socket.IPPROTO_ICMPV6, 128, 129)}
_NONBLOCK = socket.SOCK_NONBLOCK


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def listen(ports: list[int]) -> None:
    poll = select.epoll()
    held: dict[int, socket.socket] = {}
    for port in ports:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            server = socket.socket(socket.AF_INET6, kind | _NONBLOCK)
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            server.bind(("::", port))
            if kind == socket.SOCK_STREAM:
                server.listen(512)
            held[server.fileno()] = server
            poll.register(server, select.EPOLLIN)
    poll.register(0, select.EPOLLIN | select.EPOLLHUP)
    print("ready", flush=True)
    while True:
        for fd, _ in poll.poll():
            if fd == 0:
                return
            serve(held[fd])


def serve(server: socket.socket) -> None:
    with suppress(OSError):
        if server.type == socket.SOCK_STREAM:
            server.accept()[0].close()
        else:
            data, peer = server.recvfrom(100)
            server.sendto(data, peer)


class Asked:
    """One question. TCP is answered when it is connected, the others when something comes back."""

    def __init__(self, word: str) -> None:
        self.word, self.answered, self.is_lost = word, False, False
        self.protocol, self.address, *port = word.split("/")
        self.port = int(port[0]) if port else 0
        self.held = self._open()

    def _open(self) -> socket.socket:
        family = family_of(self.address)
        if self.protocol == "icmp":
            held = socket.socket(family, socket.SOCK_RAW | _NONBLOCK, ECHO[6 if ":" in self.address else 4][0])
        else:
            kind = socket.SOCK_STREAM if self.protocol == "tcp" else socket.SOCK_DGRAM
            held = socket.socket(family, kind | _NONBLOCK)
        try:
            held.connect((self.address, self.port))
        except OSError as failure:
            self.is_lost = failure.errno != EINPROGRESS
        return held

    def again(self) -> None:
        with suppress(OSError):
            self.held.send(echo(self.address) if self.protocol == "icmp" else b"?")

    def hear(self) -> None:
        try:
            if self.protocol == "tcp":
                self.answered |= self.held.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                return
            data = self.held.recv(2000)
            self.answered |= self.protocol == "udp" or is_reply(self.address, data)
        except OSError:
            return


def echo(address: str) -> bytes:
    _, request, _ = ECHO[6 if ":" in address else 4]
    bare = pack("!BBHHH", request, 0, 0, 7, 1)
    total = sum(int.from_bytes(bare[at : at + 2], "big") for at in range(0, len(bare), 2))
    return pack("!BBHHH", request, 0, ~total & 0xFFFF, 7, 1)


def is_reply(address: str, data: bytes) -> bool:
    family = 6 if ":" in address else 4
    at = (data[0] & 0xF) * 4 if family == 4 else 0
    return data[at] == ECHO[family][2]


def ask(words: list[str], seconds: float) -> dict[str, bool]:
    everything = [Asked(word) for word in words]
    asked = [one for one in everything if not one.is_lost]
    poll = select.epoll()
    by_fd = {one.held.fileno(): one for one in asked}
    for one in asked:
        poll.register(one.held, select.EPOLLOUT if one.protocol == "tcp" else select.EPOLLIN)
    until, again_at = time.monotonic() + seconds, 0.0
    while (now := time.monotonic()) < until and not all(one.answered for one in asked):
        if now >= again_at:
            again_at = now + AGAIN_S
            for one in asked:
                if not one.answered and one.protocol != "tcp":
                    one.again()
        for fd, _ in poll.poll(max(0.0, min(again_at, until) - now)):
            by_fd[fd].hear()
            if by_fd[fd].protocol == "tcp" or by_fd[fd].answered:
                poll.unregister(fd)  # connected or refused is said once
    return {one.word: one.answered for one in everything}


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        listen([int(port) for port in sys.argv[2].split(",")])
    else:
        print(json.dumps(ask(json.load(sys.stdin), float(sys.argv[2]))))
