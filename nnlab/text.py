"""Text from outside, made safe for where it goes: names of columns, classes and strategies, errors."""

import re

# Controls that move a cursor, colour a terminal, break a line or turn its direction.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def one_line(text: str) -> str:
    """Text without control characters, each shown as its code.

    >>> one_line("red\\x1b[31m")
    'red\\\\x1b[31m'
    """
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def csv_text(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula; numbers are not text and stay as they are.

    >>> csv_text("=cmd()"), csv_text("l2")
    ("'=cmd()", 'l2')
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
