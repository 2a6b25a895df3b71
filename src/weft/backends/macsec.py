"""What is done to the channels and keys of MACsec links, as messages. The one place where a key is in hand."""

from __future__ import annotations

from dataclasses import replace
from errno import EOVERFLOW, ESTALE

from weft.backends.key_files import id_of, read_key
from weft.errors import KernelRefused
from weft.kinds.verbs import AddKey, DropKey, MacsecVerb, SecureChannel
from weft.wire.macsec import SENT, Step, add_key, channel_step, key_step

ON_THE_WAY = 1 << 16
"""So many packets may have a number, and not be counted yet."""
LAST_NUMBER = 0xFFFFFFFF


def messages(family: int, verb: MacsecVerb) -> list[bytes]:
    """Raises: OSError, KernelRefused where the file no longer holds the key that was planned."""
    match verb:
        case SecureChannel(index=index, step=step, sci=sci):
            return [channel_step(family, index, step, sci)]
        case DropKey(index=index, channel=channel, number=number):  # the kernel drops none that is in use
            return [key_step(family, index, step, channel, number) for step in (Step.REST, Step.DROP)]
        case AddKey():
            return [add_key(family, verb.index, verb.association, _planned(verb), verb.packet_number)]
        case _:
            raise TypeError(f"nothing is known of {verb!r}")


def beyond(verb: AddKey, sent: int) -> AddKey:
    """For a link that has sent so many packets in its life: a number that its key was not used with. What is received
    has no such need: a lower number only lets late packets in. Raises: KernelRefused where none is left."""
    if verb.association[0] != SENT:
        return verb
    number = verb.packet_number + sent + ON_THE_WAY
    if number > LAST_NUMBER:
        raise KernelRefused(f"the key in {verb.file}", EOVERFLOW, "its packet numbers are used up: give a new key")
    return replace(verb, packet_number=number)


def _planned(verb: AddKey) -> bytes:
    try:
        key = read_key(verb.file)
    except ValueError:
        key = b""
    if id_of(key, verb.host_id) != verb.association[2]:
        raise KernelRefused(f"the key in {verb.file}", ESTALE, "the file no longer holds the key that was planned")
    return key
