"""The HTML report, in a real browser where there is one: safe, quiet, usable, and small."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from nnlab.render.formats import FORMATS
from nnlab.text import one_line
from tests.browser import Browser, chromium
from tests.reports import HOSTILE, report_of

ASSETS = Path(__file__).parent.parent / "nnlab/render/assets"
PHONE = (375, 812)
DESKTOP = (1280, 900)


class Page(HTMLParser):
    """The elements of a page, with their attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in self.texts:
            self.texts[self._inside].append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


def losses(count: int, seeds: int = 8) -> list[list[float]]:
    wobble = np.random.default_rng(0).normal(0, 0.05, (count, seeds))
    return [list(1 + 0.1 * number + wobble[number]) for number in range(count)]


@pytest.fixture(scope="module")
def plain() -> str:
    return FORMATS["html"].write(report_of(dict(zip(("none", "l2", "dropout"), losses(3), strict=True))))


@pytest.fixture(scope="module")
def hostile() -> str:
    names = ("none", *HOSTILE)
    return FORMATS["html"].write(report_of(dict(zip(names, losses(len(names)), strict=True)), HOSTILE[2]))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def opened(browser: Browser, tmp_path: Path, plain: str) -> Browser:
    return show(browser, tmp_path, plain)


def show(
    browser: Browser, folder: Path, text: str, size: tuple[int, int] = DESKTOP, dark: bool = False
) -> Browser:
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    browser.look(*size, dark)
    browser.open(path)
    return browser


# --- without a browser ----------------------------------------------------------------------------


def test_names_add_no_element_and_no_attribute(plain: str, hostile: str) -> None:
    page = Page(hostile)
    assert page.count("script") == page.count("style") == 1
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in Page(plain).elements}
    used = {name for _, attributes in page.elements for name in attributes}
    assert used == {name for _, attributes in Page(plain).elements for name in attributes}


