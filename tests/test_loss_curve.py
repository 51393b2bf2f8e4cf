"""The loss curve of the terminal: where its dots are, and what stdout can show."""

import io

import numpy as np
import pytest

from nnlab.cli.output import can_show
from nnlab.render.loss_curve import BRAILLE_SAMPLE, HEIGHT, WIDTH, loss_curve
from tests.cli import MOONS, Desk

EPOCHS = [float(epoch) for epoch in range(11)]
FALLING = [1 - epoch / 10 for epoch in EPOCHS]


def field(text: str, side: str) -> list[str]:
    """The cells between the axis and the names of the lines."""
    return [line.split(side)[1][:WIDTH].ljust(WIDTH) for line in text.splitlines() if side in line]


def test_a_straight_line_falls_from_corner_to_corner() -> None:
    rows = field(loss_curve({"epoch": EPOCHS, "train_loss": FALLING}, plain=True), "|")
    assert len(rows) == HEIGHT
    assert (rows[0][0], rows[-1][-1]) == ("*", "*")
    first = [row.index("*") for row in rows]
    assert first == sorted(first)
    assert np.diff(first[1:]) == pytest.approx(WIDTH / (HEIGHT - 1), abs=1)  # equal steps; the ends are half
    assert all("*" in column for column in zip(*rows, strict=True))  # no gaps


def test_braille_has_a_dot_in_every_column() -> None:
    rows = field(loss_curve({"epoch": EPOCHS, "train_loss": FALLING}), "\u2502")
    assert rows[0][0] != " "
    assert rows[-1][WIDTH - 1] != " "
    for cells in zip(*rows, strict=True):
        bits = [ord(cell) - 0x2800 if cell != " " else 0 for cell in cells]
        assert any(b & 0b01000111 for b in bits)  # left dots: 1, 2, 3 and 7
        assert any(b & 0b10111000 for b in bits)


@pytest.mark.parametrize("plain", [True, False])
def test_a_cliff_is_drawn_as_one_line(plain: bool) -> None:
    epochs = [float(epoch) for epoch in range(500)]
    text = loss_curve({"epoch": epochs, "train_loss": [1.0] * 250 + [0.0] * 250}, plain)
    assert all(row.strip() for row in field(text, "|" if plain else "\u2502"))


def test_axes_and_lines_have_names() -> None:
    text = loss_curve({"epoch": EPOCHS, "train_loss": FALLING, "val_loss": [0.5] * 11}, plain=True)
    assert "1.00 |" in text
    assert text.splitlines()[-1].split() == ["0", "epoch", "10"]
    assert text.splitlines()[HEIGHT].endswith("train *")
    assert any(line.endswith("val o") for line in text.splitlines()[3:6])
    assert text.isascii()


@pytest.mark.parametrize(
    "curve",
    [
        {"epoch": [0.0, 1.0], "train_loss": [2.0, 1.0]},
        {"epoch": [], "train_loss": []},
        {"epoch": EPOCHS, "train_loss": [float("nan")] * 11},
    ],
)
def test_too_little_draws_nothing(curve: dict[str, list[float]]) -> None:
    assert loss_curve(curve) == ""


@pytest.mark.parametrize("plain", [True, False])
def test_odd_losses_are_drawn_all_the_same(plain: bool) -> None:
    for losses in (
        [1.0] * 11,
        [1e-30, *FALLING[1:]],
        [float("inf"), float("nan"), *FALLING[2:]],
        [1e300] * 11,
    ):
        assert "train" in loss_curve({"epoch": EPOCHS, "train_loss": losses}, plain)


def test_stdout_is_asked_what_it_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding, able in (("utf-8", True), ("cp1252", False), ("ascii", False)):
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        assert can_show(BRAILLE_SAMPLE) is able


def test_training_ends_with_a_curve_if_there_is_one(desk: Desk) -> None:
    config = desk.write(MOONS)
    assert "epoch" in desk.nnlab("train", config).stdout.split("trusted")[1]
    assert "epoch" not in desk.nnlab("train", config, "-s", "training.epochs=1").stdout.split("trusted")[1]
