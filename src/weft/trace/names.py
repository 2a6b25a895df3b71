"""What people call what a packet meets: namespaces, links, networks, by whom the file says they are for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from weft.kinds.link.veth import Veth
from weft.model.intent import Path
from weft.reach import Endpoint, World
from weft.state import HOST, Key, link_key, netns_key

THE_HOST = "the host"


class Names:
    """Of one State. `paths`: where in the file each object comes from."""

    def __init__(self, paths: Mapping[Key, Path], ends: Iterable[Endpoint], world: World) -> None:
        self._paths, self._world = paths, world
        self._ports: dict[str, list[Endpoint]] = {}
        for end in ends:
            if not end.is_guest:
                self._ports.setdefault(end.netns, []).append(end)

    def path(self, key: Key) -> Path:
        """Of the object, () where the file does not ask for it."""
        return self._paths.get(key, ())

    def place(self, netns: str) -> str:
        """`port shop/web`, `router of shop/front`, `the host`."""
        if netns == HOST:
            return THE_HOST
        path = self.path(netns_key(netns))
        if path[:1] == ("tenants",) and len(path) != 4:
            return f"tenant {path[1]}"
        if path[2:3] in (("networks",), ("routers",)):
            return spoken(path, as_router=True)
        ports = self._ports.get(netns, [])
        return f"port {ports[0].name}" if len(ports) == 1 else f"namespace {netns}"

    def end(self, key: Key) -> str:
        """Who is at a bridge's link: a port, or what a pair leads to."""
        path = self.port_of(key)
        if path:
            return port_name(path)
        link = self._world.fabric.link(key)
        if isinstance(link, Veth) and link.peer.netns != key.netns:
            return self.place(link.peer.netns)
        return self.link(key)

    def link(self, key: Key) -> str:
        """A link by its name in the kernel, and whose it is where the name does not say."""
        path = self.path(key)
        if path[2:3] == ("ports",) and path[3] != key.name:
            return f"{key.name} of {spoken(path)}"
        if path[2:3] in (("networks",), ("routers",)) and key.name != path[3]:
            return f"{key.name} of {spoken(path, as_router=True)}"
        return key.name

    def network(self, netns: str, bridge: str) -> str:
        """The network that a bridge is of."""
        path = self.path(link_key(netns, bridge))
        return spoken(path) if path[2:3] == ("networks",) else f"bridge {bridge}"

    def port_of(self, key: Key) -> Path:
        """The path of the port that a link is of, () for another link."""
        path = self.path(key)
        return path if path[2:3] == ("ports",) and len(path) == 4 else ()


def spoken(path: Path, *, as_router: bool = False) -> str:
    """`port shop/web`, `network shop/front`, `router of shop/front`, `security group web`."""
    match path:
        case ("tenants", tenant, "networks", name, *_):
            return f"router of {tenant}/{name}" if as_router else f"network {tenant}/{name}"
        case ("tenants", tenant, ("ports" | "routers") as kind, name, *_):
            return f"{kind[:-1]} {tenant}/{name}"
        case ("tenants", _, "security_groups", name, *_):
            return f"security group {name}"
        case ("tenants", _, "floating_ips", address, *_):
            return f"floating IP {address}"
        case ("tenants", tenant):
            return f"tenant {tenant}"
    return " ".join(path)


def port_name(path: Path) -> str:
    return f"{path[1]}/{path[3]}"
