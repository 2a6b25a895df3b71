"""Every command in a session, in the order in which people meet them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.doors.conftest import Desk
from tests.dump import differences
from weft import __version__

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
VM = """
weft: 1
name: lab
tenants:
  shop:
    networks: {lan: {subnets: [10.1.0.0/24]}}
    ports:
      vm: {network: lan, attach: {tap: {name: vm0}}, addresses: [10.1.0.5], mac: 52:54:00:12:34:56}
      me: {network: lan, attach: host}
"""


def test_the_first_five_minutes(desk: Desk) -> None:
    before = desk.world.dump()
    assert "Next: weft plan, weft apply" in desk.weft("init").stderr
    desk.weft("apply", "-y")
    assert ", 0% packet loss" in desk.weft("exec", "web", "ping", "-c", "1", "10.20.0.11").stdout
    assert ", 0% packet loss" in desk.weft("exec", "web", "--", "ping", "-c", "1", "fd20::11").stdout
    desk.weft("destroy", "-y")
    assert differences(before, desk.world.dump()) == []
    assert desk.weft("list").stdout == "Nothing is applied here.\n"


def test_init_writes_over_nothing(desk: Desk) -> None:
    desk.weft("init", "shop", "-f", "shop.yaml")
    assert "name: shop" in (desk.directory / "shop.yaml").read_text()
    assert "shop.yaml: is there already; --force" in desk.weft("init", "-f", "shop.yaml", code=2).stderr
    desk.weft("init", "other", "-f", "shop.yaml", "--force")
    assert "name: other" in (desk.directory / "shop.yaml").read_text()
    assert "BAD NAME" in desk.weft("init", "BAD NAME", "-f", "x.yaml", code=2).stderr
    assert not (desk.directory / "x.yaml").exists()


def test_plan_has_three_forms_and_changes_nothing(desk: Desk) -> None:
    before = desk.world.dump()
    desk.weft("init")
    text = desk.weft("plan", code=3).stdout
    assert "+ tenants.demo.ports.web  (weft.yaml:15:7)" in text
    assert "108 to create, 2 to change" in text and "No port loses connectivity." in text
    plan = desk.json("plan", code=3)
    assert plan["scope"] == "first" and plan["counts"]["create"] == 108 and plan["impact"] == []
    assert {"op", "kind", "netns", "name", "subject", "where", "wanted", "differs"} == set(plan["changes"][0])
    script = desk.weft("plan", "--format", "script", code=3).stdout
    assert differences(before, desk.world.dump()) == []
    desk.world.run("sh", "-eu", input=script)
    assert desk.world.ping("10.20.0.11", netns="web")


def test_a_plan_is_saved_where_there_is_a_place(desk: Desk) -> None:
    desk.weft("init")
    said = desk.weft("plan", "--out", desk.directory / "no" / "p", code=2).stderr
    assert f"{desk.directory}/no/p: there is no directory {desk.directory}/no; make it first" in said
    assert not (desk.directory / "no").exists()
    (desk.directory / "real").touch()
    (desk.directory / "name").symlink_to("real")
    desk.weft("plan", "--out", "name", code=3)
    assert (desk.directory / "name").is_symlink() and "digest" in (desk.directory / "real").read_text()
    desk.world.run("sh", "-ec", "mkdir /run/dev; mknod /run/dev/null c 1 3; chmod 666 /run/dev/null")
    desk.weft("plan", "--out", "/run/dev/null", code=3)
    assert desk.world.run("stat", "-c", "%F", "/run/dev/null").stdout == "character special file\n"


def test_plan_of_what_is_there_is_empty(first: Desk) -> None:
    assert first.weft("plan").stdout == "Nothing to do: the machine is as the file says.\n"
    assert first.json("plan")["changes"] == []
    assert first.weft("apply").stdout == "Nothing to do: the machine is as the file says.\n"


def test_a_long_plan_is_cut_unless_all_is_wanted(desk: Desk) -> None:
    desk.write(VM.replace("ports:", "ports:\n      'n[1-60]': {network: lan, attach: {netns: '{name}'}}"))
    short = desk.weft("plan", code=3).stdout
    assert "more objects of the intent" in short and "n60" not in short
    assert "+ tenants.shop.ports.n1  (weft.yaml:8:7): 11 kernel objects\n+ tenants.shop.ports.n2" in short
    everything = desk.weft("plan", "--all", code=3).stdout
    assert "more objects" not in everything and "+ address n60 10.1.0." in everything
    assert "+ address n60 10.1.0." in desk.weft("apply", "--all", code=4).stdout


def test_a_short_plan_and_what_stands_out_are_told_in_full(first: Desk) -> None:
    first.world.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    first.world.run("ip", "netns", "delete", "web")
    assert "+ address web 10.20.0.10/24@web" in first.weft("plan", code=3).stdout
    first.weft("apply", "-y")
    first.weft("destroy", "-y")
    long = first.weft("plan", code=3).stdout
    assert "    ~ sysctl net/ipv4/ip_forward: value 0 -> 1" in long
    assert "address web 10.20.0.10/24@web" not in long


def test_apply_speaks_json(desk: Desk) -> None:
    desk.weft("init")
    done = json.loads(desk.weft("apply", "-y", "-o", "json").stdout)
    assert (done["done"], done["scope"], done["counts"]["create"]) == (True, "first", 108)
    gone = json.loads(desk.weft("destroy", "-y", "-o", "json").stdout)
    assert (gone["done"], gone["counts"]["create"]) == (True, 0)


def test_what_a_destroy_puts_back_is_told_with_the_value_that_returns(desk: Desk) -> None:
    sysctls = "sysctls: {net/core/somaxconn: 77, net/ipv4/ip_default_ttl: 99}"
    former = desk.world.run("sysctl", "-n", "net.core.somaxconn").stdout.strip()
    desk.write(f"{{weft: 1, name: lab, host: {{{sysctls}}}, namespaces: {{red: {{{sysctls}}}}}}}")
    desk.weft("apply", "-y")
    desk.world.run("sysctl", "-qw", "net.ipv4.ip_default_ttl=33")  # somebody else's by now
    desk.write("{weft: 1, name: lab}")
    returns = f"sysctl net/core/somaxconn: value 77 -> {former}"
    extra = [row["told"] for row in desk.json("status", code=3)["differences"]]
    assert returns in extra and "sysctl net/ipv4/ip_default_ttl" in extra
    assert f"sysctl -q -w net/core/somaxconn={former}" in desk.weft("plan", "--format", "script", code=3).stdout
    plan = desk.weft("destroy", "lab", code=4).stdout
    assert f"    ~ {returns}" in plan and "1 to change, 0 to replace, 4 to delete" in plan
    gone = json.loads(desk.weft("destroy", "lab", "-y", "-o", "json").stdout)
    (put_back,) = [change for change in gone["changes"] if change["op"] == "change"]
    assert (put_back["name"], put_back["differs"]) == ("net/core/somaxconn", {"value": ["77", former]})
    assert desk.world.run("sysctl", "-n", "net.core.somaxconn", "net.ipv4.ip_default_ttl").stdout.split() == [
        former,
        "33",
    ]


def test_a_was_taken_out_is_warned_of(desk: Desk) -> None:
    shop = "{networks: {lan: {subnets: [10.1.0.0/24]}}, ports: {PORT}}"
    text = "{weft: 1, name: lab, tenants: {shop: " + shop + "}}"
    attach = "network: lan, attach: {netns: x}, addresses: [10.1.0.5]"
    for port, warned in (
        (f"web: {{{attach}}}", False),
        (f"www: {{{attach}, was: web}}", False),
        (f"www: {{{attach}}}", True),
        (f"www: {{{attach}, addresses: [10.1.0.6], was: web}}".replace(", addresses: [10.1.0.5]", ""), False),
    ):
        desk.write(text.replace("PORT", port))
        plan = desk.weft("plan", code=3)
        assert ("come again under other names" in plan.stderr) is warned, plan.stderr + plan.stdout
        if not warned:
            desk.weft("apply", "-y")


def test_a_file_from_stdin(desk: Desk) -> None:
    desk.weft("apply", "-y", "-f", "-", input=VM)
    assert [scope["name"] for scope in desk.json("list")] == ["lab"]
    assert desk.weft("status", "lab").stdout.startswith("lab is as asked")


def test_a_saved_plan_holds_while_the_machine_stays_as_it_is(desk: Desk) -> None:
    desk.weft("init")
    assert "Saved later" in desk.weft("plan", "--out", "later", code=3).stderr
    (desk.directory / "weft.yaml").rename(desk.directory / "away.yaml")
    desk.weft("apply", "later", "-y")
    assert desk.world.ping("10.20.0.11", netns="web")
    refused = desk.weft("apply", "later", "-y", code=5)
    assert "the machine has changed since the plan was saved" in refused.stderr and refused.stdout == ""
    assert "not a saved plan" in desk.weft("apply", desk.write("{}", "no-plan"), code=2).stderr
    assert "/proc/plan: No such file" in desk.weft("plan", "-f", "away.yaml", "--out", "/proc/plan", code=2).stderr
    assert "nowhere: No such file" in desk.weft("apply", "nowhere", code=2).stderr


def test_status_names_each_difference_and_its_line(first: Desk) -> None:
    assert first.weft("status").stdout == "first is as asked: 110 kernel objects.\n"
    assert first.json("status", "first")["clean"] is True
    first.world.run("ip", "link", "set", "db", "mtu", "1400", netns="db")
    first.world.run("ip", "route", "del", "default", netns="web")
    first.world.run("ip", "address", "add", "10.9.9.9/24", "dev", "web", netns="web")
    lines = first.weft("status", code=3).stdout.splitlines()
    assert lines[0].split() == ["DRIFT", "OBJECT", "LINE", "WHAT"]
    found = {line.split()[0]: line for line in lines[1:]}
    assert set(found) == {"missing", "changed", "foreign"}
    assert "tenants.demo.ports.db" in found["changed"] and "mtu 1400 -> 1500" in found["changed"]
    assert found["changed"].split()[:3] == ["changed", "tenants.demo.ports.db", "weft.yaml:19:7"]
    drift = {one["drift"]: one for one in first.json("status", "-f", "weft.yaml", code=3)["differences"]}
    assert drift["missing"]["name"].startswith("0.0.0.0/0") and drift["missing"]["where"] == "weft.yaml:15:7"
    assert drift["foreign"]["name"] == "web 10.9.9.9/24"


def test_status_of_much_counts_by_object(desk: Desk) -> None:
    desk.weft("init", "lab")
    short = desk.weft("status", code=3).stdout.splitlines()
    assert len(short) < 12 and short[-1] == "`weft status --all` lists every kernel object."
    (web,) = [line for line in short if "tenants.demo.ports.web" in line]
    assert re.fullmatch(r"missing +tenants.demo.ports.web +weft.yaml:15:7 +16 kernel objects", web)
    (sysctl,) = [line for line in short if "net/ipv4/ip_forward: value 0 -> 1" in line]
    assert sysctl.startswith("changed")
    whole = desk.weft("status", "--all", code=3).stdout
    assert whole.count("tenants.demo.ports.web") == 16 and "lists every" not in whole
    assert len(desk.json("status", code=3)["differences"]) == 110


def test_status_sees_what_the_file_no_longer_wants(first: Desk) -> None:
    file = first.directory / "weft.yaml"
    file.write_text(file.read_text().replace("netns: db", "netns: elsewhere"))
    assert "extra" in {one["drift"] for one in first.json("status", code=3)["differences"]}
    assert first.weft("status", "first").returncode == 0  # what was applied still stands


def test_list_tells_what_is_kept_and_what_is_there(first: Desk) -> None:
    assert first.weft("list").stdout.splitlines()[1].split()[:2] == ["first", "4"]
    (scope,) = first.json("list")
    assert (scope["name"], scope["namespaces"], scope["unfinished"]) == ("first", 4, False)
    first.world.run("rm", "-r", "/var/lib/weft")
    assert "its file is not kept" in first.weft("list").stdout
    first.weft("destroy", "first", "-y")  # the kernel's marks are enough


def test_what_is_damaged_is_named_and_the_rest_told_all_the_same(first: Desk) -> None:
    other = first.write("weft: 1\nname: other\nnamespaces: {lone: {}}\n", "other.yaml")
    first.weft("apply", "-y", "-f", str(other))
    path = "/var/lib/weft/first/current"
    first.world.run("sh", "-c", f"echo half > {path}")
    damaged, well = first.json("list")
    assert (damaged["name"], damaged["namespaces"], well["name"], well["damaged"]) == ("first", 4, "other", "")
    assert damaged["damaged"].startswith(f"{path} is damaged (not JSON")
    assert "delete it and apply your file again" in first.weft("list").stdout
    told = first.weft("doctor", "-f", str(other), code=3).stdout
    assert told.startswith("error: what was applied as first cannot be read") and path in told
    first.world.run("sh", "-c", f"echo '{{}}' > {path}")
    assert "damaged (it holds no intent)" in first.json("list")[0]["damaged"]
    first.world.run("rm", path)
    first.weft("apply", "-y")
    assert [scope["damaged"] for scope in first.json("list")] == ["", ""]


def test_destroying_what_was_empty_forgets_its_file(desk: Desk) -> None:
    desk.write("weft: 1\nname: bare\n")
    desk.weft("apply")
    assert desk.json("list")[0]["name"] == "bare"
    assert desk.weft("destroy").stdout == "Nothing of bare is on the machine any more.\n"
    assert desk.json("list") == []


def test_commands_without_a_file_mean_the_only_scope(first: Desk) -> None:
    (first.directory / "weft.yaml").unlink()
    assert first.weft("show").stdout.startswith("first\n")
    assert first.weft("status").returncode == 0
    assert "no such file" in first.weft("plan", code=2).stderr


def test_exec_finds_the_place(first: Desk) -> None:
    def addresses(*words: str) -> str:
        return first.weft("exec", *words, "--", "ip", "-brief", "address").stdout

    assert "10.20.0.10/24" in addresses("web") and "10.20.0.10/24" in addresses("demo/web")
    assert "10.20.0.11/24" in addresses("--scope", "first", "db")
    assert "10.20.0.11/24" in addresses("-f", "weft.yaml", "db")
    assert "10.20.0.1/24" in addresses("weft.first.demo.lan")
    assert first.weft("exec", "web", "sh", "-c", "exit 42", code=42).stdout == ""
    assert first.weft("exec", "web", env={"SHELL": "/bin/sh"}, input="echo $0").stdout == "/bin/sh\n"


def test_exec_says_what_it_cannot_find(first: Desk) -> None:
    assert "there is no namespace nope" in first.weft("exec", "nope", "true", code=5).stderr
    assert "no such port" in first.weft("exec", "demo/nope", "true", code=2).stderr
    assert "nope: no such command" in first.weft("exec", "web", "nope", code=127).stderr
    assert "Permission denied" in first.weft("exec", "web", "/etc/passwd", code=126).stderr
    first.write(VM, "lab.yaml")
    assert "this port is a tap" in first.weft("exec", "-f", "lab.yaml", "vm", "true", code=2).stderr
    first.write(VM.replace("me: {network: lan, attach: host}", "web: {network: lan, attach: {netns: w2}}"), "lab.yaml")
    first.weft("apply", "-y", "-f", "lab.yaml")
    said = first.weft("exec", "web", "true", code=2).stderr
    assert "several ports have that name: first: demo/web, lab: shop/web" in said
    first.weft("exec", "shop/web", "true")


def test_exec_on_the_host_itself(desk: Desk) -> None:
    desk.write(VM)
    desk.weft("apply", "-y")
    assert "10.1.0.1/24" in desk.weft("exec", "me", "ip", "-brief", "address").stdout


def test_names_are_completed(first: Desk) -> None:
    def completed(line: str) -> set[str]:
        number = str(len(line.split(" ")) - 1)
        environment = {"COMP_WORDS": line, "COMP_CWORD": number, "_WEFT_COMPLETE": "bash_complete"}
        return {word.split(",")[1] for word in first.weft(env=environment).stdout.split()}

    assert completed("weft destroy f") == {"first"}
    assert completed("weft exec w") == {"web"}
    assert completed("weft exec demo/") == {"demo/web", "demo/db"}
    assert completed("weft qos show demo/w") == {"demo/web"} and "lo" in completed("weft qos set l")
    assert completed("weft qos ") == {"show", "explain", "set", "clear", "advise"}


def test_doctor_names_the_remedy(desk: Desk) -> None:
    desk.world.run("nft", "add", "table", "ip", "filter")
    desk.world.run("nft", "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }")
    text = desk.weft("doctor").stdout
    assert "warning: chain ip filter FORWARD drops what is forwarded" in text and "    to mend: " in text
    levels = {finding["level"] for finding in desk.json("doctor")}
    assert {"warning", "ok"} <= levels
    assert "ok: may change the network" in desk.weft("doctor", "--all").stdout


def test_a_broken_pipe_is_no_traceback(desk: Desk) -> None:
    done = desk.world.run("sh", "-c", "weft schema | head -1", cwd=desk.directory)
    assert done.stdout == "{\n" and "Traceback" not in done.stderr


def test_what_programs_get_is_documented(first: Desk) -> None:
    rows = re.findall(r"^\| ([a-z, ]+) \| (.*) \|$", PAGE.read_text().partition("## For programs")[2], re.M)
    told = {name: set(re.findall(r"`(\w+)`", words)) for names, words in rows for name in names.split(", ")}
    for command in ("plan", "status", "show", "list", "groups", "drops", "version"):
        said = first.json(command)
        keys = {key for one in (said if isinstance(said, list) else [said]) for key in one}
        assert keys <= told[command], command


def test_the_installed_command_is_this_one(desk: Desk) -> None:
    assert desk.json("version")["weft"] == __version__
    assert Path(desk.world.run("sh", "-c", "command -v weft").stdout.strip()).exists()
