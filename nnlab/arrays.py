"""The names of array types, and the few things that hold for every array of runs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Indices = NDArray[np.intp]
Scratch = tuple[Array, Array]  # two buffers of the caller, free to be written over
