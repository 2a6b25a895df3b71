"""Bad luck, each through the command: a clear error that names what is wrong, and the old state kept."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel.faults import intents
from tests.kernel.faults.command import Ran, preload, start, weft_in
from tests.kernel.faults.held import Held
from tests.kernel.faults.lab import Lab
from tests.kernel.faults.points import Point, kill_at
from tests.world import World
from weft.backends import rtnl_numbers
from weft.errors import ReceiveOverrun
from weft.netlink import connection
from weft.wire.codec import NLM_F_DUMP_INTR, messages

pytestmark = pytest.mark.kernel

BAD_INPUT, REFUSED, INCOMPLETE, LOCKED = 2, 5, 6, 7
CLONE_NEWUSER = 0x10000000
NOBODY = 65534

OFF_HOST = "{weft: 1, name: NAME, tenants: {t: {networks: {n: {subnets: [10.0.0.0/24]}}}}}"


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Lab:
    intents.give_way_out(world)
    return Lab(world, tmp_path)


@pytest.fixture
def applied(lab: Lab) -> Lab:
    lab.weft("apply")
    return lab


FOREIGN = {
    "link": ("ip link add store type bridge", "link store"),
    "namespace": ("ip netns add weft.lab.t", "netns weft.lab.t"),
    "tap": ("ip tuntap add vm mode tap", "link vm"),
    "address": ("ip addr add 198.51.100.9/24 dev eth1", "address eth1 198.51.100.9/24"),
    "route": ("ip route add unreachable 10.98.0.0/16", "route 10.98.0.0/16"),
    "rule": ("ip rule add from 10.99.0.0/24 table 7 priority 1000", "rule inet 1000"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_somebody_elses_is_named_and_stays(lab: Lab, kind: str) -> None:
    script, named = FOREIGN[kind]
    lab.write(intents.A.replace("alias: the way out", "alias: the way out, addresses: [198.51.100.9/24]"))
    lab.sh(script)
    before = lab.dump()
    told = lab.weft("apply", code=REFUSED)
    assert named in told.err and str(lab.file) in told.err, told
    lab.assert_as(before, kind)


def test_tables_of_others_stay_and_the_scope_s_name_is_the_mark(lab: Lab) -> None:
    lab.sh("nft 'add table inet weft-other; add chain inet weft-other c; add table inet mine; add chain inet mine c'")
    before = lab.dump()
    lab.weft("apply")
    lab.weft("destroy")
    lab.assert_as(before, "apply and destroy beside tables of others")


def become_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def become_root_of_nothing() -> None:
    """Root in a user namespace, which has no right to the network namespace it is in."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/uid_map").write_text("0 0 1")


@pytest.mark.parametrize("lose", [become_nobody, become_root_of_nothing])
def test_without_rights_nothing_happens(applied: Lab, lose: Callable[[], None]) -> None:
    applied.file.parent.chmod(0o755)
    applied.file.parent.parent.chmod(0o755)
    before = applied.dump()
    for command in ("apply", "destroy"):
        told = applied.weft(command, code=REFUSED, before=lose)
        assert "root" in told.err or "CAP_" in told.err, told
    applied.assert_as(before, "without rights")


@pytest.mark.parametrize("feature", ["nft_fwd", "tap", "bridge", "nft_nat"])
def test_a_missing_feature_is_named(lab: Lab, feature: str) -> None:
    lab.weft("plan", code=3)
    lab.sh(f"""sed -i -E 's/("features".*)"{feature}",?/\\1/; s/,]/]/' /run/weft/*/features.json""")
    before = lab.dump()
    told = lab.weft("apply", code=REFUSED)
    assert feature in told.err and str(lab.file) in told.err, told
    lab.assert_as(before, feature)


class Sometimes:
    """Happens the first `times` times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> bool:
        self.left -= 1
        return self.left >= 0


def overrun(times: int) -> Callable[[], None]:
    """Replies are lost, as when a socket's buffer overflows."""

    def install() -> None:
        now, receive = Sometimes(times), connection.receive

        def lossy(*arguments: object) -> bytes:
            found = receive(*arguments)  # type: ignore[arg-type]
            if now():
                raise ReceiveOverrun("a netlink socket overran its receive buffer")
            return found

        connection.receive = lossy  # type: ignore[assignment]

    return install


def interrupt(times: int) -> Callable[[], None]:
    """The kernel marks dumps as interrupted."""

    def install() -> None:
        now = Sometimes(times)

        def marked(buffer: bytes) -> Iterator[tuple[int, int, int, int, int]]:
            extra = NLM_F_DUMP_INTR if now() else 0
            for kind, flags, *rest in messages(buffer):
                yield kind, flags | extra, *rest  # type: ignore[misc]

        connection.messages = marked

    return install


@pytest.mark.parametrize("fault", [overrun, interrupt])
def test_dumps_that_fail_are_taken_again_and_then_given_up(
    lab: Lab, fault: Callable[[int], Callable[[], None]]
) -> None:
    before = lab.dump()
    told = lab.weft("apply", code=REFUSED, before=fault(1 << 30))
    assert "bug" not in told.err and len(told.err.splitlines()) == 1, told
    lab.assert_as(before, "after a dump that never came to its end")
    lab.weft("apply", before=fault(3))
    assert lab.drift() == set()


def test_a_taken_ifindex_is_not_touched_and_another_chosen(lab: Lab) -> None:
    taken = ifindex(lab, "eth1")

    def choose_taken_ones() -> None:
        chosen, now = rtnl_numbers.randrange, Sometimes(5)
        rtnl_numbers.randrange = lambda *bounds: taken if now() else chosen(*bounds)  # type: ignore[assignment]

    lab.weft("apply", before=choose_taken_ones)
    assert lab.drift() == set()
    assert ifindex(lab, "eth1") == taken


def ifindex(lab: Lab, name: str) -> int:
    (link,) = lab.world.json("ip", "-j", "link", "show", "dev", name)
    return int(link["ifindex"])


def test_two_at_once_on_one_tenant(lab: Lab) -> None:
    lab.weft("plan", code=3)
    held = Held()
    first = start(lab.world, *lab.argv("apply"), act=held)
    held.await_stop()
    told = lab.weft("apply", "--wait", "0", code=LOCKED)
    assert "weft apply" in told.err and str(first.pid) in told.err, told
    second = start(lab.world, *lab.argv("apply"), "--wait", "30")
    held.let_go()
    ends = first.wait(), second.wait()
    assert [ran.status for ran in ends] == [0, 0], "\n".join(map(str, ends))
    assert "Nothing to do" in ends[1].out
    assert lab.drift() == set()


def test_two_at_once_on_two_tenants(lab: Lab) -> None:
    """Neither touches the host, so neither waits: the second is done while the first stands still."""
    lab.weft("plan", code=3)
    lab.write(OFF_HOST.replace("NAME", "one"))
    held = Held()
    first = start(lab.world, *lab.argv("apply"), act=held)
    held.await_stop()
    lab.write(OFF_HOST.replace("NAME", "two"))
    lab.weft("apply", "--wait", "0")
    held.let_go()
    assert first.wait().status == 0
    assert {"weft.one.t", "weft.two.t"} <= set(lab.world.names())


def fill(lab: Lab, directory: str) -> None:
    """A small disk there, with all that was in it, and then no room."""
    lab.sh(
        f"""
        mkdir -p {directory}; cp -a {directory} /run/kept; mount -t tmpfs -o size=64k,nr_inodes=200 small {directory}
        cp -a /run/kept/. {directory}; rm -r /run/kept; cat /dev/zero > {directory}/filler 2>/dev/null || true
        """
    )


@pytest.mark.parametrize("directory", ["/var/lib/weft", "/run/weft"])
def test_a_full_disk_stops_before_the_first_change(applied: Lab, directory: str) -> None:
    before = applied.dump()
    fill(applied, directory)
    applied.write(intents.B)
    told = applied.weft("apply", code=REFUSED)
    assert "no room" in told.err and directory in told.err, told
    applied.assert_as(before, "a full disk")
    applied.sh(f"rm {directory}/filler")
    applied.weft("apply")
    assert applied.drift() == set()


def half_way(lab: Lab) -> None:
    """An apply of B, killed when all but its deletions is done, before its commit."""
    lab.write(intents.B)
    lab.weft("apply", code=-signal.SIGKILL, act=kill_before_commit)


def kill_before_commit(point: Point) -> None:
    if point.door == "move" and str(point.arguments[0]).endswith(".uncommitted"):
        os.kill(os.getpid(), signal.SIGKILL)


