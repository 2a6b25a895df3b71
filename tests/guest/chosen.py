"""A plugin of pytest that leaves the tests a guest runs: `pytest -p tests.guest.chosen --host-has=NAMES [--older]`.

Those are all of tests/kernel/links and tests/kernel/groups, all marked `needs`, and of the others in tests/kernel those
in `ALSO`: what speaks to the kernel. What is about commands, files and locks is the same on every kernel and runs on
the host's.

What the host's kernel can run as well, by the names that it has of `needs`, is not proven three times where it is dear:
of kills and refusals, which are weft's own to survive, those in `ONCE` are the host's alone; of the files in `TWICE` an
older guest runs what tells most of its kernel, and the newest all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.needs import needed

KERNEL = Path(__file__).parents[1] / "kernel"
ALSO = frozenset(
    "test_netlink test_rtnl test_nft test_nft_canonical test_settings test_link_settings test_probe test_networks "
    "test_road test_needs".split()
)
"""Files of tests/kernel."""
SAME = frozenset({"test_the_script_makes_the_same"})
"""Of these files, tests that are of programs that do the same on each kernel, and start many."""
WHOLE = (KERNEL / "links", KERNEL / "groups")
ONCE = (
    "groups/test_kill.py::test_a_recorder",
    "groups/test_change.py::test_a_kill_at_any_step",
    "tenants/test_kill.py",
    "qos/test_along.py",
    "qos/test_kill.py::test_from_policies_to_nothing",
    "qos/test_kill.py::test_a_",
    "floating/test_outside.py::test_nothing_stays_when_it_is_killed",
    "links/test_faults.py",
    "test_kill_taken_over.py",
    "test_segment_faults.py",
    "trace/test_live.py::test_nothing_is_left_of_one_that_is_killed",
    "trace/test_random.py",
)
"""Beginnings of what follows tests/kernel/ in a test's id."""
TWICE: Mapping[str, str] = {
    "test_way_out.py": "test_each_has_its_own_whatever_others_send test_ipv6_is_the_same_class "
    "test_a_second_apply_changes_nothing_and_destroy_leaves_nothing",
    "qos/test_way_out_routers.py": "test_each_has_its_own_whatever_others_send "
    "test_one_source_port_of_one_address_serves_both_kinds_of_translation",
    "test_check_qos.py": "test_what_is_as_asked_for_is_clean_and_left_as_it_was",
    "test_macvtap_ports.py": "test_the_owner_opens_it_and_is_on_the_wire test_nobody_else_opens_it",
    "floating/test_outside.py": "test_somebody_outside_asks_all_there_is_and_leaves_nothing",
    "tenants/test_visitors.py": "test_each_rule_counts_for_its_own_tenant_wherever_its_ports_are",
    "tenants/test_sharing.py": "test_each_by_its_own_groups",
    "tenants/test_filter_lost.py": "test_a_flush_in_a_tenants_namespace",
    "trace/test_live.py": "test_what_passes_is_seen_at_every_hop_and_nothing_is_left test_a_guest_behind_a_tap",
    "trace/test_others.py": "test_iptables_of_the_old_kind",
    "trace/test_floating.py": "test_from_outside_and_out",
    "groups/test_change.py": "test_a_rule_that_goes_takes_its_connections_alone test_members_come_and_go",
    "groups/test_counters.py": "test_every_packet_counts_for_its_rule_and_its_port",
    "groups/test_drops.py": "test_each_drop_is_told_with_its_rule_and_its_port",
    "groups/test_recorder.py": "test_it_keeps_what_was_and_goes_on_after_its_death",
    "links/test_bridge.py": "test_all_that_a_bridge_does_is_said_read_back_and_changed_in_place "
    "test_isolated_ports_reach_no_other_isolated_one test_what_a_bridge_keeps_of_a_port_changes_in_place_and_goes_back",
    "links/test_upon.py": "test_a_macvlan_of_each_mode_carries_traffic "
    "test_macvtaps_of_several_namespaces_have_devices_of_their_own",
    "links/test_vxlan.py": "test_frames_travel_and_fill_the_wire test_without_learning_frames_go_where_the_entries_say "
    "test_what_the_kernel_changes_on_the_living_link test_what_the_kernel_cannot_change_is_made_anew "
    "test_a_group_is_joined_by_the_named_link",
}
"""File below tests/kernel to what an older guest runs of it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--host-has", default="", metavar="NAMES", help="of `needs`, with commas between")
    parser.addoption("--older", action="store_true", help="another guest has a newer kernel")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    host_has, is_older = frozenset(config.getoption("--host-has").split(",")), bool(config.getoption("--older"))
    left = [item for item in items if is_chosen(item) and not is_spared(item, host_has, is_older)]
    config.hook.pytest_deselected(items=[item for item in items if item not in left])
    items[:] = left


def is_chosen(item: pytest.Item) -> bool:
    """Does a guest run it?"""
    if item.get_closest_marker("needs") is not None or any(map(item.path.is_relative_to, WHOLE)):
        return True
    return item.path.parent == KERNEL and item.path.stem in ALSO and _name(item) not in SAME


def is_spared(item: pytest.Item, host_has: frozenset[str], is_older: bool) -> bool:
    """Is it enough that others run it?"""
    if not item.path.is_relative_to(KERNEL) or not host_has.issuperset(needed(item)):
        return False
    file = str(item.path.relative_to(KERNEL))
    return f"{file}::{item.name}".startswith(ONCE) or (
        is_older and _name(item) not in TWICE.get(file, _name(item)).split()
    )


def _name(item: pytest.Item) -> str:
    return item.name.partition("[")[0]
