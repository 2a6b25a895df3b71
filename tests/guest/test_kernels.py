"""Where guest kernels are looked for, and that none is built with less than was asked."""

from __future__ import annotations

import lzma
import os
from pathlib import Path

import pytest

from tests.guest import build, kernels


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty machine: nothing named, an empty cache, a checkout with nothing beside it."""
    monkeypatch.delenv("WEFT_GUEST_KERNELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kernels, "ROOT", tmp_path / "checkout")
    monkeypatch.setattr(kernels, "CPUINFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("flags : fpu avx512f\n")
    return tmp_path


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lzma.compress(text.encode()) if path.suffix == ".xz" else text.encode())
    return path


def found() -> dict[str, str]:
    return {kernel.version: kernel.path.read_text() for kernel in kernels.find()}


def test_without_any_there_is_none(places: Path) -> None:
    assert kernels.find() == []


def test_the_first_place_that_has_a_version_counts_and_versions_are_in_order(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("6.1", "6.12", "7.2"):
        put(places / "shared" / "guest" / f"linux-{version}-uml.xz", "beside")
    for version in ("6.1", "6.12"):
        put(kernels.cache() / f"linux-{version}-uml", "cache")
    monkeypatch.setenv("WEFT_GUEST_KERNELS", f"{put(places / 'linux-6.1-uml', 'named')}:{places / 'none'}")
    assert list(found().items()) == [("6.1", "named"), ("6.12", "cache"), ("7.2", "beside")]


def test_a_kernel_without_room_for_this_processors_registers_is_told_apart(places: Path) -> None:
    for version in ("6.1", "6.12", "6.13", "7.2"):
        put(places / "shared" / "guest" / f"linux-{version}-uml", version)
    assert list(found()) == ["6.1", "6.12", "6.13", "7.2"] and kernels.unfit() == []
    (places / "cpuinfo").write_text("flags : fpu avx512f amx_tile amx_int8\n")
    assert list(found()) == ["6.13", "7.2"] and kernels.unfit() == ["6.1", "6.12"]


def test_what_is_packed_is_unpacked_once_and_again_when_it_is_newer(places: Path) -> None:
    packed = put(places / "shared" / "guest" / "linux-7.2-uml.xz", "old")
    assert found() == {"7.2": "old"}
    (kernel,) = kernels.find()
    assert os.access(kernel.path, os.X_OK)
    unpacked = kernel.path.stat()
    assert found() == {"7.2": "old"} and kernel.path.stat() == unpacked
    put(packed, "new")
    os.utime(packed, (unpacked.st_mtime + 1, unpacked.st_mtime + 1))
    assert found() == {"7.2": "new"}


def test_other_files_are_no_kernels(places: Path) -> None:
    for name in ("kernel-fragment.config", "linux-7.2-uml.xz.part", "guest"):
        put(places / "shared" / "guest" / name, "x")
    assert kernels.find() == []


def test_lines_that_were_not_taken_are_named() -> None:
    wanted = "# words\nCONFIG_A=y\nCONFIG_B=y\nCONFIG_C=n\nCONFIG_D=n\n"
    assert build.not_taken(wanted, "CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D=y\n") == [
        "CONFIG_B=y",
        "CONFIG_D=n",
    ]


def test_a_fragment_stands_in_place_of_what_was_said_before() -> None:
    config = "#\n# Networking\n#\nCONFIG_A=m\n# CONFIG_B is not set\nCONFIG_AB=y\n"
    assert build.without("CONFIG_A=y\nCONFIG_B=y\n", config) == "#\n# Networking\n#\nCONFIG_AB=y\n"


def test_no_name_is_asked_for_twice() -> None:
    names = [line.partition("=")[0] for line in build.FRAGMENT.read_text().splitlines() if line.startswith("CONFIG_")]
    assert len(names) == len(set(names))
