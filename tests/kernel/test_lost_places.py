"""A container that ends while an apply was cut short, or on trial, and a namespace that somebody takes away or makes
anew: either end is led to all the same, but for what was there."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.kernel.faults.command import preload
from tests.kernel.faults.lab import Lab
from tests.kernel.faults.points import Point
from tests.kernel.faults.trials import WINDOW_S, late, unguarded
from tests.kernel.test_stuck import is_about_to_be, is_committed, killed
from tests.kernel.test_stuck import lab as lab

pytestmark = pytest.mark.kernel

FILE = """
weft: 1
name: lab
tenants:
  t:
    networks: {{lan: {{subnets: [10.10.0.0/24]}}}}
    ports:
      web: {{network: lan, attach: {{netns: web}}, mtu: {web}}}
"""
HELD = "      held: {{network: lan, attach: {{pidfile: /run/held.pid}}, mtu: {held}}}\n"
GONE = "pidfile:/run/held.pid"


@pytest.fixture(autouse=True, scope="module")
def preloaded() -> None:
    preload()


@pytest.fixture
def container(lab: Lab) -> Iterator[subprocess.Popen[str]]:
    with lab.world.start(
        "unshare", "-n", "sh", "-c", "echo $$ > /run/held.pid; echo; exec sleep 1000", stdout=subprocess.PIPE
    ) as made:
        assert made.stdout is not None and made.stdout.readline() == "\n"
        yield made
        made.kill()


def mtu(lab: Lab) -> int:
    return int(lab.world.json("ip", "-j", "link", "show", "web", netns="web")[0]["mtu"])


def ended(container: subprocess.Popen[str]) -> None:
    container.kill()
    container.wait()


@pytest.mark.parametrize("was_there", [True, False])
@pytest.mark.parametrize("where", [is_committed, is_about_to_be])
def test_what_was_cut_short(
    lab: Lab, container: subprocess.Popen[str], where: Callable[[Point], bool], was_there: bool
) -> None:
    lab.write((FILE + HELD if was_there else FILE).format(web=1400, held=1400))
    lab.weft("apply")
    lab.write((FILE + HELD).format(web=1300, held=1300))
    lab.weft("apply", code=-signal.SIGKILL, act=killed(where))
    ended(container)
    told = lab.weft("recover").out
    is_lost = was_there or where is is_committed
    assert (f"but for what was in or on {GONE}, which went meanwhile" in told) is is_lost, told
    assert mtu(lab) == (1300 if where is is_committed else 1400)
    lab.weft("apply")
    assert mtu(lab) == 1300 and lab.drift() == {("missing", "netns", "", GONE)}


def test_a_trial(lab: Lab, container: subprocess.Popen[str]) -> None:
    lab.write((FILE + HELD).format(web=1400, held=1400))
    lab.weft("apply")
    lab.write((FILE + HELD).format(web=1300, held=1300))
    lab.weft("apply", "--confirm-within", str(WINDOW_S), before=unguarded)
    ended(container)
    told = lab.weft("recover", before=late).out
    assert "lab: taken back" in told and f"but for what was in or on {GONE}" in told
    assert mtu(lab) == 1400


CARD = "ip link add eth9 type veth peer name far9; ip link set eth9 up; ip link set far9 up"
ON_CARD = """
weft: 1
name: lab
host:
  links: {{eth9: {{existing: true, mtu: {mtu}}}, mv: {{kind: macvlan, link: eth9}}}}
  routes: [{{to: 10.99.0.0/24, dev: eth9}}]
tenants:
  t: {{networks: {{lan: {{subnets: [10.10.0.0/24]}}}}, ports: {{{port}: {{network: lan, attach: {{netns: {port}}}}}}}}}
