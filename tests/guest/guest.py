"""A guest: user-mode Linux over this machine's own files, booted once, that takes many commands.

It sees all files of this machine read-only with a tmpfs above: what it writes is gone with it, but for /hostout, which
is `Guest.out` here. It shares no network with anybody; `joined` makes guests with wires between them. It is pinned to
one processor: unpinned, each of its system calls costs twenty times as much. Nothing goes on behind it: it goes off
when its console closes, so even when the process that booted it is killed (whose temporary folder then stays). How it
talks: tests/guest/agent.py. Needs root.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.guest.kernels import Kernel

HERE = Path(__file__).parent
BOOT_S = 60.0
_OFF_S = 5.0
_TOLD = 4000
_OWN_TEMPORARY = {"TMPDIR": "/dev/shm"}
"""A folder that changes outside while it is below a guest's is nothing to build on; /tmp is such a one."""
_BOOT = (
    # its disk
    *("rootfstype=hostfs", "rootflags=/", "ro", f"init={HERE / 'init.sh'}"),
    # faster, where the kernel has it
    "seccomp=on",
    # only what has happened badly is said
    *("quiet", "loglevel=4", "con=null"),
    # no links but those that somebody makes
    *("bonding.max_bonds=0", "dummy.numdummies=0", "ifb.numifbs=0", "sysctl.net.core.fb_tunnels_only_for_init_net=2"),
)


class GuestDied(Exception):
    """The guest is gone, or was never there; with the end of what its kernel said."""


