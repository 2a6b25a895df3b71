"""What a kernel holds, as plain data: Key -> object, and the changes between two such states.

Rules: pure; an object is frozen and knows nothing of how it is read or written (its Kind does). A field that is
None is neither managed nor compared. Namespaces are labels: "" is the host's, else a name under /run/netns, else
"pidfile:PATH".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from functools import lru_cache, partial
from typing import NamedTuple, Protocol

from weft.records import dataclass

HOST = ""
PROTOCOL = 119
"""'w': rtm_protocol, ifa_proto, fra_protocol and nda_protocol of everything that weft makes. Free in rt_protos."""

BIRTH_GROUP = 0x77656674
"""'weft' as a link group: set in the message that creates a link, so that it is known even before its alias is."""

MARK = "weft"


class Key(NamedTuple):
    """Identity of one kernel object: its table, the namespace it is seen from, and its name there.

    `table` is the name space that must be unique ("link", "address", ...), not the kind: a bridge and a veth with
    one ifname have the same key.
    """

    table: str
    netns: str
    name: str

    def __str__(self) -> str:
        return f"{self.table} {self.name}@{self.netns}" if self.netns else f"{self.table} {self.name}"


quick_key: Callable[[tuple[str, str, str]], Key] = partial(tuple.__new__, Key)
"""As Key(*parts), at half the price: for what there are thousands of."""


@lru_cache(maxsize=1 << 14)
def netns_key(netns: str) -> Key:
    return Key("netns", HOST, netns)


@lru_cache(maxsize=1 << 16)  # all that stands on a link names it: the same key is found sooner than made
def link_key(netns: str, ifname: str) -> Key:
    return Key("link", netns, ifname)


class KernelObject(Protocol):
    """What diff and plan may ask of any object."""

    @property
    def key(self) -> Key: ...

    @property
    def lives_on(self) -> tuple[Key, ...]:
        """Keys without which this object cannot exist; when one goes the kernel drops this one along."""


class Keyed:
    """An object that works out its key when it is made: the road asks for it at every step."""

    __slots__ = ("key",)
    key: Key

    def __post_init__(self) -> None:
        set_key(self, self.identify())

    def identify(self) -> Key:
        """Its key, from its fields."""
        raise NotImplementedError


set_key: Callable[[Keyed, Key], None] = Keyed.__dict__["key"].__set__
"""By the slot itself: objects are frozen."""


class State(dict[Key, KernelObject]):
    """A mapping of keys to objects. Plain dict semantics; equality is by content."""

    @classmethod
    def of(cls, objects: Iterable[KernelObject]) -> State:
        return cls({o.key: o for o in objects})


class Op(Enum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


class _About(Keyed):
    """What a change is of, found out when it is made: every step of the road asks for it."""

    __slots__ = ("object",)
    object: KernelObject


_set_object: Callable[[_About, KernelObject], None] = _About.__dict__["object"].__set__


@dataclass(frozen=True, slots=True)
class Change(_About):
    """One object's way from `before` to `after`; None is absence. `object`: what it comes to, or what goes; `key`: of
    that."""

    op: Op
    before: KernelObject | None
    after: KernelObject | None

    def __post_init__(self) -> None:
        held = self.after if self.after is not None else self.before
        assert held is not None
        _set_object(self, held)
        set_key(self, held.key)

    def __str__(self) -> str:
        return f"{self.op.value} {self.key}"


class Mark(NamedTuple):
    """The owner's mark in a link's alias: weft/<host id>/<scope>/<object path>."""

    host_id: str
    scope: str
    object: str

    def __str__(self) -> str:
        return f"{MARK}/{self.host_id}/{self.scope}/{self.object}"

    @classmethod
    @lru_cache(maxsize=1 << 14)  # who a link's owner is, is asked on every step of the road
    def parse(cls, alias: str | None) -> Mark | None:
        """The mark in `alias`, or None where it bears none."""
        if not alias or not alias.startswith(MARK + "/"):
            return None
        parts = alias.split(" ", 1)[0].split("/", 3)
        return cls(parts[1], parts[2], parts[3]) if len(parts) == 4 else None
