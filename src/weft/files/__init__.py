"""YAML and JSON to the model, every error with file:line:column; the format's JSON Schema and first file.

Rules: importing this costs nothing: YAML and pydantic are imported when the first file is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft.files.first_file import template
    from weft.files.json_schema import schema
    from weft.files.loader import Loaded, load, load_text, loads_stored
    from weft.files.nodes import Origins

__all__ = ["Loaded", "Origins", "load", "load_text", "loads_stored", "schema", "template"]

_HOME = {
    "Loaded": "loader",
    "Origins": "nodes",
    "load": "loader",
    "load_text": "loader",
    "loads_stored": "loader",
    "schema": "json_schema",
    "template": "first_file",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
