"""CSV tables: what is read, and the exact words for everything that is refused."""

import hashlib
import os
import pathlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.data.quick_csv import quick_columns
from nnlab.data.strict_csv import CsvFile, Texts, is_number, numbers, open_csv
from nnlab.data.tables import Csv, CsvTables
from nnlab.errors import InputError, SettingError
from nnlab.registry import build, write


def read(folder: pathlib.Path, text: str | bytes, **options: Any) -> CsvTables:
    """The table of this text, whose target is the column y."""
    data = text.encode() if isinstance(text, str) else text
    (folder / "t.csv").write_bytes(data)
    for key in ("validation_path", "test_path"):
        if isinstance(options.get(key), bytes):
            (folder / f"{key}.csv").write_bytes(options[key])
            options[key] = f"{key}.csv"
    return Csv(**{"path": "t.csv", "target": "y", **options}).read(folder)


def refused(folder: pathlib.Path, text: str | bytes, **options: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(folder, text, **options)
    return list(caught.value.lines)


def setting(folder: pathlib.Path, text: str | bytes, **options: Any) -> tuple[Any, str]:
    with pytest.raises(SettingError) as caught:
        read(folder, text, **options)
    return caught.value.path, caught.value.message


# What is read


def test_numbers_texts_and_classes(tmp_path: pathlib.Path) -> None:
    main = read(tmp_path, "x,colour,y\n1.5,red,b\n-2e3,blue,a\n.5,red,b\n").main
    assert main.feature_names == ("x", "colour=blue", "colour=red")
    assert main.features.tolist() == [[1.5, 0, 1], [-2000, 1, 0], [0.5, 0, 1]]
    assert main.class_names == ("a", "b")
    assert main.target.tolist() == [1, 0, 1]
    assert main.target.dtype == np.int64


def test_a_numeric_target_is_a_column_of_outputs(tmp_path: pathlib.Path) -> None:
    main = read(tmp_path, "x,y\n1,0.5\n2,1.5\n").main
    assert (main.task, main.class_names, main.target.tolist()) == ("regression", (), [[0.5], [1.5]])


def table_with_targets(targets: list[Any]) -> str:
    return "x,y\n" + "".join(f"{i % 7},{target}\n" for i, target in enumerate(targets))


@pytest.mark.parametrize(
    ("targets", "task"),
    [
        (["yes", "no"], "classification"),
        (["true", "false"], "classification"),
        ([0, 1, 1], "classification"),  # two whole numbers are classes in any number of rows
        ([1, 2, 3] * 6, "classification"),  # 3 values, fewer than 18 / 5
        ([1, 2, 3] * 5, "regression"),  # 3 values, not fewer than 15 / 5
        (list(range(20)) * 10, "classification"),
        (list(range(21)) * 10, "regression"),
        ([0.5, 1.5] * 20, "regression"),
        (["1.0", "2.0"] * 20, "classification"),
    ],
)
def test_the_task_follows_from_the_target(tmp_path: pathlib.Path, targets: list[Any], task: str) -> None:
    assert read(tmp_path, table_with_targets(targets)).main.task == task


def test_number_classes_are_named_as_written_and_sorted_as_numbers(tmp_path: pathlib.Path) -> None:
    main = read(tmp_path, table_with_targets([10, 9, "01"] * 6)).main
    assert main.class_names == ("01", "9", "10")


def test_a_task_that_is_set_wins(tmp_path: pathlib.Path) -> None:
    text = table_with_targets([0, 1, 2])
    assert read(tmp_path, text, task="classification").main.class_names == ("0", "1", "2")
    assert read(tmp_path, text, task="regression").main.target.tolist() == [[0], [1], [2]]


def test_dropped_columns_are_not_looked_at(tmp_path: pathlib.Path) -> None:
    main = read(tmp_path, "id,x,y\n,1,a\n1_0,2,b\n", drop=("id",)).main
    assert main.feature_names == ("x",)


def test_categorical_columns_are_categories_though_they_look_like_numbers(tmp_path: pathlib.Path) -> None:
    main = read(tmp_path, "month,x,y\n1,1,a\n12,2,b\n1,3,b\n", categorical=("month",)).main
    assert main.feature_names == ("month=1", "month=12", "x")
    dropped = read(tmp_path, "m,x,y\n1,1,a\n2,2,b\n", categorical=("m",), drop=("m",)).main
    assert dropped.feature_names == ("x",)


def test_quotes_line_breaks_and_other_delimiters(tmp_path: pathlib.Path) -> None:
    main = read(tmp_path, 'x;y\r\n1;"a;""\r\nb"\r\n2;c\r\n', delimiter=";").main
    assert main.class_names == ('a;"\r\nb', "c")
    assert read(tmp_path, "x\ty\n1\ta\n2\tb\n", delimiter="\t").main.feature_names == ("x",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "cp1252"])
