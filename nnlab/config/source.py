"""Strict YAML that remembers lines: text in, plain data and the place of every setting out.

The rules are those of YAML 1.2 numbers and of settings that mean one thing only. What YAML
reads in two ways (a key given twice, `010`, a tab) and what a config never needs (anchors,
tags, several documents) is refused with its line. PyYAML's pure-Python parser delivers
events; the data is built from them here, so none of its YAML 1.1 guesses take part. Its
C parser is never used: that one crashes on deep nesting.
"""

import codecs
import math
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from nnlab.errors import InputError, Path, dotted
from nnlab.registry import show

Mark = tuple[int, int]  # line, column, both from 1

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32  # mappings and lists inside each other
MAX_NODES = 20_000  # keys, values, mappings and lists together
MAX_DIGITS = 30  # of an integer; longer ones are no setting, and Python refuses some with a bare ValueError


@dataclass(frozen=True)
class Document:
    """A config as it stands in its file.

    Args:
        name: the file as the user gave it.
        data: plain dicts, lists, str, int, float, bool and None.
        keys: where the key of a setting stands; items of lists have none.
        values: where the value of a setting or of an item stands.
    """

    name: str
    data: dict[str, Any]
    keys: Mapping[Path, Mark]
    values: Mapping[Path, Mark]

    def locate(self, path: Path, at_key: bool = False) -> str:
        """`FILE:LINE:COLUMN` of a value or key, or of the nearest parent that is in the file.

        >>> document = parse("seed: 1\\nmodel: {hidden: [8]}", "a.yaml")
        >>> document.locate(("model", "hidden", 0)), document.locate(("model", "depth"), at_key=True)
        ('a.yaml:2:18', 'a.yaml:2:1')
        """
        return _place(self.name, self.mark(path, at_key))

    def mark(self, path: Path, at_key: bool = False) -> Mark:
        """Line and column of what `locate` tells."""
        while path:
            mark = (self.keys.get(path) if at_key else None) or self.values.get(path)
            if mark:
                return mark
            path = path[:-1]
        return 1, 1


def read(path: str | os.PathLike[str]) -> Document:
    """Read a config file.

    Raises:
        InputError: it cannot be read or is not strict YAML; one line for each problem.
    """
    name = os.fspath(path)
    try:
        text = _decode(_read_bytes(name))
    except _Refused as refused:
        raise _input_error(name, [refused]) from None
    return parse(text, name)


def parse(text: str, name: str) -> Document:
    """Read a config from its text; `name` stands before the line in errors.

    >>> parse("optimizer: {learning_rate: 1e-3}", "a.yaml").data
    {'optimizer': {'learning_rate': 0.001}}
    """
    reading = _Reading()
    data = reading.read(text)
    if not reading.problems and not isinstance(data, dict):
        came = "the file is empty" if data is None else f"{_kind(data)} came"
        reading.problems.append(_Refused(f"{came}, expected a mapping of settings", reading.start))
    if reading.problems:
        raise _input_error(name, reading.problems)
    return Document(name, data, reading.keys, reading.values)


def parse_value(text: str, name: str) -> Any:
    """Read one value, as in `--set KEY=VALUE`; `name` stands before errors.

    >>> parse_value("1e-3", "--set l2"), parse_value("[8, 8]", "--set hidden"), parse_value("", "--set x")
    (0.001, [8, 8], None)
    """
    reading = _Reading()
    value = reading.read(text)
    if not reading.problems and reading.block:
        hint = "write [a, b] or {key: value}, or quote it if text is meant"
        reading.problems.append(_Refused(f"{show(text)} came, expected one value ({hint})"))
    if not reading.problems and _line_breaks(text)[reading.end :].strip():
        hint = "quote the value if '#' belongs to it"
        reading.problems.append(_Refused(f"{show(text)} came, expected a value without comment ({hint})"))
    if reading.problems:
        raise _input_error(name, [_Refused(problem.message) for problem in reading.problems])
    return value


