"""What the rtnl backend is asked for beside plain messages: a Request's payload is one of these, or a message.

Rules: pure data. Numbers (indexes, descriptors) are good for the commit that they were made in.
"""

from __future__ import annotations

from weft.records import dataclass
from weft.wire.macsec import Association, Step


@dataclass(frozen=True, slots=True)
class Birth:
    """A message that makes a link under an index chosen in advance. Nothing may be sent to that index before the
    kernel has agreed: it might be somebody else's."""

    message: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TapBirth:
    """A tap, made in the namespace of the request. It gets its attributes by `dress` (messages) before it is made to
    last, so that a kill leaves a marked tap or none. `mark`: the message with its MAC and its mark alone, which it gets
    first where it is made elsewhere; empty where it has neither. `flags`: IFF_* of linux/if_tun.h."""

    ifname: str
    index: int
    flags: int
    owner: int | None
    group: int | None
    mark: bytes
    dress: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class DropLink:
    """Delete a link by its index; several in a row go at once."""

    index: int


@dataclass(frozen=True, slots=True)
class Together:
    """Messages of which the kernel does all, or none, before anything can end the program that sends them."""

    messages: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SetFeatures:
    """Switch offloads of a link by ethtool's names."""

    index: int
    features: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class GiveDevice:
    """Say to whom a device file belongs: numbers of user and group, and its mode bits; None leaves what is there."""

    path: str
    user: int | None
    group: int | None
    permissions: int | None


class MacsecVerb:
    """What is done to a MACsec link's channels and keys."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SecureChannel(MacsecVerb):
    """Open or close the channel from a peer of a MACsec link, by its SCI."""

    index: int
    step: Step
    sci: str


@dataclass(frozen=True, slots=True)
class DropKey(MacsecVerb):
    """Take a key away from a channel of a MACsec link."""

    index: int
    channel: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddKey(MacsecVerb):
    """Give a channel of a MACsec link the key that a file holds, if it is still the one that the id was made of on the
    host `host_id`. `packet_number`: the first one; if it `goes_on`, the one that was next when that was read: what the
    link has sent since is left out."""

    index: int
    association: Association
    file: str
    packet_number: int
    goes_on: bool = False
    host_id: str


@dataclass(frozen=True, slots=True)
class MakeNamespace:
    """A named namespace whose `lo` gets `mark`, a message, before the name is there."""

    name: str
    mark: bytes


@dataclass(frozen=True, slots=True)
class DropNamespace:
    name: str
