"""Look a name up in a table, and build typed records from the options that YAML gives.

A table is a plain dict from name to a frozen dataclass; the dataclass carries all that is
true of the entry, and its fields are its options. Config sections are frozen dataclasses too,
so one builder serves both, reports every problem it meets, and knows what each field accepts.
"""

import dataclasses
import difflib
import functools
import math
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Gt, Lt

from nnlab.errors import Path, dotted

T = TypeVar("T")
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a config, and where it stands."""

    path: Path
    message: str
    at_key: bool = False  # the key itself is at fault, not its value

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Expected:
    """Says in words what a field accepts; it completes "expected ..."."""

    words: str


@dataclass(frozen=True)
class Parse:
    """A field that is read by its own function instead of by its type.

    Args:
        read: takes the value, its path and the list that collects problems.
        write: turns the parsed value back into what YAML holds.
    """

    read: Callable[[Any, Path, list[Problem]], Any]
    write: Callable[[Any], Any] = lambda value: value


# What fields accept, in the words of the error message.
Number = Annotated[float, Expected("a number")]
Positive = Annotated[float, Gt(0), Expected("a number above 0")]
NonNegative = Annotated[float, Ge(0), Expected("a number of 0 or more")]
Fraction = Annotated[float, Ge(0), Lt(1), Expected("a number from 0 up to, not including, 1")]
Count = Annotated[int, Ge(1), Expected("a whole number of 1 or more")]
CountOrZero = Annotated[int, Ge(0), Expected("a whole number of 0 or more")]
Seed = Annotated[int, Ge(0), Lt(2**63), Expected("a whole number from 0 up to 2^63")]
Switch = Annotated[bool, Expected("true or false")]
Text = Annotated[str, Expected("text")]


def table(*entries: type[T]) -> dict[str, type[T]]:
    """A table of entries by their `name`, in the order given.

    >>> class A: name = "a"
    >>> table(A)["a"] is A
    True
    """
    return {entry.name: entry for entry in entries}  # type: ignore[attr-defined]


# What people type who come from other tools; all it does is to improve the suggestion.
OTHER_WORDS = {
    "alpha": "l2",
    "clip_grad_norm": "gradient_clipping",
    "clipnorm": "gradient_clipping",
    "dropout_rate": "dropout",
    "early_stop": "early_stopping",
    "hidden_layer_sizes": "hidden",
    "gaussian_noise": "input_noise",
    "label": "target",
    "label_col": "target",
    "lambda": "l2",
    "lasso": "l1",
    "layers": "hidden",
    "logistic": "sigmoid",
    "lr": "learning_rate",
    "learning_rate_init": "learning_rate",
    "max_epochs": "epochs",
    "max_iter": "epochs",
    "maxnorm": "max_norm",
    "mse": "squared_error",
    "n_samples": "samples",
    "p": "dropout",
    "random_seed": "seed",
    "random_state": "seed",
    "regularisation": "regularization",
    "swish": "silu",
    "test_size": "test",
    "validation_fraction": "validation",
    "weight_decay": "l2",
}


def did_you_mean(name: object, choices: Iterable[str]) -> str:
    """A suggestion in brackets, or nothing.

    >>> did_you_mean("rellu", ["relu", "tanh"])
    " (did you mean 'relu'?)"
    """
    choices = list(choices)
    if (canonical := OTHER_WORDS.get(str(name).lower())) in choices:
        return f" (did you mean '{canonical}'?)"
    match = difflib.get_close_matches(str(name).lower(), choices, n=1, cutoff=0.6)
    return f" (did you mean '{match[0]}'?)" if match else ""


def show(value: object) -> str:
    """A value as it stands in YAML, short enough for an error message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(list(value)) if isinstance(value, tuple) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def entry_of(entries: Mapping[str, type[T]], what: str, default: str | None) -> Parse:
    """A field that names one entry of a table: `name`, or `{name: ..., option: ...}`.

    Args:
        entries: the table.
        what: what its entries are, for messages.
        default: the entry meant by options without a name; None if there is none.
    """

    def read(value: Any, path: Path, problems: list[Problem]) -> T | None:
        name = value.get("name", default) if isinstance(value, Mapping) else value
        if name is None and isinstance(value, Mapping) and "name" not in value:
            came = f"{dotted(path)}: {show(value)} came without a name"
            problems.append(Problem(path, f"{came}, expected {what}: {', '.join(entries)}"))
            return None
        if not isinstance(name, str) or name not in entries:
            at = (*path, "name") if isinstance(value, Mapping) else path
            hint = did_you_mean(name, entries) or f"; choose from {', '.join(entries)}"
            problems.append(Problem(at, f"{dotted(path)}: {show(name)} is not {what}{hint}"))
            return None
        options = {k: v for k, v in value.items() if k != "name"} if isinstance(value, Mapping) else {}
        return build(entries[name], options, path, problems)

    return Parse(read, write_entry)


