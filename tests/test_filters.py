"""Filters: what they keep, by hand, and that nothing but a condition gets through."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnlab.analysis.filters import matching
from nnlab.errors import InputError

SETTINGS = {"optimizer.name": "adam", "model.hidden": [8], "data.train_size": None, "data.standardize": True}
LINES: dict[str, list[Any]] = {
    "strategy": ["none", "l2", "l2", "dropout"],
    "seed": [0, 0, 1, 0],
    "status": ["completed", "completed", "completed", "diverged"],
    "test_loss": [0.5, 0.2, 0.4, np.nan],
    "train_loss": [0.1, 0.1, 0.6, np.nan],
    "regularization.l2": [0.0, 1.0, 1.0, 0.0],
    "regularization.dropout": [0.0, 0.0, 0.0, 0.5],
    "training.batch_size": [32, 32, "full", None],
    "model.activation": ["relu", "tanh", '["relu", "tanh"]', None],
}
RUNS = pd.DataFrame(LINES).assign(settings=json.dumps(SETTINGS))


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("test_loss < 0.45", [1, 2]),
        ("test_loss < 0.3 and regularization.l2 > 0", [1]),
        ("l2 > 0 or dropout > 0", [1, 2, 3]),
        ("not (l2 > 0)", [0, 3]),
        ("l2 > 0 or dropout > 0 and seed == 1", [1, 2]),  # and binds closer than or
        ("0.1 < test_loss <= 0.4", [1, 2]),
        ("0.45 > test_loss", [1, 2]),
        ("train_loss < test_loss", [0, 1]),
        ("seed >= -1", [0, 1, 2, 3]),
        ("strategy == 'l2'", [1, 2]),
        ('strategy in ["none", "dropout"]', [0, 3]),
        ("strategy not in ('none',)", [1, 2, 3]),
        ("seed in []", []),
        ("status != 'completed'", [3]),
        ("batch_size == 32", [0, 1]),
        ("batch_size == 'full'", [2]),
        ("batch_size > 1", [0, 1]),
        ("batch_size != 32", [2]),
        ("batch_size not in [32]", [2]),
        ("batch_size == null", [3]),
        ("null != batch_size", [0, 1, 2]),
        ("activation == ['relu', 'tanh']", [2]),
        ("optimizer == 'adam'", [0, 1, 2, 3]),  # what does not vary can be asked for, too
        ("hidden == [16]", []),
        ("train_size > 0", []),
        ("train_size == null", [0, 1, 2, 3]),
        ("standardize and l2 == 0", [0, 3]),
        ("standardize == false", []),
        ("true", [0, 1, 2, 3]),
        ("  test_loss<.3  ", [1]),
        ("l2 < 1e999", [0, 1, 2, 3]),
    ],
)
def test_it_keeps_what_meets_the_condition(condition: str, kept: list[int]) -> None:
    assert np.flatnonzero(matching(RUNS, condition)).tolist() == kept


@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "==", "!="])
def test_a_missing_value_compares_false(op: str) -> None:
    assert not matching(RUNS, f"test_loss {op} 0.4")[3]
    assert not matching(RUNS, f"test_loss {op} train_loss")[3]


@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "==", "!="])
def test_numbers_compare_as_pandas_compares_them(op: str) -> None:
    rng = np.random.default_rng(0)
    frame = RUNS.sample(500, replace=True, random_state=0).assign(test_loss=rng.integers(0, 5, 500) / 4)
    assert matching(frame, f"test_loss {op} 0.5").tolist() == frame.eval(f"test_loss {op} 0.5").tolist()


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("", "--filter: '' cannot be read; expected comparisons"),
        ("test_los < 1", "--filter, column 1: 'test_los' is not known (did you mean 'test_loss'?)"),
        ("l2 > 0 and lr > 1", "column 12: 'lr' is not known"),
        ("regularization.l3 > 1", "(did you mean 'regularization.l2'?)"),
        ("strategy == none", "column 13: 'none' is not known, expected one such as"),
        ("strategy == dropout", "column 13: 'dropout': expected text in quotes, as on the other side"),
        ("l2 == 'a'", "column 7: \"'a'\": expected a number, as on the other side"),
        ("strategy < 'm'", "column 1: 'strategy': expected a number beside <, <=, > and >="),
        ("l2 < null", "column 6: 'null': expected a number"),
        ("l2", "column 1: 'l2': not understood"),
        ("l2 = 1", "column 4: 'l2 = 1' cannot be read"),
        ("l2 > 0 && seed > 0", "cannot be read; expected comparisons joined by and, or, not"),
        ("l2 in l2", "column 7: 'l2': expected a list after in"),
        ("'é' == strategy and x < 1", "column 21: 'x' is not known"),  # columns are characters, not bytes
    ],
)
def test_what_is_wrong_is_told_with_its_place(condition: str, words: str) -> None:
    with pytest.raises(InputError) as told:
        matching(RUNS, condition)
    assert words in str(told.value)


HOSTILE = [
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "l2.__class__ == 1",
    "l2.real > 0",
    "strategy.upper() == 'L2'",
    "open('x')",
    "(lambda: 1)()",
    "[x for x in l2]",
    "l2 < f'{seed}'",
    "(l2 := 3) > 1",
    "l2 < 'x' if 1 else 2",
    "seed % 2 == 0",
    "10 ** 10 ** 10 > l2",
    "'a' * 10 ** 9 == strategy",
    "l2[0] == 1",
    "l2 < 1j",
    "l2 is 1",
    "strategy == b'l2'",
    "l2 > ...",
    "*l2",
    "await l2",
    "yield",
    "import os",
    "l2 > 0; seed > 0",
    "l2 >\n 0",
    "\x00",
    "\ud800 < 1",
    "{1: 2} == l2",
    "strategy == {'l2'}",
    "9" * 1_000_000,
    "9" * 1900 + " < l2",
    "not " * 300 + "standardize",
    "-" * 1900 + "1 < l2",
    "(" * 900 + "l2 > 0" + ")" * 900,
    "(" * 150 + "l2 > 0" + " or seed > 0)" * 100,
    "l2 in " + "[" * 190 + "]" * 190,
    "l2" + ".real" * 300 + " > 0",
    "l2 < " + "l2 and l2 < " * 100,
]


@pytest.mark.parametrize("condition", HOSTILE, ids=lambda text: text[:30])
def test_anything_else_is_refused_in_one_line(condition: str) -> None:
    with pytest.raises(InputError) as told:
        matching(RUNS, condition)
    assert len(told.value.lines) == 1
    assert len(str(told.value)) < 400
