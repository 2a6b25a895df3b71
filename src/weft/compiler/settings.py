"""Sysctls, the TCP block, and the attributes of links that are tuned.

Rules: two intents may want one setting if they want the same value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from weft.compiler.draft import Draft
from weft.kinds.link.common import Link
from weft.kinds.setting.link import LinkSetting
from weft.kinds.setting.sysctl import Sysctl
from weft.model.intent import Path, Tcp
from weft.model.tuning import LinkTuning, Offloads
from weft.state import HOST

AnyLink = TypeVar("AnyLink", bound=Link)

_FEATURE_OF = (
    ("checksum", "tx-checksum-ip-generic"),
    ("tso", "tx-tcp-segmentation"),
    ("gso", "tx-generic-segmentation"),
    ("gro", "rx-gro"),
)
"""Our word and the kernel's. Source: ethtool(8), net/ethtool/common.c."""


def compile_sysctl(draft: Draft, netns: str, name: str, value: str, path: Path) -> None:
    draft.share(Sysctl(netns=netns, name=name, value=value), path)


def compile_sysctls(draft: Draft, netns: str, sysctls: Mapping[str, str], path: Path) -> None:
    """The user's own sysctls. A namespace has those of the network only."""
    for name, value in sysctls.items():
        at = (*path, name)
        if netns != HOST and not name.startswith("net/"):
            draft.error(at, f"{name} is the whole machine's, not a namespace's", "move it to `host: sysctls:`")
        else:
            compile_sysctl(draft, netns, name, value, at)


def compile_tcp(draft: Draft, netns: str, tcp: Tcp, path: Path) -> None:
    """The TCP block as sysctls. Source: tcp(7), Documentation/networking/ip-sysctl.rst."""
    wanted = {
        "congestion_control": tcp.congestion_control,
        "rmem": tcp.rmem and " ".join(map(str, tcp.rmem)),
        "wmem": tcp.wmem and " ".join(map(str, tcp.wmem)),
        "mtu_probing": None if tcp.mtu_probing is None else str(tcp.mtu_probing),
    }
    for name, value in wanted.items():
        if value is not None:
            compile_sysctl(draft, netns, f"net/ipv4/tcp_{name}", value, (*path, name))
    for name, sizes in (("rmem", tcp.rmem), ("wmem", tcp.wmem)):
        if sizes and not sizes[0] <= sizes[1] <= sizes[2]:
            draft.error((*path, name), f"{sizes} is not in order", "least, default, most: each at most the next")


def offload_pairs(offloads: Offloads | None) -> tuple[tuple[str, bool], ...] | None:
    """Sorted pairs of ethtool's feature and whether it is on; None where nothing is said."""
    if offloads is None:
        return None
    said = ((feature, getattr(offloads, word)) for word, feature in _FEATURE_OF)
    return tuple(sorted((feature, on) for feature, on in said if on is not None)) or None


def check_tuning(draft: Draft, tuning: LinkTuning | None, path: Path) -> None:
    """Find offloads that the kernel does not have together. Source: net/core/dev.c netdev_fix_features."""
    offloads = tuning and tuning.offloads
    if offloads and offloads.tso and offloads.checksum is False:
        at = (*path, "tuning", "offloads", "tso")
        draft.error(at, "a device that does no checksums does no TCP segmentation", "`tso: false`, or `checksum: true`")


def tuned(link: AnyLink, tuning: LinkTuning | None) -> AnyLink:
    """The link with the sizes and offloads that are asked for."""
    if tuning is None:
        return link
    return replace(
        link,
        gso_max_size=tuning.gso_max_size,
        gso_max_segs=tuning.gso_max_segs,
        gro_max_size=tuning.gro_max_size,
        offloads=offload_pairs(tuning.offloads),
    )


def link_settings(
    netns: str, ifname: str, mtu: int | None, alias: str | None, tuning: LinkTuning | None
) -> Iterator[LinkSetting]:
    """The same, for a link that is somebody else's: one setting each."""
    tuning = tuning or LinkTuning()
    numbers = (
        ("mtu", mtu),
        ("alias", alias),
        ("gso_max_size", tuning.gso_max_size),
        ("gso_max_segs", tuning.gso_max_segs),
        ("gro_max_size", tuning.gro_max_size),
    )
    for attribute, value in numbers:
        if value is not None:
            yield LinkSetting(netns=netns, ifname=ifname, attribute=attribute, value=str(value))
    for feature, on in offload_pairs(tuning.offloads) or ():
        yield LinkSetting(netns=netns, ifname=ifname, attribute=f"offload/{feature}", value="on" if on else "off")
