"""Links of several others, links upon another that they share its frames with, and links that a process makes traffic
for. Words are iproute2's. Source: ip-link(8), ip-tuntap(8).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from weft.model import words as w
from weft.model.links import HostLink, LinkOver, LinkUpon
from weft.records import dataclass

BondMode = Annotated[
    str,
    w.choice("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"),
]
HashPolicy = Annotated[str, w.choice("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac")]
LacpRate = Annotated[str, w.choice("slow", "fast")]
AdSelect = Annotated[str, w.choice("stable", "bandwidth", "count")]
FailOverMac = Annotated[str, w.choice("none", "active", "follow")]
PrimaryReselect = Annotated[str, w.choice("always", "better", "failure")]
ArpValidate = Annotated[
    str, w.choice("none", "active", "backup", "all", "filter", "filter_active", "filter_backup")
]  # fmt: skip
Milliseconds = Annotated[int, w.number("a number of milliseconds", 0, 2**31 - 1)]
Members = Annotated[int, w.number("a number of members", 0, 255)]
MacvlanMode = Annotated[str, w.choice("private", "vepa", "bridge", "passthru", "source")]
IpvlanMode = Annotated[str, w.choice("l2", "l3", "l3s")]
IpvlanFlag = Annotated[str, w.choice("bridge", "private", "vepa")]
VrfTable = Annotated[int, w.number("a routing table of its own", 1, 2**32 - 1)]

MacsecPort = Annotated[int, w.number("the port of a secure channel", 1, 2**16 - 1)]
MacsecCipher = Annotated[str, w.choice("gcm-aes-128", "gcm-aes-256")]
MacsecValidate = Annotated[str, w.choice("disabled", "check", "strict")]
IcvLength = Annotated[int, w.number("the length of a check value in bytes", 8, 16)]
KeyNumber = Annotated[int, w.number("the number of a key", 0, 3)]
PacketNumber = Annotated[int, w.number("a packet number", 1, 2**32 - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BondLink(LinkOver):
    """miimon (100 where links are not watched by ARP), updelay, downdelay, arp_interval in milliseconds. What a mode
    does not know may not be given."""

    kind: ClassVar[str] = "bond"

    mode: BondMode
    miimon: Milliseconds | None = None
    updelay: Milliseconds | None = None
    downdelay: Milliseconds | None = None
    arp_interval: Milliseconds | None = None
    arp_ip_target: tuple[w.Address, ...] = ()
    arp_validate: ArpValidate | None = None
    primary: w.Ifname | None = None
    primary_reselect: PrimaryReselect | None = None
    fail_over_mac: FailOverMac | None = None
    xmit_hash_policy: HashPolicy | None = None
    lacp_rate: LacpRate | None = None
    ad_select: AdSelect | None = None
    min_links: Members | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VrfLink(LinkOver):
    """`table`: where what its members receive and send is looked up; one VRF's alone."""

    kind: ClassVar[str] = "vrf"

    table: VrfTable


@dataclass(frozen=True, slots=True, kw_only=True)
class MacvlanLink(LinkUpon):
    """`sources`: whose frames it takes in mode source."""

    kind: ClassVar[str] = "macvlan"

    mode: MacvlanMode = "bridge"
    sources: tuple[w.Mac, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MacvtapLink(MacvlanLink):
    """`owner`, `group`: by name or number, to whom its device file belongs."""

    kind: ClassVar[str] = "macvtap"

    owner: w.Account | None = None
    group: w.Account | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IpvlanLink(LinkUpon):
    """All upon one link have one mode and one flag."""

    kind: ClassVar[str] = "ipvlan"

    mode: IpvlanMode = "l3"
    flag: IpvlanFlag = "bridge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Where a secret is read from when it is needed; it is itself no part of an intent."""

    file: w.AbsolutePath


@dataclass(frozen=True, slots=True, kw_only=True)
class MacsecKey:
    """`pn`: the packet number that it begins with."""

    an: KeyNumber = 0
    key: Secret
    pn: PacketNumber = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MacsecPeer:
    """Whom the link receives from, by the MAC and port of that link."""

    mac: w.Mac
    port: MacsecPort = 1
    keys: tuple[MacsecKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MacsecLink(LinkUpon):
    """`icv_len` in bytes, `replay_window` in packets; None: packets may come in any order, and again. Unlike the
    kernel, a link encrypts unless it is told not to."""

    kind: ClassVar[str] = "macsec"

    port: MacsecPort = 1
    cipher: MacsecCipher = "gcm-aes-128"
    icv_len: IcvLength = 16
    encrypt: bool = True
    protect: bool = True
    validate: MacsecValidate = "strict"
    replay_window: w.U32 | None = None
    tx: MacsecKey
    rx: tuple[MacsecPeer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IfbLink(HostLink):
    kind: ClassVar[str] = "ifb"


@dataclass(frozen=True, slots=True, kw_only=True)
class TapLink(HostLink):
    """`owner`, `group`: who may open it, by name or number; None: root alone. `queues` above 1 makes it
    multi-queue."""

    kind: ClassVar[str] = "tap"

    owner: w.Account | None = None
    group: w.Account | None = None
    queues: w.Queues = 1
    vnet_hdr: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TunLink(TapLink):
    """Of packets instead of frames."""

    kind: ClassVar[str] = "tun"