def test_encodings(tmp_path: pathlib.Path, encoding: str) -> None:
    main = read(tmp_path, "größe,y\n1,é\n2,b\n".encode(encoding), encoding=encoding).main
    assert (main.feature_names, main.class_names) == (("größe",), ("b", "é"))


def test_a_byte_order_mark_is_accepted(tmp_path: pathlib.Path) -> None:
    assert read(tmp_path, "\ufeffx,y\n1,a\n2,b\n").main.feature_names == ("x",)


def test_missing_drop_leaves_rows_out_and_says_so(tmp_path: pathlib.Path) -> None:
    got = read(tmp_path, "x,c,y\n1,u,a\n,u,b\n3,NA,a\n4,v,\n5,v,b\n", missing="drop")
    assert got.main.features.tolist() == [[1, 1, 0], [5, 0, 1]]
    assert got.main.class_names == ("a", "b")
    assert got.notes == ("t.csv: 3 rows with missing cells are left out",)


def test_missing_impute_leaves_gaps_and_makes_a_category(tmp_path: pathlib.Path) -> None:
    main = read(tmp_path, "x,c,y\n1,u,a\nNaN,?,b\n3,v,a\n", missing="impute").main
    assert main.feature_names == ("x", "c=(missing)", "c=u", "c=v")
    assert np.array_equal(main.features, [[1, 0, 1, 0], [np.nan, 1, 0, 0], [3, 0, 0, 1]], equal_nan=True)


def test_given_tables_share_columns_categories_and_classes(tmp_path: pathlib.Path) -> None:
    got = read(
        tmp_path,
        "id,x,c,y\n7,1,u,a\n8,2,v,b\n",
        drop=("id",),
        validation_path=b"y,c,x\nb,w,3\n",
        test_path=b"x,y,c\n4,c,u\n",
    )
    assert got.validation is not None
    assert got.test is not None
    assert got.main.feature_names == got.test.feature_names == ("x", "c=u", "c=v", "c=w")
    assert got.validation.features.tolist() == [[3, 0, 0, 1]]
    assert got.test.features.tolist() == [[4, 1, 0, 0]]
    assert got.main.class_names == got.test.class_names == ("a", "b", "c")
    assert (got.validation.target.tolist(), got.test.target.tolist()) == ([1], [2])


def test_digests(tmp_path: pathlib.Path) -> None:
    text = b"x,y\n1,a\n2,b\n"
    one = read(tmp_path, text)
    assert one.digest == hashlib.sha256(text).hexdigest()
    assert Csv(path="t.csv", target="y").digest(tmp_path) == one.digest
    two = read(tmp_path, text, test_path=b"x,y\n3,a\n")
    assert two.digest not in (one.digest, read(tmp_path, text, test_path=b"x,y\n4,a\n").digest)


def test_odd_columns_are_noted(tmp_path: pathlib.Path) -> None:
    got = read(tmp_path, "id,k,y\n1,5,a\n2,5,b\n3,5,b\n")
    assert got.notes == (
        "t.csv: column 'id' counts the rows; if it is an id, list it under data.drop",
        "t.csv: column 'k' is the same in every row",
    )


def test_options_survive_yaml() -> None:
    problems: list[Any] = []
    csv = Csv(path="t.csv", target="y", drop=("a", "b"))
    assert build(Csv, write(csv), ("data",), problems) == csv
    assert build(Csv, {"path": "t", "target": "y", "drop": "id"}, ("data",), problems) is None
    assert [str(problem) for problem in problems] == ["data.drop: 'id' came, expected a list of column names"]


