"""MACsec links: traffic under a key, another key under traffic, wrong keys, and secrets that nobody tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.faults.command import weft_in
from tests.kernel.faults.points import Refusal
from tests.kernel.links.traffic import Lab
from tests.patience import until
from tests.world import World

pytestmark = pytest.mark.needs("macsec")

FIRST, SECOND = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"


class Keys(Lab):
    """The two machines with a MACsec link each; the keys are in files."""

    def key(self, name: str, text: str) -> dict[str, Any]:
        file = self.file.parent / f"{name}.key"
        file.write_text(text + "\n")
        return {"key": {"file": str(file)}}

    def carries_again(self) -> bool:
        """After nothing got through: the kernel asks for a neighbour that did not answer only now and then."""
        return any(self.carries("one", "10.9.0.2", 56) for _ in range(10))

    def secure(self, keys: dict[str, dict[str, Any]], an: int = 0, **more: Any) -> dict[str, dict[str, Any]]:
        """Links of both machines: each sends and hears by its own key of that number."""
        found = {}
        for number, (netns, other) in enumerate((("one", "two"), ("two", "one")), 1):
            key = {"an": an, **keys[netns]}
            found[netns] = {
                "ms": {
                    "kind": "macsec",
                    "link": "eth0",
                    "tx": key,
                    "rx": [{"mac": self.link(other, "eth0")["address"], "keys": [key]}],
                    "addresses": [f"10.9.0.{number}/24"],
                    **more,
                }
            }
        return found

    def both(self, text: str, name: str = "both") -> dict[str, dict[str, Any]]:
        return dict.fromkeys(("one", "two"), self.key(name, text))


@pytest.fixture
def keys(world: World, tmp_path: Path) -> Keys:
    return Keys(world, tmp_path)


@pytest.mark.parametrize(
    "more", [{}, {"encrypt": False, "icv_len": 12}, {"replay_window": 16}, {"port": 1, "protect": True}]
)
def test_frames_of_the_full_mtu_pass_and_all_goes_again(keys: Keys, more: dict[str, Any]) -> None:
    before = keys.world.dump(settle_s=3)
    keys.apply(keys.secure(keys.both(FIRST), **more))
    mtu = 1600 - 16 - more.get("icv_len", 16)
    assert keys.link("one", "ms")["mtu"] == mtu
    assert keys.carries("one", "10.9.0.2", mtu - 28)
    assert not keys.carries("one", "10.9.0.2", mtu - 27)
    keys.destroy()
    assert differences(before, keys.world.dump(settle_s=3)) == []


def test_keys_of_256_bits_carry(keys: Keys) -> None:
    keys.apply(keys.secure(keys.both(FIRST + SECOND), cipher="gcm-aes-256"))
    assert keys.carries("one", "10.9.0.2", 56)


def test_a_wrong_key_lets_nothing_through_and_the_right_one_does(keys: Keys) -> None:
    wrong = {"one": keys.key("one", FIRST), "two": keys.key("two", SECOND)}
    keys.apply(keys.secure(wrong))
    index = keys.link("one", "ms")["ifindex"]
    assert not keys.carries("one", "10.9.0.2", 56)
    keys.key("two", FIRST)
    assert keys.status() == (3, ["ms"])
    keys.again()
    assert keys.carries_again()
    assert keys.link("one", "ms")["ifindex"] == index


def test_another_key_of_another_number_comes_in_place(keys: Keys) -> None:
    keys.apply(keys.secure(keys.both(FIRST)))
    index = keys.link("one", "ms")["ifindex"]
    keys.apply(keys.secure(keys.both(SECOND, "next"), an=1, replay_window=8))
    assert keys.carries("one", "10.9.0.2", 56)
    assert keys.link("one", "ms")["ifindex"] == index
    shown = keys.world.run("ip", "macsec", "show", "ms", netns="one").stdout
    assert " 1: PN" in shown and " 0: PN" not in shown


def test_a_key_taken_by_hand_is_given_again(keys: Keys) -> None:
    keys.apply(keys.secure(keys.both(FIRST)))
    keys.world.run("ip", "macsec", "set", "ms", "tx", "sa", "0", "off", netns="one")
    keys.world.run("ip", "macsec", "del", "ms", "tx", "sa", "0", netns="one")
    assert not keys.carries("one", "10.9.0.2", 56)
    assert keys.status() == (3, ["ms"])
    keys.again()
    assert keys.carries_again()


def test_an_apply_that_fails_leaves_the_key_that_was(keys: Keys) -> None:
    keys.apply(keys.secure(keys.both(FIRST)))
    told = keys.secure(keys.both(SECOND, "next"), an=1)
    told["one"]["far"] = {"kind": "vlan", "link": "eth0", "vid": 5}
    keys.world.run("ip", "link", "add", "link", "eth0", "name", "hand", "type", "vlan", "id", "5", netns="one")
    spaces = {netns: {"links": links} for netns, links in told.items()}
    keys.file.write_text(json.dumps({"weft": 1, "name": "lab", "namespaces": spaces}))
    ran = weft_in(keys.world, "apply", "-y", "-f", keys.file)
    assert ran.status != 0
    assert keys.link("one", "far") == {} and keys.carries("one", "10.9.0.2", 56)
    keys.world.run("ip", "link", "del", "hand", netns="one")
    keys.again()
    assert keys.carries_again()


def test_no_word_and_no_file_of_weft_has_the_key(keys: Keys) -> None:
    said = keys.apply(keys.secure(keys.both(FIRST)))
    said += keys.weft("plan", "--all", "-f", keys.file) + keys.weft("status", "-o", "json", "-f", keys.file)
    assert FIRST not in said
    found = keys.world.run("grep", "-rl", FIRST, "/var/lib/weft", "/run/weft", check=False)
    assert found.stdout == ""


def test_a_missing_key_is_said_by_its_file_and_nothing_is_done(keys: Keys) -> None:
    links = keys.secure(keys.both(FIRST))
    (keys.file.parent / "both.key").unlink()
    with pytest.raises(AssertionError, match=r"both\.key cannot be read: No such file"):
        keys.apply(links)
    assert keys.link("one", "ms") == {}


def next_number(keys: Keys) -> int:
    """The packet number that the link of `one` uses next, as iproute2 tells."""
    shown = keys.world.run("ip", "macsec", "show", "ms", netns="one").stdout
    sends = shown.split("TXSC:")[1].split("RXSC:")[0]
    assert "PN " in sends, shown
    return int(sends.split("PN ")[1].split(",")[0])


@pytest.mark.parametrize("same_number", [True, False])
def test_a_key_that_comes_back_repeats_no_packet_number(keys: Keys, same_number: bool) -> None:
    """A trial of another key is taken back: the former key goes on beyond all that it was used for."""
    keys.apply(keys.secure(keys.both(FIRST)))
    for _ in range(3):
        assert keys.carries("one", "10.9.0.2", 56)
    used = next_number(keys)
    assert used > 3
    told = keys.secure(keys.both(SECOND, "next"), an=0 if same_number else 1)
    spaces = {netns: {"links": links} for netns, links in told.items()}
    keys.file.write_text(json.dumps({"weft": 1, "name": "lab", "namespaces": spaces}))
    keys.world.run("weft", "apply", "-y", "--confirm-within", "1s", "-f", keys.file)
    until(lambda: next_number(keys) > used, "the former key is back")
    assert next_number(keys) >= used + (1 << 16)
    assert keys.carries_again()


def test_a_refusal_after_the_keys_changed_brings_the_former_back(keys: Keys) -> None:
    keys.apply(keys.secure(keys.both(FIRST)))
    assert keys.carries("one", "10.9.0.2", 56)
    used = next_number(keys)
    told = keys.secure(keys.both(SECOND, "next"))
    spaces = {netns: {"links": links} for netns, links in told.items()}
    keys.file.write_text(json.dumps({"weft": 1, "name": "lab", "namespaces": spaces}))
    number, codes = 0, set()
    while True:
        ran = weft_in(keys.world, "apply", "-y", "-f", keys.file, act=Refusal(number))
        codes.add(ran.status)
        if ran.status in (0, 6):  # behind the commit record it leads on
            break
        assert ran.status == 5, str(ran)
        number_now = next_number(keys)
        assert keys.carries_again(), str(ran)
        assert number_now >= used, str(ran)
        used, number = next_number(keys), number + 1
    assert 5 in codes and number > 5
