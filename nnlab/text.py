"""Text from outside, made safe for where it goes: names of columns, classes and strategies, errors."""

import re
from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Hashable)

# Controls that move a cursor, colour a terminal, break a line, turn its direction or are half a character.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
# What begins a formula in a spreadsheet; the wide ones do in Japanese and Chinese settings.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def one_line(text: str) -> str:
    """Text without control characters, each shown as its code.

    >>> one_line("red\\x1b[31m")
    'red\\\\x1b[31m'
    """
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def count_of(number: int, thing: str) -> str:
    """A number of things.

    >>> count_of(1, "run"), count_of(2500, "run")
    ('1 run', '2,500 runs')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def settings_in_words(settings: Mapping[str, Any], exact: Collection[str] = ()) -> str:
    """Settings as people write them: the last part of a key, unless two keys end alike.

    >>> settings_in_words({"regularization.l2": 10.0, "model.activation": {"name": "elu", "alpha": 2}})
    'l2=10, activation=elu(alpha=2)'
    >>> settings_in_words({"optimizer.name": "sgd", "model.initializer.name": "he"})
    'optimizer.name=sgd, model.initializer.name=he'
    >>> settings_in_words({"regularization.l2": 1.0000001}, exact={"regularization.l2"})
    'l2=1.0000001'
    """
    last = [key.rpartition(".")[2] for key in settings]
    names = last if len(set(last)) == len(last) else settings
    return ", ".join(
        f"{name}={_exact(value) if key in exact else value_in_words(value)}"
        for name, (key, value) in zip(names, settings.items(), strict=True)
    )


def distinct_words(settings: Mapping[Key, Mapping[str, Any]]) -> dict[Key, str]:
    """Different settings in different words: those that would read alike with all their digits.

    >>> distinct_words({1: {"l2": 1.0000001}, 2: {"l2": 1.0000002}, 3: {"l2": 5.0}})
    {1: 'l2=1.0000001', 2: 'l2=1.0000002', 3: 'l2=5'}
    """
    words = {key: settings_in_words(own) for key, own in settings.items()}
    count = Counter(words.values())
    return {
        key: words[key] if count[words[key]] == 1 else settings_in_words(own, own)
        for key, own in settings.items()
    }


def read_alike(values: Sequence[Any]) -> bool:
    """Whether two different values have the same words.

    >>> read_alike([1.0000001, 1.0000002]), read_alike([1, 2]), read_alike([1.0, 1.0])
    (True, False, False)
    """
    exact = {_exact(value) for value in values}
    return len({value_in_words(value) for value in values}) < len(exact)


def _exact(value: Any) -> str:
    import json

    return json.dumps(value)


def value_in_words(value: Any) -> str:
    """The value of a setting as people write it.

    >>> value_in_words(1e-5), value_in_words([64, 64]), value_in_words(None)
    ('1e-05', '[64, 64]', 'null')
    """
    import json

    if isinstance(value, Mapping) and "name" in value:
        options = settings_in_words({key: item for key, item in value.items() if key != "name"})
        return f"{value['name']}({options})" if options else str(value["name"])
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def csv_text(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula; numbers are not text and stay as they are.

    Tabs, line breaks and other controls become their codes, so that no cell begins with one either.

    >>> csv_text("=cmd()"), csv_text("l2"), csv_text("\\t=cmd()")
    ("'=cmd()", 'l2', '\\\\t=cmd()')
    """
    text = one_line(text)
    return f"'{text}" if text.startswith(_FORMULA_SIGNS) else text