# What is refused: the content


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "t.csv: the file is empty, expected a line of column names and rows"),
        (b"\xef\xbb\xbf\r\n", "t.csv: the file is empty, expected a line of column names and rows"),
        (b"x,y\n", "t.csv: a line of column names and no rows came, expected rows"),
        (b"\nx,y\n1,a\n", "t.csv:1: an empty line came, expected column names"),
        (b"x,,y\n1,2,a\n", "t.csv:1: column 2 has no name"),
        (b"x, ,y\n1,2,a\n", "t.csv:1: column 2 has no name"),
        (b"x,y,x\n1,a,2\n", "t.csv:1: column 'x' stands twice, as column 1 and column 3"),
        (b"x,y\n1,a\n2\n", "t.csv:3: 1 cell came, expected 2 cells as in line 1"),
        (
            b"x,y\n1,5,a\n",
            "t.csv:2: 3 cells came, expected 2 cells as in line 1"
            " (a ',' inside a cell? put the cell in quotes)",
        ),
        (b"x,y\n1,a\n\n2,b\n", "t.csv:3: an empty line came, expected 2 cells as in line 1"),
        (b'x,y\n1,"a\n2,b\n', "t.csv:2: a quote is opened in this row and never closed"),
        (
            b'x,y\n1,"a"b\n',
            "t.csv:2: text stands after a closing quote (a quote inside a quoted cell is written twice)",
        ),
        (
            b"x,y\n1," + b"a" * 200_000 + b"\n",
            "t.csv:2: a cell is longer than 131072 characters (is a quote never closed?)",
        ),
        (b'"x,y\n1,a\n', "t.csv:1: a quote is opened in this row and never closed"),
        (b"x,y\n1,a\n2,\0\n", "t.csv:3: a NUL byte came, expected text"),
        (
            b"x,y\n1,a\n2,\xe9\n",
            "t.csv:3: byte 10 of the file, 0xe9, is not utf-8"
            " (in another encoding? say which, such as data.encoding: latin-1)",
        ),
        (
            "x,y\n1,a\n".encode("utf-16"),
            "t.csv:1: byte 0 of the file, 0xff, is not utf-8"
            " (in another encoding? say which, such as data.encoding: utf-16)",
        ),
        (b"\x1f\x8b\x08\x00", "t.csv: looks like gzip; unpack it first"),
        (b"PK\x03\x04", "t.csv: looks like zip or xlsx; unpack it, or save the sheet as CSV, first"),
        (b"PAR1", "t.csv: looks like Parquet; convert it to CSV first"),
        (b"%PDF-1.7", "t.csv: looks like PDF; a CSV file is needed"),
    ],
)
def test_files_that_are_no_table(tmp_path: pathlib.Path, text: bytes, message: str) -> None:
    assert refused(tmp_path, text) == [message]


@pytest.mark.parametrize(
    ("cell", "advice"),
    [
        ("abc", "if its cells are categories, list the column under data.categorical"),
        ("1_000", "use the digits 0 to 9 and nothing between them"),
        ("١٢", "use the digits 0 to 9 and nothing between them"),
        ("１２", "use the digits 0 to 9 and nothing between them"),
        (" 1.5", "remove the spaces around it"),
        ("inf", "it is not finite"),
        ("-Infinity", "it is not finite"),
        ("1e309", "it is too large for a 64-bit number"),
        ("1.2.3", "if its cells are categories, list the column under data.categorical"),
        ("12%", "leave the unit out"),
        ("0x1f", "if its cells are categories, list the column under data.categorical"),
    ],
)
def test_text_among_numbers_is_a_mistake(tmp_path: pathlib.Path, cell: str, advice: str) -> None:
    message = f"t.csv:3: column 'x': {cell!r} came, expected a number ({advice})"
    assert refused(tmp_path, f"x,y\n1,a\n{cell},b\n3,a\n") == [message]


def test_the_first_three_offenders_and_their_number_are_told(tmp_path: pathlib.Path) -> None:
    rows = "".join(f"{'bad' if i % 4 == 0 else i},a\n" for i in range(1, 30))
    assert refused(tmp_path, f"x,y\n0,b\n{rows}") == [
        "t.csv:6: column 'x': 'bad' came, expected a number (also 'bad' in line 10 and 'bad' in line 14;"
        " 7 such cells; if its cells are categories, list the column under data.categorical)"
    ]


def test_line_numbers_are_those_of_the_file_after_line_breaks_in_cells(tmp_path: pathlib.Path) -> None:
    (message,) = refused(tmp_path, 'x,c,y\n1,"two\nlines",a\n2,u,b\n?,u,b\n')
    assert message.startswith("t.csv:5: column 'x': '?' came, expected a value")


