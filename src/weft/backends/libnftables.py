"""libnftables by ctypes: text in, text out, one transaction a call.

Rules: a context belongs to the namespace it was made in, and is used only from inside it (interface names in rules
are looked up by the calling thread). Every change goes through `Context.run` or `Context.run_located`, every question
through `Context.ask`.
Source: libnftables(3), libnftables-json(5), nftables/libnftables.h.
"""

from __future__ import annotations

import ctypes
import os
import re
from errno import EINVAL, ENODEV
from functools import cache
from typing import Any

from weft.errors import FeatureMissing

STATELESS, HANDLE, NUMERIC_PROTOCOL, NUMERIC_PRIORITY = 1 << 2, 1 << 3, 1 << 7, 1 << 8
FLAGS = STATELESS | HANDLE | NUMERIC_PROTOCOL | NUMERIC_PRIORITY
"""Protocols as numbers: their names are those of /etc/protocols, which is not the same everywhere."""
COUNTING = FLAGS & ~STATELESS
"""Listings say what has been counted."""

_LOCATED = re.compile(r"^\S+?:(\d+):(\d+)-\d+: Error: (.*)$", re.M)
_PLAIN = re.compile(r"Error: (.*)$", re.M)
_ERRNO = {os.strerror(number): number for number in range(1, 134)} | {"Interface does not exist": ENODEV}


class Complaint(Exception):
    """Why nft did nothing. `line`: of the text, from 1, or 0 where nft does not say. `errno_` EINVAL for text that
    nft does not understand."""

    def __init__(self, line: int, errno_: int, text: str) -> None:
        self.line, self.errno_, self.text = line, errno_, text
        super().__init__(text)


class Context:
    """One libnftables context. `flags`: what its listings leave out, and say. Raises: FeatureMissing where the library
    is not installed."""

    def __init__(self, flags: int = FLAGS) -> None:
        self._lib = _library()
        self._ctx: int | None = self._lib.nft_ctx_new(0)
        if not self._ctx:
            raise MemoryError("nft_ctx_new")
        self._lib.nft_ctx_buffer_output(self._ctx)
        self._lib.nft_ctx_buffer_error(self._ctx)
        self._lib.nft_ctx_output_set_flags(self._ctx, flags)

    def run(self, text: str) -> None:
        """Do the commands as one transaction. Raises: Complaint; then nothing was done."""
        self.ask(text)

    def ask(self, text: str) -> str:
        """What the commands print. Raises: Complaint."""
        if self._lib.nft_run_cmd_from_buffer(self._ctx, text.encode()):
            raise _complaint(self._said())
        return str(self._lib.nft_ctx_get_output_buffer(self._ctx).decode())

    def run_located(self, text: str) -> None:
        """As `run`, but a complaint names its line, which nft does for files only."""
        fd = os.memfd_create("weft-nft")
        try:
            with open(fd, "wb", closefd=False) as file:
                file.write(text.encode())
            failed = self._lib.nft_run_cmd_from_filename(self._ctx, f"/proc/self/fd/{fd}".encode())
        finally:
            os.close(fd)
        if failed:
            raise _complaint(self._said())

    def _said(self) -> str:
        return str(self._lib.nft_ctx_get_error_buffer(self._ctx).decode(errors="replace"))

    def close(self) -> None:
        if self._ctx:
            self._lib.nft_ctx_free(self._ctx)
            self._ctx = None


def _complaint(said: str) -> Complaint:
    located = _LOCATED.search(said)
    if located is not None:
        return Complaint(int(located[1]), _errno(located[3]), located[3])
    plain = _PLAIN.search(said)
    reason = plain[1] if plain else said.strip()
    return Complaint(0, _errno(reason), reason)


def _errno(reason: str) -> int:
    """nft gives the kernel's errno as strerror(3)'s words, at the end or before a suggestion."""
    words = reason.partition(";")[0].removeprefix("Could not process rule: ").rpartition(": ")[2]
    return _ERRNO.get(words, EINVAL)


@cache
def _library() -> Any:
    try:
        lib = ctypes.CDLL("libnftables.so.1")
    except OSError as error:
        raise FeatureMissing("libnftables.so.1 is not installed; Debian has it in libnftables1") from error
    context, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, arguments in (
        ("nft_ctx_new", context, (ctypes.c_uint32,)),
        ("nft_ctx_free", None, (context,)),
        ("nft_ctx_buffer_output", ctypes.c_int, (context,)),
        ("nft_ctx_buffer_error", ctypes.c_int, (context,)),
        ("nft_ctx_output_set_flags", None, (context, ctypes.c_uint)),
        ("nft_ctx_get_output_buffer", text, (context,)),
        ("nft_ctx_get_error_buffer", text, (context,)),
        ("nft_run_cmd_from_buffer", ctypes.c_int, (context, text)),
        ("nft_run_cmd_from_filename", ctypes.c_int, (context, text)),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib
