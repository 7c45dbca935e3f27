"""Text of files and file names, for where it is shown."""

import re

# Control characters, which can be escape sequences of a terminal; separators of lines; marks that turn the direction
# of text; halves of characters, which no encoding has.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, encoding: str = "utf-8") -> str:
    r"""Write a text with escapes such as ``\x1b`` for what a terminal would obey and for what the encoding lacks."""
    safe = _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
    return safe.encode(encoding, "backslashreplace").decode(encoding)
