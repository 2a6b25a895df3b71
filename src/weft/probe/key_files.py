"""What the files of keys hold that an intent names: lengths and ids, never a key."""

from __future__ import annotations

from collections.abc import Iterator

from weft.backends.key_files import id_of, read_key
from weft.facts import KeyFile
from weft.model.intent import Intent
from weft.model.stacked import MacsecKey, MacsecLink


def found(intent: Intent, host_id: str) -> dict[str, KeyFile]:
    """By path."""
    return {file: _look(file, host_id) for file in sorted({key.key.file for key in _keys(intent)})}


def _look(file: str, host_id: str) -> KeyFile:
    try:
        key = read_key(file)
    except ValueError as failure:
        return KeyFile(problem=f"holds {failure}")
    except OSError as failure:
        return KeyFile(problem=f"cannot be read: {failure.strerror}")
    return KeyFile(length_bytes=len(key), key_id=id_of(key, host_id))


def _keys(intent: Intent) -> Iterator[MacsecKey]:
    for config in (*((intent.host,) if intent.host else ()), *intent.namespaces.values()):
        for link in config.links.values():
            if isinstance(link, MacsecLink):
                yield link.tx
                yield from (key for peer in link.rx for key in peer.keys)
