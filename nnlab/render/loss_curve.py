"""A small loss curve for the terminal, drawn with characters."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nnlab.render.numbers import number

WIDTH, HEIGHT = 60, 8  # characters
BRAILLE = 0x2800
# The bit of each dot of a braille character, (4 rows, 2 columns), as Unicode numbers them.
BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
FRAME = ("\u2502", "\u2514", "\u2500")
BRAILLE_SAMPLE = chr(BRAILLE) + "".join(FRAME)  # what stdout must be able to show

Dots = NDArray[np.bool_]


def loss_curve(curve: Mapping[str, Sequence[float]], plain: bool = False) -> str:
    """Training and validation loss over the epochs; nothing if fewer than two epochs are recorded.

    Args:
        curve: column -> one value for each recorded epoch, the first one before any step.
        plain: ASCII alone.
    """
    epochs = curve["epoch"]
    series = {
        name: np.array(curve[f"{name}_loss"], dtype=np.float64)
        for name in ("val", "train")
        if np.isfinite(np.array(curve.get(f"{name}_loss", []), dtype=np.float64)).any()
    }
    if len(epochs) < 3 or not series:
        return ""
    finite = np.concatenate([losses[np.isfinite(losses)] for losses in series.values()])
    low, high = float(finite.min()), float(finite.max())
    heights = {
        name: _heights(np.asarray(epochs, dtype=np.float64), losses, low, high, plain)
        for name, losses in series.items()
    }
    lines = _ascii(heights) if plain else _braille(heights)
    ends = _ends(heights, plain)
    labels = [number(high, 3), *[""] * (HEIGHT - 2), number(low, 3)]
    margin = max(map(len, labels))
    side, corner, floor = ("|", "+", "-") if plain else FRAME
    text = f"{'loss':>{margin}}\n"
    for label, line, end in zip(labels, lines, ends, strict=True):
        text += f"{label:>{margin}} {side}{line} {end}".rstrip() + "\n"
    text += f"{'':>{margin}} {corner}{floor * WIDTH}\n"
    first, last = f"{epochs[0]:.0f}", f"{epochs[-1]:.0f}"
    middle = f"{'epoch':^{WIDTH - len(first) - len(last)}}"
    return text + f"{'':>{margin}}  {first}{middle}{last}\n"


def _heights(
    epochs: NDArray[np.float64], losses: NDArray[np.float64], low: float, high: float, plain: bool
) -> NDArray[np.float64]:
    """The loss at every column of dots, from 0 (lowest) to 1."""
    columns = WIDTH if plain else 2 * WIDTH
    seen = np.isfinite(losses)
    at = np.linspace(epochs[0], epochs[-1], columns)
    span = high - low if high > low else 1.0
    return (np.interp(at, epochs[seen], losses[seen]) - low) / span


def _dots(heights: NDArray[np.float64], rows: int) -> Dots:
    """Which dots a line covers, (rows, columns), the highest row first; steep parts are filled in."""
    levels = np.rint((1 - heights) * (rows - 1)).astype(int)
    dots = np.zeros((rows, len(levels)), bool)
    before = levels[0]
    for column, level in enumerate(levels):
        # From next to the level before, so that neighbours meet and do not overlap.
        start = before + int(np.sign(level - before))
        dots[min(start, level) : max(start, level) + 1, column] = True
        before = level
    return dots


def _braille(heights: Mapping[str, NDArray[np.float64]]) -> list[str]:
    """Training is a line, validation a dotted one."""
    dots = np.zeros((4 * HEIGHT, 2 * WIDTH), bool)
    for name, own in heights.items():
        line = _dots(own, 4 * HEIGHT)
        if name == "val" and len(heights) > 1:
            line[:, 1::2] = False
        dots |= line
    cells = (dots.reshape(HEIGHT, 4, WIDTH, 2) * BITS[:, np.newaxis, :]).sum(axis=(1, 3))
    return ["".join(chr(BRAILLE + cell) if cell else " " for cell in row) for row in cells]


def _ascii(heights: Mapping[str, NDArray[np.float64]]) -> list[str]:
    """Training is drawn with *, validation with o."""
    cells = np.full((HEIGHT, WIDTH), " ")
    for name, own in heights.items():
        cells[_dots(own, HEIGHT)] = "*" if name == "train" else "o"
    return ["".join(row) for row in cells]


def _ends(heights: Mapping[str, NDArray[np.float64]], plain: bool) -> list[str]:
    """The names of the lines, each at the height where it ends."""
    marks = (
        {"train": " *", "val": " o"}
        if plain
        else {"train": "", "val": " (dotted)" if len(heights) > 1 else ""}
    )
    ends: list[list[str]] = [[] for _ in range(HEIGHT)]
    for name in ("train", "val"):
        if name in heights:
            row = _row_of(float(heights[name][-1]), plain)
            ends[row].append(f"{name}{marks[name]}")
    return [", ".join(names) for names in ends]


def _row_of(height: float, plain: bool) -> int:
    rows = HEIGHT if plain else 4 * HEIGHT
    return math.floor(round((1 - height) * (rows - 1)) / (rows // HEIGHT))
