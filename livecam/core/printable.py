"""Text of others, such as names from files and devices, without what would steer a terminal."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    """Replaces all characters that cannot be printed, but for those to `keep`."""
    return "".join(c if c.isprintable() or c in keep else "\N{REPLACEMENT CHARACTER}" for c in text)
