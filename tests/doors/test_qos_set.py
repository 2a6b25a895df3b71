"""`weft qos set` and `clear`: the simple thing without a file, its file, and the errors that name flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors.conftest import Desk
from tests.doors.test_consent import talk
from tests.kernel.faults.command import weft_in
from tests.kernel.faults.points import count, kill_at
from tests.told_by_tc import ClassTold, htb_classes

FILE = "/etc/weft/qos-eth0.yaml"
HOST = ("--match", "destination=192.0.2.100")


@pytest.fixture
def uplinked(desk: Desk) -> Desk:
    """A desk with a link eth0, and an /etc of its own."""
    desk.world.run("sh", "-c", "cp -a /etc /run/etc && mount --bind /run/etc /etc && rm -rf /etc/weft")
    for command in ("link add eth0 type veth peer name wire", "link set eth0 up", "link set wire up"):
        desk.world.run("ip", *command.split())
    desk.world.run("ip", "address", "add", "192.0.2.2/24", "dev", "eth0")
    return desk


def kept(desk: Desk, file: str = FILE) -> str:
    """The file, as somebody else reads it."""
    return desk.world.run("cat", file).stdout


def is_kept(desk: Desk, file: str = FILE) -> bool:
    return desk.world.run("test", "-e", file, check=False).returncode == 0


def edit(desk: Desk, before: str, after: str) -> None:
    assert before in kept(desk)
    desk.world.run("sed", "-i", f"s/{before}/{after}/", FILE)


def leaves(desk: Desk) -> dict[str, ClassTold]:
    """HTB's leaf classes on eth0 by their numbers, as tc tells them, without the default."""
    found = htb_classes(desk.world, "eth0")
    return {number: held for number, held in found.items() if held.leaf and not number.endswith(":2")}


def rates(desk: Desk) -> list[tuple[int, int]]:
    """(rate, ceil) in bit/s of each of them, the smallest first."""
    return sorted((held.rate_bps, held.ceil_bps) for held in leaves(desk).values())


def tops(desk: Desk, dev: str) -> list[int]:
    """What the whole is limited to, in bit/s."""
    return [held.ceil_bps for held in htb_classes(desk.world, dev).values() if not held.parent]


def test_what_a_killed_command_leaves_goes_with_the_next(uplinked: Desk) -> None:
    def words(mbit: int) -> tuple[str, ...]:
        return ("qos", "set", "eth0", "--ceil", f"{mbit}mbit", "--yes")

    uplinked.weft(*words(1))
    ran = weft_in(uplinked.world, *words(2), act=count)
    at_file = [number for number, point in enumerate(ran.points) if "/etc/weft" in point]
    assert len(at_file) >= 4, ran.points
    left = set()
    for mbit, number in enumerate(at_file, 3):
        assert weft_in(uplinked.world, *words(mbit), act=kill_at(number)).status == -9
        left |= set(uplinked.world.run("ls", "-A", "/etc/weft").stdout.split())
        uplinked.weft(*words(mbit + 50))
        assert uplinked.world.run("ls", "-A", "/etc/weft").stdout == "qos-eth0.yaml\n"
    assert len(left) > 2, left


def test_loopback_is_no_line(uplinked: Desk) -> None:
    ran = uplinked.weft("qos", "set", "lo", "--rate", "2mbit", "--yes", code=2)
    assert "LINK: lo is how this machine speaks with itself" in ran.stderr


def test_replace_that_nothing_takes_is_warned_of(uplinked: Desk) -> None:
    ran = uplinked.weft("qos", "set", "eth0", "--direction", "ingress", "--ceil", "2mbit", "--replace", "--yes")
    assert "--replace: warning: nothing takes the place of eth0's root qdisc" in ran.stderr
    uplinked.weft("qos", "set", "eth0", "--ceil", "2mbit", "--yes")


def test_destroy_keeps_the_file_and_says_so(uplinked: Desk) -> None:
    uplinked.weft("qos", "set", "eth0", "--ceil", "2mbit", *HOST, "--yes")
    said = kept(uplinked)
    done = uplinked.weft("destroy", "qos-eth0", "--yes")
    assert f"{FILE} stays" in done.stderr and "`weft qos clear LINK`" in done.stderr
    assert kept(uplinked) == said and not leaves(uplinked)
    assert f"{FILE} is gone" in uplinked.weft("qos", "clear", "eth0", "--yes").stderr
    assert not is_kept(uplinked)


