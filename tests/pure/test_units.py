"""Programs as units of systemd, as far as text goes: no systemd runs where these tests do."""

from __future__ import annotations

from pathlib import Path

from weft.backends.process_files import SPEC, ProcessFiles
from weft.backends.units import is_systemds, run_argv, unit_name
from weft.kinds.process import Process, stem
from weft.wire.program import lines_of

RA = Process(
    netns="weft.lab.shop.front",
    name="lab.ra",
    mark="weft/h-1/lab/tenants/shop/routers/front",
    argv=("/usr/sbin/radvd", "-C", "{config}", "-p", "{ready}", "$HOME 100%"),
    config="interface front {};\n",
    ready=True,
)


def argv_of(process: Process, directory: Path) -> list[str]:
    files = ProcessFiles(directory)
    files.say(stem(process.key), process)
    return run_argv("u.service", process.name, lines_of(files.text(stem(process.key), SPEC) or ""))


def test_a_unit_is_named_as_systemd_escapes() -> None:
    assert unit_name("h-1", "lab.ra@weft.lab") == "weft-h-1-lab.ra\\x40weft.lab.service"
    assert unit_name("h-1", "a%2fb") == "weft-h-1-a\\x252fb.service"


def test_it_runs_in_its_namespace_and_is_started_again(tmp_path: Path) -> None:
    argv = argv_of(RA, tmp_path)
    assert argv[:5] == [
        "systemd-run",
        "--quiet",
        "--collect",
        "--unit=u.service",
        "--description=weft/h-1/lab/tenants/shop/routers/front",
    ]
    assert "--property=NetworkNamespacePath=/run/netns/weft.lab.shop.front" in argv
    assert {"--property=Restart=always", "--property=StartLimitIntervalSec=0"} <= set(argv)
    assert "--property=SyslogIdentifier=lab.ra" in argv
    assert "--setenv=WEFT_PROCESS=weft/h-1/lab/tenants/shop/routers/front" in argv


def test_its_words_reach_it_as_they_are(tmp_path: Path) -> None:
    argv = argv_of(RA, tmp_path)
    base = f"{tmp_path}/lab.ra@weft.lab.shop.front"
    words = ["/usr/sbin/radvd", "-C", f"{base}.config", "-p", f"{base}.ready", "$$HOME 100%"]
    assert argv[argv.index("--") + 1 :] == words


def test_on_the_host_it_has_no_namespace_of_its_own(tmp_path: Path) -> None:
    argv = argv_of(Process(netns="", name="lab.drops", mark="weft/h-1/lab/x", argv=("/bin/true",)), tmp_path)
    assert not [word for word in argv if "NetworkNamespacePath" in word]


def test_no_systemd_no_units(tmp_path: Path) -> None:
    assert is_systemds(tmp_path) is False
