"""A chart as SVG inside a page: it takes the colours of the page, and its marks say what they show."""

import re
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

from nnlab.render.charts.theme import theme

SVG = "http://www.w3.org/2000/svg"
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
    root = ElementTree.fromstring(vl_convert.vegalite_to_svg(definition))
    del root.attrib["height"]  # it follows from the width, which a small screen makes smaller
    root.attrib["role"] = "presentation"
    colours = _colours()
    for element in list(root.iter()):
        words = _words(element.attrib)
        for attribute, value in list(element.attrib.items()):
            if attribute.startswith("aria-") or (attribute == "role" and element is not root):
                del element.attrib[attribute]
            elif attribute == "id":
                element.attrib[attribute] = f"{name}-{value}"
            else:
                short = _LONG.sub(r"\1", value) if attribute in ("d", "transform") else value
                element.attrib[attribute] = _OWN.sub(f"url(#{name}-", colours.get(short, short))
        if words:
            title = ElementTree.Element(f"{{{SVG}}}title")
            title.text = words
            element.insert(0, title)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _words(attributes: dict[str, str]) -> str:
    """What a mark shows, its names before its numbers; a browser shows it as the mark's tooltip."""
    kind = attributes.get("aria-roledescription", "")
    if not kind.startswith(_MARKS) or kind.endswith("container"):
        return ""
    facts = attributes.get("aria-label", "").split("; ")
    return "; ".join(sorted(facts, key=lambda fact: bool(_IS_NUMBER.search(fact))))


def _colours() -> dict[str, str]:
    """Colours of the light theme -> the variables of the page."""
    light = theme()
    return {
        light["background"]: "var(--paper)",
        light["title"]["color"]: "var(--ink)",
        light["title"]["subtitleColor"]: "var(--quiet)",
        light["axis"]["gridColor"]: "var(--line)",
    }
