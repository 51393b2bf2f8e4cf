"""The bill of a plan in words, as `--dry-run` prints it."""

from nnlab.bill import Bill
from nnlab.memory import size
from nnlab.render.plain import pairs
from nnlab.text import count_of


def describe_bill(asked: int, duplicates: int, done: int, bill: Bill | None, folder: str) -> str:
    """What a command would do.

    Args:
        asked: runs of the plan, duplicates aside.
        duplicates: runs that came up again.
        done: runs that are stored already.
        bill: for the rest; None if nothing is left.
        folder: where results go.
    """
    again = f" ({asked + duplicates:,} with duplicates)" if duplicates else ""
    lines = [("runs", f"{asked:,}{again}"), ("stored before", f"{done:,}")]
    if bill is None:
        return pairs([*lines, ("to train", "nothing is left to do")])
    fewest, most = bill.parameters
    where = "in this process" if bill.workers == 1 else f"with {bill.workers} at a time"
    lines += [
        ("would train", f"{bill.runs:,} in {count_of(bill.populations, 'population')}, {where}"),
        ("parameters", f"{most:,} a run" if fewest == most else f"{fewest:,} to {most:,} a run"),
        ("time", f"about {duration(bill.seconds)}"),
        ("memory", f"about {size(bill.memory)}, beside 0.1 to 0.2 GB for each process"),
        ("disk", f"about {size(bill.disk)} in {folder}"),
    ]
    return pairs(lines)


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(0.23), duration(75), duration(7300)
    ('0.2 s', '75 s', '2 h 2 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
