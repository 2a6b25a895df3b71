"""Two weft commands at a time on one host: what both may touch is one's at a time."""

from __future__ import annotations

import os
from contextlib import closing

import pytest

from tests.world import World
from weft.errors import ForeignObject, Locked
from weft.files import Loaded, loads_stored
from weft.service import Prepared, Service

pytestmark = pytest.mark.kernel

ON_HOST = "{weft: 1, name: NAME, host: {sysctls: {net/ipv4/ip_forward: 1}}}"
SEGMENT = "{weft: 1, name: NAME, tenants: {t: {networks: {n: {subnets: [10.0.0.0/24], segment: {link: br9}}}}}}"
OFF_HOST = "{weft: 1, name: NAME, tenants: {t: {networks: {n: {subnets: [10.0.0.0/24]}}}}}"


def file(text: str, name: str) -> Loaded:
    return loads_stored({"weft.yaml": text.replace("NAME", name)})


def agree(prepared: Prepared) -> None:
    pass


def test_what_gives_up_a_setting_of_the_host_waits_for_who_is_counting_on_it(world: World) -> None:
    with world.inside():
        world.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=0")
        first = Service()
        first.apply(file(ON_HOST, "a"), agree)

        def meanwhile(prepared: Prepared) -> None:
            with pytest.raises(Locked, match="host is in use"):
                first.apply(file(OFF_HOST, "a"), agree, wait_s=0)

        Service().apply(file(ON_HOST, "b"), meanwhile)
        first.apply(file(OFF_HOST, "a"), agree)
        assert world.run("sysctl", "-n", "net.ipv4.ip_forward").stdout.strip() == "1"
        Service().destroy("b", agree)
        assert world.run("sysctl", "-n", "net.ipv4.ip_forward").stdout.strip() == "0"


def test_a_network_on_a_link_of_the_host_waits_for_who_is_at_the_host(world: World) -> None:
    with world.inside():
        world.run("ip", "link", "add", "br9", "type", "bridge")

        def meanwhile(prepared: Prepared) -> None:
            with pytest.raises(Locked, match="host is in use"):
                Service().apply(file(SEGMENT, "b"), agree, wait_s=0)

        Service().apply(file(ON_HOST, "a"), meanwhile)


def test_another_value_for_a_setting_of_the_host_names_who_holds_it(world: World) -> None:
    with world.inside():
        Service().apply(file(ON_HOST, "a"), agree)
        with pytest.raises(ForeignObject, match="ip_forward is set to 1 by the scope a; say the same"):
            Service().apply(file(ON_HOST.replace("ip_forward: 1", "ip_forward: 0"), "b"), agree)


def test_scopes_that_stay_off_the_host_do_not_wait(world: World) -> None:
    with world.inside():

        def meanwhile(prepared: Prepared) -> None:
            Service().apply(file(OFF_HOST, "b"), agree, wait_s=0)

        Service().apply(file(OFF_HOST, "a"), meanwhile)
        assert [scope.name for scope in Service().list()] == ["a", "b"]


def test_a_closed_service_keeps_nothing_open(world: World) -> None:
    with world.inside():
        before = sorted(os.listdir("/proc/self/fd"))
        with closing(Service()) as service:
            service.apply(file(OFF_HOST, "a"), agree)
        assert sorted(os.listdir("/proc/self/fd")) == before