def test_where_intents_are_kept_recovery_needs_no_room(applied: Lab) -> None:
    before = applied.settled()
    half_way(applied)
    fill(applied, "/var/lib/weft")
    applied.weft("recover")
    applied.assert_as(before, "recovered beside a full disk")


def test_a_recovery_that_finds_no_room_says_so_and_waits(applied: Lab) -> None:
    """What is put back must first be noted in the ledger."""
    before = applied.settled()
    half_way(applied)
    fill(applied, "/run/weft")
    told = applied.weft("recover", code=INCOMPLETE)
    assert "no room to write /run/weft" in told.err and "weft recover" in told.err, told
    applied.sh("rm /run/weft/filler")
    applied.weft("recover")
    applied.assert_as(before, "recovered when there was room")


def test_a_full_disk_does_not_stop_destroy(lab: Lab) -> None:
    """Of the intent's own disk it needs no room."""
    before = lab.dump()
    lab.weft("apply")
    fill(lab, "/var/lib/weft")
    lab.weft("destroy")
    lab.assert_as(before, "destroyed beside a full disk")


@pytest.mark.parametrize("spoil", ["echo x >> {}", "truncate -s 100 {}", ": > {}"])
def test_a_damaged_journal_is_named_and_nothing_guessed(applied: Lab, spoil: str) -> None:
    applied.write(intents.B)
    applied.weft("apply", code=-signal.SIGKILL, act=kill_at(60))
    journal = applied.sh("ls /run/weft/*/lab.uncommitted").strip()
    applied.sh(spoil.format(journal))
    before = applied.dump()
    for command in ("apply", "recover", "destroy"):
        told = applied.weft(command, code=INCOMPLETE)
        assert journal in told.err and "damaged" in told.err, told
    applied.assert_as(before, "a damaged journal")


def test_a_damaged_ledger_is_named(applied: Lab) -> None:
    before = applied.dump()
    applied.sh("echo '{' > $(ls /run/weft/*/ledger)")
    told = applied.weft("apply", code=REFUSED)
    assert "ledger is damaged" in told.err, told
    applied.assert_as(before, "a damaged ledger")


EXAMPLES = Path(__file__).parents[2] / "examples"
RUNNABLE = (
    "first.yaml",
    "many-files.yaml",
    "qos.yaml",
    "shared-network.yaml",
    "shop-and-dev.yaml",
    "two-tenants.yaml",
    "virtual-machines.yaml",
)
NEEDING = pytest.param("host-settings.yaml", marks=pytest.mark.needs("dummy"))
ELSEWHERE = {"segments.yaml", "routers.yaml", "floating-ips.yaml"}
"""They want links of the host's: test_segments.py, test_routers.py and floating/test_floating.py have them."""


def test_every_example_is_tried() -> None:
    assert {path.name for path in EXAMPLES.glob("*.yaml")} == {*RUNNABLE, *NEEDING.values, *ELSEWHERE}


@pytest.mark.parametrize("example", [*RUNNABLE, NEEDING])
def test_apply_then_destroy_is_as_if_nothing_had_been(lab: Lab, example: str) -> None:
    give_account(lab, "libvirt-qemu")
    file = str(EXAMPLES / example)
    before = lab.settled()
    applied = weft_in(lab.world, "apply", "-y", "-f", file)
    assert applied.status == 0, str(applied)
    assert weft_in(lab.world, "status", "-f", file).status == 0
    again = weft_in(lab.world, "apply", "-y", "-f", file)
    assert again.status == 0 and "Nothing to do" in again.out, again
    _must(weft_in(lab.world, "destroy", "-y", "-f", file))
    lab.assert_as(before, example)
    kept = lab.sh("find /var/lib/weft -mindepth 1; find /run/weft -name 'ledger' -exec cat {} +")
    assert '"entries":[]' in kept or not kept, kept


def give_account(lab: Lab, name: str) -> None:
    """A user of that name, on the world's own list of accounts."""
    lab.sh(f"cp /etc/passwd /run/passwd; echo {name}:x:64055:64055::/:/bin/false >> /run/passwd")
    lab.sh("mount --bind /run/passwd /etc/passwd")


def _must(ran: Ran) -> None:
    assert ran.status == 0, str(ran)