def write_entry(entry: Any) -> Any:
    """An entry as YAML holds it: its name, or its name and options.

    The inverse of what `entry_of` reads.
    """
    options = write(entry)
    return {"name": entry.name, **options} if options else entry.name


def write(record: Any) -> dict[str, Any]:
    """A record as the plain mapping that `build` would read back."""
    return {
        field.name: _write_value(hint, getattr(record, field.name))
        for field, hint in _fields(typing.cast(type, type(record))).values()
    }


def build(cls: type[T], options: Any, path: Path, problems: list[Problem]) -> T | None:
    """Build the record `cls` from options, or add to `problems` all that is wrong.

    Returns:
        The record; None if there was a problem.
    """
    if options is None:
        options = {}
    if not isinstance(options, Mapping):
        problems.append(
            Problem(path, f"{dotted(path)}: {show(options)} came, expected a mapping of settings")
        )
        return None
    fields = _fields(typing.cast(type, cls))
    before = len(problems)
    for key in options:
        if key not in fields:
            problems.append(_unknown_key(key, fields, path))
    values: dict[str, Any] = {}
    for name, (field, hint) in fields.items():
        if name in options:
            values[name] = read_value(hint, options[name], (*path, name), problems)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            problems.append(Problem(path, f"{dotted(path)}: '{name}' is missing, expected {_words(hint)}"))
    return cls(**values) if len(problems) == before else None


def read_value(hint: Any, value: Any, path: Path, problems: list[Problem]) -> Any:
    """Check one value against the type of its field; records and entries are built."""
    parse = _metadata(hint, Parse)
    if parse is not None:
        return parse.read(value, path, problems)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type[Any], hint), value, path, problems)
    value = _tuples(value)
    from pydantic import ValidationError  # 50 ms that --help should not pay

    try:
        value = _adapter(hint).validate_python(value)
    except ValidationError:
        problems.append(Problem(path, f"{dotted(path)}: {show(value)} came, expected {_words(hint)}"))
    else:
        if isinstance(value, float) and not math.isfinite(value):
            problems.append(
                Problem(path, f"{dotted(path)}: {value} came, expected {_words(hint)} that is finite")
            )
    return value


def field_names(cls: type) -> tuple[str, ...]:
    """The options of a record, in their order."""
    return tuple(_fields(cls))


def _unknown_key(key: Any, fields: Mapping[str, Any], path: Path) -> Problem:
    hint = did_you_mean(key, fields) or f"; known here: {', '.join(fields) or 'no settings'}"
    where = f" in {dotted(path)}" if path else ""
    return Problem((*path, key), f"unknown key {show(key)}{where}{hint}", at_key=True)


@functools.cache
def _fields(cls: Any) -> dict[str, tuple[dataclasses.Field[Any], Any]]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: (field, hints[field.name]) for field in dataclasses.fields(cls)}


@functools.cache
def _adapter(hint: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(hint, config=ConfigDict(strict=True))


def _metadata(hint: Any, kind: type[T]) -> T | None:
    found = [item for item in getattr(hint, "__metadata__", ()) if isinstance(item, kind)]
    return found[0] if found else None


def _words(hint: Any) -> str:
    """What a type accepts, in words.

    >>> _words(Annotated[float, Gt(0), Expected("a number above 0")] | None)
    'a number above 0, or null'
    >>> _words(typing.Literal["none", "bootstrap"])
    'none or bootstrap'
    """
    expected = _metadata(hint, Expected)
    if expected is not None:
        return expected.words
    if hint is type(None):
        return "null"
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(map(str, typing.get_args(hint)))
    return ", or ".join(_words(part) for part in typing.get_args(hint))


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _write_value(hint: Any, value: Any) -> Any:
    parse = _metadata(hint, Parse)
    if parse is not None:
        return parse.write(value)
    if dataclasses.is_dataclass(hint):
        return write(value)
    return list(value) if isinstance(value, tuple) else value
