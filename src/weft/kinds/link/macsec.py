"""A link whose frames are encrypted and signed in those of another one, with static keys. Source: ip-macsec(8), IEEE
802.1AE, drivers/net/macsec.c.

Rules: a key is known by its id, which is its hash. What the kernel holds is compared by these; what no file holds
any more nobody can give back, so a State that asks for such keys leaves them as they are (`keys` None). New keys come
before the link sends by them, and old ones go after, but for two of one number: then the old one goes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from weft.kinds import command
from weft.kinds.base import Names, Request
from weft.kinds.link import writing
from weft.kinds.link.common import ChildLink
from weft.kinds.link.fields import Field, Own, Word, choice, number, numbered, row
from weft.kinds.verbs import AddKey, DropKey, SecureChannel
from weft.records import dataclass
from weft.state import Change, Mark, Op, State
from weft.wire.codec import be16, u8, u32
from weft.wire.macsec import (
    IFLA_MACSEC_CIPHER_SUITE,
    IFLA_MACSEC_ENCODING_SA,
    IFLA_MACSEC_ENCRYPT,
    IFLA_MACSEC_ICV_LEN,
    IFLA_MACSEC_PORT,
    IFLA_MACSEC_PROTECT,
    IFLA_MACSEC_REPLAY_PROTECT,
    IFLA_MACSEC_SCI,
    IFLA_MACSEC_VALIDATION,
    IFLA_MACSEC_WINDOW,
    MACSEC,
    SENT,
    Association,
    Secured,
    Step,
    cipher,
)

CIPHERS = {"gcm-aes-128": 1, "gcm-aes-256": 2}
KEY_BYTES = {"gcm-aes-128": 16, "gcm-aes-256": 32}
VALIDATIONS = numbered("disabled", "check", "strict")
NO_REPLAY_PROTECTION = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Macsec(ChildLink):
    """`port` of its SCI, `cipher` a key of CIPHERS, `icv_len` in bytes: all for life. `replay_window` in packets,
    NO_REPLAY_PROTECTION for none. `encoding_sa`: the number of the key that it sends by. `keys`: sorted.
    `key_sources`: where each key is read from, as (channel, number, file, first packet number, whether it goes on from
    there), sorted; never of what is observed, nor compared. `numbers`, of what is observed: the packet number that
    comes next, as (channel, number of the key, that), sorted; not compared."""

    port: int
    cipher: str
    icv_len: int
    encrypt: bool
    protect: bool
    validate: str
    replay_window: int
    encoding_sa: int | None = None
    keys: tuple[Association, ...] | None = None
    key_sources: tuple[tuple[str, int, str, int, bool], ...] = ()
    numbers: tuple[tuple[str, int, int], ...] = ()


def with_sources(state: State, files: Mapping[str, str]) -> State:
    """What was observed, with where its keys can be read again. `files`: by the ids of the keys that they hold."""
    links = {key: _with_sources(obj, files) for key, obj in state.items() if isinstance(obj, Macsec)}
    return State({**state, **links})


def _with_sources(link: Macsec, files: Mapping[str, str]) -> Macsec:
    """A key that is given again goes on where it was: no packet number may be used twice with one key. Source: IEEE
    802.1AE 10.7.22."""
    numbers = {(channel, an): number for channel, an, number in link.numbers}
    known = (
        (channel, an, files[key_id], numbers.get((channel, an), 1), True)
        for channel, an, key_id in link.keys or ()
        if key_id in files
    )
    return replace(link, key_sources=tuple(known), numbers=())


def _former(link: Macsec) -> Macsec:
    """Without a source for each of its keys a link keeps those that it has by then, and sends by what it sends."""
    if len(link.key_sources) == len(link.keys or ()):
        return link
    return _remade(link)


def _remade(link: Macsec) -> Macsec:
    """Of one that was made anew nobody knows how far the former one had counted: it has no keys until the next
    apply."""
    return replace(link, keys=None, encoding_sa=None, key_sources=())


def sci_of(mac: str, port: int) -> str:
    """The channel of a peer with the MAC and port."""
    return f"{mac.replace(':', '')}{port:04x}"


def _switch(name: str, kind: int) -> Field:
    return Field(
        lambda link: u8(kind, int(getattr(link, name))),
        lambda data: bool(data.get(kind)),
        lambda link: (name, "on" if getattr(link, name) else "off"),
    )


def _replay(link: Macsec) -> bytes:
    """The kernel wants a window wherever it is told to look at packet numbers."""
    if link.replay_window == NO_REPLAY_PROTECTION:
        return u8(IFLA_MACSEC_REPLAY_PROTECT, 0)
    return u8(IFLA_MACSEC_REPLAY_PROTECT, 1) + u32(IFLA_MACSEC_WINDOW, link.replay_window)


def _replay_words(link: Macsec) -> tuple[str | int, ...]:
    off = link.replay_window == NO_REPLAY_PROTECTION
    return ("replay", "off") if off else ("replay", "on", "window", link.replay_window)


_OWN = Own(
    kind="macsec",
    table=MACSEC,
    fields={
        "port": Field(
            lambda link: be16(IFLA_MACSEC_PORT, link.port),
            lambda data: int(data[IFLA_MACSEC_SCI][-4:], 16),
            lambda link: ("port", link.port),
        ),
        "cipher": choice("cipher", IFLA_MACSEC_CIPHER_SUITE, "cipher", CIPHERS, cipher),
        "icv_len": number("icv_len", IFLA_MACSEC_ICV_LEN, "icvlen"),
        "encrypt": _switch("encrypt", IFLA_MACSEC_ENCRYPT),
        "protect": _switch("protect", IFLA_MACSEC_PROTECT),
        "validate": choice("validate", IFLA_MACSEC_VALIDATION, "validate", VALIDATIONS),
        "replay_window": Field(
            _replay,
            lambda data: (
                data.get(IFLA_MACSEC_WINDOW, 0) if data.get(IFLA_MACSEC_REPLAY_PROTECT) else NO_REPLAY_PROTECTION
            ),
            _replay_words,
        ),
        "encoding_sa": number("encoding_sa", IFLA_MACSEC_ENCODING_SA, "encodingsa"),
    },
)


def _requests(change: Change, names: Names) -> Iterator[Request]:
    before, after = change.before, change.after
    had = before if change.op is Op.UPDATE and isinstance(before, Macsec) else None
    gone, new = _keys_between(had, after)
    reused = {key[:2] for key in new}
    if isinstance(after, Macsec) and had is not None:
        index = names.ifindex(after.key)
        yield from _drop(after, index, [key for key in gone if key[:2] in reused])
        yield from _add(had, after, index, new)
        yield from writing.update(had, after, names, *_OWN.change(had, after))
        yield from _drop(after, index, [key for key in gone if key[:2] not in reused])
        yield from _channels(after, index, Step.CLOSE, _scis(had.keys) - _scis(after.keys or had.keys))
        return
    yield from _make_or_drop(change, names)
    if isinstance(after, Macsec):
        yield from _add(None, after, names.ifindex(after.key), new)


_make_or_drop = writing.requests_with(Macsec, _OWN.create)


def _keys_between(before: Any, after: Any) -> tuple[list[Association], list[Association]]:
    """The keys that go, and those that come."""
    if not isinstance(after, Macsec) or after.keys is None:
        return [], []
    had = set(before.keys or ()) if isinstance(before, Macsec) else set()
    return sorted(had - set(after.keys)), sorted(set(after.keys) - had)


def _scis(keys: Iterable[Association] | None) -> set[str]:
    return {channel for channel, *_ in keys or ()} - {SENT}


def _add(before: Macsec | None, link: Macsec, index: int, new: Iterable[Association]) -> Iterator[Request]:
    had = before.keys if before else ()
    yield from _channels(link, index, Step.OPEN, _scis(new) - _scis(had))
    host = Mark.parse(link.alias)
    sources = {source[:2]: source[2:] for source in link.key_sources}
    for key in new:
        file, first, goes_on = sources[key[:2]]
        yield Request(
            link.netns,
            AddKey(
                index=index,
                association=key,
                file=file,
                packet_number=first,
                goes_on=goes_on,
                host_id=host.host_id if host else "",
            ),
        )


def _drop(link: Macsec, index: int, gone: Iterable[Association]) -> Iterator[Request]:
    return (Request(link.netns, DropKey(index, channel, an)) for channel, an, _ in gone)


def _channels(link: Macsec, index: int, step: Step, scis: Iterable[str]) -> Iterator[Request]:
    return (Request(link.netns, SecureChannel(index, step, sci)) for sci in sorted(scis))


def _script(change: Change) -> Iterator[str]:
    """Keys are read from their files where the script runs."""
    before, after = change.before, change.after
    had = before if change.op is Op.UPDATE and isinstance(before, Macsec) else None
    gone, new = _keys_between(had, after)
    reused = {key[:2] for key in new}
    if isinstance(after, Macsec) and had is not None:
        yield from _script_drop(after, [key for key in gone if key[:2] in reused])
        yield from _script_add(had, after, new)
        yield from _script_link(change)
        yield from _script_drop(after, [key for key in gone if key[:2] not in reused])
        for sci in sorted(_scis(had.keys) - _scis(after.keys or had.keys)):
            yield command.ip(after.netns, "macsec", "del", after.ifname, "rx", "sci", sci)
        return
    yield from _script_link(change)
    if isinstance(after, Macsec):
        yield from _script_add(None, after, new)


_script_link = writing.script_with(Macsec, _OWN.script_create, _OWN.script_change)


def _channel_words(channel: str) -> tuple[str, ...]:
    return ("tx",) if channel == SENT else ("rx", "sci", channel)


def _script_add(before: Macsec | None, link: Macsec, new: list[Association]) -> Iterator[str]:
    for sci in sorted(_scis(new) - _scis(before.keys if before else ())):
        yield command.ip(link.netns, "macsec", "add", link.ifname, "rx", "sci", sci, "on")
    sources = {source[:2]: source[2:] for source in link.key_sources}
    for channel, an, key_id in new:
        file, first, _ = sources[channel, an]
        words: tuple[Word, ...] = (*_channel_words(channel), "sa", an, "pn", first, "on", "key", key_id)
        yield command.ip(link.netns, "macsec", "add", link.ifname, *words) + f' "$(cat{command.more((file,))})"'


def _script_drop(link: Macsec, gone: list[Association]) -> Iterator[str]:
    for channel, an, _ in gone:
        sa: tuple[Word, ...] = (link.ifname, *_channel_words(channel), "sa", an)
        yield command.ip(link.netns, "macsec", "set", *sa, "off")
        yield command.ip(link.netns, "macsec", "del", *sa)


def _other_mac(before: Macsec, after: Macsec) -> bool:
    """Its SCI is made of its MAC, and the peers know it by that."""
    return after.mac not in (None, before.mac)


def _parse(seen: Any) -> Macsec | None:
    """None where its parent is in a namespace that nobody finds."""
    if seen.other is None:
        return None
    held = seen.secured or Secured(0, ())
    numbers = tuple(sorted((*key, number) for key, number in held.numbers.items()))
    return Macsec(**_OWN.read(seen), parent=seen.other, keys=held.associations, numbers=numbers)


ROW = row(
    Macsec,
    _OWN,
    *("encrypt", "protect", "validate", "replay_window", "encoding_sa", "keys"),
    replaces=_other_mac,
    requests=_requests,
    script=_script,
    parse=_parse,
    former=_former,
    remade=_remade,
)
