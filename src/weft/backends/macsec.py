"""What is done to the channels and keys of MACsec links, as messages. The one place where a key is in hand."""

from __future__ import annotations

from errno import ESTALE

from weft.backends.key_files import id_of, read_key
from weft.errors import KernelRefused
from weft.kinds.verbs import AddKey, DropKey, MacsecVerb, SecureChannel
from weft.wire.macsec import Step, add_key, channel_step, key_step


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


def _planned(verb: AddKey) -> bytes:
    try:
        key = read_key(verb.file)
    except ValueError:
        key = b""
    if id_of(key, verb.host_id) != verb.association[2]:
        raise KernelRefused(f"the key in {verb.file}", ESTALE, "the file no longer holds the key that was planned")
    return key
