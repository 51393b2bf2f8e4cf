"""The cache of large tables: it holds what reading into memory gives, and it is never in the way."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlab.data import blocks, conversion, large
from nnlab.data.array_file import ArrayFile
from nnlab.data.large import read_large
from nnlab.data.ranges import Ranges
from nnlab.data.table import Table
from nnlab.data.table_cache import HALF_MADE, TableCache, entries
from nnlab.data.tables import Csv, CsvTables
from nnlab.errors import InputError, SettingError
from tests.cli import Desk


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGE", 0)
    monkeypatch.setattr(blocks, "BLOCK", 200)


@pytest.fixture
def cache(tmp_path: Path) -> TableCache:
    return TableCache(tmp_path / "cache")


def source(folder: Path, text: str | bytes, **options: Any) -> Csv:
    (folder / "t.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return Csv(**{"path": "t.csv", "target": "y", **options})


def whole_reading_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Csv, "read", lambda *_: pytest.fail("it was read as a whole"))


def assert_same(found: CsvTables | None, expected: CsvTables) -> None:
    assert found is not None
    assert (found.digest, found.notes, found.dropped) == (expected.digest, expected.notes, expected.dropped)
    for name in ("main", "validation", "test"):
        one, other = getattr(found, name), getattr(expected, name)
        assert (one is None) == (other is None)
        if one is not None:
            assert_same_table(one, other)


def assert_same_table(one: Table, other: Table) -> None:
    assert one.features.tobytes() == other.features.tobytes()
    assert one.target.tobytes() == other.target.tobytes()
    assert (one.features.dtype, one.target.dtype) == (other.features.dtype, other.target.dtype)
    assert (one.feature_names, one.task, one.class_names) == (
        other.feature_names,
        other.task,
        other.class_names,
    )


def rows(count: int, line: str) -> str:
    """Lines that differ: {i} is their number, {x} a decimal, {c} one of three letters."""
    return "".join(line.format(i=i, x=i / 7, c="pqr"[i % 3]) + "\n" for i in range(count))


TABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "numbers and classes": ("a,b,y\n" + rows(100, "{x},{i},{c}"), {}),
    "texts": ("a,b,y\n" + rows(100, "{x},{c},{c}"), {}),
    "a target of numbers": ("a,y\n" + rows(100, "{i},{x}"), {}),
    "a target of numbers as asked": ("a,y\n" + rows(99, "{i},{i}"), {"task": "regression"}),
    "few numbers asked for as numbers": ("a,y\n" + "1,2.5\n2,3.5\n" * 50, {"task": "regression"}),
    "whole numbers are classes": ("a,y\n" + "1.5,10\n2.5,9\n3.5,10\n" * 50, {}),
    "a late class": ("a,y\n" + rows(80, "{x},{c}") + "1,a\n", {}),
    "a late category": ("a,b,y\n" + rows(80, "{x},{c},{c}") + "1,new,p\n", {}),
    "late text among numbers": ("a,b,y\n" + rows(80, "{x},1,{c}") + rows(90, "{x},v,p"), {}),
    "late digits after a point": ("a,y\n" + rows(80, "{i},{c}") + "0.5,p\n", {}),
    "categories of digits": ("a,b,y\n" + "1,01,p\n2,1,q\n" * 40, {"categorical": ("b",)}),
    "gaps to impute": ("a,b,y\n" + rows(50, "{x},,p") + rows(50, "NA,{c},q"), {"missing": "impute"}),
    "gaps to drop": ("a,b,y\n" + rows(50, "{x},,p") + rows(50, "{x},{c},q") + "1,u,r\n", {"missing": "drop"}),
    "a missing target to drop": ("a,y\n" + rows(50, "{x},{c}") + "7,\n", {"missing": "drop"}),
    "columns to drop": ("a,b,y\n" + rows(90, "{x},{i}th,{c}"), {"drop": ("b",)}),
    "quotes": ("a,b,y\n" + rows(90, '{x},"c, {c}",{c}'), {}),
    "lines inside quotes": ("a,b,y\n" + rows(90, '{x},"c\n{c}",{c}'), {}),
    "ends of lines as on Windows": (("a,b,y\n" + rows(90, "{x},{c},{c}")).replace("\n", "\r\n"), {}),
    "tabs": ("a\tb\ty\n" + rows(90, "{x}\t{c}\t{c}"), {"delimiter": "\t"}),
    "a byte order mark": ("\ufeffa,y\n" + rows(90, "{x},{c}"), {}),
    "empty lines at the end": ("a,y\n" + rows(90, "{x},{c}") + "\n\n\r\n", {}),
    "no end of line at the end": ("a,y\n" + rows(90, "{x},{c}") + "1,q", {}),
    "letters beyond ASCII": ("a,b,y\n" + rows(90, "{x},größe {c},{c}"), {}),
    "an id and a constant": ("a,b,d,y\n" + rows(90, "{i},5,{x},{c}"), {}),
    "a line of names that ends like none below": ("a,b,y\r1,2,p\r3,4,q\r" + rows(90, "{x},{i},{c}"), {}),
    "names in quotes": ('"a","b, c",y\n' + rows(90, "{x},{i},{c}"), {}),
    "names over two lines": ('"a\nb",c,y\n' + rows(45, "{x},{i},{c}") + rows(45, '{x},{i},"{c}"'), {}),
    "a line longer than a block": ("a,b,y\n" + rows(9, "{x}," + "w" * 300 + "{c},{c}"), {}),
}
WHOLE = {  # a line of the file is no row
    "lines inside quotes",
    "a line of names that ends like none below",
    "names over two lines",
}


@pytest.mark.parametrize("name", TABLES)
def test_the_cache_gives_what_reading_into_memory_gives(
    tmp_path: Path, cache: TableCache, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    csv = source(tmp_path, TABLES[name][0], **TABLES[name][1])
    expected = csv.read(tmp_path)
    if name not in WHOLE:
        whole_reading_fails(monkeypatch)
    assert_same(read_large(csv, tmp_path, cache), expected)
    monkeypatch.setattr(large, "convert", lambda *_: pytest.fail("it was converted again"))
    whole_reading_fails(monkeypatch)
    again = read_large(csv, tmp_path, cache)
    assert_same(again, expected)
    assert again is not None
    assert isinstance(again.main.features, np.memmap)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a,b,y\n" + rows(80, "{x},{x},{c}") + "1,abc,p\n", {}),
        ("a,y\n" + rows(80, "{x},{c}") + ",p\n", {}),
        ("a,y\n" + rows(80, "{x},{c}") + "1,\n", {}),
        ("a,y\n" + rows(80, "{x},{x}") + "1,z\n", {}),
        ("a,y\n" + rows(80, "{x},{x}") + "1,\n", {"missing": "impute"}),
        ("a,y\n" + rows(80, "{x},{c}") + "1,p,3\n", {}),
        ("a,y\n" + rows(80, "{x},{c}") + "\n1,p\n", {}),
        ("a,y\n" + rows(80, '{x},"{c}"') + '1,"p\n', {}),
        ("a,y\n" + rows(80, "{x},{c}") + "1,p\0\n", {}),
        ("a,y\n" + rows(80, "{x},{c}") + "1,P\n", {}),
        ("a,b,y\n" + rows(200, "{x},w{i},{c}"), {}),
        ("a,y\n" + rows(80, "{x},p"), {}),
        ("a,y\n" + rows(80, "NA,{c}"), {"missing": "impute"}),
        ("a,y\n" + rows(80, "NA,{c}"), {"missing": "drop"}),
        ("a,y\n" + rows(80, "{x},{c}").replace("p", "\xe9"), {"encoding": "latin-1", "missing": "drop"}),
        ("a,z\n" + rows(80, "{x},{c}"), {}),
        ("a,y\n" + rows(80, "{x},{c}"), {"path": "other.csv"}),
        ("a,y\n" + rows(80, "{x},{c}"), {"test_path": "t.csv"}),
        ("a\n\n\n", {}),
        ("", {}),
    ],
)
def test_what_is_wrong_is_told_in_the_same_words(
    tmp_path: Path, cache: TableCache, text: str, options: dict[str, Any]
) -> None:
    csv = source(tmp_path, text.encode(options.get("encoding", "utf-8")), **options)
    expected = told(lambda: csv.read(tmp_path))
    found = told(lambda: read_large(csv, tmp_path, cache))
    assert found == expected if isinstance(expected, str) else not isinstance(found, str)
    assert not list(tmp_path.glob(f"cache/*{HALF_MADE}"))


CELLS = [
    "1",
    "2",
    "-3.5",
    "",
    "NA",
    "a",
    "b",
    "x y",
    '"q"',
    '"a,b"',
    '"l\nm"',
    "007",
    "nan",
    "1_0",
    "é",
    "True",
]
ODDITIES = ["", "", "", '"', "\n", "\r", "\r\n", "\0", ",", "\ufeff"]


@given(st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_whatever_a_table_holds_both_ways_of_reading_agree(random: Random) -> None:
    pools = [
        random.sample(CELLS, random.randint(1, 3)) if random.random() < 0.5 else ["0.5", "7"] for _ in "ab"
    ]
    pools.append(random.choice([["p", "q"], ["0", "1"], [str(i / 7) for i in range(40)]]))
    end = random.choice(["\n", "\n", "\r\n"])
    lines = ["a,b,y", *(",".join(map(random.choice, pools)) for _ in range(random.randint(1, 60)))]
    text = end.join(lines) + random.choice(["", end, end * 3])
    at = random.randrange(len(text))
    text = text[:at] + random.choice(ODDITIES) + text[at:]
    missing = random.choice(["error", "drop", "impute"])
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", random.choice([7, 20, 60, 200]))
        folder = Path(name)
        csv = source(folder, text, missing=missing)
        found = told(lambda: read_large(csv, folder, TableCache(folder / "cache")))
        expected = told(lambda: csv.read(folder))
        if isinstance(expected, CsvTables):
            assert not isinstance(found, str), found
            assert_same(found, expected)
        else:
            assert found == expected


def told(read: Callable[[], CsvTables | None]) -> CsvTables | str | None:
    """What was read, or why not."""
    try:
        return read()
    except (InputError, SettingError) as error:
        return str(error)


def test_given_tables_share_categories_and_classes(tmp_path: Path, cache: TableCache) -> None:
    (tmp_path / "v.csv").write_text("a,b,y\n" + rows(70, "{x},{c},{c}"))
    (tmp_path / "w.csv").write_text("a,b,y\n1,new,other\n2,p,p\n")
    csv = source(tmp_path, "a,b,y\n" + rows(90, "{x},{c},{c}"), validation_path="v.csv", test_path="w.csv")
    expected = csv.read(tmp_path)
    assert_same(read_large(csv, tmp_path, cache), expected)
    assert_same(read_large(csv, tmp_path, cache), expected)


def test_small_tables_leave_no_cache(
    tmp_path: Path, cache: TableCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "LARGE", 1 << 20)
    assert read_large(source(tmp_path, "a,y\n1,p\n2,q\n"), tmp_path, cache) is None
    assert not cache.folder.exists()


def test_the_content_counts_and_not_the_path(tmp_path: Path, cache: TableCache) -> None:
    text = "a,b,y\n" + rows(90, "{x},5,{c}")
    read_large(source(tmp_path, text), tmp_path, cache)
    (tmp_path / "copy.csv").write_text(text)
    copy = read_large(Csv(path="copy.csv", target="y"), tmp_path, cache)
    assert copy is not None
    assert copy.notes == ("copy.csv: column 'b' is the same in every row",)
    assert len(entries(cache.folder)) == 1
    read_large(source(tmp_path, text, drop=("b",)), tmp_path, cache)
    read_large(source(tmp_path, text + "1,2,p\n"), tmp_path, cache)
    assert len(entries(cache.folder)) == 3


@pytest.mark.parametrize("damage", ["short", "empty", "gone", "words", "list", "other"])
def test_a_damaged_entry_is_made_anew(tmp_path: Path, cache: TableCache, damage: str) -> None:
    csv = source(tmp_path, "a,y\n" + rows(90, "{x},{c}"))
    expected = csv.read(tmp_path)
    read_large(csv, tmp_path, cache)
    (entry,) = entries(cache.folder)
    features, about = entry.path / "path.features.npy", entry.path / "about.json"
    if damage == "short":
        os.truncate(features, features.stat().st_size - 8)
    elif damage == "empty":
        os.truncate(features, 0)
    elif damage == "gone":
        features.unlink()
    elif damage == "words":
        about.write_text("{")
    elif damage == "list":
        about.write_text("[]")
    else:
        np.save(features, np.zeros((90, 2)))
    assert_same(read_large(csv, tmp_path, cache), expected)
    assert_same(read_large(csv, tmp_path, cache), expected)


def test_two_commands_at_a_time_do_not_disturb_each_other(
    tmp_path: Path, cache: TableCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = source(tmp_path, "a,y\n" + rows(90, "{x},{c}"))
    expected, convert = csv.read(tmp_path), large.convert

    def slowly(*arguments: Any) -> Any:
        monkeypatch.setattr(large, "convert", convert)
        assert_same(read_large(csv, tmp_path, cache), expected)  # another command begins and ends meanwhile
        return convert(*arguments)

    monkeypatch.setattr(large, "convert", slowly)
    assert_same(read_large(csv, tmp_path, cache), expected)
    assert [entry.whole for entry in entries(cache.folder)] == [True]


def full_disk(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_on_a_full_disk_the_table_stays_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    cache = TableCache(tmp_path / "cache", told.append)
    csv = source(tmp_path, "a,y\n" + rows(90, "{x},{c}"))
    monkeypatch.setattr(ArrayFile, "append", full_disk)
    assert read_large(csv, tmp_path, cache) is None  # the caller reads it
    assert told[-1] == f"note: {cache.folder}: No space left on device; the table is kept in memory"
    assert entries(cache.folder) == []


def test_a_file_that_is_written_to_is_not_kept(
    tmp_path: Path, cache: TableCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = source(tmp_path, "a,y\n" + rows(90, "{x},{c}"))
    convert = large.convert

    def meanwhile(*arguments: Any) -> Any:
        with (tmp_path / "t.csv").open("a") as file:
            file.write("1,p\n")
        return convert(*arguments)

    monkeypatch.setattr(large, "convert", meanwhile)
    assert read_large(csv, tmp_path, cache) is None
    assert entries(cache.folder) == []


def test_ranges_of_stretches_are_those_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    table = np.column_stack([np.arange(20.0), np.full(20, 3.0), rng.normal(size=20), rng.normal(size=20)])
    table[7:9, 3] = np.nan
    whole, joined = (
        Ranges.of(table),
        Ranges.of(table[:8]).then(Ranges.of(table[8:9])).then(Ranges.of(table[9:])),
    )
    for name, value in vars(whole).items():
        assert np.array_equal(value, getattr(joined, name), equal_nan=True), name
    assert whole.counts.tolist() == [True, False, False, False]
    assert not Ranges.of(table[:8]).then(Ranges.of(table[9:])).counts.any()  # a row is missing


def test_numbers_too_far_apart_to_subtract_count_no_rows() -> None:
    low, high = Ranges.of(np.array([[-1.7e308]] * 2)), Ranges.of(np.array([[1.7e308]] * 2))
    assert not low.then(high).counts.any()
    assert not Ranges.of(np.array([[-1.7e308], [1.7e308]])).counts.any()


# The commands


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.write("a,b,y\n" + rows(90, "{x},{c},{c}"), "t.csv")
    desk.write("data: {source: csv, path: t.csv, target: y}\nmodel: {hidden: [4]}\ntraining: {epochs: 2}\n")
    return desk


def stored(desk: Desk) -> str:
    """What is stored of the runs, but for their times."""
    table = np.array([line.split(",") for line in (desk.folder / "runs/config/runs.csv").read_text().split()])
    return str(table[:, table[0] != "seconds"].tolist())


def test_a_command_says_that_it_reads_and_the_next_one_need_not(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = desk.nnlab("train", "config.yaml")
    assert (first.code, first.stderr.splitlines()[0]) == (0, "reading t.csv")
    cached = stored(desk)
    second = desk.nnlab("train", "config.yaml", "--overwrite")
    assert (second.code, "reading" in second.stderr) == (0, False)
    assert stored(desk) == cached
    monkeypatch.setattr(large, "LARGE", 1 << 20)
    desk.nnlab("train", "config.yaml", "--overwrite")
    assert stored(desk) == cached
    assert desk.nnlab("report").code == 0
    assert desk.nnlab("train", "config.yaml", "-q", "--overwrite").stderr == ""


def test_clean_removes_the_cache_and_nothing_else(desk: Desk) -> None:
    desk.nnlab("train", "config.yaml", "-q")
    folder = desk.folder / "runs/.cache"
    (folder / "mine").mkdir()
    left = folder / f"{'a' * 32}{HALF_MADE}"
    left.mkdir()
    (left / "path.features.npy").write_bytes(b"x" * 3000)
    (entry,) = (entry for entry in entries(folder) if entry.whole)
    size = sum(path.stat().st_size for path in entry.path.iterdir()) + 3000
    words = f"1 table and 1 interrupted conversion, {size / 1000:.1f} kB\n"
    assert desk.nnlab("clean", "--dry-run").stdout == f"runs/.cache: would remove {words}"
    assert desk.nnlab("clean").stdout == f"runs/.cache: removed {words}"
    assert [path.name for path in folder.iterdir()] == ["mine"]
    assert desk.nnlab("clean").stdout == "runs/.cache: nothing to remove\n"
    assert desk.nnlab("report").code == 0


def test_clean_has_nothing_to_do_where_nothing_is(desk: Desk) -> None:
    answer = desk.nnlab("clean", "-o", "elsewhere")
    assert (answer.code, answer.stdout) == (0, "elsewhere/.cache: nothing to remove\n")
    answer = desk.nnlab("clean", "-o", "t.csv")
    assert (answer.code, answer.stderr) == (4, "t.csv/.cache cannot be removed: Not a directory\n")


def test_who_has_mapped_a_table_keeps_it_when_it_is_cleaned(tmp_path: Path) -> None:
    cache = TableCache(tmp_path / "runs/.cache")
    csv = source(tmp_path, "a,y\n" + rows(90, "{x},{c}"))
    found = read_large(csv, tmp_path, cache)
    assert found is not None
    assert Desk(tmp_path).nnlab("clean").code == 0
    assert found.main.features.tobytes() == csv.read(tmp_path).main.features.tobytes()


def test_an_interruption_leaves_nothing_half_made(
    tmp_path: Path, cache: TableCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(conversion._Pass, "_note", interrupted)
    with contextlib.suppress(KeyboardInterrupt):
        read_large(source(tmp_path, "a,y\n" + rows(90, "{x},{c}")), tmp_path, cache)
    assert list(cache.folder.iterdir()) == []
