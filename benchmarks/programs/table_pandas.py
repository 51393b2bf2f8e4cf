"""pandas reads a table: seconds by the clock, and the peak of memory."""

import json
import sys
import time

import pandas as pd
from memory import peak_megabytes

clock, used = time.perf_counter(), time.process_time()
frame = pd.read_csv(sys.argv[1])
reading = {"wall": time.perf_counter() - clock, "processor": time.process_time() - used}
print(json.dumps({"reading": reading, "peak MB": peak_megabytes()}))
