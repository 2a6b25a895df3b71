"""A floating IP that moves takes its connections along, in both directions; all others go on."""

from __future__ import annotations

import signal
import subprocess
from contextlib import ExitStack

import pytest

from tests.kernel.external import BEYOND4, BEYOND6
from tests.kernel.faults.command import preload, weft_in
from tests.kernel.faults.points import Point
from tests.kernel.floating.shop import DB, DB4, DB6, FORWARD4, FORWARD6, FORWARDS, WEB, WEB4, WEB6, heard, shop
from tests.kernel.groups.lab import Lab
from tests.kernel.groups.talking import connected, lives
from tests.patience import until

pytestmark = pytest.mark.kernel


API = f'{WEB4}: {{network: internet, port: api}}, "{WEB6}": {{network: internet, port: api}}'
FAMILIES = pytest.mark.parametrize(
    ("web", "db", "forward", "beyond"), [(WEB4, DB4, FORWARD4, BEYOND4), (WEB6, DB6, FORWARD6, BEYOND6)], ids=["4", "6"]
)


@FAMILIES
@pytest.mark.parametrize(
    "after", [shop(API, DB), shop(DB, dev=WEB.replace("port: web", "port: ci"))], ids=["port", "tenant"]
)
def test_a_move(lab: Lab, after: str, web: str, db: str, forward: str, beyond: str) -> None:
    lab.apply(shop(WEB, DB))
    lab.listen("web", "tcp/80")
    lab.listen("db", "tcp/80")
    lab.listen("world", "tcp/90")
    there = "ci" if "port: ci" in after else "api"
    lab.listen(there, "tcp/80")
    lab.demand("world", passes=[f"tcp/{web}/80", f"tcp/{db}/80"])
    with ExitStack() as stack:

        def hold(netns: str, address: str, port: int) -> subprocess.Popen[str]:
            return stack.enter_context(connected(lab, netns, address, port))

        cut = {
            "from outside": hold("world", web, 80),
            "outwards": hold("web", beyond, 90),
            "from the same bridge": hold("api", web, 80),
            "from another tenant": hold("ci", web, 80),
            "itself": hold("web", web, 80),
        }
        untouched = {
            "another's from outside": hold("world", db, 80),
            "another's outwards": hold("db", beyond, 90),
            "another's hairpin": hold("ci", db, 80),
            "by the router's address": hold("api", beyond, 90),
        }
        assert all(lives(held) for held in (*cut.values(), *untouched.values()))
        lab.apply(after)
        assert [what for what, held in cut.items() if lives(held)] == []
        assert [what for what, held in untouched.items() if not lives(held)] == []
    for asking in ("world", "web", "api", "ci"):
        lab.demand(asking, passes=[f"tcp/{web}/80"])
    with heard(lab.world, f"src {web} and dst {beyond}") as lines:
        assert lab.world.ping(beyond, netns=there)
    assert lines, "who has it now speaks as it"


@FAMILIES
def test_a_forward_that_goes(lab: Lab, web: str, db: str, forward: str, beyond: str) -> None:
    lab.apply(shop(FORWARDS))
    lab.listen("db", "tcp/22")
    lab.listen("web", "tcp/21", "tcp/23")
    lab.demand("world", passes=[f"tcp/{forward}/2222", f"tcp/{forward}/2201"])
    with connected(lab, "world", forward, 2222) as ssh, connected(lab, "world", forward, 2201) as ftp:
        lab.apply(shop(FORWARDS.replace("{protocol: tcp, ports: 2222, port: db, to: 22}, ", "")))
        assert not lives(ssh) and lives(ftp)
        lab.apply(shop(FORWARDS.replace("to: 21-23", "to: 22-24")))
        assert not lives(ftp), "it is another port"
    lab.demand("world", passes=[f"tcp/{forward}/2222", f"tcp/{forward}/2202"], stops=[f"tcp/{forward}/2201"])


def test_what_moves_within_the_machine_is_not_announced(lab: Lab) -> None:
    """The next address that newly answers is the first that is heard of."""
    lab.apply(shop(WEB))
    with heard(lab.world, "arp and arp[14:4] == arp[24:4]") as lines:
        lab.apply(shop(dev=WEB.replace("port: web", "port: ci")))
        lab.apply(shop(DB, dev=WEB.replace("port: web", "port: ci")))
    assert DB4 in lines[0]


def test_a_trial_that_is_taken_back(lab: Lab) -> None:
    """What the address led to meanwhile ends, and what was there before answers again."""
    lab.apply(shop(WEB, DB))
    lab.listen("web", "tcp/80")
    lab.listen("api", "tcp/80")
    lab.listen("db", "tcp/80")
    lab.demand("world", passes=[f"tcp/{WEB4}/80", f"tcp/{DB4}/80"])
    lab.file.write_text(shop(API, DB))
    lab.world.run("weft", "apply", "-y", "--confirm-within", "5s", "-f", lab.file)
    with connected(lab, "world", WEB4, 80) as meanwhile, connected(lab, "world", DB4, 80) as untouched:
        assert lives(meanwhile) and lives(untouched)
        until(lambda: not lives(meanwhile), "what nobody confirmed is taken back")
        assert lives(untouched)
    with heard(lab.world, "tcp port 80 and tcp[tcpflags] & tcp-syn != 0", "web", "web") as lines:
        lab.demand("world", passes=[f"tcp/{WEB4}/80"])
    assert lines, "it is web's again"


def test_what_a_kill_leaves_to_recovery_ends_no_more_than_it_must(lab: Lab) -> None:
    """Of two forwards of one address the one that did not change goes on, whoever speaks first."""
    preload()
    lab.apply(shop(FORWARDS))
    lab.listen("db", "tcp/22")
    lab.listen("web", "tcp/21")
    lab.demand("world", passes=[f"tcp/{FORWARD4}/2222", f"tcp/{FORWARD4}/2201"])
    with connected(lab, "world", FORWARD4, 2222) as ssh, connected(lab, "world", FORWARD4, 2201) as ftp:
        before = followed(lab, 2222)
        lab.file.write_text(shop(FORWARDS.replace("to: 21-23", "to: 22-24")))
        assert weft_in(lab.world, "apply", "-y", "-f", lab.file, act=kill_when_committed).status == -signal.SIGKILL
        recovered = weft_in(lab.world, "recover")
        assert recovered.status == 0, str(recovered)
        assert followed(lab, 2222) == before, "no entry was forgotten"
        assert lives(ssh) and not lives(ftp)


def kill_when_committed(point: Point) -> None:
    if point.door == "move" and point.side == "after" and str(point.arguments[-1]).endswith(".committed"):
        signal.raise_signal(signal.SIGKILL)


def followed(lab: Lab, port: int) -> list[str]:
    """The numbers of the router's entries of living connections to a port."""
    words = ("conntrack", "-L", "-p", "tcp", "--state", "ESTABLISHED", "--orig-port-dst", str(port), "-o", "id")
    listed = lab.world.run(*words, netns="weft.lab.shop.edge").stdout
    return sorted(line.rpartition("id=")[2] for line in listed.splitlines())
