"""A world of its own for a test: a network namespace that plays the host, and everything weft may write to, private.

A `World` holds a network namespace ("the host", lo up) and a mount namespace with an empty /run (but for netns, and
lock) and an empty /var/lib. Commands are started by a thread that has gone there: a signal reaches the command itself.
Nothing is left behind: the namespaces live as long as a process in them does, the holder ends when its pipe closes (so
even when the test process is killed), and `close` ends every process still inside. Witnesses of what a world holds are
iproute2, nft and ping, never weft's own reader.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests import forks, looking
from tests.dump import Dump, parse_dump, parse_glance
from tests.programs import Program
from tests.sysctls import Sysctls

T = TypeVar("T")
BIN = Path(sys.executable).parent
"""Where this environment's `weft` is; commands find it first."""

_TMPFS = {"/run": ("netns", "lock"), "/var/lib": ()}
"""What is empty there, but for these folders."""
_SIOCSIFFLAGS = 0x8914
_IFREQ_FLAGS = struct.Struct("=16sH22x")
_IFF_UP = 0x1
_CLONE_FS, _CLONE_NEWNS, _CLONE_NEWNET = 0x200, 0x20000, 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _system(call: Callable[..., int], *args: int | bytes) -> None:
    if call(*args) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@dataclass
class World:
    """Use as a context manager, or by the `world` fixture. Needs root."""

    holder: Program = field(init=False)
    _open: int | None = field(init=False, repr=False)
    """What the holder reads from: it ends with it."""
    _sysctls: Sysctls = field(init=False, repr=False, default_factory=Sysctls)

    def __post_init__(self) -> None:
        forks.forks()  # now: started by a thread inside a world, it would end with that world; so would the starter
        reads, self._open = os.pipe()
        try:
            self.holder = Program("cat", stdin=reads, anew=True)
        except OSError as error:
            os.close(self._open)
            raise RuntimeError("no world: root with CAP_SYS_ADMIN and CAP_NET_ADMIN is needed") from error
        finally:
            os.close(reads)
        self.away(_furnish)

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """A process in the world, for /proc/PID/ns/*."""
        return self.holder.pid

    def _argv(self, argv: tuple[str | Path, ...], netns: str | None, cwd: Path | None) -> list[str]:
        command = [str(word) for word in argv]
        if netns is not None:
            command = ["nsenter", f"--net=/run/netns/{netns}", "--", *command]  # leaves the directory as it is
        net, mnt = self._home
        return ["nsenter", f"--net={net}", f"--mount={mnt}", f"--wdns={cwd or Path.cwd()}", "--", *command]

    def _request(
        self, words: tuple[str | Path, ...], netns: str | None, env: Mapping[str, str] | None, cwd: Path | None
    ) -> forks.Request:
        return forks.Request(
            words=[str(word) for word in words],
            env=self._env(env),
            cwd=str(cwd or Path.cwd()),
            namespaces=self._home,
            netns=None if netns is None else f"/run/netns/{netns}",
        )

    @staticmethod
    def _env(env: Mapping[str, str] | None) -> dict[str, str]:
        return {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **(env or {})}

    def run(
        self,
        *argv: str | Path,
        netns: str | None = None,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        input: str | None = None,
        cwd: Path | None = None,
        timeout_s: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the world's host, or in one of its named namespaces, and wait for it.

        `weft` is run without the start of an interpreter (tests/forks.py).

        Raises: AssertionError with the end of what it printed when `check` and it fails.
        """
        if argv[0] == "weft" and forks.is_as_fresh(env, input):
            done = forks.forks().run(self._request(argv[1:], netns, env, cwd), input, timeout_s)
        else:
            done = self._done([str(word) for word in argv], netns, input, timeout_s, env=self._env(env), cwd=cwd)
        if check and done.returncode != 0:
            words = " ".join(map(str, argv))
            raise AssertionError(f"{words}: status {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done

    def _done(
        self, words: list[str], netns: str | None, input: str | None, timeout_s: float, **how: Any
    ) -> subprocess.CompletedProcess[str]:
        """Where there is no such place or command, nsenter(1) says so. Raises: subprocess.TimeoutExpired."""
        net, mnt = self._home if netns is None else (f"{self._netns}/{netns}", self._home[1])
        how |= {"input": input} if input is not None else {"stdin": 0}
        try:
            program = Program(*words, there=(net, mnt), **how)
        except OSError:
            program = Program(*self._argv(tuple(words), netns, how["cwd"]), **how)
        status, out, err = program.end(timeout_s)
        if status is None:
            raise subprocess.TimeoutExpired(words, timeout_s, out, err)
        return subprocess.CompletedProcess(words, status, out, err)

    @property
    def _home(self) -> tuple[str, str]:
        return f"/proc/{self.pid}/ns/net", f"/proc/{self.pid}/ns/mnt"

    def start(
        self,
        *argv: str | Path,
        netns: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        **popen: Any,
    ) -> subprocess.Popen[str]:
        """Start a command in the world, by a thread that goes where it is to run: a program to enter first would cost
        as much again. Where there is no such place or command, nsenter(1) says so. Its pid is the command's own;
        `close` ends it if it still runs."""
        folder, how = cwd or Path.cwd(), {"env": self._env(env), "text": True, **popen}

        def there() -> subprocess.Popen[str]:
            if netns is not None:
                looking.enter_netns(netns)
            os.chdir(folder)
            return subprocess.Popen([str(word) for word in argv], **how)

        try:
            return self.away(there)
        except OSError:
            return subprocess.Popen(self._argv(argv, netns, cwd), **how)

    def json(self, *argv: str | Path, netns: str | None = None) -> Any:
        """What a command that speaks JSON says: `world.json("ip", "-j", "link")`."""
        return json.loads(self.run(*argv, netns=netns).stdout or "[]")

    def ping(self, address: str, *, netns: str | None = None, count: int = 1, wait_s: float = 3) -> bool:
        """Does `address` answer within `wait_s`? Asks every 0.2 s, as ports and addresses settle after an apply."""
        until = time.monotonic() + wait_s
        while True:
            asked = self.run(
                "ping", "-n", "-q", "-c", str(count), "-i", "0.2", "-W", "1", address, netns=netns, check=False
            )
            if asked.returncode == 0:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(0.2)

    def names(self) -> list[str]:
        """The named namespaces, sorted."""
        return sorted(os.listdir(self._netns))

    def dump(self, *, settle_s: float = 0) -> Dump:
        """All of the world, normalised, as iproute2, nft and /proc tell it (see tests.dump).

        With `settle_s`, waits until nothing is known to come and two looks in a row at addresses and routes agree, for
        as long: the kernel makes link-local ones some time after a carrier appears.
        """
        until = time.monotonic() + settle_s
        before, settled = None, False
        while not settled and time.monotonic() < until:
            if before is not None:
                time.sleep(0.3)
            now, is_coming = parse_glance(self.away(looking.what_comes))
            before, settled = now, before == now and not is_coming
        return parse_dump(self.away(lambda: looking.everything(self._sysctls)))

    def away(self, call: Callable[[], T]) -> T:
        """What `call` returns in a thread that goes into the world and never comes back, so may go on from there."""
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self._go_and, call).result()

    def _go_and(self, call: Callable[[], T]) -> T:
        with _namespaces(str(self.pid)) as away:
            enter(away)
        return call()

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Move this thread into the world and back, to call library code there."""
        cwd = Path.cwd()
        with _namespaces("thread-self") as home, _namespaces(str(self.pid)) as away:
            enter(away)
            os.chdir(cwd)
            try:
                yield
            finally:
                enter(home)
                os.chdir(cwd)

    def processes(self) -> list[int]:
        """The ids of all processes in the world's host, its mount namespace or a named namespace."""
        ours = {_ns(self.pid, "net"), _ns(self.pid, "mnt")} | self._named_inodes()
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [pid for pid in pids if {_ns(pid, "net"), _ns(pid, "mnt")} & (ours - {""}) and pid != os.getpid()]

    @property
    def _netns(self) -> str:
        """Its /run/netns, as this process sees it."""
        return f"/proc/{self.pid}/root/run/netns"

    def _named_inodes(self) -> set[str]:
        found: set[str] = set()
        for name in os.listdir(self._netns):
            with contextlib.suppress(FileNotFoundError):
                found.add(f"net:[{os.stat(f'{self._netns}/{name}').st_ino}]")
        return found

    def close(self) -> None:
        """End everything in the world; the kernel then takes it down."""
        if self._open is None:
            return
        self._sysctls.close()
        for pid in self.processes():
            if pid != self.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        os.close(self._open)
        self._open = None
        status, _, said = self.holder.end(10)
        assert status is not None, said


def _furnish() -> None:
    """The folders of a new world, and its lo. No program is started for that: there are a thousand worlds."""
    for path, folders in _TMPFS.items():
        _system(_libc.mount, b"world", path.encode(), b"tmpfs", 0, b"mode=755")
        for folder in folders:
            os.mkdir(f"{path}/{folder}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        fcntl.ioctl(asking, _SIOCSIFFLAGS, _IFREQ_FLAGS.pack(b"lo", _IFF_UP))


def _ns(pid: int, kind: str) -> str:
    """'net:[4026531840]', or '' for a process that is gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return ""


@contextlib.contextmanager
def _namespaces(process: str) -> Iterator[tuple[int, int]]:
    with open(f"/proc/{process}/ns/net") as net, open(f"/proc/{process}/ns/mnt") as mnt:
        yield net.fileno(), mnt.fileno()


def enter(namespaces: tuple[int, int]) -> None:
    """Take this thread there.

    A mount namespace is only for a thread that shares its root and directory with none: not with those it was started
    beside, nor with those it started, of which one may still be ending after its join.
    """
    net, mnt = namespaces
    _system(_libc.unshare, _CLONE_FS)
    _system(_libc.setns, net, _CLONE_NEWNET)
    _system(_libc.setns, mnt, _CLONE_NEWNS)
