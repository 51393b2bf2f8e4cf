"""Large tables: found in the cache, or converted into it."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nnlab.data.array_file import ArrayFile
from nnlab.data.blocks import digest_file
from nnlab.data.conversion import Order, Unfit, convert, heads_of
from nnlab.data.ranges import Ranges
from nnlab.data.strict_csv import plain, with_file
from nnlab.data.table_cache import Kept, TableCache, key_of, write_about, write_ranges
from nnlab.data.tables import Csv, CsvTables, check_different, digest_of, notes_on
from nnlab.errors import SettingError
from nnlab.registry import write

LARGE = 16 << 20  # bytes: smaller ones are read in about the time that importing the reader takes


def read_large(source: Csv, folder: Path, cache: TableCache | None) -> CsvTables | None:
    """What `source.read(folder)` gives, mapped from the cache; None where that is no use.

    Args:
        folder: where relative paths start.
        cache: where conversions are kept.

    Raises:
        InputError: as `Csv.read` does.
        SettingError: as `Csv.read` does.
    """
    paths = {key: with_file(folder, path, key, _readable) for key, path in source.paths().items()}
    sizes = {key: path.stat().st_size for key, path in paths.items()}
    if cache is None or sum(sizes.values()) < LARGE:
        return None
    settings = {name: value for name, value in write(source).items() if not name.endswith("path")}
    settings |= {"sizes": sizes}
    stamps = _stamps(paths)
    with ThreadPoolExecutor(1) as pool:
        digest = pool.submit(_digest, paths)  # meanwhile, what is surely not there can be converted

        def key() -> str:
            return key_of(settings, digest.result())

        kept = cache.find(key()) if cache.may_hold(settings) else None
        whole = None
        if kept is None:
            cache.tell(f"reading {' and '.join(map(plain, source.paths().values()))}")
            try:
                with cache.place(key) as place:
                    whole = _fill(place, source, folder, paths)
                    key()  # the files have been read to their end now, in both ways
                    if _stamps(paths) != stamps:
                        raise OSError(f"{plain(source.path)} is being written to")
            except OSError as error:
                reason = f"{cache.folder}: {error.strerror}" if error.strerror else str(error)
                cache.tell(f"note: {reason}; the table is kept in memory")
                return None
            kept = cache.find(key())
        return whole if kept is None else _tables(source, kept, digest.result())


def _readable(path: Path) -> Path:
    """The path of a file that can be opened."""
    path.open("rb").close()
    return path


def _digest(paths: Mapping[str, Path]) -> str:
    digests = {key: digest_file(path) for key, path in paths.items()}
    check_different(digests)
    return digest_of(digests.values())


def _fill(place: Path, source: Csv, folder: Path, paths: Mapping[str, Path]) -> CsvTables | None:
    """Put the tables into a folder of the cache; returned where they had to be read as a whole."""
    if _convert(source, paths, place):
        return None
    whole = source.read(folder)
    _put(whole, place)
    return whole


def _tables(source: Csv, kept: Kept, digest: str) -> CsvTables:
    """What is kept, with what is said of it under the name that it has now."""
    main = kept.tables["path"]
    assert main.ranges is not None
    notes = notes_on(source, kept.dropped, main.ranges.oddities(main.feature_names))
    return CsvTables(
        main, kept.tables.get("validation_path"), kept.tables.get("test_path"), digest, notes, kept.dropped
    )


def _convert(source: Csv, paths: Mapping[str, Path], place: Path) -> bool:
    """Convert block by block; false if the files have to be read as a whole."""
    try:
        heads = heads_of(paths, source.paths(), source.delimiter, source.encoding)
        names = source.used_columns(heads)
        order = Order(paths, heads, names, frozenset(source.texts(names)), source.judge)
        converted = convert(order, place)
    except (Unfit, SettingError):
        return False
    encoding = converted.encoding
    for key, ranges in converted.ranges.items():
        write_ranges(place, key, ranges)
    write_about(
        place, list(paths), encoding.feature_names, encoding.task, encoding.classes, converted.dropped
    )
    return True


def _put(read: CsvTables, place: Path) -> None:
    """Put tables into the cache that were read as a whole."""
    by_key = {"path": read.main, "validation_path": read.validation, "test_path": read.test}
    tables = {key: table for key, table in by_key.items() if table is not None}
    for key, table in tables.items():
        for what, rows in (("features", table.features), ("target", table.target)):
            with ArrayFile(place / f"{key}.{what}.npy") as file:
                file.append(rows)
        write_ranges(place, key, Ranges.of(table.features))
    main = read.main
    write_about(place, list(tables), main.feature_names, main.task, main.class_names, read.dropped)


def _stamps(paths: Mapping[str, Path]) -> list[tuple[int, int]]:
    """What shows that a file was written to."""
    return [(path.stat().st_size, path.stat().st_mtime_ns) for path in paths.values()]
