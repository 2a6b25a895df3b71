"""Many messages to one namespace: the kernel works on the first while the next are being made."""

import signal
import socket
import threading
import time
from collections.abc import Callable

import pytest

from tests.kernel.rtnl_world import bridge, create, delete, some, spaces
from tests.world import World
from weft.backends.rtnl import Rtnl
from weft.backends.rtnl_outbox import AHEAD
from weft.errors import KernelRefused
from weft.kinds.ip.address import Address
from weft.netlink import doors

MANY = 3 * AHEAD + 10
Send = Callable[[socket.socket, bytearray], None]


@pytest.fixture
def send(world: World, rtnl: Rtnl) -> Send:
    create(rtnl, *spaces("red"), bridge("red"))
    return doors.send


def addresses(count: int = MANY) -> list[Address]:
    return [
        Address(netns="red", ifname="br", cidr=f"10.{number >> 8}.{number & 255}.1/32", protocol="boot")
        for number in range(1, count + 1)
    ]


def is_sending() -> bool:
    return any(thread.name == "weft-rtnl" for thread in threading.enumerate())


def test_all_of_many_arrive_and_all_but_the_last_from_a_thread(
    rtnl: Rtnl, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    by: list[bool] = []

    def noting(connection: socket.socket, data: bytearray) -> None:
        by.append(threading.current_thread() is threading.main_thread())
        send(connection, data)

    monkeypatch.setattr(doors, "send", noting)
    create(rtnl, *addresses())
    assert by == [False, False, False, True]
    assert len(some(rtnl, addresses())) == MANY and not is_sending()
    delete(rtnl, *addresses())
    assert not some(rtnl, addresses())


@pytest.mark.parametrize("at", [0, AHEAD - 1, AHEAD, 2 * AHEAD + 5, MANY - 1])
def test_the_refused_one_is_named_and_little_more_is_sent(rtnl: Rtnl, send: Send, at: int) -> None:
    many = addresses()
    create(rtnl, many[at])
    with pytest.raises(KernelRefused, match=rf"{many[at].cidr}.*File exists"):
        create(rtnl, *many)
    assert not is_sending()
    made = len(some(rtnl, many))
    assert made <= (at // AHEAD + 1) * AHEAD + 1


@pytest.mark.parametrize("raised", [KeyboardInterrupt, OSError(105, "No buffer space available")])
def test_what_ends_a_send_ends_the_commit(
    rtnl: Rtnl, send: Send, monkeypatch: pytest.MonkeyPatch, raised: BaseException | type[BaseException]
) -> None:
    sent: list[int] = []

    def ending(connection: socket.socket, data: bytearray) -> None:
        sent.append(len(data))
        if len(sent) == 2:
            raise raised
        send(connection, data)

    monkeypatch.setattr(doors, "send", ending)
    with pytest.raises(type(raised) if isinstance(raised, OSError) else KeyboardInterrupt):
        create(rtnl, *addresses())
    assert len(sent) == 2 and not is_sending()
    assert len(some(rtnl, addresses())) == AHEAD


def test_a_signal_waits_for_what_is_under_way(rtnl: Rtnl, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[float] = []

    def slow(connection: socket.socket, data: bytearray) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.2)
        send(connection, data)
        done.append(time.monotonic())

    monkeypatch.setattr(doors, "send", slow)
    with pytest.raises(KeyboardInterrupt):
        create(rtnl, *addresses())
    assert len(done) == 1 and not is_sending()
    assert len(some(rtnl, addresses())) == AHEAD
