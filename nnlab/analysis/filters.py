"""Filters: which runs meet a condition such as `test_loss < 0.3 and regularization.l2 > 0`.

A condition is parsed by Python's own parser into a tree, and only the few kinds of nodes below are
walked; nothing is ever executed.

    condition   comparison, `and`, `or`, `not`, parentheses, or the name of something true or false
    comparison  < <= > >= == != between names, numbers, text and lists; `in` and `not in` with a list
    name        a column of the runs, a setting (`regularization.l2`, or `l2` where that is clear)
    value       1e-3, "text", true, false, [64, 64]; null with == and != asks whether there is a value

A comparison with a value that is missing is false.
"""

import ast
import functools
import json
import operator
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnlab.analysis.names import names_of, resolve, with_settings
from nnlab.errors import InputError
from nnlab.registry import show

LONGEST = 2000  # characters
DEEPEST = 50  # parentheses, `not`s and the like within each other

Flags = NDArray[np.bool_]

ORDER: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
LITERALS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Operand:
    """One side of a comparison: a value for each run, or one for all.

    Args:
        kinds: of each value: "" (missing), number, text or flag.
        values: numbers as they are, text as text; lists are text, written as JSON.
        is_null: whether it is the word null.
    """

    kinds: NDArray[np.object_]  # (runs,) or (1,)
    values: NDArray[Any]  # (runs,) or (1,)
    is_null: bool = False

    def of_kind(self, kind: str) -> Flags:
        """Where the value is of this kind."""
        return np.array([one == kind for one in self.kinds], bool)

    @property
    def kinds_there(self) -> set[str]:
        return set(self.kinds) - {""}


def matching(runs: pd.DataFrame, condition: str, option: str = "--filter") -> Flags:
    """Which runs meet a condition.

    Args:
        runs: as made by `runs_frame`.
        condition: see above.
        option: what it is called in messages.

    Raises:
        InputError: it is no condition, or names what there is not; with the column where.
    """
    return _Filter(runs, condition.strip(), option).result()


