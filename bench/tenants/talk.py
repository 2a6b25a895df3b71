"""Both ends of what a port's filter is measured by: `python talk.py serve ADDRESS` and `ask ADDRESS`.

Rules: one program for all sides, and nothing but sockets in it. Both ends share one processor: else a byte takes 20 or
60 microseconds by where the kernel wakes the other end, whatever is between. `ask` prints one JSON object: bits of
payload a second of one TCP connection, the median of a byte there and back in seconds, connections made and ended a
second.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

BULK, ECHO, GREET = 4001, 4002, 4003
"""TCP ports, the last that a filter's rules name."""
BULK_S, ECHOES, GREETINGS = 1.0, 3000, 1500
_BLOCK_BYTES = 1 << 20


def serve(address: str) -> None:
    """Answer until the input ends."""
    for port, answer in ((BULK, _swallow), (ECHO, _echo), (GREET, _greet)):
        listening = socket.create_server((address, port), backlog=512)
        threading.Thread(target=_accept, args=(listening, answer), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


def ask(address: str) -> dict[str, float]:
    return {"bit/s": _bulk(address), "there and back": _echoes(address), "connections": _greetings(address)}


def _accept(listening: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    while True:
        connection, _ = listening.accept()
        if answer is _greet:
            connection.close()
        else:
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


def _swallow(connection: socket.socket) -> None:
    """Take what comes, then say how much it was."""
    room, taken = bytearray(_BLOCK_BYTES), 0
    while got := connection.recv_into(room):
        taken += got
    connection.sendall(b"%d\n" % taken)
    connection.close()


def _echo(connection: socket.socket) -> None:
    while got := connection.recv(1):
        connection.sendall(got)


def _greet(connection: socket.socket) -> None:
    connection.close()


@contextmanager
def _connected(address: str, port: int) -> Iterator[socket.socket]:
    with socket.create_connection((address, port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def _bulk(address: str) -> float:
    block = bytes(_BLOCK_BYTES)
    with _connected(address, BULK) as connection:
        began = time.perf_counter()
        while time.perf_counter() - began < BULK_S:
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)
        taken = int(connection.makefile().readline())
        return 8 * taken / (time.perf_counter() - began)


def _echoes(address: str) -> float:
    took = []
    with _connected(address, ECHO) as connection:
        for _ in range(ECHOES):
            began = time.perf_counter()
            connection.sendall(b"!")
            connection.recv(1)
            took.append(time.perf_counter() - began)
    return median(took)


def _greetings(address: str) -> float:
    began = time.perf_counter()
    for _ in range(GREETINGS):
        with _connected(address, GREET) as connection:
            connection.recv(1)  # the other end closes first, and keeps what lingers of it
    return GREETINGS / (time.perf_counter() - began)


if __name__ == "__main__":
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        print(json.dumps(ask(sys.argv[2])))
