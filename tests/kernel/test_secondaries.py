"""IPv4 addresses of one subnet on a link where the kernel drops all others along with the first: each goes alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import World

pytestmark = pytest.mark.kernel

LINKS = "ip link add eth0 type veth peer name far0; ip link set eth0 up; ip link set far0 up"
WAYS = [
    (["2/24"], ["3/24"]),
    (["2/24", "3/24"], ["3/24"]),
    (["2/24", "3/24", "4/24"], ["3/24", "4/24", "5/24"]),
    (["2/24", "3/24"], ["2/25", "3/24"]),
    (["2/24", "3/24"], []),
]
SCOPE = ("ip", "-4", "-br", "addr", "show", "scope", "global", "dev")


@pytest.fixture
def dropping(world: World) -> World:
    """As in a namespace in which nobody has said anything of it; with a link of somebody else's."""
    world.run("sysctl", "-qw", *(f"net.ipv4.conf.{name}.promote_secondaries=0" for name in ("all", "default")))
    world.run("sh", "-ec", LINKS)
    return world


def write(folder: Path, addresses: list[str], link: str) -> None:
    said = ", ".join(f"192.0.2.{one}" for one in addresses)
    routes = ", routes: [{to: 10.9.0.0/16, via: 192.0.2.77}]" if addresses else ""
    name, kind = link.split()
    text = f"weft: 1\nname: t\nhost: {{links: {{{name}: {{{kind}, addresses: [{said}]}}}}{routes}}}\n"
    (folder / "weft.yaml").write_text(text.replace("=", ": "))


def held(world: World, ifname: str) -> set[str]:
    words = world.run(*SCOPE, ifname).stdout.split()
    return {word.removeprefix("192.0.2.") for word in words if "/" in word}


def promoting(world: World, ifname: str) -> str:
    return world.run("sysctl", "-n", f"net.ipv4.conf.{ifname}.promote_secondaries").stdout.strip()


@pytest.mark.parametrize(("before", "after"), WAYS)
@pytest.mark.parametrize("link", ["eth0 existing=true", "br0 kind=bridge"])
def test_one_apply_is_enough(dropping: World, tmp_path: Path, link: str, before: list[str], after: list[str]) -> None:
    for addresses in (before, after):
        write(tmp_path, addresses, link)
        dropping.run("weft", "apply", "--yes", cwd=tmp_path)
        dropping.run("weft", "status", cwd=tmp_path)
    ifname = link.split()[0]
    assert held(dropping, ifname) == set(after)
    assert promoting(dropping, ifname) == "0"
    routes = dropping.run("ip", "route", "show", "10.9.0.0/16").stdout
    assert routes.startswith("10.9.0.0/16 via 192.0.2.77") if after else routes == ""


def test_what_others_have_beside_it_stays(dropping: World, tmp_path: Path) -> None:
    write(tmp_path, ["2/24"], "eth0 existing=true")
    dropping.run("weft", "apply", "--yes", cwd=tmp_path)
    dropping.run("ip", "addr", "add", "192.0.2.9/24", "dev", "eth0")
    write(tmp_path, ["3/24"], "eth0 existing=true")
    dropping.run("weft", "apply", "--yes", cwd=tmp_path)
    assert held(dropping, "eth0") == {"3/24", "9/24"}
    dropping.run("weft", "destroy", "--yes", "t")
    assert held(dropping, "eth0") == {"9/24"} and promoting(dropping, "eth0") == "0"


def test_the_script_of_a_plan_does_the_same(dropping: World, tmp_path: Path) -> None:
    write(tmp_path, ["2/24", "4/24"], "eth0 existing=true")
    dropping.run("weft", "apply", "--yes", cwd=tmp_path)
    write(tmp_path, ["3/24", "4/24"], "eth0 existing=true")
    script = dropping.run("weft", "plan", "-o", "script", cwd=tmp_path, check=False).stdout
    dropping.run("sh", input=script)
    assert held(dropping, "eth0") == {"3/24", "4/24"} and promoting(dropping, "eth0") == "0"
