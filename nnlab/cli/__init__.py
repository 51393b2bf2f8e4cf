"""The command line: one file for each command.

Importing it sets up the process, before NumPy is imported: more BLAS threads change bits, and
populations are what runs in parallel.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
