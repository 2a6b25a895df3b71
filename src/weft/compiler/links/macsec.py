"""MACsec links: what they add to a frame, their peers, and the keys of both ways.

Rules: a key's file is read by the probe; here it is an id and a length. Each key has to be as long as the cipher's.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.findings import dotted
from weft.compiler.links.place import LinkPlace
from weft.compiler.links.upon import check_alone
from weft.facts import KeyFile
from weft.kinds.link.macsec import KEY_BYTES, NO_REPLAY_PROTECTION, Macsec, sci_of
from weft.kinds.link.overhead import macsec_overhead
from weft.model.stacked import MacsecKey, MacsecLink
from weft.state import HOST, KernelObject, Key
from weft.wire.macsec import SENT, Association

_UNSEEN = KeyFile(problem="was not looked at")


def make_macsec(place: LinkPlace[MacsecLink]) -> Iterator[KernelObject]:
    spec, parent = place.spec, place.parent()
    if parent is None:
        return
    check_alone(place, parent)
    other = place.draft.claim(parent.netns, f"{parent.name} macsec {spec.port}", place.path)
    if other is not None:
        place.error(f"port {spec.port} of {parent.name} is {dotted(other)} already", "another `port`", "port")
    held = list(_held(place))
    are_known = all(key_id for (*_, key_id), _ in held)
    yield Macsec(
        netns=place.netns,
        ifname=place.ifname,
        mtu=_mtu(place, place.mtu_of(parent)),
        parent=parent,
        port=spec.port,
        cipher=spec.cipher,
        icv_len=spec.icv_len,
        encrypt=spec.encrypt,
        protect=spec.protect,
        validate=spec.validate,
        replay_window=NO_REPLAY_PROTECTION if spec.replay_window is None else spec.replay_window,
        encoding_sa=spec.tx.an,
        keys=tuple(sorted(association for association, _ in held)) if are_known else None,
        key_sources=tuple(sorted((*a[:2], key.key.file, key.pn, False) for a, key in held)) if are_known else (),
    )


def _mtu(place: LinkPlace[MacsecLink], below: int | None) -> int | None:
    """Its frames travel in the parent's, and a little is added to each."""
    added, given = macsec_overhead(place.spec.icv_len), place.spec.mtu
    most = below - added.total_bytes if below else None
    if given and most and given > most:
        what = f"an MTU of {given} is above {most}: {place.spec.link} carries {below} bytes and MACsec adds {added}"
        place.error(what, f"at most {most}, or a larger MTU on {place.spec.link}", "mtu")
    return given or most


def _held(place: LinkPlace[MacsecLink]) -> Iterator[tuple[Association, MacsecKey]]:
    """All keys, by their channels."""
    yield from _channel(place, SENT, (place.spec.tx,), ("tx",), listed=False)
    seen: set[str] = set()
    for at, peer in enumerate(place.spec.rx):
        sci, path = sci_of(peer.mac, peer.port), ("rx", str(at))
        if sci in seen:
            place.error(f"{peer.mac} port {peer.port} is a peer already", "its keys under one entry", *path)
        seen.add(sci)
        if not peer.keys:
            place.error(f"nothing is received from {peer.mac} without a key", "`keys: [{an: 0, ...}]`", *path)
        yield from _channel(place, sci, peer.keys, (*path, "keys"))


def _channel(
    place: LinkPlace[MacsecLink], sci: str, keys: tuple[MacsecKey, ...], path: tuple[str, ...], *, listed: bool = True
) -> Iterator[tuple[Association, MacsecKey]]:
    taken: set[int] = set()
    for at, key in enumerate(keys):
        here = (*path, str(at)) if listed else path
        if key.an in taken:
            place.error(f"an {key.an} is another key's of this peer", "another `an`, from 0 to 3", *here, "an")
        taken.add(key.an)
        yield (sci, key.an, _id(place, key, here)), key


def _id(place: LinkPlace[MacsecLink], key: MacsecKey, path: tuple[str, ...]) -> str:
    """The id of a key, "" where its file does not hold one as is wanted."""
    file, wanted = key.key.file, KEY_BYTES[place.spec.cipher]
    found = place.draft.facts.key_files.get(file, _UNSEEN)
    problem = found.problem
    if not problem and found.length_bytes != wanted:
        problem = f"holds a key of {found.length_bytes} bytes, and {place.spec.cipher} has keys of {wanted}"
    if problem:
        fix = f"a line of {2 * wanted} hexadecimal digits in it"
        place.draft.lack((*place.path, *path, "key", "file"), Key("key", HOST, file), f"{file} {problem}", fix)
    return "" if problem else found.key_id
