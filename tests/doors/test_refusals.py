"""What weft refuses, in which words, with which exit code; the machine stays as it was."""

from __future__ import annotations

import fcntl

import pytest

from tests.doors.conftest import Desk
from tests.dump import differences

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""root in name only, as in a container without capabilities."""

BAD = """
weft: 1
name: bad
tenants:
  shop:
    networks:
      lan: {subnet: [10.1.0.0/24]}
    ports:
      web: {network: lann, attach: {netns: web}}
"""
ON_HOST = """
weft: 1
name: lab
tenants: {shop: {networks: {lan: {subnets: [10.1.0.0/24]}}, ports: {eth9: {network: lan, attach: host}}}}
"""


@pytest.mark.parametrize("command", ["plan", "apply", "status", "show"])
def test_every_problem_of_a_file_at_once(desk: Desk, command: str) -> None:
    desk.write(BAD)
    said = desk.weft(command, code=2).stderr.splitlines()
    assert [line.split(": ")[0] for line in said] == ["weft.yaml:7:13", "weft.yaml:9:22"]
    assert "subnets" in said[0] and "lan" in said[1]


RANGE = """
weft: 1
name: lab
tenants:
  shop:
    networks: {lan: {subnets: [10.1.0.0/24]}}
    ports: {"n[1-20]": {network: lan, attach: {netns: "{name}"}, mtu: MTU}}
