"""The strict YAML reader: what it takes, and what it says about the rest."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nnlab.config import source
from nnlab.config.source import parse, parse_value, read
from nnlab.errors import InputError


def problems(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse(text, "f.yaml")
    return list(caught.value.lines)


def file_problem(path: str | Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    (line,) = caught.value.lines
    return line.replace(str(path), "FILE")


# Scalars


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E+3", 1000.0),
        (".5", 0.5),
        ("-.5e1", -5.0),
        ("1.", 1.0),
        ("0", 0),
        ("-0", 0),
        ("+12", 12),
        ("9" * 30, int("9" * 30)),
        ("0x1F", 31),
        ("0o17", 15),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_yaml_1_2_scalars(text: str, value: Any) -> None:
    came = parse(f"key: {text}", "f.yaml").data["key"]
    assert (came, type(came)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "on",
        "yes",
        "off",
        "y",
        "tRUE",
        "nULL",
        "1:30",
        "1_000",
        "0b1",
        "2024-01-01",
        "1e",
        ".",
        "0x",
        "=",
    ],
)
def test_what_yaml_1_1_would_convert_is_text(text: str) -> None:
    assert parse(f"key: {text}", "f.yaml").data == {"key": text}


@pytest.mark.parametrize("text", ["'1'", '"1"', "|-\n  1", ">-\n  1"])
def test_quoted_and_block_scalars_are_text(text: str) -> None:
    assert parse(f"key: {text}", "f.yaml").data == {"key": "1"}


@pytest.mark.parametrize("text", [".nan", ".NaN", ".inf", "-.INF", "1e400", "-1e400", "695e0514"])
def test_numbers_must_be_finite(text: str) -> None:
    assert problems(f"a:\n  b: {text}") == [
        f"f.yaml:2:6: a.b: {text} came, a number must be finite (quote it if text is meant)"
    ]


@pytest.mark.parametrize("text", ["010", "-007", "00"])
def test_leading_zeros_are_ambiguous(text: str) -> None:
    assert problems(f"a: [1, {text}]") == [
        f"f.yaml:1:8: a[1]: {text} came, expected a number that is read in one way "
        "(leave the leading zeros out, or quote it if text is meant)"
    ]


@pytest.mark.parametrize(
    ("text", "digits"), [("1" * 5000, "5,000"), ("-" + "1" * 31, "31"), ("0x" + "f" * 31, "31")]
)
def test_long_integers_are_refused(text: str, digits: str) -> None:
    assert problems(f"\na: {text}") == [
        f"f.yaml:2:4: a: an integer of {digits} digits came, expected at most 30 (quote it if text is meant)"
    ]


# Keys


def test_every_duplicate_key_is_reported_with_both_lines() -> None:
    assert problems("a: 1\nb:\n  c: 1\n  'c': 2\na: 3\na: 4") == [
        "f.yaml:4:3: key 'c' in b came again, first on line 3 (keep one)",
        "f.yaml:5:1: key 'a' came again, first on line 1 (keep one)",
        "f.yaml:6:1: key 'a' came again, first on line 1 (keep one)",
    ]


@pytest.mark.parametrize("key", ["1", "010", "0.5", "true", "null", "~", ".nan"])
def test_keys_are_text(key: str) -> None:
    assert problems(f"a:\n  {key}: x") == [f"f.yaml:2:3: key {key} came, expected text (quote it) in a"]
    assert parse(f"'{key}': x", "f.yaml").data == {key: "x"}


def test_lists_and_mappings_are_no_keys() -> None:
    expected = ["f.yaml:1:3: a list or mapping came as a key, expected text"]
    assert problems("? [a, b]\n: 1") == expected
    assert problems("? {a: b}\n: 1") == expected


def test_a_missing_key_is_refused() -> None:
    assert problems("?\n: 1") == ["f.yaml:1:2: ':' came without a key before it, expected KEY: VALUE"]


def test_merge_keys_are_refused() -> None:
    assert problems("a: 1\n<<: {b: 2}") == ["f.yaml:2:1: merge key << came, expected the settings themselves"]


def test_problems_of_several_settings_come_together_and_before_a_syntax_error() -> None:
    assert problems("a: 010\n1: .inf\nb: [1") == [
        "f.yaml:1:4: a: 010 came, expected a number that is read in one way "
        "(leave the leading zeros out, or quote it if text is meant)",
        "f.yaml:2:1: key 1 came, expected text (quote it)",
        "f.yaml:2:4: 1: .inf came, a number must be finite (quote it if text is meant)",
        "f.yaml:3:6: a list or mapping goes on, expected ',' or its closing bracket",
    ]


# What no config needs


def test_anchors_and_aliases_are_refused() -> None:
    hint = "expected the value alone (write it out where it is needed)"
    assert problems("a: 1\nb: &x 2\nc: *x") == [f"f.yaml:2:4: anchor '&x' came, {hint}"]
    assert problems("a: &x [*x]") == [f"f.yaml:1:4: anchor '&x' came, {hint}"]
    assert problems("a: *x") == ["f.yaml:1:4: alias '*x' came, expected the value itself (write it out)"]


def test_an_alias_bomb_is_refused_at_once() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40))
    assert problems(bomb)[0].startswith("f.yaml:1:5: anchor '&a0' came")


def test_tags_are_refused_without_side_effect(tmp_path: Path) -> None:
    file = tmp_path / "made"
    assert problems(f"a:\n  b: !!python/object/apply:os.mkdir ['{file}']") == [
        "f.yaml:2:6: tag '!!python/object/apply:os.mkdir' came, "
        "expected the value alone (quote it if text is meant)"
    ]
    assert not file.exists()


@pytest.mark.parametrize("tag", ["!!str", "!!int", "!mine", "!"])
def test_harmless_tags_are_refused_too(tag: str) -> None:
    assert problems(f"a: {tag} 1") == [
        f"f.yaml:1:4: tag '{tag}' came, expected the value alone (quote it if text is meant)"
    ]


def test_one_document_only() -> None:
    assert problems("a: 1\n---\nb: 1") == ["f.yaml:2:1: a second document came, expected one"]
    assert parse("---\na: 1\n...\n", "f.yaml").data == {"a": 1}


def test_only_yaml_1_2() -> None:
    assert parse("%YAML 1.2\n---\na: no", "f.yaml").data == {"a": "no"}
    assert problems("%YAML 1.1\n---\na: no") == [
        "f.yaml:1:1: YAML 1.1 came, expected YAML 1.2 (leave the line out)"
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n", "---\n", "null"])
def test_an_empty_file_is_an_error(text: str) -> None:
    assert problems(text)[0].endswith(": the file is empty, expected a mapping of settings")


@pytest.mark.parametrize(
    ("text", "came"), [("- 1", "a list"), ("[]", "a list"), ("seed 3", "'seed 3'"), ("3", "3")]
)
def test_the_root_is_a_mapping(text: str, came: str) -> None:
    assert problems(f"\n{text}") == [f"f.yaml:2:1: {came} came, expected a mapping of settings"]


# Characters


def test_tabs_are_refused() -> None:
    expected = "a tab came, expected spaces (inside double quotes write \\t)"
    assert problems("a:\n\tb: 1") == [f"f.yaml:2:1: {expected}"]
    assert problems("a: 'x\ty'") == [f"f.yaml:1:6: {expected}"]
    assert parse('a: "x\\ty"', "f.yaml").data == {"a": "x\ty"}


@pytest.mark.parametrize("char", ["\0", "\x1b", "\x7f", "\x85", "\u2028", "\ud800", "\ufeff", "\uffff"])
def test_invisible_characters_are_refused(char: str) -> None:
    code = f"{ord(char):04X}"
    assert problems(f"a: 1\nb: 'é{char}'") == [
        f"f.yaml:2:6: character U+{code} came, expected visible text (inside double quotes write \\u{code})"
    ]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_all_line_breaks_count_as_one_line(line_break: str) -> None:
    document = parse(line_break.join(["a: 1", "# c", "b: 'x", "  y'"]), "f.yaml")
    assert document.data == {"a": 1, "b": "x y"}
    assert document.locate(("b",)) == "f.yaml:3:4"


def test_messages_stay_on_one_line_whatever_keys_hold() -> None:
    assert problems('"\\e[31m\\n":\n  b: .nan') == [
        "f.yaml:2:6: \\x1b[31m\\n.b: .nan came, a number must be finite (quote it if text is meant)"
    ]


def test_a_pair_of_surrogates_is_one_character_and_half_a_pair_is_refused() -> None:
    assert parse('{"a": "\\ud83d\\ude00"}', "f.yaml").data == {"a": "\U0001f600"}
    assert problems('a: "\\ud83d"') == [
        "f.yaml:1:4: a: '\\ud83d' came, expected whole characters (it holds half a pair)"
    ]


# Syntax


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "seed 3\nepochs: 4",
            "2:7: ':' came where no key can stand: check the indentation and the line above "
            "(quote text that holds ': ')",
        ),
        ("a: 1\nseed\nb: 2", "3:1: a key without ':' came, expected KEY: VALUE; it began on line 2"),
        ("\na: 'x\nb: 2", "3:5: the end came, expected a closing quote; it began on line 2"),
        (
            "a: [1, 2\nb: 3",
            "2:2: a list or mapping goes on, expected ',' or its closing bracket; it began on line 1",
        ),
        (
            "a:\n   b: 1\n  c: 2",
            "3:3: this does not line up with the lines above, expected the same indentation; "
            "it began on line 1",
        ),
        ("a: [1,, 2]", "1:7: nothing came where a value belongs (is there a comma too many?)"),
        ("a: 1\n...\nb: 2", "3:1: this came after the end of the settings, expected nothing more"),
        ("a: *", "1:5: a sign of YAML came alone (quote it if text is meant)"),
        ("a: @x", "1:4: character '@' that cannot start any token (quote it if text is meant)"),
        ('a: "C:\\q"', "1:8: this backslash begins no escape (use single quotes, or two of them)"),
        ('a: "\\UFFFFFFFF"', "1:7: a character or number out of range came"),
        (f"%YAML 1.{'9' * 5000}\n---\na: 1", "1:9: a character or number out of range came"),
    ],
)
def test_syntax_errors_are_one_line(text: str, problem: str) -> None:
    assert problems(text) == [f"f.yaml:{problem}"]


PIECES = [
    "a",
    "b: ",
    "- ",
    "? ",
    ": ",
    "\n",
    "\n  ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    '"',
    "\\u",
    "\\U",
    "FFFFFFFF",
]
PIECES += [
    "&a",
    "*a",
    "!",
    "!<",
    "%YAML ",
    "%TAG ! ",
    "1.1",
    "---",
    "...",
    "|",
    ">-",
    "#",
    " #",
    "<<",
    "1",
    "\0",
    "é",
]


@given(st.lists(st.sampled_from(PIECES), max_size=15).map("".join) | st.text(max_size=30))
def test_any_text_is_read_or_refused_in_lines_that_name_it(text: str) -> None:
    for read_text in (parse, parse_value):
        lines = refusal(read_text, text)
        assert all(line.startswith("f.yaml:") and line.isprintable() for line in lines)


def refusal(read_text: Callable[[str, str], Any], text: str) -> list[str]:
    try:
        read_text(text, "f.yaml")
    except InputError as error:
        return list(error.lines)
    return []


# Limits


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "{", "? "])
def test_a_megabyte_of_nesting_is_refused_at_its_beginning(
    opening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    fault = source._fault
    monkeypatch.setattr(source, "_fault", lambda *event: asked.append("event") or fault(*event))
    (line,) = problems(opening * (1_000_000 // len(opening)))
    assert len(asked) < 3 * 33  # events, where the whole text has half a million
    assert "nesting of 33 levels came, expected at most 32" in line or "came as a key" in line


def test_depth_is_limited_to_32() -> None:
    assert parse("a: " + "[" * 31 + "]" * 31, "f.yaml").data["a"]
    assert problems("a: " + "[" * 32 + "]" * 32) == [
        "f.yaml:1:35: nesting of 33 levels came, expected at most 32"
    ]


def test_depth_counts_nesting_not_brackets() -> None:
    assert parse("a: [" + "[], " * 1000 + "]", "f.yaml").data == {"a": [[]] * 1000}


def test_nodes_are_limited_to_20_000() -> None:
    fits = 20_000 - 3  # the root, the key and the list
    assert len(parse(f"a: [{'1,' * fits}]", "f.yaml").data["a"]) == fits
    assert problems(f"a: [{'1,' * (fits + 1)}]") == [
        f"f.yaml:1:{5 + 2 * fits}: more than 20,000 keys and values came, "
        "expected a config (data belongs in a CSV file)"
    ]


def test_size_is_limited_to_1_mib(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    text = "a: 1 #".ljust(source.MAX_BYTES, "x")
    file.write_text(text)
    assert read(file).data == {"a": 1}
    file.write_text(text + "x")
    expected = "more than 1,048,576 bytes came, expected a config of at most 1 MiB"
    assert file_problem(file) == f"FILE: {expected}"
    assert problems(text + "x") == [f"f.yaml: {expected}"]


# Files


def test_read_keeps_the_name_the_user_gave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f.yaml").write_text("a: é", encoding="utf-8")
    document = read(Path("f.yaml"))
    assert (document.name, document.data) == ("f.yaml", {"a": "é"})


def test_a_utf_8_byte_order_mark_is_accepted_and_moves_no_column(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1")
    assert read(file).locate(("a",)) == f"{file}:1:4"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_utf_16_is_refused(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("a: 1", encoding=encoding)
    assert file_problem(file) == "FILE:1:1: UTF-16 or UTF-32 came, expected UTF-8 (save the file as UTF-8)"


@pytest.mark.parametrize("line_break", [b"\n", b"\r\n", b"\r"])
def test_latin_1_is_refused_with_its_line(tmp_path: Path, line_break: bytes) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(line_break.join([b"\xef\xbb\xbfa: 1", b"# \xc3\xa9\xe9"]))
    assert file_problem(file) == "FILE:2:4: byte 0xe9 came, expected UTF-8 (save the file as UTF-8)"


def test_a_missing_file(tmp_path: Path) -> None:
    assert file_problem(tmp_path / "f.yaml") == "FILE: cannot be read: no such file or directory"


def test_a_path_with_a_line_break_stays_on_one_line() -> None:
    with pytest.raises(InputError) as caught:
        read("no\nfile")
    assert caught.value.lines == ("no\\nfile: cannot be read: no such file or directory",)


def test_a_path_that_no_file_can_have() -> None:
    with pytest.raises(InputError, match=r"^f\\x00: cannot be read: embedded null"):
        read("f\0")


def test_a_folder(tmp_path: Path) -> None:
    assert file_problem(tmp_path) == "FILE: a folder came, expected a YAML file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f.yaml")
    assert file_problem(tmp_path / "f.yaml") == "FILE: a pipe or device came, expected a YAML file"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_a_device_is_refused() -> None:
    assert file_problem("/dev/zero") == "FILE: a pipe or device came, expected a YAML file"


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:  # chmod would not stop root
        raise PermissionError(13, "Permission denied")

    (tmp_path / "f.yaml").write_text("a: 1")
    monkeypatch.setattr("builtins.open", refuse)
    assert file_problem(tmp_path / "f.yaml") == "FILE: cannot be read: permission denied"


# Places

TEXT = """\
# a comment
seed: 0
data: {source: moons,
       samples: 500}
