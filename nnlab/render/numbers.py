"""Numbers as people read them: as many digits as the interval allows, no more."""

import math


def number(value: float, digits: int = 4) -> str:
    """A number with so many significant digits; a dash where there is none.

    >>> number(0.0123456), number(12345.6), number(float("nan")), number(3.0e-9)
    ('0.01235', '12346', '-', '3.000e-09')
    """
    if value is None or math.isnan(value):
        return "-"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -4 or exponent > 7:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{max(0, digits - 1 - exponent)}f}"


def percent(share: float, places: int = 0) -> str:
    """A share as people write it.

    >>> percent(0.256), percent(0.0004, 1)
    ('26 %', '0.0 %')
    """
    return f"{100 * share:.{places}f} %"


def with_interval(mean: float, low: float, high: float) -> str:
    """A mean and half the width of its interval, both to the half width's second digit.

    >>> with_interval(0.123456, 0.110456, 0.136456)
    '0.123 ± 0.013'
    >>> with_interval(0.5, float("nan"), float("nan"))
    '0.5000'
    """
    half = (high - low) / 2
    if math.isnan(half) or half == 0 or not math.isfinite(half):
        return number(mean)
    exponent = math.floor(math.log10(half))
    if exponent < -5 or abs(mean) >= 1e7:
        return f"{mean:.3e} ± {half:.1e}"
    places = max(0, 1 - exponent)
    return f"{mean:.{places}f} ± {half:.{places}f}"
