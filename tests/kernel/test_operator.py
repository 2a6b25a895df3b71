"""Somebody far away cuts the connection that they work over: played with two namespaces and a TCP connection.

The host is the world's own namespace, the operator sits in `away`; between them the link `eth1`, and behind a router
`far` too. What the plan cuts the guard restores, and the connection lives on as TCP's retransmissions do.
"""

from __future__ import annotations

import os
import pty
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.doors.conftest import Desk
from tests.patience import until
from tests.world import World

CLIENT, SERVER, PORT = "192.0.2.9", "192.0.2.1", "2222"
SSH = {"SSH_CONNECTION": f"{CLIENT} 50000 {SERVER} 22"}
HOST = f"""
ip netns add away
ip link add eth1 type veth peer name eth0 netns away
ip link set eth1 up; ip -n away link set eth0 up; ip -n away link set lo up
ip -n away addr add {CLIENT}/32 dev lo; ip -n away addr add 10.0.0.9/24 dev eth0
ip addr add {SERVER}/32 dev lo; ip addr add 10.0.0.1/24 dev eth1
ip -n away route add {SERVER}/32 via 10.0.0.1 src {CLIENT}
ip route add default via 10.0.0.9
"""
CUT = """
weft: 1
name: lab
host: {routes: [{to: 192.0.2.0/24, type: unreachable}]}
"""
"""The answers to the operator lead nowhere."""

_ECHO = """
import socket, sys
with socket.create_server((sys.argv[1], int(sys.argv[2]))) as server:
    print("ready", flush=True)
    connection, _ = server.accept()
    while word := connection.recv(100):
        connection.sendall(word)
"""
_TALK = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
for line in sys.stdin:
    connection.sendall(line.encode())
    sys.stdout.write(connection.recv(100).decode())
    sys.stdout.flush()
"""


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    world.run("sh", "-ec", HOST)
    desk = Desk(world=world, directory=tmp_path)
    desk.write(CUT)
    return desk


class Connection:
    """One TCP connection from far away into the host, and what is said over it."""

    def __init__(self, world: World) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._server = world.start("python3", "-c", _ECHO, SERVER, PORT, **pipes)
        assert self._server.stdout is not None and self._server.stdout.readline() == "ready\n"
        self._client = world.start("python3", "-c", _TALK, SERVER, PORT, netns="away", **pipes)

    def say(self, word: str) -> None:
        assert self._client.stdin is not None
        self._client.stdin.write(word + "\n")
        self._client.stdin.flush()

    def hear(self) -> str:
        assert self._client.stdout is not None
        return self._client.stdout.readline().strip()

    def close(self) -> None:
        for process in (self._client, self._server):
            process.kill()
            process.communicate()


@contextmanager
def connected(world: World) -> Iterator[Connection]:
    connection = Connection(world)
    try:
        connection.say("hello")
        assert connection.hear() == "hello"
        yield connection
    finally:
        connection.close()


def is_cut(desk: Desk) -> bool:
    return desk.world.run("ip", "route", "get", CLIENT, check=False).returncode != 0


def test_cutting_oneself_off_takes_a_promise(desk: Desk) -> None:
    refused = desk.weft("apply", "-y", code=4, env=SSH)
    assert f"your SSH connection from {CLIENT} depends on it" in refused.stderr
    assert "--confirm-within 60s" in refused.stderr and not is_cut(desk)
    through_sudo = desk.weft("apply", "-y", code=4, via=("env", *map("=".join, SSH.items()), "sh", "-c", _AS_SUDO))
    assert "depends on it" in through_sudo.stderr
    desk.weft("apply", "-y", "--no-confirm", env=SSH)
    assert is_cut(desk)
    assert "depends on it" in desk.weft("destroy", "lab", "-y", code=4, env=SSH).stderr
    desk.weft("destroy", "lab", "-y", "--no-confirm", env=SSH)
    assert not is_cut(desk)


_AS_SUDO = 'env -u SSH_CONNECTION "$0" "$@"; exit $?'


def test_what_does_not_concern_the_connection_takes_none(desk: Desk) -> None:
    desk.write(CUT.replace("192.0.2.0/24", "198.51.100.0/24"))
    desk.weft("apply", "-y", env=SSH)


def test_the_connection_lives_on(desk: Desk) -> None:
    with connected(desk.world) as connection:
        desk.weft("apply", "-y", "--confirm-within", "5s", env=SSH)
        assert is_cut(desk)
        connection.say("is anybody there")
        until(lambda: not is_cut(desk), "the way is back")
        assert connection.hear() == "is anybody there"


def test_the_guard_killed_recover_restores_the_connection(desk: Desk) -> None:
    with connected(desk.world) as connection:
        desk.weft("apply", "-y", "--confirm-within", "5s", env=SSH)
        desk.world.run("kill", "-9", *desk.guards())
        time.sleep(5.1)
        assert is_cut(desk)
        connection.say("still here")
        assert "lab: taken back" in desk.weft("recover").stdout
        assert connection.hear() == "still here"


def test_the_terminal_lost_the_guard_goes_on(desk: Desk) -> None:
    """The terminal is closed, and all of its session gets SIGHUP, as when the network takes a login away."""
    ours, theirs = pty.openpty()
    apply = "weft apply -y --confirm-within 20s; echo over; sleep 100"
    shell = desk.world.start(
        *("setsid", "--ctty", "--wait", "env", "--default-signal=HUP", "sh", "-c", apply),
        cwd=desk.directory,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    with connected(desk.world) as connection:
        until(lambda: b"over" in os.read(ours, 65536), "the apply is over")
        assert is_cut(desk)
        os.close(ours)
        assert shell.wait(timeout=60) != 0, "the shell has outlived its terminal"
        assert len(desk.guards()) == 1
        connection.say("hello again")
        assert connection.hear() == "hello again"
    until(lambda: desk.guards() == [], "the guard is done")
    assert not is_cut(desk)


def test_confirmed_over_another_way_it_stays_cut(desk: Desk) -> None:
    desk.weft("apply", "-y", "--confirm-within", "8s", env=SSH)
    desk.weft("confirm")
    until(lambda: desk.guards() == [], "the guard is gone")
    time.sleep(8)
    assert is_cut(desk)
