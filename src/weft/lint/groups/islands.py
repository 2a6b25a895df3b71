"""Which networks some way may join, by the words of the file: what is apart here is apart on the machine.

Rules: all doubt joins. A namespace with ports on two networks may forward between them; what leads out (an uplink, a
router's gateway, a segment, a port on the host, of a router, a tap or a process) may come in again where another does.
"""

from __future__ import annotations

from weft.model.intent import Intent, Network, Port
from weft.model.sharing import NetworkKey, network_key

_Node = tuple[str, str, str]
_OUTSIDE: _Node = ("outside", "", "")


class Islands:
    """The networks of an intent, joined."""

    def __init__(self, intent: Intent) -> None:
        self._intent = intent
        self._up: dict[_Node, _Node] = {}
        for name, tenant in intent.tenants.items():
            for network, held in tenant.networks.items():
                if _leads_out(held):
                    self._join(_node((name, network)), _OUTSIDE)
            for router, said in tenant.routers.items():
                for network in tenant.joined(said):
                    owner, _, own = network.rpartition("/")
                    self._join(_node((owner or name, own)), ("router", name, router))
                if said.gateway is not None:
                    self._join(("router", name, router), _OUTSIDE)
            for port in tenant.ports.values():
                self._join(_node(network_key(name, port)), self._end(port))

    def of(self, tenant: str, port: str) -> _Node:
        """The island of a port."""
        return self._root(_node(network_key(tenant, self._intent.tenants[tenant].ports[port])))

    def _end(self, port: Port) -> _Node:
        """A namespace joins what ends in it; one that the file speaks of may have links of its own."""
        netns = port.attach.netns
        return ("netns", netns, "") if netns and netns not in self._intent.namespaces else _OUTSIDE

    def _join(self, one: _Node, other: _Node) -> None:
        self._up[self._root(one)] = self._root(other)

    def _root(self, node: _Node) -> _Node:
        while (up := self._up.get(node, node)) != node:
            self._up[node] = node = self._up.get(up, up)
        return node


def _node(key: NetworkKey) -> _Node:
    return ("network", *key)


def _leads_out(network: Network) -> bool:
    return network.uplink is not None or network.segment is not None
