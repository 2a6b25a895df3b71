"""Many files that are one, on the disk and as they were kept."""

from pathlib import Path

import pytest

from weft.errors import IntentInvalid
from weft.files import load, loads_stored

HEAD = "weft: 1\nname: lab\n"


def written(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder / next(iter(files)))


def complaints(folder: Path, files: dict[str, str]) -> list[str]:
    with pytest.raises(IntentInvalid) as caught:
        load(written(folder, files))
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


TWO = {
    "weft.yaml": HEAD + "include: ['tenants/*.yaml', host.json]\ntenants: {t: {networks: {lan: }}}\n",
    "tenants/a.yaml": "tenants:\n  t: {networks: {wan: }, ports: {p: {network: lan, attach: host}}}\n",
    "tenants/b.yaml": "weft: 1\nname:\ninclude: c/*\ntenants: {u: }\n",
    "tenants/c/c.yaml": "tenants: {v: }\n",
    "tenants/.hidden.yaml": "not: read\n",
    "host.json": '{"host": {"sysctls": {"net.core.somaxconn": 5}}}',
}


def test_sections_grow_together(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, TWO))
    assert list(loaded.intent.tenants) == ["t", "u", "v"]
    assert list(loaded.intent.tenants["t"].networks) == ["lan", "wan"]
    assert loaded.intent.host is not None
    assert loaded.origins.at(("tenants", "t", "ports", "p")) == f"{tmp_path}/tenants/a.yaml:2:34"
    assert loaded.origins.at(("tenants", "v")) == f"{tmp_path}/tenants/c/c.yaml:1:11"
    assert loaded.warnings == ()


def test_what_was_kept_reads_the_same(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, TWO))
    assert [name.replace(f"{tmp_path}/", "") for name in loaded.text] == [
        "weft.yaml",
        "tenants/a.yaml",
        "tenants/b.yaml",
        "tenants/c/c.yaml",
        "host.json",
    ]
    again = loads_stored(loaded.text)
    assert again.intent == loaded.intent
    assert again.origins == loaded.origins
    assert again.text == loaded.text


def test_relative_names_stay_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, TWO)
    monkeypatch.chdir(tmp_path)
    loaded = load("./weft.yaml")
    assert loaded.origins.at(("tenants", "u")) == "tenants/b.yaml:4:11"
    assert loads_stored(loaded.text).intent == loaded.intent


def test_the_same_thing_in_two_files(tmp_path: Path) -> None:
    files = {
        "weft.yaml": HEAD + "include: [b.yaml]\ntenants:\n  t: {networks: {lan: }}\nhost: {tcp: {mtu_probing: 1}}\n",
        "b.yaml": "name: other\ntenants:\n  t: {networks: {lan: }}\nhost: {tcp: {mtu_probing: 2}}\n",
    }
    assert complaints(tmp_path, files) == [
        "b.yaml:1:1: name is given twice, first at weft.yaml:2:1; keep one of the two",
        "b.yaml:3:18: lan is given twice, first at weft.yaml:5:18; keep one of the two",
        "b.yaml:4:8: tcp is given twice, first at weft.yaml:6:8; keep one of the two",
    ]


def test_a_circle(tmp_path: Path) -> None:
    files = {"weft.yaml": HEAD + "include: [sub/b.yaml]\n", "sub/b.yaml": "include: [../weft.yaml]\n"}
    assert complaints(tmp_path, files) == [
        "sub/b.yaml:1:11: a file cannot include itself: weft.yaml includes sub/b.yaml includes weft.yaml; "
        "take one of them out"
    ]


def test_a_pattern_that_fits_the_file_itself(tmp_path: Path) -> None:
    said = complaints(tmp_path, {"weft.yaml": HEAD + "include: '*.yaml'\n"})
    assert said == ["weft.yaml:3:10: a file cannot include itself: weft.yaml includes weft.yaml; take one of them out"]


def test_a_file_included_twice(tmp_path: Path) -> None:
    files = {
        "weft.yaml": HEAD + "include: [b.yaml, c.yaml]\n",
        "b.yaml": "include: [c.yaml]\n",
        "c.yaml": "tenants: {}\n",
    }
    assert complaints(tmp_path, files) == ["weft.yaml:3:19: c.yaml is included twice; once is enough"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert complaints(tmp_path, {"weft.yaml": HEAD + "include: [b.yaml]\n"}) == ["weft.yaml:3:11: b.yaml: no such file"]
    with pytest.raises(IntentInvalid, match=r"^nowhere\.yaml: no such file; weft init writes a first one"):
        load("nowhere.yaml")


def test_a_pattern_that_fits_nothing_is_a_warning(tmp_path: Path) -> None:
    warnings = load(written(tmp_path, {"weft.yaml": HEAD + "include: [b/*.yaml]\n"})).warnings
    assert [str(w).replace(f"{tmp_path}/", "") for w in warnings] == ["weft.yaml:3:11: no file fits b/*.yaml"]
    assert warnings[0].severity == "warning"


def test_what_is_no_list_of_files(tmp_path: Path) -> None:
    assert complaints(tmp_path, {"weft.yaml": HEAD + "include: [{a: b}]\n"}) == [
        "weft.yaml:3:10: include is a list of files; for example include: [tenants/*.yaml]"
    ]


def test_errors_of_all_files_come_at_once(tmp_path: Path) -> None:
    files = {"weft.yaml": HEAD + "include: [b.yaml, c.yaml]\nhots: 1\n", "b.yaml": "x: [\n", "c.yaml": "tenants: 5\n"}
    assert [line.split(": ")[0] for line in complaints(tmp_path, files)] == [
        "b.yaml:2:1",
        "c.yaml:1:10",
        "weft.yaml:4:1",
    ]


def test_a_file_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(IntentInvalid, match=r"^/dev/zero: more than 64 MiB; node\[1-2000\] stands for"):
        load("/dev/zero")


def test_a_folder_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(IntentInvalid, match="Is a directory"):
        load(str(tmp_path))
    with pytest.raises(IntentInvalid, match=r"latin\.yaml:1:10: not UTF-8 \(byte 9\); save it as UTF-8"):
        load(str(tmp_path / "latin.yaml"))
    (tmp_path / "first.yaml").write_bytes("weft: 1\n# ä\nname: ".encode() + b"\xff")
    (tmp_path / "all.yaml").write_text("weft: 1\nname: lab\ninclude: [first.yaml]\n")
    with pytest.raises(IntentInvalid, match=r"all\.yaml:3:11: .*first\.yaml:3:7: not UTF-8 \(byte 19\)"):
        load(str(tmp_path / "all.yaml"))
    with pytest.raises(IntentInvalid, match="not a name that a file can have"):
        load("a\0b")


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert load(str(tmp_path / "weft.yaml")).intent.name == "lab"


def test_kept_files_without_their_includes() -> None:
    with pytest.raises(IntentInvalid, match=r"b\.yaml: no such file among those kept"):
        loads_stored({"weft.yaml": HEAD + "include: [b.yaml]\n"})
    with pytest.raises(IntentInvalid, match="no such file among those kept"):
        loads_stored({})
