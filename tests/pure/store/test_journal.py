"""The journal and its codec: whole, found again, or refused."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import Refused
from weft.kinds import KINDS
from weft.kinds.base import Kind
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.link.common import Link
from weft.kinds.link.tap import Tap
from weft.kinds.link.veth import Veth
from weft.kinds.netns import Namespace
from weft.kinds.nft.chain import NftChain
from weft.kinds.setting.sysctl import Sysctl
from weft.state import Key, State
from weft.store import codec
from weft.store.journal import Journal, JournalDamaged, Phase, Record, waiting


def some_state(count: int) -> State:
    state = State()
    for n in range(count // 5):
        name = f"p{n}"
        state |= State.of(
            [
                Veth(
                    netns="a",
                    ifname=name,
                    peer_netns="b",
                    peer_ifname=name,
                    mac="02:00:00:00:00:01",
                    mtu=1500,
                    altnames=("one", "two"),
                    offloads=(("rx-gro", False),),
                ),
                Address(netns="b", ifname=name, cidr=f"10.0.{n // 250}.{n % 250}/16", protocol=119),
                Route(netns="b", dst=f"10.1.{n}.0/24", ifname=name, via="fe80::1", metric=n),
                Sysctl(netns="b", name=f"net/ipv4/conf/{name}/rp_filter", value="0"),
                NftChain(netns="b", family="inet", table="weft-lab", name=name, rules=("accept", "drop")),
            ]
        )
    return state


RECORD = Record(former=some_state(5), goal=some_state(10), note={"command": "weft apply", "started": 1.5})


@given(st.integers(0, 30), st.text(max_size=20), st.one_of(st.none(), st.integers()))
def test_codec_gives_back_what_it_was_given(count: int, text: str, number: int | None) -> None:
    state = some_state(count) | State.of([Tap(netns="", ifname="t", alias=text, owner=number), Namespace(name=text)])
    assert codec.decode(codec.loads(codec.dumps(codec.encode(state)))) == state


@pytest.mark.parametrize("kind", [*KINDS], ids=lambda kind: kind.name)
def test_codec_gives_back_an_object_of_each_kind_with_every_field(kind: Kind[Any]) -> None:
    hints = get_type_hints(kind.cls)
    full = kind.cls(**{field.name: some_value(hints[field.name]) for field in fields(kind.cls) if field.init})
    state = State.of([full])
    assert codec.decode(codec.loads(codec.dumps(codec.encode(state)))) == state


def some_value(hint: Any) -> Any:
    """Of a field's type, and none that a field has by itself."""
    inside = [part for part in get_args(hint) if part not in (Ellipsis, NoneType)]
    if hint is Key:
        return Key("link", "there", "l0")
    if is_dataclass(hint):
        return hint(**{name: some_value(part) for name, part in get_type_hints(hint).items()})
    if get_origin(hint) is tuple:
        return tuple(map(some_value, inside))
    return some_value(inside[0]) if inside else {int: 7, bool: True, str: "02:00:00:00:00:07"}[hint]


def test_what_all_objects_of_a_kind_have_is_written_once() -> None:
    five, many = (len(codec.dumps(codec.encode(some_state(count)))) for count in (5, 1000))
    assert many / 1000 < five / 5 / 3
    assert codec.decode(codec.loads(codec.dumps(codec.encode(some_state(1000))))) == some_state(1000)


def test_codec_refuses_what_it_does_not_know() -> None:
    with pytest.raises(codec.CodecError, match="warp-drive"):
        codec.decode({"warp-drive": {"same": {}, "fields": [], "rows": []}})
    with pytest.raises(codec.CodecError, match="sysctl"):
        codec.decode({"sysctl": {"same": {"netns": ""}, "fields": ["speed"], "rows": [[1]]}})
    with pytest.raises(codec.CodecError):
        codec.encode(State.of([Link(netns="", ifname="eth0")]))


def test_a_record_lives_from_begin_to_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", "lab")
    assert journal.read() is None and waiting(tmp_path / "journal") == []
    journal.begin(RECORD)
    assert journal.read() == (Phase.UNCOMMITTED, RECORD)
    assert waiting(tmp_path / "journal") == [journal]
    journal.commit()
    assert journal.read() == (Phase.COMMITTED, RECORD)
    journal.end()
    assert journal.read() is None and waiting(tmp_path / "journal") == []
    journal.end()


def test_names_with_dots_are_told_apart(tmp_path: Path) -> None:
    Journal(tmp_path, "lab").begin(RECORD)
    Journal(tmp_path, "lab.shop").begin(RECORD)
    Journal(tmp_path, "lab.shop").commit()
    assert [(j.name, j.phase()) for j in waiting(tmp_path)] == [
        ("lab", Phase.UNCOMMITTED),
        ("lab.shop", Phase.COMMITTED),
    ]


def test_no_second_record_over_a_waiting_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "lab")
    journal.begin(RECORD)
    with pytest.raises(Refused, match="recover"):
        journal.begin(RECORD)
    journal.commit()
    with pytest.raises(Refused, match="recover"):
        journal.begin(RECORD)


def test_commit_without_begin_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Journal(tmp_path, "lab").commit()


@pytest.mark.parametrize("cut", [0, 10, 60, 100, -1])
def test_a_torn_journal_is_refused(tmp_path: Path, cut: int) -> None:
    journal = Journal(tmp_path, "lab")
    journal.begin(RECORD)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(JournalDamaged, match="damaged"):
        journal.read()


def test_a_changed_journal_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "lab")
    journal.begin(RECORD)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes().replace(b"10.0.0.0/16", b"10.0.0.1/16"))
    with pytest.raises(JournalDamaged, match="checksum"):
        journal.read()


def test_a_record_on_its_way_is_not_missed_by_who_holds_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, "lab")
    journal.begin(RECORD)
    look, looks = Path.exists, 0

    def look_and_be_overtaken(path: Path) -> bool:
        nonlocal looks
        found, looks = look(path), looks + 1
        if looks == 1:
            journal.commit()
        return found

    monkeypatch.setattr(Path, "exists", look_and_be_overtaken)
    assert journal.phase() is not None and journal.phase() is Phase.COMMITTED