def test_decimal_commas_are_named_even_if_the_whole_column_has_them(tmp_path: pathlib.Path) -> None:
    (message,) = refused(tmp_path, "x;y\n1,5;a\n2,5;b\n", delimiter=";")
    assert message == (
        "t.csv:2: column 'x': '1,5' came, expected a number"
        " (also '2,5' in line 3; a decimal comma or a thousands separator? write 1.5 or 1500)"
    )


def test_missing_cells_are_refused_by_default_with_all_columns_told_at_once(tmp_path: pathlib.Path) -> None:
    assert refused(tmp_path, "x,c,y\n1,u,a\n,u,b\nNA,,b\n4,v,\n") == [
        "t.csv:3: column 'x': an empty cell came, expected a value"
        " (also 'NA' in line 4; data.missing can be drop or impute)",
        "t.csv:4: column 'c': an empty cell came, expected a value (data.missing can be drop or impute)",
        "t.csv:5: column 'y': an empty cell came, expected a value (data.missing: drop leaves such rows out)",
    ]


def test_a_missing_target_is_not_imputed(tmp_path: pathlib.Path) -> None:
    assert refused(tmp_path, "x,y\n1,a\n2,\n3,b\n", missing="impute") == [
        "t.csv:3: column 'y': an empty cell came, expected a value (data.missing: drop leaves such rows out)"
    ]


def test_nothing_left_after_dropping_rows(tmp_path: pathlib.Path) -> None:
    assert refused(tmp_path, "x,y\n,a\n2,\n", missing="drop") == [
        "t.csv: every row has a missing cell, so data.missing: drop leaves none"
    ]


def test_a_column_without_values_cannot_be_imputed(tmp_path: pathlib.Path) -> None:
    assert refused(tmp_path, "x,z,y\n,1,a\n,2,b\n", missing="impute") == [
        "t.csv: column 'x': every cell is missing, expected some values (leave it out: data.drop)"
    ]


def test_gaps_and_columns_of_names_are_told_at_once(tmp_path: pathlib.Path) -> None:
    rows = "".join(f"name {i},{i or ''},{'ab'[i % 2]}\n" for i in range(101))
    gap, width = refused(tmp_path, f"who,x,y\n{rows}")
    assert gap.startswith("t.csv:2: column 'x': an empty cell came, expected a value")
    assert width.startswith("t.csv: column 'who': 101 different texts came")


def test_too_many_categories(tmp_path: pathlib.Path) -> None:
    rows = "".join(f"name {i},{i},{'ab'[i % 2]}\n" for i in range(101))
    assert refused(tmp_path, f"who,x,y\n{rows}") == [
        "t.csv: column 'who': 101 different texts came, expected at most 100 categories"
        " (leave it out: data.drop)"
    ]


@pytest.mark.parametrize(
    ("targets", "options", "message"),
    [
        (["a", "a"], {}, "t.csv: column 'y': one class, 'a', came, expected two or more"),
        (
            [0, "0.0", 1],
            {"task": "classification"},
            "t.csv: column 'y': '0' and '0.0' came, expected one spelling for a class",
        ),
        (
            ["Yes", "no", "yes"],
            {},
            "t.csv: column 'y': 'Yes' and 'yes' came, expected one spelling for a class",
        ),
        (
            [2**53, 2**53 + 1],
            {"task": "classification"},
            f"t.csv: column 'y': '{2**53}' and '{2**53 + 1}' came, expected one spelling for a class",
        ),
        (
            [0.5, 1],
            {"task": "classification"},
            "t.csv:2: column 'y': '0.5' came, expected a whole number or a text as class",
        ),
        (
            [f"t{i}" for i in range(1001)],
            {},
            "t.csv: column 'y': 1001 different values came, expected at most 1000 classes",
        ),
        ([2.5, 2.5], {}, "t.csv: column 'y': 2.5 came in every row, expected a target that varies"),
        (["a", 1], {"task": "regression"}, "t.csv:2: column 'y': 'a' came, expected a number"),
        (
            [1, 2, "a"],
            {},
            "t.csv:4: column 'y': 'a' came, expected a number"
            " (if these are classes, set data.task: classification)",
        ),
    ],
)
def test_targets_that_cannot_be_learned(
    tmp_path: pathlib.Path, targets: list[Any], options: dict[str, Any], message: str
) -> None:
    assert refused(tmp_path, table_with_targets(targets), **options) == [message]


