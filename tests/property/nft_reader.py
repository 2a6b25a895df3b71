"""Which class a packet gets by nft's rules and maps, read as nft reads them; knows nothing of how they were made."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from weft.compiler.qos.classify import Classifier
from weft.kinds.nft.element import NftElement
from weft.model.qos_words import DSCP, PROTOCOLS


@dataclass(frozen=True)
class Packet:
    """Of IP; `family` 0: something else, ARP or a frame with a tag within. Ports 0: it shows none, as a later fragment.
    `cgroup` "" : nobody of this machine sends it."""

    family: int
    source: str
    destination: str
    source_mac: str
    destination_mac: str
    protocol: str
    sport: int
    dport: int
    dscp: int
    mark: int = 0
    cgroup: str = ""


class Reader:
    """Follows rules as nft would: conditions from left to right, then the statement."""

    def __init__(self, classifier: Classifier) -> None:
        self.rules = classifier.rules
        self.maps: dict[str, list[NftElement]] = {held.name: [] for held in classifier.sets}
        for element in classifier.elements:
            self.maps[element.set].append(element)

    def priority(self, packet: Packet, default: str) -> str:
        found = default
        for rule in self.rules:
            said = self._rule(rule.split(" "), packet)
            found = said or found
        return found

    def _rule(self, words: list[str], packet: Packet) -> str:
        while words[:3] != ["meta", "priority", "set"]:
            if words[:3] == ["meta", "mark", "&"]:
                if packet.mark & int(words[3], 16) != int(words[5], 16):
                    return ""
                words = words[6:]
                continue
            size = 4 if words[0] == "socket" else 2
            value = words[size]
            rest = words[size + 1 :]
            if value == "{":
                end = words.index("}")
                value, rest = " ".join(words[size + 1 : end]), words[end + 1 :]
            if not self._fits(words[:size], value.split(", "), packet):
                return ""
            words = rest
        if "map" not in words:
            return words[3]
        at = words.index("map")
        keys = self._keys(" ".join(words[3:at]), packet)
        elements = self.maps[words[at + 1].removeprefix("@")]
        hits = [held.value for held in elements if keys and self._holds(held.element, keys)]
        assert len(hits) <= 1, "no two elements of a map hold the same"
        return hits[0] if hits else ""

    def _fits(self, selector: list[str], values: list[str], packet: Packet) -> bool:
        key = self._key(" ".join(selector), packet)
        return key != "" and any(self._same(value, key) for value in values)

    def _keys(self, selector: str, packet: Packet) -> list[str]:
        keys = [self._key(part, packet) for part in selector.split(" . ")]
        return keys if all(keys) else []

    def _holds(self, element: str, keys: list[str]) -> bool:
        return all(self._same(value, key) for value, key in zip(element.split(" . "), keys, strict=True))

    def _key(self, selector: str, packet: Packet) -> str:
        """ "": the packet has none."""
        word, field, *more = selector.split(" ")
        if word == "socket":  # cgroupv2 level N
            levels = packet.cgroup.split("/")[: int(more[-1])]
            return f'"{"/".join(levels)}"' if len(levels) == int(more[-1]) else ""
        if word in ("ip", "ip6") and packet.family != (6 if word == "ip6" else 4):
            return ""
        if word in PROTOCOLS and packet.protocol != word:
            return ""
        return {
            "saddr": packet.source_mac if word == "ether" else packet.source,
            "daddr": packet.destination_mac if word == "ether" else packet.destination,
            "dscp": str(packet.dscp),
            "l4proto": str(PROTOCOLS[packet.protocol]) if packet.family else "",
            "sport": str(packet.sport) if packet.family and packet.sport else "",
            "dport": str(packet.dport) if packet.family and packet.dport else "",
            "mark": str(packet.mark),
        }[field]

    def _same(self, value: str, key: str) -> bool:
        if value.startswith('"'):
            return value == key
        if value in DSCP or value.startswith("0x") or value == "lephb":
            return int(key) == (1 if value == "lephb" else DSCP.get(value) if value in DSCP else int(value, 16))
        if "/" in value:
            return ip_address(key) in ip_network(value)
        if "-" in value:
            low, high = value.split("-")
            number = int if low.isdigit() else (lambda text: int(ip_address(text)))
            return number(low) <= number(key) <= number(high)
        return value == key
