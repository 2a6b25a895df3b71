"""Sysctls, the TCP block, and the attributes of links that are tuned.

Rules: two intents may want one setting if they want the same value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weft.compiler.draft import Draft
from weft.compiler.findings import Cause
from weft.kinds.setting.link import OFFLOAD, LinkSetting
from weft.kinds.setting.sysctl import ALGORITHM, ALLOWED_ALGORITHMS, Sysctl
from weft.model.intent import Path, Tcp
from weft.model.tuning import LinkTuning, Offloads
from weft.state import HOST, Key

_FEATURE_OF = (
    ("checksum", "tx-checksum-ip-generic"),
    ("tso", "tx-tcp-segmentation"),
    ("gso", "tx-generic-segmentation"),
    ("gro", "rx-gro"),
)
"""Our word and the kernel's. Source: ethtool(8), net/ethtool/common.c."""


def compile_sysctl(draft: Draft, netns: str, name: str, value: str, path: Path) -> None:
    if name == ALGORITHM:
        _check_algorithm(draft, netns, value, path)
    draft.share(Sysctl(netns=netns, name=name, value=value), path)


def _check_algorithm(draft: Draft, netns: str, algorithm: str, path: Path) -> None:
    """Find a congestion control that this namespace may not take. Source: net/ipv4/tcp_cong.c."""
    facts, opened = draft.facts, draft.state.get(Key("sysctl", HOST, ALLOWED_ALGORITHMS))
    if facts.tcp_allowed is None or (netns == HOST and facts.host_is_first):
        return
    allowed = opened.value.split() if isinstance(opened, Sysctl) else sorted(facts.tcp_allowed)
    if algorithm in allowed or f"tcp_{algorithm}" not in facts.features:
        return  # what this kernel does not have at all is a warning of its own: it may come as a module
    what = f"only the machine's first namespace may take {algorithm}: {ALLOWED_ALGORITHMS} there does not name it"
    fix = f"one of {', '.join(allowed)}, or there {ALLOWED_ALGORITHMS}: {' '.join((*allowed, algorithm))}"
    draft.error(path, what, fix, Cause.MACHINE)


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


def compile_tuning(draft: Draft, link: Key, tuning: LinkTuning | None, path: Path) -> None:
    """Sizes and offloads as settings of their own, also of weft's links: what the file no longer says goes back to what
    the kernel gave the link."""
    if tuning is None:
        return
    _check_offloads(draft, tuning.offloads, path)
    for word in ("gso_max_size", "gso_max_segs", "gro_max_size"):
        put_link_setting(draft, link, word, getattr(tuning, word), path)
    for feature, on in _features(tuning.offloads or Offloads()):
        put_link_setting(draft, link, f"{OFFLOAD}{feature}", "on" if on else "off", path)


def put_link_setting(draft: Draft, link: Key, attribute: str, value: str | int | None, path: Path) -> None:
    """One attribute of a link, unless it is None."""
    if value is not None:
        draft.put(LinkSetting(netns=link.netns, ifname=link.name, attribute=attribute, value=str(value)), path)


def _features(offloads: Offloads) -> Iterator[tuple[str, bool]]:
    """ethtool's feature and whether it shall be on, of those that something is said of."""
    said = ((feature, getattr(offloads, word)) for word, feature in _FEATURE_OF)
    return ((feature, on) for feature, on in said if on is not None)


def _check_offloads(draft: Draft, offloads: Offloads | None, path: Path) -> None:
    """Find offloads that the kernel does not have together. Source: net/core/dev.c netdev_fix_features."""
    if offloads and offloads.tso and offloads.checksum is False:
        at = (*path, "tuning", "offloads", "tso")
        draft.error(at, "a device that does no checksums does no TCP segmentation", "`tso: false`, or `checksum: true`")