def test_faults_of_given_tables_name_their_file(tmp_path: pathlib.Path) -> None:
    (message,) = refused(tmp_path, "x,y\n1,a\n2,b\n", test_path=b"x,y\n3,a\nabc,b\n")
    assert message.startswith("test_path.csv:3: column 'x': 'abc' came, expected a number")


def test_control_characters_are_escaped(tmp_path: pathlib.Path) -> None:
    for line in refused(tmp_path, "\x1b[2J,y\n1,a\n\x1b[31m,b\n2,a\n"):
        assert line.isprintable()
    _, message = setting(tmp_path, "\x1b[2J,y\n1,a\n", target="[2J")
    assert message.isprintable()


def test_not_more_than_ten_problems_are_told(tmp_path: pathlib.Path) -> None:
    names = ",".join(f"x{i}" for i in range(15))
    lines = refused(tmp_path, f"{names},y\n{',' * 14},a\n{',' * 14},b\n")
    assert len(lines) == 11
    assert lines[-1] == "t.csv: there are more problems; these are the first 10"


# What is refused: the settings


@pytest.mark.parametrize(
    ("options", "key", "message"),
    [
        ({"target": "Y2"}, "target", "'Y2' is not a column of t.csv (did you mean 'y'?)"),
        ({"target": "price"}, "target", "'price' is not a column of t.csv; its columns: xx, y"),
        ({"drop": ("xxx",)}, "drop", "'xxx' is not a column of t.csv (did you mean 'xx'?)"),
        ({"drop": ("y",)}, "drop", "'y' came, which is also data.target"),
        ({"drop": ("xx",)}, "drop", "t.csv has no column left to predict 'y' from"),
        ({"categorical": ("z",)}, "categorical", "'z' is not a column of t.csv; its columns: xx, y"),
        ({"delimiter": ";;"}, "delimiter", "';;' came, expected one character such as ',' ';' or '\\t'"),
        ({"delimiter": "."}, "delimiter", "'.' came, expected one character such as ',' ';' or '\\t'"),
        (
            {"delimiter": ";"},
            "delimiter",
            "';' makes one column of t.csv, whose first line has ',' (set delimiter: \",\")",
        ),
        (
            {"encoding": "utf8000"},
            "encoding",
            "'utf8000' is not a text encoding; utf-8 and latin-1 are common",
        ),
        ({"encoding": "hex"}, "encoding", "'hex' is not a text encoding; utf-8 and latin-1 are common"),
        ({"path": "t.cvs"}, "path", "'t.cvs' does not exist (did you mean 't.csv'?)"),
        ({"path": "."}, "path", "'.' is a directory, expected a CSV file"),
        ({"path": "\0"}, "path", "'\\x00' cannot be read: embedded null byte"),
        (
            {"test_path": "t.csv"},
            "test_path",
            "the file holds the same bytes as data.path, expected other rows",
        ),
        (
            {"test_path": b"xx,z,y\n1,2,a\n"},
            "test_path",
            "test_path.csv has an extra column 'z', expected the columns of t.csv",
        ),
        (
            {"validation_path": b"y\na\n"},
            "validation_path",
            "validation_path.csv has no column 'xx', expected the columns of t.csv",
        ),
    ],
)
def test_settings_that_do_not_fit(
    tmp_path: pathlib.Path, options: dict[str, Any], key: str, message: str
) -> None:
    path, told = setting(tmp_path, "xx,y\n1,a\n2,b\n", **options)
    assert path == ("data", key)
    assert told == f"data.{key}: {message}"


def test_a_table_without_column_names_is_recognised(tmp_path: pathlib.Path) -> None:
    _, message = setting(tmp_path, "1.5,2.5\n3,4\n", target="y")
    assert message == (
        "data.target: 'y' is not a column of t.csv (its first line looks like data, expected column names)"
    )


def test_semicolons_and_tabs_are_recognised(tmp_path: pathlib.Path) -> None:
    assert setting(tmp_path, "x;y\n1;a\n")[1] == (
        "data.delimiter: ',' makes one column of t.csv, whose first line has ';' (set delimiter: \";\")"
    )
    assert setting(tmp_path, "x\ty\n1\ta\n")[1].endswith('(set delimiter: "\\t")')