class _Filter:
    def __init__(self, runs: pd.DataFrame, text: str, option: str) -> None:
        self.runs, self.text, self.option = runs, text, option
        self.names = names_of(runs)

    def result(self) -> Flags:
        return np.broadcast_to(self.condition(self.parse(), 0), len(self.runs)).copy()

    def parse(self) -> ast.expr:
        if len(self.text) > LONGEST:
            raise InputError(
                f"{self.option}: {len(self.text):,} characters came, expected at most {LONGEST:,}"
            )
        try:
            with warnings.catch_warnings():  # odd escapes in text
                warnings.simplefilter("ignore")
                return ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            where = f", column {error.offset}" if error.offset else ""
            raise InputError(f"{self.option}{where}: {show(self.text)} cannot be read; {EXPECTED}") from None
        except (ValueError, RecursionError, MemoryError):
            raise InputError(f"{self.option}: {show(self.text)} cannot be read; {EXPECTED}") from None

    def condition(self, node: ast.expr, depth: int) -> Flags:
        if depth > DEEPEST:
            self.refuse(node, f"more than {DEEPEST} levels came, expected fewer")
        if isinstance(node, ast.BoolOp):
            both = operator.and_ if isinstance(node.op, ast.And) else operator.or_
            return functools.reduce(both, [self.condition(part, depth + 1) for part in node.values])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self.condition(node.operand, depth + 1)
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            return functools.reduce(operator.and_, map(self.comparison, sides, node.ops, sides[1:]))
        if isinstance(node, ast.Name | ast.Attribute):
            flag = self.operand(node)
            if flag.kinds_there <= {"flag"}:
                return _equal(flag, _operand([True]))
        return self.refuse(node)

    def comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Flags:
        a = self.operand(left)
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.List | ast.Tuple | ast.Set):
                self.refuse(right, "expected a list after in, such as [0, 1]")
            members = [_equal(a, self.operand(item, beside=a)) for item in right.elts]
            found = functools.reduce(operator.or_, members, np.zeros(a.kinds.shape, bool))
            return found if isinstance(op, ast.In) else ~found & ~a.of_kind("")
        b = self.operand(right, beside=a)
        if isinstance(op, ast.Eq):
            return _equal(a, b)
        if isinstance(op, ast.NotEq):
            return ~_equal(a, b) & ((a.is_null or ~a.of_kind("")) & (b.is_null or ~b.of_kind("")))
        if type(op) not in ORDER:
            self.refuse(left)
        for side, node in ((a, left), (b, right)):
            if side.is_null or (side.kinds_there and "number" not in side.kinds_there):
                self.refuse(node, "expected a number beside <, <=, > and >=")
        both = a.of_kind("number") & b.of_kind("number")
        numbers = (np.where(side.of_kind("number"), side.values, np.nan).astype(float) for side in (a, b))
        with np.errstate(invalid="ignore"):
            return both & _elementwise(ORDER[type(op)], *numbers)

    def operand(self, node: ast.expr, beside: Operand | None = None) -> Operand:
        """A name or a literal; what stands beside it must be of a kind that can be equal."""
        name = _dotted(node)
        if name is not None and name not in LITERALS:
            found = self.column(name, node)
        else:
            found = self.literal(node) if name is None else _operand([LITERALS[name]], name == "null")
        if beside is not None and not (found.is_null or beside.is_null):
            ours, theirs = found.kinds_there, beside.kinds_there
            if ours and theirs and not ours & theirs:
                self.refuse(node, f"expected {_words(theirs)}, as on the other side")
        return found

    def column(self, name: str, node: ast.expr) -> Operand:
        try:
            key = resolve(name, self.names, f"{self.option}, column {self.position(node)}")
        except InputError as error:
            raise InputError(f"{error}; text stands in quotes") from None
        return _operand(with_settings(self.runs, [key])[key].tolist())

    def literal(self, node: ast.expr) -> Operand:
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            self.refuse(node)
        if isinstance(value, list) and all(isinstance(item, int | float | str) for item in value):
            return _operand([json.dumps(value)])
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**63:
            self.refuse(node, "expected a number below 2^63")
        if value is None or isinstance(value, bool | int | float | str):
            return _operand([value], value is None)
        return self.refuse(node)

    def position(self, node: ast.expr) -> int:
        """The column, counted in characters from 1; the parser counts bytes."""
        return len(self.text.encode()[: node.col_offset].decode(errors="ignore")) + 1

    def refuse(self, node: ast.expr, why: str = "") -> NoReturn:
        came = show(ast.get_source_segment(self.text, node) or "it")
        why = why or f"not understood; {EXPECTED}"
        raise InputError(f"{self.option}, column {self.position(node)}: {came}: {why}")


EXPECTED = "expected comparisons joined by and, or, not, such as l2 == 0 and test_loss < 0.3"


def _dotted(node: ast.expr) -> str | None:
    """The name that a node writes, dots and all; None if it is no name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _operand(values: Sequence[Any], is_null: bool = False) -> Operand:
    kinds, held = np.empty(len(values), object), np.empty(len(values), object)
    kinds[:] = [_kind(value) for value in values]
    held[:] = values
    return Operand(kinds, held, is_null)


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "flag"
    return "" if value is None or value != value else "number"


def _words(kinds: set[str]) -> str:
    words = {"number": "a number", "text": "text in quotes", "flag": "true or false"}
    return " or ".join(words[kind] for kind in words if kind in kinds)


def _equal(a: Operand, b: Operand) -> Flags:
    """Missing values equal nothing, unless one side is the word null."""
    if a.is_null or b.is_null:
        return a.of_kind("") & b.of_kind("")
    alike = _elementwise(operator.eq, a.kinds, b.kinds) & _elementwise(operator.eq, a.values, b.values)
    return ~a.of_kind("") & alike


def _elementwise(compare: Callable[[Any, Any], Any], a: NDArray[Any], b: NDArray[Any]) -> Flags:
    return np.asarray(compare(a, b), bool)
