"""The guests themselves: what a command is given and gives back, wires, and every way to end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guest import kernels
from tests.guest.guest import Guest, GuestDied, GuestTimeout, joined
from tests.guest.kernels import Kernel
from tests.patience import until

ROOT = Path(__file__).parents[2]
FOUND = kernels.find()

pytestmark = [
    pytest.mark.skipif(not FOUND, reason="no guest kernel is at hand"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]
each_kernel = pytest.mark.parametrize("kernel", FOUND, ids=str, scope="module")


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    """The newest, for what is the same in all."""
    return FOUND[-1]


@pytest.fixture(scope="module")
def guest(kernel: Kernel) -> Iterator[Guest]:
    with Guest(kernel) as guest:
        yield guest


@each_kernel
def test_a_command_has_its_input_and_gives_back_all_it_says(guest: Guest, kernel: Kernel, tmp_path: Path) -> None:
    script = "cat; pwd; echo $WORD; echo of >&2; exit 7"
    done = guest.run("sh", "-c", script, input="in\n" * 9999, env={"WORD": "käse"}, cwd=tmp_path, check=False)
    assert done.returncode == 7
    assert done.stdout == "in\n" * 9999 + f"{tmp_path}\nkäse\n"
    assert done.stderr == "of\n"
    assert guest.run("uname", "-r").stdout.startswith(kernel.version)


def test_commands_run_side_by_side_and_are_awaited_in_any_order(guest: Guest) -> None:
    waits = guest.start("sh", "-c", "until [ -e /tmp/go ]; do sleep 0.01; done; echo first")
    goes = guest.start("sh", "-c", "touch /tmp/go; echo second")
    assert goes.wait().stdout == "second\n"
    assert waits.wait().stdout == "first\n"


def test_a_command_that_is_over_can_still_be_awaited(guest: Guest) -> None:
    waits = guest.start("sh", "-c", "until [ -e /tmp/over ]; do sleep 0.01; done; echo told")
    assert not waits.is_over()
    guest.run("touch", "/tmp/over")
    until(waits.is_over, "it has ended")
    assert waits.is_over() and waits.wait().stdout == "told\n"


def test_what_guests_have_in_common_only_one_can_make(kernel: Kernel, tmp_path: Path) -> None:
    """tests/guest/claims.py"""
    script = (
        "until [ -e /mnt/go ]; do :; done; for i in $(seq 200); do mkdir /mnt/$i 2>/dev/null && echo $i; done; true"
    )
    with Guest(kernel) as one, Guest(kernel) as other:
        for guest in (one, other):
            guest.run("mount", "-t", "hostfs", "-o", tmp_path, "claims", "/mnt")
        at_once = [guest.start("sh", "-c", script) for guest in (one, other)]
        (tmp_path / "go").touch()
        made = [line for command in at_once for line in command.wait().stdout.split()]
    assert sorted(map(int, made)) == list(range(1, 201))


def test_a_failure_says_what_was_printed(guest: Guest) -> None:
    with pytest.raises(AssertionError, match="cat /none: status 1\ncat: /none: No such file"):
        guest.run("cat", "/none")
    assert guest.run("sh", "-c", "kill -9 $$", check=False).returncode == -signal.SIGKILL
    missing = guest.run("no-such-command", check=False)
    assert missing.returncode == 127 and "no-such-command" in missing.stderr


def test_what_takes_too_long_is_killed_with_what_it_started_and_the_guest_goes_on(guest: Guest) -> None:
    with pytest.raises(GuestTimeout, match=r"killed after 0\.3 s\nso far"):
        guest.run("sh", "-c", "echo so far; sleep 1234 & sleep 1234", timeout_s=0.3)
    assert guest.run("pgrep", "-c", "sleep", check=False).stdout == "0\n"


def test_orphans_are_buried(guest: Guest) -> None:
    guest.run("sh", "-c", "(sleep 0.01 &) ; sleep 0.2")
    assert "Z" not in guest.run("ps", "-eo", "stat=").stdout


def test_files_come_out_by_one_way_only(guest: Guest) -> None:
    guest.run("sh", "-c", "echo told >/hostout/file; echo kept >in-the-guest; cat in-the-guest", cwd=ROOT)
    assert (guest.out / "file").read_text() == "told\n"
    assert not (ROOT / "in-the-guest").exists()
    assert guest.run("cat", "in-the-guest", cwd=ROOT).stdout == "kept\n"


def test_it_has_no_network_but_its_own(guest: Guest) -> None:
    told = json.loads(guest.run("ip", "-j", "link").stdout)
    assert "ether" not in {link["link_type"] for link in told if "UP" in link["flags"]}


@each_kernel
def test_two_guests_are_hosts_on_one_wire(kernel: Kernel) -> None:
    with joined(2, kernel) as (one, other):
        one.run("ip", "address", "add", "10.0.0.1/24", "dev", "vec0")
        other.run("ip", "address", "add", "10.0.0.2/24", "dev", "vec0")
        one.run("ping", "-n", "-c", "3", "-i", "0.2", "10.0.0.2")
        server = other.start("iperf3", "--server", "--one-off")
        other.run("sh", "-c", "until ss -Hltn 'sport = 5201' | grep -q .; do sleep 0.05; done", timeout_s=10)
        told = json.loads(one.run("iperf3", "--json", "--time", "1", "--client", "10.0.0.2").stdout)
        assert server.wait().returncode == 0
        assert told["end"]["sum_received"]["bytes"] > 1_000_000


def test_three_guests_are_joined_each_to_each(kernel: Kernel) -> None:
    with joined(3, kernel) as guests:
        for number, guest in enumerate(guests):
            for wire, far in enumerate(far for far in range(3) if far != number):
                guest.run("ip", "address", "add", f"10.0.0.{number}", "peer", f"10.0.0.{far}", "dev", f"vec{wire}")
        for guest in guests:
            for far in range(3):
                guest.run("ping", "-n", "-c", "1", "-W", "2", f"10.0.0.{far}")


def test_a_guest_that_dies_says_what_its_kernel_said(kernel: Kernel) -> None:
    with Guest(kernel) as guest:
        with pytest.raises(GuestDied, match=r"(?s)died.*Kernel panic"):
            guest.run("sh", "-c", "echo c >/proc/sysrq-trigger")
        with pytest.raises(GuestDied):
            guest.run("true")
    assert not guest.work.exists()


def test_what_is_no_kernel_is_said_at_once() -> None:
    with pytest.raises(GuestDied, match="guest none died"):
        Guest(Kernel(version="none", path=Path("/bin/false")))


def test_closing_ends_what_still_runs(kernel: Kernel) -> None:
    with Guest(kernel) as guest:
        guest.start("sleep", "1000")
        group = os.getpgid(guest_process(guest.work))
    assert not guest.work.exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def test_a_guest_whose_runner_is_killed_goes_off(kernel: Kernel) -> None:
    script = (
        "import os; from pathlib import Path; from tests.guest.guest import *; from tests.guest.kernels import *\n"
        f"guest = Guest(Kernel(version='x', path=Path({str(kernel.path)!r})))\n"
        "print(guest.work, flush=True); os.kill(os.getpid(), 9)"
    )
    child = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    work = Path(child.stdout.strip())
    until = time.monotonic() + 20
    while guest_process(work) and time.monotonic() < until:
        time.sleep(0.1)
    assert not guest_process(work)
    shutil.rmtree(work)


def guest_process(work: Path) -> int:
    """The id of the guest that works there, or 0."""
    told = subprocess.run(["pgrep", "--oldest", "--full", f"uml_dir={work}/"], capture_output=True, text=True).stdout
    return int(told or 0)