def test_the_one_line_of_the_issue(uplinked: Desk) -> None:
    before = uplinked.world.dump(settle_s=10)
    done = uplinked.weft("qos", "set", "eth0", "--rate", "1mbit", "--ceil", "2mbit", *HOST, "--yes")
    (warned,) = [line for line in done.stderr.splitlines() if "warning" in line]
    assert warned.startswith("LINK: warning: ") and warned.endswith("a `--ceil` without --match, or `--capacity`")
    assert rates(uplinked) == [(1_000_000, 2_000_000)]
    assert "192.0.2.100" in uplinked.world.run("nft", "list", "ruleset").stdout
    assert "match: {destination: 192.0.2.100}" in kept(uplinked)
    assert uplinked.weft("status", "qos-eth0").stdout.startswith("qos-eth0 is as asked")
    uplinked.weft("qos", "clear", "eth0", "-y")
    assert uplinked.world.dump(settle_s=10) == before
    assert not is_kept(uplinked)


def test_a_second_set_changes_its_class_alone(uplinked: Desk) -> None:
    uplinked.weft("qos", "set", "eth0", "--rate", "1mbit", "--ceil", "2mbit", *HOST, "-y")
    (first,) = leaves(uplinked)
    uplinked.weft("qos", "set", "eth0", "--rate", "3mbit", "--match", "protocol=tcp", "--match", "ports=443", "-y")
    assert rates(uplinked) == [(1_000_000, 2_000_000), (3_000_000, 3_000_000)]
    assert leaves(uplinked)[first].rate_bps == 1_000_000
    again = uplinked.weft("qos", "set", "eth0", "--rate", "1500kbit", "--match", "destination=192.0.2.100/32", "-y")
    assert leaves(uplinked)[first].rate_bps == 1_500_000
    assert "Kernel objects: 0 to create, 1 to change, 0 to replace, 0 to delete." in again.stdout
    uplinked.weft("qos", "clear", "eth0", "--class", "to-192-0-2-100", "-y")
    assert rates(uplinked) == [(3_000_000, 3_000_000)] and "192.0.2.100" not in kept(uplinked)


def test_the_same_again_changes_nothing(uplinked: Desk) -> None:
    words = ("qos", "set", "eth0", "--rate", "1mbit", *HOST)
    uplinked.weft(*words, "-y")
    assert uplinked.json(*words)["changes"] == []


def test_an_edited_file_is_read_and_kept(uplinked: Desk) -> None:
    uplinked.weft("qos", "set", "eth0", "--rate", "1mbit", *HOST, "-y")
    edit(uplinked, "rate: 1mbit", "rate: 4mbit  # as agreed")
    uplinked.weft("qos", "set", "eth0", "--rate", "2mbit", "--match", "source=192.0.2.7", "-y")
    assert rates(uplinked) == [(2_000_000, 2_000_000), (4_000_000, 4_000_000)]
    assert "rate: 4mbit  # as agreed" in kept(uplinked)
    edit(uplinked, "rate: 4mbit", "rate: 5mbit")
    uplinked.weft("apply", "-f", FILE, "-y")
    assert rates(uplinked) == [(2_000_000, 2_000_000), (5_000_000, 5_000_000)]


def test_an_edit_that_is_wrong_is_told_of_by_its_line(uplinked: Desk) -> None:
    uplinked.weft("qos", "set", "eth0", "--rate", "1mbit", *HOST, "-y")
    edit(uplinked, "rate: 1mbit", "rate: 1mbps")
    failed = uplinked.weft("qos", "set", "eth0", "--ceil", "2mbit", *HOST, "-y", code=2)
    assert f"{FILE}:15:21: " in failed.stderr and "1mbps" in failed.stderr
    assert rates(uplinked) == [(1_000_000, 1_000_000)]


def test_the_whole_link_both_ways(uplinked: Desk) -> None:
    uplinked.weft("qos", "set", "eth0", "--rate", "20mbit", "-y")
    uplinked.weft("qos", "set", "eth0", "--direction", "ingress", "--ceil", "50mbit", "-y")
    assert tops(uplinked, "eth0") == [20_000_000]
    ifbs = [link["ifname"] for link in uplinked.world.json("ip", "-j", "link", "show", "type", "ifb")]
    assert [tops(uplinked, ifb) for ifb in ifbs] == [[50_000_000]]
    uplinked.weft("qos", "clear", "eth0", "--direction", "ingress", "-y")
    assert uplinked.world.json("ip", "-j", "link", "show", "type", "ifb") == []


