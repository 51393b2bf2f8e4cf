"""The settings of many runs, read from their texts: what they share is kept once."""

import json
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any


class Settings(Mapping[str, Any]):
    """The settings of one run, dotted keys: those of another run with the same keys, and where it differs.

    Of a hundred thousand settings that differ in two values, dicts of their own would take half a gigabyte.

    Args:
        shared: all settings of some run.
        own: those that are not the same here.

    >>> Settings({"a": 1, "b": 2}, {"b": 3})
    {'a': 1, 'b': 3}
    """

    __slots__ = ("own", "shared")

    def __init__(self, shared: dict[str, Any], own: dict[str, Any]) -> None:
        self.shared, self.own = shared, own

    def __getitem__(self, key: str) -> Any:
        return self.own[key] if key in self.own else self.shared[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.shared)

    def __len__(self) -> int:
        return len(self.shared)

    def items(self) -> ItemsView[str, Any]:
        return {**self.shared, **self.own}.items()

    def __repr__(self) -> str:
        return repr(dict(self))


def parsed(texts: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Texts of settings (JSON) -> the settings.

    >>> parsed(['{"a": 1}', '{"a": 2}'])
    {'{"a": 1}': {'a': 1}, '{"a": 2}': {'a': 2}}
    """
    first: dict[tuple[str, ...], dict[str, Any]] = {}  # of each sequence of keys
    found: dict[str, Mapping[str, Any]] = {}
    for text in texts:
        settings = json.loads(text)
        shared = first.setdefault(tuple(settings), settings)
        own = {
            key: value
            for key, value in settings.items()
            if value != (other := shared[key]) or type(value) is not type(other)
        }
        found[text] = Settings(shared, own)
    return found


def varying(settings: Iterable[Mapping[str, Any]]) -> list[str]:
    """The keys in which some settings differ, in the order of the config.

    >>> varying([{"a": 1, "b": 2}, {"a": 1, "b": 3}])
    ['b']
    """
    one, *others = list(settings) or [{}]
    apart = set(chain.from_iterable(_apart(one, other) for other in others))
    keys = dict.fromkeys(chain(one, *others)) if apart else ()
    return [key for key in keys if key in apart]


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(one, Settings) and isinstance(other, Settings) and one.shared is other.shared:
        keys: Iterable[str] = {*one.own, *other.own}
    else:
        keys = {*one, *other}
    return (key for key in keys if differ(one.get(key), other.get(key)))


def differ(value: object, other: object) -> bool:
    """Whether two values are not the same setting; 1, 1.0 and true are three."""
    return value is not other and (type(value) is not type(other) or value != other)
