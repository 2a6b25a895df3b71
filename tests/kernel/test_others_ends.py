"""What a scope shares with others by name or number: ports of theirs on its bridges, VNIs, addresses that the host must
have. Told before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import World

pytestmark = pytest.mark.kernel

CARD = "ip link add eth1 type veth peer name far1; ip link set eth1 up; ip addr add 192.0.2.1/24 dev eth1"
TUNNEL = """weft: 1
name: {name}
tenants:
  t:
    networks:
      lan: {{subnets: [10.1.0.0/24], segment: {{vni: 42, local: {local}, remotes: [192.0.2.9]}}}}
"""


def test_a_destroy_tells_whose_ports_stand_on_a_bridge_that_goes(world: World, tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_text("weft: 1\nname: lender\nhost: {links: {br0: {kind: bridge}}}\n")
    (tmp_path / "guest.yaml").write_text(
        "weft: 1\nname: guest\ntenants: {t: {networks: {lan: {segment: {link: br0}}}}}\n"
    )
    world.run("weft", "apply", "--yes", cwd=tmp_path)
    world.run("weft", "apply", "--yes", "-f", "guest.yaml", cwd=tmp_path)
    world.run("sh", "-ec", "ip link add hand type veth peer name dnah; ip link set hand master br0")
    told = world.run("weft", "destroy", "lender", cwd=tmp_path, check=False)
    assert told.returncode == 4
    warned = [line for line in told.stderr.splitlines() if "a port of br0, which goes" in line]
    assert len(warned) == 2 and any("link hand: warning: is not weft's" in line for line in warned)
    assert any("is of the scope guest (tenants.t.networks.lan.segment), and a port" in line for line in warned), warned
    world.run("weft", "destroy", "--yes", "guest")
    world.run("ip", "link", "del", "hand")
    alone = world.run("weft", "destroy", "lender", check=False)
    assert "a port of br0" not in alone.stderr


@pytest.mark.needs("vxlan")
def test_an_end_that_the_host_does_not_have_is_warned_of(world: World, tmp_path: Path) -> None:
    world.run("sh", "-ec", CARD)
    for local, is_there in (("192.0.2.7", False), ("192.0.2.1", True)):
        (tmp_path / "weft.yaml").write_text(TUNNEL.format(name="one", local=local))
        said = world.run("weft", "plan", cwd=tmp_path, check=False).stderr
        assert ("weft.yaml:6:56: warning: the host does not have 192.0.2.7" in said) is not is_there, said


@pytest.mark.needs("vxlan")
def test_a_vni_that_another_scope_has_is_named_with_its_line(world: World, tmp_path: Path) -> None:
    world.run("sh", "-ec", CARD)
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(TUNNEL.format(name=name, local="192.0.2.1"))
    world.run("weft", "apply", "--yes", "-f", "one.yaml", cwd=tmp_path)
    before = world.dump()
    for words in (("plan",), ("apply", "--yes")):
        refused = world.run("weft", *words, "-f", "two.yaml", cwd=tmp_path, check=False)
        assert refused.returncode == 5 and refused.stderr.startswith("two.yaml:6:"), refused.stderr
        assert "is of the scope one and has the same port 4789, vni 42" in refused.stderr
        assert "It cannot be applied" in refused.stdout and "No port loses" not in refused.stdout
    assert world.dump() == before
    world.run("weft", "destroy", "--yes", "one")
    world.run("weft", "apply", "--yes", "-f", "two.yaml", cwd=tmp_path)


@pytest.mark.needs("vxlan")
def test_a_vni_that_nobody_can_see_is_refused_with_its_line(world: World, tmp_path: Path) -> None:
    """As of a container: its namespace has no name, and the VXLAN in it was made from the host."""
    world.run("sh", "-ec", CARD)
    holder = world.start("unshare", "-n", "sleep", "60")
    made = "ip link add hand type vxlan id 42 dstport 4789 dev eth1 local 192.0.2.1"
    world.run("sh", "-ec", f"sleep 0.5; {made}; ip link set hand netns {holder.pid}")
    (tmp_path / "weft.yaml").write_text(TUNNEL.format(name="two", local="192.0.2.1"))
    refused = world.run("weft", "apply", "--yes", cwd=tmp_path, check=False)
    assert refused.returncode == 5 and "everything is as it was before" in refused.stderr
    assert "weft.yaml:6:" in refused.stderr.splitlines()[-1].split("the kernel refused")[0]
    holder.kill()
    holder.wait()


def test_a_confirm_of_what_is_not_here_leaves_nothing(world: World, tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_text("weft: 1\nname: lender\nhost: {links: {br0: {kind: bridge}}}\n")
    world.run("weft", "apply", "--yes", cwd=tmp_path)
    locks = Path(f"/proc/{world.pid}/root/run/weft")
    before = {path.name for path in locks.glob("*/locks/*")}
    refused = world.run("weft", "confirm", "nope", check=False)
    assert refused.returncode == 5 and "nothing of nope waits to be confirmed" in refused.stderr
    assert {path.name for path in locks.glob("*/locks/*")} == before


@pytest.mark.parametrize(
    "words", [("destroy", "--yes"), ("destroy",), ("confirm",), ("recover",), ("status",), ("show",)]
)
def test_a_name_of_nothing_leaves_nothing(world: World, words: tuple[str, ...]) -> None:
    for name, code in {"nope": 5, "no/pe": 2, "..": 2}.items():
        asked = world.run("weft", *words, name, check=False)
        expected = {"confirm": 5, "recover": 0}.get(words[0], code)
        assert asked.returncode == expected and "bug" not in asked.stderr, asked
    assert _files(world) == []


def test_what_is_destroyed_leaves_no_lock_of_its_name(world: World, tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_text("weft: 1\nname: lender\nhost: {links: {br0: {kind: bridge}}}\n")
    world.run("weft", "apply", cwd=tmp_path, check=False)
    assert "scope lender" not in _files(world), "nobody agreed"
    world.run("weft", "apply", "--yes", cwd=tmp_path)
    assert "scope lender" in _files(world)
    world.run("weft", "destroy", "--yes", "lender")
    assert "scope lender" not in _files(world)


def _files(world: World) -> list[str]:
    """What weft has written."""
    return [path.name for at in ("run/weft", "var/lib/weft") for path in _root(world).glob(f"{at}/**/*")]


def _root(world: World) -> Path:
    return Path(f"/proc/{world.pid}/root")
