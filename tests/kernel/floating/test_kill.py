"""SIGKILL at every third write of a move (as tests/kernel/test_kill.py): the address leads where it led, or where it
shall; connections of another address go on through all of it."""

from __future__ import annotations

import pytest

from tests.kernel.faults.command import preload
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.rig import Rig
from tests.kernel.floating.shop import DB, DB4, DB6, FORWARDS, WEB, shop
from tests.kernel.groups.lab import Lab
from tests.kernel.groups.talking import connected, lives

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(600)]

HERE = shop(WEB, DB)
THERE = shop(DB, FORWARDS, dev=WEB.replace("port: web", "port: ci"))


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


def test_from_one_tenant_to_another_and_back(lab: Lab) -> None:
    files = {name: lab.file.with_name(f"{name}.yaml") for name in ("here", "there")}
    for name, text in (("here", HERE), ("there", THERE)):
        files[name].write_text(text)
    lab.apply(HERE)
    lab.listen("db", "tcp/80")
    lab.demand("world", passes=[f"tcp/{DB4}/80", f"tcp/{DB6}/80"])
    ways = (("apply", "-y", "-f", str(files[name])) for name in ("here", "there"))
    with connected(lab, "world", DB4, 80) as ipv4, connected(lab, "world", DB6, 80) as ipv6:

        def untouched() -> None:
            assert lives(ipv4) and lives(ipv6)

        tally = Killer(Rig.between(lab.world, *ways), untouched, stride=2).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 3
