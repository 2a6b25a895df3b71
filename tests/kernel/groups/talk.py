"""Run inside a namespace: listens, or asks, as any program would. `listen WHAT...`, `ask SECONDS WHAT...`, `hold WHAT`
and `many WHAT NUMBER`, WHAT being tcp/PORT or udp/PORT to listen at (full/PORT: by TCP, and nobody
takes the calls, as many as may wait for it), and tcp/ADDRESS/PORT or udp/ADDRESS/PORT to ask.
Answers are one JSON object: WHAT to whether it answered within so many seconds; each is asked again until then.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time

ANSWER = b"here"


def listen(words: list[str]) -> None:
    held: list[socket.socket] = []
    for word in words:
        protocol, port = word.split("/")
        server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::", int(port)))
        if protocol == "full":
            held.extend(filled(server))
            continue
        threading.Thread(target=serve_tcp if protocol == "tcp" else serve_udp, args=[server], daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


def filled(server: socket.socket) -> list[socket.socket]:
    """Whom to keep so that there is no room. Source: listen(2): one more than the backlog may wait."""
    server.listen(0)
    return [server, socket.create_connection(("::1", server.getsockname()[1]))]


def serve_tcp(server: socket.socket) -> None:
    server.listen(64)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=echo, args=[connection], daemon=True).start()


def echo(connection: socket.socket) -> None:
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(100):
            connection.sendall(data)


def serve_udp(server: socket.socket) -> None:
    while True:
        data, peer = server.recvfrom(65535)
        server.sendto(data, peer)


def ask(word: str, until: float) -> bool:
    protocol, address, port = word.split("/")
    while True:
        try:
            with socket.socket(
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM,
            ) as client:
                client.settimeout(max(0.05, min(1.5, until - time.monotonic())))
                client.connect((address, int(port)))
                client.sendall(ANSWER)
                if client.recv(100) == ANSWER:
                    return True
        except OSError:
            pass
        if time.monotonic() > until:
            return False
        time.sleep(0.05)


def ask_all(seconds: float, words: list[str]) -> dict[str, bool]:
    answers: dict[str, bool] = {}
    until = time.monotonic() + seconds

    def note(word: str) -> None:
        answers[word] = ask(word, until)

    threads = [threading.Thread(target=note, args=[word]) for word in words]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {word: answers[word] for word in words}


def dialled(protocol: str, address: str, port: int) -> socket.socket:
    if protocol == "tcp":
        return socket.create_connection((address, port), timeout=8)
    held = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    held.connect((address, port))
    return held


def hold(word: str) -> None:
    """For each line that is read say whether a byte comes back over one connection: `back` or `lost`."""
    protocol, address, port = word.split("/")
    with dialled(protocol, address, int(port)) as held:
        print("connected", flush=True)
        held.settimeout(1.5)
        for _ in sys.stdin:
            try:
                held.sendall(b"x")
                answer = held.recv(1)
            except OSError:
                answer = b""
            print("back" if answer else "lost", flush=True)


def many(word: str, number: int) -> None:
    """Say `connected` once as many connections have had a byte back, and keep them."""
    _, address, port = word.split("/")
    held = [socket.create_connection((address, int(port)), timeout=8) for _ in range(number)]
    for connection in held:
        connection.sendall(b"x")
        assert connection.recv(1)
    print("connected", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        listen(sys.argv[2:])
    elif sys.argv[1] == "hold":
        hold(sys.argv[2])
    elif sys.argv[1] == "many":
        many(sys.argv[2], int(sys.argv[3]))
    else:
        print(json.dumps(ask_all(float(sys.argv[2]), sys.argv[3:])))
