"""Run inside a namespace: `serve PORT` tells whoever has asked by TCP or UDP something every few milliseconds, asked or
not. `read PROTOCOL ADDRESS PORT SPORT` listens to that from a port of its own (0: any), and says `first`, `silent` when
nothing has come for two seconds, and of TCP `in` or `out`: whether it can come again from the same port.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

SILENT_S = 2.0
RESET = struct.pack("ii", 1, 0)
"""Of SO_LINGER: the port is free at once."""


def serve(port: int) -> None:
    tcp, udp = (socket.socket(socket.AF_INET6, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))
    for server in (tcp, udp):
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("::", port))
    tcp.listen()
    threading.Thread(target=serve_udp, args=[udp], daemon=True).start()
    print("ready", flush=True)
    while True:
        connection, _ = tcp.accept()
        threading.Thread(target=pour, args=[lambda to=connection: to.send(b"x" * 1000)], daemon=True).start()


def serve_udp(udp: socket.socket) -> None:
    while True:
        _, peer = udp.recvfrom(100)
        threading.Thread(target=pour, args=[lambda to=peer: udp.sendto(b"x" * 1000, to)], daemon=True).start()


def pour(send: Callable[[], int]) -> None:
    try:
        while True:
            send()
            time.sleep(0.005)
    except OSError:
        pass


def read(protocol: str, address: str, port: int, sport: int) -> None:
    held = opened(protocol, address, port, sport)
    held.send(b"?")
    held.recv(100)
    print("first", flush=True)
    try:
        while held.recv(65536):
            pass
    except TimeoutError:
        print("silent", flush=True)
    if protocol == "tcp":
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        held.close()
        try:
            opened(protocol, address, port, sport)
            print("in", flush=True)
        except TimeoutError:
            print("out", flush=True)


def opened(protocol: str, address: str, port: int, sport: int) -> socket.socket:
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("", sport))
    made.settimeout(SILENT_S)
    made.connect((address, port))
    return made


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    read(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
