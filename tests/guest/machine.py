"""A machine with systemd on which weft is installed: a guest that tests boot, and boot again with what it kept.

Rules: weft is run as it was installed, and judged by systemctl, ip, nft and ping. A boot is awaited to its end; what
failed to start fails the boot.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.guest.guest import Guest
from tests.guest.kernels import Kernel

ROOT = Path(__file__).parents[2]
BOOTED_S = 90.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def install(where: Path) -> Path:
    """Weft as `make install` puts it below a folder."""
    where.chmod(0o755)
    make = ("make", "-C", ROOT, "-o", "packages", "install", f"DESTDIR={where}")
    done = subprocess.run(make, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return where


@dataclass(frozen=True, slots=True)
class Machine:
    """A booted one. `folder`: what lies above this machine's files in it."""

    guest: Guest
    folder: Path

    def sh(self, script: str, *, check: bool = True, timeout_s: float = 60) -> str:
        """What a script prints, standard error too. Raises: AssertionError when `check` and it fails."""
        done = self.guest.run(
            *("bash", "-c", f"exec 2>&1; {'set -e; ' if check else ''}{script}"),
            check=check,
            timeout_s=timeout_s,
            env={"PATH": PATH},
            cwd=Path("/root"),
        )
        return done.stdout

    def json(self, command: str) -> Any:
        return json.loads(self.sh(command) or "[]")

    def write(self, path: str, text: str) -> None:
        self.guest.run("sh", "-c", 'mkdir -p "${1%/*}"; cat >"$1"', "sh", path, input=text)

    def until(self, is_so: Callable[[], bool], what: str, within_s: float = 20) -> None:
        """Raises: AssertionError with the end of the journal."""
        deadline = time.monotonic() + within_s
        while not is_so():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within_s} s: {what}\n{self.sh('journalctl --no-pager | tail -40')}")
            time.sleep(0.1)

    def units(self, pattern: str) -> list[str]:
        """The names of the units that are loaded, failed and dead ones too."""
        told = self.json(f"systemctl list-units --all --output=json '{pattern}'")
        return sorted(unit["unit"] for unit in told)

    def pings(self, address: str, netns: str = "") -> bool:
        where = f"ip netns exec {netns} " if netns else ""
        return "1 received" in self.sh(f"{where}ping -n -c 1 -W 2 {address}", check=False)

    def addresses(self, ifname: str) -> list[str]:
        """Without link-local ones."""
        (link,) = self.json(f"ip -j address show dev {ifname}")
        return [held["local"] for held in link["addr_info"] if held["scope"] == "global"]

    def keep(self, *paths: str) -> None:
        """Have these files in the next boot of the folder, as they are now."""
        self.sh(f"cd / && cp -a --parents {' '.join(path.lstrip('/') for path in paths)} /hostout/")
        shutil.copytree(self.guest.out, self.folder, symlinks=True, dirs_exist_ok=True)


@contextmanager
def booted(kernel: Kernel, folder: Path) -> Iterator[Machine]:
    """Raises: AssertionError where a unit failed; GuestDied."""
    with Guest(kernel, systemd=folder) as guest:
        machine = Machine(guest, folder)
        state = machine.sh("systemctl is-system-running --wait", check=False, timeout_s=BOOTED_S).strip()
        if state != "running":
            raise AssertionError(f"{state}\n{machine.sh('systemctl --failed; journalctl --no-pager | tail -60')}")
        yield machine
