"""The supervisor: one small process a host that keeps programs running as files say (backends/process_files.py).

Rules: it is the first process of a process namespace of its own, so that however it ends, the kernel ends all that it
keeps with it, at once: nothing runs unkept, and the next one starts all anew without a second of any. It holds a lock
for its life, so there is one, whose file says which process it is, and no namespace open. It starts a program again
when that ends, after a pause that doubles from one end to the next. It goes when there is nothing to keep. It imports
little, for it stays.

One request a connection, to which it answers when it is done: `start STEM` (see that it runs as is said), `restart
STEM`, `stop STEM`, `leave` (end if there is nothing to keep). Source: pid_namespaces(7), unix(7), setns(2), signal(7).
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import sys
import syslog
import time
from contextlib import suppress

from weft.doors.supervise.kept import (
    CLONE_NEWPID,
    NOT_STARTED,
    Kept,
    become,
    demand,
    identity,
    kill_group,
    libc,
    own_name,
    read,
    unlink,
    write,
)
from weft.netlink.descriptors import allow_more_files
from weft.wire.program import first_of, lines_of

READY = b"ready\n"
SOCKET, LOCK = "supervisor", "supervise"

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STEADY_S = 10.0
"""Whoever has run for so long is started again after the first pause."""
SETTLE_S = 0.25
"""Whoever says nothing of being ready is taken to be when it still runs after so long."""
READY_S = 15.0
"""How long a program may take to be ready."""
GRACE_S = 3.0
"""Between being asked to end and being made to."""
GLANCE_S, TICK_S = 2.0, 0.02
ROOM = 8
"""Descriptors that no program takes: by them this process is asked, reads and writes."""
TAIL, LAST_LINES = 500, 3
"""Bytes of a program's last words that are kept, and lines of them that are told."""