model:
  hidden:
    - 64
    - 32
  'output': auto
  dtype:
"""


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (("seed",), "2:7", "2:1"),
        (("data",), "3:7", "3:1"),
        (("data", "samples"), "4:17", "4:8"),
        (("model", "hidden"), "7:5", "6:3"),
        (("model", "hidden", 1), "8:7", "8:7"),
        (("model", "output"), "9:13", "9:3"),
        (("model", "dtype"), "10:9", "10:3"),
        (("data", "noise"), "3:7", "3:1"),
        (("seed", "deeper", 0), "2:7", "2:1"),
        (("loss",), "1:1", "1:1"),
        ((), "1:1", "1:1"),
    ],
)
def test_locate(path: tuple[str | int, ...], value: str, key: str) -> None:
    document = parse(TEXT, "f.yaml")
    assert document.locate(path) == f"f.yaml:{value}"
    assert document.locate(path, at_key=True) == f"f.yaml:{key}"


# One value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("no", "no"),
        ("'1'", "1"),
        ("", None),
        (" ", None),
        ("null", None),
        ("run#1", "run#1"),
        ("'#1'", "#1"),
        ("[1, [a, true]]", [1, ["a", True]]),
        ("{name: adam, learning_rate: 1e-3}", {"name": "adam", "learning_rate": 0.001}),
        ('{"a":\r\n [1]}', {"a": [1]}),
    ],
)
def test_parse_value(text: str, value: Any) -> None:
    assert parse_value(text, "--set x") == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{a: [.nan]}", "a[0]: .nan came, a number must be finite (quote it if text is meant)"),
        (
            "a: b",
            "'a: b' came, expected one value (write [a, b] or {key: value}, or quote it if text is meant)",
        ),
        (
            "- 1",
            "'- 1' came, expected one value (write [a, b] or {key: value}, or quote it if text is meant)",
        ),
        ("a #1", "'a #1' came, expected a value without comment (quote the value if '#' belongs to it)"),
        ("#1", "'#1' came, expected a value without comment (quote the value if '#' belongs to it)"),
        ("[1, 2", "a list or mapping goes on, expected ',' or its closing bracket"),
    ],
)
def test_parse_value_names_what_it_reads(text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_value(text, "--set x")
    assert caught.value.lines == (f"--set x: {problem}",)


# Round trips

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f\x85"), max_size=20)
numbers = st.integers(-(10**30) + 1, 10**30 - 1) | st.floats(allow_nan=False, allow_infinity=False)
lookalikes = st.sampled_from(
    ["", "1e-3", "010", ".nan", "true", "null", "~", "<<", "no", "#", "&a", "- a", "a: b"]
)
scalars = st.none() | st.booleans() | numbers | texts | lookalikes
data = st.dictionaries(
    texts | lookalikes,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=10,
    ),
    max_size=5,
)


class QuotingDumper(yaml.SafeDumper):
    """Quotes all text: PyYAML would write the text 1e-3 without quotes, a number in YAML 1.2."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _quote(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


QuotingDumper.add_representer(str, _quote)


@given(data, st.sampled_from([False, True]))
def test_dumped_yaml_comes_back(data: dict[str, Any], flow: bool) -> None:
    text = yaml.dump(data, Dumper=QuotingDumper, default_flow_style=flow, sort_keys=False)
    assert repr(parse(text, "f.yaml").data) == repr(data)  # repr tells 1 from 1.0 and from True


@given(data, st.sampled_from([None, 2]), st.booleans())
def test_json_is_yaml(data: dict[str, Any], indent: int | None, escape: bool) -> None:
    text = json.dumps(data, indent=indent, ensure_ascii=escape)
    if escape or not source._ODD.search(text):
        assert repr(parse(text, "f.yaml").data) == repr(data)
        assert repr(parse_value(text, "--set x")) == repr(data)


@given(data)
def test_every_setting_has_a_place(data: dict[str, Any]) -> None:
    document = parse(json.dumps(data, indent=1), "f.yaml")
    lines = json.dumps(data, indent=1).split("\n")
    for path, (line, column) in document.keys.items():
        assert lines[line - 1][column - 1 :].startswith(json.dumps(path[-1]))
        assert path in document.values
