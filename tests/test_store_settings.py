"""Settings read from many texts are what each text says, in its order, whatever they share."""

import json

import pytest

from nnlab.store.settings import parsed, varying

SETTINGS = [
    {"a": 1, "b": [1, 2], "c": None},
    {"a": 1.0, "b": [1, 2], "c": None},
    {"a": True, "b": [1, 3], "c": 0},
    {"b": [1, 2], "a": 1, "d": "text"},
]
TEXTS = list(map(json.dumps, SETTINGS))


def test_what_is_read_says_what_the_text_says() -> None:
    found = parsed(TEXTS)
    assert [json.dumps(dict(found[text])) for text in TEXTS] == TEXTS
    assert [dict(found[text].items()) for text in TEXTS] == SETTINGS


def test_numbers_of_another_kind_and_keys_that_are_missing_vary() -> None:
    found = [parsed(TEXTS)[text] for text in TEXTS]
    assert varying(found) == varying(SETTINGS) == ["a", "b", "c", "d"]
    assert varying(found[:2]) == ["a"]
    assert varying(found[:1]) == []


def test_a_key_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        parsed(TEXTS)[TEXTS[0]]["d"]