def main(directory: str, locks: str) -> None:
    """Become the supervisor of `directory`, or end at once where it has one. Says READY on its output and returns in
    the process that was started; the supervisor goes on in another."""
    lock = os.open(f"{locks}/{LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    allow_more_files()  # each program takes one
    demand(libc.unshare(CLONE_NEWPID), "a process namespace")
    if os.fork():
        os._exit(0)
    write(f"{locks}/{LOCK}", own_name())
    syslog.openlog("weft", syslog.LOG_PID, syslog.LOG_DAEMON)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    Supervisor(directory).serve()


class Supervisor:
    """Works in one directory, in one thread."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._kept: dict[str, Kept] = {}
        self._goes_on = True
        self._is_ending = False
        self._poll = select.poll()
        self._wake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        unlink(self._path(SOCKET))
        self._listener.bind(self._path(SOCKET))
        self._listener.listen(16)
        self._poll.register(self._wake, select.POLLIN)
        self._poll.register(self._listener, select.POLLIN)

    def serve(self) -> None:
        """Start all that is said, tell whoever started this, and go on until there is nothing to keep."""
        self._take_up()
        _tell_ready()
        while self._goes_on:
            fired = self._poll.poll(self._rest_s() * 1000)
            _drain(self._wake)
            self._reap()  # before anything is answered of one that has ended, and after what it was told by is read
            for fd, _ in fired:
                self._answer(fd)
            self._look()
        unlink(self._path(SOCKET))

    # what happens

    def _answer(self, fd: int) -> None:
        if fd == self._listener.fileno():
            self._accept()
        else:
            for kept in self._kept.values():
                if kept.output == fd:
                    self._hear(kept)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(1.0)
        try:
            word, _, stem = connection.recv(4096).decode().partition(" ")
        except OSError:
            connection.close()
            return
        if not word:  # somebody who only wanted to know who answers
            connection.close()
        elif word == "leave":
            self._leave(connection)
        elif word == "stop":
            self._stop(stem, connection)
        elif self._is_ending:  # the next one is asked, and starts it
            connection.close()
        else:
            self._see_to(stem, connection, anew=word == "restart")

    def _leave(self, connection: socket.socket) -> None:
        if not self._stems() and not any(kept.pid for kept in self._kept.values()):
            self._goes_on = False
            unlink(self._path(SOCKET))
        _reply(connection, "")

    def _stop(self, stem: str, connection: socket.socket) -> None:
        kept = self._kept.get(stem)
        if kept is None or not kept.pid:
            self._kept.pop(stem, None)
            _reply(connection, "")
            return
        kept.leaving.append(connection)
        self._ask_to_end(kept)

    def _see_to(self, stem: str, connection: socket.socket, *, anew: bool) -> None:
        """A program that runs otherwise than is said now ends first; its end starts it again at once."""
        kept = self._kept.setdefault(stem, Kept(stem))
        kept.pause = 0.0
        kept.asking.append(connection)
        if not kept.pid:
            self._start(kept)
        elif anew or not self._is_as_said(kept):
            self._ask_to_end(kept)
        else:
            kept.since = min(kept.since, time.monotonic() - SETTLE_S)

    def _hear(self, kept: Kept) -> None:
        try:
            said = os.read(kept.output, 4096)
        except BlockingIOError:
            return
        if not said:
            self._close_output(kept)
        kept.tail = (kept.tail + said)[-TAIL:]
        for line in said.decode(errors="replace").splitlines():
            syslog.syslog(f"{kept.stem}: {line}")

    def _close_output(self, kept: Kept) -> None:
        if kept.output >= 0:
            self._poll.unregister(kept.output)
            os.close(kept.output)
            kept.output = -1

    def _reap(self) -> None:
        """Whoever has ended, also what programs have left behind: this is the first process of its namespace."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for kept in list(self._kept.values()):
                if kept.pid == pid:
                    self._ended(kept, os.waitstatus_to_exitcode(status))

    def _ended(self, kept: Kept, code: int) -> None:
        was_asked, ran_s = kept.stopped_at > 0, time.monotonic() - kept.since
        kill_group(kept.pid, signal.SIGKILL)
        if kept.output >= 0:
            self._hear(kept)
        self._close_output(kept)  # whoever it has left behind may have it open, and would be heard for ever
        kept.pid, kept.stopped_at = 0, 0.0
        unlink(self._path(kept.stem, "pid"))
        if kept.leaving:
            for connection in (*kept.leaving, *kept.asking):
                _reply(connection, "")
            del self._kept[kept.stem]
            return
        if self._is_ending:
            return
        if was_asked:
            self._start(kept)
            return
        self._note_end(kept, code, ran_s)

    def _note_end(self, kept: Kept, code: int, ran_s: float) -> None:
        """Of its own accord: it is told, and comes again after a pause."""
        how = f"ended with status {code}" if code >= 0 else f"was ended by signal {-code}"
        words = kept.tail.decode(errors="replace").strip().splitlines()
        told = f"{how}: {'; '.join(words[-LAST_LINES:])}" if words else how
        syslog.syslog(syslog.LOG_WARNING, f"{kept.stem} {told}")
        if os.path.exists(self._path(kept.stem, "spec")):  # else nobody would take it away
            write(self._path(kept.stem, "died"), told)
        for connection in kept.asking:
            _reply(connection, told)
        kept.asking.clear()
        kept.pause = FIRST_PAUSE_S if ran_s > STEADY_S else min(max(2 * kept.pause, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        kept.due = time.monotonic() + kept.pause

    def _look(self) -> None:
        """What has come due."""
        now = time.monotonic()
        for kept in list(self._kept.values()):
            if kept.stopped_at and now - kept.stopped_at > GRACE_S:
                kill_group(kept.pid, signal.SIGKILL)
            elif kept.pid and kept.asking and not kept.stopped_at:
                self._tell_if_ready(kept, now)
            elif not kept.pid and now >= kept.due and not self._is_ending:
                self._start_again(kept)
        if not any(kept.pid for kept in self._kept.values()) and (self._is_ending or not self._stems()):
            self._goes_on = False

    def _tell_if_ready(self, kept: Kept, now: float) -> None:
        is_ready = os.path.exists(kept.ready_file) if kept.ready_file else now - kept.since >= SETTLE_S
        if is_ready or now - kept.since > READY_S:
            for connection in kept.asking:
                _reply(connection, "" if is_ready else f"was not ready within {READY_S:.0f} s")
            kept.asking.clear()

    def _rest_s(self) -> float:
        if any(kept.asking or kept.stopped_at for kept in self._kept.values()):
            return TICK_S
        due = [kept.due - time.monotonic() for kept in self._kept.values() if not kept.pid]
        return max(0.0, min([GLANCE_S, *due])) if due or not self._kept else -0.001

    # programs

    def _take_up(self) -> None:
        for stem in self._stems():
            self._start(self._kept.setdefault(stem, Kept(stem)))

    def _start_again(self, kept: Kept) -> None:
        """Unless it is to run no more: what is said by nobody any more is not kept."""
        if os.path.exists(self._path(kept.stem, "spec")):
            self._start(kept)
        else:
            self._kept.pop(kept.stem)

    def _start(self, kept: Kept) -> None:
        kept.text = read(self._path(kept.stem, "spec"))
        lines = lines_of(kept.text)
        netns, kept.ready_file = first_of(lines, "netns"), first_of(lines, "ready")
        for file in (kept.ready_file, self._path(kept.stem, "died")):
            unlink(file)
        kept.network, kept.tail, kept.since = identity(netns), b"", time.monotonic()
        try:
            self._fork(kept, lines, netns)
        except OSError as failure:  # no number or descriptor is left: all that runs goes on
            kept.tail = f"cannot be started: {failure}".encode()
            self._note_end(kept, NOT_STARTED, 0.0)

    def _fork(self, kept: Kept, lines: list[tuple[str, str]], netns: str) -> None:
        """Raises: OSError where there is no room for one more; then nothing was begun."""
        _demand_room()
        reading, writing = os.pipe2(os.O_CLOEXEC)
        # Until the child is rid of this process's handlers no signal may come, or it would be lost.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGCHLD))
        try:
            kept.pid = os.fork()
            if not kept.pid:
                become(lines, netns, writing, self._path(kept.stem, "pid"))
        except OSError:
            os.close(reading)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.close(writing)
        self._close_output(kept)
        os.set_blocking(reading, False)
        kept.output = reading
        self._poll.register(reading, select.POLLIN)

    def _is_as_said(self, kept: Kept) -> bool:
        text = read(self._path(kept.stem, "spec"))
        told = os.path.exists(self._path(kept.stem, "pid"))
        return told and text == kept.text and kept.network == identity(first_of(lines_of(text), "netns"))

    def _ask_to_end(self, kept: Kept) -> None:
        if not kept.stopped_at:
            kept.stopped_at = time.monotonic()
            kill_group(kept.pid, signal.SIGTERM)

    def _end(self) -> None:
        """On SIGTERM: everything ends before this does."""
        self._is_ending = True
        for kept in self._kept.values():
            if kept.pid:
                self._ask_to_end(kept)

    # files

    def _path(self, stem: str, suffix: str = "") -> str:
        return f"{self._directory}/{stem}.{suffix}" if suffix else f"{self._directory}/{stem}"

    def _stems(self) -> list[str]:
        try:
            return sorted(name[:-5] for name in os.listdir(self._directory) if name.endswith(".spec"))
        except FileNotFoundError:
            return []


def _demand_room() -> None:
    """Raises: OSError where one more program would take the last descriptors."""
    held: list[int] = []
    try:
        while len(held) < ROOM:
            held.append(os.dup(0))
    finally:
        for fd in held:
            os.close(fd)


def _reply(connection: socket.socket, told: str) -> None:
    """ "" is well. Whoever asked may have gone."""
    with suppress(OSError):
        connection.send(told.encode() or b"ok")
    connection.close()


def _drain(fd: int) -> None:
    with suppress(BlockingIOError):
        while os.read(fd, 512):
            pass


def _tell_ready() -> None:
    """To whoever started this; from then on nobody listens."""
    os.write(1, READY)
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)


def started() -> None:
    """As a program: `python -c 'from weft.doors.supervise.supervisor import started; started()' DIRECTORY LOCKS`."""
    main(sys.argv[1], sys.argv[2])
