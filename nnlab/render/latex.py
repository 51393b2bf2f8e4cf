"""A report in LaTeX: a tabular that needs nothing but booktabs, and what it says as comments."""

import re
import unicodedata

from nnlab.analysis.report import Report
from nnlab.render.columns import Column, columns
from nnlab.render.sections import sections

# Everything becomes ASCII, so that the table compiles with every engine and font encoding: pairs of a
# character and its name. Brackets and stars would be options of the line break before them.
_NAMES = r"""
\ \textbackslash{} { \{ } \} # \# $ \$ % \% & \& _ \_ ~ \textasciitilde{} ^ \textasciicircum{}
< \textless{} > \textgreater{} | \textbar{} " {\char34} ` {\char96} [ {[} ] {]} * {*}
– \textendash{} — \textemdash{} ‘ \textquoteleft{} ’ \textquoteright{} “ \textquotedblleft{}
” \textquotedblright{} ß {\ss} æ {\ae} Æ {\AE} œ {\oe} Œ {\OE} ø {\o} Ø {\O} ł {\l} Ł {\L} ı {\i} … \ldots{}
± $\pm$ × $\times$ ² $^2$ ³ $^3$ ° $^\circ$ → $\rightarrow$ ≤ $\leq$ ≥ $\geq$ ≠ $\neq$ ≈ $\approx$
∞ $\infty$ − $-$
α $\alpha$ β $\beta$ γ $\gamma$ δ $\delta$ ε $\epsilon$ ζ $\zeta$ η $\eta$ θ $\theta$ ι $\iota$ κ $\kappa$
λ $\lambda$ μ $\mu$ µ $\mu$ ν $\nu$ ξ $\xi$ π $\pi$ ρ $\rho$ σ $\sigma$ τ $\tau$ υ $\upsilon$ φ $\phi$
χ $\chi$ ψ $\psi$ ω $\omega$
Γ $\Gamma$ Δ $\Delta$ Θ $\Theta$ Λ $\Lambda$ Ξ $\Xi$ Π $\Pi$ Σ $\Sigma$ Φ $\Phi$ Ψ $\Psi$
Ω $\Omega$
"""
_SIGNS: dict[str, str] = dict(re.findall(r"(\S) (\S+)", _NAMES)) | {"\N{NO-BREAK SPACE}": "~"}
_ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING MACRON}": "=",
    "\N{COMBINING BREVE}": "u",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING RING ABOVE}": "r",
    "\N{COMBINING DOUBLE ACUTE ACCENT}": "H",
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING CEDILLA}": "c",
}
_NUMBER = re.compile(r"-?\d[\d,.]*(e[-+]\d+)?( ± \d[\d.]*(e[-+]\d+)?)?")
_POWER = re.compile(r"e([-+]\d+)")
_MARKS = {"+": "$+$", "-": "$-$", "=": "$=$"}
_DASHES = re.compile("(?<=-)-")  # two in a row would become one long one


def write_latex(report: Report) -> str:
    """A tabular: it goes into any table or figure, under whatever caption. The words stand escaped, too."""
    shown = columns(report)
    words = (line for text in sections(report) for line in text.splitlines())
    lines = [
        r"% Needs \usepackage{booktabs} in the preamble.",
        *(f"% {escaped(line)}".rstrip() for line in words),
        rf"\begin{{tabular}}{{{''.join('r' if column.numeric else 'l' for column in shown)}}}",
        r"\toprule",
        _line([escaped(column.heading) for column in shown]),
        r"\midrule",
        *(_line(list(cells)) for cells in zip(*map(_cells, shown), strict=True)),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is; a character without a name in plain LaTeX shows its code.

    >>> print(escaped("50 % & λ_1, naïve"), escaped("中"))
    50 \\% \\& $\\lambda$\\_1, na\\"{i}ve U+4E2D
    """
    return _DASHES.sub("{}-", "".join(map(_character, text)))


def _character(character: str) -> str:
    if character in _SIGNS:
        return _SIGNS[character]
    if character.isascii():
        return character
    base, *marks = list(unicodedata.normalize("NFD", character))
    if base.isascii() and base.isalpha() and len(marks) == 1 and marks[0] in _ACCENTS:
        return f"\\{_ACCENTS[marks[0]]}{{{base}}}"
    return f"U+{ord(character):04X}"


def _line(cells: list[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _cells(column: Column) -> list[str]:
    return [_number(cell) if column.numeric else _MARKS.get(cell) or escaped(cell) for cell in column.cells]


def _number(cell: str) -> str:
    """A number in mathematics, where a minus is a minus."""
    if not _NUMBER.fullmatch(cell):
        return escaped("–" if cell == "-" else cell)
    words = cell.replace(",", "{,}").replace("±", r"\pm")
    return f"${_POWER.sub(_power, words)}$"


def _power(match: re.Match[str]) -> str:
    return rf" \times 10^{{{int(match[1])}}}"
