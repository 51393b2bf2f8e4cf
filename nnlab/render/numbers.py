"""Numbers as people read them: as many digits as the interval allows, no more."""

import math

SMALLEST, LARGEST = -4, 7  # exponents of numbers that are written out
UNEVEN = 0.5  # of half an interval: then "±" would tell neither end
ROUNDING = 1e-12  # of a mean: an interval that narrow is of rounding alone


def number(value: float, digits: int = 4) -> str:
    """A number with so many significant digits; a dash where there is none.

    >>> number(0.0123456), number(12345.6), number(float("nan")), number(3.0e-9)
    ('0.01235', '12346', '-', '3.000e-09')
    """
    if value is None or math.isnan(value):
        return "-"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    exponent = _exponent(value)
    if _is_far(exponent):
        return f"{value:.{digits - 1}e}"
    return f"{value:.{max(0, digits - 1 - exponent)}f}"


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value)))


def _is_far(exponent: int) -> bool:
    """Whether zeros would fill the cell, so that a power of ten reads better."""
    return not SMALLEST <= exponent <= LARGEST


def percent(share: float, places: int = 0) -> str:
    """A share as people write it.

    >>> percent(0.256), percent(0.0004, 1), percent(float("nan"))
    ('26 %', '0.0 %', '-')
    """
    if math.isnan(share):
        return "-"
    return f"{100 * share:.{places}f} %"


def with_interval(mean: float, low: float, high: float) -> str:
    """A mean and half the width of its interval, both to the half width's second digit.

    >>> with_interval(0.123456, 0.110456, 0.136456)
    '0.123 ± 0.013'
    >>> with_interval(0.5, float("nan"), float("nan"))
    '0.5000'
    >>> with_interval(0.013, 0.002, 0.077)  # not as far on both sides
    '0.0130 [0.0020, 0.077]'
    >>> with_interval(12345678, 12345677, 12345679), with_interval(1.234567e9, 1.2343e9, 1.2348e9)
    ('12345678.0 ± 1.0', '1.23457e+09 ± 2.5e+05')
    """
    half = (high - low) / 2
    if not math.isfinite(half) or half <= ROUNDING * abs(mean):
        return number(mean)
    if abs(high + low - 2 * mean) > UNEVEN * half:
        return f"{number(mean, 3)} [{number(low, 2)}, {number(high, 2)}]"
    exponent, largest = _exponent(half), _exponent(max(abs(mean), half))
    if _is_far(largest):
        places = 1 if mean == 0 else max(0, _exponent(mean) - exponent + 1)
        return f"{mean:.{places}e} ± {half:.1e}"
    places = max(0, 1 - exponent)
    return f"{mean:.{places}f} ± {half:.{places}f}"
