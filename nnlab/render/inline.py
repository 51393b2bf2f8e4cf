"""A chart as SVG inside a page: it takes the colours of the page, and its marks say what they show."""

import re
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

SVG = "http://www.w3.org/2000/svg"
MOST = 1000  # marks of one kind that say what they show; more are a surface
_LONG = re.compile(r"(\d+\.\d\d)\d+")  # hundredths of a pixel cannot be seen
# Vega's words for marks that stand for one row of data; lines and areas stand for many, axes for none.
_MARKS = ("point", "circle", "square", "bar", "rect", "arc", "tick", "symbol")
_IS_NUMBER = re.compile(r": [-−]?\d[^:]*$")
_OWN = re.compile(r"url\(#")


def inline_svg(definition: dict[str, Any], name: str) -> Markup:
    """The SVG of a chart.

    Args:
        definition: of Vega-Lite, in the light theme.
        name: begins the ids inside, which must be the only ones of their page.
    """
    import vl_convert

    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(vl_convert.vegalite_to_svg(with_points(definition)))
    del root.attrib["height"]  # it follows from the width, which a small screen makes smaller
    root.attrib["role"] = "presentation"
    colours = _colours()
    crowded = {mark for group in root.iter() if len(group) > MOST for mark in group}
    for element in list(root.iter()):
        words = "" if element in crowded else _words(element.attrib)
        for attribute, value in list(element.attrib.items()):
            if attribute.startswith("aria-") or (attribute == "role" and element is not root):
                del element.attrib[attribute]
            elif attribute == "id":
                element.attrib[attribute] = f"{name}-{value}"
            else:
                short = _LONG.sub(r"\1", value) if attribute in ("d", "transform", "opacity") else value
                element.attrib[attribute] = _OWN.sub(f"url(#{name}-", colours.get(short, short))
        if words:
            title = ElementTree.Element(f"{{{SVG}}}title")
            title.text = words
            element.insert(0, title)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def with_points(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition, with a point that nobody sees on each row of a line: what the reader points at.

    >>> with_points({"layer": [{"mark": "line"}, {"mark": "rule"}]})
    {'layer': [{'mark': {'type': 'line', 'point': {'opacity': 0}}}, {'mark': 'rule'}]}
    """
    found: dict[str, Any] = {}
    for key, value in definition.items():
        if key == "mark" and (value == "line" or (isinstance(value, dict) and value.get("type") == "line")):
            given = value if isinstance(value, dict) else {"type": value}
            found[key] = {**given, "point": given.get("point", {"opacity": 0})}
        elif isinstance(value, dict) and key not in ("data", "datasets"):
            found[key] = with_points(value)
        elif isinstance(value, list) and key in ("layer", "concat", "hconcat", "vconcat"):
            found[key] = [with_points(item) for item in value]
        else:
            found[key] = value
    return found


def _words(attributes: dict[str, str]) -> str:
    """What a mark shows, its names before its numbers; a browser shows it as the mark's tooltip."""
    kind = attributes.get("aria-roledescription", "")
    if not kind.startswith(_MARKS) or kind.endswith("container"):
        return ""
    facts = attributes.get("aria-label", "").split("; ")
    return "; ".join(sorted(facts, key=lambda fact: bool(_IS_NUMBER.search(fact))))


def _colours() -> dict[str, str]:
    """Colours of the light theme -> the variables of the page."""
    from nnlab.render.charts.theme import theme  # with Altair: 0.2 s that other formats do without

    light = theme()
    return {
        light["background"]: "var(--paper)",
        light["title"]["color"]: "var(--ink)",
        light["title"]["subtitleColor"]: "var(--quiet)",
        light["axis"]["gridColor"]: "var(--line)",
    }