class GuestTimeout(Exception):
    """A command took too long and was killed; with what it had printed."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was started in a guest."""

    guest: Guest
    number: int
    argv: tuple[str, ...]

    def wait(self, *, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Its end. Raises: GuestTimeout, GuestDied."""
        status = self.guest.await_done(self.number, timeout_s)
        if status is None:
            self.kill()
            self.guest.await_done(self.number, _OFF_S)
            raise GuestTimeout(f"{' '.join(self.argv)}: killed after {timeout_s} s\n{self.told('out', 'err')}")
        return subprocess.CompletedProcess(self.argv, status, self._read("out"), self._read("err"))

    def is_over(self) -> bool:
        """Raises: GuestDied."""
        return self.guest.has_ended(self.number)

    def kill(self) -> None:
        """SIGKILL to it and to what it has started. Raises: GuestDied."""
        self.guest.say(f"kill {self.number}")

    def told(self, *streams: str) -> str:
        """The end of what it has printed."""
        return "".join(self._read(stream)[-_TOLD:] for stream in streams)

    def _read(self, stream: str) -> str:
        return (self.guest.work / f"{self.number}.{stream}").read_text(errors="replace")


@dataclass
class Guest:
    """Use as a context manager. `memory` as UML takes it; `wires`: sockets, the n-th becomes the link `vecN`.

    `systemd`: that is the first process, and commands may run before all is up; what is in the folder given, with its
    owners and modes, lies above this machine's files.
    """

    kernel: Kernel
    memory: str = "1G"
    cpu: int | None = None
    wires: Sequence[socket.socket] = ()
    systemd: Path | None = None
    work: Path = field(init=False)
    out: Path = field(init=False)

    def __post_init__(self) -> None:
        """Boot. Raises: GuestDied."""
        self.work = Path(tempfile.mkdtemp(prefix="weft-guest-"))
        self.out = self.work / "out"
        self.out.mkdir()
        self._console, far = socket.socketpair()
        with far, (self.work / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._argv(far.fileno(), log.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[far.fileno(), log.fileno(), *(wire.fileno() for wire in self.wires)],
                start_new_session=True,  # ^C is for this process, which closes the guest
            )
        self._ended = os.pidfd_open(self._process.pid)
        self._numbers = itertools.count(1)
        self._heard = b""
        self._statuses: dict[int, int] = {}
        self._boot()

    def _argv(self, console: int, log: int) -> list[str]:
        cpu = max(os.sched_getaffinity(0)) if self.cpu is None else self.cpu
        wires = [
            f"vec{number}:transport=fd,fd={wire.fileno()},mac=02:00:00:00:{os.urandom(1).hex()}:{os.urandom(1).hex()}"
            for number, wire in enumerate(self.wires)
        ]
        python = Path(sys.executable).resolve()
        own = {"work": self.work, "out": self.out, "python": python, "agent": HERE / "agent.py"}
        own |= {"over": self.systemd} if self.systemd else {}
        return [
            *("taskset", "-c", str(cpu), str(self.kernel.path), f"mem={self.memory}", f"uml_dir={self.work}/"),
            *(*_BOOT, f"con0=null,fd:{log}", f"con1=fd:{console}", *wires),
            *(f"guest_{name}={value}" for name, value in own.items()),
        ]

    def _boot(self) -> None:
        try:
            if self._line(time.monotonic() + BOOT_S) != "ready":
                raise GuestDied(f"guest {self.kernel}: not up after {BOOT_S} s\n{self.log()}")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Guest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(
        self,
        *argv: str | Path,
        input: str = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Command:
        """Start a command, with this process's environment and `env` above it. Raises: GuestDied."""
        number = next(self._numbers)
        words = tuple(map(str, argv))
        command = {"argv": words, "cwd": str(cwd or Path.cwd()), "env": {**os.environ, **_OWN_TEMPORARY, **(env or {})}}
        (self.work / f"{number}.json").write_text(json.dumps(command))
        (self.work / f"{number}.in").write_text(input)
        self.say(f"run {number}")
        return Command(self, number, words)

    def run(
        self,
        *argv: str | Path,
        check: bool = True,
        input: str = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout_s: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end.

        Raises: GuestTimeout, GuestDied; AssertionError with the end of what it printed when `check` and it fails.
        """
        command = self.start(*argv, input=input, env=env, cwd=cwd)
        done = command.wait(timeout_s=timeout_s)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(done.args)}: status {done.returncode}\n{command.told('out', 'err')}")
        return done

    def say(self, line: str) -> None:
        """One line to the agent. Raises: GuestDied."""
        try:
            self._console.sendall(f"{line}\n".encode())
        except OSError as error:
            raise self._died() from error

    def await_done(self, number: int, timeout_s: float) -> int | None:
        """The status of a command that was started, or None when it still runs. Raises: GuestDied."""
        until = time.monotonic() + timeout_s
        while number not in self._statuses:
            line = self._line(until)
            if line is None:
                return None
            _, done, status = line.split()
            self._statuses[int(done)] = int(status)
        return self._statuses.pop(number)

    def has_ended(self, number: int) -> bool:
        """Whether there is nothing to await of a command that was started. Raises: GuestDied."""
        status = self.await_done(number, 0)
        if status is not None:
            self._statuses[number] = status
        return status is not None

    def _line(self, until: float) -> str | None:
        """The agent's next line, or None when it says none until then. Raises: GuestDied."""
        while b"\n" not in self._heard:
            left = max(0.0, until - time.monotonic())
            readable, _, _ = select.select([self._console.fileno(), self._ended], [], [], left)
            if not readable:
                return None
            heard = _receive(self._console) if self._console.fileno() in readable else b""
            if not heard:
                raise self._died()
            self._heard += heard
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode()

    def _died(self) -> GuestDied:
        return GuestDied(f"guest {self.kernel} died\n{self.log()}")

    def log(self) -> str:
        """The end of what its kernel has said."""
        return (self.work / "log").read_text(errors="replace")[-_TOLD:]

    def close(self) -> None:
        """Off, at once if it does not go by itself; nothing stays."""
        with contextlib.suppress(GuestDied):
            self.say("off")
        try:
            self._process.wait(_OFF_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(ProcessLookupError):  # the processes in which it ran its own
            os.killpg(self._process.pid, signal.SIGKILL)
        os.close(self._ended)
        self._console.close()
        shutil.rmtree(self.work, ignore_errors=True)


def _receive(console: socket.socket) -> bytes:
    try:
        return console.recv(4096)
    except ConnectionResetError:
        return b""


@contextlib.contextmanager
def joined(count: int, kernel: Kernel, *, memory: str = "512M", cpu: int | None = None) -> Iterator[list[Guest]]:
    """Guests with a wire from each to each other, links up. In each, `vec0` leads to the first of the others, `vec1` to
    the second. Raises: GuestDied."""
    with contextlib.ExitStack() as stack:
        ends: list[list[socket.socket]] = [[] for _ in range(count)]
        for one, other in itertools.combinations(range(count), 2):
            for number, end in zip((one, other), socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM), strict=True):
                ends[number].append(stack.enter_context(end))
        guests = [stack.enter_context(Guest(kernel, memory=memory, cpu=cpu, wires=wires)) for wires in ends]
        for guest in guests:
            guest.run("sh", "-c", "for link in /sys/class/net/vec*; do ip link set ${link##*/} up; done")
        yield guests
