"""The ring: bounded, the newest kept, readable at any moment, and going on after any end."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from weft.store.ring import Entry, Ring, past, size_bytes

SLOTS = 4


def entry(number: int) -> Entry:
    return Entry(
        at_ns=number,
        prefix="weft ingress drop lab shop/web",
        netns="weft.lab.shop",
        came="wp1",
        goes="wp2",
        ethertype=0x86DD,
        protocol=6,
        source=number.to_bytes(16),
        target=b"\1" * 16,
        sport=1,
        dport=65535,
        source_mac=b"\2" * 6,
        target_mac=b"\3" * 6,
    )


def filled(path: Path, *numbers: int) -> Path:
    ring = Ring(path, SLOTS, began_ns=1)
    for number in numbers:
        ring.add(entry(number))
    ring.close()
    return path


@given(count=st.integers(0, 20), ends=st.sets(st.integers(0, 20)))
def test_the_newest_are_kept_whoever_ended_in_between(tmp_path_factory, count: int, ends: set[int]) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("ring") / "drops"
    ring = Ring(path, SLOTS, began_ns=1)
    for number in range(count):
        ring.add(entry(number))
        if number in ends:
            ring = Ring(path, SLOTS, began_ns=2)  # as after a kill: nothing was closed
    held = past(path)
    assert held is not None and held.written == count
    assert held.entries == tuple(entry(number) for number in range(max(0, count - SLOTS), count))
    assert path.stat().st_size == size_bytes(SLOTS)


def test_what_is_half_written_is_left_out_and_written_over(tmp_path: Path) -> None:
    path = filled(tmp_path / "drops", 1, 2, 3)
    data = bytearray(path.read_bytes())
    second = 64 + (size_bytes(1) - 64)
    data[second : second + 8] = bytes(8)
    path.write_bytes(data)
    held = past(path)
    assert held is not None and [one.at_ns for one in held.entries] == [1, 3]
    filled(path, 4, 5, 6)
    held = past(path)
    assert held is not None and [one.at_ns for one in held.entries] == [3, 4, 5, 6]


def test_what_was_missed_is_kept_and_ipv4_is_four_bytes(tmp_path: Path) -> None:
    ring = Ring(tmp_path / "drops", SLOTS, began_ns=1)
    ring.miss()
    ring.add(entry(1)._replace(source=b"\x0a\0\0\1", target=b"\x0a\0\0\2"))
    held = past(tmp_path / "drops")
    assert held is not None and held.missed == 1
    assert (held.entries[0].source, held.entries[0].target) == (b"\x0a\0\0\1", b"\x0a\0\0\2")
    assert os.stat(tmp_path / "drops").st_mode & 0o777 == 0o600


def test_another_size_begins_anew_and_nothing_is_nothing(tmp_path: Path) -> None:
    path = filled(tmp_path / "drops", 1, 2)
    reader = path.open("rb")
    Ring(path, SLOTS * 2, began_ns=3).close()
    held = past(path)
    assert held is not None and (held.entries, held.slots) == ((), SLOTS * 2)
    assert len(reader.read()) == size_bytes(SLOTS)
    assert past(tmp_path / "none") is None
    (tmp_path / "other").write_bytes(b"x" * 500)
    assert past(tmp_path / "other") is None
