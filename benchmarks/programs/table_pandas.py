"""pandas reads a table: seconds by the clock, and the peak of memory."""

import json
import sys
import time

import pandas as pd
from memory import peak_megabytes

clock = time.perf_counter()
frame = pd.read_csv(sys.argv[1])
print(json.dumps({"reading": time.perf_counter() - clock, "peak MB": peak_megabytes()}))
