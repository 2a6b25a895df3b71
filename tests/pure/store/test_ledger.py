"""The ledger: former values noted once, put back by nobody but their holder."""

from __future__ import annotations

import subprocess
import sys
from os import environ, pathsep
from pathlib import Path

import pytest

from weft.errors import ForeignObject, Refused
from weft.state import Key
from weft.store.ledger import Entry, Ledger

FORWARD = Key("sysctl", "", "net/ipv4/ip_forward")
OTHER = Key("sysctl", "web", "net/core/somaxconn")


def entry(
    key: Key = FORWARD, *, scope: str = "lab", former: str | None = "0", ours: str = "1", cookie: int = 1
) -> Entry:
    return Entry(key=key, scopes=(scope,), former=former, ours=(ours,), cookie=cookie)


def test_an_entry_survives_the_process(tmp_path: Path) -> None:
    Ledger(tmp_path).note([entry(), entry(OTHER, former=None)])
    assert Ledger(tmp_path).entries() == {FORWARD: entry(), OTHER: entry(OTHER, former=None)}


def test_the_first_former_value_stays(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note([entry()])
    ledger.note([entry(former="1", ours="2")])
    assert ledger.entries()[FORWARD].former == "0"


def test_two_values_are_ours_until_settled(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note([entry()])
    ledger.note([entry(former="1", ours="2")])
    assert ledger.entries()[FORWARD].ours == ("1", "2")
    ledger.settle([FORWARD, OTHER])
    assert ledger.entries()[FORWARD].ours == ("2",)


def test_a_namespace_made_anew_starts_anew(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note([entry(OTHER, cookie=7)])
    ledger.note([entry(OTHER, cookie=8, former="5")])
    assert ledger.entries()[OTHER] == entry(OTHER, cookie=8, former="5")


def test_scopes_share_a_value_and_the_last_one_ends_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note([entry(scope="a")])
    ledger.note([entry(scope="b", former="1")])
    assert ledger.entries()[FORWARD].scopes == ("a", "b") and ledger.entries()[FORWARD].former == "0"
    assert ledger.scopes("b") == {FORWARD: "b"} and ledger.scopes("c") == {FORWARD: "a"}
    ledger.drop([FORWARD, OTHER], "a")
    assert ledger.entries()[FORWARD].scopes == ("b",)
    ledger.drop([FORWARD], "b")
    assert ledger.entries() == {}


def test_scopes_do_not_fight(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note([entry(scope="a", ours="1")])
    with pytest.raises(ForeignObject, match="by the scope a"):
        ledger.note([entry(OTHER), entry(scope="b", ours="2")])
    assert set(ledger.entries()) == {FORWARD}


def test_prune_forgets_namespaces_that_are_gone(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note([entry(), entry(OTHER, cookie=7)])
    ledger.prune({"": 1, "web": 7}.get)
    assert set(ledger.entries()) == {FORWARD, OTHER}
    ledger.prune({"": 1}.get)
    assert set(ledger.entries()) == {FORWARD}


def test_a_damaged_ledger_is_refused_not_ignored(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text('{"entries": [["half')
    with pytest.raises(Refused, match="damaged"):
        Ledger(tmp_path).entries()


def test_another_process_s_entry_is_seen(tmp_path: Path) -> None:
    mine, theirs = Ledger(tmp_path), Ledger(tmp_path)
    assert mine.entries() == {}
    theirs.note([entry()])
    assert set(mine.entries()) == {FORWARD}
    theirs.drop([FORWARD], "lab")
    assert mine.entries() == {}


def test_files_are_roots_alone(tmp_path: Path) -> None:
    Ledger(tmp_path / "run" / "id").note([entry()])
    for path in (tmp_path / "run", tmp_path / "run" / "id"):
        assert path.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "run" / "id" / "ledger").stat().st_mode & 0o777 == 0o600


NOTER = """
import sys
from pathlib import Path
from weft.state import Key
from weft.store.ledger import Entry, Ledger

ledger = Ledger(Path(sys.argv[1]))
for n in range(50):
    key = Key("sysctl", sys.argv[2], f"x{n}")
    ledger.note([Entry(key=key, scopes=("lab",), former="0", ours=("1",), cookie=1)])
"""


def test_processes_side_by_side_lose_nothing(tmp_path: Path) -> None:
    environment = {**environ, "PYTHONPATH": pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", NOTER, str(tmp_path)]
    children = [subprocess.Popen([*command, netns], env=environment) for netns in ("a", "b")]
    assert [child.wait() for child in children] == [0, 0]
    assert len(Ledger(tmp_path).entries()) == 100