class _Refused(Exception):
    """What is wrong, and where; without a mark the file as a whole is."""

    def __init__(self, message: str, mark: Mark | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark


# From bytes to text


def _read_bytes(name: str) -> bytes:
    try:
        mode = os.stat(name).st_mode  # before opening: a pipe without a writer would wait for ever
        if not stat.S_ISREG(mode):
            came = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
            raise _Refused(f"{came} came, expected a YAML file")
        with open(name, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _Refused(f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:  # a path with a NUL in it
        raise _Refused(f"cannot be read: {error}") from None


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
        raise _Refused("UTF-16 or UTF-32 came, expected UTF-8 (save the file as UTF-8)", (1, 1))
    if len(data) > MAX_BYTES:
        raise _too_large()
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        mark = _mark_after(data[: error.start].decode("utf-8"))
        came = f"byte 0x{data[error.start]:02x}"
        raise _Refused(f"{came} came, expected UTF-8 (save the file as UTF-8)", mark) from None


def _line_breaks(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _mark_after(text: str) -> Mark:
    lines = _line_breaks(text).split("\n")
    return len(lines), len(lines[-1]) + 1


# All that YAML 1.1 and 1.2, or two editors, do not read alike: control characters, the line
# breaks of Unicode, halves of characters, the byte order mark in the middle.
_ODD = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def _check_text(text: str) -> None:
    if len(text) > MAX_BYTES:
        raise _too_large()
    odd = _ODD.search(text)
    if odd:
        mark = _mark_after(text[: odd.start()])
        if odd[0] == "\t":
            raise _Refused("a tab came, expected spaces (inside double quotes write \\t)", mark)
        code = f"{ord(odd[0]):04X}"
        hint = f"inside double quotes write \\u{code}"
        raise _Refused(f"character U+{code} came, expected visible text ({hint})", mark)


def _too_large() -> _Refused:
    return _Refused(f"more than {MAX_BYTES:,} bytes came, expected a config of at most 1 MiB")


# From text to events


def _events(text: str) -> Iterator[Any]:
    """The parser's events, in the order of the text; what it cannot parse is refused."""
    loader: Any = yaml.SafeLoader(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    except yaml.MarkedYAMLError as error:
        raise _syntax(error) from None
    except (ValueError, OverflowError):  # chr() and int() inside the scanner: "\UFFFFFFFF", %YAML 1.999...
        raise _Refused("a character or number out of range came", _mark(loader.get_mark())) from None


def _limited(events: Iterable[Any]) -> Iterator[Any]:
    """The same events, up to the first that no config needs."""
    depth = nodes = 0
    for event in events:
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        fault = _fault(event, depth, nodes)
        if fault:
            raise _Refused(fault, _mark(event.start_mark))
        yield event


def _fault(event: Any, depth: int, nodes: int) -> str | None:
    anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
    if depth > MAX_DEPTH:
        return f"nesting of {depth} levels came, expected at most {MAX_DEPTH}"
    if nodes > MAX_NODES:
        return f"more than {MAX_NODES:,} keys and values came, expected a config (data belongs in a CSV file)"
    if isinstance(event, yaml.AliasEvent):
        return f"alias {show(f'*{anchor}')} came, expected the value itself (write it out)"
    if anchor is not None:
        return f"anchor {show(f'&{anchor}')} came, expected the value alone (write it out where it is needed)"
    if tag is not None:
        written = tag.replace("tag:yaml.org,2002:", "!!")
        return f"tag {show(written)} came, expected the value alone (quote it if text is meant)"
    if isinstance(event, yaml.DocumentStartEvent) and event.version not in (None, (1, 2)):
        return f"YAML {event.version[0]}.{event.version[1]} came, expected YAML 1.2 (leave the line out)"
    return None


# What PyYAML says, and what we say instead where its words puzzle people who write configs.
_WORDS = {
    "mapping values are not allowed here": "':' came where no key can stand: check the indentation "
    "and the line above (quote text that holds ': ')",
    "could not find expected ':'": "a key without ':' came, expected KEY: VALUE",
    "found unexpected end of stream": "the end came, expected a closing quote",
    "expected <block end>": "this does not line up with the lines above, expected the same indentation",
    "expected ',' or": "a list or mapping goes on, expected ',' or its closing bracket",
    "expected the node content": "nothing came where a value belongs (is there a comma too many?)",
    "expected alphabetic or numeric character": "a sign of YAML came alone (quote it if text is meant)",
    "found unknown escape character": "this backslash begins no escape (use single quotes, or two of them)",
    "expected '<document start>'": "this came after the end of the settings, expected nothing more",
}


def _syntax(error: yaml.MarkedYAMLError) -> _Refused:
    problem = error.problem or "this is not YAML"
    words = next((ours for theirs, ours in _WORDS.items() if problem.startswith(theirs)), problem)
    if "cannot start any token" in problem:
        words = f"{problem.removeprefix('found ')} (quote it if text is meant)"
    where = error.problem_mark or error.context_mark
    if error.context_mark and where and error.context_mark.line != where.line:
        words += f"; it began on line {error.context_mark.line + 1}"
    return _Refused(words, _mark(where) if where else None)


def _mark(mark: Any) -> Mark:
    return mark.line + 1, mark.column + 1


def _end(event: Any) -> int:
    index: int = event.end_mark.index
    return index


# From events to data


class _Reading:
    """One pass over the events: builds the data, notes the marks, collects what is wrong.

    What is wrong with one setting is collected; where reading on makes no sense, it stops.
    """

    def __init__(self) -> None:
        self.keys: dict[Path, Mark] = {}
        self.values: dict[Path, Mark] = {}
        self.problems: list[_Refused] = []
        self.block = False  # the value spreads over indented lines, without brackets
        self.end = 0  # the index behind the value
        self.events: Iterator[Any] = iter(())

    @property
    def start(self) -> Mark:
        return self.values.get((), (1, 1))

    def read(self, text: str) -> Any:
        text = _line_breaks(text)
        try:
            _check_text(text)
            self.events = _limited(_events(text))
            return self.document()
        except _Refused as refused:
            self.problems.append(refused)

    def document(self) -> Any:
        next(self.events)  # the start of the stream
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        value = self.node(next(self.events), ())
        next(self.events)  # the end of the document
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _Refused("a second document came, expected one", _mark(after.start_mark))
        return value

    def node(self, event: Any, path: Path) -> Any:
        self.values[path] = _mark(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, path)
        self.block = self.block or not event.flow_style
        return self.mapping(path) if isinstance(event, yaml.MappingStartEvent) else self.sequence(path)

    def sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, (*path, len(items))))
        self.end = _end(event)
        return items

    def mapping(self, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event, path)
            data[key] = self.node(next(self.events), (*path, key))
        self.end = _end(event)
        return data

    def key(self, event: Any, path: Path) -> str:
        mark = _mark(event.start_mark)
        if not isinstance(event, yaml.ScalarEvent):
            raise _Refused("a list or mapping came as a key, expected text", mark)
        try:
            key = _key(event)
        except _Refused as refused:
            self.problems.append(_Refused(f"{refused.message}{_within(path)}", mark))
            key = event.value
        first = self.keys.setdefault((*path, key), mark)
        if first != mark:
            message = f"key {show(key)}{_within(path)} came again, first on line {first[0]} (keep one)"
            self.problems.append(_Refused(message, mark))
        return key

    def scalar(self, event: Any, path: Path) -> Any:
        self.end = _end(event)
        try:
            return _scalar(event)
        except _Refused as refused:
            where = f"{dotted(path)}: " if path else ""
            self.problems.append(_Refused(where + refused.message, _mark(event.start_mark)))


def _key(event: Any) -> str:
    if event.style:
        return _quoted(event.value)
    text: str = event.value
    if text == "<<":
        raise _Refused("merge key << came, expected the settings themselves")
    if text == "":
        raise _Refused("':' came without a key before it, expected KEY: VALUE")
    if any(pattern.fullmatch(text) for pattern, _ in _SCALARS):
        raise _Refused(f"key {_bare(text)} came, expected text (quote it)")
    return text


def _scalar(event: Any) -> Any:
    return _quoted(event.value) if event.style else _plain(event.value)


def _quoted(text: str) -> str:
    """Join the halves of a character: JSON writes one beyond U+FFFF as two escapes."""
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise _Refused(f"{show(text)} came, expected whole characters (it holds half a pair)") from None


def _plain(text: str) -> Any:
    """What text without quotes means in YAML 1.2.

    >>> [_plain(text) for text in ("1e-3", "0x1F", "true", "~", "no", "1:30", "1_000", "2024-01-01")]
    [0.001, 31, True, None, 'no', '1:30', '1_000', '2024-01-01']
    """
    for pattern, read in _SCALARS:
        if pattern.fullmatch(text):
            return read(text)
    return text


def _decimal(text: str) -> int:
    digits = text.lstrip("+-")
    _check_length(digits)
    if digits.startswith("0") and digits != "0":
        hint = "leave the leading zeros out, or quote it if text is meant"
        raise _Refused(f"{text} came, expected a number that is read in one way ({hint})")
    return int(text)


def _octal_or_hexadecimal(text: str) -> int:
    _check_length(text[2:])
    return int(text, base=0)


def _check_length(digits: str) -> None:
    if len(digits) > MAX_DIGITS:
        came = f"an integer of {len(digits):,} digits"
        raise _Refused(f"{came} came, expected at most {MAX_DIGITS} (quote it if text is meant)")


def _float(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _not_finite(text)


def _not_finite(text: str) -> float:
    raise _Refused(f"{_bare(text)} came, a number must be finite (quote it if text is meant)")


# The core schema of YAML 1.2 (chapter 10.3.2); all else is text.
_SCALARS = [
    (re.compile(pattern), read)
    for pattern, read in (
        (r"|~|null|Null|NULL", lambda _: None),
        (r"true|True|TRUE", lambda _: True),
        (r"false|False|FALSE", lambda _: False),
        (r"[-+]?[0-9]+", _decimal),
        (r"0o[0-7]+|0x[0-9a-fA-F]+", _octal_or_hexadecimal),
        (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", _float),
        (r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", _not_finite),
    )
]


# From problems to messages


def _input_error(name: str, problems: Iterable[_Refused]) -> InputError:
    return InputError(*(f"{_place(name, problem.mark)}: {_visible(problem.message)}" for problem in problems))


def _place(name: str, mark: Mark | None) -> str:
    return ":".join([_visible(name), *map(str, mark or ())])


def _visible(text: str) -> str:
    """The text on one line: whatever could move the cursor is escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _bare(text: str) -> str:
    return show(text).strip("'")


def _within(path: Path) -> str:
    return f" in {dotted(path)}" if path else ""


def _kind(value: object) -> str:
    return "a list" if isinstance(value, list) else show(value)