@pytest.mark.needs("netem")
def test_a_bad_line_while_traffic_flows(uplinked: Desk) -> None:
    uplinked.weft("qos", "set", "eth0", "--rate", "10mbit", "--delay", "20ms", "--loss", "1%", "-y")
    told = uplinked.world.run("tc", "qdisc", "show", "dev", "eth0").stdout
    assert "delay 20ms" in told and "loss 1%" in told
    uplinked.weft("qos", "set", "eth0", "--delay", "40ms", "-y")
    told = uplinked.world.run("tc", "qdisc", "show", "dev", "eth0").stdout
    assert "delay 40ms" in told and "loss 1%" in told


def test_a_root_of_somebody_else_s_gives_way_only_when_told(uplinked: Desk) -> None:
    uplinked.world.run(*"tc qdisc add dev eth0 root handle 7: tbf rate 5mbit burst 32kb latency 50ms".split())
    before = uplinked.world.run("tc", "qdisc", "show", "dev", "eth0").stdout
    refused = uplinked.weft("qos", "set", "eth0", "--rate", "1mbit", *HOST, "-y", code=5)
    assert "--replace" in refused.stderr
    assert uplinked.world.run("tc", "qdisc", "show", "dev", "eth0").stdout == before and not is_kept(uplinked)
    uplinked.weft("qos", "set", "eth0", "--rate", "1mbit", *HOST, "--replace", "-y")
    assert rates(uplinked) == [(1_000_000, 1_000_000)]
    uplinked.weft("qos", "clear", "eth0", "-y")
    assert uplinked.world.run("tc", "qdisc", "show", "dev", "eth0").stdout == before


def test_nobody_says_yes_and_nothing_is_changed(uplinked: Desk) -> None:
    before = uplinked.world.dump(settle_s=10)
    failed = uplinked.weft("qos", "set", "eth0", "--rate", "1mbit", *HOST, code=4)
    assert "--yes says so" in failed.stderr
    assert uplinked.world.dump(settle_s=10) == before and not is_kept(uplinked)
    assert uplinked.world.run("ls", "/etc/weft").stdout == ""


def test_a_person_is_asked(uplinked: Desk) -> None:
    words = ("qos", "set", "eth0", "--rate", "1mbit", *HOST)
    talked = talk(uplinked, *words, asked="Apply this to qos-eth0? [y/N]: ", answer="y\n")
    assert talked.code == 0 and f"It stands in {FILE}." in talked.shown


def test_on_trial_the_file_waits_for_the_confirmation(uplinked: Desk) -> None:
    uplinked.weft("qos", "set", "eth0", "--rate", "1mbit", *HOST, "-y", "--confirm-within", "60s")
    assert rates(uplinked) == [(1_000_000, 1_000_000)] and not is_kept(uplinked)
    uplinked.weft("confirm", "qos-eth0")
    assert "rate: 1mbit" in kept(uplinked)


def test_what_was_applied_counts_when_the_file_is_gone(uplinked: Desk) -> None:
    uplinked.weft("qos", "set", "eth0", "--rate", "1mbit", *HOST, "-y")
    uplinked.world.run("rm", FILE)
    uplinked.weft("qos", "set", "eth0", "--rate", "2mbit", "--match", "source=192.0.2.7", "-y")
    assert rates(uplinked) == [(1_000_000, 1_000_000), (2_000_000, 2_000_000)]
    assert "destination: 192.0.2.100" in kept(uplinked)


def test_a_sum_that_is_too_much_names_the_flag(uplinked: Desk) -> None:
    uplinked.weft("qos", "set", "eth0", "--rate", "2mbit", *HOST, "-y")
    failed = uplinked.weft("qos", "set", "eth0", "--ceil", "1mbit", "-y", code=2)
    assert failed.stderr.startswith("--ceil: to-192-0-2-100 2mbit = 2mbit are guaranteed of 1mbit")
    assert "ceil" not in kept(uplinked).replace("`ceil`", "")


