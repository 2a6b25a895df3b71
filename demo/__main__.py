"""The acts, in their order."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from demo.narrator import Narrator
from demo.stage import SERVER, Pinging, Stage
from tests.dump import Dump

KILL_AT = 8
"""With so many of its new namespaces there, the apply is killed."""


def plan_and_apply(stage: Stage) -> None:
    stage.narrator.act("Two tenants with the same addresses, NAT and routed uplinks, both families, a tap")
    stage.narrator.shown("cat weft.yaml", (stage.directory / "weft.yaml").read_text(), most=40)
    stage.weft("plan", expect=3, most=40)
    stage.weft("apply", "--yes", most=4)
    stage.weft("show")


def traffic(stage: Stage) -> None:
    stage.narrator.act("What passes, and what does not")
    stage.reaches("red's web reaches red's db", "red-web", ["10.0.0.11", "fd00::11"])
    stage.reaches("red's web reaches the process behind red's tap", "red-web", ["10.0.0.20", "fd00::20"])
    stage.reaches("red's web reaches the internet by NAT", "red-web", SERVER)
    stage.reaches("so does blue's, from the same private address", "blue-web", SERVER)
    stage.reaches("blue's app is routed out", "blue-app", SERVER)
    for address in ("172.30.0.10", "fd30::10"):
        stage.narrator.claim(f"and the internet reaches it: {address}", stage.internet.ping(address))
    answered = stage.host.ping("10.0.0.11", netns="blue-web", wait_s=0)
    stage.narrator.claim("blue's web does not reach red's db at 10.0.0.11", not answered)


def live_change(stage: Stage) -> None:
    stage.narrator.act("One port changes, the others notice nothing")
    stage.edit('addresses: [10.0.0.10, "fd00::10"]', 'addresses: [10.0.0.30, "fd00::30"]')
    stage.weft("plan", expect=3)
    pings = [
        Pinging.start("red's db to the process behind the tap", stage.host, "10.0.0.20", "red-db"),
        Pinging.start("red's db to the internet by NAT", stage.host, SERVER[0], "red-db"),
        Pinging.start("the internet to blue's app by IPv6", stage.internet, "fd30::10"),
    ]
    stage.weft("apply", "--yes", most=2)
    for ping in pings:
        sent, lost = ping.lost()
        stage.narrator.claim(f"{ping.told}: {sent} pings, {lost} lost", lost == 0 and sent > 0)
    stage.reaches("web answers at its new address", "red-db", ["10.0.0.30", "fd00::30"])
    answered = stage.host.ping("10.0.0.10", netns="red-db", wait_s=0)
    stage.narrator.claim("and no longer at the old one", not answered)


def kill_and_recover(stage: Stage) -> None:
    stage.narrator.act("kill -9 in the middle of an apply")
    before = stage.host.dump()
    stage.edit('# "node[1-100]"', '"node[1-100]"')
    reached = kill_half_way(stage)
    stage.narrator.claim(f"killed with {reached} of 100 new namespaces there", 0 < reached < 100)
    stage.weft("list")
    stage.weft("recover")
    stage.unchanged("all is as it was before the apply, say ip, nft and sysctl", before)
    stage.reaches("the tap's process never noticed", "red-db", ["10.0.0.20", "fd00::20"])


def kill_half_way(stage: Stage) -> int:
    """Start an apply and kill it; how many of its namespaces were there then."""
    names = Path(f"/proc/{stage.host.pid}/root/run/netns")
    command = ("weft", "apply", "--yes")
    running = stage.host.start(*command, cwd=stage.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while running.poll() is None and len(list(names.glob("node*"))) < KILL_AT:
        time.sleep(0.001)
    running.kill()
    running.wait()
    stage.narrator.shown(" ".join(command), "Killed")
    return len(list(names.glob("node*")))


def destroy(stage: Stage, before: Dump, guest: subprocess.Popen[str]) -> None:
    stage.narrator.act("And everything away again")
    guest.kill()
    guest.wait()
    stage.weft("destroy", "lab", "--yes", most=6)
    stage.weft("list")
    stage.unchanged("nothing is left: links, addresses, routes, rules, nft and sysctls are as before weft came", before)
    stage.narrator.claim("no namespace is left", stage.host.names() == [])


def main() -> int:
    narrator = Narrator()
    with Stage(narrator) as stage:
        before = stage.host.dump()
        plan_and_apply(stage)
        guest = stage.start_guest()
        traffic(stage)
        live_change(stage)
        kill_and_recover(stage)
        destroy(stage, before, guest)
    return narrator.end()


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("The demo makes namespaces of its own and needs root for that: sudo make demo")
    sys.exit(main())