def test_pipes_are_not_waited_for(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingError) as caught:
        Csv(path="pipe", target="y").read(tmp_path)
    assert caught.value.message == "data.path: 'pipe' is not a regular file, expected a CSV file"


def test_addresses_are_not_downloaded(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SettingError) as caught:
        Csv(path="https://example.org/t.csv", target="y").read(tmp_path)
    assert caught.value.message.endswith("does not exist; download the file first")


# Two ways of reading

NEAR_NUMBERS = st.text(alphabet="0123456789+-.eE_ infaxN%١", max_size=8)
CELLS = st.one_of(
    NEAR_NUMBERS,
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers().map(str),
    st.sampled_from(["", "NA", "True", "false", "nan", "-inf", "1e309", "1e-400", "007", "é"]),
)


@given(st.lists(CELLS, min_size=1))
def test_numbers_are_what_the_definition_says(cells: list[str]) -> None:
    from nnlab.data.strict_csv import MISSING

    got = numbers(cells)
    if all(cell in MISSING or is_number(cell) for cell in cells):
        expected = [np.nan if cell in MISSING else float(cell) for cell in cells]
        assert np.array_equal(got, expected, equal_nan=True)
    else:
        assert got is None


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Texts):
        return [a.values[i] for i in a.codes] == [b.values[i] for i in b.codes]
    return np.array_equal(a, b, equal_nan=True)


PLAIN_CELLS = CELLS.map(lambda cell: cell.replace(" ", ""))


@given(st.lists(st.tuples(PLAIN_CELLS, PLAIN_CELLS), min_size=1, max_size=8), st.booleans())
def test_the_quick_way_reads_what_the_strict_way_reads(rows: list[tuple[str, str]], as_texts: bool) -> None:
    text = "a,b\n" + "".join(f"{a},{b}\n" for a, b in rows)
    file = open_csv(text.encode(), "t.csv", ",", "utf-8")
    texts = {"b"} if as_texts else set()
    quick, strict = quick_columns(file, ["a", "b"], texts, large=0), file.columns(["a", "b"], texts)
    assert quick is not None
    for name in quick:
        assert same(quick[name], strict[name])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a,b\n1,x\n2,y", True),
        ("a,b\r\n1,x\r\n2,y", True),
        ('"a",b\n1,x', False),
        ('a,b\n1,"x"', False),
        ("a,b\n1, x", False),
        ("a,b\n1\n2,y,3", False),
        ("a,b\n1,x\n\n2,y", False),
        ("a,b\n\ufeff1,x\n2,y", False),
        ("a\n1\n2", False),
        ("a,b", False),
    ],
)
def test_the_quick_way_is_for_plain_files_only(text: str, plain: bool) -> None:
    file = open_csv(text.encode(), "t.csv", ",", "utf-8")
    assert (quick_columns(file, list(file.header), set(), large=0) is not None) == plain
    assert quick_columns(file, list(file.header), set()) is None  # small


def test_a_large_file_is_read_like_a_small_one(tmp_path: pathlib.Path, monkeypatch: Any) -> None:
    rows = "".join(f"{i / 7},{'' if i % 9 == 0 else i},{i % 3},{'ab'[i % 2]}\n" for i in range(60_000))
    text = f"x,z,c,y\n{rows}"
    quick = read(tmp_path, text, missing="impute").main
    monkeypatch.setattr(CsvFile, "columns", lambda *_: pytest.fail("a large file went the slow way"))
    again = read(tmp_path, text, missing="impute").main
    monkeypatch.undo()
    monkeypatch.setattr("nnlab.data.sheets.quick_columns", lambda *_: None)
    strict = read(tmp_path, text, missing="impute").main
    assert np.array_equal(quick.features, strict.features, equal_nan=True)
    assert np.array_equal(again.features, strict.features, equal_nan=True)
    assert np.array_equal(quick.target, strict.target)


def test_text_that_appears_late_in_a_column_makes_all_of_it_text(tmp_path: pathlib.Path) -> None:
    rows = "01,a\n" * 600 + "v,b\n" * 700  # the first chunk has numbers only
    main = read(tmp_path, f"c,y\n{rows}").main
    assert main.feature_names == ("c=01", "c=v")
    assert main.features.sum(axis=0).tolist() == [600, 700]