def test_a_file_that_is_older_than_what_was_applied_does_not_count(uplinked: Desk) -> None:
    uplinked.weft("qos", "set", "eth0", "--rate", "1mbit", *HOST, "-y")
    uplinked.world.run("cp", FILE, "/etc/weft/old")
    uplinked.weft("qos", "set", "eth0", "--rate", "2mbit", *HOST, "-y")
    uplinked.world.run("sh", "-c", f"mv /etc/weft/old {FILE} && touch -d '1 hour ago' {FILE}")
    uplinked.weft("qos", "set", "eth0", "--ceil", "3mbit", *HOST, "-y")
    assert rates(uplinked) == [(2_000_000, 3_000_000)] and "rate: 2mbit" in kept(uplinked)


def test_such_files_are_nobody_s_default(uplinked: Desk) -> None:
    uplinked.weft("qos", "set", "eth0", "--rate", "1mbit", *HOST, "-y")
    failed = uplinked.weft("apply", "-y", code=2)
    assert "no such file" in failed.stderr
    uplinked.world.run("sh", "-c", "printf 'weft: 1\\nname: lab\\n' > /etc/weft/lab.yaml")
    uplinked.weft("apply", "-y")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("set eth0 --rate 5mbps", 2, "'--rate': '5mbps'"),
        ("set eth0 --rate 5", 2, "'--rate': 5 has no unit"),
        ("set eth0 --loss 3", 2, "'--loss': 3 has no unit"),
        ("set eth0 --priority 9 --rate 1mbit", 2, "'--priority': 9 is out of range"),
        ("set eth0 --rate 1mbit --match 192.0.2.1", 2, "'--match': '192.0.2.1' is not KEY=VALUE"),
        ("set eth0 --rate 1mbit --match destnation=192.0.2.1", 2, "did you mean destination=?"),
        ("set eth0 --rate 1mbit --match destination=192.0.2", 2, "'--match': destination: '192.0.2'"),
        ("set eth0 --rate 1mbit --match ports=80", 2, "ports need a protocol that has some"),
        ("set eth0 --rate 1mbit --match protocol=tcp,udp", 2, "a packet has one protocol"),
        ("set eth0", 2, "nothing is said of it"),
        ("set eth0/1 --rate 1mbit", 2, "'LINK': 'eth0/1' is not an interface name"),
        ("set eth0 --rate 1mbit --class voice", 2, "--class: eth0 has no class voice yet"),
        ("set eth0 --rate 2mbit --ceil 1mbit --match destination=192.0.2.1", 2, "--ceil: "),
        ("set eth0 --rate 100bit --match destination=192.0.2.1", 2, "--rate: at 100bit a frame of 1514 bytes takes"),
        ("set eth0 --rate 1mbit --match mark=0x10 --direction ingress", 2, "--match: packets of eth0 bear no mark"),
        ("set eth0 --direction ingress --rate 1mbit --match cgroup=a", 2, "--match: packets of eth0 do not tell"),
        ("set nolink --rate 1mbit", 5, "LINK: the host has no link nolink"),
        ("clear eth0", 5, "nothing is set on eth0"),
        ("frob", 2, "No such command 'frob'"),
    ],
)
def test_errors_name_the_flag(uplinked: Desk, words: str, code: int, told: str) -> None:
    failed = uplinked.weft("qos", *words.split(), *(["-y"] if "eth0" in words or "nolink" in words else []), code=code)
    assert told in failed.stderr
    assert not is_kept(uplinked) and not is_kept(uplinked, "/etc/weft/qos-nolink.yaml")


def test_errors_for_programs(uplinked: Desk) -> None:
    failed = uplinked.json("qos", "clear", "eth0", code=5)
    assert failed["error"] == "Refused" and "nothing is set on eth0" in failed["what"]


def test_an_advised_file_applies(uplinked: Desk, tmp_path: Path) -> None:
    words = "advise eth0 --up 20mbit --down 50mbit --protect voice --protect ssh --protect host=192.0.2.9@5mbit"
    told = uplinked.weft("qos", *words.split(), "--bulk", "port=tcp/873").stdout
    uplinked.write(told, "advised.yaml")
    done = uplinked.weft("apply", "-f", "advised.yaml", "-y")
    assert "warning" not in done.stderr
    assert [pair for pair in rates(uplinked) if pair[0] == 5_000_000] == [(5_000_000, 19_000_000)]
