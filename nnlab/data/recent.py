"""Recently prepared rows: settings that share data and seed prepare them once in a process."""

from collections import OrderedDict
from typing import Any

from nnlab.data.material import Material
from nnlab.data.prepare import Preparation, Prepared, prepare

MOST_BYTES = 48 << 20  # some data sets of usual size, or two or three of a million rows that stay in a file

_recent: OrderedDict[Any, Prepared] = OrderedDict()
_bytes = 0


def recall(material: Material, preparation: Preparation, seed: int) -> Prepared:
    """What `prepare` gives, from memory where it was asked for lately.

    The rows are shared: nobody may write into them.
    """
    global _bytes
    key = (material.source, material.digest, preparation, seed)
    if key in _recent:
        _recent.move_to_end(key)
        return _recent[key]
    prepared = prepare(material, preparation, seed)
    _recent[key] = prepared
    _bytes += _size(prepared)
    while _bytes > MOST_BYTES and len(_recent) > 1:
        _bytes -= _size(_recent.popitem(last=False)[1])
    return prepared


def _size(prepared: Prepared) -> int:
    return sum(array.nbytes for array in vars(prepared).values() if hasattr(array, "nbytes"))