def test_the_policy_lets_nothing_in_but_what_the_page_holds(plain: str) -> None:
    page = Page(plain)
    policy = next(found["content"] for tag, found in page.elements if "http-equiv" in found) or ""
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        own = base64.b64encode(hashlib.sha256("".join(page.texts[kind]).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{own}'" in policy
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not [name for _, attributes in page.elements for name in attributes if name == "style"]


def test_nothing_is_loaded_from_anywhere(hostile: str) -> None:
    page = Page(hostile)
    links = [value for _, found in page.elements for name, value in found.items() if name in ("src", "href")]
    assert set(links) == {"data:,", "#comparison"}


def test_style_and_script_do_not_end_their_element() -> None:
    assert "</" not in (ASSETS / "report.css").read_text()
    assert not re.search("</script|<!--", (ASSETS / "report.js").read_text())


def test_every_id_is_the_only_one_and_every_reference_has_one(plain: str) -> None:
    elements = Page(plain).elements
    ids = [str(found["id"]) for _, found in elements if "id" in found]
    assert len(ids) == len(set(ids))
    references = ("aria-labelledby", "aria-describedby")
    assert {found[name] for _, found in elements for name in references if name in found} <= set(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", plain)) <= set(ids)


def test_the_verdict_comes_before_the_table(plain: str) -> None:
    assert plain.index("Against none, over 8 paired seeds") < plain.index("<table")


def test_the_caption_tells_the_order_only_where_it_is_that() -> None:
    report = report_of({"none": [1.0, 2.0], "l2": [0.5, 0.6]}, compared=False)
    assert "Best by val_loss first." in FORMATS["html"].write(report)
    turned = replace(report, summary=report.summary[::-1].reset_index(drop=True))
    assert "Best by val_loss first." not in FORMATS["html"].write(turned)
    without = replace(report, metrics=["test_loss"], summary=report.summary.drop(columns="val_loss"))
    assert "No line has a val_loss" in FORMATS["html"].write(without)


def test_without_a_baseline_the_headline_is_the_best_line() -> None:
    page = FORMATS["html"].write(report_of({"none": [1.0, 2.0], "l2": [0.5, 0.75]}, compared=False))
    assert "l2 is the best of 2 lines by val_loss, 0.625." in page


def test_every_config_is_there_and_what_differs_comes_first(plain: str) -> None:
    text = plain.split("<summary>dropout</summary>")[1].split("</pre>")[0]
    assert text.index("regularization.l2: 2.0") < text.index("the same in all lines")
    assert text.index("the same in all lines") < text.index("data.source: &#34;moons&#34;")


def test_what_the_report_says_has_a_heading_and_columns_stay_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(_: object) -> str:
        return (
            "Bias is <b>small</b>.\n\nloss  bias  variance\n<l2>   0.1       0.2\n\n"
            "l2    high bias\nnone  fine\n\nnot  a table\nat all\n"
        )

    monkeypatch.setattr("nnlab.render.html.SECTIONS", {"What it says": said})
    page = FORMATS["html"].write(report_of({"none": [1.0, 2.0]}))
    assert ">What it says</h2>" in page
    assert "<p>Bias is &lt;b&gt;small&lt;/b&gt;.</p>" in page
    assert re.search('<th scope="col" class="number">variance</th></tr></thead>', page)
    assert re.search(
        r'&lt;l2&gt;</span></th><td class="number">0.1</td><td class="number">0.2</td></tr>', page
    )
    assert "none</span></th><td>fine</td></tr>" in page
    assert "<pre>not  a table\nat all</pre>" in page


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
def test_text_has_the_contrast_that_wcag_asks_for(scheme: int) -> None:
    block = re.findall(r":root \{([^}]*)\}", (ASSETS / "report.css").read_text())[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#\w+)", block))
    pairs = [(name, ground) for name in ("ink", "quiet", "accent") for ground in ("paper", "panel")]
    pairs += [(name, f"{name}-paper") for name in ("better", "worse", "same", "unknown")]
    for name, ground in pairs:
        light, dark = sorted((luminance(colours[name]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, ground)


def test_a_page_of_many_lines_is_small_and_says_how_many_it_leaves_out() -> None:
    name = "learning_rate=0.001, l2=0.0001, dropout=0.25, hidden=[64, 64] "
    report = report_of({f"{name}{number}": [float(number)] for number in range(2500)}, compared=False)
    page = FORMATS["html"].write(report)
    assert page.split("</table>")[0].count("<tr>") == 1 + 1000
    assert page.count("<details>") == 1000
    assert "have 1,500 more lines" in page
    assert len(page.encode()) < 1e6  # so 10,000 lines stay far below 5 MB


# --- in a browser ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_asks_for_nothing_and_says_nothing(
    browser: Browser, tmp_path: Path, plain: str, hostile: str, dark: bool
) -> None:
    for text in (plain, hostile):
        show(browser, tmp_path, text, dark=dark)
        assert browser.requests() == [(tmp_path / "report.html").as_uri()]
        assert browser.complaints() == []


def test_names_are_shown_as_they_are(browser: Browser, tmp_path: Path, hostile: str) -> None:
    show(browser, tmp_path, hostile)
    found = browser.run(
        "[...document.querySelectorAll('.comparison tbody th')].map(cell => cell.textContent)"
    )
    assert set(found) == {one_line(name) for name in ("none", *HOSTILE)}
    assert browser.run("document.title") == f"{one_line(HOSTILE[2])} - nnlab report"


def test_the_policy_stops_a_script_that_got_in(opened: Browser) -> None:
    """And the test above would have heard of it."""
    opened.run(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.here = 1'}))"
    )
    opened.run("document.body.insertAdjacentHTML('beforeend', '<img src=\"https://example.org/x.png\">')")
    assert opened.run("window.here") is None
    opened.run("new Promise(done => setTimeout(done, 50))")
    assert len(opened.complaints()) >= 2


def column(browser: Browser, heading: str) -> list[str]:
    names = browser.run("[...document.querySelectorAll('thead th')].map(cell => cell.textContent)")
    rows = "[...document.querySelector('.comparison').tBodies[0].rows]"
    script = f"{rows}.map(row => row.cells[{names.index(heading)}].textContent.trim())"
    return list(browser.run(script))


def button(heading: str) -> str:
    return (
        f"[...document.querySelectorAll('thead button')].find(button => button.textContent === {heading!r})"
    )


def sorted_by(browser: Browser) -> dict[str, str]:
    found = browser.run("[...document.querySelectorAll('thead th')].map(c => [c.textContent, c.ariaSort])")
    return {text: order for text, order in found if order != "none"}


def test_a_click_on_a_heading_sorts_by_numbers_and_another_turns_it_round(opened: Browser) -> None:
    x, y = opened.run(
        f"(() => {{ const box = {button('test loss')}.getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2] })()"
    )
    opened.point(x, y, click=True)
    assert sorted_by(opened) == {"test loss": "ascending"}
    rising = [float(text.split()[0]) for text in column(opened, "test loss")]
    assert rising == sorted(rising)
    opened.point(x, y, click=True)
    assert sorted_by(opened) == {"test loss": "descending"}
    assert [float(text.split()[0]) for text in column(opened, "test loss")] == rising[::-1]


def test_the_keyboard_sorts_too_and_what_is_missing_goes_last(opened: Browser) -> None:
    opened.run(f"{button('p')}.focus()")
    for order in ("ascending", "descending"):
        opened.press("Enter", 13, "\r")
        assert sorted_by(opened) == {"p": order}
        assert column(opened, "p")[-1] == "-"
        assert column(opened, "strategy")[-1] == "none"


def tip(browser: Browser) -> str:
    return str(browser.run("(tip => tip.hidden ? '' : tip.textContent)(document.getElementById('tip'))"))


def test_pointing_at_a_mark_shows_its_value(opened: Browser) -> None:
    opened.run("document.querySelector('.picture').scrollIntoView()")
    x, y = opened.run(
        "(box => [box.x + box.width / 2, box.y + box.height / 2])"
        "(document.querySelector('.picture .mark-symbol.role-mark path').getBoundingClientRect())"
    )
    assert tip(opened) == ""
    opened.point(x, y)
    assert re.search(r"difference: [−\d.]+", tip(opened))
    opened.point(2, 2)
    assert tip(opened) == ""


def test_arrow_keys_walk_along_the_marks(opened: Browser) -> None:
    opened.run("document.querySelector('.picture').focus()")
    opened.press("ArrowRight", 39)
    first = tip(opened)
    opened.press("ArrowRight", 39)
    assert first
    assert tip(opened) not in ("", first)
    opened.press("ArrowLeft", 37)
    assert tip(opened) == first
    opened.press("Escape", 27)
    assert tip(opened) == ""


def test_on_a_phone_only_tables_and_pictures_scroll_sideways(
    browser: Browser, tmp_path: Path, plain: str, hostile: str
) -> None:
    for text in (plain, hostile):
        show(browser, tmp_path, text, PHONE)
        assert browser.run("document.documentElement.scrollWidth") == PHONE[0]
    browser.run("document.querySelector('.comparison').parentNode.scrollLeft = 200")
    assert browser.run("document.querySelector('tbody th').getBoundingClientRect().left") < 30


def test_a_phone_shows_marks_beside_names_and_whole_pictures(
    browser: Browser, tmp_path: Path, plain: str
) -> None:
    show(browser, tmp_path, plain, PHONE)
    beside = "getComputedStyle(document.querySelector('th[data-mark]'), '::after').content"
    assert browser.run(beside) in {f'"{words}"' for words in ("+ better", "− worse", "= within noise")}
    assert browser.run("[...document.querySelectorAll('svg')].every(one => one.clientWidth <= 343)")


def test_a_phone_shows_the_difference_without_scrolling(browser: Browser, tmp_path: Path, plain: str) -> None:
    show(browser, tmp_path, plain, PHONE)
    headings = "[...document.querySelectorAll('.comparison thead th')]"
    difference = f"{headings}.find(one => /^difference/.test(one.innerText))"
    assert browser.run(f"{difference}.getBoundingClientRect().right") <= PHONE[0]
    assert browser.run(f"{headings}.at(-1).innerText").startswith("seeds")


def test_the_columns_of_a_comparison_fit_a_small_desktop(
    browser: Browser, tmp_path: Path, plain: str
) -> None:
    show(browser, tmp_path, plain, (1200, 900))
    assert browser.run("(one => one.scrollWidth <= one.clientWidth)(document.querySelector('.wide'))")


def test_what_is_sorted_anew_is_no_longer_called_best_first(opened: Browser) -> None:
    assert "first" in opened.run("document.querySelector('caption').textContent")
    opened.run(f"{button('gap')}.click()")
    assert opened.run("document.querySelector('caption').textContent") == "Choose a heading to sort."


def test_without_its_script_everything_is_there(browser: Browser, tmp_path: Path, plain: str) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        show(browser, tmp_path, plain)
        assert browser.run("document.querySelectorAll('thead button').length") == 0
        assert browser.run("document.querySelectorAll('.picture svg title').length") > 5
        assert browser.run("document.querySelector('tbody').innerText").count("\n") >= 3
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)


def test_paper_shows_what_a_click_would_open(opened: Browser, tmp_path: Path) -> None:
    opened.run("dispatchEvent(new Event('beforeprint'))")
    assert opened.run("document.querySelectorAll('details:not([open])').length") == 0
    opened.run("dispatchEvent(new Event('afterprint'))")
    assert opened.run("document.querySelectorAll('details[open]').length") == 0
    opened.print(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
