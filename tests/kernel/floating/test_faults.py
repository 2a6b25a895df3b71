"""A move of which one step is refused, every third: it leads back, or on, and connections of others live through it."""

from __future__ import annotations

import pytest

from tests.kernel.faults.command import preload
from tests.kernel.faults.refuser import refuse_every_step
from tests.kernel.faults.rig import Rig
from tests.kernel.floating.shop import DB, DB4, FORWARDS, WEB, shop
from tests.kernel.groups.lab import Lab
from tests.kernel.groups.talking import connected, lives

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


def test_refusals_of_a_move(lab: Lab) -> None:
    here, there = lab.file.with_name("here.yaml"), lab.file.with_name("there.yaml")
    here.write_text(shop(WEB, DB))
    there.write_text(shop(DB, FORWARDS, dev=WEB.replace("port: web", "port: ci")))
    lab.apply(here.read_text())
    lab.listen("db", "tcp/80")
    lab.listen("web", "tcp/80")
    lab.demand("world", passes=[f"tcp/{DB4}/80", "tcp/203.0.113.10/80"])
    with connected(lab, "world", DB4, 80) as untouched, connected(lab, "world", "203.0.113.10", 80):
        rig = Rig.between(lab.world, *(("apply", "-y", "-f", str(of)) for of in (here, there)))
        codes = refuse_every_step(rig, stride=3)
        assert lives(untouched)
    print(codes)
    assert codes.total() > 10
