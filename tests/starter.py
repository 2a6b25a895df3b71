"""Starts programs for a test's process, and stays small: `python -I tests/starter.py FD`, once (tests/programs.py).

In an older guest a start costs by what the process holds that starts: 170 ms from one that has imported pytest and what
tests need, 43 ms from a bare interpreter. So this imports next to nothing, and nothing of weft.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys

_HOME = tuple(os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("net", "mnt"))
_CLONE_NEWNET, _CLONE_NEWNS = 0x40000000, 0x20000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_AS_USUAL = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)
"""What an interpreter, or this one, does not heed."""
_LONGEST = 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)


def serve(requests: socket.socket) -> None:
    """Until nobody is left to ask. A request: `words`, `env`, `cwd` and `anew` as JSON, with the three files, a pipe to
    tell by the process's id or the error's number and then how it ended, and the namespaces of the network and of
    mounts. `anew`: the program is to have such namespaces of its own, made from these."""
    running: dict[int, tuple[int, int]] = {}
    waited = select.poll()
    waited.register(requests, select.POLLIN)
    while True:
        for ready, _ in waited.poll():
            if ready != requests.fileno():
                waited.unregister(ready)
                _report(ready, *running.pop(ready))
                continue
            asked, fds, _, _ = socket.recv_fds(requests, _LONGEST, 6)
            if not asked:
                return
            *files, told, net, mnt = fds
            if pid := _start(json.loads(asked), files, told, (net, mnt)):
                ended = os.pidfd_open(pid)
                running[ended] = pid, told
                waited.register(ended, select.POLLIN)
            for fd in (*files, net, mnt):
                os.close(fd)


def _start(asked: dict[str, object], files: list[int], told: int, there: tuple[int, int]) -> int:
    """Its id; 0 where it could not be started, which is told."""
    try:
        _enter(there)
        if asked["anew"]:
            _leave()
        pid = _spawn(asked, files)
    except OSError as error:
        _tell(told, f"0 {error.errno}\n")
        os.close(told)
        return 0
    finally:
        _enter(_HOME)
    _tell(told, f"{pid}\n")
    return pid


def _spawn(asked: dict, files: list[int]) -> int:  # type: ignore[type-arg]
    os.chdir(asked["cwd"])
    words, env = asked["words"], asked["env"]
    return os.posix_spawn(
        _found(words[0], env.get("PATH", os.defpath)),
        words,
        env,
        file_actions=[(os.POSIX_SPAWN_DUP2, file, at) for at, file in enumerate(files)],
        setsigdef=_AS_USUAL,
    )


def _found(name: str, path: str) -> str:
    """A program as execvp(3) would find it."""
    if "/" in name:
        return name
    for folder in path.split(":"):
        if os.access(file := f"{folder}/{name}", os.X_OK):
            return file
    raise FileNotFoundError(2, "no such program", name)


def _leave() -> None:
    """For new namespaces, from which no mount goes back."""
    _system(_libc.unshare(_CLONE_NEWNET | _CLONE_NEWNS))
    _system(_libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None))


def _report(ended: int, pid: int, told: int) -> None:
    _, status = os.waitpid(pid, 0)
    os.close(ended)
    _tell(told, f"{os.waitstatus_to_exitcode(status)}\n")
    os.close(told)


def _tell(told: int, line: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever asked has given up
        os.write(told, line.encode())


def _enter(namespaces: tuple[int, int]) -> None:
    for namespace, kind in zip(namespaces, (_CLONE_NEWNET, _CLONE_NEWNS), strict=True):
        _system(_libc.setns(namespace, kind))


def _system(status: int) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for whoever asks
    with socket.socket(fileno=int(sys.argv[1])) as asking:
        serve(asking)
