"""One program that the supervisor (supervisor.py) keeps: how it starts and ends, and the small files that tell of it.

Rules: as the supervisor's: it imports little, for it stays. Source: setns(2), setsid(2), killpg(3), execve(2), proc(5).
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
from contextlib import suppress

from weft.wire.program import all_of

CLONE_NEWPID, _CLONE_NEWNET = 0x20000000, 0x40000000
NOT_STARTED = 127
"""As shells say it."""
libc = ctypes.CDLL(None, use_errno=True)


class Kept:
    """One program. `pid` 0: it does not run. `text`: what it was started by, `network`: the namespace's file and number
    then. `due`: when it is started again. `asking`: who waits for it to be ready, `leaving`: to have ended."""

    def __init__(self, stem: str) -> None:
        self.stem = stem
        self.pid = 0
        self.text = ""
        self.network: tuple[int, int] | None = None
        self.since = self.due = self.pause = 0.0
        self.ready_file = ""
        self.output = -1
        self.tail = b""
        self.asking: list[socket.socket] = []
        self.leaving: list[socket.socket] = []
        self.stopped_at = 0.0


def demand(result: int, what: str) -> None:
    """That a call of the C library did what it was to. Raises: OSError."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{os.strerror(code)}: {what}")


def become(lines: list[tuple[str, str]], netns: str, output: int, pid_file: str) -> None:
    """The forked child's way to the program. What goes wrong are its last words."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for which in (signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(which, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        nothing = os.open("/dev/null", os.O_RDONLY)
        for number, fd in enumerate((nothing, output, output)):
            os.dup2(fd, number)
        if netns:
            network = os.open(_path_of(netns), os.O_RDONLY | os.O_CLOEXEC)
            demand(libc.setns(network, _CLONE_NEWNET), f"the namespace {netns}")
        write(pid_file, own_name())
        argv = all_of(lines, "argument")
        os.execve(argv[0], argv, dict(said.split("=", 1) for said in all_of(lines, "environment")))
    except BaseException as failure:
        os.write(2, f"cannot be started: {failure}\n".encode())
    finally:
        os._exit(NOT_STARTED)


def _path_of(netns: str) -> str:
    if netns.startswith("pidfile:"):
        return f"/proc/{int(read(netns[8:]))}/ns/net"
    return f"/run/netns/{netns}"


def own_name() -> str:
    """This process as others see it: its number in the namespace that /proc was mounted in, and when it started."""
    with open("/proc/self/stat", "rb") as file:
        return f"{os.readlink('/proc/self')} {file.read().rpartition(b')')[2].split()[19].decode()}"


def identity(netns: str) -> tuple[int, int] | None:
    """Which namespace it is that is named, "" for this process's: device and inode; None where there is none."""
    try:
        found = os.stat(_path_of(netns) if netns else "/proc/self/ns/net")
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def kill_group(pid: int, number: int) -> None:
    """The program and what it has started; a child that is yet to become it leads no group."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            kill(pid, number)
            return


def read(path: str) -> str:
    """ "" where there is no file."""
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write(path: str, text: str) -> None:
    """As well as it goes: a full disk ends no program."""
    with (
        suppress(OSError),
        open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file,
    ):
        file.write(text)


def unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
