"""Links outside any tenant: what `host: links:` and `namespaces: NAME: links:` say."""

from weft.compiler.links.whole import compile_links

__all__ = ["compile_links"]
