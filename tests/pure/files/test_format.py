"""What weft says about its own format: the JSON Schema, the page of keys, the first file, the examples."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from weft.compiler import compile
from weft.facts import FEATURES, Facts, ForeignLink
from weft.files import load, load_text, schema, template
from weft.files.later import KEYS
from weft.files.meaning import MEANINGS
from weft.files.outline import Choice, Listing, Record, Table, key_of, outline
from weft.files.reference import with_tables
from weft.lint import lint
from weft.model.intent import Intent, Uplink

ROOT = Path(__file__).parents[3]
EXAMPLES = [
    "first.yaml",
    "qos.yaml",
    "two-tenants.yaml",
    "shared-network.yaml",
    "virtual-machines.yaml",
    "host-settings.yaml",
    "many-files.yaml",
]
PARTS = ["tenants/blue.yaml", "tenants/green.yaml"]


def records(cls: type[Any]) -> set[type[Any]]:
    """A record of the model and all that it holds."""
    found: set[type[Any]] = set()
    todo = [outline(cls)]
    while todo:
        here = todo.pop()
        if isinstance(here, Record) and here.cls not in found:
            found.add(here.cls)
            todo.extend(here.fields.values())
        elif isinstance(here, Choice):
            todo.extend((here.plain, *here.of.values()))
        elif isinstance(here, Listing | Table):
            todo.append(here.of)
    return {base for cls in found for base in cls.__mro__ if is_dataclass(base)}


def own_keys(cls: type[Any]) -> list[str]:
    """The keys that the record has and what it is derived from has not."""
    inherited = {f.name for base in cls.__mro__[1:] if is_dataclass(base) for f in fields(base)}
    return [key_of(f) for f in fields(cls) if f.name not in inherited]


def test_every_key_has_a_meaning_and_every_meaning_a_key() -> None:
    assert set(MEANINGS) == records(Intent)
    for cls, meaning in MEANINGS.items():
        assert list(meaning.keys) == own_keys(cls), cls


def test_nothing_is_refused_that_is_there() -> None:
    for cls, keys in KEYS.items():
        assert not keys.keys() & {f.name for f in fields(cls)}


def test_the_page_of_keys_is_up_to_date() -> None:
    page = (ROOT / "docs/file.md").read_text()
    assert page == with_tables(page), "run: python -m weft.files.reference docs/file.md"


def test_tables_know_the_form_of_their_keys() -> None:
    tenants = outline(Intent)
    assert isinstance(tenants, Record)
    assert isinstance(tenants.fields["tenants"], Table)


def fits(value: Any, part: dict[str, Any], whole: dict[str, Any]) -> bool:
    """A reader of JSON Schema, of the words that ours is made of: a witness that is not the loader."""
    if "$ref" in part:
        part = whole["$defs"][part["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in part:
        return any(fits(value, one, whole) for one in part["anyOf"])
    if "const" in part or "enum" in part:
        return value in part.get("enum", [part.get("const")])
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
    wanted = part["type"] if isinstance(part["type"], list) else [part["type"]]
    if not any(isinstance(value, kinds[kind]) for kind in wanted):
        return False
    if isinstance(value, dict):
        known, other = part.get("properties", {}), part.get("additionalProperties", True)
        return set(part.get("required", [])) <= set(value) and all(
            fits(inner, known[key], whole) if key in known else bool(other) and fits(inner, other, whole)
            for key, inner in value.items()
        )
    if isinstance(value, list):
        return all(fits(inner, part["items"], whole) for inner in value) and len(value) <= part.get(
            "maxItems", len(value)
        )
    return not isinstance(value, int) or part.get("minimum", value) <= value <= part.get("maximum", value)


def valid(text: str) -> bool:
    """As an editor sees it: by YAML 1.2, where a MAC address is a text. PyYAML's 1.1 would make it a number."""
    quoted = re.sub(r"(?<=mac: )[0-9a-f:]{17}", r"'\g<0>'", text)
    return fits(yaml.safe_load(quoted), schema(), schema())


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_load_and_fit_the_schema(name: str) -> None:
    file = ROOT / "examples" / name
    assert load(str(file)).warnings == ()
    assert valid(file.read_text())


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_mean_something_and_do_no_harm(name: str) -> None:
    links = {name: ForeignLink(ifname=name) for name in ("eth0", "lo")}
    features = frozenset({*FEATURES, "tcp_bbr", "tcp_cubic"})
    facts = Facts(host_id="h", features=features, links=links, egress_links=("eth0",), users={"libvirt-qemu": 64055})
    intent = load(str(ROOT / "examples" / name)).intent
    assert len(compile(intent, facts).state) > len(intent.tenants)
    assert lint(intent, facts) == []


def test_parts_of_an_example_are_read() -> None:
    loaded = load(str(ROOT / "examples/many-files.yaml"))
    assert [Path(name).relative_to(ROOT / "examples").as_posix() for name in loaded.text] == ["many-files.yaml", *PARTS]


@pytest.mark.parametrize(
    "wrong",
    [
        "name: x",
        "weft: 2\nname: x",
        "weft: 1\nname: x\ntenant: {}",
        "weft: 1\nname: x\ntenants: {t: {networks: {n: {uplink: natt}}}}",
        "weft: 1\nname: x\ntenants: {t: {networks: {n: {mtu: 9kb}}}}",
        "weft: 1\nname: x\ntenants: {t: {networks: {n: {mtu: 66}}}}",
        "weft: 1\nname: x\ntenants: {t: {ports: {p: {attach: web}}}}",
        "weft: 1\nname: x\nhost: {tcp: {rmem: [1, 2, 3, 4]}}",
        "weft: 1\nname: x\ndefaults: {port: {mtuu: 3}}",
    ],
)
def test_the_schema_refuses_what_is_wrong(wrong: str) -> None:
    assert not valid(wrong)


def test_the_first_file_is_the_first_example() -> None:
    assert (ROOT / "examples/first.yaml").read_text() == template()


def test_the_first_file_is_small_and_has_both_families() -> None:
    intent = load_text("weft.yaml", template("shop")).intent
    tenant = intent.tenants["demo"]
    assert intent.name == "shop"
    assert [":" in subnet.cidr for subnet in tenant.networks["lan"].subnets] == [False, True]
    assert tenant.networks["lan"].uplink is Uplink.NAT
    assert {port.attach.netns for port in tenant.ports.values()} == {"web", "db"}


def test_what_the_first_file_has_commented_out_is_right_too() -> None:
    text = (
        template().replace("# vm:", "vm:").replace("# me:", "me:").replace('# "node', '"node').replace("# mtu:", "mtu:")
    )
    intent = load_text("weft.yaml", text.replace("# host:", "host:").replace("#   tcp:", "  tcp:")).intent
    assert len(intent.tenants["demo"].ports) == 54
    assert intent.host is not None
