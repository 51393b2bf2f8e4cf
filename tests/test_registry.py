"""The builder: typed records from YAML options, and every problem at once."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from nnlab.nn.optimizers import OPTIMIZERS, Adam, Sgd
from nnlab.registry import (
    Count,
    Fraction,
    Positive,
    Problem,
    Switch,
    Text,
    build,
    did_you_mean,
    entry_of,
    write,
)


@dataclass(frozen=True)
class Inner:
    share: Fraction = 0.5


@dataclass(frozen=True)
class Outer:
    rate: Positive
    size: Count | Literal["full"] = 3
    on: Switch = True
    names: tuple[Text, ...] = ()
    inner: Inner = Inner()
    rule: Annotated[Any, entry_of(OPTIMIZERS, "an optimizer", default="adam")] = Adam()  # noqa: RUF009


def messages(options: Any) -> list[str]:
    problems: list[Problem] = []
    assert (build(Outer, options, ("top",), problems) is None) == bool(problems)
    return [str(problem) for problem in problems]


def test_options_become_a_record_and_defaults_fill_the_rest() -> None:
    record = build(Outer, {"rate": 1, "names": ["a"], "inner": {"share": 0}, "rule": "sgd"}, (), [])
    assert record == Outer(rate=1.0, names=("a",), inner=Inner(0.0), rule=Sgd())


def test_what_write_gives_build_reads_back() -> None:
    record = Outer(rate=2.0, size="full", names=("a", "b"), rule=Sgd(0.5))
    assert build(Outer, write(record), (), []) == record


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0}, "top.rate: 0 came, expected a number above 0"),
        ({"rate": True}, "top.rate: true came, expected a number above 0"),
        ({"rate": "1"}, "top.rate: '1' came, expected a number above 0"),
        ({"rate": None}, "top.rate: null came, expected a number above 0"),
        ({"rate": 1, "size": 1.5}, "top.size: 1.5 came, expected a whole number of 1 or more, or full"),
        ({"rate": 1, "size": True}, "top.size: true came, expected a whole number of 1 or more, or full"),
        ({"rate": 1, "on": 1}, "top.on: 1 came, expected true or false"),
        ({"rate": 1, "inner": {"share": 1}}, "top.inner.share: 1 came, expected a number from 0 up to"),
        ({"rate": 1, "inner": 4}, "top.inner: 4 came, expected a mapping of settings"),
        ({"rate": 1, "rule": "adm"}, "top.rule: 'adm' is not an optimizer (did you mean 'adam'?)"),
        ({"rate": 1, "rule": {"name": "sgd", "beta1": 1}}, "unknown key 'beta1' in top.rule"),
        ({"rate": 1, "rates": 1}, "unknown key 'rates' in top (did you mean 'rate'?)"),
        ({}, "top: 'rate' is missing, expected a number above 0"),
    ],
)
def test_a_wrong_value_is_told_with_what_was_expected(options: Any, message: str) -> None:
    assert [text[: len(message)] for text in messages(options)] == [message]


def test_all_problems_come_at_once() -> None:
    assert len(messages({"rate": -1, "size": 0, "on": "no", "wrong": 1})) == 4


def test_an_entry_without_a_name_is_the_default_one() -> None:
    record = build(Outer, {"rate": 1, "rule": {"learning_rate": 0.5}}, (), [])
    assert record is not None
    assert record.rule == Adam(learning_rate=0.5)


@pytest.mark.parametrize(("typed", "meant"), [("lr", "learning_rate"), ("learning_rat", "learning_rate")])
def test_words_of_other_tools_and_misspellings_are_understood(typed: str, meant: str) -> None:
    assert did_you_mean(typed, ["epsilon", "learning_rate"]) == f" (did you mean '{meant}'?)"
