"""Whatever is in a file: an intent or IntentInvalid, each complaint with a place; and what is written is read back."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from weft.errors import IntentInvalid
from weft.files import load_text
from weft.files.meaning import MEANINGS
from weft.model.intent import (
    Attach,
    Intent,
    NamespaceConfig,
    NeighbourSpec,
    Network,
    Port,
    RouteSpec,
    RuleSpec,
    Subnet,
    TapAttach,
    Tcp,
    Tenant,
    Uplink,
)
from weft.model.links import BridgeLink, DummyLink, HostLink
from weft.model.tuning import LinkTuning, Offloads

BY_PYDANTIC = TypeAdapter(Intent)
PLACE = re.compile(r"f:\d+:\d+")
WORDS = sorted({key for meaning in MEANINGS.values() for key in meaning.keys})
SCALARS = [*"host nat lan 10.0.0.0/8 10.0.0.1 fd00::/64 1500 yes {n} {name} a[1-3]".split(), ""]
MARKS = [": ", "{", "}", "[", "]", "- ", "\n", "\n  ", "&a ", "*a", "<<: ", ",", "~"]


def check(text: str) -> None:
    try:
        load_text("f", text)
    except IntentInvalid as wrong:
        assert wrong.problems
        assert all(PLACE.fullmatch(problem.where) and problem.what for problem in wrong.problems)


@settings(max_examples=150)
@given(st.text())
def test_any_text(text: str) -> None:
    check(text)


@settings(max_examples=100)
@given(st.lists(st.sampled_from([*WORDS, *SCALARS, *MARKS])))
def test_any_heap_of_the_formats_own_words(words: list[str]) -> None:
    check("weft: 1\nname: x\n" + "".join(words))


def trees() -> st.SearchStrategy[Any]:
    keys = st.sampled_from([*WORDS, "defaults", "port", "lan", "a[1-3]", "net.core.x"])
    leaves = st.sampled_from(SCALARS) | st.integers() | st.booleans() | st.none() | st.text(max_size=5)
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6))


@settings(max_examples=150)
@given(trees(), trees(), trees())
def test_any_tree_of_the_formats_own_words(tenants: Any, host: Any, defaults: Any) -> None:
    content = {"weft": 1, "name": "x", "tenants": {"t": tenants}, "host": host, "defaults": defaults}
    check(yaml.safe_dump(content))


def names(alphabet: str = "abcdefgno01-", size: int = 8) -> st.SearchStrategy[str]:
    return st.from_regex(rf"[a-z0-9][{alphabet}]{{0,{size}}}", fullmatch=True)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


ADDRESSES = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str)
MACS = st.binary(min_size=5, max_size=5).map(lambda b: "02:" + ":".join(f"{byte:02x}" for byte in b))
CIDRS = st.sampled_from(["10.0.0.0/24", "fd00::/64", "0.0.0.0/0", "192.168.1.0/25", "2001:db8::/32"])
MTUS = st.integers(68, 65535)
TUNINGS = st.builds(
    LinkTuning,
    gso_max_size=maybe(st.integers(1, 524280)),
    offloads=maybe(st.builds(Offloads, tso=maybe(st.booleans()), checksum=maybe(st.booleans()))),
)
U32 = st.integers(0, 2**32 - 1)
ROUTES = st.builds(
    RouteSpec, to=CIDRS, dev=names(), table=st.integers(1, 2**32 - 1), metric=maybe(U32), mtu=maybe(MTUS)
) | st.builds(RouteSpec, to=CIDRS, type=st.sampled_from(["blackhole", "prohibit"]))
RULES = st.builds(
    RuleSpec, priority=st.integers(1, 32765), iif=maybe(names()), fwmark=maybe(U32), table=st.integers(1, 1000)
)
TAPS = st.builds(
    TapAttach,
    name=maybe(names()),
    owner=maybe(st.sampled_from(["qemu", "1000"])),
    queues=st.integers(1, 256),
    vnet_hdr=st.booleans(),
)
ATTACHES = (
    st.builds(Attach, netns=names(), ifname=maybe(names()))
    | st.builds(Attach, tap=TAPS)
    | st.builds(Attach, host=st.just(True), ifname=maybe(names()))
    | st.builds(Attach, pidfile=st.just("/run/x.pid"))
)
NETWORKS = st.builds(
    Network,
    subnets=st.lists(st.builds(Subnet, cidr=CIDRS, gateway=maybe(ADDRESSES | st.just(""))), max_size=3).map(tuple),
    uplink=maybe(st.sampled_from(Uplink)),
    mtu=maybe(MTUS),
    id=maybe(st.uuids().map(str)),
)
MADE_LINKS = st.sampled_from([BridgeLink, DummyLink]).flatmap(
    lambda cls: st.builds(
        cls,
        mtu=maybe(MTUS),
        mac=maybe(MACS),
        tuning=maybe(TUNINGS),
        altnames=st.lists(names(size=30), max_size=2).map(tuple),
    )
)
LINKS = MADE_LINKS | st.builds(HostLink, existing=st.just(True), alias=maybe(st.just("to the left")))
BUFFERS = st.lists(st.integers(1, 2**31 - 1), min_size=3, max_size=3).map(sorted).map(tuple)
SYSCTLS = st.sampled_from(["net/core/somaxconn", "net/ipv4/conf/a.1/rp_filter"])
NEIGHBOURS = st.builds(NeighbourSpec, address=ADDRESSES, dev=names(), mac=maybe(MACS))
TCPS = st.builds(
    Tcp, congestion_control=maybe(st.just("bbr")), rmem=maybe(BUFFERS), mtu_probing=maybe(st.integers(0, 2))
)
CONFIGS = st.builds(
    NamespaceConfig,
    sysctls=st.dictionaries(SYSCTLS, st.sampled_from(["1", "010"])),
    tcp=maybe(TCPS),
    links=st.dictionaries(names(), LINKS, max_size=3),
    routes=st.lists(ROUTES, max_size=3).map(tuple),
    rules=st.lists(RULES, max_size=3).map(tuple),
    neighbours=st.lists(NEIGHBOURS, max_size=2).map(tuple),
)


@st.composite
def tenants(draw: st.DrawFn) -> Tenant:
    networks = draw(st.dictionaries(names(), NETWORKS, min_size=1, max_size=3))
    port = st.builds(
        Port,
        network=st.sampled_from(sorted(networks)),
        attach=ATTACHES,
        addresses=st.lists(ADDRESSES, max_size=2).map(tuple),
        mac=maybe(MACS),
        mtu=maybe(MTUS),
        routes=st.lists(ROUTES, max_size=2).map(tuple),
        tuning=maybe(TUNINGS),
        alias=maybe(st.just("rack 4")),
    )
    return Tenant(networks=networks, ports=draw(st.dictionaries(names(), port, max_size=5)))


INTENTS = st.builds(
    Intent,
    name=st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True),
    tenants=st.dictionaries(names(), tenants(), max_size=3),
    host=maybe(CONFIGS),
    namespaces=st.dictionaries(names(), CONFIGS, max_size=2),
)


def written(value: Any) -> Any:
    """What a person would write for it: what is None, or an empty table or list, is left out."""
    if is_dataclass(value):
        pairs = ((f.name, getattr(value, f.name)) for f in fields(value))
        chosen = {"kind": value.kind} if isinstance(value, HostLink) and value.kind else {}
        return chosen | {key: written(inner) for key, inner in pairs if is_dataclass(inner) or not is_left_out(inner)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [written(inner) for inner in value]
    return {k: written(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def is_left_out(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping | tuple) and not value)


@settings(max_examples=100)
@given(INTENTS, st.booleans())
def test_what_is_written_is_read_back(intent: Intent, flow: bool) -> None:
    text = yaml.safe_dump({"weft": 1, **written(intent)}, default_flow_style=flow, sort_keys=False)
    assert load_text("f", text).intent == intent


@settings(max_examples=50)
@given(INTENTS)
def test_pydantics_own_reading_of_the_model_is_ours(intent: Intent) -> None:
    assert BY_PYDANTIC.validate_python(written(intent)) == intent
