"""Words and numbers in aligned columns, for the terminal."""

from nnlab.render.cells import cell_len, left, right
from nnlab.render.numbers import number


def pairs(lines: list[tuple[str, str]]) -> str:
    """Two columns of words, aligned.

    >>> print(pairs([("gap", "0.1"), ("best epoch", "3")]), end="")
    gap         0.1
    best epoch  3
    """
    width = max(cell_len(name) for name, _ in lines)
    return "".join(f"{left(name, width)}  {value}\n" for name, value in lines)


def number_table(headings: list[str], lines: list[tuple[str, list[float]]]) -> str:
    """A small table of numbers with a name before each line.

    >>> print(number_table(["loss"], [("train", [0.5]), ("val", [0.25])]), end="")
             loss
    train  0.5000
    val    0.2500
    """
    return table(["", *headings], [[name, *map(number, values)] for name, values in lines])


def table(headings: list[str], lines: list[list[str]], words: int = 1) -> str:
    """Cells in columns: the first ones are words and stand to the left, the others to the right.

    >>> print(table(["", "loss"], [["train", "0.5"], ["val", "12.5"]]), end="")
           loss
    train   0.5
    val    12.5
    """
    rows = [headings, *lines]
    widths = [max(cell_len(row[i]) for row in rows) for i in range(len(rows[0]))]
    text = ""
    for row in rows:
        sides = [left] * words + [right] * (len(row) - words)
        text += (
            "  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True)) + "\n"
        )
    return text
