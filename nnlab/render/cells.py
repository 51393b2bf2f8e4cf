"""Words padded to one width on the screen, where some characters take two places."""

from rich.cells import cell_len as cell_len


def left(words: str, width: int) -> str:
    """Words, and spaces up to so many places.

    >>> left("早停", 6), left("l2", 6)
    ('早停  ', 'l2    ')
    """
    return words + " " * (width - cell_len(words))


def right(words: str, width: int) -> str:
    """The same with the spaces before the words.

    >>> right("早停", 6)
    '  早停'
    """
    return " " * (width - cell_len(words)) + words
