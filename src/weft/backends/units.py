"""Programs kept by systemd where it runs: each a transient unit of its own.

Rules: systemd does what the supervisor does elsewhere: starts a program again, ends all of it, knows its process. It is
asked only where this process is in the namespaces that a unit starts in. A unit is weft's by its name, which holds the
host's id; whether it runs as is said is judged as everywhere, by its process. Every request that changes anything goes
through `command`. Source: systemd-run(1), systemd.exec(5) (NetworkNamespacePath=), systemd-escape(1).
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from weft.backends.process_files import READY_FILE, SPEC, ProcessFiles
from weft.errors import ProgramFailed
from weft.wire.program import Lines, all_of, first_of, lines_of

_SYSTEMD = Path("/run/systemd/system")
_NAMESPACES = ("net", "mnt", "pid")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.-")

SETTLE_S, READY_S = 0.25, 15.0
"""As the supervisor has them."""
_GLANCE_S = 0.02


def is_systemds(proc: Path = Path("/proc")) -> bool:
    """Whether systemd runs, in the namespaces that this process is in: a unit starts there."""
    if not _SYSTEMD.is_dir():
        return False
    try:
        return all(os.readlink(proc / "self/ns" / kind) == os.readlink(proc / "1/ns" / kind) for kind in _NAMESPACES)
    except OSError:
        return False


def command(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Ask systemd. Raises: OSError."""
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def unit_name(host_id: str, stem: str) -> str:
    """As systemd-escape has it: a unit's name takes few signs as they are."""
    escaped = "".join(sign if sign in _PLAIN else f"\\x{ord(sign):02x}" for sign in stem)
    return f"weft-{host_id}-{escaped}.service"


def run_argv(unit: str, program: str, lines: Lines) -> list[str]:
    """The command that starts a program as a transient unit. `program`: what it says is logged under. `lines`: its
    spec."""
    netns, mark = first_of(lines, "netns"), first_of(lines, "mark")
    properties = ["Type=exec", "Restart=always", "RestartSec=1", "StartLimitIntervalSec=0", "KillMode=mixed"]
    properties += [f"SyslogIdentifier={program}"]
    properties += [f"NetworkNamespacePath={_path_of(netns)}"] if netns else []
    return [
        "systemd-run",
        "--quiet",
        "--collect",
        f"--unit={unit}",
        f"--description={mark}",
        *(f"--property={text}" for text in properties),
        *(f"--setenv={said}" for said in all_of(lines, "environment")),
        "--",
        *(word.replace("$", "$$") for word in all_of(lines, "argument")),  # else systemd puts in what it names
    ]


def _path_of(netns: str) -> str:
    if netns.startswith("pidfile:"):
        return f"/proc/{int(Path(netns.removeprefix('pidfile:')).read_text())}/ns/net"
    return f"/run/netns/{netns}"


class Units:
    """The keeper of the programs that `files` tell, as units of the host `host_id`."""

    def __init__(self, files: ProcessFiles, host_id: str) -> None:
        self._files, self._host_id = files, host_id

    def pid(self, stem: str) -> int | None:
        told = command(["systemctl", "show", "--property=MainPID", "--value", self._unit(stem)]).stdout.strip()
        return int(told) if told.isdigit() and told != "0" else None

    def start(self, stem: str, *, anew: bool) -> None:
        """See that it runs as is said. Raises: ProgramFailed with what systemd says."""
        if not anew and self.pid(stem) is not None:
            return
        self.stop(stem)
        self._files.drop_ready(stem)
        lines = lines_of(self._files.text(stem, SPEC) or "")
        started = command(run_argv(self._unit(stem), stem.partition("@")[0], lines))
        if started.returncode != 0:
            raise ProgramFailed(f"{stem} did not start: {started.stderr.strip()}")
        self._wait(stem, bool(first_of(lines, "ready")))

    def stop(self, stem: str) -> None:
        command(["systemctl", "stop", self._unit(stem)])
        command(["systemctl", "reset-failed", self._unit(stem)])

    def leave(self) -> None:
        """There is nobody to leave."""

    def _wait(self, stem: str, says_ready: bool) -> None:
        since, first = time.monotonic(), self.pid(stem)
        while time.monotonic() - since < (READY_S if says_ready else SETTLE_S):
            if says_ready and self._files.path(stem, READY_FILE).exists():
                return
            if first is None or self.pid(stem) != first:
                raise ProgramFailed(f"{stem} ended at once; its last words: journalctl --unit={self._unit(stem)}")
            time.sleep(_GLANCE_S)
        if says_ready:
            raise ProgramFailed(f"{stem} was not ready within {READY_S:.0f} s")

    def _unit(self, stem: str) -> str:
        return unit_name(self._host_id, stem)
