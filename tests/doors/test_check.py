"""`weft check` as people run it."""

from __future__ import annotations

from tests.doors.conftest import Desk


def test_the_first_file_is_clean(first: Desk) -> None:
    said = first.weft("check").stdout
    assert "2 of 2 pairs as asked; 16 questions in" in said
    assert first.json("check", "reach", "--protocol", "icmp")["counts"]["questions"] == 4


def test_what_was_applied_is_checked_by_name(first: Desk) -> None:
    (first.directory / "weft.yaml").unlink()
    assert first.json("check")["scope"] == first.json("check", "--scope", "first")["scope"] == "first"


def test_a_difference_is_exit_code_3_and_mended_by_apply(first: Desk) -> None:
    first.world.run("ip", "-n", "web", "addr", "del", "10.20.0.10/24", "dev", "web")
    said = first.weft("check", code=3).stdout
    assert "demo/web -> demo/db" in said and "missing: address web 10.20.0.10/24@web  (weft.yaml:" in said
    first.weft("apply", "-y")
    first.weft("check")


def test_before_anything_is_applied(first: Desk) -> None:
    first.weft("destroy", "-y", "first")
    told = first.weft("check", code=2).stderr
    assert "first: nothing of it is applied here; `weft apply` it first; `weft trace` tells" in told
    first.weft("apply", "-y")
    first.weft("check")


def test_a_port_that_is_not_there(first: Desk) -> None:
    told = first.weft("check", "--port", "web", "--port", "wbe", code=2).stderr
    assert "wbe: no port has that name" in told and "web:" not in told


def test_it_needs_root(first: Desk) -> None:
    nobody = ("setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
    done = first.world.run(*nobody, "weft", "check", check=False, cwd=first.directory)
    assert done.returncode == 5 and "root" in done.stderr