"""


def test_what_is_the_same_for_a_range_is_said_once(desk: Desk) -> None:
    desk.write(RANGE.replace("MTU", "1400"))
    assert desk.weft("plan", code=3).stderr.count("MTU 1400 on a network of 1500") == 1
    desk.write(RANGE.replace("MTU", "1600"))
    assert desk.weft("plan", code=2).stderr.count("an MTU of 1600 is above") == 1


def test_a_foreign_link_is_not_touched(desk: Desk) -> None:
    desk.write(ON_HOST)
    desk.world.run("ip", "link", "add", "eth9", "type", "veth", "peer", "name", "peer9")
    before = desk.world.dump()
    for command in ("plan", "apply"):
        said = desk.weft(command, *(["-y"] if command == "apply" else []), code=5).stderr
        assert "weft.yaml:4:" in said and "eth9" in said
    assert differences(before, desk.world.dump()) == []


@pytest.mark.parametrize("words", [["plan"], ["apply", "-y"], ["status"], ["show"], ["destroy", "-y"]])
def test_programs_get_every_problem_of_a_file_with_its_place(desk: Desk, words: list[str]) -> None:
    desk.write(BAD)
    said = desk.json(*words, code=2)
    assert (said["error"], said["exit"], said["retry"]) == ("IntentInvalid", 2, False)
    assert [(p["file"], p["line"], p["column"]) for p in said["problems"]] == [
        ("weft.yaml", 7, 13),
        ("weft.yaml", 9, 22),
    ]
    assert all(p["what"] and p["fix"] for p in said["problems"])


def test_programs_get_refusals_as_one_document(desk: Desk) -> None:
    desk.write(ON_HOST)
    desk.world.run("ip", "link", "add", "eth9", "type", "veth", "peer", "name", "peer9")
    for words in (["plan"], ["apply", "-y"]):
        said = desk.json(*words, code=5)
        (problem,) = said["problems"]
        assert said["error"] == "ForeignObject" and (problem["file"], problem["line"]) == ("weft.yaml", 4)
        assert "link eth9 is there already" in problem["what"] and "rename" in problem["fix"]
    (problem,) = desk.json("destroy", "nope", "-y", code=5)["problems"]
    assert "nothing named nope is here" in problem["what"] and problem["file"] is None
    assert desk.json("apply", "--nonsense", code=2)["error"] == "NoSuchOption"
    desk.world.run("ip", "link", "del", "eth9")
    assert desk.json("apply", code=4)["error"] == "NotConfirmed"


@pytest.mark.parametrize("via", [NOBODY, POWERLESS], ids=["no root", "no capabilities"])
def test_without_the_right_it_is_said(first: Desk, via: tuple[str, ...]) -> None:
    first.directory.chmod(0o755)
    if first.world.run(*via, "weft", "version", check=False).returncode != 0:
        pytest.skip("this checkout lies in a directory that only root may enter")
    for words in (["plan"], ["apply", "-y"], ["destroy", "-y"], ["list"], ["show"], ["exec", "web", "true"]):
        done = first.weft(*words, via=via, code=5)
        assert "root" in done.stderr and "Traceback" not in done.stderr, (words, done.stderr)
    first.weft("schema", via=via)
    assert "error: may not change the network" in first.weft("doctor", via=via, code=3).stdout


def test_destroy_and_status_of_what_is_not_here(desk: Desk) -> None:
    assert "nothing named nope is here" in desk.weft("destroy", "nope", "-y", code=5).stderr
    assert "nothing named nope was applied here" in desk.weft("status", "nope", code=5).stderr
    desk.weft("status", "nope", "-f", "weft.yaml", code=2)
    desk.weft("destroy", "nope", "-f", "weft.yaml", code=2)


def test_a_lock_is_waited_for_and_then_named(first: Desk) -> None:
    (lock,) = first.state("locks/scope first")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = first.weft("destroy", "first", "-y", "--wait", "0.1", code=7).stderr
    assert "scope first is in use by `weft apply`" in said
    first.weft("destroy", "first", "-y", "--wait", "0.1")


def test_a_damaged_journal_is_never_guessed_at(first: Desk) -> None:
    (directory,) = {path.parent for path in first.state("locks")}
    (directory / "first.uncommitted").write_text("nonsense")
    said = first.weft("apply", "-y", code=6).stderr
    assert "first.uncommitted is damaged" in said and "weft status" in said
    assert "cut short" in first.weft("status", code=3).stdout
    assert "cut short" in first.weft("list").stdout
    assert "cut short" in first.weft("plan").stderr
    first.weft("recover", code=6)


def test_a_kernel_refusal_leads_back(desk: Desk) -> None:
    """The kernel takes no gso_max_segs of this size on a veth: only it can tell."""
    desk.write(
        ON_HOST.replace("attach: host", "attach: host, routes: [{to: 10.99.0.0/16, via: 10.1.0.9, src: 10.2.3.4}]")
    )
    before = desk.world.dump()
    said = desk.weft("apply", "-y", code=5).stderr
    assert "the kernel refused" in said and "everything is as it was before" in said
    assert differences(before, desk.world.dump(settle_s=3)) == []
    assert desk.weft("list").stdout == "Nothing is applied here.\n"


def test_a_congestion_control_that_the_namespace_may_not_take_is_refused_by_the_plan(desk: Desk) -> None:
    known, allowed = (
        set(desk.world.run("sysctl", "-n", f"net.ipv4.tcp_{which}_congestion_control").stdout.split())
        for which in ("available", "allowed")
    )
    if not known - allowed:
        pytest.skip("every algorithm of this kernel is allowed everywhere")
    desk.write(f"{{weft: 1, name: lab, namespaces: {{red: {{tcp: {{congestion_control: {min(known - allowed)}}}}}}}}}")
    (problem,) = desk.json("plan", code=5)["problems"]
    assert "only the machine's first namespace may take" in problem["what"]


KEEPS = "weft: 1\nname: lab\nhost: {links: {br7: {kind: bridge, addresses: [192.0.2.1/24]}}}\n"


def test_a_state_directory_that_cannot_be_written(desk: Desk) -> None:
    desk.write(KEEPS)
    desk.weft("apply", "-y")
    before = desk.world.dump()
    for directory in ("/run/weft", "/var/lib/weft"):
        desk.world.run("mount", "--bind", directory, directory)
        desk.world.run("mount", "-o", "remount,bind,ro", directory)
        said = desk.weft("destroy", "-y", code=5).stderr
        assert f"cannot write {directory}/" in said and "Read-only file system; mount it so that it can be" in said
        desk.world.run("umount", directory)
        assert differences(before, desk.world.dump()) == []
    desk.weft("destroy", "-y")


def test_a_file_in_the_place_of_the_state_directory(desk: Desk) -> None:
    desk.write(KEEPS)
    desk.world.run("touch", "/run/weft")
    said = desk.weft("apply", "-y", code=5).stderr
    assert "cannot write /run/weft/" in said and "a file stands where a directory belongs" in said


def test_a_full_state_directory(desk: Desk) -> None:
    desk.write(KEEPS)
    before = desk.world.dump()
    for directory in ("/run/weft", "/var/lib/weft"):
        desk.world.run("mkdir", "-p", directory)
        desk.world.run("mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=3", "small", directory)
        desk.world.run("sh", "-c", f"head -c 4096 /dev/zero > {directory}/full", check=False)
        assert "No space left on device; make room" in desk.weft("apply", "-y", code=5).stderr
        left = desk.world.run("ls", directory).stdout.split()
        assert left == ["full"] or directory == "/run/weft"
        desk.world.run("umount", directory)
    assert differences(before, desk.world.dump()) == []