"""


@pytest.mark.parametrize(("where", "port"), [(is_committed, "new"), (is_about_to_be, "old")])
def test_a_card_that_was_taken_out_withholds_no_recovery(lab: Lab, where: Callable[[Point], bool], port: str) -> None:
    lab.sh(CARD)
    lab.write(ON_CARD.format(mtu=1450, port="old"))
    lab.weft("apply")
    lab.write(ON_CARD.format(mtu=1400, port="new"))
    lab.weft("apply", code=-signal.SIGKILL, act=killed(where))
    lab.sh("ip link del eth9")
    told = lab.weft("recover")
    assert "but for what was in or on eth9, which went meanwhile" in told.out + told.err
    assert {"old", "new"}.intersection(lab.world.names()) == {port}


def test_a_card_that_was_taken_out_withholds_no_way_back(lab: Lab) -> None:
    lab.sh(CARD)
    lab.write(ON_CARD.format(mtu=1450, port="old"))
    lab.weft("apply")
    lab.write(ON_CARD.format(mtu=1400, port="new"))
    lab.weft("apply", "--confirm-within", str(WINDOW_S), before=unguarded)
    lab.sh("ip link del eth9")
    lab.weft("recover", before=late)
    assert {"old", "new"}.intersection(lab.world.names()) == {"old"}


SPACES = """
weft: 1
name: lab
tenants:
  t:
    networks: {{lan: {{subnets: [10.10.0.0/24]}}, out: {{subnets: [10.11.0.0/24], uplink: nat}}}}
    ports:
      web: {{network: lan, attach: {{netns: web}}, mtu: {mtu}}}
      {port}: {{network: lan, attach: {{netns: {port}}}}}
"""
TENANT, ROUTER = "weft.lab.t", "weft.lab.t.out"


def taken_away(lab: Lab, name: str, comes_back: bool) -> None:
    lab.sh(
        f"ip netns del {name}" + (f"; ip netns add {name}; ip -n {name} link add x type bridge" if comes_back else "")
    )


@pytest.mark.parametrize("comes_back", [False, True])
@pytest.mark.parametrize("name", ["web", "port", TENANT, ROUTER])
@pytest.mark.parametrize("where", [is_committed, is_about_to_be, None])
def test_a_namespace_that_somebody_takes_away_withholds_nothing_else(
    lab: Lab, where: Callable[[Point], bool] | None, name: str, comes_back: bool
) -> None:
    """`port`: the one that is made, or given back."""
    lab.write(SPACES.format(mtu=1400, port="old"))
    lab.weft("apply")
    lab.write(SPACES.format(mtu=1300, port="new"))
    if where is None:
        lab.weft("apply", "--confirm-within", str(WINDOW_S), before=unguarded)
    else:
        lab.weft("apply", code=-signal.SIGKILL, act=killed(where))
    is_new = where is is_committed
    name = ("new" if is_new or where is None else "old") if name == "port" else name
    taken_away(lab, name, comes_back)
    lab.weft("recover", before=late if where is None else None)
    assert lab.weft("recover").out == "Nothing to recover.\n"
    lab.write(SPACES.format(mtu=1300 if is_new else 1400, port="new" if is_new else "old"))
    if comes_back and name.startswith("weft."):
        assert ("foreign", "netns", "", name) in lab.drift()
        refused = lab.weft("apply", code=5)
        assert f"netns {name} is there already" in refused.err and f": ip netns del {name}" in refused.err
        lab.sh(f"ip netns del {name}")
    lab.weft("apply")
    assert not lab.drift() and lab.world.ping("10.10.0.1", netns="new" if is_new else "old")
    lab.weft("destroy")
    left = {name} if comes_back and not name.startswith("weft.") else set()
    assert set(lab.world.names()) == left


def test_tables_that_somebody_takes_away_withhold_nothing_else(lab: Lab) -> None:
    lab.write(SPACES.format(mtu=1400, port="old"))
    lab.weft("apply")
    lab.write(SPACES.format(mtu=1300, port="new"))
    lab.weft("apply", code=-signal.SIGKILL, act=killed(is_committed))
    lab.sh(f"ip netns exec {TENANT} nft flush ruleset")
    told = lab.weft("recover").out
    assert "finished, as was wanted; but for what was in or on nft-set bridge weft-lab" in told
    assert {"old", "new"}.intersection(lab.world.names()) == {"new"}
    lab.weft("apply")
    assert not lab.drift()
