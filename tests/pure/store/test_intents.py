"""Kept intents, and the disk that is full."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from weft.errors import IntentInvalid, NotPermitted, Refused
from weft.store import durable
from weft.store.host import host_id, host_id_of, run_directory
from weft.store.intents import Intents, Kept

KEPT = Kept(scope="lab", files={"weft.yaml": "name: lab\n", "tenants/a.yaml": "tenants: {ä: {}}\n"}, applied_at=1.5)


def test_current_only_once_published(tmp_path: Path) -> None:
    intents = Intents(tmp_path / "lib")
    assert intents.load("lab") is None and intents.scopes() == []
    intents.stage(KEPT)
    assert intents.load("lab") is None and intents.scopes() == []
    intents.publish("lab")
    intents.publish("lab")
    assert intents.load("lab") == KEPT and intents.scopes() == ["lab"]
    kept = intents.load("lab")
    assert kept is not None and list(kept.files) == list(KEPT.files)


def test_discarded_leaves_the_former(tmp_path: Path) -> None:
    intents = Intents(tmp_path)
    intents.stage(KEPT)
    intents.publish("lab")
    intents.stage(Kept(scope="lab", files={"weft.yaml": "name: other\n"}, applied_at=2.5))
    intents.discard("lab")
    intents.publish("lab")
    assert intents.load("lab") == KEPT


def test_removed_leaves_nothing(tmp_path: Path) -> None:
    intents = Intents(tmp_path)
    intents.stage(KEPT)
    intents.publish("lab")
    intents.stage(KEPT)
    intents.remove("lab")
    intents.remove("lab")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    intents = Intents(tmp_path)
    intents.stage(KEPT)
    intents.publish("lab")
    (tmp_path / "lab" / "current").write_text("{")
    with pytest.raises(Refused, match="damaged"):
        intents.load("lab")


@pytest.mark.parametrize("scope", ["", ".", "..", "a/b"])
def test_no_path_in_a_scope(tmp_path: Path, scope: str) -> None:
    with pytest.raises(IntentInvalid, match="no name of anything"):
        Intents(tmp_path).load(scope)


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, durable.DiskFull),
        (errno.EDQUOT, durable.DiskFull),
        (errno.EROFS, durable.DiskFailed),
        (errno.EPERM, NotPermitted),
    ],
)
def test_a_write_that_fails_leaves_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    durable.write(tmp_path / "x", b"old")

    def fails(fd: int, data: memoryview) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", fails)
    with pytest.raises(error):
        durable.write(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_file_where_a_directory_belongs(tmp_path: Path) -> None:
    (tmp_path / "weft").touch()
    for write in (lambda path: durable.write(path, b""), durable.opened, durable.make_directory):
        with pytest.raises(durable.DiskFailed, match=r"cannot write .*weft.*Not a directory; a file stands where a"):
            write(tmp_path / "weft" / "host" / "x")


def test_what_cannot_be_staged_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(fd: int, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", fails)
    with pytest.raises(durable.DiskFull, match="make room"):
        Intents(tmp_path).stage(Kept(scope="lab", files={}, applied_at=0.0))
    assert [*tmp_path.iterdir()] == []


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
    durable.write(tmp_path / "x", b"0123456789")
    assert (tmp_path / "x").read_bytes() == b"0123456789"


def test_a_host_id_is_of_one_boot_and_one_namespace() -> None:
    assert host_id_of("boot\n", 1) == host_id_of("boot", 1)
    assert len({host_id_of(boot, cookie) for boot in "ab" for cookie in (1, 2)}) == 4
    assert "/" not in host_id() and len(host_id()) <= 16
    assert run_directory("id", Path("/x")) == Path("/x/id")
