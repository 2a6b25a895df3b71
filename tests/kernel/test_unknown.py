"""Users, groups, programs and keys that the machine has no more: told, each with its line, beside all the rest; what
hangs on them stays as it is, and nothing is done until they are there again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kernel.applied import applied_to
from tests.world import World

pytestmark = pytest.mark.kernel

FILE = """weft: 1
name: t
host:
  links:
    own: {kind: tap, owner: vmuser, group: vmgroup}
    plain: {kind: tap, owner: nobody}
tenants:
  shop:
    networks:
      front: {subnets: [10.5.0.0/24]}
      back: {subnets: [{cidr: "fd00:5::/64", ra: slaac}], uplink: routed}
    ports:
      a: {network: front, attach: {netns: a}}
      vm: {network: front, attach: {tap: {owner: vmuser}}}
"""
ACCOUNTS = """
for of in passwd group; do cp /etc/$of /run/$of; done
echo vmuser:x:4711:4711::/:/bin/false >>/run/passwd; echo vmgroup:x:4712: >>/run/group
for of in passwd group; do mount --bind /run/$of /etc/$of; done
"""
NO_USER = {("user", "vmuser", "host.links.own", "5"), ("user", "vmuser", "tenants.shop.ports.vm", "14")}
GONE = {
    "a user": ("umount /etc/passwd", NO_USER, "this machine has no user vmuser"),
    "a group": (
        "umount /etc/group",
        {("group", "vmgroup", "host.links.own", "5")},
        "this machine has no group vmgroup",
    ),
    "a program": (
        "mount --bind /dev/null /usr/sbin/radvd",
        {("program", "radvd", "tenants.shop.networks.back", "11")},
        "there is no radvd here",
    ),
}


@pytest.fixture
def applied(world: World, tmp_path: Path) -> World:
    applied_to(world, tmp_path, ACCOUNTS, FILE)
    world.run("weft", "status", "t")
    return world


@pytest.mark.needs("tap", "nft_bridge")
@pytest.mark.parametrize(("by", "told", "what"), GONE.values(), ids=GONE)
def test_it_is_told_with_its_line_beside_all_the_rest(
    applied: World, tmp_path: Path, by: str, told: set[tuple[str, str, str, str]], what: str
) -> None:
    applied.run("sh", "-ec", by)
    assert differences(applied) == told
    applied.run("ip", "-n", "a", "link", "set", "dev", "a", "mtu", "1400")
    assert {one[0] for one in differences(applied) - told} == {"link"}, "what can be known is"
    before = applied.dump(settle_s=5)
    for words in (("plan",), ("apply", "--yes"), ("apply", "--boot", "--wait", "0")):
        refused = applied.run("weft", *words, cwd=tmp_path, check=False)
        assert refused.returncode == 5 and what in refused.stderr, (words, refused)
        assert all(f"weft.yaml:{line}:" in refused.stderr for *_, line in told)
    assert applied.dump() == before
    for words in (("show", "t"), ("groups",), ("qos", "show"), ("trace", "-f", "weft.yaml", "a", "10.5.0.1")):
        applied.run("weft", *words, cwd=tmp_path)
    applied.run("weft", "destroy", "--yes", "t")


@pytest.mark.needs("tap", "nft_bridge")
def test_what_is_not_there_either_is_told_too(applied: World) -> None:
    applied.run("sh", "-ec", "umount /etc/passwd; ip link del own")
    found = differences(applied)
    assert found - NO_USER == {("link", "own", "host.links.own", "5")}


@pytest.mark.needs("macsec")
@pytest.mark.parametrize("by", ["rm {}", "echo 00 >{}"], ids=["gone", "another one's length"])
def test_a_key_that_no_file_holds_any_more(world: World, tmp_path: Path, by: str) -> None:
    key = tmp_path / "key"
    key.write_text("00112233445566778899aabbccddeeff\n")
    (tmp_path / "weft.yaml").write_text(
        f"""weft: 1
name: t
host:
  links:
    eth0: {{existing: true}}
    ms: {{kind: macsec, link: eth0, tx: {{an: 0, key: {{file: {key}}}}}, addresses: [10.9.0.1/24]}}
"""
    )
    world.run("sh", "-ec", "ip link add eth0 type veth peer name far0; ip link set eth0 up")
    world.run("weft", "apply", "--yes", cwd=tmp_path)
    assert differences(world) == set()
    world.run("sh", "-ec", by.format(key))
    told = {("key", str(key), "host.links.ms", "6")}
    assert differences(world) == told
    world.run("ip", "addr", "del", "10.9.0.1/24", "dev", "ms")
    assert {one[0] for one in differences(world) - told} == {"address"}
    refused = world.run("weft", "apply", "--yes", cwd=tmp_path, check=False)
    assert refused.returncode == 5 and refused.stderr.startswith("weft.yaml:6:") and f"{key} " in refused.stderr
    world.run("ip", "link", "del", "ms")
    assert ("link", "ms", "host.links.ms", "6") in differences(world)
    world.run("weft", "destroy", "--yes", "t")


def differences(world: World) -> set[tuple[str, str, str, str]]:
    """(table, name, object of the file, line) of each; exit 3 where there are any."""
    asked = world.run("weft", "status", "t", "-o", "json", check=False)
    found = json.loads(asked.stdout)["differences"]
    assert asked.returncode == (3 if found else 0)
    return {
        (one["table"], one["name"], one["subject"], one["where"].rpartition("weft.yaml:")[2].partition(":")[0])
        for one in found
    }
