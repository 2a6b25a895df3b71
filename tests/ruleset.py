"""What `nft -j list ruleset` prints, by the library that is all of nft but its command line: no program is started.
Source: libnftables(3)."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

from tests.programs import Failed

_JSON = 1 << 4
_COMMAND = b"list ruleset"


def ruleset() -> str:
    """Of the namespace that this thread is in. Raises: Failed, with what nft said."""
    nft = _library()
    context = ctypes.c_void_p(nft.nft_ctx_new(0))
    try:
        nft.nft_ctx_buffer_output(context)
        nft.nft_ctx_buffer_error(context)
        nft.nft_ctx_output_set_flags(context, _JSON)
        if nft.nft_run_cmd_from_buffer(context, _COMMAND):
            raise Failed(f"nft {_COMMAND.decode()}: {nft.nft_ctx_get_error_buffer(context).decode()}")
        return str(nft.nft_ctx_get_output_buffer(context).decode())
    finally:
        nft.nft_ctx_free(context)


@functools.cache
def _library() -> Any:
    library = ctypes.CDLL("libnftables.so.1")
    library.nft_ctx_new.restype = ctypes.c_void_p
    for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
        getattr(library, name).restype = ctypes.c_char_p
    return library
