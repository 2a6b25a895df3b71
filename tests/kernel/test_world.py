"""The witness itself: a world is private, its dump sees every kind of change, and nothing of it stays."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests import looking, ruleset
from tests.dump import differences
from tests.patience import until
from tests.programs import Failed, Program
from tests.world import World

ROOT = Path(__file__).parents[2]


def build_link(world: World) -> None:
    world.run("ip", "netns", "add", "a")
    world.run("ip", "link", "add", "v0", "address", "02:00:00:00:00:01", "type", "veth", "peer", "v1", "netns", "a")


def build(world: World) -> None:
    build_link(world)
    world.run("ip", "link", "set", "v0", "up")
    world.run("ip", "addr", "add", "10.0.0.1/24", "dev", "v0")
    world.run(
        "nft", "add table inet t; add chain inet t c { type filter hook input priority 0; }; add rule inet t c accept"
    )


CHANGES = {
    "link": "ip link set v0 mtu 1400",
    "altname": "ip link property add dev v0 altname other",
    "alias": "ip link set v0 alias text",
    "addr": "ip addr add 10.0.0.2/24 dev v0",
    "route": "ip route add 10.9.0.0/16 via 10.0.0.9",
    "route6": "ip -6 route add fd00::/64 dev v0",
    "rule": "ip rule add pref 50 lookup 100",
    "neigh": "ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 nud permanent dev v0",
    "qdisc": "tc qdisc add dev v0 handle 5: root tbf rate 1mbit burst 2k latency 1ms",
    "class": "tc class add dev v0 parent 6: classid 6:1 htb rate 1mbit",
    "class changed": "tc class change dev v0 parent 6: classid 6:1 htb rate 2mbit",
    "nft rule": "nft add rule inet t c counter drop",
    "nft set": "nft 'add set inet t s { type ipv4_addr; elements = { 10.0.0.1 }; }'",
    "netns": "ip netns add b",
    "inside": "nsenter --net=/run/netns/a ip link set v1 up",
    "sysctl": "sysctl -q -w net.ipv4.ip_forward=1",
    "sysctl of a link": "sysctl -q -w net.ipv4.conf.v0.rp_filter=2",
}
HTB = "tc qdisc del dev v0 root || true; tc qdisc add dev v0 root handle 6: htb"
GROUND = {"class": HTB, "class changed": f"{HTB}; {CHANGES['class']}"}
"""What some of them stand on."""


@pytest.mark.parametrize("change", CHANGES)
def test_dump_sees(shared_world: World, change: str) -> None:
    world = shared_world
    if "a" not in world.names():
        build(world)
    world.run("sh", "-ec", GROUND.get(change, ""))
    before = world.dump(settle_s=3)
    world.run("sh", "-ec", CHANGES[change])
    assert differences(before, world.dump())


def test_a_witness_that_fails_is_no_witness(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever it is; only a link that went between two looks has no classes."""
    with pytest.raises(Failed, match="status 3\nsaid\n"):
        Program("sh", "-c", "echo said >&2; exit 3").told()
    with pytest.raises(Failed, match=r"sleep 100: not ended after 0\.2 s"):
        Program("sleep", "100").told(limit_s=0.2)
    gone = '[{"kind":"htb","handle":"1:","dev":"gone","root":true}]'
    assert world.away(lambda: list(looking._classes(gone))) == []
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name in ("ip", "tc"):
        false = tmp_path / name
        false.write_text("#!/bin/sh\necho '[]'\nexit 1\n")
        false.chmod(0o755)
        with pytest.raises(Failed, match=f"^{name} .*: status 1"):
            world.dump()
        if name == "tc":
            with pytest.raises(Failed, match=r"^tc -d class show dev lo: status 1"):
                world.away(lambda: list(looking._classes(gone.replace("gone", "lo"))))
        false.unlink()
    world.dump()
    monkeypatch.setattr(ruleset, "_COMMAND", b"list nothing")
    with pytest.raises(Failed, match=r"^nft list nothing: .*Error: syntax error"):
        world.dump()


def test_what_nft_is_asked_for_by_its_library_it_prints_too(world: World) -> None:
    build(world)
    assert world.away(ruleset.ruleset) == world.run("nft", "-j", "list", "ruleset").stdout


def test_settings_are_read_of_the_namespace_and_the_link_that_bear_a_name_now(world: World) -> None:
    """And at most as many are kept open as a process may have, beyond what select(2) can wait for."""
    build(world)
    first = world.dump()
    for command in ("sysctl -qw net.ipv4.ip_forward=1", "sysctl -qw net.ipv4.conf.v1.rp_filter=2"):
        world.run(*command.split(), netns="a")
    changed = world.dump()["a"]["sysctl"]
    assert (changed["ipv4/ip_forward"], changed["ipv4/conf/v1/rp_filter"]) == ("1", "2")
    world.run("ip", "netns", "del", "a")
    until(lambda: "v0" not in world.dump()[""]["link"], "the link goes with the namespace of its other end")
    build_link(world)
    assert world.dump()["a"]["sysctl"] == first["a"]["sysctl"]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1000, hard))
        assert world.dump()["a"]["sysctl"] == first["a"]["sysctl"]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_dump_does_not_see_what_merely_passes(world: World) -> None:
    build(world)
    first = world.dump(settle_s=3)
    world.run("ip", "netns", "del", "a")
    world.run("nft", "flush ruleset")
    world.run("ip", "link", "add", "x", "type", "veth", "peer", "y")  # the next ifindexes are others
    world.run("ip", "link", "del", "x")
    build(world)
    peer = {"address", "ether"}
    again = world.dump(settle_s=3)
    for dump in (first, again):  # v1's MAC is random, and its link-local address with it
        assert peer & set(dump["a"]["link"]["v1"])
        dump["a"]["link"]["v1"].pop("address")
    assert differences(first, again) == []


def test_peer_in_another_namespace_is_named(world: World) -> None:
    build(world)
    dump = world.dump()
    assert dump[""]["link"]["v0"]["link"] == "a/v1"
    assert dump["a"]["link"]["v1"]["link"] == "/v0"


def test_library_code_runs_inside_and_comes_back(world: World) -> None:
    home = os.readlink("/proc/thread-self/ns/net"), os.readlink("/proc/thread-self/ns/mnt"), Path.cwd()
    with world.inside():
        assert os.readlink("/proc/thread-self/ns/net") != home[0]
        assert os.listdir("/run/netns") == []
        Path("/run/netns/x").touch()
    assert home == (os.readlink("/proc/thread-self/ns/net"), os.readlink("/proc/thread-self/ns/mnt"), Path.cwd())
    assert world.names() == ["x"]


def test_two_worlds_do_not_see_each_other(world: World) -> None:
    with World() as other:
        build(other)
        assert world.names() == []
        assert [link["ifname"] for link in world.json("ip", "-j", "link")] == ["lo"]


def test_a_signal_reaches_the_command_itself(world: World) -> None:
    sleeper = world.start("sleep", "100")
    sleeper.kill()
    assert sleeper.wait(timeout=5) == -9


def test_close_ends_what_still_runs() -> None:
    with World() as world:
        build(world)
        sleepers = [world.start("sleep", "100"), world.start("sleep", "100", netns="a")]
        world.run("sh", "-c", "setsid sleep 100 >/dev/null 2>&1 &")
        inode = os.readlink(f"/proc/{world.pid}/ns/net")
    assert [sleeper.wait(timeout=5) for sleeper in sleepers] == [-9, -9]
    assert inode not in subprocess.run(["lsns", "-t", "net", "-n", "-o", "NS"], capture_output=True, text=True).stdout


def test_a_killed_test_leaves_nothing() -> None:
    script = "from tests.world import World; w = World(); print(w.pid, flush=True); import os; os.kill(os.getpid(), 9)"
    child = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    pid = int(child.stdout)
    for _ in range(50):
        if not Path(f"/proc/{pid}/ns/net").exists() or "cat" not in Path(f"/proc/{pid}/comm").read_text():
            return
        subprocess.run(["sleep", "0.1"])
    pytest.fail(f"the holder {pid} still runs")
