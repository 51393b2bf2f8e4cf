"""One HTML file that holds all it needs, and a policy that lets nothing else in."""

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files


def fill(context: Mapping[str, object]) -> str:
    """The page with its style, its script and these values; all text is escaped.

    The content policy knows style and script by their hashes: whatever else found its way into the page
    would neither run nor load.

    Args:
        context: what the template names; only `Markup` goes in as it is.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    style, script = _read("report.css"), _read("report.js")
    policy = (
        f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_read("report.html"))
    # Ours, and held to by a test: neither contains what would end its element.
    return template.render(context, policy=policy, style=Markup(style), script=Markup(script))


def digest(text: str) -> str:
    """What a content policy knows a text by.

    >>> digest("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return (files("nnlab.render") / "assets" / name).read_text(encoding="utf-8")
